package worker

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline/bus"
)

// traced is the part of a record's trace that a sink has in hand: one span from when
// it takes the record up until that is settled or given back. Where the destination
// holds, there are two: the first ends with the first refusal, so that it can be
// seen at once, and the second lasts for as long as that does. It is nil where the
// record is not traced, and does nothing then.
type traced struct {
	span  trace.Span
	begin func() trace.Span // another of the same record
	held  bool
}

// trace begins the spans of items.
func (d *Deliver) trace(items []*item) {
	if d.Tracer == nil {
		return
	}
	for _, it := range items {
		now, before := it.Trace()
		said := []attribute.KeyValue{attribute.String(attrSink, d.Name), attribute.String(attrID, it.Value.ID),
			attribute.String(attrKind, it.Value.Kind), attribute.String(attrSource, it.Value.Source)}
		span, sc := begin(d.Tracer, "deliver "+d.Name, now, before, said...)
		if span == nil {
			continue
		}
		if now == "" {
			now = spanText(sc) // the trace that just began
		}
		it.traced = &traced{span: span, begin: func() trace.Span {
			span, _ := begin(d.Tracer, "deliver "+d.Name, now, "", said...)
			return span
		}}
	}
}

// hold notes that the destination, or a person, holds the record.
func (t *traced) hold(attempts int, why attribute.KeyValue) {
	if t == nil || t.held {
		return
	}
	t.held = true
	t.span.SetStatus(codes.Error, "")
	t.finish(outcomeHeld, attempts, why)
	t.span = t.begin()
}

// settled ends the trace of a record whose fate is known.
func (t *traced) settled(it *item) {
	switch {
	case t == nil:
	case it.state == bus.Stored:
		t.finish(string(it.state), it.tries)
	default:
		if it.state == bus.Buried && t.span != nil {
			t.span.SetStatus(codes.Error, "")
		}
		t.finish(string(it.state), it.tries, reason(it.why))
	}
}

// returned ends the trace of a record that goes back to the queue.
func (t *traced) returned(attempts int) {
	if t != nil {
		t.finish(outcomeReturned, attempts)
	}
}

func (t *traced) finish(outcome string, attempts int, more ...attribute.KeyValue) {
	if t.span == nil {
		return
	}
	t.span.SetAttributes(attribute.String(attrOutcome, outcome), attribute.Int(attrAttempts, attempts))
	t.span.SetAttributes(more...)
	t.span.End()
	t.span = nil
}

// linksMost is how many of a batch's records its span names.
const linksMost = 100

// writing begins the span of one write: a trace of its own, which its records' spans
// have a link to and which has one to them. Nil where none of them is traced.
func (d *Deliver) writing(items []*item) trace.Span {
	if d.Tracer == nil {
		return nil
	}
	var links []trace.Link
	for _, it := range items {
		if it.traced != nil && it.traced.span != nil && len(links) < linksMost {
			links = append(links, trace.Link{SpanContext: it.traced.span.SpanContext()})
		}
	}
	if len(links) == 0 {
		return nil
	}
	_, span := d.Tracer.Start(context.Background(), "write "+d.Name, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(links...), trace.WithAttributes(attribute.String(attrSink, d.Name), attribute.Int(attrRecords, len(items))))
	if !span.IsRecording() {
		return nil
	}
	for _, it := range items {
		if it.traced != nil && it.traced.span != nil {
			it.traced.span.AddLink(trace.Link{SpanContext: span.SpanContext()})
		}
	}
	return span
}

// wrote ends the span of a write.
func wrote(span trace.Span, items []*item, hold pauseFor) {
	if span == nil {
		return
	}
	stored, buried := 0, 0
	for _, it := range items {
		switch it.state {
		case bus.Stored:
			stored++
		case bus.Buried:
			buried++
		}
	}
	span.SetAttributes(attribute.Int("mekong.stored", stored), attribute.Int("mekong.buried", buried),
		attribute.Int("mekong.left", len(items)-stored-buried))
	if hold.on {
		span.SetAttributes(attribute.String(attrOutcome, outcomeHeld), reason(hold.why))
	}
	if stored < len(items) {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
