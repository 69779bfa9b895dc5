package bench

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
)

// Table writes the report for a reader: the ratios first, with their aims, then
// the absolute figures, which hold for this machine at this moment only.
func (r *Report) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	m := r.Machine
	for _, fact := range [][2]string{
		{"machine", fmt.Sprintf("%s, %d cores, %s; %s", m.Platform, m.Cores, m.Go, m.loadText())},
		{"disk", m.diskText()},
		{"durability", m.Sync + ", " + plural(m.Replicas, "replica") + ", client and servers in this process"},
		{"payload", fmt.Sprintf("%d bytes a form, urlencoded as LadiPage sends it", m.Payload)},
		{"run", fmt.Sprintf("%s of %gs turns, order changed each round; took %.0fs%s", plural(r.Rounds, "round"), r.Leg, r.Took, quickNote(r.Quick))},
	} {
		fmt.Fprintf(w, "%s\t%s\n", fact[0], fact[1])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	r.section(w, "\nMEASURE\t\tMEDIAN\tROUNDS\tA/A\tAIM\t", func(l Line) bool { return l.AA != nil || l.Aim != nil })
	r.section(w, "\nFOR INFORMATION\t\tMEDIAN\tROUNDS\t\t\t", func(l Line) bool { return l.AA == nil && l.Aim == nil })
	fmt.Fprintln(w, "\nA/A: the denominator against itself, in the same rounds; a difference no larger than that is nothing.")
	return w.Flush()
}

func (r *Report) section(w io.Writer, title string, of func(Line) bool) {
	titled := false
	for _, l := range r.Lines {
		if !of(l) {
			continue
		}
		if !titled {
			fmt.Fprintln(w, title)
			titled = true
		}
		if l.Note != "" {
			fmt.Fprintf(w, "%s\t%s\t%s\t\t\t\t\n", l.Measure, l.What, l.Note)
			continue
		}
		aa := ""
		if l.AA != nil {
			aa = number(l.AA.Least) + "–" + number(l.AA.Most)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s–%s\t%s\t%s\t%s\n", l.Measure, l.What, number(l.Median)+unit(l.Unit),
			number(l.Rounds.Least), number(l.Rounds.Most), aa, l.Aim, l.Verdict)
	}
}

// String is empty for no aim.
func (a *Aim) String() string {
	switch {
	case a == nil:
		return ""
	case a.Most > 0:
		return "≤ " + number(a.Most)
	default:
		return "≥ " + number(a.Least)
	}
}

func unit(u string) string {
	if u == "" || u == "×" {
		return ""
	}
	return " " + u
}

// number writes three significant digits, and whole numbers with their
// thousands apart.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 999.5:
		return group(strconv.FormatFloat(math.Round(v), 'f', 0, 64))
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1 || a == 0:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

func group(s string) string {
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func quickNote(quick bool) string {
	if quick {
		return "; QUICK: too short to quote"
	}
	return ""
}
