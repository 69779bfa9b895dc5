package bus

import (
	"fmt"
	"testing"
	"time"

	"mekong/pipeline"
)

// A reader with a position of its own sees every message once and in order, over what was
// deleted too, and leaves no consumer behind.
func TestFollow(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	empty, err := b.Extent(t.Context(), LogRaw)
	if err != nil || empty.Last != 0 || empty.First > 1 || time.Since(empty.Made) > time.Hour {
		t.Fatalf("%+v %v", empty, err)
	}
	if es, err := b.RawsAfter(t.Context(), 0, 10); err != nil || len(es) != 0 {
		t.Fatalf("of nothing: %v %v", es, err)
	}
	if _, ok, err := b.NextStored(t.Context(), LogRaw, 0); ok || err != nil {
		t.Fatalf("of nothing: %v %v", ok, err)
	}
	const n = 25
	for i := range n {
		if err := b.Emit(t.Context(), raw(fmt.Sprint("r", i))); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.js.Stream(t.Context(), streamRaw)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{1, 7, 8, n} {
		if err := s.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	var seqs []uint64
	for after := uint64(0); ; {
		es, err := b.RawsAfter(t.Context(), after, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(es) == 0 {
			break
		}
		if len(es) > 4 {
			t.Errorf("%d at once", len(es))
		}
		for _, e := range es {
			if e.Err != nil || e.Value.ID != fmt.Sprint("r", e.Seq-1) || time.Since(e.Stored) > time.Hour {
				t.Errorf("%+v", e)
			}
			seqs = append(seqs, e.Seq)
			after = e.Seq
		}
	}
	if len(seqs) != n-4 || seqs[0] != 2 || seqs[len(seqs)-1] != n-1 {
		t.Errorf("read: %v", seqs)
	}
	if e, ok, err := b.RawAt(t.Context(), 9); err != nil || !ok || e.Value.ID != "r8" {
		t.Errorf("one: %+v %v %v", e, ok, err)
	}
	for _, seq := range []uint64{0, 7, n, n + 5} {
		if _, ok, err := b.RawAt(t.Context(), seq); ok || err != nil {
			t.Errorf("what is not there, %d: %v %v", seq, ok, err)
		}
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := b.Extent(t.Context(), LogRaw); err != nil || e.Last != n || e.First != n+1 {
		t.Errorf("after a purge: %+v %v", e, err)
	}
	if names, err := s.Info(t.Context()); err != nil || names.State.Consumers != 0 {
		t.Errorf("consumers: %+v %v", names, err)
	}
}

// Large messages come in as many reads as they need.
func TestFollowLargeMessages(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	for i := range 12 {
		r := raw(fmt.Sprint("r", i))
		r.Body = noise(900<<10, i)
		if err := b.Emit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for after, reads := uint64(0), 0; after < 12; reads++ {
		es, err := b.RawsAfter(t.Context(), after, 100)
		if err != nil || len(es) == 0 || len(es) > 6 {
			t.Fatalf("%d at once: %v", len(es), err)
		}
		for _, e := range es {
			if after++; e.Seq != after || len(e.Value.Body) != 900<<10 {
				t.Fatalf("%d comes after %d", e.Seq, after)
			}
		}
		if after == 12 && reads < 1 {
			t.Error("all in one read")
		}
	}
}

// What was buried comes with the delivery or record, and what cannot be read says so.
func TestFollowBurialsAndSettlements(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Emit(t.Context(), raw("a")); err != nil {
		t.Fatal(err)
	}
	if err := Bury(b, StageTransform, take(t, q, 1)[0], "no transform", 1); err != nil {
		t.Fatal(err)
	}
	rec := pipeline.Record{ID: "a", Key: "k", Kind: "lead", Source: "landing", Received: time.Now(), Occurred: time.Now(), Fields: map[string]any{"name": "An"}}
	if err := b.Publish([]pipeline.Record{rec})[0]; err != nil {
		t.Fatal(err)
	}
	rq, err := b.Records(t.Context(), "crm", []string{"lead"}, QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Bury(b, StageOf("crm"), take(t, rq, 1)[0], "wants a number", 5); err != nil {
		t.Fatal(err)
	}
	es, err := b.BurialsAfter(t.Context(), 0, 10)
	if err != nil || len(es) != 2 {
		t.Fatalf("%v %v", es, err)
	}
	if o := es[0].Value; o.Stage != StageTransform || o.Raw == nil || o.Raw.ID != "a" || o.Record != nil || o.Origin != 1 || o.Reason != "no transform" {
		t.Errorf("%+v", o)
	}
	if o := es[1].Value; o.Stage != "sink-crm" || o.Raw != nil || o.Record == nil || o.Record.Fields["name"] != "An" || o.Attempts != 5 || o.At.IsZero() {
		t.Errorf("%+v", o)
	}
	settle(t, b, StageOf("crm"), Settled{Seq: 1, ID: "a", State: Buried, Reason: "wants a number", Attempts: 5})
	ss, err := b.SettlementsAfter(t.Context(), 0, 10)
	if err != nil || len(ss) != 1 || ss[0].Value.Stage != "sink-crm" || ss[0].Value.Settled[0].ID != "a" {
		t.Errorf("%v %v", ss, err)
	}
	if e, ok, err := b.RecordAt(t.Context(), 1); err != nil || !ok || e.Value.Key != "k" {
		t.Errorf("%+v %v %v", e, ok, err)
	}
}
