package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// measureWaiting looks at what it costs that records wait: how fast a queue with so many in
// it is emptied, how long a start with them takes, and how large the process is. One store
// grows from size to size; each pass is a sink of its own that finds all of them waiting.
// It is only taken when it is asked for, since millions take minutes and gigabytes.
func measureWaiting(ctx context.Context, r *run) (lines []Line, err error) {
	const title = "waiting"
	dir, remove, err := r.folder(title)
	if err != nil {
		return nil, err
	}
	defer remove()
	if len(r.Waiting) == 0 {
		r.Waiting = WaitingSizes
	}
	dir = filepath.Join(dir, "n")
	var first []float64
	there, m := 0, newMint()
	for _, n := range r.Waiting {
		began := time.Now()
		s, err := openStore(ctx, dir)
		if err != nil {
			return nil, err
		}
		r.Say(fmt.Sprintf("%s: filling up to %s records", title, number(float64(n))))
		err = s.fillRecords(ctx, m, n-there)
		s.Close()
		if err != nil {
			return nil, err
		}
		filled := time.Since(began)
		at, err := r.waitingAt(ctx, dir, n)
		if err != nil {
			return nil, err
		}
		with := fmt.Sprintf(", %s records waiting", number(float64(n)))
		if there == 0 {
			first = at.rates
		} else {
			ratios := make([]float64, len(at.rates))
			base, _ := series(first)
			for i, v := range at.rates {
				ratios[i] = v / base
			}
			lines = append(lines, plainLine(title, fmt.Sprintf("records/s with %s waiting ÷ with %s", number(float64(n)), number(float64(r.Waiting[0]))), "", atLeast(0.9), ratios))
		}
		lines = append(lines, plainLine(title, "records/s into a sink that takes all at once"+with, "/s", nil, at.rates),
			plainLine(title, "start of streams and queues"+with, "s", nil, []float64{at.start.Seconds()}))
		if _, ok := resident(); ok {
			lines = append(lines, plainLine(title, "resident, idle"+with, "MiB", nil, []float64{at.idle}),
				plainLine(title, "most resident while they are delivered"+with, "MiB", nil, []float64{at.most}))
		}
		if rate := float64(n-there) / filled.Seconds(); there == 0 || n-there > 100_000 {
			lines = append(lines, plainLine(title, "records/s stored while filling up"+with, "/s", nil, []float64{rate}))
		}
		there = n
	}
	return lines, nil
}

// waitingLeg is what was seen with so many records waiting.
type waitingLeg struct {
	start      time.Duration
	idle, most float64 // MiB
	rates      []float64
}

// waitingAt starts over dir, where n records are, and takes as many as a pass has time
// for, once a round.
func (r *run) waitingAt(ctx context.Context, dir string, n int) (leg waitingLeg, err error) {
	began := time.Now()
	s, err := openStore(ctx, dir)
	if err != nil {
		return leg, err
	}
	defer s.Close()
	leg.start = time.Since(began)
	leg.idle = idleSize()
	resetPeak()
	want := min(n, r.scaled(20_000, 1000))
	for round := range r.Rounds {
		t := newTally(want, nil)
		clean()
		began := time.Now()
		stop := s.deliver(fmt.Sprintf("w%d-%d", n, round), t, sinkLimits)
		select {
		case <-t.full:
		case <-time.After(patience):
			err = fmt.Errorf("with %d records waiting %d did not arrive within %s", n, want, patience)
		case <-ctx.Done():
			err = ctx.Err()
		}
		took := time.Since(began)
		if ended := stop(); err == nil {
			err = ended
		}
		if err != nil {
			return leg, err
		}
		leg.rates = append(leg.rates, float64(want)/took.Seconds())
	}
	leg.most, _ = peakResident()
	return leg, nil
}
