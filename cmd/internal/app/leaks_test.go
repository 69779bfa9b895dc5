package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// What no log, metric, probe, answer or error may show, in every shape it takes
// on its way.
var personal = map[string]string{
	"a phone":               "0900001234",
	"a phone's digits":      "900001234",
	"a name":                "Bí Mật",
	"a folded name":         "bi mat",
	"an encoded name":       "%E1%BA%ADt",
	"an address":            "secret.person",
	"a message":             "khối u",
	"a page's query":        "fbclid",
	"the token":             secretToken,
	"a guessed token":       "guessed-0123456789",
	"the password of a URI": secretPassword,
}

// person is a lead made of nothing else; n tells one from the next.
func person(n int, more string) string {
	return fmt.Sprintf("name=Nguy%%E1%%BB%%85n%%20B%%C3%%AD%%20M%%E1%%BA%%ADt&phone=0900001234&email=secret.person%d@example.com&message=kh%%E1%%BB%%91i%%20u&link=https%%3A%%2F%%2Fa.example.vn%%2F%%3Ffbclid%%3DIwAR0x%s", n, more)
}

// everything collects what is said.
type everything struct {
	mu   sync.Mutex
	said map[string]*bytes.Buffer // by where
}

func (e *everything) say(where, what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.said[where] == nil {
		e.said[where] = &bytes.Buffer{}
	}
	e.said[where].WriteString(what + "\n")
}

// Write is the log's.
func (e *everything) Write(p []byte) (int, error) {
	e.say("the log", string(p))
	return len(p), nil
}

// indiscreet is a sink that fails in ways that quote the record.
type indiscreet struct{ pipeline.Sink }

func (s indiscreet) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	switch batch[0].Fields["trouble"] {
	case "panic":
		panic(fmt.Sprint("no idea what to do with ", batch[0].Fields))
	case "length":
		return make([]pipeline.Outcome, len(batch)+1)
	}
	return s.Sink.Write(ctx, batch)
}

func TestNothingPersonalInLogs(t *testing.T) {
	e := &everything{said: map[string]*bytes.Buffer{}}
	// picky's rule cannot be worked out for any record, which is buried for it;
	// crm's destination does not exist.
	text := strings.Replace(oneDead, "rate: 100000", "rate: 100000, max_body: 2KiB", 1) + `  picky:
    where: 'int(phone + "x") > 0'
    max_attempts: 2
    mongodb: { database: mekong, collection: picky }
`
	text = strings.Replace(text, "  archive:\n", "  archive:\n    batch: { size: 1 }\n    max_attempts: 2\n", 1)
	spans := newCollector(t)
	c := configured(t, t.TempDir(), text+spans.config(", headers: { x-token: "+secretToken+" }"))
	log := slog.New(slog.NewTextHandler(e, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	r := start(t, c, Options{Logger: log, Wrap: func(name string, s pipeline.Sink) pipeline.Sink {
		if name == "archive" {
			return indiscreet{s}
		}
		return s
	}})

	answered := func(path, body string, headers map[string]string, status int) {
		t.Helper()
		got, err := send(t.Context(), r.door+path, []byte(body), headers)
		if err != nil {
			t.Fatal(err)
		}
		if got.status != status {
			t.Errorf("answered %d, want %d: %s", got.status, status, got.text)
		}
		e.say("an answer", got.text)
	}
	token := map[string]string{"Token": secretToken, "Referer": "https://a.example.vn/?phone=0900001234",
		"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate": "a=0900001234", "Baggage": "phone=0900001234"}
	answered("", person(1, ""), token, http.StatusOK)
	answered("/"+secretToken, person(2, ""), nil, http.StatusOK)
	answered("", person(3, "&trouble=panic"), token, http.StatusOK)
	answered("", person(12, "&trouble=length"), token, http.StatusOK)
	answered("", person(4, ""), map[string]string{"Token": "guessed-0123456789"}, http.StatusUnauthorized)
	answered("/guessed-0123456789", person(5, ""), nil, http.StatusUnauthorized)
	answered("?token=guessed-0123456789&phone=0900001234", person(6, ""), nil, http.StatusUnauthorized)
	answered("", person(7, strings.Repeat("x", 3000)), token, http.StatusRequestEntityTooLarge)
	answered("/a/0900001234", person(8, ""), token, http.StatusNotFound)
	answered("", "\x00\x01\x02 0900001234 Bí Mật \x03\x04\x05\x06\x07\x00\x01\x02\x03\x04\x05\x06\x00\x01\x02\x03\x04\x05", token, http.StatusBadRequest)
	breakOff(t, r.Sources.Door.Addr().String(), "POST /in/landing?phone=0900001234 HTTP/1.1\r\nHost: a\r\nToken: "+secretToken+
		"\r\nContent-Length: 900\r\n\r\n"+person(9, ""))
	breakOff(t, r.Sources.Door.Addr().String(), "0900001234 /Bí Mật\r\n\r\n")

	// What no transform understands is buried by that stage.
	if err := r.Bus.Emit(t.Context(), pipeline.Raw{ID: "landing-odd", Source: "gone", Format: "gone.form",
		Received: time.Now(), Meta: map[string]string{"content_type": "a/b"}, Body: []byte(person(10, ""))}); err != nil {
		t.Fatal(err)
	}

	// 5 were accepted: the transform buries one, picky the other four; archive
	// buries two.
	poll(t, 40*time.Second, func() string {
		lacking := ""
		want := map[string]string{"archive": "2 stored, 3 buried, 0 waiting", "picky": "0 stored, 5 buried, 0 waiting", "crm": "0 stored, 1 buried, 4 waiting"}
		for _, b := range r.balance() {
			e.say("the balance", fmt.Sprintf("%+v", b))
			if got := fmt.Sprintf("%d stored, %d buried, %d waiting", b.Stored, b.Buried, b.Waiting); b.Missing != 0 || got != want[b.Sink] {
				lacking += fmt.Sprintf("%s: %s; ", b.Sink, got)
			}
		}
		if since, _ := r.Held("crm"); since.IsZero() {
			lacking += "crm is not held"
		}
		return lacking
	})
	_, why := r.Held("crm")
	e.say("why a sink is held", why)
	graves, err := r.Bus.Graves(t.Context(), "", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(graves) != 7 {
		t.Errorf("%d are buried, want 7", len(graves))
	}
	for _, g := range graves {
		e.say("why a record is buried", g.ID+" "+g.Reason)
	}
	for _, s := range r.Sinks {
		for _, f := range s.Sink.Check(t.Context()) {
			e.say("a finding", fmt.Sprint(f))
		}
	}

	// The store goes away and comes back under load.
	if err := r.nats.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	poll(t, 20*time.Second, func() string {
		got := r.post("application/x-www-form-urlencoded", []byte(person(11, "")))
		e.say("an answer", got.text)
		if got.status != http.StatusOK {
			return got.text
		}
		return ""
	})
	for _, path := range []string{"/metrics", "/readyz", "/healthz", "/in/landing?phone=0900001234"} {
		_, page := r.operators(path)
		e.say("the operators' "+path, page)
	}
	r.stop()
	e.say("an exported span", spans.everything())
	for _, name := range []string{"receive", "transform", "deliver archive", "deliver picky", "deliver crm", "write archive", "write crm"} {
		if len(spans.of("")[name]) == 0 {
			t.Errorf("no span called %s was looked at", name)
		}
	}
	for _, outcome := range []string{"stored", "buried", "held"} {
		if !strings.Contains(spans.everything(), `"`+outcome+`"`) {
			t.Errorf("no span tells that something was %s", outcome)
		}
	}

	// Errors of a start that fails.
	for _, mistake := range []string{
		strings.Replace(oneDead, "127.0.0.1:1/", "127.0.0.1:1:1%zz/", 1),
		strings.Replace(oneSink, "reserve: 1", `url: "nats://mekong:`+secretPassword+`@127.0.0.1:1"`, 1),
		strings.Replace(oneSink, "reserve: 1", `url: "nats://127.0.0.1:1", token: `+secretPassword, 1),
		strings.Replace(oneSink, "    mongodb:", `    where: 'phone == "0900001234" ? 1 : "x"'`+"\n    mongodb:", 1),
	} {
		c, err := config.Parse("mekong.yaml", []byte(mistake), func(string) (string, bool) { return "", false })
		var a *App
		if err == nil {
			c.DataDir = t.TempDir()
			a, err = New(t.Context(), c, Options{Logger: log})
		}
		if err == nil {
			a.Close()
			t.Errorf("a configuration that cannot work is taken:\n%s", mistake)
			continue
		}
		e.say("the error of a start", err.Error())
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	for where, said := range e.said {
		for what, value := range personal {
			if i := strings.Index(said.String(), value); i >= 0 {
				from, to := max(0, i-200), min(said.Len(), i+200)
				t.Errorf("%s shows %s: …%s…", where, what, said.String()[from:to])
			}
		}
	}
	for _, where := range []string{"the log", "an answer", "why a record is buried", "why a sink is held", "the operators' /metrics", "the error of a start", "an exported span"} {
		if e.said[where] == nil || e.said[where].Len() < 20 {
			t.Errorf("%s says nothing, so nothing was looked at", where)
		}
	}
	for _, happened := range []string{"door open", "refused", "level=DEBUG", "transformed", "settled", "buried", "the sink is held", "the connection to NATS is back"} {
		if !strings.Contains(e.said["the log"].String(), happened) {
			t.Errorf("the log does not tell of %q, so that was not looked at", happened)
		}
	}
}

// breakOff writes the beginning of a request and hangs up.
func breakOff(t *testing.T, addr, text string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(text)); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
