package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
)

// grave is what a world has buried, and what was done with it.
type grave struct {
	groups []BuriedGroup
	items  map[uint64]BuriedItem
	did    string
	which  BuriedChoice
	n      int
	err    error
}

func (g *grave) Groups(context.Context) ([]BuriedGroup, error) { return g.groups, nil }

func (g *grave) One(_ context.Context, seq uint64) (BuriedItem, error) {
	it, ok := g.items[seq]
	if !ok {
		return it, errors.New("nothing is buried under that number")
	}
	return it, nil
}

func (g *grave) Replay(_ context.Context, which BuriedChoice) (int, error) {
	g.which, g.did = which, fmt.Sprintf("replayed %+v", which)
	return g.n, g.err
}

func (g *grave) Drop(_ context.Context, which BuriedChoice, reason string) (int, error) {
	g.did = fmt.Sprintf("dropped %+v because %s", which, reason)
	return g.n, g.err
}

func newGrave(now time.Time) *grave {
	return &grave{
		n:      14,
		groups: []BuriedGroup{{Sink: "crm", Reason: "the field Ngân sách is a number", Fix: "mend it: https://example.larksuite.com/base/HTJ6b", Count: 14, Oldest: now.Add(-time.Hour), Seqs: []uint64{7, 8}}},
		items: map[uint64]BuriedItem{7: {Seq: 7, Sink: "crm", Reason: "the field Ngân sách is a number", Attempts: 5, At: now,
			Record: &pipeline.Record{ID: "r-1", Fields: map[string]any{"name": "Nguyễn Thị Ánh", "email": "anh@example.com"}},
			Raw:    &pipeline.Raw{ID: "r-1", Body: []byte("name=Nguyễn Thị Ánh")}}},
	}
}

func TestTheBuriedAreShownAndMoved(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	page := w.get(b, "/buried").body
	for _, says := range []string{"the field Ngân sách is a number", `href="https://example.larksuite.com/base/HTJ6b"`, "Gửi lại 14", "Gửi lại tất cả 14", "Bỏ hẳn 14", `href="/buried/7"`} {
		if !strings.Contains(page, says) {
			t.Errorf("the list does not say %q", says)
		}
	}
	if page := w.get(b, "/buried/7").body; !strings.Contains(page, "<pre>name=Nguyễn Thị Ánh</pre>") || !strings.Contains(page, "5 lần thử") {
		t.Error("one of them is not shown in full")
	}
	for _, path := range []string{"/buried/8", "/buried/x", "/buried/-1"} {
		if a := w.get(b, path); a.status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, a.status)
		}
	}
	csrf := w.field(page, "csrf")
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
		did    string
	}{
		{"/buried/replay", url.Values{"sink": {"crm"}, "reason": {"a number"}}, 303, "replayed crm"},
		{"/buried/replay", url.Values{"seq": {"7"}}, 303, "replayed #7"},
		{"/buried/replay", url.Values{"all": {"yes"}}, 303, "replayed *"},
		{"/buried/drop", url.Values{"seq": {"7"}, "why": {" a test\r\nof ours "}}, 303, "dropped #7 because a test  of ours"},
		{"/buried/drop", url.Values{"seq": {"7"}, "why": {"  "}}, 400, ""},
		{"/buried/drop", url.Values{"seq": {"7"}}, 400, ""},
		{"/buried/replay", url.Values{}, 400, ""},
		{"/buried/replay", url.Values{"sink": {"crm"}}, 400, ""},
		{"/buried/replay", url.Values{"seq": {"seven"}}, 400, ""},
	} {
		w.grave.did = ""
		if a := w.do(b, http.MethodPost, c.path, c.form); a.status != http.StatusForbidden || w.grave.did != "" {
			t.Errorf("%s %v without our form's token answers %d and %s", c.path, c.form, a.status, w.grave.did)
		}
		c.form.Set("csrf", csrf)
		a := w.do(b, http.MethodPost, c.path, c.form)
		if a.status != c.status || w.grave.did != c.did {
			t.Errorf("%s %v answers %d and %q, want %d and %q", c.path, c.form, a.status, w.grave.did, c.status, c.did)
		}
	}
	if page := w.get(b, "/buried?done=replayed&n=14").body; !strings.Contains(page, "Đã gửi lại 14.") {
		t.Error("it is not said how many were replayed")
	}
	if page := w.get(b, "/buried?done=lead&n=x").body; strings.Contains(page, `class="note" role="status"`) {
		t.Error("an address makes the page say something")
	}
	activity := w.get(b, "/activity").body
	for _, says := range []string{"<td>gửi lại</td><td>crm</td><td class=\"n\">14</td>", "<td>bỏ hẳn</td><td>#7</td><td class=\"n\">14</td><td>a test  of ours</td>"} {
		if !strings.Contains(activity, says) {
			t.Errorf("the activity does not say %q", says)
		}
	}
	w.grave.n, w.grave.err = 0, errors.New("NATS is away")
	if a := w.do(b, http.MethodPost, "/buried/replay", url.Values{"csrf": {csrf}, "all": {"yes"}}); a.status != http.StatusServiceUnavailable {
		t.Errorf("what cannot be replayed answers %d", a.status)
	}
}
