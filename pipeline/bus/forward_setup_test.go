package bus

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"mekong/pipeline"
)

// far is a cluster of one server that comes and goes, always at one address.
type far struct {
	t    testing.TB
	dir  string
	port int
	s    *server.Server
}

func newFar(t testing.TB) *far {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &far{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	t.Cleanup(f.leave)
	return f
}

func (f *far) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", f.port) }

func (f *far) come() {
	f.t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: f.port, JetStream: true, StoreDir: f.dir, NoSigs: true, NoLog: true, SyncAlways: true})
	if err != nil {
		f.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		f.t.Fatal("the cluster does not come up")
	}
	f.s = s
}

func (f *far) leave() {
	if f.s != nil {
		f.s.Shutdown()
		f.s.WaitForShutdown()
		f.s = nil
	}
}

// open is a connection of the test's own.
func (f *far) open() *Bus {
	f.t.Helper()
	b, err := Open(f.t.Context(), Options{URL: f.url(), MaxBytes: 1 << 30})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(b.Close)
	return b
}

// edge is a bus that deliveries wait in.
func edge(t testing.TB, dir string) *Bus {
	b, _ := serve(t, dir, func(o *Options) { o.Edge = true })
	return b
}

// forward runs until the returned function is called, or the test ends.
func forward(t testing.TB, b *Bus, to Options) (*Forward, func()) {
	t.Helper()
	f, err := b.NewForward(to)
	if err != nil {
		t.Fatal(err)
	}
	return f, run(t, f)
}

func run(t testing.TB, f *Forward) func() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("it does not end")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// arrived reads what a place of the cluster holds.
func arrived(t testing.TB, b *Bus, p Place) []Kept {
	t.Helper()
	var out []Kept
	if err := b.Walk(t.Context(), p, Span{}, func(k Kept) error { out = append(out, k); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// sent is a delivery of one of three sources.
func sent(n int) pipeline.Raw {
	r := raw(fmt.Sprintf("id-%06d", n))
	r.Source = fmt.Sprint("source", n%3)
	r.Meta[metaTrace] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	return r
}

// emit stores deliveries from..to-1, many at a time, so that some come in batches.
func emit(t testing.TB, b *Bus, from, to int) {
	t.Helper()
	for at := from; at < to; at += 250 {
		var raws []pipeline.Raw
		for n := at; n < min(at+250, to); n++ {
			raws = append(raws, sent(n))
		}
		if err := b.Emit(t.Context(), raws...); err != nil {
			t.Fatal(err)
		}
	}
}

// same sees that the cluster holds deliveries 0..n-1 once each, those of each source in
// their order, as they were sent.
func whole(t testing.TB, b *Bus, n int) {
	t.Helper()
	got := arrived(t, b, Deliveries)
	next := [3]int{0, 1, 2}
	for _, k := range got {
		r, err := k.Raw()
		if err != nil {
			t.Fatal(err)
		}
		var at int
		if _, err := fmt.Sscanf(r.ID, "id-%d", &at); err != nil {
			t.Fatal(err)
		}
		if want := next[at%3]; at != want {
			t.Fatalf("of source %d delivery %d came where %d was due", at%3, at, want)
		}
		next[at%3] += 3
		want := rawMsg(sent(at))
		for name := range want.Header {
			if !slices.Equal(k.header[name], want.Header[name]) {
				t.Fatalf("%s: header %s is %q, and was %q", r.ID, name, k.header[name], want.Header[name])
			}
		}
		if k.subject != want.Subject || string(k.data) != string(want.Data) || k.header.Get(headerAgain) != "" {
			t.Fatalf("%s came as %s with %q", r.ID, k.subject, k.header)
		}
	}
	if len(got) != n {
		t.Errorf("%d deliveries arrived of %d", len(got), n)
	}
}

// settled waits until nothing waits at an edge.
func passed(t testing.TB, f *Forward, most time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(most); ; time.Sleep(5 * time.Millisecond) {
		all, err := f.Standing(t.Context())
		if err == nil && all[0].Waiting == 0 && all[1].Waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s it stands at %+v (%v)", most, all, err)
		}
	}
}
