package app

import (
	"context"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
	"mekong/sinks"
)

// BenchmarkReconcile compares 100,000 records on the real bus with a destination that
// costs nothing: what Mekong itself needs for it.
func BenchmarkReconcile(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	s, err := local.Start(b.Context(), local.Options{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		b.Fatal(err)
	}
	bs, err := bus.Open(b.Context(), bus.Options{Server: s, Dir: dir, MaxBytes: 4 << 30})
	if err != nil {
		s.Close()
		b.Fatal(err)
	}
	b.Cleanup(func() { bs.Close(); s.Close() })
	c := config.Default()
	c.DataDir = dir
	c.Sinks = map[string]config.Sink{"archive": {Accept: []string{"*"}, MongoDB: &config.MongoDB{}}}
	op := &Operator{app: &App{config: c, Bus: bs}}
	if _, err := bs.Records(b.Context(), "archive", []string{"*"}, bus.QueueOptions{}); err != nil {
		b.Fatal(err)
	}
	record := func(i int) pipeline.Record {
		at := time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC)
		return pipeline.Record{ID: fmt.Sprintf("landing-w1s52o-%032d", i), Key: fmt.Sprintf("key-%040d", i), Kind: "lead", Source: "landing", Occurred: at, Received: at,
			Fields: map[string]any{"phone": fmt.Sprintf("+849%08d", i), "name": "Nguyễn Thị Khách", "page": "https://khoahoc.example.vn/ielts", "utm_source": "fb", "utm_campaign": "120208585133120157"}}
	}
	for from := 0; from < n; from += 1000 {
		batch := make([]pipeline.Record, 1000)
		settled := make([]bus.Settled, 1000)
		for i := range batch {
			batch[i] = record(from + i)
			settled[i] = bus.Settled{Seq: uint64(from + i + 1), ID: batch[i].ID, State: bus.Stored, Ref: "a row somewhere"}
		}
		for _, err := range bs.Publish(batch) {
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := bs.Trace(bus.Settlement{Stage: bus.StageOf("archive"), At: time.Now(), Settled: settled}); err != nil {
			b.Fatal(err)
		}
	}
	// One row in a thousand is gone.
	rows := sinks.Opened{Name: "archive", Read: func(_ context.Context, _ time.Time, each func(pipeline.Record) error) error {
		for i := range n {
			if i%1000 != 7 {
				if err := each(record(i)); err != nil {
					return err
				}
			}
		}
		return nil
	}}
	b.ResetTimer()
	for range b.N {
		x, err := op.reconciling(b.Context(), ReconcileOptions{Details: 20, Tell: func(string) {}, Now: time.Now}, []string{"archive"})
		if err != nil {
			b.Fatal(err)
		}
		var r SinkReconciliation
		r.Sink = "archive"
		// No worker has taken anything off the queue here, so that floors are of no use.
		x.floors[0], x.busy[0] = x.book.until, false
		cn := x.count(0)
		if err := x.compare(b.Context(), &r, cn, rows); err != nil {
			b.Fatal(err)
		}
		if r.Rows.Missing != n/1000 || r.Rows.Found != n-n/1000 {
			b.Fatalf("%+v", r.Rows)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million records cost what is said of them.
func TestReconcileBoundsItsMemory(t *testing.T) {
	const n = 1_000_000
	before := heap()
	a := &accountBook{seed: maphash.MakeSeed(), kinds: []kindOf{{"lead", "landing"}}}
	var key [32]byte
	for i := range n {
		copy(key[:], fmt.Sprint("key-", i))
		h := maphash.Bytes(a.seed, key[:])
		a.list = append(a.list, posting{id: h, key: h, seq: uint64(i + 1)})
	}
	a.index()
	if each := float64(heap()-before) / n; each > 64 {
		t.Errorf("%.0f bytes a record", each)
	} else {
		t.Logf("%.0f bytes a record", each)
	}
	if len(a.rows) != n || len(a.recordOf(a.list[n/2].id)) != 1 {
		t.Errorf("%d rows", len(a.rows))
	}
	runtime.KeepAlive(a)
}
