package rhythm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	vietnam = time.FixedZone("+07", 7*3600)
	monday  = time.Date(2026, 3, 2, 0, 0, 0, 0, vietnam)
)

// life is how a made-up form lives: leads come by chance, more by day than at night, less
// at weekends, on some days and in some weeks more than on others.
type life struct {
	perWeek float64
	days    float64 // how much days differ (the deviation of the logarithm), and half as much weeks
	burst   float64 // leads that come within some minutes, on average; 0: each for itself
	nights  float64 // how much of a day's rate there is between midnight and six
	// factor changes the rate by week; nil: as usual.
	factor func(week float64) float64
}

// ofDay is how leads are spread over a day's hours.
var ofDay = [24]float64{0, 0, 0, 0, 0, 0, .3, .6, 1, 1.3, 1.5, 1.4, 1.2, 1, 1, 1.1, 1.2, 1.1, 1, 1.3, 1.7, 1.6, 1, .4}

// leads are those of so many weeks.
func (l life) leads(r *rand.Rand, weeks int) []time.Time {
	sum := 0.0
	for h := range week {
		sum += l.shape(h)
	}
	var out []time.Time
	day, wk := 1.0, 1.0
	size := max(l.burst, 1)
	for h := range weeks * week {
		if h%24 == 0 {
			day = math.Exp(l.days*r.NormFloat64() - l.days*l.days/2)
		}
		if h%week == 0 {
			wk = math.Exp(l.days / 2 * r.NormFloat64())
		}
		rate := l.perWeek * l.shape(h%week) / sum * day * wk / size
		if l.factor != nil {
			rate *= l.factor(float64(h) / week)
		}
		at := monday.Add(time.Duration(h) * time.Hour)
		for t := r.ExpFloat64() / rate; t < 1; t += r.ExpFloat64() / rate {
			first := at.Add(time.Duration(t * float64(time.Hour)))
			out = append(out, first)
			for n := 1; r.Float64() < 1-1/size; n++ {
				out = append(out, first.Add(time.Duration(n)*30*time.Second))
			}
		}
	}
	return out
}

func (l life) shape(h int) float64 { // from Monday 0:00
	s := max(ofDay[h%24], l.nights)
	if h/24 >= 5 {
		s *= .6
	}
	return s
}

// walk looks at a form whenever a lead is about to come, which is when it has been quiet
// the longest, and calls said when it is told to be quiet. It returns how often that was.
//
// Pauses in which not even the busiest hours would have brought what must be missed are not
// looked at: that would only take time.
func (l life) walk(leads []time.Time) (alarms int) {
	h := History{Form: Form{"landing", "f"}, Hours: map[int64]int{}}
	for _, t := range leads {
		gap := t.Sub(h.Last)
		if gap >= Shortest && !h.Last.IsZero() && gap.Hours()*4*l.perWeek/week > minMissed && len(Judge(t.Add(-time.Second), vietnam, []History{h}, nil)) > 0 {
			alarms++
		}
		h.Hours[t.Unix()/3600]++
		if t.After(h.Last) {
			h.Last = t
		}
	}
	return alarms
}

// rates are leads a week.
var rates = []float64{15, 40, 150, 600, 3000}

// Fifty ordinary weeks of each form say nothing.
func TestOrdinaryWeeks(t *testing.T) {
	const weeks, forms = 50, 2
	for _, c := range []struct {
		name string
		life life
		most int // alarms of all forms together
	}{
		{"like rain", life{}, 0},
		{"at night too", life{nights: .2}, 0},
		{"days that differ", life{days: .3}, 0},
		{"two at a time", life{burst: 2, days: .3}, 0},
		{"in bursts", life{burst: 3, days: .3}, 0},
		// One day in ten has less than half of what is usual: such forms are not promised
		// silence, but nearly.
		{"days that differ much", life{days: .6}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			alarms := 0
			by := ""
			for _, rate := range rates {
				n := 0
				for seed := range uint64(forms) {
					l := c.life
					l.perWeek = rate
					n += l.walk(l.leads(rand.New(rand.NewPCG(seed, uint64(rate))), weeks))
				}
				alarms += n
				by += fmt.Sprintf(" %g/week: %d;", rate, n)
			}
			t.Logf("false alarms in %d weeks:%s", forms*weeks*len(rates), by)
			if alarms > c.most {
				t.Errorf("%d false alarms in %d weeks:%s", alarms, forms*weeks*len(rates), by)
			}
		})
	}
}

// lived is the history of a form at a time.
func lived(name string, leads []time.Time, now time.Time) History {
	h := History{Form: Form{"landing", name}, Hours: map[int64]int{}}
	for _, t := range leads {
		if t.After(now) {
			continue
		}
		h.Hours[t.Unix()/3600]++
		if t.After(h.Last) {
			h.Last = t
		}
	}
	return h
}

// until gives the time from at until forms are said to be quiet, all that want wants.
func until(at time.Time, most time.Duration, histories []History, want func([]Quiet) bool) (time.Duration, bool) {
	var was []Quiet
	for d := time.Duration(0); d <= most; d += 10 * time.Minute {
		if was = Judge(at.Add(d), vietnam, histories, was); want(was) {
			return d, true
		}
	}
	return 0, false
}

func some(q []Quiet) bool { return len(q) > 0 }

// A form that dies is noticed within a time that depends on what it brings.
func TestDeadForm(t *testing.T) {
	for _, c := range []struct {
		life life
		most time.Duration
	}{
		{life{perWeek: 3000}, 40 * time.Minute},
		{life{perWeek: 600}, 4 * time.Hour},
		{life{perWeek: 150}, 26 * time.Hour},
		{life{perWeek: 40}, 78 * time.Hour},
		{life{perWeek: 15}, 11 * 24 * time.Hour},
		{life{perWeek: 3000, days: .3}, 90 * time.Minute},
		{life{perWeek: 600, days: .3}, 6 * time.Hour},
		{life{perWeek: 150, days: .3}, 60 * time.Hour},
		{life{perWeek: 40, days: .3}, 6 * 24 * time.Hour},
		{life{perWeek: 600, days: .3, burst: 2}, 26 * time.Hour},
	} {
		var all []time.Duration
		for seed := range uint64(6) {
			// After eight weeks, on a Tuesday at ten.
			dead := monday.Add(8*week*time.Hour + 34*time.Hour)
			leads := c.life.leads(rand.New(rand.NewPCG(seed+100, uint64(c.life.perWeek))), 9)
			took, ok := until(dead, c.most, []History{lived("f", leads, dead)}, some)
			if !ok {
				t.Errorf("%+v, seed %d: not noticed within %s", c.life, seed, c.most)
				continue
			}
			all = append(all, took)
		}
		t.Logf("%+v: noticed after %s to %s", c.life, slices.Min(append(all, c.most)), slices.Max(append(all, 0)))
	}
}

// The forms of one business over a holiday: all bring a seventh for ten days, from one
// hour to the next, and nobody is told anything. But if one of them is dead, or all are,
// somebody is.
func TestHoliday(t *testing.T) {
	tet := monday.Add(10 * week * time.Hour)
	alarms, looks := 0, 0
	for seed := range uint64(2) {
		var leads [][]time.Time
		for i, rate := range []float64{60, 200, 200, 700, 1500} {
			l := life{perWeek: rate, days: .2, factor: func(w float64) float64 {
				if w >= 10 && w < 10+10./7 {
					return .15
				}
				return 1
			}}
			leads = append(leads, l.leads(rand.New(rand.NewPCG(seed, uint64(i))), 14))
		}
		at := func(now time.Time, dead int) (out []History) {
			for i, l := range leads {
				when := now
				if (i == dead || dead == len(leads)) && now.After(tet.Add(-2*week*time.Hour)) {
					when = tet.Add(-2 * week * time.Hour)
				}
				out = append(out, lived(fmt.Sprint("f", i), l, when))
			}
			return out
		}
		var was []Quiet
		for now := tet.Add(-24 * time.Hour); now.Before(tet.Add(3 * week * time.Hour)); now = now.Add(2 * time.Hour) {
			quiet := Judge(now, vietnam, at(now, -1), was)
			looks++
			if len(quiet) > len(was) {
				alarms++
			}
			was = quiet
		}
		dead := tet.Add(-2*week*time.Hour + 16*time.Hour)
		if got := Judge(dead, vietnam, at(dead, 3), nil); len(got) != 1 || got[0].Name != "f3" {
			t.Errorf("one is dead, and quiet are %+v", got)
		}
		if got := Judge(dead, vietnam, at(dead, len(leads)), nil); len(got) < 2 {
			t.Errorf("all are dead, and quiet are %+v", got)
		}
	}
	t.Logf("%d alarms in %d looks", alarms, looks)
	if alarms > 1 {
		t.Errorf("a holiday raised %d alarms", alarms)
	}
}

// A campaign that begins says nothing while it is not known. The end of one that runs out
// is told, but not whenever one of its last leads has come.
func TestCampaign(t *testing.T) {
	told := 0
	for seed := range uint64(6) {
		l := life{perWeek: 400, days: .3, factor: func(w float64) float64 {
			switch {
			case w < 5:
				return 1
			case w < 7:
				return math.Exp(-4 * (w - 5)) // a few hundred, dozens, some, one
			}
			return 1e-9
		}}
		leads := l.leads(rand.New(rand.NewPCG(seed, 7)), 10)
		if early := leads[0].Add(13 * 24 * time.Hour); some(Judge(early.Add(24*time.Hour), vietnam, []History{lived("f", leads, early)}, nil)) {
			t.Error("after thirteen days it is thought to be known")
		}
		var was []Quiet
		times := 0
		for now := monday.Add(5 * week * time.Hour); now.Before(monday.Add(10 * week * time.Hour)); now = now.Add(time.Hour) {
			quiet := Judge(now, vietnam, []History{lived("f", leads, now)}, was)
			if len(quiet) > len(was) {
				times++
			}
			was = quiet
		}
		told += times
		if times > 3 {
			t.Errorf("seed %d: the end of a campaign was told %d times", seed, times)
		}
	}
	t.Logf("of 6 campaigns that ran out it was told %d times", told)
	if told > 10 {
		t.Errorf("the end of 6 campaigns was told %d times", told)
	}
}
