package console

import (
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
)

// people are those of a world who want to be forgotten.
type people struct {
	requests []ForgetRequest
	found    Person
	err      error
	proof    Proof
	failed   error
	hold     chan struct{} // a look and an erasing wait for it; nil: for nothing
	did      string
}

func (p *people) Requests(context.Context) ([]ForgetRequest, error) { return p.requests, p.err }

func (p *people) Request(_ context.Context, term string) (ForgetRequest, error) {
	if !strings.Contains(term, "0912") {
		return ForgetRequest{}, ErrNobody
	}
	p.did = "noted " + term
	return p.requests[0], p.err
}

func (p *people) Answered(_ context.Context, mark string) error {
	if mark != p.requests[0].Mark {
		return ErrNobody
	}
	p.did = "answered " + mark
	return p.err
}

func (p *people) Find(ctx context.Context, term string) (Person, error) {
	p.wait(ctx)
	if !strings.Contains(term, "0912") {
		return Person{}, fmt.Errorf("%q: %w", term, ErrNobody)
	}
	found := p.found
	found.Evidence = func() ([]byte, error) { return []byte(`[{"fields":{"consent":true}}]`), nil }
	found.Forget = func(ctx context.Context, byHand []string, tell func(string)) (Proof, error) {
		tell("erasing rows of crm")
		p.wait(ctx)
		p.did = fmt.Sprint("forgot but for ", byHand)
		return p.proof, p.failed
	}
	return found, p.err
}

func (p *people) wait(ctx context.Context) {
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
		}
	}
}

const someMark = "0123456789abcdef0123456789abcdef01234567"

func newPeople(now time.Time) *people {
	req := ForgetRequest{Mark: someMark, Who: "08•••78", At: now.Add(-24 * time.Hour), Answer: now.Add(24 * time.Hour), Erase: now.Add(19 * 24 * time.Hour)}
	late := ForgetRequest{Mark: strings.Repeat("f", 40), Who: "a•••@example.com", At: now.AddDate(0, 0, -30), Answer: now.AddDate(0, 0, -28), Answered: now.AddDate(0, 0, -29), Erase: now.AddDate(0, 0, -10)}
	done := ForgetRequest{Mark: strings.Repeat("e", 40), Who: "b•••@example.com", At: now.AddDate(0, 0, -60), Answer: now.AddDate(0, 0, -58), Erase: now.AddDate(0, 0, -40), Done: now.AddDate(0, 0, -50)}
	return &people{
		requests: []ForgetRequest{req, late, done},
		found: Person{Who: []string{"08•••78"}, Names: []string{"Ng•••nh"}, Also: []string{"c•••@example.com"}, Keys: 3, Rows: []Count{{"archive", 3}}, Places: []Count{{"RAW", 4}, {"RECORDS", 4}},
			Unread: []string{"hook"}, Silent: []Pair{{"crm", "it does not answer"}}, Oldest: now.Add(-time.Hour), Consents: 2, Requests: []ForgetRequest{req}},
		proof: Proof{Complete: true, Began: now, Ended: now.Add(3 * time.Second), Marks: []string{someMark}, Rows: []Count{{"archive", 3}, {"crm", 3}}, Streams: []Count{{"RAW", 4}},
			Index: 3, ByHand: []string{"hook"}, File: "data/forgotten/20261124.json", Text: []byte(`{"complete":true}`)},
	}
}

var regexpHandle = regexp.MustCompile(`href="/leads\?s=([^"]+)"`)

// browserOfLink is somebody else who is an operator.
func (w *world) browserOfLink() *http.Client {
	w.t.Helper()
	b := w.browser()
	if a := w.get(b, "/login?token="+token); a.status != http.StatusSeeOther {
		w.t.Fatalf("the link answers %d", a.status)
	}
	return b
}

// cse follows a case until it is in no state that passes.
func (w *world) cse(b *http.Client, at string) string {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		a := w.get(b, at)
		if a.status != http.StatusOK {
			w.t.Fatalf("%s answers %d", at, a.status)
		}
		if !strings.Contains(a.body, "data-reload") {
			return a.body
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("it comes to no end: %s", a.body)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestRequestsHaveDueDates(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	page := w.get(b, "/forget").body
	csrf := w.field(page, "csrf")
	for _, says := range []string{"08•••78", "0123456789ab", "25/11/2026 · còn 24 giờ", "còn 19 ngày", `<tr class="overdue"><td>a•••@example.com`, "14/11/2026 · quá hạn 10 ngày", `<tr class="done"><td>b•••@example.com`, "đã xóa"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	if n := strings.Count(page, `action="/forget/answered"`); n != 1 {
		t.Errorf("%d of the requests can be answered, want one", n)
	}
	w.clock.move(25 * time.Hour)
	if page := w.get(w.operator(), "/forget").body; strings.Count(page, `class="overdue"`) != 2 {
		t.Error("an answer that is late is not overdue")
	}
	w.clock.move(-25 * time.Hour)
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
		did    string
	}{
		{"/forget/note", url.Values{"q": {"nobody"}}, 400, ""},
		{"/forget/note", url.Values{}, 400, ""},
		{"/forget/note", url.Values{"q": {"0912 345 678"}}, 303, "noted 0912 345 678"},
		{"/forget/answered", url.Values{"mark": {"../x"}}, 400, ""},
		{"/forget/answered", url.Values{"mark": {someMark}}, 303, "answered " + someMark},
	} {
		w.people.did = ""
		c.form.Set("csrf", csrf)
		a := w.do(b, http.MethodPost, c.path, c.form)
		if a.status != c.status || w.people.did != c.did {
			t.Errorf("%s %v answers %d and %s", c.path, c.form, a.status, w.people.did)
		}
		to := a.header.Get("Location")
		if c.status == 303 {
			if strings.Contains(to, "345") {
				t.Errorf("%s tells whom in the address: %s", c.path, to)
			}
			page = w.get(b, to).body
		}
		if c.path == "/forget/note" && c.status == 303 {
			handle := regexpHandle.FindStringSubmatch(page)
			if handle == nil {
				t.Fatalf("from the request there is no way to the leads: %s", page)
			}
			if w.get(b, "/leads?s="+handle[1]); w.leads.term != "0912 345 678" {
				t.Errorf("the leads that are searched are those of %q", w.leads.term)
			}
		}
	}
	w.people.err = errors.New("NATS is away at /secret")
	if a := w.get(b, "/forget"); a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") {
		t.Errorf("when nothing can be read it answers %d", a.status)
	}
}

func TestAPersonIsFoundAndErased(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	csrf := w.field(w.get(b, "/forget").body, "csrf")
	post := func(path string, form url.Values) answer {
		t.Helper()
		form.Set("csrf", csrf)
		return w.do(b, http.MethodPost, path, form)
	}
	at := post("/forget/find", url.Values{"q": {"0900"}}).header.Get("Location")
	if page := w.cse(b, at); !strings.Contains(page, "không phải số điện thoại") || strings.Contains(page, "0900") {
		t.Errorf("a term that is nobody's: %s", page)
	}
	if a := post("/forget/find", url.Values{}); a.status != http.StatusBadRequest {
		t.Errorf("looking for nobody answers %d", a.status)
	}
	// While one is looked for, there is room for no other.
	w.people.hold = make(chan struct{})
	at = post("/forget/find", url.Values{"q": {"0912345678"}}).header.Get("Location")
	if !strings.HasPrefix(at, "/forget/") || strings.Contains(at, "0912") {
		t.Fatalf("the address is %s", at)
	}
	if page := w.get(b, at).body; !strings.Contains(page, `data-reload="1"`) || !strings.Contains(page, `http-equiv="refresh" content="2"`) || strings.Contains(page, "/erase") {
		t.Errorf("while somebody is looked for: %s", page)
	}
	if a := post("/forget/find", url.Values{"q": {"0912345679"}}); a.status != http.StatusConflict {
		t.Errorf("looking for another meanwhile answers %d", a.status)
	}
	close(w.people.hold)
	page := w.cse(b, at)
	for _, says := range []string{"08•••78", "Ng•••nh", "c•••@example.com", "lead gốc, đúng như khi đến: 4", "hook", "it does not answer", "Gõ số dòng, 3", "Xóa hẳn 3 dòng và 8 tin", "Tải bằng chứng đồng ý", "0123456789ab"} {
		if !strings.Contains(page, says) {
			t.Errorf("what was found does not say %q", says)
		}
	}
	if a := post(at+"/evidence", url.Values{}); a.status != 200 || a.body != `[{"fields":{"consent":true}}]` || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the evidence answers %d %s", a.status, a.body)
	}
	if a := w.get(b, at+"/proof"); a.status != http.StatusNotFound {
		t.Errorf("a proof of what is not done answers %d", a.status)
	}
	for name, form := range map[string]url.Values{"no number": {}, "another": {"rows": {"4"}}, "not one": {"rows": {"3x"}}, "a sink that can be read": {"rows": {"3"}, "byhand": {"crm"}}} {
		if a := post(at+"/erase", form); a.status != http.StatusBadRequest || w.people.did != "" {
			t.Errorf("%s: erasing answers %d and %s", name, a.status, w.people.did)
		}
	}
	// What another operator has found is that one's.
	if a := w.get(w.browserOfLink(), at); a.status != http.StatusNotFound {
		t.Errorf("another operator is shown it: %d", a.status)
	}
	// A first try does not get through.
	whole := w.people.proof
	w.people.proof, w.people.failed = Proof{Marks: []string{someMark}, Failed: []Pair{{"crm", "it does not answer"}}}, errors.New("call this again")
	if a := post(at+"/erase", url.Values{"rows": {"3"}, "byhand": {"hook"}}); a.status != http.StatusSeeOther {
		t.Fatalf("erasing answers %d", a.status)
	}
	page = w.cse(b, at)
	if !strings.Contains(page, "chưa xong") || !strings.Contains(page, "it does not answer") || !strings.Contains(page, "call this again") || !strings.Contains(page, at+"/erase") || w.people.did != "forgot but for [hook]" {
		t.Errorf("after a try that did not get through, %s: %s", w.people.did, page)
	}
	w.people.proof, w.people.failed = whole, nil
	post(at+"/erase", url.Values{"rows": {"3"}})
	page = w.cse(b, at)
	for _, says := range []string{"đã xóa hết", someMark, "archive: 3", "data/forgotten/20261124.json", at + "/proof"} {
		if !strings.Contains(page, says) {
			t.Errorf("the proof does not say %q", says)
		}
	}
	if strings.Contains(page, at+"/erase") {
		t.Error("who is erased can be erased again")
	}
	if a := post(at+"/erase", url.Values{"rows": {"3"}}); a.status != http.StatusConflict {
		t.Errorf("erasing again answers %d", a.status)
	}
	if a := w.get(b, at+"/proof"); a.status != 200 || a.body != `{"complete":true}` {
		t.Errorf("the proof answers %d %s", a.status, a.body)
	}
	text := w.get(b, "/activity").body
	for _, says := range []string{"<td>tải bằng chứng đồng ý</td><td>0123456789ab</td>", "<td>chưa xong: phải làm lại</td>", "<td>xóa một người</td><td>0123456789ab</td><td class=\"n\">3</td><td>đã xong</td>"} {
		if !strings.Contains(text, says) {
			t.Errorf("the log does not say %q", says)
		}
	}
	if strings.Contains(text, "0912") {
		t.Error("the log names somebody")
	}
	w.clock.move(2 * caseLife)
	if a := w.get(w.operator(), at); a.status != http.StatusNotFound {
		t.Errorf("after hours it is shown still: %d", a.status)
	}
}

// Everybody's phone is nobody's: what looks like many people is not erased by a click.
func TestManyRowsAreNotErased(t *testing.T) {
	w := newWorld(t)
	w.people.found.Keys = mostRows + 1
	b := w.operator()
	csrf := w.field(w.get(b, "/forget").body, "csrf")
	at := w.do(b, http.MethodPost, "/forget/find", url.Values{"csrf": {csrf}, "q": {"0912"}}).header.Get("Location")
	if page := w.cse(b, at); strings.Contains(page, at+"/erase") || !strings.Contains(page, "nhiều hơn một người") {
		t.Errorf("they can be erased: %s", page)
	}
	if a := w.do(b, http.MethodPost, at+"/erase", url.Values{"csrf": {csrf}, "rows": {fmt.Sprint(mostRows + 1)}}); a.status != http.StatusBadRequest || w.people.did != "" {
		t.Errorf("erasing answers %d and %s", a.status, w.people.did)
	}
}

func TestCasesAreForgotten(t *testing.T) {
	clock := newClock()
	c := newCases(newPeople(clock.now()), clock.now, func(Entry) {})
	var ids []string
	for range casesMost + 3 {
		one, ok := c.begin("an", "0912")
		if !ok {
			t.Fatal("there is no room, though nobody is looked for")
		}
		c.find(t.Context(), <-c.work)
		ids = append(ids, one.id)
		clock.move(time.Second)
	}
	if len(c.all) != casesMost {
		t.Errorf("%d are remembered", len(c.all))
	}
	if _, ok := c.get(ids[0], "an"); ok {
		t.Error("the oldest is remembered for ever")
	}
	if one, ok := c.get(ids[len(ids)-1], "an"); !ok || one.term != "" {
		t.Error("the last is not there, or its term is still kept")
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != casesMost+3 {
		t.Error("two have one name")
	}
}
