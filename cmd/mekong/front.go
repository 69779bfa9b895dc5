package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"mekong/pipeline/serve"
)

// front listens at one address for as long as the process wants it, over one App after
// the other. Between two of them who comes is let in and waits: no connection is
// refused, and none is closed on somebody who is about to use it again, which a sender
// could not tell from a lead that was lost.
type front struct {
	listener net.Listener
	life     context.Context // of the process

	mu     sync.Mutex
	server *http.Server  // nil until the first Serve
	failed chan struct{} // closed with err: nobody can come in any more
	err    error
	tenant *tenant       // nil: nobody answers now
	opened chan struct{} // closed when somebody does
	gone   chan struct{} // closed when nobody ever will

	paced chan struct{} // of those who waited, one entry for each that is in hand
}

var _ serve.Entrance = (*front)(nil)

// tenant is one who answers at a front.
type tenant struct {
	handler http.Handler
	base    context.Context // nil: a request ends with its connection
	inHand  map[*http.ResponseController]struct{}
	none    chan struct{} // closed with the last in hand, once no more are let in
	left    bool
}

const (
	// waitMost is for how long a request waits for somebody who answers it.
	waitMost = 30 * time.Second
	// waitedAtOnce is how many of those who waited are let in at once: all of them would
	// be more than a door takes.
	waitedAtOnce = 256
	// flushMost is for how long an end waits until the last answers have been sent.
	flushMost = time.Second
)

func openFront(life context.Context, addr string) (*front, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &front{listener: l, life: life, failed: make(chan struct{}), opened: make(chan struct{}), gone: make(chan struct{}), paced: make(chan struct{}, waitedAtOnce)}, nil
}

// Addr implements [serve.Entrance].
func (f *front) Addr() net.Addr { return f.listener.Addr() }

// Close implements it: the front outlives who gives it back.
func (f *front) Close() error { return nil }

// Serve implements it. While the process lives, whoever comes after ctx has ended waits
// for the next Serve. One at a time may be called.
func (f *front) Serve(ctx context.Context, s *http.Server, grace time.Duration) error {
	t := &tenant{handler: s.Handler, inHand: map[*http.ResponseController]struct{}{}, none: make(chan struct{})}
	if s.BaseContext != nil {
		t.base = s.BaseContext(f.listener)
	}
	f.admit(t, s)
	select {
	case <-ctx.Done():
	case <-f.life.Done():
	case <-f.failed:
	}
	soft, done := context.WithTimeout(context.Background(), grace)
	defer done()
	if f.life.Err() != nil {
		// Nobody comes after this one. What has been let in is answered all the same.
		_ = f.server.Shutdown(soft)
	}
	f.dismiss(t)
	select {
	case <-t.none:
	case <-soft.Done():
		f.cut(t)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// admit has t answer. The first one's server says how long things may take.
func (f *front) admit(t *tenant, s *http.Server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tenant = t
	close(f.opened)
	if f.server != nil {
		return
	}
	f.server = &http.Server{
		Handler: f, ReadHeaderTimeout: s.ReadHeaderTimeout, ReadTimeout: s.ReadTimeout, WriteTimeout: s.WriteTimeout,
		IdleTimeout: s.IdleTimeout, MaxHeaderBytes: s.MaxHeaderBytes, ErrorLog: s.ErrorLog,
	}
	go func() {
		if err := f.server.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.err = err
			close(f.failed)
		}
	}()
}

// dismiss lets nobody in to t any more.
func (f *front) dismiss(t *tenant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tenant, f.opened = nil, make(chan struct{})
	t.left = true
	if len(t.inHand) == 0 {
		close(t.none)
	}
}

// cut ends what t still waits for: bodies that do not come, answers that nobody takes.
func (f *front) cut(t *tenant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for r := range t.inHand {
		_ = r.SetReadDeadline(now) // what cannot be cut ends with its connection
		_ = r.SetWriteDeadline(now.Add(flushMost))
	}
}

// ServeHTTP has the request answered by who is there, or by who comes.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn := http.NewResponseController(w)
	t := f.enter(conn)
	if t == nil {
		late := time.NewTimer(waitMost)
		defer late.Stop()
		if t = f.await(r.Context(), late.C, conn); t == nil {
			w.Header().Set("Connection", "close")
			w.Header().Set("Retry-After", "5")
			http.Error(w, "closing", http.StatusServiceUnavailable)
			return
		}
		defer func() { <-f.paced }()
	}
	defer f.leave(t, conn)
	if t.base != nil {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(t.base, cancel)()
		r = r.WithContext(ctx)
	}
	t.handler.ServeHTTP(w, r)
}

// enter gives who answers now; nil: nobody does.
func (f *front) enter(conn *http.ResponseController) *tenant {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tenant != nil {
		f.tenant.inHand[conn] = struct{}{}
	}
	return f.tenant
}

// await gives who answers next, with an entry in paced; nil: nobody does, or nobody
// waits for it any more.
func (f *front) await(ctx context.Context, late <-chan time.Time, conn *http.ResponseController) *tenant {
	paced := false
	for {
		f.mu.Lock()
		t, opened := f.tenant, f.opened
		if t != nil && paced {
			t.inHand[conn] = struct{}{}
		}
		f.mu.Unlock()
		if t != nil && paced {
			f.again(conn)
			return t
		}
		in := f.paced
		if t == nil {
			in = nil
		} else {
			opened = nil // it is; now for a turn
		}
		select {
		case <-opened:
			continue
		case in <- struct{}{}:
			paced = true
			continue
		case <-late:
		case <-f.gone:
		case <-f.life.Done():
		case <-ctx.Done():
		}
		if paced {
			<-f.paced
		}
		return nil
	}
}

// again gives a request that has waited as much time as one that comes now.
func (f *front) again(conn *http.ResponseController) {
	now := time.Now()
	if d := f.server.ReadTimeout; d > 0 {
		_ = conn.SetReadDeadline(now.Add(d)) // where it cannot be set, the old one holds
	}
	if d := f.server.WriteTimeout; d > 0 {
		_ = conn.SetWriteDeadline(now.Add(d))
	}
}

func (f *front) leave(t *tenant, conn *http.ResponseController) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(t.inHand, conn)
	if t.left && len(t.inHand) == 0 {
		close(t.none)
	}
}

// close gives the address back. Nobody answers there any more.
func (f *front) close() {
	close(f.gone)
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	if server == nil {
		_ = f.listener.Close() // nothing was ever read from it
		return
	}
	soft, done := context.WithTimeout(context.Background(), flushMost)
	defer done()
	if server.Shutdown(soft) != nil {
		_ = server.Close() // what is left says nothing
	}
}
