package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

// A row that somebody deletes in the sheet or in the Base is found beside a mekong at
// work, shown without its person, and written again after a question.
func TestReconcileCommand(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	g := newSheetsWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Values: [][]any{{"Số điện thoại"}}})
	l := newWorld(t, larksim.Options{})
	dir := t.TempDir()
	path := written(t, dir, "  crm:\n    accept: [lead]\n    larkbase: { url: '"+l.link()+"', app_id: "+simAppID+", app_secret: '${LARK_APP_SECRET}', endpoint: "+l.server.URL+" }\n"+
		"  sales:\n    accept: [lead]\n    sheets: { spreadsheet: '"+sheetLink+"', credentials: "+g.key+", endpoint: "+g.server.URL+" }\n"+
		"  hook:\n    accept: [turn]\n    webhook: { url: 'https://example.com/' }\n")
	p := run(t, path)
	const leads = 6
	for n := range uint64(leads) {
		if _, err := submit(t.Context(), p.door, n); err != nil {
			t.Fatal(err)
		}
	}
	rows := func() (sheet, base int) { return len(g.sim.Values(sheetBook, 0)) - 1, l.sim.RowCount(simBase, l.table) }
	await(t, 60*time.Second, func() string {
		if sheet, base := rows(); sheet != leads || base != leads {
			return fmt.Sprintf("%d rows in the sheet, %d in the Base", sheet, base)
		}
		return ""
	})
	reconcile := func(in string, code int, says []string, args ...string) string {
		t.Helper()
		got, out, errOut := mekongReading(t, in, append([]string{"reconcile", "-c", path}, args...)...)
		if got != code {
			t.Fatalf("reconcile %v: exit %d, want %d\n%s%s", args, got, code, out, errOut)
		}
		for _, s := range says {
			if !strings.Contains(out+errOut, s) {
				t.Errorf("reconcile %v does not say %q:\n%s%s", args, s, out, errOut)
			}
		}
		return out
	}
	all := []string{"archive (mongodb)", "crm (larkbase)", "sales (sheets)", "hook (webhook)", "Of 1 destination nothing is claimed"}
	await(t, 60*time.Second, func() string {
		if code, out, _ := mekong(t, "reconcile", "-c", path); code != exitOK || strings.Count(out, fmt.Sprintf("%d expected: %d there", leads, leads)) != 3 {
			return out
		}
		return ""
	})
	reconcile("", exitOK, append(all, "Everything adds up in 3 destinations", "NOT COMPARED: what it has written cannot be read back"))

	g.sim.DeleteRows(sheetBook, 0, 2, 2)
	l.sim.RemoveRow(simBase, l.table, l.sim.Rows(simBase, l.table)[3].ID)
	out := reconcile("", exitFailed, append(all, "2 MISSING", "1 MISSING", "3 rows are missing", "mekong reconcile --repair", "+8•••"))
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "missing ") && (strings.Contains(line, "09") && strings.Contains(line, "+849") || strings.Contains(line, "@")) {
			t.Errorf("it shows whom: %s", line)
		}
	}
	reconcile("", exitOK, []string{"Everything adds up in 1 destination."}, "--sink", "archive")
	reconcile("", exitFailed, []string{"2 rows would be written again: 2 in sales. Nothing was done"}, "--sink", "sales", "--repair", "--dry-run")
	reconcile("n\n", exitFailed, []string{"Write 3 rows again: 1 in crm, 2 in sales? [y/N]", "Nothing was written"}, "--repair")
	reconcile("", exitFailed, []string{"Nothing was written"}, "--repair")
	if sheet, base := rows(); sheet != leads-2 || base != leads-1 {
		t.Errorf("without a yes: %d rows in the sheet, %d in the Base", sheet, base)
	}
	reconcile("có\n", exitOK, []string{"crm: 1 rows sent again, 1 records: 1 stored", "sales: 2 rows sent again, 2 records: 2 stored"}, "--repair")
	if sheet, base := rows(); sheet != leads || base != leads {
		t.Errorf("after the repair: %d rows in the sheet, %d in the Base", sheet, base)
	}
	reconcile("", exitOK, []string{"Nothing is missing, so there is nothing to repair"}, "--repair", "--yes")

	g.sim.DeleteRows(sheetBook, 0, 1, 1)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(30 * time.Second); code != exitOK {
		t.Fatalf("it stopped with %d: %s", code, p.err)
	}
	var said struct {
		AddsUp bool `json:"adds_up"`
		Sinks  []struct {
			Sink    string
			Rows    struct{ Expected, Missing int }
			Missing []struct{ Record, Phone string }
		}
		Repairs []struct {
			Sink       string
			Rows, Sent int
		}
	}
	out = reconcile("", exitOK, nil, "--json", "--repair", "--yes", "--sink", "sales")
	if err := json.Unmarshal([]byte(out), &said); err != nil || said.AddsUp || len(said.Sinks) != 1 || said.Sinks[0].Rows.Missing != 1 || len(said.Sinks[0].Missing) != 1 ||
		len(said.Repairs) != 1 || said.Repairs[0].Sent != 1 {
		t.Errorf("%v\n%s", err, out)
	}
	reconcile("", exitOK, []string{"1 being written"}, "--sink", "sales")
	text, err := os.ReadFile(filepath.Join(dir, "data", "audit.jsonl"))
	if err != nil || strings.Count(string(text), `"repaired"`) != 3 {
		t.Errorf("%s, %v", text, err)
	}
	g.sim.Unshare(sheetBook, sheetEmail)
	reconcile("", exitFailed, []string{"sales (sheets)", "NOT COMPARED", "not shared", "1 of 4 destinations could not be read", "archive (mongodb)"})
}

func TestReconcileUsage(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "  hook:\n    webhook: { url: 'https://example.com/' }\n")
	file := inFile(t, "export.csv", "Họ tên,Số điện thoại\nAn,912345678\nAn,912345678\n")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"landing"}, exitUsage, "go together"},
		{[]string{"--export", file}, exitUsage, "go together"},
		{[]string{"--dry-run"}, exitUsage, "belong to --repair"},
		{[]string{"--missing-to", "x.xlsx"}, exitUsage, "belongs to --export"},
		{[]string{"--rate", "-1"}, exitUsage, "not less than 0"},
		{[]string{"--json", "--repair"}, exitUsage, "--yes or --dry-run"},
		{[]string{"--sink", "nowhere"}, exitUsage, "archive, hook"},
		{[]string{"--since", "soon"}, exitUsage, "no time"},
		{[]string{"nowhere", "--export", file}, exitUsage, "landing"},
		{[]string{"landing", "--export", file + "x"}, exitUsage, "no such file"},
		{[]string{"landing", "--export", file, "--sink", "archive"}, exitUsage, "other end"},
		{[]string{"landing", "--export", file, "--missing-to", "x.csv"}, exitUsage, ".xlsx or .jsonl"},
		{[]string{"landing", "--export", file, "--time-column", "Giờ"}, exitFailed, "there is no column"},
		{[]string{"--sink", "hook"}, exitFailed, "No destination was compared"},
		{nil, exitOK, "Nothing has been accepted yet"},
		{[]string{"landing", "--export", file, "--repair", "--dry-run"}, exitFailed, "1 rows would be taken in"},
		{[]string{"landing", "--export", file, "--missing-to", filepath.Join(dir, "m.jsonl")}, exitFailed, "m.jsonl: 1 rows"},
		{[]string{"landing", "--export", file, "--missing-to", filepath.Join(dir, "m.jsonl")}, exitUsage, "there already"},
		{[]string{"landing", "--export", file, "--repair", "--yes"}, exitOK, "1 deliveries taken in"},
		{[]string{"landing", "--export", file}, exitOK, "1 were taken in from a file, 1 stand in the file twice"},
		{[]string{"landing", "--export", filepath.Join(dir, "m.jsonl"), "--json"}, exitOK, `"adds_up":true`},
	} {
		code, out, errOut := mekong(t, append([]string{"reconcile", "-c", path}, c.args...)...)
		if code != c.code || !strings.Contains(out+errOut, c.says) {
			t.Errorf("reconcile %v: exit %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, errOut)
		}
		if strings.Contains(out+errOut, "912345678") {
			t.Errorf("reconcile %v shows whom:\n%s", c.args, out)
		}
	}
	if code, out, errOut := mekong(t, "import", "landing", file, "-c", path); code != exitOK || !strings.Contains(out, "0 deliveries taken in, 2 were there") {
		t.Errorf("an import of the whole file: exit %d\n%s%s", code, out, errOut)
	}
}
