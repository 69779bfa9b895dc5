package bus

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// line is a connection's way to a server, which can be cut.
type line struct {
	t     testing.TB
	to    string
	l     net.Listener
	mu    sync.Mutex
	free  chan struct{} // closed: bytes go through
	spill []byte        // a connection is lost where a client says this, once
	conns []net.Conn
}

func newLine(t testing.TB, to string) *line {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &line{t: t, to: to, l: l, free: make(chan struct{})}
	close(w.free)
	go w.accept()
	t.Cleanup(func() {
		_ = l.Close()
		w.mend()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.conns {
			_ = c.Close()
		}
	})
	return w
}

func (w *line) url() string { return "nats://" + w.l.Addr().String() }

// cut lets nothing through, and tells nobody.
func (w *line) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = make(chan struct{})
}

func (w *line) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.free:
	default:
		close(w.free)
	}
}

func (w *line) accept() {
	for {
		near, err := w.l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, near, far)
		w.mu.Unlock()
		go w.pass(far, near, true)
		go w.pass(near, far, false)
	}
}

func (w *line) pass(to, from net.Conn, client bool) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		free := w.free
		lost := client && w.spill != nil && bytes.Contains(buf[:n], w.spill)
		if lost {
			w.spill = nil
		}
		w.mu.Unlock()
		<-free
		if lost {
			return
		}
		if _, wrong := to.Write(buf[:n]); wrong != nil || err != nil {
			return
		}
	}
}

// A connection that is lost while the streams are looked at costs a moment: what was
// asked on it is asked again.
func TestOpeningOutlivesALostConnection(t *testing.T) {
	for _, asked := range []string{"STREAM.INFO.RECORDS", "STREAM.CREATE.TRACE", "STREAM.CREATE.KV_mekong"} {
		w := newLine(t, external(t, nil).Addr().String())
		w.spill = []byte(asked)
		began := time.Now()
		b, err := Open(t.Context(), Options{URL: w.url(), MaxBytes: 256 << 20})
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("with %s lost it takes %s", asked, took)
		}
		w.mu.Lock()
		if w.spill != nil {
			t.Errorf("nobody asked %s", asked)
		}
		w.mu.Unlock()
	}
}

// A line that is cut without a word is noticed; what comes meanwhile waits, and goes on
// once the line is mended.
func TestForwardOverACutLine(t *testing.T) {
	cluster := newFar(t)
	cluster.come()
	w := newLine(t, cluster.s.Addr().String())
	b := edge(t, t.TempDir())
	f, err := b.NewForward(Options{URL: w.url(), MaxBytes: 1 << 30, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	f.to.pings = 200 * time.Millisecond
	run(t, f)
	emit(t, b, 0, 100)
	passed(t, f, 30*time.Second)
	for n := 1; n <= 2; n++ {
		w.cut()
		emit(t, b, n*100, n*100+100)
		poll(t, func() bool { all, err := f.Standing(t.Context()); return err == nil && all[0].Why != nil })
		time.Sleep(time.Second) // it is cut, and stays so
		began := time.Now()
		w.mend()
		passed(t, f, 30*time.Second)
		t.Logf("everything was passed on %s after the line was mended", time.Since(began).Round(time.Millisecond))
	}
	whole(t, cluster.open(), 300)
}

// Whoever opens a bus is not kept by servers that do not answer.
func TestOpeningCanBeGivenUp(t *testing.T) {
	w := newLine(t, external(t, nil).Addr().String())
	w.cut()
	for _, url := range []string{w.url() + "," + w.url(), "nats://10.255.255.1:4222"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if b, err := Open(ctx, Options{URL: url}); err == nil {
			b.Close()
			t.Error("it was opened")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
	}
	w.mend()
	ctx, cancel := context.WithCancel(t.Context())
	b, err := Open(ctx, Options{URL: w.url(), MaxBytes: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cancel()
	if err := b.Emit(t.Context(), raw("x")); err != nil {
		t.Errorf("what was opened did not outlive its context: %v", err)
	}
	b.nc.ForceReconnect()
	poll(t, func() bool { return b.Emit(t.Context(), raw("y")) == nil })
}
