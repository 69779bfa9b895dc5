package trace

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

// streams is a feed in memory.
type streams struct {
	mu          sync.Mutex
	made        time.Time
	raws        []Entry[pipeline.Raw]
	records     []Entry[pipeline.Record]
	burials     []Entry[Burial]
	settlements []Entry[Settlement]
	first       map[Stream]uint64 // what is before it was purged
	last        map[Stream]uint64
	now         time.Time // when what is added is stored
}

var start = time.Date(2026, 11, 20, 1, 2, 3, 0, time.UTC)

func newStreams() *streams {
	return &streams{made: start.Add(-time.Hour), first: map[Stream]uint64{}, last: map[Stream]uint64{}, now: start}
}

func put[T any](f *streams, s Stream, to *[]Entry[T], v T) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last[s]++
	*to = append(*to, Entry[T]{Seq: f.last[s], Stored: f.now, Value: v})
	return f.last[s]
}

func (f *streams) raw(r pipeline.Raw) uint64       { return put(f, Raws, &f.raws, r) }
func (f *streams) record(r pipeline.Record) uint64 { return put(f, Records, &f.records, r) }
func (f *streams) bury(b Burial) uint64            { return put(f, Buried, &f.burials, b) }
func (f *streams) settle(stage string, at time.Time, s ...Settled) uint64 {
	return put(f, Trace, &f.settlements, Settlement{Stage: stage, At: at, Took: 120 * time.Millisecond, Settled: s})
}

// remove takes one message out of BURIED.
func (f *streams) unearth(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.burials = slices.DeleteFunc(f.burials, func(e Entry[Burial]) bool { return e.Seq == seq })
}

// purge drops what is before a sequence.
func (f *streams) purge(s Stream, first uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first[s] = first
	switch s {
	case Raws:
		f.raws = behind(f.raws, first-1, len(f.raws))
	case Records:
		f.records = behind(f.records, first-1, len(f.records))
	case Trace:
		f.settlements = behind(f.settlements, first-1, len(f.settlements))
	}
}

func (f *streams) Extent(_ context.Context, s Stream) (Extent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Extent{Made: f.made, First: max(1, f.first[s]), Last: f.last[s]}, nil
}

func (f *streams) NextStored(ctx context.Context, s Stream, after uint64) (time.Time, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch s {
	case Raws:
		return firstOf(behind(f.raws, after, 1))
	case Records:
		return firstOf(behind(f.records, after, 1))
	case Buried:
		return firstOf(behind(f.burials, after, 1))
	}
	return firstOf(behind(f.settlements, after, 1))
}

func firstOf[T any](es []Entry[T]) (time.Time, bool, error) {
	if len(es) == 0 {
		return time.Time{}, false, nil
	}
	return es[0].Stored, true, nil
}

func behind[T any](es []Entry[T], after uint64, n int) []Entry[T] {
	i, _ := slices.BinarySearchFunc(es, after+1, func(e Entry[T], seq uint64) int { return int(e.Seq) - int(seq) })
	return slices.Clone(es[i:min(len(es), i+n)])
}

func locked[T any](f *streams, es *[]Entry[T], after uint64, n int) ([]Entry[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return behind(*es, after, n), nil
}

func (f *streams) Raws(_ context.Context, after uint64, n int) ([]Entry[pipeline.Raw], error) {
	return locked(f, &f.raws, after, n)
}

func (f *streams) Records(_ context.Context, after uint64, n int) ([]Entry[pipeline.Record], error) {
	return locked(f, &f.records, after, n)
}

func (f *streams) Burials(_ context.Context, after uint64, n int) ([]Entry[Burial], error) {
	return locked(f, &f.burials, after, n)
}

func (f *streams) Settlements(_ context.Context, after uint64, n int) ([]Entry[Settlement], error) {
	return locked(f, &f.settlements, after, n)
}

func (f *streams) Raw(_ context.Context, seq uint64) (Entry[pipeline.Raw], bool, error) {
	return one(locked(f, &f.raws, seq-1, 1))(seq)
}

func (f *streams) Record(_ context.Context, seq uint64) (Entry[pipeline.Record], bool, error) {
	return one(locked(f, &f.records, seq-1, 1))(seq)
}

func one[T any](es []Entry[T], err error) func(uint64) (Entry[T], bool, error) {
	return func(seq uint64) (Entry[T], bool, error) {
		if err != nil || len(es) == 0 || es[0].Seq != seq {
			return Entry[T]{}, false, err
		}
		return es[0], true, nil
	}
}

// sinks are those of the tests.
var sinks = []Sink{{Name: "archive", Accept: []string{"*"}}, {Name: "crm", Accept: []string{"lead"}}}

func options(t testing.TB, f Feed) Options {
	t.Helper()
	return Options{Path: filepath.Join(t.TempDir(), "trace.sqlite"), Feed: f, Keep: 30 * 24 * time.Hour, Sinks: sinks}
}

func open(t testing.TB, o Options) *Index {
	t.Helper()
	x, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func catchUp(t testing.TB, x *Index) {
	t.Helper()
	if err := x.CatchUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// lead adds a delivery and the record made of it.
func (f *streams) lead(id string, received time.Time, fields map[string]any) (raw, record uint64) {
	raw = f.raw(pipeline.Raw{ID: id, Source: "landing", Format: "ladipage.form", Received: received,
		Meta: map[string]string{"content_type": "application/x-www-form-urlencoded"}, Body: []byte("name=x")})
	return raw, f.record(pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: received.Add(-time.Second),
		Received: received, Fields: fields})
}

// search gives the IDs found.
func search(t testing.TB, x *Index, term string, f Filter) []string {
	t.Helper()
	p, err := x.Search(t.Context(), term, f, 100)
	if err != nil {
		t.Fatalf("%q: %v", term, err)
	}
	ids := []string{}
	for _, e := range p.Entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// describe is an entry's steps, briefly.
func describe(e Entered) string {
	s := ""
	for _, step := range e.Steps {
		s += fmt.Sprintf("%s:%s ", step.Sink, step.State)
	}
	return s
}
