package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mekong/pipeline/trace"
)

func TestATestIsSentAndFollowed(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	page := w.get(b, "/sources").body
	csrf := w.field(page, "csrf")
	if !strings.Contains(page, `action="/sources/landing/test"`) || strings.Contains(page, `action="/sources/support/test"`) {
		t.Error("what has an address can be tested, and nothing else")
	}
	test := func(source string) answer {
		t.Helper()
		return w.do(b, http.MethodPost, "/sources/"+source+"/test", url.Values{"csrf": {csrf}})
	}
	for _, source := range []string{"support", "nowhere", "%2e%2e"} {
		if a := test(source); a.status != http.StatusNotFound || w.places.tested != "" {
			t.Errorf("testing %s answers %d and tests %q", source, a.status, w.places.tested)
		}
	}
	w.places.testErr = errors.New(`answered 401 Unauthorized: {"cause":"<script>"}`)
	if a := test("landing"); a.status != http.StatusBadGateway || !strings.Contains(a.body, "được trả lời 401 Unauthorized: {&#34;cause&#34;:&#34;&lt;script&gt;&#34;}") {
		t.Errorf("a test that is turned away answers %d:\n%s", a.status, a.body)
	}
	w.places.testErr = nil
	if a := test("landing"); a.header.Get("Location") != "/sources/landing/watch" {
		t.Errorf("a test without an ID leads to %s", a.header.Get("Location"))
	}
	// The index does not know it yet.
	w.places.testID = "r-new"
	at := test("landing").header.Get("Location")
	if !strings.HasPrefix(at, "/lead?id=r-new&sent=") {
		t.Fatalf("a test leads to %s", at)
	}
	a := w.get(b, at)
	if a.status != 200 || !strings.Contains(a.body, `data-reload="1"`) || !strings.Contains(a.body, `http-equiv="refresh" content="2"`) || !strings.Contains(a.body, "r-new") {
		t.Errorf("before the index knows it, its page answers %d:\n%s", a.status, a.body)
	}
	// It is known, and waits for a sink; then it is everywhere.
	at = strings.Replace(at, "r-new", "r-1", 1)
	steps := w.leads.path.Records[0].Steps
	w.leads.path.Records[0].Steps = append([]trace.Step{{Sink: "sales", State: trace.Waiting}}, steps...)
	if page := w.get(b, at).body; !strings.Contains(page, "data-reload") {
		t.Error("one that still waits for a sink is not followed")
	}
	w.leads.path.Records[0].Steps = steps
	if page := w.get(b, at).body; strings.Contains(page, "data-reload") {
		t.Error("one that is everywhere is followed still")
	}
	// Not for ever.
	w.leads.path.Records = nil
	w.clock.move(2 * followMost)
	if page := w.get(b, at).body; strings.Contains(page, "data-reload") {
		t.Error("it is followed for ever")
	}
	if a := w.get(b, strings.Replace(at, "r-1", "r-new", 1)); a.status != http.StatusNotFound {
		t.Errorf("one that nobody knows answers %d", a.status)
	}
	for _, sent := range []string{"x", "-1", "99999999999999999999", "9999999999"} {
		if a := w.get(b, "/lead?id=r-new&sent="+sent); a.status != http.StatusNotFound {
			t.Errorf("one that was sent at %s answers %d", sent, a.status)
		}
	}
	if page := w.get(b, "/activity").body; strings.Count(page, "<td>gửi thử</td><td>landing</td>") != 2 {
		t.Error("the log does not hold the two tests that were sent")
	}
}
