package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/pipeline"
	"mekong/sources/request"
)

// dialect is a Receiver out of a function.
type dialect func(r *http.Request, body []byte) ([]pipeline.Raw, []byte, error)

func (d dialect) Receive(r *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
	return d(r, body)
}

// plain stores whatever comes.
func plain(r *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
	return []pipeline.Raw{{ID: "landing-h1", Source: "landing", Meta: request.Meta(r, "/in/landing"), Body: body}}, nil, nil
}

// store is an emit and a refuse that remember.
type store struct {
	mu      sync.Mutex
	err     error
	raws    []pipeline.Raw
	refused map[string][]pipeline.Raw
}

func (s *store) emit(_ context.Context, raws ...pipeline.Raw) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.raws = append(s.raws, raws...)
	return nil
}

func (s *store) refuse(_ context.Context, cause string, raw pipeline.Raw) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		s.refused = map[string][]pipeline.Raw{}
	}
	s.refused[cause] = append(s.refused[cause], raw)
	return nil
}

func (s *store) kept(cause string) []pipeline.Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[cause]
}

func newIntake(t *testing.T, opts Options, routes ...Route) *Intake {
	t.Helper()
	for i := range routes {
		if routes[i].Source == "" {
			routes[i].Source = "landing"
		}
		if routes[i].Path == "" {
			routes[i].Path = "/in/landing"
		}
		if routes[i].Receiver == nil {
			routes[i].Receiver = dialect(plain)
		}
	}
	in, err := New(opts, routes...)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

type reply struct {
	OK    bool   `json:"ok"`
	ID    string `json:"id"`
	Cause string `json:"cause"`
	Error string `json:"error"`
}

func do(t *testing.T, h http.Handler, method, path, body string, headers ...string) (*http.Response, reply) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a reply
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatalf("%s %s: answer %q is not JSON", method, path, w.Body)
		}
	}
	return w.Result(), a
}

func TestAnswers(t *testing.T) {
	refusing := func(err error) Receiver {
		return dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) { return nil, nil, err })
	}
	const path = "/in/landing"
	tests := []struct {
		name, method, path, body string
		headers                  []string
		receiver                 Receiver
		emit                     error
		status                   int
		cause                    string
		retry                    string
		kept                     bool
	}{
		{name: "stored", status: 200},
		{name: "trailing slash", path: path + "/", status: 200},
		{name: "token in the path", path: path + "/sesame", status: 200},
		{name: "token and slash", path: path + "/sesame/", status: 200},
		{name: "deeper", path: path + "/sesame/x", status: 404, cause: "not_found"},
		{name: "elsewhere", path: "/in", status: 404, cause: "not_found"},
		{name: "root", path: "/", status: 404, cause: "not_found"},
		{name: "looked at", method: "GET", status: 405, cause: "method"},
		{name: "put", method: "PUT", status: 405, cause: "method"},
		{name: "too large", body: strings.Repeat("x", 1001), status: 413, cause: "too_large", kept: true},
		{name: "as large as may be", body: strings.Repeat("x", 1000), status: 200},
		{name: "compressed", headers: []string{"Content-Encoding", "gzip"}, status: 415, cause: "encoded", kept: true},
		{name: "not compressed", headers: []string{"Content-Encoding", "identity"}, status: 200},
		{name: "bad token", receiver: refusing(request.Unauthorized("Send the token.")), status: 401, cause: "unauthorized", kept: true},
		{name: "not understood", receiver: refusing(request.Malformed("Send a form.")), status: 400, cause: "malformed", kept: true},
		{name: "too many", receiver: refusing(request.TooMany("Wait.", 1200*time.Millisecond)), status: 429, cause: "too_many", retry: "2", kept: true},
		{name: "broken dialect", receiver: refusing(errors.New("broken")), status: 503, cause: "not_stored", retry: "2"},
		{name: "panic", receiver: dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) { panic("0900000000") }), status: 503, cause: "not_stored", retry: "2"},
		{name: "not on disk", emit: errors.New("no room"), status: 503, cause: "not_stored", retry: "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &store{err: tt.emit}
			in := newIntake(t, Options{Refuse: s.refuse}, Route{PathToken: true, MaxBody: 1000, Receiver: tt.receiver, Format: "f"})
			method, at, body := tt.method, tt.path, tt.body
			if method == "" {
				method = "POST"
			}
			if at == "" {
				at = path
			}
			if body == "" {
				body = "name=A&phone=0900000000"
			}
			res, a := do(t, in.Handler(s.emit), method, at, body, append(tt.headers, "Origin", "https://a.example")...)
			if res.StatusCode != tt.status || a.Cause != tt.cause || a.OK != (tt.status == 200) {
				t.Errorf("%d %+v, want %d %q", res.StatusCode, a, tt.status, tt.cause)
			}
			if got := res.Header.Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After %q, want %q", got, tt.retry)
			}
			if res.Header.Get("Access-Control-Allow-Origin") != "https://a.example" || !strings.Contains(res.Header.Get("Vary"), "Origin") {
				t.Errorf("no CORS headers: %v", res.Header)
			}
			if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
				t.Errorf("content type %q", got)
			}
			switch {
			case tt.status == 200:
				if a.ID != "landing-h1" || len(s.raws) != 1 || string(s.raws[0].Body) != body {
					t.Errorf("answered %q, stored %v", a.ID, s.raws)
				}
			case len(a.Error) < 4 || !strings.HasSuffix(a.Error, "."):
				t.Errorf("no sentence: %q", a.Error)
			}
			if tt.kept {
				k := s.kept(tt.cause)
				if len(k) != 1 || k[0].ID == "" || k[0].Source != "landing" || k[0].Format != "f" || k[0].Received.IsZero() ||
					!strings.HasPrefix(body, string(k[0].Body)) || len(k[0].Body) < min(len(body), 1000) {
					t.Errorf("kept %+v", k)
				}
			}
			if tt.status == 405 && res.Header.Get("Allow") != "POST, OPTIONS" {
				t.Errorf("Allow %q", res.Header.Get("Allow"))
			}
			if tt.name == "panic" && len(s.kept("panic")) != 1 {
				t.Error("the request that panicked is not kept")
			}
		})
	}
}

func TestReplyOfTheDialect(t *testing.T) {
	challenge := dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) {
		return nil, []byte(`{"ok":true,"id":"c"}`), nil
	})
	odd := dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) {
		return []pipeline.Raw{{ID: "ế\"\\\n"}}, nil, nil
	})
	none := dialect(func(*http.Request, []byte) ([]pipeline.Raw, []byte, error) { return nil, nil, nil })
	s := &store{}
	h := newIntake(t, Options{}, Route{Receiver: challenge}, Route{Path: "/odd", Receiver: odd}, Route{Path: "/none", Receiver: none}).Handler(s.emit)
	for path, id := range map[string]string{"/in/landing": "c", "/odd": "ế\"\\\n", "/none": ""} {
		if res, a := do(t, h, "POST", path, "x"); res.StatusCode != 200 || a.ID != id || !a.OK {
			t.Errorf("%s: %d %+v", path, res.StatusCode, a)
		}
	}
}

func TestHealth(t *testing.T) {
	h := newIntake(t, Options{}, Route{}).Handler(nil)
	for method, status := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405} {
		if res, _ := do(t, h, method, Health, ""); res.StatusCode != status {
			t.Errorf("%s: %d, want %d", method, res.StatusCode, status)
		}
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	r := dialect(plain)
	_, err := New(Options{}, Route{Source: "a", Path: "/x", Receiver: r}, Route{Source: "b", Path: "/x/", Receiver: r},
		Route{Source: "c", Path: "x", Receiver: r}, Route{Source: "d", Path: "/healthz", Receiver: r}, Route{Source: "e", Path: "/e"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`"a" and "b"`, `"c"`, `"d"`, `"e"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	reg := prometheus.NewRegistry()
	if _, err := New(Options{Metrics: reg}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Metrics: reg}); err == nil {
		t.Error("two doors share their metrics")
	}
}

func TestCORS(t *testing.T) {
	s := &store{}
	in := newIntake(t, Options{}, Route{Headers: []string{"Token"}},
		Route{Source: "b", Path: "/b", Origins: []string{"https://khoahoc.example.vn/", "https://*.example.com"}})
	h := in.Handler(s.emit)
	for _, tt := range []struct {
		path, origin string
		allowed      bool
	}{
		{"/in/landing", "https://any.example", true},
		{"/in/landing", "null", true},
		{"/b", "https://khoahoc.example.vn", true},
		{"/b", "https://KhoaHoc.example.vn", true},
		{"/b", "https://x.example.com", true},
		{"/b", "https://.example.com", false},
		{"/b", "https://example.com", false},
		{"/b", "http://x.example.com", false},
		{"/b", "https://x.example.com.evil.example", false},
		{"/b", "https://any.example", false},
	} {
		pre, _ := do(t, h, "OPTIONS", tt.path, "", "Origin", tt.origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "token, x-odd, bad name, é", "Access-Control-Request-Private-Network", "true")
		post, _ := do(t, h, "POST", tt.path, "a=1", "Origin", tt.origin)
		if pre.StatusCode != 204 || post.StatusCode != 200 {
			t.Errorf("%s from %s: %d and %d", tt.path, tt.origin, pre.StatusCode, post.StatusCode)
		}
		want := map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": "", "Access-Control-Allow-Headers": "",
			"Access-Control-Max-Age": "", "Access-Control-Allow-Private-Network": ""}
		if tt.allowed {
			known := "Content-Type"
			if tt.path == "/in/landing" {
				known += ", Token"
			}
			want = map[string]string{"Access-Control-Allow-Origin": tt.origin, "Access-Control-Allow-Methods": "POST, OPTIONS",
				"Access-Control-Allow-Headers": known + ", token, x-odd", "Access-Control-Max-Age": "7200", "Access-Control-Allow-Private-Network": "true"}
		}
		for k, v := range want {
			if got := pre.Header.Get(k); got != v {
				t.Errorf("preflight of %s from %s: %s is %q, want %q", tt.path, tt.origin, k, got, v)
			}
		}
		if got := post.Header.Get("Access-Control-Allow-Origin"); (got == tt.origin) != tt.allowed {
			t.Errorf("post to %s from %s: allowed %q", tt.path, tt.origin, got)
		}
		if !strings.Contains(pre.Header.Get("Vary"), "Origin") || post.Header.Get("Vary") != "Origin" {
			t.Errorf("Vary %q and %q", pre.Header.Get("Vary"), post.Header.Get("Vary"))
		}
	}
}

func TestClientIP(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseProxies([]string{"proxy.example.com"}); err == nil {
		t.Error("a name is no address")
	}
	behind, alone := newIntake(t, Options{TrustedProxies: proxies}), newIntake(t, Options{})
	for _, tt := range []struct {
		in        *Intake
		peer      string
		forwarded []string
		want      string
	}{
		{alone, "192.0.2.1:1", []string{"203.0.113.7"}, "192.0.2.1"},
		{behind, "203.0.113.9:1", []string{"203.0.113.7"}, "203.0.113.9"},
		{behind, "192.0.2.1:1", []string{"203.0.113.7"}, "203.0.113.7"},
		{behind, "[::ffff:192.0.2.1]:1", []string{"203.0.113.7"}, "203.0.113.7"},
		{behind, "192.0.2.1:1", []string{"6.6.6.6, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		{behind, "192.0.2.1:1", []string{"6.6.6.6", "203.0.113.7:55, 10.1.2.3:80"}, "203.0.113.7"},
		{behind, "[2001:db8::1]:1", []string{"[2001:db9::5]:80"}, "2001:db9::5"},
		{behind, "192.0.2.1:1", []string{"6.6.6.6, <script>, 10.1.2.3"}, "10.1.2.3"},
		{behind, "192.0.2.1:1", []string{"10.1.1.1,10.1.2.3"}, "10.1.1.1"},
		{behind, "192.0.2.1:1", nil, "192.0.2.1"},
		{behind, "192.0.2.1:1", []string{""}, "192.0.2.1"},
		{behind, "@", nil, ""},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = tt.peer
		if tt.forwarded != nil {
			r.Header["X-Forwarded-For"] = tt.forwarded
		}
		if got := tt.in.clientIP(r); got != tt.want {
			t.Errorf("%s with %q: %q, want %q", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

func TestBodyBytesAreKept(t *testing.T) {
	s := &store{}
	srv := httptest.NewServer(newIntake(t, Options{}, Route{}).Handler(s.emit))
	defer srv.Close()
	for _, n := range []int{0, 1, firstRead - 1, firstRead, firstRead + 1, 3 * firstRead, DefaultMaxBody} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(i * 7)
		}
		for _, chunked := range []bool{false, true} {
			var rd io.Reader = strings.NewReader(string(body))
			if chunked {
				rd = io.MultiReader(rd)
			}
			res, err := http.Post(srv.URL+"/in/landing", "", rd)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			s.mu.Lock()
			got := s.raws[len(s.raws)-1].Body
			s.mu.Unlock()
			if res.StatusCode != 200 || string(got) != string(body) {
				t.Errorf("%d bytes, chunked %v: %d, %d bytes stored", n, chunked, res.StatusCode, len(got))
			}
		}
	}
}
