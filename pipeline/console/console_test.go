package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/doctor"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 3, 42, 7, 0, time.UTC)} }

const (
	operatorPassword = "correct horse battery"
	viewerPassword   = "một câu đủ dài khác"
	token            = "0123456789abcdef0123456789abcdef0123456789a"
)

// snapshot is two sources and two sinks, one of them held.
func snapshot(now time.Time) Snapshot {
	return Snapshot{
		Durability: "each lead: fsync'd on 1 disk",
		Sources: []SourceNow{
			{Name: "landing", Kind: "ladipage", Here: true, Accepted: 1204, Refused: 3},
			{Name: "support", Kind: "chatlog"},
		},
		Sinks: []SinkNow{
			{Name: "archive", Kind: "mongodb", Accept: []string{"*"}, Here: true, Balance: bus.Balance{Sink: "archive", Accepted: 1204, Stored: 1204}},
			{Name: "crm", Kind: "larkbase", Accept: []string{"lead"}, Here: true, HeldSince: now.Add(-3 * time.Minute), HeldWhy: "field not found: Ngân sách",
				Balance: bus.Balance{Sink: "crm", Accepted: 1204, Stored: 1189, Waiting: 14, Buried: 1, Oldest: now.Add(-4 * time.Minute)}},
		},
	}
}

// world is a console with everything, and what it is asked for.
type world struct {
	*Console
	t     *testing.T
	base  string
	clock *clock
	flow  atomic.Pointer[func() (Snapshot, error)]

	places *places
	leads  *leads
	grave  *grave
	holds  *holds
	people *people
}

// places are what a world's sources and sinks are said to be.
type places struct {
	sources  []SourceInfo
	sinks    []SinkInfo
	requests []Request
	shapes   map[string]Shape
	err      error

	tested, testID string
	testErr        error
}

func (p *places) Sources(context.Context) ([]SourceInfo, error) { return p.sources, p.err }

func (p *places) Latest(_ context.Context, source string, n int) ([]Request, error) {
	return p.requests[:min(n, len(p.requests))], p.err
}

func (p *places) Test(_ context.Context, source string) (string, error) {
	p.tested = source
	return p.testID, p.testErr
}

func newPlaces(now time.Time) *places {
	return &places{
		sources: []SourceInfo{
			{Name: "landing", Kind: "ladipage", URL: "https://leads.example.vn/in/landing", Secret: "sources.landing.ladipage.token", Here: true,
				Taken: 1204, Refused: []Cause{{"unauthorized", 3}}, Last: now.Add(-time.Minute),
				Forms:    []FormSeen{{Form: "IELTS tháng 11", Page: "khoahoc.example.vn/ielts", Last: now.Add(-time.Minute), Count: 41}},
				Unmapped: []Unmapped{{Form: "IELTS tháng 11", Field: "form_item3209", Count: 17, Last: now.Add(-time.Minute), Example: "Gọi 0912345678 sau 5 giờ"}}},
			{Name: "support", Kind: "chatlog"},
		},
		sinks: []SinkInfo{
			{Name: "archive", Kind: "mongodb", Accept: []string{"*"}, Batch: 500, Writers: 4},
			{Name: "crm", Kind: "larkbase", Accept: []string{"lead"}, Where: `phone != ""`, Link: "https://example.larksuite.com/base/HTJ6b?table=tbl1",
				Columns: []Pair{{"Số điện thoại", "phone"}}, Batch: 200, Writers: 1, Calls: []Call{{"batch_create", 41, 2}}, Quota: 43, Spent: 4310, Monthly: 10000,
				Credentials: []Credential{{"app_token", now.Add(80 * time.Minute)}, {"refresh_token", time.Unix(0, 0)}}},
		},
		shapes: map[string]Shape{"crm": {Title: "Khách hàng", Besides: []string{"Người phụ trách", "Đã gọi"}, Own: []string{"Mekong ID", "Mekong version"},
			Columns: []Column{{Name: "Số điện thoại", Field: "phone", Type: "Phone", State: ColumnFilled},
				{Name: "Họ tên", Field: "name", State: ColumnRenamed, Note: `the column is called "Tên khách" by now`},
				{Name: "Ngân sách", Field: "budget", State: ColumnMissing, Note: "make it: https://example.larksuite.com/base/HTJ6b"}},
			Findings: []pipeline.Finding{{Setting: "sinks.crm.larkbase.url", What: "the Base was found"},
				{Level: pipeline.Warn, Setting: "timezone", What: "the Base shows other times", Fix: "set timezone"}}}},
		requests: []Request{
			{At: now.Add(-time.Minute), ID: "r-2", Body: "name=An&phone=0900000000", Meta: []Pair{{"content_type", "application/x-www-form-urlencoded"}}},
			{At: now.Add(-time.Hour), ID: "r-1", Cause: "unauthorized", Body: "name=Binh"},
		},
	}
}

func (w *world) options(o *Options) {
	o.Addr, o.Metrics = "127.0.0.1:0", prometheus.NewRegistry()
	o.Users = []User{{"an", operatorPassword, Operator}, {"binh", viewerPassword, Viewer}}
	o.Token = token
	o.Now = w.clock.now
	o.Zone = time.FixedZone("+07", 7*3600)
	o.Flow = func(context.Context) (Snapshot, error) { return (*w.flow.Load())() }
	o.Doctor = func(context.Context) doctor.Report {
		return doctor.Report{Groups: []doctor.Group{{Name: "sink crm", Findings: []pipeline.Finding{{Level: pipeline.Fail, Setting: "sinks.crm.larkbase",
			What: `the column "<script>alert(1)</script>" is not there`, Fix: "open https://example.larksuite.com/base/HTJ6b?table=tbl1, and make it"}}}}}
	}
	o.Sources, o.Leads, o.Buried = w.places, w.leads, w.grave
	o.Sinks = func(context.Context) ([]SinkInfo, error) { return w.places.sinks, nil }
	o.Holds, o.Forget, o.Receipt = w.holds, w.people, w.leads.receipt
	o.Shapes = func(context.Context) map[string]Shape { return w.places.shapes }
	audit, err := OpenAudit(w.t.TempDir() + "/audit.jsonl")
	if err != nil {
		w.t.Fatal(err)
	}
	o.Audit = audit
}

// stands changes how everything stands, while the console runs.
func (w *world) stands(how func() (Snapshot, error)) { w.flow.Store(&how) }

// newWorld runs a console; change may alter its options.
func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: newClock()}
	w.places, w.leads, w.grave, w.holds = newPlaces(w.clock.now()), newLeads(w.clock.now()), newGrave(w.clock.now()), &holds{}
	w.people = newPeople(w.clock.now())
	w.stands(func() (Snapshot, error) { return snapshot(w.clock.now()), nil })
	var o Options
	w.options(&o)
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.Console, w.base = c, "http://"+c.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// browser keeps cookies and follows nothing by itself.
func (w *world) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(b *http.Client, method, path string, form url.Values, header ...string) answer {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (w *world) get(b *http.Client, path string, header ...string) answer {
	w.t.Helper()
	return w.do(b, http.MethodGet, path, nil, header...)
}

var hidden = map[string]*regexp.Regexp{
	"form": regexp.MustCompile(`name="form" value="([^"]+)"`),
	"csrf": regexp.MustCompile(`name="csrf" value="([^"]+)"`),
}

// field is the value of a hidden field of a page.
func (w *world) field(page, name string) string {
	w.t.Helper()
	m := hidden[name].FindStringSubmatch(page)
	if m == nil {
		w.t.Fatalf("the page has no field %s:\n%s", name, page)
	}
	return m[1]
}

// signIn is a browser that is signed in.
func (w *world) signIn(name, password string) *http.Client {
	w.t.Helper()
	b := w.browser()
	a := w.do(b, http.MethodPost, "/login", url.Values{"form": {w.field(w.get(b, "/login").body, "form")}, "name": {name}, "password": {password}})
	if a.status != http.StatusSeeOther {
		w.t.Fatalf("%s cannot sign in: %d\n%s", name, a.status, a.body)
	}
	return b
}

func (w *world) operator() *http.Client { w.t.Helper(); return w.signIn("an", operatorPassword) }
func (w *world) viewer() *http.Client   { w.t.Helper(); return w.signIn("binh", viewerPassword) }

func TestProbesAreOpenAndNothingElseIsWithoutUsers(t *testing.T) {
	var trouble error
	w := newWorld(t, func(o *Options) {
		reg := prometheus.NewRegistry()
		n := prometheus.NewCounter(prometheus.CounterOpts{Name: "mekong_test_total", Help: "A count."})
		n.Add(3)
		reg.MustRegister(n)
		o.Metrics, o.Users, o.Token = reg, nil, ""
		o.Ready = func(context.Context) error { return trouble }
	})
	for _, c := range []struct {
		path    string
		trouble error
		status  int
		says    string
	}{
		{"/healthz", nil, 200, "ok"},
		{"/readyz", nil, 200, `"ready":true`},
		{"/metrics", nil, 200, "mekong_test_total 3"},
		{"/readyz", errors.New("the store is full"), 503, "the store is full"},
		{"/healthz", errors.New("the store is full"), 200, "ok"},
		{"/", nil, 404, ""},
		{"/login", nil, 404, ""},
		{"/flow", nil, 404, ""},
	} {
		trouble = c.trouble
		a := w.get(w.browser(), c.path)
		if a.status != c.status || !strings.Contains(a.body, c.says) {
			t.Errorf("%s with %v answers %d %q", c.path, c.trouble, a.status, a.body)
		}
	}
}

func TestAPortInUseIsSaidAtOnce(t *testing.T) {
	c, err := New(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = New(Options{Addr: c.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "http.console") {
		t.Errorf("a second listener on the port says %v", err)
	}
}
