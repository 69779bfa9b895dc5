package console

import (
	"context"
	"sync"
	"time"
)

// examiner looks at something that takes a while when somebody asks and what was seen
// last is old: one look at a time, however many ask.
type examiner[T any] struct {
	run   func(context.Context) T
	now   func() time.Time
	fresh time.Duration // what was seen is good for
	most  time.Duration // a look may take
	wait  time.Duration // who asks waits for one before it takes what there is

	mu    sync.Mutex
	seen  T
	at    time.Time     // when it was seen; zero: not yet
	busy  chan struct{} // closed when the look under way is over; nil: none is
	asked chan chan struct{}
}

// work looks at what is asked for until ctx ends.
func (e *examiner[T]) work(ctx context.Context) {
	asked := e.door()
	for {
		select {
		case done := <-asked:
			limited, cancel := context.WithTimeout(ctx, e.most)
			seen := e.run(limited)
			cancel()
			e.mu.Lock()
			e.seen, e.at, e.busy = seen, e.now(), nil
			e.mu.Unlock()
			close(done)
		case <-ctx.Done():
			return
		}
	}
}

func (e *examiner[T]) door() chan chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked == nil {
		e.asked = make(chan chan struct{}, 1)
	}
	return e.asked
}

// ask begins a look where one is due, and waits a little for it.
func (e *examiner[T]) ask(ctx context.Context) (seen T, at time.Time, busy bool) {
	asked := e.door()
	e.mu.Lock()
	if e.busy == nil && (e.at.IsZero() || e.now().Sub(e.at) > e.fresh) {
		e.busy = make(chan struct{})
		asked <- e.busy // there is room: only one is ever under way
	}
	under := e.busy
	e.mu.Unlock()
	if under != nil {
		t := time.NewTimer(e.wait)
		defer t.Stop()
		select {
		case <-under:
		case <-t.C:
		case <-ctx.Done():
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen, e.at, e.busy != nil
}

// again has the next who asks find that a look is due, where the last is older than
// that.
func (e *examiner[T]) again(older time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.now(); now.Sub(e.at) > older && now.Sub(e.at) <= e.fresh {
		e.at = now.Add(-e.fresh - 1)
	}
}
