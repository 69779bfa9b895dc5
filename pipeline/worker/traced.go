package worker

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// What is said in spans. There are names of the configuration, IDs, counts, fates
// and reasons; a reason is one that is logged and kept with the buried, and like
// there holds nothing of a record. No span goes into the context that a sink is
// called with: a vendor's client that finds one there makes more of them, with the
// addresses it calls.
const (
	attrSource   = "mekong.source"
	attrSink     = "mekong.sink"
	attrID       = "mekong.id"
	attrKind     = "mekong.kind"
	attrAgain    = "mekong.again"
	attrOutcome  = "mekong.outcome" // made, stored, filtered, buried, held, or returned
	attrReason   = "mekong.reason"
	attrAttempts = "mekong.attempts"
	attrRecords  = "mekong.records"

	outcomeHeld     = "held"     // the destination is at fault; it goes on in the next span
	outcomeReturned = "returned" // given back, to be done again
)

// reasonMost bounds a reason, in bytes.
const reasonMost = 300

func reason(why string) attribute.KeyValue {
	if len(why) > reasonMost {
		why = why[:reasonMost]
	}
	return attribute.String(attrReason, strings.ToValidUTF8(why, ""))
}

// spanContext reads what a message brought; not valid when that is nothing.
func spanContext(text string) trace.SpanContext {
	if text == "" {
		return trace.SpanContext{}
	}
	from := propagation.MapCarrier{"traceparent": text}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), from))
}

// spanText is what a message takes along of a span; "" when it is no good.
func spanText(sc trace.SpanContext) string {
	to := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), sc), to)
	return to["traceparent"]
}

// begin starts the span of one message, a child of what it came with. One that came
// with nothing begins a trace, with a link to the one that it was part of before it
// was buried or replayed. The span is nil where the trace is not sampled; sc then
// says so to whoever comes next.
func begin(t trace.Tracer, name, now, before string, said ...attribute.KeyValue) (span trace.Span, sc trace.SpanContext) {
	parent := spanContext(now)
	if parent.IsValid() && !parent.IsSampled() {
		return nil, parent
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(said...)}
	if was := spanContext(before); was.IsValid() && !parent.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: was}))
	}
	_, span = t.Start(trace.ContextWithSpanContext(context.Background(), parent), name, options...)
	if sc = span.SpanContext(); !span.IsRecording() {
		return nil, sc
	}
	return span, sc
}

// round traces one round of the transform stage. That of a stage without a tracer is
// nil, and does nothing.
type round struct {
	tracer trace.Tracer
	spans  []trace.Span // by delivery; nil: not sampled
	next   []string     // by record: what it takes along
}

func newRound(t trace.Tracer, deliveries int) *round {
	if t == nil {
		return nil
	}
	return &round{tracer: t, spans: make([]trace.Span, deliveries), next: make([]string, 0, deliveries)}
}

// begin starts the span of delivery i and says what its records take along.
func (r *round) begin(i int, d *bus.Delivery[pipeline.Raw]) (along string) {
	if r == nil {
		return ""
	}
	now, before := d.Trace()
	var sc trace.SpanContext
	r.spans[i], sc = begin(r.tracer, "transform", now, before,
		attribute.String(attrSource, d.Value.Source), attribute.String(attrID, d.Value.ID))
	return spanText(sc)
}

// made notes that n records come of a delivery.
func (r *round) made(n int, along string) {
	if r == nil {
		return
	}
	for range n {
		r.next = append(r.next, along)
	}
}

// along is what each record takes with it; nil when nothing is traced.
func (r *round) along() []string {
	if r == nil {
		return nil
	}
	return r.next
}

// settled notes the fate of delivery i.
func (r *round) settled(i int, s bus.Settled, records int) {
	if r == nil || r.spans[i] == nil {
		return
	}
	r.spans[i].SetAttributes(attribute.String(attrOutcome, string(s.State)), attribute.Int(attrRecords, records), attribute.Bool(attrAgain, s.Again))
	if s.Reason != "" {
		r.spans[i].SetAttributes(reason(s.Reason))
	}
	if s.State == bus.Buried {
		r.spans[i].SetStatus(codes.Error, "")
	}
}

// end ends the spans. After an error the deliveries go back, and come again.
func (r *round) end(err error) {
	if r == nil {
		return
	}
	for _, span := range r.spans {
		if span == nil {
			continue
		}
		if err != nil {
			span.SetAttributes(attribute.String(attrOutcome, outcomeReturned))
		}
		span.End()
	}
}
