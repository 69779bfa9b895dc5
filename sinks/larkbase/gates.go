package larkbase

import (
	"context"
	"sync"
)

// Gates lets one write at a time into each Base (`lark.md` §2.4). The sinks of a
// process share one; it may be used from any number of goroutines.
type Gates struct {
	mu    sync.Mutex
	gates map[string]chan struct{} // by app_token: who takes the token is inside
	sinks map[string]*Sink         // who writes to a table, by its id; nil: several do
}

// NewGates makes gates that are all open.
func NewGates() *Gates { return &Gates{gates: map[string]chan struct{}{}, sinks: map[string]*Sink{}} }

// enter waits until nobody else writes to the Base. leave must be called, once,
// unless ctx ended first.
func (g *Gates) enter(ctx context.Context, appToken string) (leave func(), err error) {
	g.mu.Lock()
	gate := g.gates[appToken]
	if gate == nil {
		gate = make(chan struct{}, 1)
		gate <- struct{}{}
		g.gates[appToken] = gate
	}
	g.mu.Unlock()
	if err := acquire(ctx, gate); err != nil {
		return nil, err
	}
	return func() { gate <- struct{}{} }, nil
}

// writes notes that s writes to a table.
func (g *Gates) writes(s *Sink, table string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one, ok := g.sinks[table]; !ok {
		g.sinks[table] = s
	} else if one != s {
		g.sinks[table] = nil
	}
}

// shared reports whether several sinks write to a table.
func (g *Gates) shared(table string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, ok := g.sinks[table]
	return ok && one == nil
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
