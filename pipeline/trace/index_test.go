package trace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
)

// eventful fills a feed with everything that can happen to a delivery, and calls after
// behind each message, so that an index can be brought up to any point of it.
func eventful(f *streams, after func()) {
	at := start.Add(time.Hour)
	step := func(uint64) { at = at.Add(time.Minute); f.now = at; after() }
	lead := func(id string, fields map[string]any) (raw, rec uint64) {
		raw, rec = f.lead(id, at, fields)
		step(0)
		return raw, rec
	}
	body := func(s string) pipeline.Raw {
		return pipeline.Raw{ID: "", Source: "landing", Format: "ladipage.form", Received: at, Body: []byte(s),
			Meta: map[string]string{"content_type": "application/x-www-form-urlencoded"}}
	}
	_, one := lead("l-1", map[string]any{"name": "Một", "phone": "+84900000001", "phone_local": "0900000001"})
	step(f.settle("sink-archive", at, Settled{Seq: one, ID: "l-1", State: Stored, Ref: "mongodb:a.b/l-1", Attempts: 1}))
	// Buried at one sink, sent through again, stored.
	_, two := lead("l-2", map[string]any{"name": "Hai"})
	rec2 := f.records[len(f.records)-1].Value
	grave := f.bury(Burial{Stage: "sink-crm", Origin: two, Record: &rec2, Reason: "wants a number", Attempts: 5, At: at})
	step(0)
	step(f.settle("sink-crm", at, Settled{Seq: two, ID: "l-2", State: BuriedAt, Reason: "wants a number", Attempts: 5}))
	redo := f.record(rec2)
	step(0)
	step(f.settle("sink-crm", at, Settled{Seq: grave, ID: "l-2", State: unburied}))
	f.unearth(grave)
	step(f.settle("sink-crm", at, Settled{Seq: redo, ID: "l-2", State: Stored, Ref: "https://x/y?record=rec2", Attempts: 1}))
	// Buried and still there; buried and dropped by hand.
	for _, id := range []string{"l-3", "l-4"} {
		_, seq := lead(id, map[string]any{"name": "Ba Bốn"})
		r := f.records[len(f.records)-1].Value
		g := f.bury(Burial{Stage: "sink-crm", Origin: seq, Record: &r, Reason: "no such column", Attempts: 1, At: at})
		step(0)
		step(f.settle("sink-crm", at, Settled{Seq: seq, ID: id, State: BuriedAt, Reason: "no such column", Attempts: 1}))
		if id == "l-4" {
			step(f.settle("sink-crm", at, Settled{Seq: g, ID: id, State: Dropped}))
			f.unearth(g)
			step(0)
		}
	}
	// Left out by a rule of the transform: there is no record.
	r := body("name=N%C4%83m&phone=0900000005")
	r.ID = "l-5"
	seq := f.raw(r)
	step(0)
	step(f.settle("transform", at, Settled{Seq: seq, ID: "l-5", State: Filtered, Reason: "transform.landing.where"}))
	// Buried by the transform, sent through it again, and a record now.
	r = body("name=S%C3%A1u")
	r.ID = "l-6"
	seq = f.raw(r)
	g := f.bury(Burial{Stage: "transform", Origin: seq, Raw: keep(r), Reason: "the transform failed", Attempts: 1, At: at})
	step(0)
	step(f.settle("transform", at, Settled{Seq: seq, ID: "l-6", State: BuriedAt, Reason: "the transform failed", Attempts: 1}))
	f.raw(r)
	step(f.settle("transform", at, Settled{Seq: g, ID: "l-6", State: unburied}))
	f.unearth(g)
	step(f.record(pipeline.Record{ID: "l-6", Key: "l-6", Kind: "lead", Source: "landing", Received: r.Received, Occurred: at, Fields: map[string]any{"name": "Sáu"}}))
	// Buried by the transform for good.
	r = body("{\"name\":\"Bảy\",\"phone\":\"0900 000 007\"}")
	r.ID = "l-7"
	seq = f.raw(r)
	f.bury(Burial{Stage: "transform", Origin: seq, Raw: keep(r), Reason: "no transform", Attempts: 1, At: at})
	step(0)
	step(f.settle("transform", at, Settled{Seq: seq, ID: "l-7", State: BuriedAt, Reason: "no transform", Attempts: 1}))
	// One delivery, three records, one row of a conversation.
	r = body("")
	r.ID = "l-8"
	f.raw(r)
	for n := 1; n <= 3; n++ {
		step(f.record(pipeline.Record{ID: fmt.Sprintf("l-8/%d", n), Key: "talk-1", Kind: "turn", Source: "chat", Received: at, Occurred: at, Fields: map[string]any{"name": "Tám"}}))
	}
	// A later message about a row changes what it is found by.
	step(f.record(pipeline.Record{ID: "l-1", Key: "l-1", Kind: "lead", Source: "landing", Received: f.records[0].Value.Received, Occurred: at, Fields: map[string]any{"name": "Mười"}}))
	// Not settled by anybody, not yet a record.
	lead("l-9", map[string]any{"name": "Chín"})
	r = body("")
	r.ID = "l-10"
	step(f.raw(r))
	// What nobody can read is stepped over.
	f.mu.Lock()
	f.last[Records]++
	f.records = append(f.records, Entry[pipeline.Record]{Seq: f.last[Records], Err: errors.New("no record")})
	f.mu.Unlock()
	step(0)
	step(f.settle("sink-crm", at, Settled{Seq: f.last[Records], State: BuriedAt, Reason: "not a record"}))
}

func keep[T any](v T) *T { return &v }

// dump is everything the index says, for comparing.
func dump(t *testing.T, x *Index) string {
	t.Helper()
	p, err := x.Search(t.Context(), "", Filter{}, MostEntries)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.Entries {
		if e.Key == e.ID {
			continue
		}
		if got := search(t, x, e.Key, Filter{}); !slices.Contains(got, e.ID) {
			t.Errorf("%s is not found by its key", e.ID)
		}
	}
	slices.SortFunc(p.Entries, func(a, b Entered) int { return strings.Compare(a.ID, b.ID) })
	out, err := json.MarshalIndent(p.Entries, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range []string{"hai", "mot", "muoi", "nam", "0900000005", "0900000007", "bay", "sau", "tam"} {
		out = fmt.Appendf(out, "\n%s: %v", term, search(t, x, term, Filter{}))
	}
	return string(out)
}

func TestRebuiltIsWhatGrew(t *testing.T) {
	f := newStreams()
	grown := open(t, options(t, f))
	eventful(f, func() { catchUp(t, grown) })
	rebuilt := open(t, options(t, f))
	catchUp(t, rebuilt)
	want, got := dump(t, grown), dump(t, rebuilt)
	if got != want {
		t.Errorf("built anew it says\n%s\nbut what grew says\n%s", got, want)
	}
	// One step of each stream at a time, in any order that can come about.
	for _, c := range []struct{ term, want string }{
		{"l-1", "archive:stored crm:waiting "}, {"l-2", "archive:waiting crm:stored "}, {"l-3", "archive:waiting crm:buried "},
		{"l-4", "archive:waiting crm:dropped "}, {"l-5", "transform:filtered "}, {"l-6", "archive:waiting crm:waiting "},
		{"l-7", "transform:buried "}, {"l-8/2", "archive:waiting "}, {"l-9", "archive:waiting crm:waiting "},
	} {
		p, err := rebuilt.Search(t.Context(), c.term, Filter{}, 1)
		if err != nil || len(p.Entries) != 1 {
			t.Fatalf("%s: %v %v", c.term, p.Entries, err)
		}
		if s := describe(p.Entries[0]); s != c.want {
			t.Errorf("%s: %s, want %s", c.term, s, c.want)
		}
	}
	if got := search(t, rebuilt, "l-8", Filter{}); len(got) != 3 {
		t.Errorf("the delivery's ID finds %v", got)
	}
	if got := search(t, rebuilt, "mot", Filter{}); len(got) != 0 {
		t.Errorf("by a name that was replaced: %v", got)
	}
	if got := search(t, rebuilt, "900000007", Filter{}); len(got) != 1 {
		t.Errorf("what the transform could not read is found by its phone: %v", got)
	}
	if rebuilt.Records() != grown.Records() || rebuilt.Records() != 11 {
		t.Errorf("%d and %d entries", rebuilt.Records(), grown.Records())
	}
}

// A process that dies before it commits has written nothing, and the next goes on where
// the last commit was.
func TestKilledInTheMiddle(t *testing.T) {
	f := newStreams()
	o := options(t, f)
	eventful(f, func() {})
	x := open(t, o)
	died := errors.New("died")
	if err := x.write.transaction(func() error {
		if err := x.write.enter([]row{{id: "half", received: 1, words: []string{"nhalf"}}}, 0); err != nil {
			return err
		}
		x.write.places[Records] = place{f.made.UnixNano(), 3}
		return died
	}); !errors.Is(err, died) {
		t.Fatal(err)
	}
	// And one that dies with its transaction open.
	if err := x.write.exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if err := x.write.enter([]row{{id: "open", received: 2, words: []string{"nopen"}}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, o)
	catchUp(t, x)
	whole := open(t, options(t, f))
	catchUp(t, whole)
	if dump(t, x) != dump(t, whole) || x.Records() != whole.Records() {
		t.Errorf("after the kill: %s", dump(t, x))
	}
	if n := len(search(t, x, "half", Filter{})) + len(search(t, x, "open", Filter{})); n != 0 {
		t.Error("what was never committed is there")
	}
}

// run runs the index until the returned stop.
func run(t *testing.T, x *Index) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	stop := func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return stop
}

// poll waits for a condition.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about: " + what)
		}
	}
}

// found counts, and takes an error for nothing found.
func found(t *testing.T, x *Index) int {
	p, err := x.Search(t.Context(), "", Filter{}, 100)
	if err != nil {
		return -1
	}
	return len(p.Entries)
}

func TestDamagedFile(t *testing.T) {
	f := newStreams()
	people(f)
	for _, c := range []struct {
		name string
		harm func(t *testing.T, path string)
	}{
		{"not a database", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("no index ", 1000))) }},
		{"an empty file", func(t *testing.T, path string) { write(t, path, nil) }},
		{"of another version", func(t *testing.T, path string) {
			b := read(t, path)
			b[63] = 99 // user_version
			write(t, path, b)
		}},
		{"cut off", func(t *testing.T, path string) { write(t, path, read(t, path)[:3000]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t, f)
			x := open(t, o)
			catchUp(t, x)
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			c.harm(t, o.Path)
			x = open(t, o)
			catchUp(t, x)
			if n := found(t, x); n != 4 {
				t.Errorf("%d entries", n)
			}
		})
	}
}

// What happens to the file under a running index is mended by itself.
func TestDamagedWhileRunning(t *testing.T) {
	f := newStreams()
	people(f)
	o := options(t, f)
	x := open(t, o)
	defer run(t, x)()
	poll(t, "the index is built", func() bool { return found(t, x) == 4 })
	for _, name := range []string{"", "-wal", "-shm"} {
		if err := gone(os.Remove(o.Path + name)); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, "a deleted file is made anew", func() bool { _, err := os.Stat(o.Path); return err == nil && found(t, x) == 4 })
	// A page in the middle is overwritten behind SQLite's back.
	if err := x.write.exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	b := read(t, o.Path)
	for i := 4096; i < len(b); i++ {
		b[i] = 0xaa
	}
	file, err := os.OpenFile(o.Path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	// Pages already in memory would hide it from this connection for a while.
	x.suspect.Store(true)
	f.lead("landing-e", start.Add(time.Hour), map[string]any{"name": "E"})
	poll(t, "a damaged file is put aside and made anew", func() bool {
		_, err := os.Stat(o.Path + ".damaged")
		return err == nil && found(t, x) == 5
	})
}

// Streams that were made anew have other sequences: the index is built anew too.
func TestOtherStreams(t *testing.T) {
	f := newStreams()
	people(f)
	o := options(t, f)
	x := open(t, o)
	catchUp(t, x)
	g := newStreams()
	g.made = g.made.Add(time.Minute)
	g.lead("landing-z", start, map[string]any{"name": "Z"})
	x.opts.Feed = g
	catchUp(t, x)
	if got := search(t, x, "", Filter{}); !slices.Equal(got, []string{"landing-z"}) || x.Records() != 1 {
		t.Errorf("%v", got)
	}
}

// Two processes on one file do each thing once.
func TestTwoWriters(t *testing.T) {
	f := newStreams()
	o := options(t, f)
	a, b := open(t, o), open(t, o)
	eventful(f, func() {
		catchUp(t, a)
	})
	catchUp(t, b)
	people(f)
	stop := run(t, a)
	catchUp(t, b)
	stop()
	catchUp(t, a)
	whole := open(t, options(t, f))
	catchUp(t, whole)
	if got, want := dump(t, b), dump(t, whole); got != want {
		t.Errorf("two writers made\n%s\nwant\n%s", got, want)
	}
	reader, err := Open(Options{Path: o.Path, Feed: f, Sinks: sinks, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if dump(t, reader) != dump(t, whole) || reader.Records() != whole.Records() {
		t.Error("a reader beside them sees something else")
	}
	if err := reader.CatchUp(t.Context(), nil); !errors.Is(err, errReadOnly) {
		t.Errorf("a reader that writes: %v", err)
	}
	if _, err := Open(Options{Path: o.Path + "x", Feed: f, ReadOnly: true}); !errors.Is(err, ErrNoIndex) {
		t.Errorf("without a file: %v", err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
