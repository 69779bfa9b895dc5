package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
)

// bench is a real server in process and a bus on it.
type bench struct {
	*bus.Bus
	server *local.Server
	t      *testing.T
}

func setup(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	s, err := local.Start(t.Context(), local.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Options{Server: s, Dir: dir, MaxBytes: 256 << 20})
	if err != nil {
		s.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); s.Close() })
	return &bench{b, s, t}
}

// records publishes n leads with the IDs prefix0, prefix1, …
func (b *bench) records(prefix string, n int) {
	b.t.Helper()
	rs := make([]pipeline.Record, n)
	for i := range rs {
		rs[i] = record(fmt.Sprint(prefix, i))
	}
	for _, err := range b.Publish(rs) {
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func record(id string) pipeline.Record {
	at := time.Date(2026, 11, 24, 3, 4, 5, 6, time.UTC)
	return pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: at, Received: at,
		Fields: map[string]any{"id": id}}
}

// start runs f until the returned stop is called, which waits for it to end.
func (b *bench) start(f func(context.Context) error) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					b.t.Errorf("the worker ended with %v", err)
				}
			case <-time.After(20 * time.Second):
				b.t.Error("the worker did not stop")
			}
		})
	}
	b.t.Cleanup(stop)
	return stop
}

func (b *bench) deliver(s pipeline.Sink, change ...func(*Deliver)) *Deliver {
	d := &Deliver{
		Bus: b.Bus, Name: "crm", Sink: s, Accept: []string{"*"},
		Limits:  pipeline.Limits{Batch: 10, Writers: 2},
		Pauses:  Pauses{First: time.Millisecond, Most: 20 * time.Millisecond},
		Grace:   2 * time.Second,
		AckWait: 2 * time.Second,
	}
	for _, f := range change {
		f(d)
	}
	return d
}

// graves gives the reasons of what is buried at a stage, by ID.
func (b *bench) graves(stage string) map[string]bus.Grave {
	b.t.Helper()
	out := map[string]bus.Grave{}
	gs, err := b.Graves(b.t.Context(), stage, 0, 10_000)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, g := range gs {
		if _, twice := out[g.ID]; twice {
			b.t.Errorf("%s is buried twice", g.ID)
		}
		out[g.ID] = g
	}
	return out
}

// balance fails the test unless everything adds up, and returns the line.
func (b *bench) balance(accept ...string) bus.Balance {
	b.t.Helper()
	if len(accept) == 0 {
		accept = []string{"*"}
	}
	l := b.NewLedger()
	stop := b.start(l.Run)
	defer stop()
	got, err := l.Balance(b.t.Context(), []bus.SinkAccept{{Name: "crm", Accept: accept}})
	if err != nil {
		b.t.Fatal(err)
	}
	return got[0]
}

func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about: %s", what)
		}
	}
}

// memory is a sink that keeps counts and fails as told.
type memory struct {
	mu     sync.Mutex
	writes map[string]int  // writes that reached it, by ID
	rows   map[string]bool // stored
	again  map[string]bool // marked Again at the last write
	calls  int
	inside int
	most   int // writes in flight at once
	// fault decides about a batch before it is stored; nil: all stored.
	fault func(ctx context.Context, call int, batch []pipeline.Record) []pipeline.Outcome
}

func newMemory() *memory {
	return &memory{writes: map[string]int{}, rows: map[string]bool{}, again: map[string]bool{}}
}

func (m *memory) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	m.mu.Lock()
	m.calls++
	call := m.calls
	m.inside++
	m.most = max(m.most, m.inside)
	for _, r := range batch {
		m.writes[r.ID]++
		m.again[r.ID] = r.Again
	}
	fault := m.fault
	m.mu.Unlock()
	defer func() { m.mu.Lock(); m.inside--; m.mu.Unlock() }()
	out := make([]pipeline.Outcome, len(batch))
	if fault != nil {
		if o := fault(ctx, call, batch); o != nil {
			out = o
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range out {
		if o.Err == nil && i < len(batch) {
			m.rows[batch[i].ID] = true
			out[i].Ref = "row " + batch[i].ID
		}
	}
	return out
}

func (m *memory) Forget(context.Context, []string) error   { return nil }
func (m *memory) Check(context.Context) []pipeline.Finding { return nil }
func (m *memory) Close() error                             { return nil }
func (m *memory) count() int                               { m.mu.Lock(); defer m.mu.Unlock(); return len(m.rows) }
func (m *memory) wrote() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.writes)
}
func (m *memory) marked(id string) bool { m.mu.Lock(); defer m.mu.Unlock(); return m.again[id] }
func (m *memory) set(f func(context.Context, int, []pipeline.Record) []pipeline.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// only fails the named records with err.
func only(err error, ids ...string) func(context.Context, int, []pipeline.Record) []pipeline.Outcome {
	return func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		out := make([]pipeline.Outcome, len(batch))
		for i, r := range batch {
			for _, id := range ids {
				if r.ID == id {
					out[i].Err = err
				}
			}
		}
		return out
	}
}

// all fails every record with err.
func all(err error) func(context.Context, int, []pipeline.Record) []pipeline.Outcome {
	return func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		return pipeline.Outcomes(len(batch), err)
	}
}

var errOdd = errors.New("an error nobody has met")
