package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mekong/config"
)

// put writes a configuration and reads it as `mekong run` does.
func put(t *testing.T, path, text string) setup {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := (&cli{config: path}).read()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What has changed is told by section, and what was written there is not.
func TestChangesInWords(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "mekong.yaml"), filepath.Join(dir, "google.json")
	if err := os.WriteFile(key, []byte(`{"private_key":"one"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET_OF_A_TEST", "hunter2-before-it-changed")
	text := fmt.Sprintf(`
shutdown_grace: 10s
sources:
  landing: { ladipage: { path: /in/landing, token: "${SECRET_OF_A_TEST}" } }
  old: { ladipage: { path: /in/old, token: hunter2-of-the-old-source } }
transform:
  landing: { fields: { score: { expr: "1", as: number } } }
sinks:
  archive: { mongodb: { database: mekong, collection: records } }
  sales: { sheets: { spreadsheet: "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz012345/edit#gid=0", credentials: %q } }
  crm: { accept: [lead], webhook: { url: "https://crm.example.com/?key=hunter2-in-a-link" } }
`, key)
	was := put(t, path, text)
	tell := func(is setup) string {
		var lines []string
		for _, c := range changes(was, is) {
			lines = append(lines, c.section+": "+c.what)
		}
		return strings.Join(lines, "\n")
	}
	if got := tell(put(t, path, "# a note\n"+text)); got != "" {
		t.Errorf("only a note was added, and it says\n%s", got)
	}
	is := put(t, path, strings.NewReplacer(
		"shutdown_grace: 10s", "shutdown_grace: 11s\nnats: { keep: 48h, max_bytes: 2GiB }\nconsole: { users: { an: { password: hunter2-and-more-than-that, role: operator } } }",
		"  old: { ladipage: { path: /in/old", "  new: { ladipage: { path: /in/new",
		`expr: "1"`, `expr: "2"`,
		"mongodb: { database: mekong, collection: records }", "batch: { size: 7 }, mongodb: { database: other, collection: records }",
		`webhook: { url: "https://crm.example.com/?key=hunter2-in-a-link" }`, "mongodb: { database: mekong, collection: crm }",
	).Replace(text))
	want := `nats: keep, max_bytes
shutdown_grace: changed
sources: added new; removed old
transform: changed landing (fields)
sinks: changed archive (batch.size, mongodb.database), crm (mongodb, webhook)
console: users`
	if got := tell(is); got != want {
		t.Errorf("it says\n%s\nand not\n%s", got, want)
	}
	t.Setenv("SECRET_OF_A_TEST", "hunter2-after-it-changed")
	if got := tell(put(t, path, text)); got != "sources: changed landing (ladipage.token)" {
		t.Errorf("of another secret it says\n%s", got)
	}
	t.Setenv("SECRET_OF_A_TEST", "hunter2-before-it-changed")
	if err := os.WriteFile(key, []byte(`{"private_key":"two"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tell(put(t, path, text)); got != "sinks: the file of sinks.sales.sheets.credentials holds something else" {
		t.Errorf("of another key file it says\n%s", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := tell(put(t, path, text)); got != "" {
		t.Errorf("of a key file that is gone it says\n%s", got)
	}
}

// A configuration is the same as itself, whatever is in it.
func TestNothingChangesByItself(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	parse := func(name string, text []byte) *config.Config {
		t.Helper()
		c, err := config.Parse(name, text, func(string) (string, bool) { return "a-secret-of-24-characters", true })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	demo, err := demoFiles.ReadFile("demo/demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"example.yaml": config.Example, "demo.yaml": demo} {
		was, is := setup{conf: parse(name, text)}, setup{conf: parse(name, text)}
		if got := changes(was, is); got != nil {
			t.Errorf("%s: %v", name, got)
		}
		if got := changes(setup{conf: config.Default()}, is); len(got) < 2 || !slices.ContainsFunc(got, func(c change) bool { return c.section == "sinks" && strings.HasPrefix(c.what, "added ") }) {
			t.Errorf("%s against nothing: %v", name, got)
		}
	}
}
