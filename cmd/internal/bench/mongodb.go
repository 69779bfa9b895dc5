package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/mongodb"
	"mekong/sinks/mongodb/local"
	"mekong/transform"
)

// archiveLeg is one turn at the embedded MongoDB.
type archiveLeg struct {
	rate  float64 // documents a second, counted in the collection
	calls float64 // commands per 1,000 records
}

// measureMongoDB compares what the deliver loop and the sink store with what the
// driver does by itself: the same documents and indexes, in unordered bulks of
// the same size, from as many writers.
func measureMongoDB(ctx context.Context, r *run) ([]Line, error) {
	dir, remove, err := r.folder("mongodb")
	if err != nil {
		return nil, err
	}
	defer remove()
	a, err := openArchive(ctx, filepath.Join(dir, "m"))
	if errors.Is(err, local.ErrLeftOut) {
		return []Line{noLine("mongodb", "documents/s ÷ the driver alone", "left out: "+err.Error())}, nil
	}
	if err != nil {
		return nil, err
	}
	defer a.close()
	s, err := openStore(ctx, filepath.Join(dir, "n"))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	a.store, a.mint = s, newMint()
	if a.of, err = transform.New("landing", nil, nil); err != nil {
		return nil, err
	}
	n := r.scaled(6000, 1000)
	bare := func(ctx context.Context) (archiveLeg, error) { return a.bare(ctx, n) }
	clean := func(ctx context.Context) (archiveLeg, error) { return a.sink(ctx, n, 0) }
	bad := func(ctx context.Context) (archiveLeg, error) { return a.sink(ctx, n, sinkLimits.Batch) }
	got, err := rounds(ctx, r, "mongodb", nil, leg[archiveLeg](bare), clean, bad, clean, bare)
	if err != nil {
		return nil, err
	}
	rate := func(l archiveLeg) float64 { return l.rate }
	calls := func(l archiveLeg) float64 { return l.calls }
	return []Line{
		ratioLine("mongodb", "documents/s ÷ the driver alone", atLeast(0.8), pick(got[1], rate), pick(got[0], rate), pick(got[4], rate)),
		ratioLine("mongodb", "documents/s with one record in 500 refused ÷ with none", atLeast(0.8), pick(got[2], rate), pick(got[1], rate), pick(got[3], rate)),
		plainLine("mongodb", fmt.Sprintf("documents, batches of %d, %d writers", sinkLimits.Batch, sinkLimits.Writers), "/s", nil, pick(got[1], rate)),
		plainLine("mongodb", "documents, the driver alone", "/s", nil, pick(got[0], rate)),
		plainLine("mongodb", "commands per 1,000 records", "", nil, pick(got[1], calls)),
		plainLine("mongodb", "commands per 1,000 records, one in 500 refused", "", nil, pick(got[2], calls)),
	}, nil
}

// sink stores n records through the real loop and sink. Of every so many one is
// refused; 0: none is.
func (a *archive) sink(ctx context.Context, n, every int) (archiveLeg, error) {
	coll, err := a.next(ctx)
	if err != nil {
		return archiveLeg{}, err
	}
	sink, err := a.open(coll)
	if err != nil {
		return archiveLeg{}, err
	}
	defer sink.Close()
	// The first write connects and makes the indexes.
	first, err := a.records(1)
	if err != nil {
		return archiveLeg{}, err
	}
	if out := sink.Write(ctx, first); out[0].Err != nil {
		return archiveLeg{}, out[0].Err
	}
	records, err := a.records(n)
	if err != nil {
		return archiveLeg{}, err
	}
	refused := 0
	if every > 0 {
		for i := every / 2; i < n; i += every {
			// No _id can hold a zero byte. The embedded server would refuse next
			// to nothing, and answers a refusal by inserting one at a time.
			records[i].Key = "\x00" + records[i].Key
			refused++
		}
	}
	for batch := range slices.Chunk(records, stageBatch) {
		for _, err := range a.store.Publish(batch) {
			if err != nil {
				return archiveLeg{}, err
			}
		}
	}
	before, err := a.commands(ctx)
	if err != nil {
		return archiveLeg{}, err
	}
	w := &watched{Sink: sink, want: n, done: make(chan struct{}), settled: make(map[string]struct{}, n)}
	began := time.Now()
	stop := a.store.deliver("archive", w, sinkLimits)
	select {
	case <-w.done:
	case <-time.After(patience):
		return archiveLeg{}, errors.Join(fmt.Errorf("the sink was not done with %d records after %s", n, patience), stop())
	case <-ctx.Done():
		return archiveLeg{}, errors.Join(ctx.Err(), stop())
	}
	took := w.last.Sub(began)
	if err := stop(); err != nil {
		return archiveLeg{}, err
	}
	after, err := a.commands(ctx)
	if err != nil {
		return archiveLeg{}, err
	}
	out := archiveLeg{calls: float64(after-before) * 1000 / float64(n)}
	out.rate, err = a.counted(ctx, coll, n-refused, 1, took)
	return out, err
}

// open is the sink as `mekong run` makes it for the embedded server.
func (a *archive) open(coll string) (*mongodb.Sink, error) {
	return mongodb.New("archive", config.MongoDB{
		Database: database, Collection: coll, WriteConcern: "majority", Timeout: patience, Writers: sinkLimits.Writers,
	}, mongodb.Options{URI: a.server.URI(), MaxUpdates: local.MaxUpdates, Writers: local.Writers})
}

// watched is a sink that is looked at from outside: when it was done.
type watched struct {
	pipeline.Sink
	want int
	done chan struct{}

	mu      sync.Mutex
	settled map[string]struct{}
	last    time.Time // of the write that settled the last; to be read after done
}

// Write implements pipeline.Sink.
func (w *watched) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := w.Sink.Write(ctx, batch)
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.settled)
	for i := range out {
		if out[i].Err == nil || pipeline.IsPermanent(out[i].Err) {
			w.settled[batch[i].ID] = struct{}{}
		}
	}
	if before < w.want && len(w.settled) >= w.want {
		w.last = time.Now()
		close(w.done)
	}
	return out
}
