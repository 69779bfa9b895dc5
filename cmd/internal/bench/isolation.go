package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/worker"
	"mekong/transform"
)

// tally is a sink that costs nothing and knows which records it has.
type tally struct {
	want int
	full chan struct{} // closed when it has want distinct records
	fail error         // of every record; nil: stored

	mu   sync.Mutex
	have map[string]struct{}
}

var _ pipeline.Sink = (*tally)(nil)

func newTally(want int, fail error) *tally {
	return &tally{want: want, full: make(chan struct{}), fail: fail, have: make(map[string]struct{}, want)}
}

// Write implements pipeline.Sink.
func (t *tally) Write(_ context.Context, batch []pipeline.Record) []pipeline.Outcome {
	if t.fail != nil {
		return pipeline.Outcomes(len(batch), t.fail)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.have)
	for i := range batch {
		t.have[batch[i].ID] = struct{}{}
	}
	if before < t.want && len(t.have) >= t.want {
		close(t.full)
	}
	return make([]pipeline.Outcome, len(batch))
}

// Forget implements pipeline.Sink.
func (t *tally) Forget(context.Context, []string) error { return nil }

// Check implements pipeline.Sink.
func (t *tally) Check(context.Context) []pipeline.Finding { return nil }

// Close implements pipeline.Sink.
func (t *tally) Close() error { return nil }

// sinkLimits are those of the MongoDB sink.
var sinkLimits = pipeline.Limits{Batch: 500, Wait: 10 * time.Millisecond, Writers: 4}

// measureIsolation compares what two sinks get through while a third is dead
// with what they get through while it is well.
func measureIsolation(ctx context.Context, r *run) ([]Line, error) {
	n := r.scaled(15_000, 1000)
	well := func(ctx context.Context) (float64, error) { return r.beside(ctx, nil, n) }
	dead := func(ctx context.Context) (float64, error) {
		return r.beside(ctx, pipeline.Hold(errors.New("the destination is down"), 0), n)
	}
	got, err := rounds(ctx, r, "isolation", nil, leg[float64](well), dead, well)
	if err != nil {
		return nil, err
	}
	return []Line{
		ratioLine("isolation", "records/s of two sinks with a third dead ÷ all well", atLeast(0.95), got[1], got[0], got[2]),
		plainLine("isolation", "records to each of two sinks, a third dead", "/s", nil, got[1]),
		plainLine("isolation", "records to each of two sinks, all well", "/s", nil, got[0]),
	}, nil
}

// beside gives n records to three sinks and says how many a second the two that
// are well have taken, the slower counting. The third fails with fail.
func (r *run) beside(ctx context.Context, fail error, n int) (float64, error) {
	dir, remove, err := r.folder("isolation")
	if err != nil {
		return 0, err
	}
	defer remove()
	s, err := openStore(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.fillRecords(ctx, newMint(), n); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sinks := map[string]*tally{"a": newTally(n, fail), "b": newTally(n, nil), "c": newTally(n, nil)}
	stop := make([]func() error, 0, len(sinks))
	defer func() {
		for _, f := range stop {
			_ = f()
		}
	}()
	began := time.Now()
	for name, sink := range sinks {
		stop = append(stop, s.deliver(name, sink, sinkLimits))
	}
	for _, name := range []string{"b", "c"} {
		select {
		case <-sinks[name].full:
		case <-ctx.Done():
			return 0, fmt.Errorf("sink %s did not get its %d records: %w", name, n, ctx.Err())
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// deliver runs the real loop to a sink until the returned function is called.
func (s *store) deliver(name string, sink pipeline.Sink, limits pipeline.Limits) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	// The next turn takes over from this one as from a process that has gone, and should
	// not wait for long.
	d := &worker.Deliver{Bus: s.Bus, Name: name, Sink: sink, Accept: []string{"*"}, Limits: limits, Grace: patience, PinnedTTL: time.Second}
	go func() { done <- d.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

// fillRecords puts n leads in RECORDS.
func (s *store) fillRecords(ctx context.Context, m *mint, n int) error {
	of, err := transform.New("landing", nil, nil)
	if err != nil {
		return err
	}
	for n > 0 && ctx.Err() == nil {
		records := make([]pipeline.Record, 0, stageBatch)
		k := min(n, stageBatch)
		first := m.numbers(k)
		for i := range k {
			rs, err := of(delivery(m, first+uint64(i)))
			if err != nil {
				return err
			}
			records = append(records, rs...)
		}
		for _, err := range s.Publish(records) {
			if err != nil {
				return err
			}
		}
		n -= k
	}
	return ctx.Err()
}
