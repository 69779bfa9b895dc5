package rhythm

import (
	"math"
	"slices"
	"time"
)

// form is what is known of one.
type form struct {
	Form
	Last  time.Time
	hours map[int64]int
	zone  int64 // hours east of UTC
	weeks int

	leads  float64       // in the weeks looked at
	usual  float64       // leads in a week as it usually is
	late   float64       // how much of that it brought lately; 1 at most
	shape  [week]float64 // the part of a week's leads that comes in each of its hours; from Sunday 0:00
	bursts float64       // leads that come as one, roughly; 1 or more
	swing  float64       // by how much days differ that chance does not explain: the deviation of their part of what is usual
	quiet  bool
}

// learn makes a form of a history; nil when that says too little. The silence now, which
// is to be judged, is not part of it.
func learn(now time.Time, zone *time.Location, h History) *form {
	last := h.Last
	if last.After(now) {
		last = now
	}
	end := last.Unix()/3600 + 1 // the first hour that is not looked at
	first := end
	for hour, n := range h.Hours {
		if n > 0 && hour < first {
			first = hour
		}
	}
	_, east := now.In(zone).Zone()
	f := &form{Form: h.Form, Last: last, hours: h.Hours, zone: int64(math.Round(float64(east) / 3600)), weeks: int(min((end-first)/week, mostWeeks))}
	if f.weeks < minWeeks {
		return nil
	}
	table := f.table(end)
	totals := make([]float64, f.weeks) // the last week first
	for w := range table {
		for _, n := range table[w] {
			totals[w] += n
		}
		f.leads += totals[w]
	}
	if f.leads < minLeads {
		return nil
	}
	// A week of a burst must not stand for all of them.
	f.usual = min(totals[0], middle(totals))
	f.learnShape(table)
	f.late = f.lately(end)
	f.bursts = max(f.pauses(table, totals, end), f.clusters(table))
	f.swing = f.learnSwing(table, totals)
	return f
}

// slot is the hour of the week, from Sunday 0:00, that an hour is where the visitors are.
// Where clocks are changed in summer, the weeks before the change are an hour off.
func (f *form) slot(hour int64) int {
	const thursday = 4 * 24 // 1 January 1970 was one
	s := (hour + f.zone + thursday) % week
	if s < 0 {
		s += week
	}
	return int(s)
}

// table is the leads by week, the last one first, and hour of the week. What is imported
// comes in one hour, and is no rhythm: an hour counts as at most a few times what it has in
// the other weeks.
func (f *form) table(end int64) [][week]float64 {
	table := make([][week]float64, f.weeks)
	for w := range table {
		for h := end - int64(w+1)*week; h < end-int64(w)*week; h++ {
			table[w][f.slot(h)] += float64(max(f.hours[h], 0))
		}
	}
	var all [week]float64
	for w := range table {
		for s, n := range table[w] {
			all[s] += n
		}
	}
	capped := make([][week]float64, f.weeks)
	for w := range table {
		for s, n := range table[w] {
			others := 0.0
			for d := -1; d <= 1; d++ {
				at := (s + d + week) % week
				others += all[at] - table[w][at]
			}
			capped[w][s] = min(n, 3+3*others/3/float64(f.weeks-1))
		}
	}
	return capped
}

// learnShape works out at what hours of a week the leads come. Where an hour has had few,
// it is thought to be like that hour on other days.
func (f *form) learnShape(table [][week]float64) {
	var slots, smooth [week]float64
	for w := range table {
		for s, n := range table[w] {
			slots[s] += n
		}
	}
	var days [7]float64
	var ofDay [24]float64
	for s := range slots {
		smooth[s] = slots[(s+week-1)%week]/4 + slots[s]/2 + slots[(s+1)%week]/4
		days[s/24] += slots[s]
		ofDay[s%24] += smooth[s]
	}
	const (
		like    = 2.0 // weeks that an hour's likeness to other days counts for
		likeDay = 4.0 // leads that a day's likeness to other days counts for
	)
	sum := 0.0
	weeks := float64(f.weeks)
	for s := range f.shape {
		day := (days[s/24] + likeDay) / (f.leads/7 + likeDay)
		f.shape[s] = (smooth[s] + like*ofDay[s%24]/7/weeks*day) / (weeks + like)
		sum += f.shape[s]
	}
	for s := range f.shape {
		f.shape[s] /= sum
	}
}

// lately is how much less than usual the form brought just before its last lead: 1 is as
// usual. A campaign that runs out brings less and less, and then its silence is no news.
func (f *form) lately(end int64) float64 {
	least := 1.0
	for _, span := range []int64{6, 24, 72} {
		got := 0.0
		usual := -f.usual * f.shape[f.slot(end-1)] * (1 - float64(f.Last.Unix()%3600)/3600) // the hour is not over
		for h := end - span; h < end; h++ {
			got += float64(f.hours[h])
			usual += f.usual * f.shape[f.slot(h)]
		}
		least = min(least, (got+3)/(max(usual, 0)+3))
	}
	return least
}

// pauses looks how long the form was without a lead before, in leads that were missed. If
// leads came like rain, the third longest of so many pauses would be about their logarithm;
// where it is longer, they come in bursts. The two longest are left out: the form may have
// been broken before.
func (f *form) pauses(table [][week]float64, totals []float64, end int64) float64 {
	var pauses []float64
	for w := f.weeks - 1; w >= 0; w-- {
		pause := 0.0
		for h := end - int64(w+1)*week; h < end-int64(w)*week; h++ {
			s := f.slot(h)
			usual := totals[w] * f.shape[s]
			if n := table[w][s]; n > 0 {
				// A part of this hour was before the first lead in it, and one after the last.
				pauses, pause = append(pauses, pause+usual/(n+1)), usual/(n+1)
				continue
			}
			pause += usual
		}
		pauses = append(pauses, pause)
	}
	slices.Sort(pauses)
	if len(pauses) < 3 {
		return 1
	}
	return max(1, pauses[len(pauses)-3]/max(1, math.Log(f.leads)-0.92))
}

// clusters compares what came in each hour with what that day's leads would have brought
// in it: like rain, both differ by as much as there is.
func (f *form) clusters(table [][week]float64) float64 {
	var off, of float64
	for w := range table {
		for d := range 7 {
			var leads, part float64
			for s := d * 24; s < d*24+24; s++ {
				leads, part = leads+table[w][s], part+f.shape[s]
			}
			for s := d * 24; s < d*24+24; s++ {
				usual := leads * f.shape[s] / part
				off += (table[w][s] - usual) * (table[w][s] - usual)
			}
			of += leads * 23 / 24
		}
	}
	if of == 0 {
		return 1
	}
	return max(1, off/of)
}

// learnSwing compares days with what their weeks would have brought in them. That days
// differ by a third is thought until two weeks of them have shown otherwise.
func (f *form) learnSwing(table [][week]float64, totals []float64) float64 {
	var off, of float64
	for w := range table {
		for d := range 7 {
			var leads, part float64
			for s := d * 24; s < d*24+24; s++ {
				leads, part = leads+table[w][s], part+f.shape[s]
			}
			usual := totals[w] * part
			off += (leads-usual)*(leads-usual) - f.bursts*usual
			of += usual * usual
		}
	}
	if of == 0 {
		return 0.3
	}
	const days, usual = 14, 0.3
	first := days * of / float64(7*f.weeks)
	return math.Sqrt((max(off, 0) + first*usual*usual) / (of + first))
}

// expected is how many leads are usual from one time to another.
func (f *form) expected(from, to time.Time) float64 {
	sum := 0.0
	for h := from.Unix() / 3600; h <= to.Unix()/3600; h++ {
		begin, end := max(h*3600, from.Unix()), min((h+1)*3600, to.Unix())
		sum += f.shape[f.slot(h)] * float64(end-begin) / 3600
	}
	return f.usual * sum
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
