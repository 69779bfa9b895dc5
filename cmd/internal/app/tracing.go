package app

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"mekong/config"
)

// tracing makes OpenTelemetry spans and takes them to a collector. It is this
// process's alone: nothing is set up for the whole of it, so that no library begins
// to send spans of its own.
type tracing struct {
	provider *sdktrace.TracerProvider
	courier  *courier
	stopping atomic.Pointer[time.Time] // when the stop began
}

// What is allowed to be in hand and to take time. A span is about a kilobyte.
const (
	spansMost     = 4096             // that wait to be sent; more are dropped
	spansAtOnce   = 512              // in one request
	spansEvery    = 2 * time.Second  // what is there is sent
	sendMost      = 10 * time.Second // for a request with its repeats
	flushMost     = 5 * time.Second  // at a stop, if the grace leaves that much
	flushLeast    = time.Second
	askedASecond  = 10 // traces that senders ask for
	spanTextMost  = 500
	spanAttrsMost = 32
	spanLinksMost = 128
)

// openTracing does nothing unless the configuration names a collector.
func (a *App) openTracing(ctx context.Context) error {
	c := a.config.Tracing
	if !c.On() {
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" {
			a.log.Info(`nothing is traced: the environment names a collector, the configuration does not; set tracing.endpoint: "${OTEL_EXPORTER_OTLP_ENDPOINT}" to have it so`)
		}
		return nil
	}
	courier, err := newCourier(ctx, c, a.log, a.registry)
	if err != nil {
		return err
	}
	about := []attribute.KeyValue{attribute.String("service.name", "mekong")}
	if build, ok := debug.ReadBuildInfo(); ok {
		about = append(about, attribute.String("service.version", build.Main.Version))
	}
	// Labels that an operator gives by the standard variables go before ours.
	res, err := resource.New(ctx, resource.WithAttributes(about...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		a.log.Warn("what the environment says of this process for traces cannot be read", "error", err)
	}
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit, limits.AttributeCountLimit, limits.LinkCountLimit = spanTextMost, spanAttrsMost, spanLinksMost
	t := &tracing{courier: courier}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(res),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithSampler(&sampler{share: c.Sample, asked: rate.NewLimiter(askedASecond, askedASecond)}),
		sdktrace.WithSpanProcessor(courier.wicket(sdktrace.NewBatchSpanProcessor(courier,
			// Twice what the wicket lets in, so that nothing is dropped without being counted.
			sdktrace.WithMaxQueueSize(2*spansMost), sdktrace.WithMaxExportBatchSize(spansAtOnce),
			sdktrace.WithBatchTimeout(spansEvery), sdktrace.WithExportTimeout(sendMost)))),
	)
	a.tracing = t
	a.later(func() { t.close(a.config.ShutdownGrace) })
	a.log.Info("deliveries are traced", "endpoint", c.Traces(), "sample", c.Sample)
	return nil
}

// tracer is what door, transform and sinks make spans with; nil when nothing is
// traced.
func (a *App) tracer() oteltrace.Tracer {
	if a.tracing == nil {
		return nil
	}
	return a.tracing.provider.Tracer("mekong")
}

// traceAll has what was opened make spans. It is called before anything runs.
func (a *App) traceAll() {
	if a.tracing == nil {
		return
	}
	t := a.tracer()
	if a.Sources != nil && a.Sources.Door != nil {
		a.Sources.Door.Trace(t)
	}
	for _, d := range a.delivers {
		d.Tracer = t
	}
}

// stopped notes when ctx ends, from where on the grace counts.
func (t *tracing) stopped(ctx context.Context) {
	if t == nil {
		return
	}
	context.AfterFunc(ctx, func() {
		now := time.Now()
		t.stopping.CompareAndSwap(nil, &now)
	})
}

// close sends what waits, for as long as the grace still is. A collector that does
// not answer costs its spans and no more.
func (t *tracing) close(grace time.Duration) {
	left := grace
	if since := t.stopping.Load(); since != nil {
		left -= time.Since(*since)
	}
	late := time.AfterFunc(min(max(left, flushLeast), flushMost), t.courier.cancel)
	defer late.Stop()
	// It ends with the last span sent or, once it is late, dropped; the courier counts
	// and tells of those.
	_ = t.provider.Shutdown(context.Background())
	t.courier.cancel()
}

// sampler decides where a trace begins; later stages keep to it. At the door the
// word of a sender counts for some traces a second: anybody can post there, and the
// cost must not be anybody's to choose. Beyond them a die is cast that no choice of
// an ID can load.
type sampler struct {
	share float64
	asked *rate.Limiter
}

func (s *sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := oteltrace.SpanContextFromContext(p.ParentContext)
	take := false
	switch {
	case p.Kind == oteltrace.SpanKindServer && parent.IsSampled() && s.asked.Allow():
		take = true
	case p.Kind != oteltrace.SpanKindServer && parent.IsValid():
		take = parent.IsSampled()
	default:
		take = rand.Float64() < s.share
		for _, l := range p.Links {
			// A write is traced with any of its records, a replay if the first try was.
			take = take || l.SpanContext.IsSampled()
		}
	}
	result := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: parent.TraceState()}
	if take {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

func (*sampler) Description() string { return "mekong" }

// collectorOf are the options of the client: all of them, so that no variable of the
// environment adds to them.
func collectorOf(c config.Tracing) []otlptracehttp.Option {
	headers := make(map[string]string, len(c.Headers))
	for name, value := range c.Headers {
		headers[name] = value.Reveal()
	}
	return []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(c.Traces()),
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		otlptracehttp.WithTimeout(sendMost),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 4 * time.Second, MaxElapsedTime: sendMost}),
		otlptracehttp.WithTLSClientConfig(nil), // it is the HTTP client's
		otlptracehttp.WithHTTPClient(collectorClient()),
	}
}
