package console

import (
	"math"
	"time"
)

// historyMost is a day of samples.
const historyMost = int(24 * time.Hour / sampleEvery)

// history is a day of readings, in memory: a restart begins it anew. It belongs to
// the sampler, which locks it.
type history struct {
	ring []reading
	next int
}

type reading struct {
	at    time.Time
	taken int64
	sinks []count
}

type count struct{ stored, waiting int64 }

func newHistory() *history { return &history{} }

func (h *history) add(s sight) {
	r := reading{at: s.At, taken: s.taken(), sinks: make([]count, len(s.Sinks))}
	for i, n := range s.Sinks {
		r.sinks[i] = count{n.Balance.Stored, n.Balance.Waiting}
	}
	if len(h.ring) < historyMost {
		h.ring = append(h.ring, r)
		return
	}
	h.ring[h.next] = r
	h.next = (h.next + 1) % historyMost
}

// each calls f with the readings, oldest first.
func (h *history) each(f func(reading)) {
	for i := range h.ring {
		f(h.ring[(h.next+i)%len(h.ring)])
	}
}

// rates are how many a second came, by value, in n equal parts of the time from
// now-over to now. NaN: nobody looked then.
func (h *history) rates(now time.Time, over time.Duration, n int, value func(reading) int64) []float64 {
	grown, lasted := make([]float64, n), make([]float64, n)
	var before *reading
	h.each(func(r reading) {
		if b := before; b != nil && r.at.Sub(b.at) < 4*sampleEvery {
			if i := part(now, over, n, r.at); i >= 0 {
				grown[i] += max(0, float64(value(r)-value(*b)))
				lasted[i] += r.at.Sub(b.at).Seconds()
			}
		}
		before = &r
	})
	for i := range grown {
		if lasted[i] == 0 {
			grown[i] = math.NaN()
			continue
		}
		grown[i] /= lasted[i]
	}
	return grown
}

// grown is by how much value has grown over the last while, and for how much of it that
// is known.
func (h *history) grown(now time.Time, over time.Duration, value func(reading) int64) (n int64, known time.Duration) {
	var before *reading
	h.each(func(r reading) {
		if b := before; b != nil && now.Sub(r.at) < over && r.at.Sub(b.at) < 4*sampleEvery {
			n += max(0, value(r)-value(*b))
			known += r.at.Sub(b.at)
		}
		before = &r
	})
	return n, known
}

// levels are the highest that value was in each of the parts.
func (h *history) levels(now time.Time, over time.Duration, n int, value func(reading) int64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	h.each(func(r reading) {
		if i := part(now, over, n, r.at); i >= 0 && !(out[i] >= float64(value(r))) {
			out[i] = float64(value(r))
		}
	})
	return out
}

// part is which of the n parts a moment is in; -1: none.
func part(now time.Time, over time.Duration, n int, at time.Time) int {
	age := now.Sub(at)
	if age < 0 || age >= over {
		return -1
	}
	return n - 1 - int(int64(age)*int64(n)/int64(over))
}
