package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/trace"
)

func TestFlowShowsHowEverythingStands(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	for _, c := range []struct {
		lang string
		says []string
	}{
		{"vi", []string{`<html lang="vi">`, "tạm giữ", "Tạm giữ đã 3 phút: field not found: Ngân sách", "14 đang chờ · lâu nhất 4 phút", "1.189", "chạy ở tiến trình khác", "đã nhận = đã lưu"}},
		{"en", []string{`<html lang="en">`, "held", "Held for 3 min: field not found: Ngân sách", "14 waiting · oldest 4 min", "1,189", "runs in another process", "accepted = stored"}},
	} {
		page := w.get(b, "/flow", "Accept-Language", c.lang).body
		for _, says := range append(c.says, "archive", "landing", "ladipage", "<svg") {
			if !strings.Contains(page, says) {
				t.Errorf("%s: the page does not say %q", c.lang, says)
			}
		}
		if len(page) > 60<<10 {
			t.Errorf("the page is %d bytes", len(page))
		}
	}
}

func TestFirstPaintIsSmall(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	for range historyMost / 24 { // an hour of history, in every chart
		w.clock.move(sampleEvery)
		if _, err := w.Console.flow.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Console.flow.keep()
	}
	// As full as the pages get.
	entry := w.leads.page.Entries[0]
	w.leads.page.Entries = slices.Repeat([]trace.Entered{entry}, leadsPage)
	source := w.places.sources[0]
	source.Forms, source.Unmapped = slices.Repeat(source.Forms, 20), slices.Repeat(source.Unmapped, 20)
	w.places.sources = slices.Repeat([]SourceInfo{source}, 5)
	shape := w.places.shapes["crm"]
	shape.Columns = slices.Repeat(shape.Columns, 10)
	w.places.shapes["crm"] = shape
	w.people.requests = slices.Repeat(w.people.requests, 20)
	size := func(path string) int {
		t.Helper()
		a := w.get(b, path)
		if a.status != 200 {
			t.Fatalf("%s answers %d", path, a.status)
		}
		return len(a.body)
	}
	assets := size("/assets/console.css") + size("/assets/console.js") + size("/assets/icon.svg")
	for _, path := range []string{"/flow", "/leads", "/lead?id=r-1", "/buried", "/sources", "/sinks", "/health", "/forget"} {
		sum := assets + size(path)
		t.Logf("the first paint of %s is %d bytes", path, sum)
		if sum > 100_000 {
			t.Errorf("the first paint of %s is %d bytes, want less than 100 kB", path, sum)
		}
	}
}

func TestLanguageIsRemembered(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	if page := w.get(b, "/flow").body; !strings.Contains(page, `<html lang="vi">`) || !strings.Contains(page, `href="/language/en?next=%2fflow"`) {
		t.Error("Vietnamese is not what is spoken first, or English is not offered")
	}
	a := w.get(b, "/language/en?next=/flow")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/flow" {
		t.Fatalf("choosing answers %d to %q", a.status, a.header.Get("Location"))
	}
	if page := w.get(b, "/flow", "Accept-Language", "vi").body; !strings.Contains(page, `<html lang="en">`) {
		t.Error("the choice is not remembered")
	}
	if a := w.get(b, "/language/en?next=//evil.example"); a.header.Get("Location") != "/" {
		t.Errorf("choosing leads to %q", a.header.Get("Location"))
	}
	if a := w.get(b, "/language/xx"); a.status != http.StatusNotFound {
		t.Errorf("a language that there is not answers %d", a.status)
	}
}

func TestAcceptLanguage(t *testing.T) {
	p, err := newPages(time.UTC, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"": "vi", "en": "en", "en-GB,en;q=0.9,vi;q=0.8": "en", "vi-VN,vi;q=0.9,en;q=0.8": "vi",
		"fr,en;q=0.5,vi;q=0.7": "vi", "fr": "vi", "en;q=x": "vi", ";;,,": "vi",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", header)
		if got := p.tongue(r).code; got != want {
			t.Errorf("%q is answered in %s, want %s", header, got, want)
		}
	}
}

func TestWhatOthersNamedIsText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	w := newWorld(t)
	w.stands(func() (Snapshot, error) {
		s := snapshot(w.clock.now())
		s.Durability, s.Trouble = evil, evil
		s.Sinks[1].HeldWhy, s.Sinks[1].Kind, s.Sinks[1].Accept = evil, evil, []string{evil}
		s.Sources[0].Kind = evil
		return s, nil
	})
	w.clock.move(time.Minute) // what was read at the start is old
	if err := w.opts.Audit.Add(Entry{Who: evil, What: evil, On: evil, Reason: evil + "\n{\"forged\":1}", Count: 1}); err != nil {
		t.Fatal(err)
	}
	*w.places = places{
		sources: []SourceInfo{{Name: "landing", Kind: evil, URL: evil, Secret: evil, Here: true, Refused: []Cause{{evil, 1}}, Forms: []FormSeen{{Form: evil, Page: evil}}, Unmapped: []Unmapped{{Form: evil, Field: evil, Example: evil}}}},
		sinks:   []SinkInfo{{Name: "crm", Kind: evil, Accept: []string{evil}, Where: evil, Link: evil, Columns: []Pair{{evil, evil}}, Calls: []Call{{evil, 1, 1}}, Credentials: []Credential{{Name: evil}}}},
		shapes: map[string]Shape{"crm": {Title: evil, Besides: []string{evil}, Own: []string{evil}, Columns: []Column{{Name: evil, Field: evil, Type: evil, State: ColumnMissing, Note: evil}},
			Findings: []pipeline.Finding{{Level: pipeline.Fail, Setting: evil, What: evil, Fix: evil}}}},
		requests: []Request{{ID: evil, Cause: evil, Body: evil, Meta: []Pair{{evil, evil}}}},
	}
	w.leads.hostile(evil)
	w.grave.items[7] = BuriedItem{Seq: 7, Sink: evil, Reason: evil, Record: w.leads.path.Records[0].Record, Raw: &w.leads.path.Received.Raw}
	w.grave.groups = []BuriedGroup{{Sink: evil, Reason: evil, Fix: evil, Count: 1, Seqs: []uint64{7}}}
	w.people.requests = []ForgetRequest{{Mark: evil, Who: evil, At: w.clock.now()}}
	w.people.found = Person{Who: []string{evil}, Names: []string{evil}, Also: []string{evil}, Keys: 1, Rows: []Count{{evil, 1}}, Places: []Count{{evil, 1}}, Unread: []string{evil}, Silent: []Pair{{evil, evil}},
		Consents: 1, Requests: w.people.requests}
	w.people.proof = Proof{Marks: []string{evil}, Rows: []Count{{evil, 1}}, Streams: []Count{{evil, 1}}, ByHand: []string{evil}, Failed: []Pair{{evil, evil}}, Remains: []Count{{evil, 1}}, File: evil}
	w.people.failed = errors.New(evil)
	b := w.operator()
	csrf := w.field(w.get(b, "/forget").body, "csrf")
	person := w.do(b, http.MethodPost, "/forget/find", url.Values{"csrf": {csrf}, "q": {"0912" + evil}}).header.Get("Location")
	w.cse(b, person)
	w.do(b, http.MethodPost, person+"/erase", url.Values{"csrf": {csrf}, "rows": {"1"}, "byhand": {evil}})
	w.cse(b, person)
	_, found := w.search(b, url.Values{"q": {evil}, "form": {evil}})
	for _, path := range []string{"/flow", "/leads?" + found.Encode(), "/lead?id=r-1", "/buried", "/buried/7", "/health", "/activity", "/sources", "/sources/landing/watch", "/sinks", "/forget", person, "/flow?x=" + url.QueryEscape(evil)} {
		page := w.get(b, path).body
		if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s: what others named is more than text", path)
		}
		if !strings.Contains(page, "alert(") {
			t.Errorf("%s does not show it at all", path)
		}
	}
	if page := w.get(b, "/health").body; !strings.Contains(page, `href="https://example.larksuite.com/base/HTJ6b?table=tbl1"`) {
		t.Error("the fix has no link to click")
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	w := newWorld(t)
	w.stands(func() (Snapshot, error) { return Snapshot{}, errors.New("NATS is away at /secret/path") })
	b := w.operator()
	w.clock.move(time.Minute)
	for path, status := range map[string]int{"/flow": 503, "/api/flow": 503, "/health": 200} {
		if a := w.get(b, path); a.status != status || strings.Contains(a.body, "secret") {
			t.Errorf("%s answers %d %s", path, a.status, a.body)
		}
	}
}

func TestSourcesAndSinks(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	for path, list := range map[string][]string{
		"/sources": {`value="https://leads.example.vn/in/landing"`, "sources.landing.ladipage.token", "3 bị từ chối: mã sai hoặc thiếu", "IELTS tháng 11", "1 phút trước", "1 trường chưa ai ánh xạ", "form_item3209", "transform.landing.fields", "Đang đợi yêu cầu đầu tiên"},
		"/sinks": {"Số điện thoại", "tối đa 200 bản ghi, 1 lần ghi cùng lúc", "2 lỗi", "4.310 trong 10.000 (43 %)", `<meter min="0" max="100" high="90" optimum="0" value="43">`,
			"Khách hàng", "xem vừa xong", "được ghi", "đã đổi tên, vẫn ghi", "Tên khách", "không có", `href="https://example.larksuite.com/base/HTJ6b"`, "Người phụ trách, Đã gọi", "Mekong ID, Mekong version",
			"the Base shows other times", "còn 1 giờ", "đã hết: hãy đăng nhập lại", `href="https://example.larksuite.com/base/HTJ6b?table=tbl1"`, "tạm giữ"},
	} {
		a := w.get(b, path)
		for _, says := range list {
			if a.status != 200 || !strings.Contains(a.body, says) {
				t.Errorf("%s answers %d and does not say %q", path, a.status, says)
			}
		}
		if strings.Contains(a.body, "/watch") || strings.Contains(a.body, "/test") || strings.Contains(a.body, "0912345678") {
			t.Errorf("%s offers a viewer what is for operators", path)
		}
	}
	if a := w.get(b, "/sources/landing/watch"); a.status != http.StatusForbidden || strings.Contains(a.body, "0900000000") {
		t.Errorf("a viewer who watches is answered %d", a.status)
	}
	o := w.operator()
	if page := w.get(o, "/sources").body; !strings.Contains(page, "Gọi 0912345678 sau 5 giờ") {
		t.Error("an operator sees no example of what nobody maps")
	}
	page := w.get(o, "/sources/landing/watch").body
	for _, says := range []string{"name=An&amp;phone=0900000000", "mã sai hoặc thiếu", `data-new="source.landing" data-had="1207"`} {
		if !strings.Contains(page, says) {
			t.Errorf("the watch does not say %q", says)
		}
	}
	if a := w.get(o, "/sources/nowhere/watch"); a.status != http.StatusNotFound {
		t.Errorf("watching a source that there is not answers %d", a.status)
	}
	w.places.err = errors.New("NATS is away")
	for _, path := range []string{"/sources", "/sources/landing/watch"} {
		if a := w.get(o, path); a.status != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d while nothing can be read", path, a.status)
		}
	}
}

func TestMasks(t *testing.T) {
	for _, c := range []struct{ field, value, want string }{
		{"phone", "0912345678", "09xx***678"},
		{"phone", "+84 912 345 678", "09xx***678"},
		{"phone_raw", "0912.345.678", "09xx***678"},
		{"phone", "12345", "***"},
		{"phone", "", ""},
		{"name", "Nguyễn Thị Ánh", "N. T. Á."},
		{"name", "12 ---", "***"},
		{"email", "an@example.com", "a***@"},
		{"email_raw", "@", "***@"},
		{"form", "IELTS", "IELTS"},
		{"utm_source", "fb", "fb"},
		{"address", "1 Phố Huế", "***"},
		{"page", "https://a.example/?phone=0912345678", "***"},
	} {
		if got := maskField(c.field, c.value); got != c.want {
			t.Errorf("%s %q is shown as %q, want %q", c.field, c.value, got, c.want)
		}
	}
}
