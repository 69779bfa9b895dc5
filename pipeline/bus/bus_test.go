package bus

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus/local"
)

// serve starts a real server in process and a bus on it.
func serve(t testing.TB, dir string, change ...func(*Options)) (*Bus, *local.Server) {
	t.Helper()
	s, err := local.Start(t.Context(), local.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Server: s, Dir: dir, MaxBytes: 256 << 20}
	for _, f := range change {
		f(&o)
	}
	b, err := Open(t.Context(), o)
	if err != nil {
		s.Close()
		t.Fatal(err)
	}
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { b.Close(); s.Close() }) })
	return b, s
}

func raw(id string) pipeline.Raw {
	return pipeline.Raw{
		ID: id, Source: "landing", Format: "ladipage.form",
		Received: time.Date(2026, 11, 24, 3, 4, 5, 6, time.UTC),
		Meta:     map[string]string{"content_type": "text/plain", "odd": "a\r\nb\"ộ"},
		Body:     []byte("body of " + id),
	}
}

func TestEmitIsReadBackAsSent(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	sent := raw("one")
	if err := b.Emit(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := take(t, q, 1)[0]
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	if fmt.Sprint(got.Value) != fmt.Sprint(sent) {
		t.Errorf("got %+v, sent %+v", got.Value, sent)
	}
	if !got.Again {
		t.Error("what was there before the worker started is not marked Again")
	}
}

// take fetches until n deliveries are in hand.
func take[T any](t testing.TB, q *Queue[T], n int) []Delivery[T] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var out []Delivery[T]
	for len(out) < n {
		ds, err := q.Fetch(ctx, n-len(out), 0)
		if err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			t.Fatalf("only %d of %d deliveries came", len(out), n)
		}
		out = append(out, ds...)
	}
	return out
}

func TestEmitStoresAnIDOnce(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	for range 3 {
		if err := b.Emit(t.Context(), raw("same"), raw("same")); err != nil {
			t.Fatal(err)
		}
	}
	if c := b.Counts(); c.Accepted != 1 || c.Duplicates != 5 {
		t.Errorf("accepted %d, duplicates %d; want 1 and 5", c.Accepted, c.Duplicates)
	}
}

// The process forgets, the stream does not: a batch that holds a known ID is
// refused as a whole and must still end with every new message stored.
func TestBatchWithAnIDOfAnEarlierProcess(t *testing.T) {
	dir := t.TempDir()
	b, s := serve(t, dir)
	if err := b.Emit(t.Context(), raw("known-7"), raw("known-31")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	s.Close()

	b, _ = serve(t, dir)
	var raws []pipeline.Raw
	for i := range 40 {
		raws = append(raws, raw(fmt.Sprintf("known-%d", i)))
	}
	if err := b.Emit(t.Context(), raws...); err != nil {
		t.Fatal(err)
	}
	if c := b.Counts(); c.Accepted != 38 || c.Duplicates != 2 {
		t.Errorf("accepted %d, duplicates %d; want 38 and 2", c.Accepted, c.Duplicates)
	}
}

func TestEmitGroupsConcurrentCallers(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	const n = 2000
	var wg sync.WaitGroup
	work := make(chan int)
	for range 200 {
		wg.Go(func() {
			for i := range work {
				if err := b.Emit(t.Context(), raw(fmt.Sprint("g", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	c := b.Counts()
	if c.Accepted != n {
		t.Errorf("accepted %d, want %d", c.Accepted, n)
	}
	if c.Groups > n/3 {
		t.Errorf("%d commits for %d deliveries of 200 callers: they were not grouped", c.Groups, n)
	}
}

func TestFullIsARefusalAndPasses(t *testing.T) {
	b, _ := serve(t, t.TempDir(), func(o *Options) { o.MaxBytes = 1 << 20 })
	big := raw("big")
	for i := 0; ; i++ {
		big.ID, big.Body = fmt.Sprint("big", i), noise(64<<10, i)
		if err := b.Emit(t.Context(), big); err != nil {
			if !isFull(err) {
				t.Fatalf("a full stream says %v", err)
			}
			break
		}
		if i > 100 {
			t.Fatal("the stream never filled")
		}
	}
	// Once the queue has finished them and they may go, there is room again.
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range take(t, q, int(b.Counts().Accepted)) {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool {
		if err := b.Tidy(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		return b.Emit(t.Context(), big) == nil
	})
}

func TestReserveClosesTheDoor(t *testing.T) {
	b, _ := serve(t, t.TempDir(), func(o *Options) { o.Reserve = 15 })
	for _, c := range []struct {
		name        string
		free, total uint64
		full        bool
	}{
		{"plenty", 50 << 30, 100 << 30, false},
		{"just above", 16 << 30, 100 << 30, false},
		{"a large disk with much left", 100 << 30, 1000 << 30, false},
		{"a large disk with little left", 9 << 30, 1000 << 30, true},
		{"a small disk", 14 << 20, 100 << 20, true},
		{"unknown", 0, 0, false},
	} {
		b.volume.space = func(string) (uint64, uint64, error) { return c.free, c.total, nil }
		if err := b.Emit(t.Context(), raw(c.name)); isFull(err) != c.full || !c.full && err != nil {
			t.Errorf("%s: Emit says %v", c.name, err)
		}
	}
}
