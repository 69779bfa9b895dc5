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
)

// holds is what people did to a world's sinks.
type holds struct {
	did string
	err error
}

func (h *holds) Hold(_ context.Context, sink, who, why string) error {
	h.did = fmt.Sprintf("%s held %s: %s", who, sink, why)
	return h.err
}

func (h *holds) Release(_ context.Context, sink, who string) error {
	h.did = fmt.Sprintf("%s released %s", who, sink)
	return h.err
}

func TestASinkIsHeldAndGoesOn(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	page := w.get(b, "/sinks").body
	csrf := w.field(page, "csrf")
	for _, says := range []string{`action="/sinks/hold"`, "Tạm dừng crm", `name="why" required`} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	for _, c := range []struct {
		path   string
		form   url.Values
		err    error
		status int
		did    string
		then   string
	}{
		{"/sinks/hold", url.Values{"sink": {"crm"}}, nil, 400, "", ""},
		{"/sinks/hold", url.Values{"sink": {"crm"}, "why": {" \n"}}, nil, 400, "", ""},
		{"/sinks/hold", url.Values{"sink": {"nowhere"}, "why": {"x"}}, nil, 400, "", ""},
		{"/sinks/hold", url.Values{"sink": {"crm"}, "why": {"tidying"}}, errors.New("NATS is away at /secret"), 503, "an held crm: tidying", ""},
		{"/sinks/hold", url.Values{"sink": {"crm"}, "why": {"tidying"}}, nil, 303, "an held crm: tidying", "crm đã tạm dừng"},
		{"/sinks/hold", url.Values{"sink": {"crm"}, "why": {"tidying"}}, ErrStands, 303, "an held crm: tidying", "crm: đã có người"},
		{"/sinks/release", url.Values{"sink": {"crm"}}, nil, 303, "an released crm", "crm đang chạy tiếp"},
	} {
		w.holds.did, w.holds.err = "", c.err
		c.form.Set("csrf", csrf)
		a := w.do(b, http.MethodPost, c.path, c.form)
		if a.status != c.status || w.holds.did != c.did || strings.Contains(a.body, "secret") {
			t.Errorf("%s %v with %v answers %d and did %q", c.path, c.form, c.err, a.status, w.holds.did)
		}
		if c.then != "" && !strings.Contains(w.get(b, a.header.Get("Location")).body, c.then) {
			t.Errorf("%s %v with %v: the page does not say %q", c.path, c.form, c.err, c.then)
		}
	}
	if page := w.get(b, "/activity").body; strings.Count(page, "<td>tạm dừng</td>") != 1 || strings.Count(page, "<td>cho chạy tiếp</td>") != 1 || !strings.Contains(page, "tidying") {
		t.Error("the log does not hold exactly what was done")
	}
}

// Whether the destination refuses or a person holds it must not be taken for the same.
func TestWhoHoldsASinkIsSeen(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	vendors := w.get(b, "/flow").body
	s := snapshot(w.clock.now())
	s.Sinks[1].ByHand = Hold{By: "chi", Why: "<b>đang dọn</b>", At: w.clock.now().Add(-2 * time.Hour)}
	w.stands(func() (Snapshot, error) { return s, nil })
	w.clock.move(time.Minute)
	for _, path := range []string{"/flow", "/sinks"} {
		page := w.get(b, path).body
		for _, says := range []string{"tạm dừng thủ công", "chi tạm dừng đã 2 giờ: &lt;b&gt;đang dọn&lt;/b&gt;", `paused" `} {
			if !strings.Contains(page, says) || strings.Contains(vendors, says) {
				t.Errorf("%s: only of one that a person holds it must say %q", path, says)
			}
		}
		if strings.Contains(page, "field not found: Ngân sách") {
			t.Errorf("%s names two reasons", path)
		}
	}
	page := w.get(b, "/sinks").body
	if !strings.Contains(page, `action="/sinks/release"`) || !strings.Contains(page, "14 bản ghi đang chờ") || strings.Count(page, `action="/sinks/hold"`) != 1 {
		t.Error("only the other sink can be held, and only this one can go on")
	}
	if page := w.get(w.viewer(), "/sinks").body; !strings.Contains(page, "tạm dừng thủ công") || strings.Contains(page, "/sinks/release") {
		t.Error("a viewer sees who holds it, and can do nothing about it")
	}
	if text := w.get(b, "/api/flow").body; !strings.Contains(text, `"state":"paused"`) || !strings.Contains(text, `"held_by":"chi"`) {
		t.Errorf("programs are told %s", text)
	}
}
