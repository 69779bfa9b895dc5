// Package rhythm tells when a form has gone quiet: it learns how many leads one brings at
// which hour of the week, and says when there has been none for so long that it is hardly
// chance.
//
// It learns from counts by the hour and keeps nothing between two looks but what it is
// given ([Judge]): the same histories at the same time give the same answer. Of a form that
// it does not know well enough it says nothing: one that is less than two weeks old, or has
// had fewer than fifty leads, or so few that two weeks without one may be chance.
//
// In simulated weeks of forms with 15 to 3000 leads a week, whose days differ as days do,
// it speaks without reason less than once in some ten years of a form. A form that dies on a
// Tuesday morning is noticed after about an hour if it had 3000 leads a week, after 3 to 6
// hours if it had 600, after one or two days if it had 150, and after a week if it had 15.
//
// It does not know why a form is quiet. A page may be broken, a campaign may have ended, a
// budget may be spent. It does not know holidays either, but it sees that all forms bring
// less.
package rhythm

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Form is one way in.
type Form struct {
	Source string
	Name   string // "": all of the source that names none
}

// History is what a form has brought.
type History struct {
	Form
	Last  time.Time     // when its last lead came
	Hours map[int64]int // leads by hours since 1970, UTC; at most the last eight weeks are looked at
}

// Quiet is a form that brings nothing though it should.
type Quiet struct {
	Form
	Since  time.Time // of its last lead
	Missed float64   // leads that it usually brings in such a time
}

const (
	week      = 7 * 24  // hours
	mostWeeks = 8       // looked at
	minWeeks  = 2       // of history
	minLeads  = 50      // in it
	minMissed = 6       // leads, before anything is said
	maxForms  = 1000    // looked at; the rest, which have the fewest leads, are not
	lifetime  = 40 * 52 // weeks in which chance alone should speak once at most
)

// Shortest and longest silence that is told. A form that is quiet for longer than the
// longest has ended.
const (
	Shortest = 30 * time.Minute
	Longest  = 14 * 24 * time.Hour
)

// Judge tells which forms are quiet at a time, the one that has missed the most first.
// before is what the last look said: a form stays quiet until it brings a lead, or until
// [Longest] has passed. zone is where the forms' visitors live. The times of histories that
// are after now are taken for now.
func Judge(now time.Time, zone *time.Location, histories []History, before []Quiet) []Quiet {
	if len(histories) > maxForms {
		histories = slices.SortedFunc(slices.Values(histories), func(a, b History) int { return cmp.Compare(len(b.Hours), len(a.Hours)) })[:maxForms]
	}
	was := map[Form]Quiet{}
	for _, q := range before {
		was[q.Form] = q
	}
	forms := make([]*form, 0, len(histories))
	for _, h := range histories {
		if f := learn(now, zone, h); f != nil {
			forms = append(forms, f)
		}
	}
	var out []Quiet
	for _, f := range forms {
		silence := now.Sub(f.Last)
		if q, ok := was[f.Form]; ok && !f.Last.After(q.Since) && silence < Longest {
			q.Missed = max(q.Missed, f.expected(f.Last, now))
			out = append(out, q)
			f.quiet = true
		}
	}
	// One that is quiet says nothing about the others, so they are looked at again without
	// it, until there is no more to find.
	for found := true; found; {
		found = false
		for _, f := range forms {
			if f.quiet {
				continue
			}
			if q, ok := f.judge(now, forms); ok {
				out = append(out, q)
				f.quiet, found = true, true
			}
		}
	}
	slices.SortFunc(out, func(a, b Quiet) int {
		return cmp.Or(cmp.Compare(b.Missed, a.Missed), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// judge tells whether a form is quiet.
//
// Were leads to come like rain, at the form's rate, the chance of none where m are usual
// would be e^-m. The rate is itself only known from what came at the same hours in some
// weeks, with which the chance is (1+1/weeks)^-(m·weeks). Leads come in bursts, so that less
// is missed than it seems (form.bursts), and this may be one of the days that bring less
// (form.swing). A form with many leads has many chances a week to be without one for a
// while: so the chance must be so small that it would come about once in forty years.
func (f *form) judge(now time.Time, all []*form) (Quiet, bool) {
	silence := now.Sub(f.Last)
	if silence < Shortest || silence >= Longest {
		return Quiet{}, false
	}
	usual := f.expected(f.Last, now)
	if usual < minMissed {
		return Quiet{}, false
	}
	missed := usual * f.late * f.elsewhere(now, all) * math.Exp(-1.5*f.swing)
	weeks := float64(f.weeks)
	chance := math.Pow(1+1/weeks, -missed/f.bursts*weeks)
	if missed < minMissed || chance > 1/(max(f.usual*f.late, 1)*lifetime) {
		return Quiet{}, false
	}
	return Quiet{Form: f.Form, Since: f.Last, Missed: usual}, true
}

// elsewhere is how much less than usual the other forms bring now: 1 is as usual. On a
// holiday all bring less, and one that brings none is not broken. Where the others bring
// nothing at all it is no holiday: those are quiet themselves, and do not count.
func (f *form) elsewhere(now time.Time, all []*form) float64 {
	least := 1.0
	hour := now.Unix() / 3600
	for _, span := range []int64{3, 24} {
		var got, usual float64
		for _, o := range all {
			if o == f || o.quiet || !o.Last.After(f.Last) {
				continue
			}
			for h := hour - span; h < hour; h++ {
				got += float64(o.hours[h])
				usual += o.usual * o.shape[o.slot(h)]
			}
		}
		if usual >= 10 {
			least = min(least, (got+3)/(usual+3))
		}
	}
	return max(least, 0.05)
}
