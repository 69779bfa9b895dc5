package console

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The measures of a chart, in the units of its picture.
const (
	chartWide, chartHigh = 600, 120
	chartParts           = 120 // of an hour 30 s each, of a day 12 minutes
)

// chart is one picture of how things went.
type chart struct {
	Key, Title string
	From, Most string // what stands at the axes
	Lines      []curve
}

type curve struct {
	Key, Name string
	Class     string // its colour
	Path      string
	Now       string
}

// charts are those of the last hour and the last day: what came and what was stored,
// and what waited.
func (s *sampler) charts(l tongue) []chart {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chart
	for _, over := range []struct {
		name string
		time.Duration
	}{{"hour", time.Hour}, {"day", 24 * time.Hour}} {
		flow := chart{Key: "flow." + over.name, Title: l.say("chart.flow." + over.name), From: l.say("time.ago", l.span(over.Duration))}
		rows := [][]float64{s.history.rates(s.now(), over.Duration, chartParts, func(r reading) int64 { return r.taken })}
		names := []string{l.say("chart.in")}
		waits := chart{Key: "waits." + over.name, Title: l.say("chart.waits." + over.name), From: flow.From}
		var levels [][]float64
		for i, sink := range s.last.Sinks {
			rows = append(rows, s.history.rates(s.now(), over.Duration, chartParts, func(r reading) int64 { return r.of(i).stored }))
			levels = append(levels, s.history.levels(s.now(), over.Duration, chartParts, func(r reading) int64 { return r.of(i).waiting }))
			names = append(names, sink.Name)
		}
		flow.put(names, rows, 0, l.rate)
		waits.put(names[1:], levels, 1, func(v float64) string { return l.number(int64(v)) })
		out = append(out, flow, waits)
	}
	return out
}

// The measures of the small curve of one sink's day.
const (
	sparkWide, sparkHigh = 240, 36
	sparkParts           = 96 // 15 minutes each
)

// pulse is how much a sink stored of late.
type pulse struct {
	Hour  int64         // records in the last hour
	Known time.Duration // of that hour
	Path  string        // of the last day's rates
}

// Drawn says whether there is enough of it for a curve.
func (p pulse) Drawn() bool { return p.Known > 30*time.Minute }

// pulses are those of the sinks, by name.
func (s *sampler) pulses() map[string]pulse {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]pulse{}
	for i, sink := range s.last.Sinks {
		stored := func(r reading) int64 { return r.of(i).stored }
		var p pulse
		p.Hour, p.Known = s.history.grown(s.now(), time.Hour, stored)
		row := s.history.rates(s.now(), 24*time.Hour, sparkParts, stored)
		most := 0.0
		for _, v := range row {
			if v > most { // false for NaN
				most = v
			}
		}
		p.Path = trail(row, most, sparkWide, sparkHigh)
		out[sink.Name] = p
	}
	return out
}

func (r reading) of(i int) count {
	if i < len(r.sinks) {
		return r.sinks[i]
	}
	return count{}
}

// put draws rows on one scale; colour is the number of the first one's colour.
func (c *chart) put(names []string, rows [][]float64, colour int, show func(float64) string) {
	most := 0.0
	for _, row := range rows {
		for _, v := range row {
			if v > most { // false for NaN
				most = v
			}
		}
	}
	c.Most = show(most)
	for i, row := range rows {
		now := "–"
		if v := row[len(row)-1]; !math.IsNaN(v) {
			now = show(v)
		}
		c.Lines = append(c.Lines, curve{
			Key: fmt.Sprintf("%s.%d", c.Key, i), Name: names[i], Class: fmt.Sprintf("line%d", (i+colour)%6), Path: trail(row, most, chartWide, chartHigh), Now: now,
		})
	}
}

// trail is the path of a row of values in a picture of that size, broken where there is
// none.
func trail(row []float64, most float64, wide, high int) string {
	var b strings.Builder
	pen := false
	step := float64(wide) / float64(max(1, len(row)-1))
	for i, v := range row {
		if math.IsNaN(v) {
			pen = false
			continue
		}
		y := float64(high) - 2
		if most > 0 {
			y -= v / most * float64(high-6)
		}
		x := float64(i) * step
		if pen {
			fmt.Fprintf(&b, "L%.0f %.0f", x, y)
		} else {
			// A dot where a value stands alone.
			fmt.Fprintf(&b, "M%.0f %.0fh.1", x, y)
		}
		pen = true
	}
	return b.String()
}
