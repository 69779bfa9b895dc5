package console

import (
	"bufio"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"mekong/pipeline/bus"
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
	sum := 0
	for _, path := range []string{"/flow", "/assets/console.css", "/assets/console.js", "/assets/icon.svg"} {
		a := w.get(b, path)
		if a.status != 200 {
			t.Fatalf("%s answers %d", path, a.status)
		}
		sum += len(a.body)
	}
	t.Logf("the first paint of Flow is %d bytes", sum)
	if sum > 100_000 {
		t.Errorf("the first paint is %d bytes, want less than 100 kB", sum)
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
	w.flow = func() (Snapshot, error) {
		s := snapshot(w.clock.now())
		s.Durability, s.Trouble = evil, evil
		s.Sinks[1].HeldWhy, s.Sinks[1].Kind, s.Sinks[1].Accept = evil, evil, []string{evil}
		s.Sources[0].Kind = evil
		return s, nil
	}
	if err := w.opts.Audit.Add(Entry{Who: evil, What: evil, On: evil, Reason: evil + "\n{\"forged\":1}", Count: 1}); err != nil {
		t.Fatal(err)
	}
	*w.places = places{
		sources:  []SourceInfo{{Name: "landing", Kind: evil, URL: evil, Secret: evil, Here: true, Refused: []Cause{{evil, 1}}, Forms: []FormSeen{{Form: evil, Page: evil}}}},
		sinks:    []SinkInfo{{Name: "crm", Kind: evil, Accept: []string{evil}, Where: evil, Link: evil, Columns: []Pair{{evil, evil}}, Calls: []Call{{evil, 1, 1}}, Credentials: []Credential{{Name: evil}}}},
		requests: []Request{{ID: evil, Cause: evil, Body: evil, Meta: []Pair{{evil, evil}}}},
	}
	w.leads.hostile(evil)
	w.grave.items[7] = BuriedItem{Seq: 7, Sink: evil, Reason: evil, Record: w.leads.path.Records[0].Record, Raw: &w.leads.path.Received.Raw}
	w.grave.groups = []BuriedGroup{{Sink: evil, Reason: evil, Fix: evil, Count: 1, Seqs: []uint64{7}}}
	b := w.operator()
	for _, path := range []string{"/flow", "/leads?q=" + url.QueryEscape(evil), "/lead?id=r-1", "/buried", "/buried/7", "/health", "/activity", "/sources", "/sources/landing/watch", "/sinks", "/flow?x=" + url.QueryEscape(evil)} {
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

func TestLinks(t *testing.T) {
	for text, want := range map[string][]piece{
		"plain":                          {{"plain", ""}},
		"see https://a.example/x?y=1.":   {{"see ", ""}, {"https://a.example/x?y=1", "https://a.example/x?y=1"}, {".", ""}},
		"javascript:alert(1)":            {{"javascript:alert(1)", ""}},
		"https://user@a.example/ no":     {{"https://user@a.example/", ""}, {" no", ""}},
		"http://a.example, http://b.c/d": {{"http://a.example", "http://a.example"}, {", ", ""}, {"http://b.c/d", "http://b.c/d"}},
	} {
		if got := linked(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzLinks(f *testing.F) {
	f.Add("see https://a.example/x?y=1.")
	f.Add("https://\x00 http://%zz https://a.example:999999/")
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, p := range linked(text) {
			all.WriteString(p.Text)
			if p.Link != "" && !strings.HasPrefix(p.Link, "http") {
				t.Errorf("%q is a link", p.Link)
			}
		}
		if all.String() != text {
			t.Errorf("%q became %q", text, all.String())
		}
	})
}

func FuzzWithin(f *testing.F) {
	for _, s := range []string{"/flow", "//x", `/\x`, "/a?b#c", "https://x/"} {
		f.Add(s)
	}
	base, _ := url.Parse("http://mekong.example/login")
	f.Fuzz(func(t *testing.T, next string) {
		to, err := base.Parse(within(next))
		if err != nil || to.Host != base.Host {
			t.Errorf("%q leads to %v, %v", next, to, err)
		}
	})
}

func TestStates(t *testing.T) {
	now := newClock().now()
	for _, c := range []struct {
		name string
		sink SinkNow
		rate float64
		want string
	}{
		{"nothing comes", SinkNow{Here: true}, 0, stateIdle},
		{"it comes and goes", SinkNow{Here: true}, 3, stateFlowing},
		{"it has just come", SinkNow{Here: true, Balance: bus.Balance{Waiting: 1, Oldest: now}}, 0, stateFlowing},
		{"it waits", SinkNow{Here: true, Balance: bus.Balance{Waiting: 1, Oldest: now.Add(-time.Minute)}}, 3, stateBehind},
		{"nobody fetches", SinkNow{Balance: bus.Balance{Waiting: 1, Oldest: now}}, 0, stateOff},
		{"another process fetches", SinkNow{Balance: bus.Balance{Waiting: 1, Oldest: now, Pulling: 1}}, 0, stateFlowing},
		{"another process is busy", SinkNow{Balance: bus.Balance{Waiting: 1, Oldest: now}}, 3, stateFlowing},
		{"held", SinkNow{Here: true, HeldSince: now, Balance: bus.Balance{Waiting: 1, Oldest: now.Add(-time.Minute)}}, 3, stateHeld},
	} {
		if got := c.sink.state(now, c.rate); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnImbalanceIsAnAlarm(t *testing.T) {
	l := tongue{"en", time.UTC, newClock().now}
	text := func(missing int64) facts {
		s := sight{At: newClock().now(), Stored: []float64{0}}
		s.Sinks = []SinkNow{{Name: "crm", Here: true, Balance: bus.Balance{Accepted: 10, Stored: 8, Waiting: 2 - missing, Missing: missing}}}
		return l.facts(s)
	}
	if got := text(2).Text["sink.crm.missing"]; !strings.Contains(got, "2 cannot be found") {
		t.Errorf("two that are missing: %q", got)
	}
	// One that moved on while it was read was seen twice: that is no loss.
	f := text(-1)
	if f.Text["sink.crm.missing"] != "" || f.Text["sink.crm.waits"] != "2" {
		t.Errorf("one that was seen twice: %q, %s wait", f.Text["sink.crm.missing"], f.Text["sink.crm.waits"])
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	w := newWorld(t)
	w.flow = func() (Snapshot, error) { return Snapshot{}, errors.New("NATS is away at /secret/path") }
	b := w.operator()
	w.clock.move(time.Minute)
	for path, status := range map[string]int{"/flow": 503, "/api/flow": 503, "/health": 200} {
		if a := w.get(b, path); a.status != status || strings.Contains(a.body, "secret") {
			t.Errorf("%s answers %d %s", path, a.status, a.body)
		}
	}
}

func TestLiveTellsEveryReading(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/api/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("it answers %d %s", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (event struct{ Text, State, Thick, Path map[string]string }) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &event); err != nil {
					t.Fatal(err)
				}
				return event
			}
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return event
	}
	first := next()
	if first.State["sink.crm"] != stateHeld || first.Text["sink.archive.stored"] != "1.204" || len(first.Path) == 0 || first.Thick["sink.crm"] == "" {
		t.Errorf("the first event says %+v", first)
	}
	// Signing out ends it.
	csrf := w.field(w.get(b, "/flow").body, "csrf")
	if a := w.do(b, http.MethodPost, "/logout", url.Values{"csrf": {csrf}}); a.status != http.StatusSeeOther {
		t.Fatal(a.status)
	}
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("after signing out the stream ends with %v", err)
	}
}

func TestOnlySoManyPagesAreKeptCurrent(t *testing.T) {
	s := newSampler(nil, time.Now)
	var stop func()
	for range eyesMost {
		_, end, ok := s.watch()
		if !ok {
			t.Fatal("one of the first is refused")
		}
		stop = end
	}
	if _, _, ok := s.watch(); ok {
		t.Error("one too many looks")
	}
	stop()
	if _, _, ok := s.watch(); !ok {
		t.Error("nobody can look after one has gone")
	}
}

func TestHistory(t *testing.T) {
	k := newClock()
	h := newHistory()
	took := func(stored, waiting int64) {
		h.add(sight{At: k.now(), Snapshot: Snapshot{Sinks: []SinkNow{{Balance: bus.Balance{Accepted: stored, Stored: stored, Waiting: waiting}}}}})
	}
	// Ten minutes at 2 a second, a gap of ten minutes, ten minutes at rest.
	for i := range int64(60) {
		took(20*i, 5)
		k.move(sampleEvery)
	}
	k.move(10 * time.Minute)
	for range 60 {
		took(1200, 0)
		k.move(sampleEvery)
	}
	k.move(-sampleEvery / 2)
	rates := h.rates(k.now(), 30*time.Minute, 3, func(r reading) int64 { return r.taken })
	if math.Abs(rates[0]-2) > 0.05 || !math.IsNaN(rates[1]) || rates[2] != 0 {
		t.Errorf("the rates are %v, want 2, nothing, 0", rates)
	}
	levels := h.levels(k.now(), 30*time.Minute, 3, func(r reading) int64 { return r.of(0).waiting })
	if levels[0] != 5 || !math.IsNaN(levels[1]) || levels[2] != 0 {
		t.Errorf("what waited is %v, want 5, nothing, 0", levels)
	}
	for range historyMost + 5 {
		took(1200, 0)
		k.move(sampleEvery)
	}
	last := time.Time{}
	h.each(func(r reading) {
		if !r.at.After(last) {
			t.Fatalf("%s comes after %s", r.at, last)
		}
		last = r.at
	})
	if len(h.ring) != historyMost {
		t.Errorf("it keeps %d readings", len(h.ring))
	}
}

func TestAuditKeepsWhatWasDone(t *testing.T) {
	path := t.TempDir() + "/audit.jsonl"
	a, err := OpenAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	k := newClock()
	for i := range 11 {
		if err := a.Add(Entry{At: k.now(), Who: "an", What: "dropped", On: "sink-crm", Count: i + 1, Reason: strings.Repeat("dài ", 200)}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	got, err := a.Latest(3)
	if err != nil || len(got) != 3 || got[0].Count != 11 || got[2].Count != 9 {
		t.Errorf("the latest are %+v, %v", got, err)
	}
	if n := len([]rune(got[0].Reason)); n > textMost {
		t.Errorf("a reason is %d characters long", n)
	}
	// A second process adds to it, and a line that was cut off spoils no other.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"at\":\"20\n" + strings.Repeat("x", tailMost) + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(Entry{At: k.now(), Who: "an", What: "signed in"}); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Latest(10); err != nil || len(got) != 1 || got[0].What != "signed in" {
		t.Errorf("beyond a long line the latest are %+v, %v", got, err)
	}
}

func TestActivityTellsWhoSignedIn(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	if page := w.get(b, "/activity").body; !strings.Contains(page, "<td>an</td><td>đăng nhập</td>") || !strings.Contains(page, "10:42:07 24/11/2026") {
		t.Errorf("the page says\n%s", page)
	}
}

func TestSourcesAndSinks(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	for path, list := range map[string][]string{
		"/sources": {`value="https://leads.example.vn/in/landing"`, "sources.landing.ladipage.token", "3 bị từ chối: mã sai hoặc thiếu", "IELTS tháng 11", "1 phút trước", "Đang đợi yêu cầu đầu tiên"},
		"/sinks":   {"Số điện thoại", "tối đa 200 bản ghi, 1 lần ghi cùng lúc", "2 lỗi", "được dùng 10.000 mỗi tháng", "còn 1 giờ", "đã hết: hãy đăng nhập lại", `href="https://example.larksuite.com/base/HTJ6b?table=tbl1"`, "tạm giữ"},
	} {
		a := w.get(b, path)
		for _, says := range list {
			if a.status != 200 || !strings.Contains(a.body, says) {
				t.Errorf("%s answers %d and does not say %q", path, a.status, says)
			}
		}
		if strings.Contains(a.body, "/watch") {
			t.Errorf("%s offers a viewer what is for operators", path)
		}
	}
	if a := w.get(b, "/sources/landing/watch"); a.status != http.StatusForbidden || strings.Contains(a.body, "0900000000") {
		t.Errorf("a viewer who watches is answered %d", a.status)
	}
	o := w.operator()
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
