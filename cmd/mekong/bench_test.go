package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBenchRefusesWhatItCannotDo(t *testing.T) {
	for args, says := range map[string]string{
		"--rounds 0":                   "--rounds 0 is not between 1 and 100",
		"--seconds 0":                  "--seconds 0 is not between 0.1 and 60",
		"--seconds NaN":                "--seconds NaN is not between 0.1 and 60",
		"--only door,gate":             `there is no measure "gate"`,
		"--waiting 5,10":               "--waiting takes numbers from 1,000",
		"--waiting 20000,10000":        "each more than the one before",
		"--against bench_test.go":      "it is not what mekong bench --json prints",
		"--against there_is_none.json": "no such file",
	} {
		var out, errOut bytes.Buffer
		code := Main(t.Context(), append([]string{"bench"}, strings.Fields(args)...), nil, &out, &errOut)
		if code != exitUsage || !strings.Contains(errOut.String(), says) || out.Len() > 0 {
			t.Errorf("bench %s: exit %d, %q on standard output, %q beside it; want exit %d and %q", args, code, out.String(), errOut.String(), exitUsage, says)
		}
	}
}

// Both ways of writing the report say the same.
func TestBenchReports(t *testing.T) {
	dir := t.TempDir()
	before := filepath.Join(dir, "before.json")
	args := []string{"bench", "--only", "isolation", "--rounds", "1", "--seconds", "0.1", "--data", dir}
	var out, errOut bytes.Buffer
	if code := Main(t.Context(), append(args, "--json"), nil, &out, &errOut); code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}
	var report struct {
		Rounds  int
		Machine struct {
			Cores   int
			Payload int `json:"payload_bytes"`
		}
		Lines []struct {
			What   string
			Median float64
			Aim    *struct {
				Least float64 `json:"at_least"`
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Rounds != 1 || report.Machine.Cores < 1 || report.Machine.Payload < 300 || len(report.Lines) < 3 {
		t.Errorf("the report is %+v", report)
	}
	for _, l := range report.Lines {
		if l.Median <= 0 {
			t.Errorf("%s is %g", l.What, l.Median)
		}
	}
	if a := report.Lines[0].Aim; a == nil || a.Least != 0.95 {
		t.Errorf("the aim of %q is %+v", report.Lines[0].What, a)
	}
	if err := os.WriteFile(before, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := Main(t.Context(), append(args, "--against", before), nil, &out, &errOut); code != exitOK {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}
	if !strings.Contains(out.String(), "AGAINST THE EARLIER RUN") {
		t.Errorf("it is not compared with the run before:\n%s", out.String())
	}
	for _, l := range report.Lines {
		if !strings.Contains(out.String(), l.What) {
			t.Errorf("the table does not name %q:\n%s", l.What, out.String())
		}
	}
}
