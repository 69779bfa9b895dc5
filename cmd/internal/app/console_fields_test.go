package app

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mekong/cmd/internal/sample"
	"mekong/pipeline"
)

// What nobody maps is told by form, and what the transform makes by itself, knows by
// another spelling, or a mapping or a sink names, is not.
func TestFieldsThatNobodyMaps(t *testing.T) {
	text := strings.Replace(oneSink, "sinks:", `  hook: { webhook: { verify: { token: { value: `+secretToken+` } } } }
transform:
  landing: { fields: { diem: { from: ["Điểm"], as: text } } }
sinks:
  crm: { larkbase: { url: "https://example.larksuite.com/base/HTJ6b?table=tbl1", app_id: cli_a, app_secret: invented, columns: { "Lớp": "Lớp học" } } }`, 1)
	a := &App{config: configured(t, t.TempDir(), text)}
	l, err := a.newLeftovers()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	take := func(source, format, contentType, body string) {
		at = at.Add(time.Second)
		l.take(pipeline.Raw{ID: at.String(), Source: source, Format: format, Received: at, Meta: map[string]string{"content_type": contentType}, Body: []byte(body)})
	}
	form := url.Values{"Họ và tên": {"An"}, "SĐT": {"0900 000 000"}, "EMAIL": {"a@example.com"}, "Điểm": {"7"}, "Lớp học": {"A1"}, "form_id": {"F1"}, "user_agent": {"x"},
		"link": {"https://a.example/?utm_source=fb&fbclid=1&lạ=2"}, "utm_source": {"fb"}, "form_item3209": {"Gọi sau 5 giờ"}, "Khóa học": {"IELTS"}, "2": {"hai"}}
	for range 2 {
		take("landing", "ladipage.form", "application/x-www-form-urlencoded", form.Encode())
	}
	form = url.Values{"phone": {"0900000000"}, "form_id": {"F2"}, "form_item3209": {"x"}, "Sở thích[]": {"đọc", "bơi"}}
	take("landing", "ladipage.form", "application/x-www-form-urlencoded", form.Encode())
	take("hook", "webhook.json", "application/json", `{"customer":{"phone":"0900000000","tier":"gold"},"utm_source":"fb","Điểm":"7"}`)
	take("landing", "ladipage.form", "application/json", `no form at all`)
	take("landing", "chatlog.turn", "application/json", `{"session_id":"s","question":"q","answer":"a","mystery":1}`)
	got := map[string]string{}
	for _, source := range []string{"landing", "hook", "nowhere"} {
		for _, u := range l.list(source) {
			got[source+" "+u.Form+" "+u.Field] = fmt.Sprint(u.Count, " ", u.Example)
		}
	}
	want := map[string]string{
		"landing F1 form_item3209": "2 Gọi sau 5 giờ", "landing F1 Khóa học": "2 IELTS", "landing F2 form_item3209": "1 x", "landing F2 Sở thích": "1 đọc, bơi",
		"hook  customer.tier": "1 gold", "hook  Điểm": "1 7",
		"landing F1 2": "2 hai",
	}
	for name, one := range want {
		if got[name] != one {
			t.Errorf("%s: %q, want %q", name, got[name], one)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("these are mapped, or made: %v", got)
	}
}

// A test goes through the real door to the sinks, and its page shows it there.
func TestATestFromTheConsole(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	v := r.visit()
	status, text := v.send("/sources", "/sources/landing/test", url.Values{})
	if status != http.StatusOK {
		t.Fatalf("it answers %d\n%s", status, text)
	}
	if line := r.settled("archive")["archive"]; line.Stored != 1 {
		t.Errorf("the balance is %+v", line)
	}
	docs := r.documents("mekong", "records")
	if len(docs) != 1 || in(docs[0], "fields", "name") != sample.TestName {
		t.Fatalf("what is stored is %v", docs)
	}
	poll(t, 30*time.Second, func() string {
		_, text = v.get("/lead?id=" + url.QueryEscape(fmt.Sprint(in(docs[0], "id"))))
		if !strings.Contains(text, sample.TestName) || !strings.Contains(text, `class="dot stored"`) {
			return text
		}
		return ""
	})
	status, text = v.send("/lead?id="+url.QueryEscape(fmt.Sprint(in(docs[0], "id"))), "/lead/receipt", url.Values{"id": {fmt.Sprint(in(docs[0], "id"))}})
	if status != http.StatusOK || !strings.Contains(text, sample.TestName) || !strings.Contains(text, "Biên nhận") {
		t.Errorf("its receipt answers %d\n%s", status, text)
	}
	_, text = v.get("/sources")
	for _, says := range []string{"form_item3209", "Khóa học", "Tôi muốn được tư vấn"} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}
