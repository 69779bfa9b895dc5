package bench

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAgainst(t *testing.T) {
	line := func(what string, median, least, most float64, aa *Range) Line {
		return Line{Measure: "door", What: what, Unit: "×", Median: median, Rounds: Range{least, most}, AA: aa}
	}
	was := &Report{Rounds: 5, Leg: 2, Machine: Machine{Platform: "linux/amd64", Cores: 2}, Lines: []Line{
		line("overlapping", 1.0, 0.9, 1.1, nil), line("apart", 1.0, 0.9, 1.1, nil), line("apart, unsteady", 1.0, 0.9, 1.1, &Range{0.7, 1.1}), line("slower", 2, 1.9, 2.1, &Range{0.98, 1.02}),
		{Measure: "door", What: "left out", Note: "no"},
	}}
	text, err := json.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadReport(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	now := &Report{Rounds: 3, Leg: 2, Machine: Machine{Platform: "linux/arm64", Cores: 4}, Lines: []Line{
		line("overlapping", 1.1, 1.0, 1.2, nil), line("apart", 1.3, 1.2, 1.4, nil), line("apart, unsteady", 1.3, 1.2, 1.4, &Range{0.9, 1.1}), line("slower", 1.5, 1.4, 1.6, &Range{0.98, 1.02}),
		line("new", 1, 1, 1, nil), line("left out", 1, 1, 1, nil),
	}}
	var out strings.Builder
	if err := now.Against(&out, read); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"door overlapping 1.00 1.10 1.10 within the rounds", "door apart 1.00 1.30 1.30 MORE", "door apart, unsteady 1.00 1.30 1.30 within A/A",
		"door slower 2.00 1.50 0.750 LESS", "Only in this run: door new; door left out.", "another machine (linux/amd64, 2 cores)", "took 5 rounds of 2s, this one 3 rounds of 2s",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	for _, bad := range []string{"", "{}", "[1]", `{"lines":[]}`, "machine linux"} {
		if _, err := ReadReport(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "mekong bench --json") {
			t.Errorf("%q is read: %v", bad, err)
		}
	}
}
