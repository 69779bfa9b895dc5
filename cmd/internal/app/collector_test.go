package app

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes OTLP over HTTP, as a real one does.
type collector struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	spans   []*tracepb.Span
	heads   []http.Header
	text    strings.Builder // everything that came, as text
	instead http.HandlerFunc
}

func newCollector(t testing.TB) *collector {
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// answer has requests answered otherwise; nil: taken in again.
func (c *collector) answer(f http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instead = f
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	instead := c.instead
	c.heads = append(c.heads, r.Header.Clone())
	c.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	var got coltracepb.ExportTraceServiceRequest
	body, err := gzip.NewReader(r.Body)
	if err == nil {
		var data []byte
		if data, err = io.ReadAll(body); err == nil {
			err = proto.Unmarshal(data, &got)
		}
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("%s %s brings what is no OTLP: %v", r.Method, r.URL, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.WriteString(got.String() + "\n")
	for _, rs := range got.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			c.spans = append(c.spans, ss.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// of gives the spans of a trace, by name; "" is every trace.
func (c *collector) of(trace string) map[string][]*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string][]*tracepb.Span{}
	for _, s := range c.spans {
		if trace == "" || hex.EncodeToString(s.TraceId) == trace {
			out[s.Name] = append(out[s.Name], s)
		}
	}
	return out
}

// everything that came, as text.
func (c *collector) everything() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

func (c *collector) headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heads
}

// config is the block of a configuration.
func (c *collector) config(more string) string {
	return fmt.Sprintf("tracing: { endpoint: %q %s }\n", c.URL, more)
}

func attr(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			if v := a.Value.GetStringValue(); v != "" {
				return v
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}
