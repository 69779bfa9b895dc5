package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"mekong/cmd/internal/app"
)

// What is known against a configuration before anything is stopped for it depends on
// what this process does.
func TestAgainst(t *testing.T) {
	dir := t.TempDir()
	of := func(text string) setup {
		t.Helper()
		return put(t, filepath.Join(dir, "mekong.yaml"), text)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	at := taken.Addr().String()
	const (
		ports    = "http: { intake: \"127.0.0.1:0\", console: \"127.0.0.1:0\" }\n"
		real     = ports + "sources:\n  landing: { ladipage: { path: /in/landing, token: 0123456789abcdef } }\nsinks:\n  archive: { mongodb: { uri: \"mongodb://db/\" } }\n"
		embedded = ports + "sinks:\n  archive: { mongodb: { database: mekong } }\n"
		sheet    = ports + "sinks:\n  sales: { sheets: { spreadsheet: \"https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz012345/edit#gid=0\", credentials: /nowhere.json } }\n"
		cluster  = "nats: { url: \"nats://a:4222,nats://b:4222\" }\n"
	)
	console := strings.Replace(real, `console: "127.0.0.1:0"`, `console: "`+at+`"`, 1)
	intake := strings.Replace(real, `intake: "127.0.0.1:0"`, `intake: "`+at+`"`, 1)
	for _, c := range []struct {
		name, was, is string
		opts          app.Options
		want          string // "": nothing
	}{
		{"a real one", real, real + "timezone: Europe/Paris\n", app.Options{Production: true, Sinks: []string{"archive"}}, ""},
		{"only to try out", real, embedded, app.Options{Production: true}, "mekong.yaml:3: sinks.archive.mongodb.uri: the embedded MongoDB is for trying out"},
		{"to try out", real, embedded, app.Options{}, ""},
		{"its sink is gone", real, embedded, app.Options{Sinks: []string{"copies"}}, "sinks.copies: it is not there"},
		{"a file that cannot be read", real, sheet, app.Options{}, "mekong.yaml:3: sinks.sales.sheets.credentials: the file cannot be read"},
		{"a file that others read", real, sheet, app.Options{Only: []string{app.RoleIntake, app.RoleConsole}}, ""},
		{"the console's port is taken", real, console, app.Options{}, "mekong.yaml:1: http.console: nobody can listen there"},
		{"a port is taken that others listen at", real, console, app.Options{Only: []string{app.RoleDeliver}}, ""},
		{"the door's port is taken", real, intake, app.Options{}, "mekong.yaml:1: http.intake: nobody can listen there"},
		{"the port for the nats command is taken", real, real + "nats: { listen: \"" + at + "\" }\n", app.Options{}, "mekong.yaml:6: nats.listen: nobody can listen there"},
		{"a server more", real + cluster, real + strings.Replace(cluster, "b:4222", "b:4222,nats://c:4222", 1), app.Options{}, ""},
		{"another cluster", real + cluster, real + `nats: { url: "nats://d:4222" }` + "\n", app.Options{}, "mekong.yaml:6: nats.url: it does not move"},
		{"another folder", "data_dir: ./a\n" + real, "data_dir: ./b\n" + real, app.Options{}, "mekong.yaml:1: data_dir: it does not change"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := &fronts{life: t.Context()}
			defer fs.close()
			r := &runner{opts: c.opts, fronts: fs}
			was := of(c.was)
			got := r.against(was, of(c.is), nil)
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got.Error(), c.want)) {
				t.Errorf("against it is said\n%v\nand not %q", got, c.want)
			}
		})
	}
}
