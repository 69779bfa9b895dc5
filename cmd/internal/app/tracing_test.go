package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/time/rate"

	"mekong/pipeline/bus"
)

const (
	askedTrace  = "0af7651916cd43dd8448eb211c80319c"
	askedParent = "b7ad6b7169203331"
)

// traced posts lead n, with a trace of its own where that is asked for.
func (r *running) traced(n int, asks bool) {
	r.t.Helper()
	headers := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Token": secretToken}
	if asks {
		headers["Traceparent"] = fmt.Sprintf("00-%s-%s-01", traceOf(n), askedParent)
	}
	got, err := send(r.t.Context(), r.door, fmt.Appendf(nil, "name=A&phone=0900%06d", n), headers)
	if err != nil || got.status != http.StatusOK {
		r.t.Fatal(got, err)
	}
}

func traceOf(n int) string { return fmt.Sprintf("%s%08x", askedTrace[:24], n) }

// pathOf says how a trace went: every span under its parent.
func pathOf(c *collector, trace string) string {
	spans := map[string]*tracepb.Span{}
	for _, all := range c.of(trace) {
		for _, s := range all {
			spans[hex.EncodeToString(s.SpanId)] = s
		}
	}
	var up func(s *tracepb.Span) string
	up = func(s *tracepb.Span) string {
		parent := hex.EncodeToString(s.ParentSpanId)
		switch p := spans[parent]; {
		case p != nil:
			return up(p) + " → " + s.Name
		case parent == askedParent:
			return "sender → " + s.Name
		case parent == "":
			return s.Name
		}
		return "? → " + s.Name
	}
	longest := ""
	for _, s := range spans {
		if way := up(s); len(way) > len(longest) {
			longest = way
		}
	}
	return longest
}

func TestALeadIsOneTrace(t *testing.T) {
	c := newCollector(t)
	r := start(t, configured(t, t.TempDir(), oneSink+c.config(`, headers: { authorization: "Bearer `+secretToken+`" }`)), Options{})
	r.traced(1, true)
	r.settled("archive")
	r.stop()
	spans := c.of(traceOf(1))
	for _, name := range []string{"receive", "emit", "transform", "deliver archive"} {
		if len(spans[name]) != 1 {
			t.Fatalf("%d spans called %s in %v", len(spans[name]), name, spans)
		}
	}
	if got, want := pathOf(c, traceOf(1)), "sender → receive → transform → deliver archive"; got != want {
		t.Errorf("the trace is %s, want %s", got, want)
	}
	last := spans["deliver archive"][0]
	if attr(last, "mekong.outcome") != "stored" || attr(last, "mekong.sink") != "archive" || attr(last, "mekong.source") != "landing" || attr(last, "mekong.kind") != "lead" ||
		attr(last, "mekong.id") != attr(spans["receive"][0], "mekong.id") || attr(last, "mekong.id") == "" {
		t.Errorf("it says %v", last.Attributes)
	}
	writes := c.of("")["write archive"]
	if len(writes) != 1 || len(writes[0].Links) != 1 || !bytes.Equal(writes[0].Links[0].SpanId, last.SpanId) || len(last.Links) != 1 || !bytes.Equal(last.Links[0].SpanId, writes[0].SpanId) {
		t.Errorf("the write and the record do not name each other: %v", writes)
	}
	for _, h := range c.headers() {
		if h.Get("Authorization") != "Bearer "+secretToken {
			t.Error("the collector is not shown the header")
		}
	}
	if !strings.Contains(c.everything(), "service.name") {
		t.Error("it does not say who sends")
	}
}

// Each stage runs in a process of its own, one after the other.
func TestATraceGoesOnAfterARestart(t *testing.T) {
	c := newCollector(t)
	dir := t.TempDir()
	conf := func() string { return oneSink + c.config("") }
	r := start(t, configured(t, dir, conf()), Options{Only: []string{RoleIntake}})
	r.traced(1, true)
	r.stop()
	r = start(t, configured(t, dir, conf()), Options{Only: []string{RoleTransform}})
	poll(t, time.Minute, func() string {
		if n, err := r.Bus.Newest(t.Context(), bus.Records); err != nil || n == 0 {
			return fmt.Sprint("no record: ", err)
		}
		return ""
	})
	r.stop()
	r = start(t, configured(t, dir, conf()), Options{Only: []string{RoleDeliver}})
	r.settled("archive")
	r.stop()
	if got, want := pathOf(c, traceOf(1)), "sender → receive → transform → deliver archive"; got != want {
		t.Errorf("the trace is %s, want %s", got, want)
	}
}

// What is replayed is another trace, which names the first.
func TestAReplayIsAnotherTrace(t *testing.T) {
	c := newCollector(t)
	r := start(t, configured(t, t.TempDir(), oneSink+c.config(", sample: 0")), Options{})
	r.traced(1, true)
	r.traced(2, false)
	r.settled("archive")
	if _, err := r.Operator().Replay(t.Context(), ReplayOptions{Source: "landing", Since: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	r.settled("archive")
	r.stop()
	for _, s := range c.of("")["deliver archive"] {
		first := hex.EncodeToString(s.TraceId) == traceOf(1)
		named := len(s.Links) == 2 && hex.EncodeToString(s.Links[0].TraceId) == traceOf(1)
		if first == named {
			t.Errorf("of trace %x: %v", s.TraceId, s.Links)
		}
	}
	if n := len(c.of("")["deliver archive"]); n != 2 {
		t.Errorf("%d spans of the sink: the first try and its replay are two", n)
	}
}

// Nothing is traced of itself, but who asks for it is.
func TestSamplingNothing(t *testing.T) {
	c := newCollector(t)
	r := start(t, configured(t, t.TempDir(), oneSink+c.config(", sample: 0")), Options{})
	for n := range 20 {
		r.traced(n, n == 7)
	}
	r.settled("archive")
	r.stop()
	if got, want := pathOf(c, traceOf(7)), "sender → receive → transform → deliver archive"; got != want {
		t.Errorf("the trace is %s, want %s", got, want)
	}
	for name, spans := range c.of("") {
		if len(spans) != 1 {
			t.Errorf("%d spans called %s", len(spans), name)
		}
	}
}

func TestSamplingEverything(t *testing.T) {
	c := newCollector(t)
	r := start(t, configured(t, t.TempDir(), oneSink+c.config("")), Options{})
	for n := range 20 {
		r.traced(n, false)
	}
	r.settled("archive")
	r.stop()
	all := c.of("")
	for _, name := range []string{"receive", "emit", "transform", "deliver archive"} {
		if len(all[name]) != 20 {
			t.Errorf("%d spans called %s", len(all[name]), name)
		}
	}
	for _, s := range all["deliver archive"] {
		if got := pathOf(c, hex.EncodeToString(s.TraceId)); got != "receive → transform → deliver archive" {
			t.Errorf("a trace is %s", got)
		}
	}
}

// A collector that is of no use loses its spans. It slows nothing, keeps nothing
// back, and is told of once.
func TestACollectorThatIsOfNoUse(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the sender has left
			<-r.Context().Done()
		},
		"fails": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "0900001234", http.StatusInternalServerError)
		},
		"is full": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"sends on": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
		},
		"is gone": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			text := oneSink + c.config("")
			if c.answer(answer); answer == nil {
				c.Close()
			}
			said := &everything{said: map[string]*bytes.Buffer{}}
			r := start(t, configured(t, t.TempDir(), text), Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
			slowest := time.Duration(0)
			for n := range 300 {
				began := time.Now()
				r.traced(n, n%2 == 0)
				slowest = max(slowest, time.Since(began))
			}
			line := r.settled("archive")["archive"]
			if line.Accepted != 300 || line.Stored != 300 {
				t.Errorf("the balance is %+v", line)
			}
			if slowest > 5*time.Second {
				t.Errorf("a delivery took %s", slowest)
			}
			began := time.Now()
			r.stop()
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("the stop took %s", took)
			}
			if n := strings.Count(said.log(), "traces do not reach the collector"); n != 1 {
				t.Errorf("it is told of %d times:\n%s", n, said.log())
			}
			if strings.Contains(said.log(), "0900001234") {
				t.Error("what the collector says is told")
			}
			if got := gathered(t, r.registry, "mekong_tracing_spans_total"); got[`outcome="lost"`] < 300*4 || got[`outcome="sent"`] > 0 {
				t.Errorf("spans are counted as %v", got)
			}
		})
	}
}

// The environment turns nothing on.
func TestTheEnvironmentTurnsNothingOn(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-secret="+secretToken)
	said := &everything{said: map[string]*bytes.Buffer{}}
	r := start(t, configured(t, t.TempDir(), oneSink), Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
	r.traced(1, true)
	r.settled("archive")
	r.stop()
	if r.tracing != nil || len(c.headers()) > 0 || !strings.Contains(said.log(), "nothing is traced: the environment names a collector") {
		t.Errorf("%d requests; said was\n%s", len(c.headers()), said.log())
	}
	other := newCollector(t)
	r = start(t, configured(t, t.TempDir(), oneSink+other.config("")), Options{})
	r.traced(1, true)
	r.settled("archive")
	r.stop()
	if len(c.headers()) > 0 || len(other.headers()) == 0 || other.headers()[0].Get("X-Secret") != "" {
		t.Error("the environment changes where the spans go, or with what")
	}
}

func TestWhoDecidesWhatIsTraced(t *testing.T) {
	at := func(id byte, sampled, remote bool) context.Context {
		c := oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{15: id}, SpanID: oteltrace.SpanID{7: 1}, Remote: remote}
		if sampled {
			c.TraceFlags = oteltrace.FlagsSampled
		}
		return oteltrace.ContextWithSpanContext(t.Context(), oteltrace.NewSpanContext(c))
	}
	link := []oteltrace.Link{{SpanContext: oteltrace.SpanContextFromContext(at(1, true, true))}}
	for _, c := range []struct {
		name  string
		p     sdktrace.SamplingParameters
		share float64
		take  bool
	}{
		{"a lead at the door, none", sdktrace.SamplingParameters{ParentContext: t.Context(), Kind: oteltrace.SpanKindServer}, 0, false},
		{"a lead at the door, all", sdktrace.SamplingParameters{ParentContext: t.Context(), Kind: oteltrace.SpanKindServer}, 1, true},
		{"a sender asks", sdktrace.SamplingParameters{ParentContext: at(1, true, true), Kind: oteltrace.SpanKindServer}, 0, true},
		{"a sender does not want it, and does not decide", sdktrace.SamplingParameters{ParentContext: at(1, false, true), Kind: oteltrace.SpanKindServer}, 1, true},
		{"later, it is", sdktrace.SamplingParameters{ParentContext: at(1, true, true), Kind: oteltrace.SpanKindConsumer}, 0, true},
		{"later, it is not", sdktrace.SamplingParameters{ParentContext: at(1, false, true), Kind: oteltrace.SpanKindConsumer}, 1, false},
		{"a write of what is", sdktrace.SamplingParameters{ParentContext: t.Context(), Kind: oteltrace.SpanKindClient, Links: link}, 0, true},
		{"begins in the middle, none", sdktrace.SamplingParameters{ParentContext: t.Context(), Kind: oteltrace.SpanKindConsumer}, 0, false},
		{"begins in the middle, all", sdktrace.SamplingParameters{ParentContext: t.Context(), Kind: oteltrace.SpanKindConsumer}, 1, true},
	} {
		s := &sampler{share: c.share, asked: rate.NewLimiter(askedASecond, askedASecond)}
		if got := s.ShouldSample(c.p).Decision == sdktrace.RecordAndSample; got != c.take {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	// However many ask, and whichever IDs they choose.
	s := &sampler{share: 0, asked: rate.NewLimiter(askedASecond, askedASecond)}
	taken := 0
	for i := range 1000 {
		if s.ShouldSample(sdktrace.SamplingParameters{ParentContext: at(byte(i%5+1), true, true), Kind: oteltrace.SpanKindServer}).Decision == sdktrace.RecordAndSample {
			taken++
		}
	}
	if taken < 10 || taken > 15 {
		t.Errorf("%d of 1000 that ask at once are traced", taken)
	}
	s = &sampler{share: 0.1, asked: rate.NewLimiter(0, 0)}
	taken = 0
	for range 10_000 {
		if s.ShouldSample(sdktrace.SamplingParameters{ParentContext: at(0, true, true), Kind: oteltrace.SpanKindServer}).Decision == sdktrace.RecordAndSample {
			taken++
		}
	}
	if taken < 800 || taken > 1200 {
		t.Errorf("%d of 10000 are traced, a tenth is asked for", taken)
	}
}

// log is what was logged.
func (e *everything) log() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.said["the log"] == nil {
		return ""
	}
	return e.said["the log"].String()
}
