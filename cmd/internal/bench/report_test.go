package bench

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTable(t *testing.T) {
	load, others := 0.25, 12.0
	r := &Report{
		Quick: true, Rounds: 3, Leg: 0.5, Took: 31.4,
		Machine: Machine{Platform: "linux/amd64", Cores: 2, Go: "go1.26.8", Load: &load, Syncs: 5321.5, SyncTime: 0.1712,
			Flushes: true, Others: &others, Sync: "fsync before each answer", Replicas: 1, Payload: 513},
		Lines: []Line{
			ratioLine("door", "accepted/s ÷ naive, 64 connections", atLeast(1.7), []float64{20, 22, 24}, []float64{10, 10, 10}, []float64{10, 9, 11}),
			ratioLine("door", "accepted/s ÷ naive, 256 connections", atLeast(4), []float64{39, 39, 39}, []float64{10, 10, 10}, []float64{10, 9, 11}),
			plainLine("door", "device flushes per lead, 256 connections", "", atMost(0.15), []float64{0.2, 0.21, 0.19}),
			noLine("memory", "resident, idle", unreadable),
			plainLine("door", "accepted, 64 connections", "/s", nil, []float64{12345.6, 999.4, 1234567}),
		},
	}
	var out bytes.Buffer
	if err := r.Table(&out); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/table.txt"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the table is\n%s\nand should be\n%s", out.Bytes(), want)
	}
}

func TestRatio(t *testing.T) {
	median, all, aa := ratio([]float64{30, 10, 20, 40}, []float64{10, 10, 8, 20}, []float64{10, 10, 12, 20})
	if median != 2 || all != (Range{1, 3}) || aa != (Range{8. / 12, 1}) {
		t.Errorf("got %g in %v, A/A %v", median, all, aa)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		aim    *Aim
		median float64
		aa     *Range
		want   Verdict
	}{
		{nil, 3, nil, ""},
		{atLeast(2), 2, nil, Met},
		{atLeast(2), 1.9, nil, Missed},
		{atLeast(2), 1.9, &Range{0.9, 1.02}, Close},
		{atLeast(2), 1.7, &Range{0.9, 1.02}, Missed},
		{atMost(2), 2, nil, Met},
		{atMost(2), 2.1, nil, Missed},
		{atMost(2), 2.1, &Range{0.99, 1.1}, Close},
		{atMost(2), 2.5, &Range{0.99, 1.1}, Missed},
	} {
		if got := c.aim.judge(c.median, c.aa); got != c.want {
			t.Errorf("%v with %g and A/A %v is %q, want %q", c.aim, c.median, c.aa, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 0.01234: "0.012", 1.5: "1.50", 12.34: "12.3", 123.4: "123", 1234.5: "1,235", 1234567: "1,234,567", -1234: "-1,234", 999.7: "1,000",
	} {
		if got := number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
