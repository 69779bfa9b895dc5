// Package serve is how the program's HTTP servers listen: the door for leads and the
// console. It knows nothing of what they answer.
package serve

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Entrance is where a server listens. One that the server did not open itself may outlive
// it: who comes between two servers then waits for the second.
type Entrance interface {
	Addr() net.Addr
	// Serve has s answer what comes, until ctx ends. It returns once what was in hand
	// then has been answered, or has been cut off after grace. An error is that nobody
	// can come in any more. One at a time may be called.
	Serve(ctx context.Context, s *http.Server, grace time.Duration) error
	// Close gives back what was never served.
	Close() error
}

// Listen opens an entrance of one server's own, which ends with it.
func Listen(addr string) (Entrance, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return doorstep{l}, nil
}

type doorstep struct{ net.Listener }

func (d doorstep) Serve(ctx context.Context, s *http.Server, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(d.Listener) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	soft, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer done()
	if s.Shutdown(soft) != nil {
		_ = s.Close() // what Shutdown left; its listener is closed already
	}
	return err
}
