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
}

// NewGates makes gates that are all open.
func NewGates() *Gates { return &Gates{gates: map[string]chan struct{}{}} }

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
