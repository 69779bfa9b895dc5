package console

import (
	"context"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// FuzzVisitor: whatever a browser shows of cookies, languages and addresses, nobody is
// taken for signed in, and no answer leads elsewhere.
func FuzzVisitor(f *testing.F) {
	clock := newClock()
	now := clock.now()
	audit, err := OpenAudit(filepath.Join(f.TempDir(), "audit.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	places := newPlaces(now)
	c, err := New(Options{Addr: "127.0.0.1:0", Metrics: prometheus.NewRegistry(), Users: []User{{"an", operatorPassword, Operator}}, Token: token,
		Now: clock.now, Zone: time.UTC, Flow: func(context.Context) (Snapshot, error) { return snapshot(now), nil },
		Sources: places, Leads: newLeads(now), Buried: newGrave(now), Holds: &holds{}, Forget: newPeople(now), Audit: audit,
		Sinks: func(context.Context) ([]SinkInfo, error) { return places.sinks, nil }})
	if err != nil {
		f.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	f.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			f.Error(err)
		}
	})
	h := c.Handler()
	for _, path := range []string{"/flow", "/leads", "/lead", "/buried", "/activity", "/forget", "/sources", "/sinks", "/", "//a.example/flow", "/flow/../login", "/lang/vi"} {
		f.Add("GET", path, "s=x&seq=1&next=//a.example", sessionCookie+"=x; "+languageCookie+"=vi", "vi;q=NaN, en;q=1e400", "1.1.1.1, unknown")
		f.Add("POST", path, "next=https://a.example", "__Host-"+sessionCookie+"=\"", "", "")
	}
	f.Fuzz(func(t *testing.T, method, path, query, cookie, language, forwarded string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(query))
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		r.Header["Cookie"], r.Header["Accept-Language"], r.Header["X-Forwarded-For"] = []string{cookie}, []string{language}, []string{forwarded}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a := httptest.NewRecorder()
		h.ServeHTTP(a, r)
		if strings.Contains(a.Body.String(), `name="csrf"`) {
			t.Errorf("%s %q is shown to nobody in particular", method, path)
		}
		if to := a.Header().Get("Location"); to != "" {
			if u, err := url.Parse(to); err != nil || u.Host != "" || u.Scheme != "" || strings.HasPrefix(to, "//") {
				t.Errorf("%s %q leads to %q", method, path, to)
			}
		}
		for name, values := range a.Header() {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				t.Errorf("%s holds a line break", name)
			}
		}
	})
}

// FuzzForms: what forms and addresses hold is bounded text and sound numbers.
func FuzzForms(f *testing.F) {
	for _, s := range []string{"q=a%00b&source=x&after=1", "seq=18446744073709551616&all=yes", "seq=-1", "sink=a&reason=b", "q=%ff%fe", "%zz", strings.Repeat("q", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, form string) {
		q, _ := url.ParseQuery(form)
		if term := termOf(q); !utf8.ValidString(term) || utf8.RuneCountInString(term) > textMost || strings.ContainsAny(term, "\r\n\x00") {
			t.Errorf("searched for %q", term)
		}
		if at := leadsAt(searchAt("handle", filterOf(q))); !strings.HasPrefix(at, "/leads?") || within(at) != at {
			t.Errorf("a search is at %q", at)
		}
		r := httptest.NewRequest("POST", "/", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if which, ok := chosen(r); ok && !which.All && which.Seq == 0 && (which.Sink == "" || which.Reason == "") {
			t.Errorf("%+v is a choice", which)
		}
		var s searches
		handle := s.keep(form)
		if got, ok := s.term(handle); form != "" && (!ok || got != form) {
			t.Errorf("%q is remembered as %q", form, got)
		}
		if _, ok := s.term(form); ok && form != handle {
			t.Errorf("%q is a handle", form)
		}
	})
}

// FuzzAuditLog: a log that somebody wrote into is read all the same.
func FuzzAuditLog(f *testing.F) {
	f.Add([]byte("{\"what\":\"replay\"}\n{\n\x00\n"))
	f.Add([]byte(""))
	f.Add([]byte("null\n[]\n{\"what\":1}"))
	path := filepath.Join(f.TempDir(), "audit.jsonl")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := (&Audit{path: path}).Latest(5)
		if err != nil || len(list) > 5 {
			t.Errorf("%d entries, %v", len(list), err)
		}
	})
}
