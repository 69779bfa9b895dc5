package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/cmd/internal/leads"
)

// Where a lead is: while mekong runs, from another process; when it does not; and when
// there is no index.
func TestTrace(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "")
	p := run(t, path)
	var ids []string
	for n := range uint64(3) {
		id, err := submit(t.Context(), p.door, n)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	field := func(n uint64, name string) string {
		for _, f := range leads.Make(n) {
			if f.Name == name {
				return f.Value
			}
		}
		return ""
	}
	var last string
	await(t, 30*time.Second, func() string {
		code, out, errOut := mekong(t, "trace", "-c", path, "+84", "900", "000", "001")
		if last = out; code != exitOK || !strings.Contains(out, "stored") {
			return fmt.Sprintf("exit %d: %s%s", code, out, errOut)
		}
		return ""
	})
	for _, want := range []string{"Delivery " + ids[1], "1. Received", "by source landing", "body, ", "2. Transformed into a lead", "phone  +84900000001",
		field(1, "name"), "3. Destinations", "✓ archive", "mongodb:", "content_type"} {
		if !strings.Contains(last, want) {
			t.Errorf("the path lacks %q:\n%s", want, last)
		}
	}
	code, out, _ := mekong(t, "trace", "-c", path, "--limit", "2")
	if code != exitOK || !strings.Contains(out, ids[2]) || !strings.Contains(out, ids[1]) || strings.Contains(out, ids[0]) || !strings.Contains(out, "There are more") {
		t.Errorf("the newest: exit %d\n%s", code, out)
	}
	var got struct {
		Matches []struct {
			ID    string
			Steps []struct{ Sink, State, Ref string }
		}
		More bool
		Path struct {
			Received struct{ Raw struct{ Body []byte } }
			Records  []struct {
				Record struct{ Fields map[string]any }
			}
		}
	}
	asJSON := func(args ...string) {
		t.Helper()
		code, out, errOut := mekong(t, append([]string{"trace", "-c", path, "--json"}, args...)...)
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, errOut)
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
	}
	asJSON("--all")
	if len(got.Matches) != 3 || got.Matches[0].ID != ids[2] || got.More || len(got.Path.Received.Raw.Body) == 0 || got.Path.Records[0].Record.Fields["phone"] != "+84900000002" {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"nobody"}, exitFailed}, {[]string{"--state", "lost"}, exitUsage}, {[]string{"--since", "then"}, exitUsage},
		{[]string{"--until", "then"}, exitUsage}, {[]string{"--limit", "0"}, exitUsage}, {[]string{"--state", "waiting"}, exitFailed},
		{[]string{"--state", "stored", "--sink", "archive", "--since", "1h"}, exitOK},
	} {
		if code, out, errOut := mekong(t, append([]string{"trace", "-c", path}, c.args...)...); code != c.code {
			t.Errorf("%v: exit %d, want %d\n%s%s", c.args, code, c.code, out, errOut)
		}
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(30 * time.Second); code != exitOK {
		t.Fatalf("it stopped with %d: %s", code, p.err)
	}
	if strings.Contains(p.err.String(), field(1, "name")) {
		t.Error("a name is in the log")
	}
	asJSON(field(1, "name"))
	if len(got.Matches) != 1 || got.Matches[0].ID != ids[1] {
		t.Errorf("after it stopped: %+v", got.Matches)
	}
	if err := os.Remove(filepath.Join(dir, "data", app.TraceFile)); err != nil {
		t.Fatal(err)
	}
	asJSON(ids[0])
	if len(got.Matches) != 1 || got.Matches[0].ID != ids[0] || got.Matches[0].Steps[0].State != "stored" {
		t.Errorf("without an index: %+v", got.Matches)
	}
}

// What a customer typed reaches no terminal as it is.
func TestTraceTamesWhatItPrints(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"An", "An"}, {"An\x1b[31m\u202e", "An"}, {"Nguyê\u0303n", "Nguyễn"}, {strings.Repeat("ễ", 50), strings.Repeat("ễ", 27) + "…"},
	} {
		got := short(c.in, 28)
		if strings.ContainsAny(got, "\x1b\u202e\n") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%q is shown as %q", c.in, got)
		}
	}
	for _, c := range []struct {
		d    time.Duration
		want string
	}{{-time.Second, "0 s"}, {59 * time.Second, "59 s"}, {61 * time.Minute, "1 h"}, {time.Hour - 1, "59 min"}, {72 * time.Hour, "3 days"}} {
		if got := spanOf(c.d); got != c.want {
			t.Errorf("%s is %q, want %q", c.d, got, c.want)
		}
	}
}
