package bus

import (
	"context"
	"sync"
)

// links counts connections. A pull that was waiting when one was lost will
// never be answered, and the server that comes back may have forgotten its last
// deliveries.
type links struct {
	mu   sync.Mutex
	n    int
	lost chan struct{}
}

// now is the number of the present connection and what closes when it is lost.
func (l *links) now() (int, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = make(chan struct{})
	}
	return l.n, l.lost
}

func (l *links) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		close(l.lost)
	}
	l.n, l.lost = l.n+1, nil
}

// during gives a context that also ends when the present connection is lost.
func (l *links) during(ctx context.Context) (context.Context, context.CancelFunc) {
	_, lost := l.now()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		select {
		case <-lost:
			cancel()
		case <-done:
		}
	}()
	return ctx, func() { close(done); cancel() }
}
