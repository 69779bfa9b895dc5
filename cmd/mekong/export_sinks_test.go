package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

// exported is a sink's rows by their key, with the names of the configuration.
func exported(t *testing.T, path string, args ...string) map[string]map[string]string {
	t.Helper()
	code, out, errOut := mekong(t, append([]string{"export", "-c", path, "--format", "csv", "--out", "-", "--names", "field"}, args...)...)
	if code != exitOK {
		t.Fatalf("%v: exit %d: %s", args, code, errOut)
	}
	all, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out, "\uFEFF"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]map[string]string{}
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, v := range line {
			row[all[0][i]] = v
		}
		rows[row["key"]] = row
	}
	return rows
}

// What stands in Lark Base and in Google Sheets is exported like what stands in MongoDB:
// while mekong runs, and when it does not; with what people have added, and after they
// have renamed columns.
func TestExportFromVendors(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	g := newSheetsWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Values: [][]any{{"Ghi chú của tôi", "Số điện thoại"}}})
	l := newWorld(t, larksim.Options{})
	dir := t.TempDir()
	path := written(t, dir, "  crm:\n    accept: [lead]\n    larkbase: { url: '"+l.link()+"', app_id: "+simAppID+", app_secret: '${LARK_APP_SECRET}', endpoint: "+l.server.URL+" }\n"+
		"  sales:\n    accept: [lead]\n    sheets: { spreadsheet: '"+sheetLink+"', credentials: "+g.key+", endpoint: "+g.server.URL+" }\n")
	p := run(t, path)
	const leads = 5
	for n := range uint64(leads) {
		if _, err := submit(t.Context(), p.door, n); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 60*time.Second, func() string {
		if rows, base := len(g.sim.Values(sheetBook, 0)), l.sim.RowCount(simBase, l.table); rows != leads+1 || base != leads {
			return fmt.Sprintf("%d lines in the sheet, %d rows in the Base", rows, base)
		}
		return ""
	})
	await(t, 30*time.Second, func() string {
		if n := len(exported(t, path, "--from", "archive")); n != leads {
			return fmt.Sprintf("%d documents", n)
		}
		return ""
	})
	archive := exported(t, path, "--from", "archive")
	g.sim.SetCell(sheetBook, 0, 1, 0, "gọi lại")
	g.sim.RenameHeader(sheetBook, 0, 1, "SĐT khách")
	l.sim.RenameField(simBase, l.table, "Số điện thoại", "SĐT khách")
	check := func(when string) {
		t.Helper()
		for _, sink := range []string{"crm", "sales"} {
			rows := exported(t, path, "--from", sink, "--kind", "lead", "--since", "1h")
			if !slices.Equal(slices.Sorted(maps.Keys(rows)), slices.Sorted(maps.Keys(archive))) {
				t.Errorf("%s, %s: the keys are not those of the archive", when, sink)
			}
			for key, row := range rows {
				want := archive[key]
				if row["phone"] == "" || row["phone"] != want["phone"] || row["received"] != want["received"] || row["id"] != want["id"] || row["name"] != want["name"] {
					t.Errorf("%s, %s: %v, want %v", when, sink, row, want)
				}
			}
			if sink == "sales" && !slices.ContainsFunc(slices.Collect(maps.Values(rows)), func(r map[string]string) bool { return r["Ghi chú của tôi"] == "gọi lại" }) {
				t.Errorf("%s: a person's own column is missing", when)
			}
			if n := len(exported(t, path, "--from", sink, "--kind", "turn")) + len(exported(t, path, "--from", sink, "--since", "2100-01-01")); n != 0 {
				t.Errorf("%s, %s: %d rows of another kind, or of a time to come", when, sink, n)
			}
		}
	}
	check("while it runs")
	// The doctor, too, finds beside it what is remembered.
	code, out, errOut := mekong(t, "doctor", "crm", "sales", "-c", path)
	if code != exitOK || strings.Contains(out, "looked at without") || !strings.Contains(out, `is called "SĐT khách" by now`) && !strings.Contains(out, `phone → "SĐT khách"`) {
		t.Errorf("the doctor beside it: exit %d\n%s%s", code, out, errOut)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(30 * time.Second); code != exitOK {
		t.Fatalf("it stopped with %d: %s", code, p.err)
	}
	check("when it does not")
	if code, _, errOut := mekong(t, "export", "-c", path); code != exitUsage || !strings.Contains(errOut, "archive, crm, sales") {
		t.Errorf("no sink named: exit %d %s", code, errOut)
	}
	g.sim.Unshare(sheetBook, sheetEmail)
	if code, _, errOut := mekong(t, "export", "-c", path, "--from", "sales", "--out", filepath.Join(dir, "x.csv")); code != exitFailed || !strings.Contains(errOut, "not shared") {
		t.Errorf("not shared: exit %d %s", code, errOut)
	}
}

func TestOnlySink(t *testing.T) {
	sheet, hook := config.Sink{Sheets: &config.Sheets{}}, config.Sink{Webhook: &config.Webhook{}}
	c := &config.Config{Sinks: map[string]config.Sink{"hook": hook}}
	if _, err := onlySink(c); err == nil || !strings.Contains(err.Error(), "hook") {
		t.Errorf("nothing to read: %v", err)
	}
	c.Sinks["sales"] = sheet
	if name, err := onlySink(c); err != nil || name != "sales" {
		t.Errorf("%q, %v", name, err)
	}
	c.Sinks["more"] = sheet
	if _, err := onlySink(c); err == nil || !strings.Contains(err.Error(), "more, sales") {
		t.Errorf("two: %v", err)
	}
	for want, accept := range map[string][]string{"lead": {"lead"}, "": {"*"}, " ": {"lead", "turn"}} {
		if got := onlyKind(config.Sink{Accept: accept}); got != strings.TrimSpace(want) {
			t.Errorf("%v: %q", accept, got)
		}
	}
	if v := cell(&pipeline.Record{Received: time.Time{}}, "received"); v != nil {
		t.Errorf("no time is shown as %v", v)
	}
}
