package sheets

import (
	"context"
	"sync"
	"time"
)

// Gates lets one writer at a time into each spreadsheet, and one call a second, which
// is what Google advises (`sinks.md` §A2). The sinks of a process share one; it may
// be used from any number of goroutines.
type Gates struct {
	mu    sync.Mutex
	gates map[string]*gate // by spreadsheet
}

type gate struct {
	turn chan struct{} // who takes the token is inside
	next time.Time     // when the next call may be sent
}

// NewGates makes gates that are all open.
func NewGates() *Gates { return &Gates{gates: map[string]*gate{}} }

const apart = time.Second

// of is the gate of a spreadsheet. The caller holds the lock.
func (g *Gates) of(id string) *gate {
	s := g.gates[id]
	if s == nil {
		s = &gate{turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		g.gates[id] = s
	}
	return s
}

// enter waits until nobody else writes to the spreadsheet. leave must be called,
// once, unless ctx ended first.
func (g *Gates) enter(ctx context.Context, id string) (leave func(), err error) {
	g.mu.Lock()
	s := g.of(id)
	g.mu.Unlock()
	if err := acquire(ctx, s.turn); err != nil {
		return nil, err
	}
	return func() { s.turn <- struct{}{} }, nil
}

// slot reserves the next call's place and says how long to wait for it.
func (g *Gates) slot(id string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.of(id)
	if s.next.Before(now) {
		s.next = now
	}
	wait := s.next.Sub(now)
	s.next = s.next.Add(apart)
	return wait
}

// pause is how long it is until the next call may be sent.
func (g *Gates) pause(id string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.of(id).next.Sub(now))
}

// acquire takes a token, unless ctx ends first.
func acquire(ctx context.Context, token chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-token:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass waits at a gate. It is no retry: what was asked for is sent once.
func pass(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
