package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// What was stored is a file a person opens: while mekong runs, from another process,
// and when it does not.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	path := written(t, dir, "")
	p := run(t, path)
	const leads = 7
	for n := range uint64(leads) {
		if _, err := submit(t.Context(), p.door, n); err != nil {
			t.Fatal(err)
		}
	}
	asCSV := func() [][]string {
		t.Helper()
		code, out, errOut := mekong(t, "export", "-c", path, "--format", "csv", "--out", "-")
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, errOut)
		}
		all, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out, "\uFEFF"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	await(t, 30*time.Second, func() string {
		if n := len(asCSV()); n != leads+1 {
			return fmt.Sprintf("the file has %d lines", n)
		}
		return ""
	})
	if head := strings.Join(asCSV()[0][:4], ","); head != "Nhận lúc,Họ tên,Số điện thoại trong nước,Số điện thoại" {
		t.Errorf("the columns are %s", head)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(30 * time.Second); code != exitOK {
		t.Fatalf("it stopped with %d: %s", code, p.err)
	}
	file := filepath.Join(dir, "leads.xlsx")
	code, out, errOut := mekong(t, "export", "-c", path, "--from", "archive", "--kind", "lead", "--since", "1h", "--out", file, "--names", "field")
	if code != exitOK || !strings.Contains(out, "7 rows") {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v)", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("archive")
	if err != nil || len(rows) != leads+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		if !strings.HasPrefix(row[2], "0") || !strings.HasPrefix(row[3], "+84") {
			t.Errorf("a phone is %q and %q", row[2], row[3])
		}
	}
	for says, args := range map[string][]string{
		"is there already": {"--out", file},
		"no time":          {"--since", "yesterday"},
		"--format":         {"--format", "pdf"},
		"no sink":          {"--from", "elsewhere"},
		"--names":          {"--names", "fr"},
	} {
		code, _, errOut := mekong(t, append([]string{"export", "-c", path}, args...)...)
		if code != exitUsage || !strings.Contains(errOut, says) {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
		}
	}
	if code, out, errOut := mekong(t, "export", "-c", path, "--kind", "turn", "--out", file, "--force"); code != exitOK || !strings.Contains(out, "0 rows") {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestSince(t *testing.T) {
	zone := time.FixedZone("+07", 7*3600)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"":                     {},
		"7d":                   now.Add(-7 * 24 * time.Hour),
		"12h":                  now.Add(-12 * time.Hour),
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, zone),
		"01/11/2026":           time.Date(2026, 11, 1, 0, 0, 0, 0, zone),
		"2026-11-01T00:00:00Z": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"7", "d", "-1d", "999999d", "2026-13-01"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
