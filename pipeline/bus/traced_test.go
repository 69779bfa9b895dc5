package bus

import (
	"reflect"
	"strings"
	"testing"

	"mekong/pipeline"
)

const (
	traceA = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traceB = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-00"
)

// traced takes one delivery and says what it brought along.
func traced[T any](t *testing.T, q *Queue[T], ack bool) (d Delivery[T], now, before string) {
	t.Helper()
	d = take(t, q, 1)[0]
	if d.Err != nil {
		t.Fatal(d.Err)
	}
	if ack {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	now, before = d.Trace()
	return d, now, before
}

// A trace goes along with a delivery and is no part of it.
func TestATraceGoesAlong(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	plain := raw("landing-1")
	with := raw("landing-2")
	plain.Meta = map[string]string{"origin": "https://a.example.vn", "zone": "UTC"}
	with.Meta = map[string]string{"origin": "https://a.example.vn", "traceparent": traceA, "zone": "UTC"}
	only := raw("landing-3")
	only.Meta = map[string]string{"traceparent": traceA}
	for _, r := range []pipeline.Raw{plain, with, only} {
		if err := b.Emit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		trace string
		meta  map[string]string
	}{{"", plain.Meta}, {traceA, plain.Meta}, {traceA, nil}} {
		d, now, before := traced(t, q, true)
		if now != c.trace || before != "" || !reflect.DeepEqual(d.Value.Meta, c.meta) {
			t.Errorf("%s came with the trace %q (before: %q) and %v", d.Value.ID, now, before, d.Value.Meta)
		}
	}
	id := func(r pipeline.Raw) string { return strings.ReplaceAll(envelopeOf(r), r.ID, "") }
	if id(plain) != id(with) {
		t.Error("the envelope of a traced delivery is another")
	}
}

// Many at once go as one batch, whose headers are the server's; single ones repeat a
// batch that was refused.
func TestTracesGoAlongInABatch(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	records := make([]pipeline.Record, 40)
	traces := make([]string, len(records))
	for i := range records {
		records[i] = record(name(i), "A")
		if i%2 == 0 {
			traces[i] = traceA
		}
	}
	// The batch is refused for this one, and what it holds goes singly.
	if err := b.Publish(records[5:6])[0]; err != nil {
		t.Fatal(err)
	}
	for i, err := range b.PublishTraced(records, traces) {
		if err != nil {
			t.Fatal(i, err)
		}
	}
	q, err := b.Records(t.Context(), "crm", []string{"*"}, QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range take(t, q, len(records)) {
		got[d.Value.ID], _ = d.Trace()
	}
	for i, r := range records {
		if trace, ok := got[r.ID]; !ok || trace != traces[i] {
			t.Errorf("%s came with %q, want %q", r.ID, trace, traces[i])
		}
	}
}

// What is buried and goes on later is another trace, which knows the first.
func TestTheBuriedRememberTheirTrace(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	r := raw("landing-1")
	r.Meta = map[string]string{"traceparent": traceA}
	if err := b.Emit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, _, _ := traced(t, q, true)
	if err := Bury(b, StageTransform, d, "no reason", 1); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second time it is still that of the first
		if err := b.Unbury(t.Context(), walk(t, b, Graves, Span{})[0].Seq); err != nil {
			t.Fatal(err)
		}
		again, now, before := traced(t, q, true)
		if now != "" || before != traceA {
			t.Errorf("what was buried comes with %q, before %q", now, before)
		}
		if err := Bury(b, StageTransform, again, "no reason", 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReplayRemembersTheTraceBefore(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	first, second := record("a", "A"), record("b", "B")
	for _, err := range b.PublishTraced([]pipeline.Record{first, second}, []string{traceA, ""}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := map[string]string{}
	for _, k := range walk(t, b, Records, Span{}) {
		r, err := k.Record()
		if err != nil {
			t.Fatal(err)
		}
		before[r.ID] = k.Trace()
	}
	if before["a"] != traceA || before["b"] != "" {
		t.Fatalf("what is kept says %v", before)
	}
	for _, err := range b.ReplayTraced(t.Context(), "crm", "run", []pipeline.Record{first, second}, before) {
		if err != nil {
			t.Fatal(err)
		}
	}
	q, err := b.Records(t.Context(), "crm", nil, QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range take(t, q, 2) {
		now, was := d.Trace()
		if now != "" || was != before[d.Value.ID] {
			t.Errorf("%s comes with %q, before %q", d.Value.ID, now, was)
		}
	}
}

func TestWhatIsNoTrace(t *testing.T) {
	for _, s := range []string{"", "x", traceA[1:], traceA + "0", strings.ToUpper(traceA), strings.Replace(traceA, "-", "\n", 1), strings.Repeat("-", 55), strings.Repeat("a", 55), strings.Repeat("x", 1<<16)} {
		if traceOf(s) != "" {
			t.Errorf("%.60q is taken", s)
		}
	}
	if traceOf(traceB) != traceB {
		t.Error("a good one is not taken")
	}
}
