package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// server is an embedded NATS that several "processes" of one test connect to.
type server struct {
	*local.Server
	t   testing.TB
	dir string
}

func newServer(t testing.TB) *server {
	t.Helper()
	dir := t.TempDir()
	s, err := local.Start(t.Context(), local.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &server{s, t, dir}
}

// process connects as one more process.
func (s *server) process() *bus.Bus {
	s.t.Helper()
	b, err := bus.Open(s.t.Context(), bus.Options{Server: s.Server, Dir: s.dir, MaxBytes: 1 << 30})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(b.Close)
	return b
}

func (s *server) table(b *bus.Bus, name string) *bus.KV {
	s.t.Helper()
	kv, err := b.KV(s.t.Context(), name, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return kv
}

var quickPace = leasePace{good: 600 * time.Millisecond, idle: 50 * time.Millisecond, turn: 100 * time.Millisecond, poll: 5 * time.Millisecond, wait: 5 * time.Second}

// Who holds a lease, who gets it, and what is remembered of it.
func TestLease(t *testing.T) {
	s := newServer(t)
	one, two := s.process(), s.process()
	a, b := paced(s.table(one, "leases"), quickPace), paced(s.table(two, "leases"), quickPace)
	ctx := t.Context()
	acquire := func(l *lease) uint64 {
		t.Helper()
		tenure, err := l.Acquire(ctx, "base.x")
		if err != nil {
			t.Fatal(err)
		}
		return tenure
	}
	first := acquire(a)
	if first == 0 {
		t.Error("the first tenure is 0")
	}
	// Another name is another lease; the same one is not to be had while it is used.
	if _, err := b.Acquire(ctx, "base.y"); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	if _, err := b.Acquire(short, "base.x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second holder: %v", err)
	}
	cancel()
	if err := b.Renew(ctx, "base.x", time.Millisecond); !errors.Is(err, larkbase.ErrLeased) {
		t.Errorf("renewed by one who has it not: %v", err)
	}
	// It is kept beyond its time as long as it is renewed.
	for end := time.Now().Add(2 * quickPace.good); time.Now().Before(end); {
		if err := a.Renew(ctx, "base.x", quickPace.good/2); err != nil {
			t.Fatal(err)
		}
		if err := pause(ctx, quickPace.poll); err != nil {
			t.Fatal(err)
		}
	}
	// Given up and taken again by the same process, it is one tenure.
	if err := a.Release(ctx, "base.x"); err != nil {
		t.Fatal(err)
	}
	if again := acquire(a); again != first {
		t.Errorf("tenure %d became %d, and nobody was there in between", first, again)
	}
	a.Rest("base.x")
	began := time.Now()
	acquire(b) // after an idle moment
	t.Logf("beside an idle process one waits %v", time.Since(began).Round(time.Millisecond))
	if err := b.Release(ctx, "base.x"); err != nil {
		t.Fatal(err)
	}
	if again := acquire(a); again == first {
		t.Error("another process had the lease, and it is the same tenure")
	}
	// A process that is gone loses it when its time is up.
	one.Close()
	began = time.Now()
	acquire(b)
	if took := time.Since(began); took < quickPace.good/2 {
		t.Errorf("taken from a silent process after %v", took)
	}
	if err := a.Renew(ctx, "base.x", time.Hour); err == nil {
		t.Error("renewed by a process that is gone")
	}
	two.Close()
	if _, err := b.Acquire(ctx, "base.z"); err == nil {
		t.Error("a lease without a bus")
	}
}

// A process that has much to write lets another one have its turn.
func TestLeaseGivesWay(t *testing.T) {
	s := newServer(t)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	inside, most := 0, 0
	var had [2]int
	for i := range 2 {
		l := paced(s.table(s.process(), "leases"), quickPace)
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := l.Acquire(ctx, "base.x"); err != nil {
					continue
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				had[i]++
				mu.Unlock()
				_ = pause(ctx, time.Millisecond)
				mu.Lock()
				inside--
				mu.Unlock()
				l.Rest("base.x")
			}
		})
	}
	poll(t, 30*time.Second, func() string {
		mu.Lock()
		defer mu.Unlock()
		if had[0] > 50 && had[1] > 50 {
			return ""
		}
		return fmt.Sprintf("they had %v turns", had)
	})
	cancel()
	wg.Wait()
	if most != 1 {
		t.Errorf("%d held it at once", most)
	}
	t.Logf("turns at writing: %v", had)
}

// Eight workers in two processes write to one Base: never two at once, and none is
// told that another was under way.
func TestOneWriterOverProcesses(t *testing.T) {
	const workers, batches, size = 8, 40, 25
	sim := larksim.New(larksim.Options{Latency: 3 * time.Millisecond, LogLength: 1})
	sim.AddApp(larksim.App{ID: "cli_a", Secret: "s", Scopes: []string{"bitable:app"}})
	sim.AddBase("bascnOne", "Bán hàng")
	sim.Grant("cli_a", "bascnOne", larksim.CanEdit)
	s := newServer(t)
	var wg sync.WaitGroup
	for p := range 2 {
		l, gates := paced(s.table(s.process(), "leases"), quickPace), larkbase.NewGates()
		for i := range workers / 2 {
			name := fmt.Sprintf("T%d-%d", p, i)
			table := sim.AddTable("bascnOne", name, larksim.Field{Name: "name", Type: larksim.Text})
			sink, err := larkbase.New(name, config.LarkBase{
				URL: "https://example.larksuite.com/base/bascnOne?table=" + table, AppID: "cli_a", AppSecret: config.NewSecret("s"), KeyColumn: "Mekong ID",
			}, larkbase.Options{Gates: gates, Lease: l, HTTP: sim.Client()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = sink.Close() })
			wg.Go(func() {
				for n := range batches {
					batch := make([]pipeline.Record, size)
					for k := range batch {
						id := fmt.Sprintf("%s-%d-%d", name, n, k)
						batch[k] = pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: time.Now(), Received: time.Now(), Fields: map[string]any{"name": id}}
					}
					for _, o := range sink.Write(t.Context(), batch) {
						if o.Err != nil {
							t.Errorf("%s: %v", name, o.Err)
							return
						}
					}
				}
			})
		}
	}
	wg.Wait()
	writes, conflicts, rows := 0, 0, 0
	for _, c := range sim.Calls() {
		writes += c.Total
		conflicts += c.Codes[1254291] + c.Codes[1254607]
	}
	for name := range sim.Tables("bascnOne") {
		rows += sim.RowCount("bascnOne", name)
	}
	if most, overlaps := sim.MaxInFlight("bascnOne"), sim.Overlaps("bascnOne"); most != 1 || overlaps != 0 || conflicts != 0 {
		t.Errorf("%d writes at once, %d overlaps, %d conflicts", most, overlaps, conflicts)
	}
	if rows != workers*batches*size {
		t.Errorf("%d rows, want %d", rows, workers*batches*size)
	}
	t.Logf("%d calls, %d conflicts", writes, conflicts)
}
