package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// asked samples what its parent was sampled for, and what begins a trace.
var asked = sdktrace.ParentBased(sdktrace.AlwaysSample())

func tracer(s sdktrace.Sampler) (trace.Tracer, *tracetest.SpanRecorder) {
	seen := tracetest.NewSpanRecorder()
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(seen), sdktrace.WithSampler(s)).Tracer("a test"), seen
}

// came is the trace that delivery i of a door comes with.
func came(i int, sampled bool) string {
	flags := map[bool]string{true: "01", false: "00"}[sampled]
	return fmt.Sprintf("00-%032x-%016x-%s", 0xabc000+i, 0xdef000+i, flags)
}

func traceID(i int) string { return fmt.Sprintf("%032x", 0xabc000+i) }

// ended gives the spans of a name, of one trace where that is said.
func ended(seen *tracetest.SpanRecorder, name, id string) (found []sdktrace.ReadOnlySpan) {
	for _, s := range seen.Ended() {
		if s.Name() == name && (id == "" || s.SpanContext().TraceID().String() == id) {
			found = append(found, s)
		}
	}
	return found
}

func attr(s sdktrace.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// emitTraced sends deliveries through the transform stage.
func (b *bench) emitTraced(n int, trace func(i int) string) {
	b.t.Helper()
	for i := range n {
		r := pipeline.Raw{ID: fmt.Sprint("r", i), Source: "landing", Format: "a.form", Received: time.Now(), Body: []byte("x")}
		if text := trace(i); text != "" {
			r.Meta = map[string]string{"traceparent": text}
		}
		if err := b.Emit(b.t.Context(), r); err != nil {
			b.t.Fatal(err)
		}
	}
}

// twoEach makes two records of a delivery, and has no liking for r1 and r2.
func twoEach(pipeline.Raw) pipeline.Transform {
	return func(r pipeline.Raw) ([]pipeline.Record, error) {
		switch r.ID {
		case "r1":
			return nil, pipeline.Filtered("a.rule")
		case "r2":
			return nil, pipeline.Permanent(errors.New("it cannot be read"))
		}
		return []pipeline.Record{record(r.ID + "/1"), record(r.ID + "/2")}, nil
	}
}

func TestOneTraceFromDoorToSink(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(func(ctx context.Context, _ int, _ []pipeline.Record) []pipeline.Outcome {
		if trace.SpanFromContext(ctx).SpanContext().IsValid() {
			t.Error("the sink is called with a span in its context")
		}
		return nil
	})
	tr, seen := tracer(asked)
	b.emitTraced(4, func(i int) string { return came(i, true) })
	b.start((&Transform{Bus: b.Bus, Of: twoEach, Tracer: tr}).Run)
	for _, name := range []string{"crm", "archive"} {
		b.start(b.deliver(m, func(d *Deliver) { d.Name, d.Tracer = name, tr }).Run)
	}
	poll(t, "8 spans of sinks", func() bool { return len(ended(seen, "deliver crm", ""))+len(ended(seen, "deliver archive", "")) == 8 })
	for i, want := range []string{"made 2 ", "filtered 0 a.rule", "buried 0 it cannot be read", "made 2 "} {
		poll(t, "the span of the transform", func() bool { return len(ended(seen, "transform", traceID(i))) == 1 })
		made := ended(seen, "transform", traceID(i))[0]
		got := attr(made, "mekong.outcome") + " " + attr(made, "mekong.records") + " " + attr(made, "mekong.reason")
		if parent := made.Parent(); got != want || parent.SpanID().String() != came(i, true)[36:52] || !parent.IsRemote() {
			t.Errorf("r%d: %s under %s, want %s", i, got, parent.SpanID(), want)
		}
		if attr(made, "mekong.id") != fmt.Sprint("r", i) || attr(made, "mekong.source") != "landing" {
			t.Errorf("r%d says %v", i, made.Attributes())
		}
		for _, sink := range []string{"crm", "archive"} {
			spans := ended(seen, "deliver "+sink, traceID(i))
			if (len(spans) == 2) != strings.HasPrefix(want, "made") || len(spans) > 2 {
				t.Errorf("r%d has %d spans of %s", i, len(spans), sink)
			}
			for _, s := range spans {
				if s.Parent().SpanID() != made.SpanContext().SpanID() {
					t.Errorf("r%d: %s is no child of its transform", i, s.Name())
				}
				if attr(s, "mekong.outcome") != "stored" || attr(s, "mekong.sink") != sink || !strings.HasPrefix(attr(s, "mekong.id"), fmt.Sprint("r", i, "/")) {
					t.Errorf("r%d: %s says %v", i, s.Name(), s.Attributes())
				}
			}
		}
	}
	for _, s := range slices.Concat(ended(seen, "write crm", ""), ended(seen, "write archive", "")) {
		if s.Parent().IsValid() || len(s.Links()) == 0 || fmt.Sprint(len(s.Links())) != attr(s, "mekong.records") || attr(s, "mekong.stored") != attr(s, "mekong.records") {
			t.Errorf("%s has %d links and says %v", s.Name(), len(s.Links()), s.Attributes())
		}
		for _, l := range s.Links() {
			back := slices.ContainsFunc(seen.Ended(), func(r sdktrace.ReadOnlySpan) bool {
				return r.SpanContext().SpanID() == l.SpanContext.SpanID() && len(r.Links()) == 1 && r.Links()[0].SpanContext.SpanID() == s.SpanContext().SpanID()
			})
			if !back {
				t.Errorf("%s names a span that does not name it", s.Name())
			}
		}
	}
}

// Of a batch those that are sampled have spans, and the others say on that they are
// not.
func TestOnlyWhatIsSampledHasSpans(t *testing.T) {
	b, m := setup(t), newMemory()
	tr, seen := tracer(asked)
	b.emitTraced(60, func(i int) string { return came(i, i%20 == 3) })
	stop := b.start((&Transform{Bus: b.Bus, Of: twoEach, Tracer: tr}).Run)
	poll(t, "116 records", func() bool { n, err := b.Newest(t.Context(), bus.Records); return err == nil && n == 116 })
	stop()
	stop = b.start(b.deliver(m, func(d *Deliver) { d.Tracer, d.Limits = tr, pipeline.Limits{Batch: 200, Writers: 1} }).Run)
	poll(t, "116 rows", func() bool { return m.count() == 116 })
	stop()
	if n := len(ended(seen, "transform", "")); n != 3 {
		t.Errorf("%d spans of the transform, 3 are sampled", n)
	}
	if n := len(ended(seen, "deliver crm", "")); n != 6 {
		t.Errorf("%d spans of records, 6 are sampled", n)
	}
	links := 0
	for _, s := range ended(seen, "write crm", "") {
		links += len(s.Links())
	}
	if links != 6 {
		t.Errorf("the writes name %d records, 6 are sampled", links)
	}
	if n := len(seen.Ended()) - len(ended(seen, "write crm", "")); n != 9 {
		t.Errorf("%d spans in all", n)
	}
}

// A hold shows at once, and not only when it is over; however long it lasts, a
// record has two spans of it.
func TestAHoldIsSeenWhileItLasts(t *testing.T) {
	b, m := setup(t), newMemory()
	tr, seen := tracer(asked)
	m.set(all(pipeline.Hold(errors.New("it is down"), 0)))
	for _, err := range b.PublishTraced([]pipeline.Record{record("a")}, []string{came(0, true)}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.start(b.deliver(m, func(d *Deliver) { d.Tracer = tr }).Run)
	poll(t, "five tries", func() bool { return len(ended(seen, "write crm", "")) >= 5 })
	spans := ended(seen, "deliver crm", traceID(0))
	if len(spans) != 1 || attr(spans[0], "mekong.outcome") != "held" || attr(spans[0], "mekong.reason") != "it is down" || spans[0].Status().Code != codes.Error {
		t.Fatalf("%d spans while the sink is held", len(spans))
	}
	m.set(nil)
	poll(t, "the second span", func() bool { return len(ended(seen, "deliver crm", traceID(0))) == 2 })
	second := ended(seen, "deliver crm", traceID(0))[1]
	if attr(second, "mekong.outcome") != "stored" || attr(second, "mekong.attempts") != "0" || second.Parent().SpanID() != spans[0].Parent().SpanID() {
		t.Errorf("it says %v", second.Attributes())
	}
	held := ended(seen, "write crm", "")[0]
	if attr(held, "mekong.outcome") != "held" || attr(held, "mekong.reason") != "it is down" || attr(held, "mekong.left") != "1" {
		t.Errorf("the write says %v", held.Attributes())
	}
}

func TestOutcomesInATrace(t *testing.T) {
	b, m := setup(t), newMemory()
	tr, seen := tracer(asked)
	long := strings.Repeat("ế", 500)
	m.set(func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		out := make([]pipeline.Outcome, len(batch))
		for i, r := range batch {
			switch r.ID {
			case "permanent":
				out[i].Err = pipeline.Permanent(errors.New(long))
			case "odd":
				out[i].Err = errOdd
			}
		}
		return out
	})
	var rs []pipeline.Record
	var traces []string
	for i, id := range []string{"fine", "permanent", "odd", "left out"} {
		rs, traces = append(rs, record(id)), append(traces, came(i, true))
	}
	for _, err := range b.PublishTraced(rs, traces) {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop := b.start(b.deliver(m, func(d *Deliver) {
		d.Tracer, d.MaxAttempts = tr, 3
		d.Where = func(r pipeline.Record) (bool, error) { return r.ID != "left out", nil }
	}).Run)
	poll(t, "four spans", func() bool { return len(ended(seen, "deliver crm", "")) == 4 })
	for i, want := range []string{"stored 0 ", "buried 1 " + long[:300], "buried 3 given up after 3 tries: an error nobody has met", "filtered 0 sinks.crm.where"} {
		s := ended(seen, "deliver crm", traceID(i))[0]
		got := attr(s, "mekong.outcome") + " " + attr(s, "mekong.attempts") + " " + attr(s, "mekong.reason")
		if got != want || (s.Status().Code == codes.Error) != strings.HasPrefix(want, "buried") {
			t.Errorf("%s: %s, want %s", rs[i].ID, got, want)
		}
	}
	stop()

	// What was buried goes on in another trace, which names the first.
	m.set(nil)
	for _, id := range []string{"permanent", "odd"} {
		if err := b.Unbury(t.Context(), b.graves("sink-crm")[id].Seq); err != nil {
			t.Fatal(err)
		}
	}
	b.start(b.deliver(m, func(d *Deliver) { d.Tracer = tr }).Run)
	poll(t, "two more", func() bool { return len(ended(seen, "deliver crm", "")) == 6 })
	for _, s := range ended(seen, "deliver crm", "")[4:] {
		i := map[string]int{"permanent": 1, "odd": 2}[attr(s, "mekong.id")]
		links := s.Links()
		if s.Parent().IsValid() || s.SpanContext().TraceID().String() == traceID(i) || len(links) != 2 || links[0].SpanContext.TraceID().String() != traceID(i) {
			t.Errorf("%s: %d links, under %s", attr(s, "mekong.id"), len(links), s.Parent().SpanID())
		}
	}
}

// A stop gives back, and what the next worker does is in the same trace.
func TestATraceGoesOnAfterAStop(t *testing.T) {
	b, m := setup(t), newMemory()
	tr, seen := tracer(asked)
	m.set(all(pipeline.Hold(errors.New("it is down"), time.Hour)))
	for _, err := range b.PublishTraced([]pipeline.Record{record("a")}, []string{came(0, true)}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	stop := b.start(b.deliver(m, func(d *Deliver) { d.Tracer = tr }).Run)
	poll(t, "the hold", func() bool { return len(ended(seen, "deliver crm", "")) == 1 })
	stop()
	m.set(nil)
	b.start(b.deliver(m, func(d *Deliver) { d.Tracer = tr }).Run)
	poll(t, "three spans", func() bool { return len(ended(seen, "deliver crm", traceID(0))) == 3 })
	var got []string
	for _, s := range ended(seen, "deliver crm", traceID(0)) {
		got = append(got, attr(s, "mekong.outcome"))
		if s.Parent().SpanID().String() != came(0, true)[36:52] {
			t.Error("a span has another parent")
		}
	}
	if want := "held returned stored"; strings.Join(got, " ") != want {
		t.Errorf("it was %s, want %s", got, want)
	}
}

// What comes with no trace begins one, where it is met first; a stage that is not
// traced passes none on.
func TestWhatComesWithoutATrace(t *testing.T) {
	b, m := setup(t), newMemory()
	tr, seen := tracer(asked)
	b.emitTraced(1, func(int) string { return "" })
	stop := b.start((&Transform{Bus: b.Bus, Of: twoEach, Tracer: tr}).Run)
	poll(t, "a span", func() bool { return len(ended(seen, "transform", "")) == 1 })
	stop()
	b.start(b.deliver(m, func(d *Deliver) { d.Tracer = tr }).Run)
	root := ended(seen, "transform", "")[0]
	poll(t, "two more", func() bool { return len(ended(seen, "deliver crm", root.SpanContext().TraceID().String())) == 2 })
	if root.Parent().IsValid() {
		t.Error("it has a parent")
	}

	never, seen := tracer(sdktrace.NeverSample())
	b.emitTraced(5, func(i int) string { return map[bool]string{true: came(3, true)}[i == 3] })
	stop = b.start((&Transform{Bus: b.Bus, Of: twoEach, Tracer: never}).Run)
	poll(t, "r3 is through", func() bool { return m.count() == 6 })
	stop()
	var kept []string
	err := b.Walk(t.Context(), bus.Records, bus.Span{After: 2}, func(k bus.Kept) error {
		kept = append(kept, k.Trace())
		return nil
	})
	if err != nil || len(kept) != 4 || len(seen.Ended()) != 0 {
		t.Fatal(kept, err)
	}
	for _, text := range kept {
		if !strings.HasSuffix(text, "-00") {
			t.Errorf("what is not sampled goes on as %q", text)
		}
	}
}

func TestAStageThatIsNotTracedPassesNoneOn(t *testing.T) {
	b := setup(t)
	b.emitTraced(1, func(i int) string { return came(i, true) })
	b.start((&Transform{Bus: b.Bus, Of: twoEach}).Run)
	n := 0
	poll(t, "two records", func() bool {
		n = 0
		err := b.Walk(t.Context(), bus.Records, bus.Span{}, func(k bus.Kept) error {
			if n++; k.Trace() != "" {
				t.Errorf("a record takes along %q", k.Trace())
			}
			return nil
		})
		return err == nil && n == 2
	})
}
