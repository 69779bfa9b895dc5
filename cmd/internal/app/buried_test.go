package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// choosy refuses some records for good until it is told to be content.
type choosy struct {
	pipeline.Sink
	content *atomic.Bool
	refuses func(pipeline.Record) error
}

func (s choosy) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	if s.content.Load() {
		return s.Sink.Write(ctx, batch)
	}
	out := make([]pipeline.Outcome, len(batch))
	for i, r := range batch {
		if err := s.refuses(r); err != nil {
			out[i].Err = pipeline.Permanent(err)
		} else {
			out[i] = s.Sink.Write(ctx, batch[i:i+1])[0]
		}
	}
	return out
}

// form is a submission of a landing page.
func form(name, phone string, more ...string) []byte {
	v := url.Values{"name": {name}, "phone": {phone}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return []byte(v.Encode())
}

const urlencoded = "application/x-www-form-urlencoded"

// submit sends a submission and gives its ID.
func (r *running) submit(name, phone string, more ...string) string {
	r.t.Helper()
	got := r.post(urlencoded, form(name, phone, more...))
	if got.status != 200 || got.ID == "" {
		r.t.Fatalf("answered %d %s", got.status, got.text)
	}
	return got.ID
}

func TestBuried(t *testing.T) {
	content := &atomic.Bool{}
	c := configured(t, t.TempDir(), oneSink)
	o := Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink {
		return choosy{s, content, func(r pipeline.Record) error {
			switch course := r.Fields["course"]; course {
			case "long":
				return fmt.Errorf("column %q holds %d characters at most", "Course", 30+len(r.ID)%2)
			case "odd":
				return errors.New("it is odd")
			}
			return nil
		}}
	}}
	r := start(t, c, o)
	for i := range 3 {
		r.submit(fmt.Sprint("Long ", i), fmt.Sprint("090000000", i), "course", "long")
	}
	odd := r.submit("Odd", "0900000004", "course", "odd")
	r.submit("Good", "0900000005", "course", "good")
	if got := r.settled("archive")["archive"]; got.Buried != 4 || got.Stored != 1 {
		t.Fatalf("%+v", got)
	}
	op := r.Operator()
	groups, err := op.BuriedGroups(t.Context(), BuriedFilter{})
	if err != nil || len(groups) != 2 {
		t.Fatalf("%+v, %v", groups, err)
	}
	g := groups[0]
	if g.Count != 3 || g.Sink != "archive" || !strings.Contains(g.Reason, "holds … characters") || len(g.Seqs) != 3 ||
		time.Since(g.Oldest) > time.Minute || !strings.Contains(g.Fix, "mekong buried replay --sink archive") {
		t.Errorf("%+v", g)
	}
	items, err := op.Buried(t.Context(), BuriedFilter{Sink: "archive", Reason: "IS ODD"}, 10)
	if err != nil || len(items) != 1 || items[0].Record.ID != odd {
		t.Fatalf("%+v, %v", items, err)
	}
	one, err := op.BuriedOne(t.Context(), items[0].Seq)
	if err != nil || one.Raw == nil || one.Raw.ID != odd || !strings.Contains(string(one.Raw.Body), "0900000004") || one.Attempts != 1 {
		t.Errorf("%+v, %v", one, err)
	}

	// Only counted; then, the cause still there, buried again; then stored.
	if n, err := op.ReplayBuried(t.Context(), BuriedFilter{Reason: g.Reason}, true, nil); n != 3 || err != nil {
		t.Error(n, err)
	}
	if n, err := op.ReplayBuried(t.Context(), BuriedFilter{Seqs: one.seqs()}, false, nil); n != 1 || err != nil {
		t.Error(n, err)
	}
	if got := r.settled("archive")["archive"]; got.Buried != 4 {
		t.Errorf("%+v", got)
	}
	content.Store(true)
	if n, err := op.ReplayBuried(t.Context(), BuriedFilter{Sink: "archive", Reason: "characters"}, false, nil); n != 3 || err != nil {
		t.Error(n, err)
	}
	if got := r.settled("archive")["archive"]; got.Buried != 1 || got.Stored != 4 {
		t.Errorf("%+v", got)
	}

	// Beside the running one, and without it.
	beside, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if groups, err = beside.BuriedGroups(t.Context(), BuriedFilter{}); err != nil || len(groups) != 1 || !beside.Running {
		t.Errorf("beside: %+v, %v", groups, err)
	}
	done()
	r.stop()
	alone, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if alone.Running {
		t.Error("it takes a mekong to be running that has stopped")
	}
	for _, none := range []uint64{0, 1, 99} {
		if _, err := alone.BuriedOne(t.Context(), none); !errors.Is(err, bus.ErrNoGrave) {
			t.Errorf("%d: %v", none, err)
		}
	}
	if n, err := alone.DropBuried(t.Context(), groups[0].Seqs, "a test"); n != 1 || err != nil {
		t.Error(n, err)
	}
	done()
	r = start(t, c, o)
	if got := r.settled("archive")["archive"]; got.Buried != 0 || got.FilteredBy["dropped by hand"] != 1 || got.Accepted != 5 {
		t.Errorf("%+v", got)
	}
	if docs := r.documents("mekong", "records"); len(docs) != 4 {
		t.Errorf("%d documents", len(docs))
	}
}

func (it BuriedItem) seqs() []uint64 { return []uint64{it.Seq} }

func TestAlikeAndMending(t *testing.T) {
	if got := alike("holds 12 of 300"); got != "holds … of …" {
		t.Error(got)
	}
	for _, c := range []struct{ sink, reason, want string }{
		{"crm", "given up after 5 tries: strange", "mekong doctor crm"},
		{"crm", "column: too long; shorten it", "do what the reason says"},
		{"crm", "no such option", "sinks.crm"},
		{TransformStage, `no transform understands the format "x"`, "update Mekong"},
		{TransformStage, "the record has 9 bytes, more than the 8 a message can hold", "leave long fields out"},
		{TransformStage, "the message has no readable envelope", "drop it"},
		{TransformStage, "panic", "correct transform"},
	} {
		if got := mending(c.sink, bus.Grave{Reason: c.reason}); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: %s", c.sink, c.reason, got)
		}
	}
}
