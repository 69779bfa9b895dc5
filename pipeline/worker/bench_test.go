package worker

import (
	"context"
	"fmt"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// quick stores everything at once.
type quick struct{ out []pipeline.Outcome }

func (q quick) Write(_ context.Context, batch []pipeline.Record) []pipeline.Outcome {
	return q.out[:len(batch)]
}
func (quick) Forget(context.Context, []string) error   { return nil }
func (quick) Check(context.Context) []pipeline.Finding { return nil }
func (quick) Close() error                             { return nil }

// BenchmarkWrite is what the deliver loop does about a batch of 500 beside the sink's
// own work and the queue's.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name   string
		tracer trace.Tracer
	}{
		{"off", nil},
		{"unsampled", sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("a test")},
		{"sampled", sdktrace.NewTracerProvider().Tracer("a test")},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := &Deliver{Name: "crm", Sink: quick{make([]pipeline.Outcome, 500)}, Tracer: c.tracer}
			d.defaults()
			ds := make([]bus.Delivery[pipeline.Record], 500)
			for i := range ds {
				ds[i].Value = record(fmt.Sprint("a", i))
			}
			b.ReportAllocs()
			for b.Loop() {
				h := &hand{}
				h.add(ds)
				d.trace(h.all())
				d.screen(h.all())
				d.attempt(b.Context(), h.open())
				for _, it := range h.all() {
					it.traced.settled(it)
				}
			}
		})
	}
}
