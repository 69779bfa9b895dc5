package bench

import "math"

// Report is what a run found.
type Report struct {
	Quick   bool    `json:"quick"` // too short to quote
	Rounds  int     `json:"rounds"`
	Leg     float64 `json:"leg_seconds"`
	Took    float64 `json:"took_seconds"`
	Machine Machine `json:"machine"`
	Lines   []Line  `json:"lines"`
}

// Line is one figure.
type Line struct {
	Measure string  `json:"measure"` // of Names
	What    string  `json:"what"`
	Unit    string  `json:"unit"` // "×" for a ratio
	Median  float64 `json:"median"`
	Rounds  Range   `json:"rounds"`
	AA      *Range  `json:"aa,omitempty"` // the denominator over itself; a smaller difference is nothing
	Aim     *Aim    `json:"aim,omitempty"`
	Verdict Verdict `json:"verdict,omitempty"`
	Note    string  `json:"note,omitempty"` // why there is no figure
}

// Aim is what a figure should reach.
type Aim struct {
	Least float64 `json:"at_least,omitempty"`
	Most  float64 `json:"at_most,omitempty"`
}

// Verdict is how a figure stands to its aim.
type Verdict string

// The verdicts. Close is a miss no larger than the denominator's own
// unsteadiness, which says nothing either way.
const (
	Met    Verdict = "met"
	Missed Verdict = "below aim"
	Close  Verdict = "below aim, within A/A"
)

func atLeast(v float64) *Aim { return &Aim{Least: v} }
func atMost(v float64) *Aim  { return &Aim{Most: v} }

func (a *Aim) judge(median float64, aa *Range) Verdict {
	if a == nil {
		return ""
	}
	miss := median/a.Least - 1
	if a.Most > 0 {
		miss = a.Most/median - 1
	}
	switch {
	case miss >= 0:
		return Met
	case aa != nil && -miss <= math.Max(aa.Most-1, 1-aa.Least):
		return Close
	default:
		return Missed
	}
}

// ratioLine compares a to b, which was measured again as c.
func ratioLine(measure, what string, aim *Aim, a, b, c []float64) Line {
	median, all, aa := ratio(a, b, c)
	return Line{Measure: measure, What: what, Unit: "×", Median: median, Rounds: all, AA: &aa, Aim: aim, Verdict: aim.judge(median, &aa)}
}

// plainLine is a figure that is compared to nothing.
func plainLine(measure, what, unit string, aim *Aim, v []float64) Line {
	median, all := series(v)
	return Line{Measure: measure, What: what, Unit: unit, Median: median, Rounds: all, Aim: aim, Verdict: aim.judge(median, nil)}
}

// noLine says why there is no figure.
func noLine(measure, what, why string) Line {
	return Line{Measure: measure, What: what, Note: why}
}

const unreadable = "not readable here"
