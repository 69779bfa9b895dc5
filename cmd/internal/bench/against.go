package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// ReadReport reads what [Report] is as JSON, at most 4 MiB of it.
func ReadReport(in io.Reader) (*Report, error) {
	var r Report
	if err := json.NewDecoder(io.LimitReader(in, 4<<20)).Decode(&r); err != nil {
		return nil, fmt.Errorf("it is not what mekong bench --json prints: %w", err)
	}
	if len(r.Lines) == 0 {
		return nil, errors.New("it is not what mekong bench --json prints: it has no measures")
	}
	return &r, nil
}

// Against writes how this run differs from an earlier one, line by line. What two
// runs differ by is only told of where their rounds lie apart, and, for a ratio, where
// it is more than what its denominator differs from itself by in either: else it is
// nothing.
func (r *Report) Against(out io.Writer, was *Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nAGAINST THE EARLIER RUN\t\tBEFORE\tNOW\tNOW ÷ BEFORE\t")
	before := map[string]Line{}
	for _, l := range was.Lines {
		before[l.Measure+" "+l.What] = l
	}
	var only []string
	for _, l := range r.Lines {
		b, ok := before[l.Measure+" "+l.What]
		if !ok || l.Note != "" || b.Note != "" {
			if l.Note == "" {
				only = append(only, l.Measure+" "+l.What)
			}
			continue
		}
		q := "–"
		if b.Median != 0 {
			q = number(l.Median / b.Median)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Measure, l.What, number(b.Median)+unit(b.Unit), number(l.Median)+unit(l.Unit), q, differs(b, l))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(only) > 0 {
		fmt.Fprintf(out, "\nOnly in this run: %s.\n", strings.Join(only, "; "))
	}
	if m, n := was.Machine, r.Machine; m.Platform != n.Platform || m.Cores != n.Cores {
		fmt.Fprintf(out, "\nThe earlier run was on another machine (%s, %d cores): only its ratios compare.\n", m.Platform, m.Cores)
	}
	if r.Leg != was.Leg || r.Rounds != was.Rounds {
		fmt.Fprintf(out, "\nThe earlier run took %s of %gs, this one %s of %gs.\n", plural(was.Rounds, "round"), was.Leg, plural(r.Rounds, "round"), r.Leg)
	}
	return nil
}

// differs says whether b and l do, beyond their own unsteadiness.
func differs(b, l Line) string {
	if b.Rounds.Least <= l.Rounds.Most && l.Rounds.Least <= b.Rounds.Most {
		return "within the rounds"
	}
	if b.AA != nil && l.AA != nil && b.Median > 0 && l.Median > 0 {
		ratio := max(l.Median/b.Median, b.Median/l.Median)
		if ratio <= max(b.AA.Most, 1/b.AA.Least, l.AA.Most, 1/l.AA.Least) {
			return "within A/A"
		}
	}
	if l.Median > b.Median {
		return "MORE"
	}
	return "LESS"
}
