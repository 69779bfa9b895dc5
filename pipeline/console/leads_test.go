package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/table"
	"mekong/pipeline/trace"
)

// leads are what a world's index is said to hold.
type leads struct {
	page  trace.Page
	path  trace.Path
	err   error
	term  string // last asked for
	asked trace.Filter
}

func (l *leads) Search(_ context.Context, term string, f trace.Filter, limit int) (trace.Page, error) {
	l.term, l.asked = term, f
	page := l.page
	if f.After != "" || limit >= trace.MostEntries {
		page.Next = ""
	}
	return page, l.err
}

func (l *leads) Path(_ context.Context, id string) (trace.Path, error) {
	if id != "r-1" {
		return trace.Path{}, trace.ErrUnknown
	}
	return l.path, l.err
}

func (l *leads) Lag(context.Context) ([]trace.Lag, error) {
	return []trace.Lag{{Stream: trace.Records, Messages: 3, Behind: 2 * time.Minute}}, nil
}

func (l *leads) receipt(_ context.Context, id, who, language string) (Receipt, error) {
	if id != "r-1" {
		return Receipt{}, ErrNoLead
	}
	return Receipt{Number: "7", Page: []byte("<!doctype html><h1>Receipt of " + id + " for " + who + " in " + language + "</h1>"), Policy: "default-src 'none'"}, l.err
}

func newLeads(now time.Time) *leads {
	e := trace.Entered{ID: "r-1", Key: "0912345678|IELTS", Kind: "lead", Source: "landing", Received: now.Add(-time.Minute), Name: "Nguyễn Thị Ánh",
		Phone: "0912345678", Email: "anh@example.com", Form: "IELTS tháng 11", Page: "https://khoahoc.example.vn/?p=0912345678", Flags: []string{"phone_guess"},
		Steps: []trace.Step{{Sink: "archive", State: trace.Stored, At: now, Ref: "https://db.example/r-1"},
			{Sink: "crm", State: trace.BuriedAt, At: now, Attempts: 5, Why: "the field Ngân sách is a number", Grave: 7}}}
	return &leads{
		page: trace.Page{Entries: []trace.Entered{e}, Next: "zz"},
		path: trace.Path{ID: "r-1", Received: &trace.Received{Seq: 9, Stored: now, Raw: pipeline.Raw{ID: "r-1", Source: "landing", Format: "ladipage.form", Received: now,
			Meta: map[string]string{"origin": "https://khoahoc.example.vn"}, Body: []byte("name=Nguyễn Thị Ánh&phone=0912.345.678")}},
			Records: []trace.Traced{{Entered: e, Seq: 11, Changes: []trace.Change{{Field: "phone", From: "0912.345.678", To: "0912345678"}},
				Record: &pipeline.Record{ID: "r-1", Fields: map[string]any{"name": "Nguyễn Thị Ánh", "phone": "0912345678", "email": "anh@example.com",
					"address": "1 Phố Huế", "utm_source": "fb", "tags": []string{"a", "b"}, "none": nil}}}}},
	}
}

// hostile puts a text into every place that somebody from outside fills.
func (l *leads) hostile(evil string) {
	e := trace.Entered{ID: evil, Key: evil, Kind: evil, Source: evil, Name: evil, Phone: evil, Email: evil, Form: evil, Page: evil, Flags: []string{evil},
		Steps: []trace.Step{{Sink: evil, State: trace.Stored, Ref: evil, Why: evil}}}
	l.page.Entries = []trace.Entered{e}
	l.path = trace.Path{ID: evil, Received: &trace.Received{Raw: pipeline.Raw{ID: evil, Source: evil, Format: evil, Meta: map[string]string{evil: evil}, Body: []byte(evil)}},
		Records: []trace.Traced{{Entered: e, Changes: []trace.Change{{Field: evil, From: evil, To: evil}}, Record: &pipeline.Record{ID: evil, Fields: map[string]any{evil: evil, "name": evil}}}}}
}

// personal is what a viewer must not see anywhere.
var personal = []string{"Nguyễn", "Ánh", "0912345678", "0912.345.678", "anh@", "Phố Huế"}

func TestLeadsAreFoundAndFollowed(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	page, at := w.search(b, url.Values{"q": {"anh"}, "source": {"landing"}, "form": {"IELTS"}, "sink": {"crm"}, "state": {"buried"}})
	if want := (trace.Filter{Source: "landing", Form: "IELTS", Sink: "crm", State: trace.BuriedAt}); w.leads.term != "anh" || w.leads.asked != want {
		t.Errorf("it asks for %q %+v", w.leads.term, w.leads.asked)
	}
	for _, says := range []string{"Nguyễn Thị Ánh", "0912345678", "archive: đã lưu", "crm: đã chôn", "/lead?id=r-1", "chậm hơn dòng chảy 2 phút",
		"/leads?after=zz&amp;form=IELTS&amp;s=" + at.Get("s") + "&amp;sink=crm&amp;source=landing&amp;state=buried", `data-new="taken" data-had="1204"`, `<option value="buried" selected>`} {
		if !strings.Contains(page, says) {
			t.Errorf("the list does not say %q", says)
		}
	}
	page = w.get(b, "/lead?id=r-1").body
	for _, says := range []string{"phone=0912.345.678", "<td>0912.345.678</td><td>0912345678</td>", "phone_guess", `href="https://db.example/r-1"`, "5 lần thử", `href="/buried/7"`, "the field Ngân sách is a number", "1 Phố Huế", "origin", `action="/forget/find"`, `name="q" value="r-1"`} {
		if !strings.Contains(page, says) {
			t.Errorf("the path does not say %q", says)
		}
	}
	if a := w.get(b, "/lead?id=r-2"); a.status != http.StatusNotFound {
		t.Errorf("one that nobody knows answers %d", a.status)
	}
	w.leads.err = context.DeadlineExceeded
	if a := w.get(b, "/leads?source=landing"); a.status != 200 || !strings.Contains(a.body, "Tìm quá lâu") {
		t.Errorf("a search that takes too long answers %d", a.status)
	}
	w.leads.err = errors.New("disk I/O error at /secret")
	for _, path := range []string{"/leads", "/lead?id=r-1"} {
		if a := w.get(b, path); a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") {
			t.Errorf("%s without an index answers %d", path, a.status)
		}
	}
}

// search searches by the form, and gives the page and what stands in its address.
func (w *world) search(b *http.Client, form url.Values) (page string, at url.Values) {
	w.t.Helper()
	form.Set("csrf", w.field(w.get(b, "/leads").body, "csrf"))
	a := w.do(b, http.MethodPost, "/leads", form)
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || to.Path != "/leads" {
		w.t.Fatalf("a search answers %d, to %q", a.status, a.header.Get("Location"))
	}
	got := w.get(b, to.String())
	if got.status != http.StatusOK {
		w.t.Fatalf("what was searched answers %d", got.status)
	}
	return got.body, to.Query()
}

// Whom somebody searched for stands in no address, and a search can be gone back to.
func TestASearchIsInNoAddress(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	const number = "0912 345 678"
	page, at := w.search(b, url.Values{"q": {number}, "source": {"landing"}})
	if len(at) != 2 || at.Get("s") == "" || at.Get("source") != "landing" || w.leads.term != number {
		t.Errorf("the address holds %v, and %q was searched", at, w.leads.term)
	}
	if !strings.Contains(page, `name="q" value="`+number+`"`) {
		t.Error("the page does not say what was searched")
	}
	for _, link := range regexp.MustCompile(`(?:href|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if text, err := url.QueryUnescape(link[1]); err != nil || strings.Contains(strings.ReplaceAll(text, " ", ""), "345678") {
			t.Errorf("a link of the page tells: %s", link[1])
		}
	}
	if _, again := w.search(b, url.Values{"q": {number}, "source": {"landing"}}); again.Get("s") != at.Get("s") {
		t.Error("the same search has two addresses")
	}
	// Going back, and following the pages.
	other, _ := w.search(b, url.Values{"q": {"binh"}})
	if strings.Contains(other, number) || w.leads.term != "binh" {
		t.Errorf("another search asks for %q", w.leads.term)
	}
	if w.get(b, "/leads?"+at.Encode()+"&after=zz"); w.leads.term != number || w.leads.asked.After != "zz" {
		t.Errorf("the second page asks for %q %+v", w.leads.term, w.leads.asked)
	}
	// In another session, or when it is forgotten, the handle finds nobody at all.
	w.leads.term = "nothing was asked"
	for _, who := range []*http.Client{w.operator(), w.viewer()} {
		if a := w.get(who, "/leads?"+at.Encode()); a.status != 200 || strings.Contains(a.body, "N. T. Á.") || strings.Contains(a.body, "Nguyễn") || !strings.Contains(a.body, "không còn được nhớ") || w.leads.term != "nothing was asked" {
			t.Errorf("another's search asks for %q", w.leads.term)
		}
	}
	for i := range searchesMost {
		w.search(b, url.Values{"q": {fmt.Sprint("n", i)}})
	}
	if a := w.get(b, "/leads?"+at.Encode()); !strings.Contains(a.body, "không còn được nhớ") {
		t.Error("the oldest search is remembered for ever")
	}
	// An address that somebody wrote by hand goes on without the term.
	a := w.get(b, "/leads?state=buried&q="+url.QueryEscape(number))
	if to := a.header.Get("Location"); a.status != http.StatusSeeOther || strings.Contains(to, "345") || !strings.Contains(to, "state=buried") {
		t.Errorf("a term in the address: answers %d, to %s", a.status, to)
	}
	if a := w.do(b, http.MethodPost, "/leads", url.Values{"q": {"x"}}); a.status != http.StatusForbidden {
		t.Errorf("a search from elsewhere answers %d", a.status)
	}
}

func TestWhoseSessionIsOverIsAskedToSignInAgain(t *testing.T) {
	w := newWorld(t)
	for path, next := range map[string]string{"/leads": "/leads", "/leads/export": "/leads", "/buried/replay": "/buried", "/logout": ""} {
		want := "/login"
		if next != "" {
			want += "?next=" + url.QueryEscape(next)
		}
		a := w.do(w.browser(), http.MethodPost, path, url.Values{"q": {"0912345678"}}, "Accept", "text/html,*/*")
		if to := a.header.Get("Location"); a.status != http.StatusSeeOther || to != want {
			t.Errorf("POST %s answers %d, to %s, want %s", path, a.status, to, want)
		}
	}
}

func TestAViewerSeesNobody(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	for path, says := range map[string]string{"/leads": "N. T. Á.", "/lead?id=r-1": "09xx***678", "/buried": "Ngân sách", "/buried/7": "a***@", "/sinks": "crm", "/sources": "form_item3209"} {
		a := w.get(b, path)
		if a.status != 200 || !strings.Contains(a.body, says) {
			t.Errorf("%s answers %d without %q", path, a.status, says)
		}
		for _, one := range personal {
			if strings.Contains(a.body, one) {
				t.Errorf("%s shows a viewer %q", path, one)
			}
		}
		for _, act := range acts {
			if strings.Contains(a.body, `action="`+act) {
				t.Errorf("%s offers a viewer %s", path, act)
			}
		}
	}
	csrf := w.field(w.get(b, "/flow").body, "csrf")
	for _, path := range acts {
		if a := w.do(b, http.MethodPost, path, url.Values{"csrf": {csrf}, "all": {"yes"}, "why": {"x"}, "format": {"csv"}}); a.status != http.StatusForbidden {
			t.Errorf("a viewer's POST %s answers %d", path, a.status)
		}
	}
	for _, path := range []string{"/forget", "/forget/x", "/forget/x/proof", "/sources/landing/watch"} {
		if a := w.get(b, path); a.status != http.StatusForbidden {
			t.Errorf("a viewer's GET %s answers %d", path, a.status)
		}
	}
	if strings.Contains(w.get(b, "/flow").body, `href="/forget"`) {
		t.Error("a viewer is led to what is for operators")
	}
	if w.grave.did != "" || w.holds.did != "" || w.places.tested != "" || w.people.did != "" {
		t.Errorf("a viewer %s %s, tested %s, %s", w.grave.did, w.holds.did, w.places.tested, w.people.did)
	}
}

func TestAReceiptIsIssued(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	page := w.get(b, "/lead?id=r-1").body
	csrf := w.field(page, "csrf")
	if !strings.Contains(page, `action="/lead/receipt"`) {
		t.Error("the lead's page offers none")
	}
	a := w.do(b, http.MethodPost, "/lead/receipt", url.Values{"csrf": {csrf}, "id": {"r-1"}})
	if a.status != 200 || !strings.Contains(a.body, "Receipt of r-1 for an in vi") || a.header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'" || a.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("it answers %d %v\n%s", a.status, a.header, a.body)
	}
	if a := w.do(b, http.MethodPost, "/lead/receipt", url.Values{"csrf": {csrf}, "id": {"r-2"}}); a.status != http.StatusNotFound {
		t.Errorf("of a lead that nobody knows it answers %d", a.status)
	}
	w.leads.err = errors.New("at /secret")
	if a := w.do(b, http.MethodPost, "/lead/receipt", url.Values{"csrf": {csrf}, "id": {"r-1"}}); a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") {
		t.Errorf("where none can be issued it answers %d", a.status)
	}
	if page := w.get(b, "/activity").body; strings.Count(page, "<td>receipt 7</td>") != 1 {
		t.Error("who issued it is not written down, once")
	}
}

func TestAnExportIsTameAndWrittenDown(t *testing.T) {
	w := newWorld(t)
	w.leads.page.Entries[0].Name = `=HYPERLINK("http://evil.example","x")`
	b := w.operator()
	csrf := w.field(w.get(b, "/leads").body, "csrf")
	if a := w.do(b, http.MethodPost, "/leads/export", url.Values{"format": {"csv"}}); a.status != http.StatusForbidden {
		t.Errorf("an export from elsewhere answers %d", a.status)
	}
	for _, format := range []string{"csv", "xlsx"} {
		a := w.do(b, http.MethodPost, "/leads/export", url.Values{"csrf": {csrf}, "format": {format}, "q": {"anh"}})
		if a.status != 200 || !strings.Contains(a.header.Get("Content-Disposition"), "mekong-leads."+format) {
			t.Fatalf("%s: answers %d %v", format, a.status, a.header)
		}
		rows, err := table.NewReader(bytes.NewReader([]byte(a.body)))
		if err != nil {
			t.Fatal(err)
		}
		row, err := rows.Next()
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if !slices.Contains(row.Values, "0912345678") || slices.ContainsFunc(row.Values, func(s string) bool { return format == "csv" && strings.HasPrefix(s, "=") }) {
			t.Errorf("%s: the row is %q", format, row.Values)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if a := w.do(b, http.MethodPost, "/leads/export", url.Values{"csrf": {csrf}, "format": {"exe"}}); a.status != http.StatusBadRequest {
		t.Errorf("another format answers %d", a.status)
	}
	if page := w.get(b, "/activity").body; !strings.Contains(page, "<td>an</td><td>xuất tệp</td><td>xlsx</td><td class=\"n\">1</td>") {
		t.Error("who exported is not written down")
	}
}
