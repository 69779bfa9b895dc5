package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mekong/pipeline"
)

// through stores records through the real loop and a sink, and gives how long all but
// the first of them took. ready is called before the clock starts.
//
// The loop is at work before the records come, as it is all day: what was there before
// it is marked as possibly stored, and would be looked for. The first record makes the
// sink find its place; then it is held until all records are in the queue.
func (s *store) through(ctx context.Context, name string, sink pipeline.Sink, limits pipeline.Limits, records []pipeline.Record, ready func()) (time.Duration, error) {
	n := len(records)
	d := &dam{watched: watched{Sink: sink, want: n, done: make(chan struct{}), settled: make(map[string]struct{}, n)}, first: make(chan struct{})}
	stop := s.deliver(name, d, limits)
	ended := false
	defer func() {
		if !ended {
			d.open()
			_ = stop() // the leg has failed already
		}
	}()
	if err := s.put(ctx, d, records); err != nil {
		return 0, err
	}
	ready()
	began := time.Now()
	d.open()
	select {
	case <-d.done:
	case <-time.After(patience):
		return 0, fmt.Errorf("the sink was not done with %d records after %s", n, patience)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	took := d.last.Sub(began)
	ended = true
	return took, stop()
}

// stored is an error if anything of a write is not.
func stored(out []pipeline.Outcome) error {
	for _, o := range out {
		if o.Err != nil {
			return o.Err
		}
	}
	return nil
}

// put publishes one record, and the others when the loop waits for them.
func (s *store) put(ctx context.Context, d *dam, records []pipeline.Record) error {
	publish := func(records []pipeline.Record) error {
		for batch := range slices.Chunk(records, stageBatch) {
			if err := errors.Join(s.Publish(batch)...); err != nil {
				return err
			}
		}
		return nil
	}
	if err := publish(records[:1]); err != nil {
		return err
	}
	select {
	case <-d.first:
	case <-ctx.Done():
		return ctx.Err()
	}
	return publish(records[1:])
}

// dam lets the first write through, and the next ones when it is opened.
type dam struct {
	watched
	first  chan struct{} // closed by the first write
	once   sync.Once
	mu     sync.Mutex
	closed bool
	gate   chan struct{}
}

// Write implements pipeline.Sink.
func (d *dam) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	<-d.way()
	out := d.watched.Write(ctx, batch)
	d.once.Do(func() { close(d.first) })
	return out
}

// way is closed for the first writer, and for the others once the dam is open.
func (d *dam) way() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gate == nil {
		d.gate = make(chan struct{})
		free := make(chan struct{})
		close(free)
		return free
	}
	return d.gate
}

func (d *dam) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gate == nil {
		d.gate = make(chan struct{})
	}
	if !d.closed {
		d.closed = true
		close(d.gate)
	}
}
