package app

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"mekong/config"
)

// courier takes spans to the collector. It never fails as far as anybody else can
// see: what cannot be sent is counted, now and then told, and dropped.
type courier struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	giveUp  context.Context    // once it ends, nothing is waited for any more
	cancel  context.CancelFunc // ends it
	waiting atomic.Int64       // spans let in and not yet sent or dropped
	sent    prometheus.Counter
	lost    prometheus.Counter

	mu      sync.Mutex
	failing bool
	told    time.Time // when a failure was last logged
	untold  int       // spans lost since
}

// tellEvery is how often a collector that stays away is told of.
const tellEvery = 10 * time.Minute

func newCourier(ctx context.Context, c config.Tracing, log *slog.Logger, r prometheus.Registerer) (*courier, error) {
	exporter, err := otlptracehttp.New(ctx, collectorOf(c)...)
	if err != nil {
		return nil, err
	}
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mekong_tracing_spans_total", Help: "Spans of traces, by outcome: sent to the collector, or lost because it did not take them in time."}, []string{"outcome"})
	r.MustRegister(spans)
	q := &courier{SpanExporter: exporter, log: log, sent: spans.WithLabelValues("sent"), lost: spans.WithLabelValues("lost")}
	q.giveUp, q.cancel = context.WithCancel(context.Background())
	return q, nil
}

// wicket bounds what waits for the courier. It blocks nobody.
func (q *courier) wicket(next sdktrace.SpanProcessor) sdktrace.SpanProcessor { return &wicket{next, q} }

type wicket struct {
	sdktrace.SpanProcessor
	courier *courier
}

func (w *wicket) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if w.courier.waiting.Add(1) > spansMost {
		w.courier.waiting.Add(-1)
		w.courier.lost.Inc()
		return
	}
	w.SpanProcessor.OnEnd(s)
}

// ExportSpans sends spans. Its error is always nil: the library would print it.
func (q *courier) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer q.waiting.Add(-int64(len(spans)))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(q.giveUp, cancel)()
	err := q.giveUp.Err()
	if err == nil {
		err = q.SpanExporter.ExportSpans(ctx, spans)
	}
	if err != nil {
		q.lost.Add(float64(len(spans)))
	} else {
		q.sent.Add(float64(len(spans)))
	}
	q.tell(err, len(spans))
	return nil
}

// tell logs when sending begins to fail, every ten minutes while it does, and when it
// is over.
func (q *courier) tell(err error, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil {
		if q.failing {
			q.failing = false
			q.log.Info("traces reach the collector again")
		}
		return
	}
	q.failing = true
	q.untold += n
	if !q.told.IsZero() && time.Since(q.told) < tellEvery {
		return
	}
	q.log.Warn("traces do not reach the collector and are dropped; nothing else waits for it", "spans", q.untold, "error", err)
	q.told, q.untold = time.Now(), 0
}

// collectorClient follows no redirect, which could take the headers elsewhere, and
// reads no answer: of what a collector says only the status counts, and an error
// that quotes it could quote anything.
func collectorClient() *http.Client {
	return &http.Client{
		Timeout: sendMost,
		Transport: &mute{http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: sendMost / 2, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          2,
			MaxConnsPerHost:       2,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   sendMost / 2,
			ExpectContinueTimeout: time.Second,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// mute takes the words out of answers.
type mute struct{ http.Transport }

func (m *mute) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	_ = resp.Body.Close()
	resp.Body, resp.ContentLength = http.NoBody, 0
	return resp, nil
}
