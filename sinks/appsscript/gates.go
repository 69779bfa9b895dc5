package appsscript

import (
	"context"
	"sync"
)

// Gates lets one call at a time to each deployment: its runs would only wait for each
// other inside Google, where waiting counts as running (`sinks.md` B3). The sinks of a
// process share one; it may be used from any number of goroutines.
type Gates struct {
	mu    sync.Mutex
	gates map[string]chan struct{} // by deployment: who takes the token is inside
}

// NewGates makes gates that are all open.
func NewGates() *Gates { return &Gates{gates: map[string]chan struct{}{}} }

// enter waits until nobody else is inside. leave must be called, once, unless ctx
// ended first.
func (g *Gates) enter(ctx context.Context, deployment string) (leave func(), err error) {
	g.mu.Lock()
	gate := g.gates[deployment]
	if gate == nil {
		gate = make(chan struct{}, 1)
		gate <- struct{}{}
		g.gates[deployment] = gate
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
