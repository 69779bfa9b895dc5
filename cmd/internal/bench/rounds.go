package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// leg is one of the things that are measured in turns.
type leg[T any] func(context.Context) (T, error)

// rounds runs the legs as often as was asked, forwards and backwards in turn,
// and returns what each gave by leg and round. before, when there is one, makes
// what the legs of a round share.
func rounds[T any](ctx context.Context, r *run, what string, before func(context.Context) error, legs ...leg[T]) ([][]T, error) {
	out := make([][]T, len(legs))
	for i := range out {
		out[i] = make([]T, r.Rounds)
	}
	r.Say(fmt.Sprintf("%s, %s", what, plural(r.Rounds, "round")))
	for round := range r.Rounds {
		if before != nil {
			if err := before(ctx); err != nil {
				return nil, err
			}
		}
		for i := range legs {
			if round%2 == 1 {
				i = len(legs) - 1 - i
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			runtime.GC() // nobody pays for the leg before
			got, err := legs[i](ctx)
			if err != nil {
				return nil, err
			}
			out[i][round] = got
		}
	}
	return out, nil
}

// clean comes right before a clock starts, so that nobody pays for what made the
// turn ready, and gives the processor time that this process has used so far.
func clean() (busy time.Duration) {
	runtime.GC()
	busy, _ = processor()
	return busy
}

// pick takes one figure of each round.
func pick[T any](rounds []T, figure func(T) float64) []float64 {
	out := make([]float64, len(rounds))
	for i, r := range rounds {
		out[i] = figure(r)
	}
	return out
}

// Range is the least and the most of a figure over the rounds.
type Range struct {
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// series is the median and the range of the rounds.
func series(v []float64) (median float64, all Range) {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2, Range{v[0], v[n-1]}
}

// ratio compares a to what was measured as b and again as c, round by round.
func ratio(a, b, c []float64) (median float64, all, aa Range) {
	q := make([]float64, len(a))
	same := make([]float64, len(a))
	for i := range a {
		q[i] = a[i] / ((b[i] + c[i]) / 2)
		same[i] = b[i] / c[i]
	}
	median, all = series(q)
	_, aa = series(same)
	return median, all, aa
}
