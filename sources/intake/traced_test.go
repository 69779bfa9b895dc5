package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline"
	"mekong/sources/request"
)

// watch traces a door.
func watch(in *Intake) *tracetest.SpanRecorder {
	seen := tracetest.NewSpanRecorder()
	in.Trace(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(seen)).Tracer("a test"))
	return seen
}

// span gives the only span of a name.
func span(t *testing.T, seen *tracetest.SpanRecorder, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found []sdktrace.ReadOnlySpan
	for _, s := range seen.Ended() {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans called %s", len(found), name)
	}
	return found[0]
}

// said are a span's attributes.
func said(s sdktrace.ReadOnlySpan) string {
	var all []string
	for _, a := range s.Attributes() {
		all = append(all, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
	}
	return strings.Join(all, " ")
}

const (
	senderTrace = "0af7651916cd43dd8448eb211c80319c"
	senderSpan  = "b7ad6b7169203331"
	wellFormed  = "00-" + senderTrace + "-" + senderSpan + "-01"
)

func TestATraceGoesOnFromTheSender(t *testing.T) {
	for _, c := range []struct {
		name, header string
		goesOn       bool
	}{
		{"well-formed", wellFormed, true},
		{"of a later version", "cc-" + wellFormed[3:] + "-more-to-come", true},
		{"none", "", false},
		{"capitals", strings.ToUpper(wellFormed), false},
		{"a bit short", wellFormed[1:], false},
		{"zeros", "00-00000000000000000000000000000000-" + senderSpan + "-01", false},
		{"endless", wellFormed + strings.Repeat("-a", 10_000), false},
		{"endless of a later version", "cc-" + wellFormed[3:] + strings.Repeat("-a", 100), false},
		{"a phone", "0900001234", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &store{}
			in := newIntake(t, Options{}, Route{})
			seen := watch(in)
			h := in.Handler(s.emit)
			resp, _ := do(t, h, http.MethodPost, "/in/landing?phone=0900001234", "phone=0900001234", "Traceparent", c.header,
				"Tracestate", "phone=0900001234", "Baggage", "phone=0900001234")
			if resp.StatusCode != http.StatusOK {
				t.Fatal(resp.Status)
			}
			receive, emit := span(t, seen, "receive"), span(t, seen, "emit")
			sc := receive.SpanContext()
			if got := sc.TraceID().String() == senderTrace; got != c.goesOn || (receive.Parent().SpanID().String() == senderSpan) != c.goesOn {
				t.Errorf("the trace is %s under %s", sc.TraceID(), receive.Parent().SpanID())
			}
			if sc.TraceState().Len() > 0 {
				t.Errorf("it takes along %s", sc.TraceState())
			}
			if emit.Parent().SpanID() != sc.SpanID() {
				t.Error("emit is no child of receive")
			}
			want := fmt.Sprintf("00-%s-%s-01", sc.TraceID(), sc.SpanID())
			if got := s.raws[0].Meta["traceparent"]; got != want {
				t.Errorf("the raw says %q, want %q", got, want)
			}
			if receive.SpanKind() != trace.SpanKindServer {
				t.Errorf("receive is of the kind %s", receive.SpanKind())
			}
			const all = "mekong.source=landing mekong.id=landing-h1 mekong.deliveries=1 http.response.status_code=200"
			if got := said(receive); got != all || said(emit) != "" {
				t.Errorf("receive says %s, emit %s", got, said(emit))
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		in := newIntake(t, Options{}, Route{})
		seen := watch(in)
		r := httptest.NewRequest(http.MethodPost, "/in/landing", strings.NewReader("x"))
		r.Header["Traceparent"] = []string{wellFormed, wellFormed}
		in.Handler((&store{}).emit).ServeHTTP(httptest.NewRecorder(), r)
		if span(t, seen, "receive").Parent().IsValid() {
			t.Error("two headers were taken for one")
		}
	})
}

// What a dialect made is left as it is, and each raw takes the trace along.
func TestARawIsNotWrittenTo(t *testing.T) {
	shared := map[string]string{"origin": "https://a.example.vn"}
	mine := []pipeline.Raw{{ID: "a", Meta: shared}, {ID: "b", Meta: shared}, {ID: "c"}}
	s := &store{}
	in := newIntake(t, Options{}, Route{Receiver: dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) {
		return mine, nil, nil
	})})
	seen := watch(in)
	do(t, in.Handler(s.emit), http.MethodPost, "/in/landing", "x")
	if len(shared) != 1 || mine[2].Meta != nil {
		t.Error("a raw of the dialect was written to")
	}
	if len(s.raws) != 3 || s.raws[0].Meta["traceparent"] == "" || s.raws[1].Meta["traceparent"] == "" || s.raws[2].Meta["traceparent"] == "" {
		t.Errorf("emitted were %v", s.raws)
	}
	if got := said(span(t, seen, "receive")); !strings.Contains(got, "mekong.deliveries=3") {
		t.Error(got)
	}
}

func TestTracesOfWhatIsNotStored(t *testing.T) {
	for _, c := range []struct {
		name     string
		receiver dialect
		store    error
		status   int
		cause    string
		code     codes.Code
	}{
		{"refused", func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) {
			return nil, nil, &request.Refusal{Status: http.StatusUnauthorized, Cause: "token", Fix: "0900001234"}
		}, nil, http.StatusUnauthorized, "token", codes.Unset},
		{"panic", func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) { panic("0900001234") }, nil, http.StatusServiceUnavailable, "panic", codes.Error},
		{"full", plain, errors.New("0900001234"), http.StatusServiceUnavailable, "", codes.Error},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &store{err: c.store}
			in := newIntake(t, Options{Refuse: func(_ context.Context, _ string, raw pipeline.Raw) error {
				if raw.Meta["traceparent"] != "" {
					t.Error("what is refused goes no further, and neither does its trace")
				}
				return nil
			}}, Route{Receiver: c.receiver})
			seen := watch(in)
			if resp, _ := do(t, in.Handler(s.emit), http.MethodPost, "/in/landing", "phone=0900001234"); resp.StatusCode != c.status {
				t.Error(resp.Status)
			}
			got := span(t, seen, "receive")
			if got.Status().Code != c.code || !strings.Contains(said(got), fmt.Sprintf("http.response.status_code=%d", c.status)) ||
				c.cause != "" && !strings.Contains(said(got), "mekong.refused="+c.cause) {
				t.Errorf("%v %s", got.Status(), said(got))
			}
			for _, s := range seen.Ended() {
				if text := said(s) + s.Status().Description; strings.Contains(text, "0900001234") {
					t.Errorf("%s tells a phone: %s", s.Name(), text)
				}
			}
		})
	}
}

// Preflights, probes and paths that nobody has are no deliveries.
func TestOnlyDeliveriesAreTraced(t *testing.T) {
	in := newIntake(t, Options{}, Route{})
	seen := watch(in)
	h := in.Handler((&store{}).emit)
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodOptions, "/in/landing", nil), httptest.NewRequest(http.MethodGet, "/in/landing", nil),
		httptest.NewRequest(http.MethodGet, Health, nil), httptest.NewRequest(http.MethodPost, "/in/nobody", nil),
	} {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := len(seen.Started()); n > 0 {
		t.Errorf("%d spans", n)
	}
}

// Without a tracer a raw is emitted as the dialect made it, and with one that samples
// nothing the decision still goes along, so that no later stage makes another.
func TestUntracedAndUnsampled(t *testing.T) {
	s := &store{}
	in := newIntake(t, Options{}, Route{})
	do(t, in.Handler(s.emit), http.MethodPost, "/in/landing", "x", "Traceparent", wellFormed)
	if _, ok := s.raws[0].Meta["traceparent"]; ok {
		t.Error("a door that is not traced passes a trace on")
	}
	s = &store{}
	in.Trace(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("a test"))
	do(t, in.Handler(s.emit), http.MethodPost, "/in/landing", "x", "Traceparent", wellFormed)
	if got := s.raws[0].Meta["traceparent"]; !strings.HasPrefix(got, "00-"+senderTrace+"-") || !strings.HasSuffix(got, "-00") {
		t.Errorf("a trace that is not sampled goes on as %q", got)
	}
}

// Whatever a sender says of its trace, the lead is stored, and goes on with a context
// of today's form.
func FuzzTraceparent(f *testing.F) {
	for _, seed := range []string{"", wellFormed, wellFormed + "-", "cc-" + wellFormed[3:] + "-x", "ff" + wellFormed[2:], "00-\x00\n\r-ế", strings.Repeat("0", 300)} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$`)
	f.Fuzz(func(t *testing.T, header string) {
		s := &store{}
		in := newIntake(t, Options{}, Route{})
		watch(in)
		r := httptest.NewRequest(http.MethodPost, "/in/landing", strings.NewReader("x"))
		r.Header["Traceparent"] = []string{header}
		w := httptest.NewRecorder()
		in.Handler(s.emit).ServeHTTP(w, r)
		if w.Code != http.StatusOK || len(s.raws) != 1 || !form.MatchString(s.raws[0].Meta["traceparent"]) {
			t.Errorf("%q: %d %v", header, w.Code, s.raws)
		}
	})
}

// BenchmarkDoor is a delivery through the handler, with storing that costs nothing.
func BenchmarkDoor(b *testing.B) {
	emit := func(context.Context, ...pipeline.Raw) error { return nil }
	for _, c := range []struct {
		name   string
		tracer trace.Tracer
	}{
		{"off", nil},
		{"unsampled", sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())).Tracer("a test")},
		{"sampled", sdktrace.NewTracerProvider().Tracer("a test")},
	} {
		b.Run(c.name, func(b *testing.B) {
			in, err := New(Options{}, Route{Source: "landing", Path: "/in/landing", Receiver: dialect(plain)})
			if err != nil {
				b.Fatal(err)
			}
			if c.tracer != nil {
				in.Trace(c.tracer)
			}
			h := in.Handler(emit)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/in/landing", strings.NewReader("name=A&phone=0900000000")))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
