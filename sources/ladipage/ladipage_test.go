package ladipage

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/request"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newReceiver(t testing.TB, change func(*config.LadiPage)) (*Receiver, *clock) {
	t.Helper()
	c := config.LadiPage{Path: "/in/landing", Window: 10 * time.Minute}
	if change != nil {
		change(&c)
	}
	at := &clock{time.Date(2026, 3, 1, 8, 9, 59, 0, time.UTC)}
	r, err := New("landing", c, at.now)
	if err != nil {
		t.Fatal(err)
	}
	return r, at
}

func submit(path, body string, headers ...string) (*http.Request, []byte) {
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.RemoteAddr = "203.0.113.7"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r, []byte(body)
}

// receive returns the ID and the cause of the refusal, "" for none.
func receive(t *testing.T, rec *Receiver, path, body string, headers ...string) (raw pipeline.Raw, cause string) {
	t.Helper()
	raws, reply, err := rec.Receive(submit(path, body, headers...))
	if len(raws) != 1 || reply != nil {
		t.Fatalf("%d raws, reply %q", len(raws), reply)
	}
	if err != nil {
		why := request.AsRefusal(err)
		if why == nil {
			t.Fatal(err)
		}
		cause = why.Cause
	}
	return raws[0], cause
}

func TestToken(t *testing.T) {
	two := func(c *config.LadiPage) {
		c.Token, c.Tokens = config.NewSecret("sesame"), []config.Secret{config.NewSecret("old one"), {}}
	}
	for _, tt := range []struct {
		name    string
		change  func(*config.LadiPage)
		path    string
		headers []string
		ok      bool
	}{
		{"none asked for", nil, "", nil, true},
		{"none asked for, one shown", nil, "/x", []string{"Token", "x"}, true},
		{"none shown", two, "", nil, false},
		{"wrong", two, "", []string{"Token", "sesam"}, false},
		{"empty", two, "", []string{"Token", ""}, false},
		{"token", two, "", []string{"token", "sesame"}, true},
		{"the other token", two, "", []string{"token", "old one"}, true},
		{"api key", two, "", []string{"x-api-key", "sesame"}, true},
		{"webhook token", two, "", []string{"x-webhook-token", " sesame "}, true},
		{"authorization", two, "", []string{"authorization", "sesame"}, true},
		{"bearer", two, "", []string{"authorization", "bearer sesame"}, true},
		{"bearer elsewhere", two, "", []string{"token", "Bearer sesame"}, false},
		{"one wrong, one right", two, "", []string{"token", "x", "x-api-key", "sesame"}, true},
		{"path", two, "/sesame", nil, true},
		{"path with a slash", two, "/sesame/", nil, true},
		{"path with an encoded space", two, "/old%20one", nil, true},
		{"path, wrong", two, "/sesam", nil, false},
		{"path, deeper", two, "/x/sesame", nil, false},
		{"query", two, "?token=sesame", nil, false},
		{"another header", two, "", []string{"X-Token", "sesame"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec, _ := newReceiver(t, tt.change)
			raw, cause := receive(t, rec, "/in/landing"+tt.path, "name=A", tt.headers...)
			if (cause == "") != tt.ok || !tt.ok && cause != request.CauseUnauthorized {
				t.Errorf("refused for %q, want ok %v", cause, tt.ok)
			}
			if raw.ID == "" || string(raw.Body) != "name=A" || raw.Format != Format || strings.Contains(fmt.Sprint(raw.Meta), "sesame") {
				t.Errorf("raw %+v", raw)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	rec, at := newReceiver(t, nil)
	body := "name=A&x=\xff%zz"
	raw, cause := receive(t, rec, "/in/landing/ignored", body, "Content-Type", "text/plain", "Origin", "https://a.example", "Referer", "https://a.example/p", "User-Agent", "UA")
	if cause != "" || string(raw.Body) != body || raw.Source != "landing" || raw.Format != "ladipage.form" || !raw.Received.Equal(at.at) || raw.Received.Location() != time.UTC {
		t.Errorf("%q %+v", cause, raw)
	}
	want := map[string]string{"content_type": "text/plain", "origin": "https://a.example", "referer": "https://a.example/p",
		"user_agent": "UA", "client_ip": "203.0.113.7", "path": "/in/landing"}
	if fmt.Sprint(raw.Meta) != fmt.Sprint(want) {
		t.Errorf("meta %v\nwant %v", raw.Meta, want)
	}
}

func TestWhatIsNoForm(t *testing.T) {
	rec, _ := newReceiver(t, nil)
	for _, body := range []string{"", "  ", "{}", "\x00\x01\x02\x03\x04\x05"} {
		if raw, cause := receive(t, rec, "/in/landing", body); cause != request.CauseMalformed || string(raw.Body) != body || raw.ID == "" {
			t.Errorf("%q: refused for %q", body, cause)
		}
	}
	for _, body := range []string{"x", "phone=abc", `{"a":`, "<html>", "name=\xff\xfe"} {
		if _, cause := receive(t, rec, "/in/landing", body); cause != "" {
			t.Errorf("%q: refused for %q", body, cause)
		}
	}
}

func TestID(t *testing.T) {
	const lead = "name=A&phone=0900000000&link=https%3A%2F%2Fa.example%2Fp&utm_source=fb"
	type sent struct {
		after   time.Duration
		body    string
		headers []string
	}
	tests := []struct {
		name   string
		first  sent
		second sent
		same   bool
	}{
		{"double click", sent{body: lead}, sent{after: time.Second, body: lead}, true},
		{"try again at the end of the window", sent{body: lead}, sent{after: 10 * time.Minute, body: lead}, true},
		{"the same enquiry later", sent{body: lead}, sent{after: 11 * time.Minute, body: lead}, false},
		{"other order, other body type", sent{body: lead}, sent{body: `{"utm_source":"fb","link":"https://a.example/p","phone":"0900000000","name":"A"}`}, true},
		{"other time and tracking", sent{body: lead + "&message_time=1&fbp=2&IP=203.0.113.7&User-Agent=x&otp_code=1"}, sent{body: lead + "&message_time=3&fbp=4&IP=203.0.113.8&User-Agent=y&otp_code=2"}, true},
		{"another campaign", sent{body: lead}, sent{body: lead + "&utm_campaign=x"}, false},
		{"another person", sent{body: lead}, sent{body: strings.Replace(lead, "0900000000", "0900000001", 1)}, false},
		{"capture, then submit", sent{body: lead + "&status_send=capture"}, sent{body: lead + "&status_send=2"}, false},
		{"capture, then submit, one event_id", sent{body: lead + "&status_send=capture&event_id=ladi.1700000000000.1"}, sent{body: lead + "&status_send=2&event_id=ladi.1700000000000.1"}, false},
		{"not verified, then verified", sent{body: lead + "&is_verified=false"}, sent{body: lead + "&is_verified=true"}, false},
		{"event_id, a day later", sent{body: lead + "&event_id=ladi.1700000000000.1"}, sent{after: 24 * time.Hour, body: lead + "&event_id=ladi.1700000000000.1"}, true},
		{"two event_ids", sent{body: lead + "&event_id=ladi.1700000000000.1"}, sent{body: lead + "&event_id=ladi.1700000000000.2"}, false},
		{"submission_id, a day later", sent{body: lead + "&submission_id=6f1a2b3c-4d5e"}, sent{after: 24 * time.Hour, body: lead + "&submission_id=6f1a2b3c-4d5e"}, true},
		{"submission_id before event_id", sent{body: lead + "&submission_id=6f1a2b3c-4d5e&event_id=ladi.170000000000"}, sent{body: lead + "&submission_id=6f1a2b3c-4d5e&event_id=ladi.170000000001"}, true},
		{"message_id", sent{body: lead + "&message_id=0123456789ab"}, sent{after: time.Hour, body: lead + "&message_id=0123456789ab"}, true},
		{"key in a header", sent{body: lead, headers: []string{"Idempotency-Key", "0123456789ab"}}, sent{after: time.Hour, body: lead, headers: []string{"Idempotency-Key", "0123456789ab"}}, true},
		{"one key for every lead of a page", sent{body: lead, headers: []string{"Idempotency-Key", "0123456789ab"}}, sent{body: strings.Replace(lead, "0900000000", "0900000001", 1), headers: []string{"Idempotency-Key", "0123456789ab"}}, false},
		{"one submission_id for every lead of a page", sent{body: lead + "&submission_id=0123456789ab"}, sent{body: strings.Replace(lead, "0900000000", "0900000001", 1) + "&submission_id=0123456789ab"}, false},
		{"an ID that is none", sent{body: lead + "&event_id=undefined"}, sent{after: time.Hour, body: lead + "&event_id=undefined"}, false},
		{"a template that was not filled in", sent{body: lead + "&submission_id={{uuid4}}"}, sent{after: time.Hour, body: lead + "&submission_id={{uuid4}}"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, at := newReceiver(t, nil)
			a, _ := receive(t, rec, "/in/landing", tt.first.body, tt.first.headers...)
			at.at = at.at.Add(tt.second.after)
			b, _ := receive(t, rec, "/in/landing", tt.second.body, tt.second.headers...)
			if (a.ID == b.ID) != tt.same {
				t.Errorf("%q and %q, want the same: %v", a.ID, b.ID, tt.same)
			}
			if len(a.ID) > pipeline.MaxID || !strings.HasPrefix(a.ID, "landing-") || strings.Contains(a.ID, "0900000000") {
				t.Errorf("ID %q", a.ID)
			}
		})
	}
}

func TestIDAfterRestart(t *testing.T) {
	rec, at := newReceiver(t, nil)
	a, _ := receive(t, rec, "/in/landing", "name=A")
	again, later := newReceiver(t, nil)
	again.Warm(a.ID, a.Received)
	later.at = at.at.Add(9 * time.Minute) // in the next bucket
	if b, _ := receive(t, again, "/in/landing", "name=A"); b.ID != a.ID {
		t.Errorf("%q after a restart, want %q", b.ID, a.ID)
	}
}

func TestStrangersDoNotFillTheWindow(t *testing.T) {
	rec, _ := newReceiver(t, func(c *config.LadiPage) { c.Token = config.NewSecret("sesame") })
	a, cause := receive(t, rec, "/in/landing", "name=A")
	b, _ := receive(t, rec, "/in/landing", "name=A", "Token", "sesame")
	if cause == "" || !strings.HasPrefix(a.ID, "landing-h") || !strings.HasPrefix(b.ID, "landing-w") {
		t.Errorf("%q refused for %q, then %q", a.ID, cause, b.ID)
	}
}

func TestRate(t *testing.T) {
	rec, at := newReceiver(t, func(c *config.LadiPage) { c.Rate = 2 })
	send := func(form, page string) (string, time.Duration) {
		_, _, err := rec.Receive(submit("/in/landing", "name=A&ladi_form_id="+form+"&link="+page))
		if why := request.AsRefusal(err); why != nil {
			return why.Cause, why.Wait
		}
		return "", 0
	}
	for i := range 20 { // ten seconds' worth
		if cause, _ := send("FORM1", fmt.Sprintf("https://a.example/p?x=%d", i)); cause != "" {
			t.Fatalf("number %d refused for %q", i, cause)
		}
	}
	cause, wait := send("FORM1", "https://a.example/p/")
	if cause != request.CauseTooMany || wait <= 0 || wait > 500*time.Millisecond {
		t.Errorf("past the burst: %q, wait %v", cause, wait)
	}
	for _, other := range [][2]string{{"FORM2", "https://a.example/p"}, {"FORM1", "https://a.example/q"}} {
		if cause, _ := send(other[0], other[1]); cause != "" {
			t.Errorf("form %v refused for %q", other, cause)
		}
	}
	at.at = at.at.Add(500 * time.Millisecond)
	if cause, _ := send("FORM1", "https://a.example/p"); cause != "" {
		t.Errorf("after waiting: %q", cause)
	}
}

func TestRateWithInventedForms(t *testing.T) {
	l := newLimits(10)
	now := time.Unix(1_700_000_000, 0)
	refused := 0
	for i := range mostForms + 1000 {
		if _, ok := l.admit(fmt.Sprint("form", i), "", now); !ok {
			refused++
		}
	}
	if len(l.forms) != mostForms || refused != 1000-100 {
		t.Errorf("%d forms remembered, %d of the rest refused", len(l.forms), refused)
	}
	now = now.Add(time.Minute)
	if _, ok := l.admit("new", "", now); !ok || len(l.forms) != 1 {
		t.Errorf("a minute later: admitted %v, %d forms remembered", ok, len(l.forms))
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []config.LadiPage{{}, {Window: time.Minute, Rate: -1}} {
		if _, err := New("landing", c, nil); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
	if _, err := New("", config.LadiPage{Window: time.Minute}, nil); err == nil {
		t.Error("accepted a source without a name")
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("/in/landing/sesame", "application/json", []byte(`{"event_id":"ladi.1700000000000","link":"?"}`))
	f.Add("/in/landing", "", []byte("link=#&ladi_form_id=FORM33"))
	rec, err := New("landing", config.LadiPage{Path: "/in/landing", Window: time.Minute, Rate: 1e9, Token: config.NewSecret("sesame")}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL.Path = path
		r.Header.Set("Content-Type", contentType)
		raws, _, err := rec.Receive(r, body)
		if len(raws) != 1 || string(raws[0].Body) != string(body) || raws[0].ID == "" || len(raws[0].ID) > pipeline.MaxID {
			t.Fatalf("raws %+v", raws)
		}
		if err != nil && request.AsRefusal(err) == nil {
			t.Fatal(err)
		}
	})
}
