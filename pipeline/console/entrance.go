package console

import (
	"context"
	"net"
	"net/http"
	"time"
)

// stopGrace is what requests in hand have at a stop.
const stopGrace = 2 * time.Second

// Entrance is where a console listens. One that is given to [Options.Listen] may
// outlive the console: who comes between two of them then waits for the second.
type Entrance interface {
	Addr() net.Addr
	// Serve has s answer what comes, until ctx ends. It returns once what was in hand
	// then has been answered, or has been cut off after grace. An error is that nobody
	// can come in any more.
	Serve(ctx context.Context, s *http.Server, grace time.Duration) error
	// Close gives back what was never served.
	Close() error
}

// doorstep is an entrance of one console's own.
type doorstep struct{ net.Listener }

func listen(addr string) (Entrance, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return doorstep{l}, nil
}

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
