package intake

import (
	"context"
	"maps"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline"
)

// traceparent is the header by which a sender says which trace its request is part
// of, the fact of a Raw by which it goes on, and the most that may stand in it. Of
// what else a sender can say of its trace (tracestate, baggage) nothing is taken:
// it is free text, and ends up in somebody else's store.
const (
	traceparent     = "traceparent"
	traceparentMost = 200 // a version of the future may be longer than today's 55
)

// Trace makes every POST to a source a span of t, named receive, from its head to
// its answer. It goes on with the trace that the sender names, and the raws take it
// along as the fact traceparent. It is called before [Intake.Run], at most once.
func (in *Intake) Trace(t trace.Tracer) { in.tracer = t }

// visit is the trace of one request. That of a door without a tracer does nothing.
type visit struct {
	tracer trace.Tracer // nil: not traced
	span   trace.Span
}

// visit begins the trace of a request. Neither its address nor what it says goes in.
func (in *Intake) visit(rt *route, r *http.Request) (v visit) {
	if in.tracer == nil {
		return v
	}
	ctx := context.Background()
	if h := r.Header["Traceparent"]; len(h) == 1 && len(h[0]) <= traceparentMost {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: h[0]})
	}
	v.tracer = in.tracer
	_, v.span = in.tracer.Start(ctx, "receive", trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("mekong.source", rt.Source)))
	return v
}

// end tells how the request was answered.
func (v visit) end(status int) {
	if v.tracer == nil {
		return
	}
	v.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		v.span.SetStatus(codes.Error, "")
	}
	v.span.End()
}

// refused notes why a request is turned away: the name of a cause, never its words.
func (v visit) refused(cause string) {
	if v.tracer != nil {
		v.span.SetAttributes(attribute.String("mekong.refused", cause))
	}
}

// emit stores raws, which take the trace along, in a span of its own.
func (v visit) emit(ctx context.Context, emit pipeline.Emit, raws []pipeline.Raw) error {
	if v.tracer == nil {
		return emit(ctx, raws...)
	}
	v.span.SetAttributes(attribute.String("mekong.id", raws[0].ID), attribute.Int("mekong.deliveries", len(raws)))
	// The span does not go into ctx: who is called with one there may make more of
	// them, and say in them what must not be said.
	_, span := v.tracer.Start(trace.ContextWithSpan(context.Background(), v.span), "emit")
	defer span.End()
	err := emit(ctx, v.carried(raws)...)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return err
}

// carried are raws with the trace among their facts. What a dialect made may be in
// its hands still, so it is left as it is.
func (v visit) carried(raws []pipeline.Raw) []pipeline.Raw {
	said := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), v.span), said)
	out := make([]pipeline.Raw, len(raws))
	for i, r := range raws {
		meta := make(map[string]string, len(r.Meta)+1)
		maps.Copy(meta, r.Meta)
		meta[traceparent] = said[traceparent]
		r.Meta = meta
		out[i] = r
	}
	return out
}
