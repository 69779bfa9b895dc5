package mongodb_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/mongodb"
	"mekong/sinks/mongodb/local"
)

// lead is a record as a landing page gives it, some 600 bytes as a document.
func lead(i int) pipeline.Record {
	at := time.Date(2026, 3, 3, 8, 30, 0, i*1000, time.UTC)
	return pipeline.Record{
		ID: fmt.Sprintf("lead-%08d", i), Key: fmt.Sprintf("lead-%08d", i), Kind: "lead", Source: "landing",
		Occurred: at, Received: at.Add(time.Second),
		Fields: map[string]any{
			"name": "Nguyễn Văn A", "phone": fmt.Sprintf("+849%08d", i), "phone_raw": fmt.Sprintf("09%08d", i), "email": "a@example.com",
			"utm_source": "facebook", "utm_campaign": "mua-xuan-2026", "ad_id": "120212345678901234",
			"consent": true, "score": 2.0, "page": "https://example.com/khuyen-mai", "flags": []string{"test"},
			"note": "Tôi muốn được tư vấn về sản phẩm vào buổi chiều",
		},
	}
}

func benchServer(b *testing.B) (*mongodb.Sink, *mongo.Database, *local.Server) {
	b.Helper()
	s := embedded(b)
	sink, err := mongodb.New("archive", config.MongoDB{Database: "mekong", Collection: "records", WriteConcern: "majority"},
		mongodb.Options{URI: s.URI(), MaxUpdates: local.MaxUpdates, Writers: local.Writers, Alone: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { sink.Close() })
	return sink, connect(b, s.URI()).Database("mekong"), s
}

const (
	perBatch = 500
	perRound = 6 * perBatch
)

// BenchmarkStore compares the sink with the loop one would write without it:
// the same documents, the same batches, the same indexes, on the same server,
// in turns. What arrived is counted at the far end. A/A is the bare loop against
// itself: what a difference must exceed to be one.
func BenchmarkStore(b *testing.B) {
	sink, db, server := benchServer(b)
	ctx := context.Background()
	if err := server.EnsureIndex(ctx, "mekong", "bare"); err != nil {
		b.Fatal(err)
	}
	bare := db.Collection("bare")
	for _, keys := range []bson.D{
		{{Key: "occurred", Value: -1}},
		{{Key: "kind", Value: 1}, {Key: "source", Value: 1}, {Key: "received", Value: -1}},
		{{Key: "fields.phone", Value: 1}},
	} {
		if _, err := bare.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys}); err != nil {
			b.Fatal(err)
		}
	}
	next := 0
	records := func() []pipeline.Record {
		batch := make([]pipeline.Record, perBatch)
		for i := range batch {
			batch[i] = lead(next)
			next++
		}
		return batch
	}
	round := func(store func([]pipeline.Record)) float64 {
		var batches [][]pipeline.Record
		for range perRound / perBatch {
			batches = append(batches, records())
		}
		began := time.Now()
		for _, batch := range batches {
			store(batch)
		}
		return perRound / time.Since(began).Seconds()
	}
	viaLoop := func(batch []pipeline.Record) {
		docs := make([]bson.D, len(batch))
		for i, r := range batch {
			docs[i] = bson.D{
				{Key: "_id", Value: r.Key}, {Key: "id", Value: r.ID}, {Key: "kind", Value: r.Kind}, {Key: "source", Value: r.Source},
				{Key: "occurred", Value: r.Occurred}, {Key: "received", Value: r.Received},
				{Key: "version", Value: r.Occurred.String() + r.Received.String()}, {Key: "revision", Value: int64(1)},
				{Key: "fields", Value: r.Fields},
			}
		}
		if _, err := bare.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false)); err != nil {
			b.Fatal(err)
		}
	}
	viaSink := func(bad int) func(batch []pipeline.Record) {
		return func(batch []pipeline.Record) {
			for i := range bad {
				batch[i*perBatch/bad].Fields["bad"] = complex(1, 2)
			}
			refused := 0
			for _, o := range sink.Write(ctx, batch) {
				if o.Err != nil {
					refused++
				}
			}
			if refused != bad {
				b.Fatalf("%d records refused, want %d", refused, bad)
			}
		}
	}
	viaSink(0)(records()) // connect, make the indexes
	viaLoop(records())
	var loop, again, clean, bad []float64
	for b.Loop() {
		for range 5 {
			loop = append(loop, round(viaLoop))
			clean = append(clean, round(viaSink(0)))
			bad = append(bad, round(viaSink(1)))
			again = append(again, round(viaLoop))
		}
	}
	// At the far end, once: the embedded server counts by reading everything.
	for name, want := range map[string]int{
		"bare":    perBatch + (len(loop)+len(again))*perRound,
		"records": perBatch + (len(clean)+len(bad))*perRound - len(bad)*perRound/perBatch,
	} {
		if n, err := db.Collection(name).CountDocuments(ctx, bson.D{}); err != nil || n != int64(want) {
			b.Fatalf("%s holds %d documents, want %d (%v)", name, n, want, err)
		}
	}
	b.Logf("bare %.0f, sink %.0f, one bad %.0f, bare again %.0f", loop, clean, bad, again)
	b.ReportMetric(median(clean), "stored/s")
	b.ReportMetric(median(ratios(clean, loop)), "÷bare")
	b.ReportMetric(median(ratios(again, loop)), "A/A")
	b.ReportMetric(spread(ratios(again, loop)), "A/A-spread")
	b.ReportMetric(median(ratios(bad, clean)), "bad÷clean")
}

// BenchmarkUpdate measures rows that exist, in a collection of 5,000.
func BenchmarkUpdate(b *testing.B) {
	sink, _, _ := benchServer(b)
	ctx := context.Background()
	write := func(batch []pipeline.Record) {
		for _, o := range sink.Write(ctx, batch) {
			if o.Err != nil {
				b.Fatal(o.Err)
			}
		}
	}
	for i := 0; i < 5000; i += perBatch {
		batch := make([]pipeline.Record, perBatch)
		for j := range batch {
			batch[j] = lead(i + j)
		}
		write(batch)
	}
	n := 0
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			r := lead(n * 37 % 5000)
			n++
			r.ID = fmt.Sprintf("later-%d", n)
			r.Occurred = r.Occurred.Add(time.Hour + time.Duration(n))
			r.Fields = map[string]any{"note": r.ID}
			write([]pipeline.Record{r})
		}
	})
	b.Run("repeated", func(b *testing.B) {
		for b.Loop() {
			write([]pipeline.Record{lead(n * 37 % 5000)})
			n++
		}
	})
}

// BenchmarkPrepare is the sink's own work on a batch, against a store that
// costs next to nothing.
func BenchmarkPrepare(b *testing.B) {
	h, s := openFake(b)
	batch := make([]pipeline.Record, perBatch)
	for i := range batch {
		batch[i] = lead(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.mu.Lock()
		clear(s.docs)
		s.mu.Unlock()
		for _, o := range h.sink.Write(context.Background(), batch) {
			if o.Err != nil {
				b.Fatal(o.Err)
			}
		}
	}
}

func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func spread(v []float64) float64 { return slices.Max(v) - slices.Min(v) }
