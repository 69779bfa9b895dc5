package bus

import (
	"context"
	"net"
	"sync"
	"time"
)

// dialer makes the connections of a bus. While it is being opened a context says how
// long that may take: NATS's own dialer knows none, and a stop would wait for every
// server that does not answer.
type dialer struct {
	mu      sync.Mutex
	opening context.Context // nil: opened
	bound   []func() bool   // to it
}

const dialWait = 2 * time.Second // as the library's own

// Dial implements [github.com/nats-io/nats.go.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	ctx := d.opening
	d.mu.Unlock()
	if ctx == nil {
		ctx = context.Background()
	}
	conn, err := (&net.Dialer{Timeout: dialWait}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opening != nil {
		d.bound = append(d.bound, context.AfterFunc(ctx, func() { _ = conn.Close() })) // whoever reads from it notices
	}
	return conn, nil
}

// opened lets what there is, and what comes later, outlive the context.
func (d *dialer) opened() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, stop := range d.bound {
		stop()
	}
	d.opening, d.bound = nil, nil
}
