package intake

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"mekong/pipeline"
)

// Listen opens the listener. Run does so by itself; a caller that wants the
// address or the error early calls Listen first. Calling it again does nothing.
func (in *Intake) Listen() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.entrance != nil {
		return nil
	}
	e, err := in.opts.Listen(in.opts.Addr)
	if err != nil {
		return fmt.Errorf("listen for deliveries: %w", err)
	}
	in.entrance = e
	return nil
}

// Addr is where the door listens; nil before [Intake.Listen].
func (in *Intake) Addr() net.Addr {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.entrance == nil {
		return nil
	}
	return in.entrance.Addr()
}

// Run serves until ctx ends. Then it stops accepting, finishes what is in hand
// within the grace, cuts off the rest, and returns once no request is left.
// It is called once.
func (in *Intake) Run(ctx context.Context, emit pipeline.Emit) error {
	if err := in.Listen(); err != nil {
		return err
	}
	hard, cut := context.WithCancel(context.Background())
	defer cut()
	srv := &http.Server{
		Handler:           in.handler(hard, emit),
		ReadHeaderTimeout: min(headerTimeout, in.opts.ReadTimeout),
		ReadTimeout:       in.opts.ReadTimeout,
		WriteTimeout:      in.opts.ReadTimeout + in.opts.EmitTimeout + keepTimeout + 10*time.Second,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// What net/http has to say names no path; a peer's address at most.
		ErrorLog: slog.NewLogLogger(in.opts.Logger.Handler(), slog.LevelDebug),
	}
	in.opts.Logger.Info("door open", "addr", in.Addr().String(), "routes", len(in.routes))
	err := in.entrance.Serve(ctx, srv, in.opts.Grace)
	if err != nil {
		err = fmt.Errorf("serve deliveries: %w", err)
	}
	cut()
	if n := in.tally.close(); n > 0 {
		in.opts.Logger.Warn("door closed on requests still in hand", "requests", n, "grace", in.opts.Grace)
	}
	in.tally.wait()
	in.opts.Logger.Info("door closed")
	return err
}

// tally counts the requests in hand and, once somebody waits for the last of
// them, lets no more in. Its zero value is ready.
type tally struct {
	mu     sync.Mutex
	n      int
	closed bool
	none   chan struct{} // closed with the last, once closed
}

func (t *tally) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.n++
	return true
}

func (t *tally) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.closed {
		close(t.none)
	}
}

// close lets no more in and says how many are in hand.
func (t *tally) close() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.none = make(chan struct{})
	if t.n == 0 {
		close(t.none)
	}
	return t.n
}

// wait returns, after close, when none is left.
func (t *tally) wait() { <-t.none }
