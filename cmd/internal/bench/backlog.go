package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mekong/pipeline"
)

// backlog looks at how large the process is with records waiting for what open opens,
// and while they go there. What it closes besides the sink, open returns.
func (r *run) backlog(ctx context.Context, title, whom, dir string, open func(*store) (pipeline.Sink, pipeline.Limits, func(), error)) ([]Line, error) {
	if _, ok := resident(); !ok {
		return []Line{noLine(title, "resident memory", unreadable)}, nil
	}
	s, err := openStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	n := r.scaled(100_000, 1000)
	empty := idleSize()
	r.Say(fmt.Sprintf("%s: filling with %d records", title, n))
	err = s.fillRecords(ctx, newMint(), n)
	s.Close()
	if err != nil {
		return nil, err
	}
	if s, err = openStore(ctx, filepath.Clean(dir)); err != nil { // as after a restart
		return nil, err
	}
	defer s.Close()
	waiting := idleSize()
	sink, limits, leave, err := open(s)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer sink.Close()
	resetPeak()
	w := &watched{Sink: sink, want: n, done: make(chan struct{}), settled: make(map[string]struct{}, n)}
	stop := s.deliver("backlog", w, limits)
	select {
	case <-w.done:
	case <-time.After(4 * r.Leg):
	case <-ctx.Done():
	}
	peak, _ := peakResident()
	if err := errors.Join(ctx.Err(), stop()); err != nil {
		return nil, err
	}
	with := fmt.Sprintf(", %s records waiting for %s", number(float64(n)), whom)
	return []Line{
		plainLine(title, "resident, idle, no records waiting for "+whom, "MiB", nil, []float64{empty}),
		plainLine(title, "resident, idle"+with, "MiB", nil, []float64{waiting}),
		plainLine(title, "most resident while they are delivered, the simulator's rows included", "MiB", nil, []float64{peak}),
	}, nil
}
