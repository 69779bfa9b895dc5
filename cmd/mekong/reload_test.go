package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/cmd/internal/app"
)

// What the configurations of these tests are made of.
const (
	landing = "landing: { ladipage: { path: /in/landing, token: " + pageToken + ", rate: 100000 } }"
	former  = "former: { ladipage: { path: /in/former, token: " + pageToken + ", rate: 100000 } }"
	archive = "archive: { mongodb: { database: mekong, collection: records } }"
	copies  = "copies: { mongodb: { database: mekong, collection: copies } }"
	graded  = `transform: { landing: { fields: { grade: { expr: '"gold"', as: text } } } }`
)

const inEffect = "the new configuration is in effect"

// A source is taken away, a sink is added and the mapping is changed while leads come
// in. Every request is answered 200, every lead is everywhere once, and what comes after
// is mapped as the new configuration says and in the new sink.
func TestReloadUnderLoad(t *testing.T) {
	r := reloadable(t)
	r.change(t, r.holding([]string{landing, former}, []string{archive}))
	s := &sending{ids: map[uint64]string{}}
	stop, stopFormer := s.steady(t, r.door, 24), s.steady(t, strings.Replace(r.door, "/in/landing", "/in/former", 1), 4)
	_ = pausing(t.Context(), 500*time.Millisecond)
	stopFormer() // who sends to a source that is taken away is not to be answered 200
	before := s.count()
	r.change(t, r.holding([]string{landing}, []string{archive, copies}, graded))
	after := s.count()
	await(t, time.Minute, func() string {
		if n := s.count() - after; n < 100 {
			return fmt.Sprintf("%d leads came after the change", n)
		}
		return ""
	})
	longest := stop()
	for _, want := range []string{`section=sources what="removed former"`, `section=sinks what="added copies"`, `section=transform what="added landing"`} {
		if !strings.Contains(r.err.String(), want) {
			t.Errorf("the log does not have %s:\n%s", want, r.err)
		}
	}
	if status, _, err := askedFor(t, strings.Replace(r.door, "/in/landing", "/in/former", 1)); err != nil || status != http.StatusNotFound {
		t.Errorf("the source that was taken away answers %d %v", status, err)
	}
	r.end(t)
	t.Logf("%d leads were accepted before, %d meanwhile, %d after; the longest wait was %s", before, after-before, s.count()-after, longest.Round(time.Millisecond))
	if longest > 10*time.Second {
		t.Error("somebody waited for long")
	}
	mapped := map[string]int{}
	s.look = func(sink string, d app.Document) {
		address, _ := d.Fields["email"].(string)
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(address, "lead"), "@example.com"), 10, 64)
		if err != nil {
			t.Errorf("%s has %q", sink, address)
		}
		if d.Fields["grade"] == "gold" {
			mapped[sink]++
		} else if n >= after {
			t.Errorf("%s: lead %d came after the change, and its grade is %v", sink, n, d.Fields["grade"])
		}
	}
	s.stored(t, r.path)
	t.Logf("with the new mapping: %v", mapped)
}

// A wrong file changes nothing and is told of line by line, without what it holds; a
// file that says the same is told of, too.
func TestReloadOfAWrongFile(t *testing.T) {
	r := reloadable(t)
	s := &sending{ids: map[uint64]string{}}
	stop := s.steady(t, r.door, 4)
	const old = "the old configuration keeps running"
	for i, c := range []struct {
		text string
		want []string
	}{
		{r.holding([]string{landing}, []string{"archive: { mongdb: { database: mekong } }", "crm: { webhook: { url: \"${NOBODY_SET_THIS}\", bearer: hunter2-of-the-wrong-file } }"}),
			[]string{"mekong.yaml:8: sinks.archive.mongdb: unknown setting; did you mean mongodb?", "NOBODY_SET_THIS"}},
		{r.holding([]string{landing}, []string{archive}, "transform: { landing: { fields: { a: { expr: 'hunter2 ==' } } } }"),
			[]string{"mekong.yaml:9: transform.landing.fields.a.expr: "}},
		{"sources: [\n  hunter2-of-the-wrong-file", []string{"mekong.yaml:"}},
		{strings.Replace(r.holding([]string{landing}, []string{archive}), "/data\"", "/other\"", 1),
			[]string{"mekong.yaml:1: data_dir: it does not change while Mekong runs"}},
		{strings.Replace(r.holding([]string{landing}, []string{archive}), "nats: {", "nats: { url: \"nats://127.0.0.1:1\", token: hunter2-of-the-wrong-file,", 1),
			[]string{"mekong.yaml:2: nats.url: it does not move to another NATS while Mekong runs"}},
		{r.holding([]string{landing}, []string{archive, `sales: { sheets: { spreadsheet: "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz012345/edit#gid=0", credentials: /nowhere/hunter2.json } }`}),
			[]string{"mekong.yaml:9: sinks.sales.sheets.credentials: the file cannot be read: no such file"}},
	} {
		r.write(t, c.text)
		r.hangup(t)
		r.told(t, old, i+1)
		for _, want := range c.want {
			if !strings.Contains(r.err.String(), want) {
				t.Errorf("the log does not have %q:\n%s", want, r.err)
			}
		}
	}
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	r.hangup(t)
	r.told(t, old, 7)
	r.told(t, "mekong.yaml: no such file or directory", 1)
	r.write(t, "# a note\n"+r.holding([]string{landing}, []string{archive}))
	r.hangup(t)
	r.told(t, "nothing in it has changed", 1)
	if longest := stop(); longest > 5*time.Second {
		t.Errorf("somebody waited for %s", longest)
	}
	if n := strings.Count(r.err.String(), "door closed"); n != 0 {
		t.Errorf("the door closed %d times", n)
	}
	if strings.Contains(r.err.String(), "hunter2-") {
		t.Errorf("the log tells a secret:\n%s", r.err)
	}
	// What was wrong is put right.
	r.change(t, r.holding([]string{landing}, []string{archive, copies}))
	r.end(t)
	s.stored(t, r.path)
}

// What is right and cannot be opened all the same is told of, and the old configuration
// is started again, which the senders do not see.
func TestReloadThatCannotBeOpened(t *testing.T) {
	r := reloadable(t)
	s := &sending{ids: map[uint64]string{}}
	stop := s.steady(t, r.door, 16)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	addresses := fmt.Sprintf("http: { intake: \"127.0.0.1:0\", console: %q }", taken.Addr())
	r.write(t, r.holding([]string{landing}, []string{archive, copies}, addresses))
	r.hangup(t)
	r.told(t, "mekong.yaml:9: http.console: nobody can listen there: ", 1)
	key := filepath.Join(r.dir, "data", "token.key") // nothing reads it before there is somebody who signs in
	if err := os.WriteFile(key, []byte("hunter2-of-the-wrong-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	sheet := `sales: { sheets: { spreadsheet: "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz012345/edit#gid=0", credentials_json: "{}" } }`
	for i := range 3 {
		r.write(t, r.holding([]string{landing}, []string{archive, sheet, copies}))
		r.hangup(t)
		r.told(t, "the new configuration cannot be started; the old one is started again", i+1)
		r.told(t, "door open", i+2)
		_ = pausing(t.Context(), 200*time.Millisecond)
	}
	if strings.Contains(r.err.String(), "hunter2-") {
		t.Errorf("the log tells a secret:\n%s", r.err)
	}
	if n := strings.Count(r.err.String(), inEffect); n != 0 {
		t.Errorf("the new one was in effect %d times:\n%s", n, r.err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	r.change(t, r.holding([]string{landing}, []string{archive}, addresses))
	longest := stop()
	t.Logf("%d leads, and the longest wait was %s", s.count(), longest.Round(time.Millisecond))
	if c, err := net.Dial("tcp", taken.Addr().String()); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	r.write(t, r.holding([]string{landing}, []string{archive}))
	r.end(t)
	s.stored(t, r.path)
}

// One hangup after the other, and two at once, under load: the last configuration is in
// effect, and nobody was turned away.
func TestReloadAgainAndAgain(t *testing.T) {
	r := reloadable(t)
	s := &sending{ids: map[uint64]string{}}
	stop := s.steady(t, r.door, 16)
	first := r.holding([]string{landing}, []string{archive}, "shutdown_grace: 6s")
	second := r.holding([]string{landing, former}, []string{archive, copies}, graded)
	for range 5 {
		for _, text := range []string{second, first} {
			_ = pausing(t.Context(), 100*time.Millisecond) // for those who send
			r.change(t, text)
		}
	}
	for range 2 {
		r.write(t, second)
		r.hangup(t)
		r.hangup(t)
		r.write(t, first)
		r.hangup(t)
		r.hangup(t)
	}
	r.change(t, second) // the file is read after the signal, so this one is the last
	longest := stop()
	t.Logf("%d leads, %d changes, and the longest wait was %s", s.count(), strings.Count(r.err.String(), inEffect), longest.Round(time.Millisecond))
	r.end(t)
	s.stored(t, r.path)
}

// After twenty changes there runs in a process what runs in one that has just started
// with the same. What the embedded NATS, which stays, keeps of those who were there is
// its own: it forgets it after five minutes.
func TestReloadLeavesNothingBehind(t *testing.T) {
	r, fresh := reloadable(t), reloadable(t)
	for range 10 {
		r.change(t, r.holding([]string{landing, former}, []string{archive, copies}, graded))
		r.change(t, r.holding([]string{landing}, []string{archive}))
	}
	for _, p := range []*reloads{r, fresh} { // both have written
		if _, err := submit(t.Context(), p.door, 1); err != nil {
			t.Fatal(err)
		}
	}
	_ = pausing(t.Context(), 7*time.Second) // who asked a queue waits for its answer for five
	want := fresh.running(t)
	for what, n := range r.running(t) {
		if n >= want[what]+10 {
			t.Errorf("%d goroutines %s, and %d in a fresh process", n, what, want[what])
		}
	}
	if len(want) < 10 {
		t.Errorf("only this runs: %v", want)
	}
}

var createdBy = regexp.MustCompile(`(?m)^created by \S+`)

// Addresses that change are listened on anew, and a stop in the middle of it all is one.
func TestReloadOfAddresses(t *testing.T) {
	r := reloadable(t)
	old := regexp.MustCompile(`http://([^/]+)/`).FindStringSubmatch(r.door)[1]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	next := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r.change(t, r.holding([]string{landing}, []string{archive}, fmt.Sprintf("http: { intake: %q, console: \"127.0.0.1:0\" }", next)))
	if _, err := submit(t.Context(), "http://"+next+"/in/landing", 0); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", old); err == nil {
		_ = c.Close()
		t.Error("the old address is still there")
	}
	// The same port in other words is no conflict with itself.
	_, port, _ := net.SplitHostPort(next)
	r.change(t, r.holding([]string{landing}, []string{archive}, fmt.Sprintf("http: { intake: \"localhost:%s\", console: \"127.0.0.1:0\" }", port)))
	if _, err := submit(t.Context(), "http://localhost:"+port+"/in/landing", 1); err != nil {
		t.Error(err)
	}
	for i := range uint64(3) {
		r.write(t, r.holding([]string{landing}, []string{archive}, fmt.Sprintf("shutdown_grace: %ds", 10+i)))
		r.hangup(t)
	}
	r.end(t)
}

// A destination that takes its time holds up a change, and nobody who sends.
func TestReloadBesideASlowSink(t *testing.T) {
	const slow = 3 * time.Second
	var calls sync.WaitGroup
	defer calls.Wait()
	crm := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		defer calls.Done()
		_ = pausing(r.Context(), slow)
	}))
	defer crm.Close()
	r := reloadable(t)
	sink := fmt.Sprintf("crm: { webhook: { url: %q, allow_private: true } }", crm.URL)
	r.change(t, r.holding([]string{landing}, []string{archive, sink}))
	s := &sending{ids: map[uint64]string{}}
	stop := s.steady(t, r.door, 8)
	_ = pausing(t.Context(), 500*time.Millisecond)
	began := time.Now()
	r.change(t, r.holding([]string{landing}, []string{archive, sink}, graded))
	took := time.Since(began)
	longest := stop()
	t.Logf("the change took %s, and the longest wait was %s", took.Round(time.Millisecond), longest.Round(time.Millisecond))
	if longest > slow*2/3 {
		t.Error("who sends has waited for the destination")
	}
	r.change(t, r.holding([]string{landing}, []string{archive}))
	r.end(t)
	s.stored(t, r.path)
}

var reloadWaiting = flag.Int("reload.waiting", 2000, "how many leads wait in TestReloadWithLeadsWaiting")

// How long a change takes whoever sends, with nothing waiting and with much.
func TestReloadWithLeadsWaiting(t *testing.T) {
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer crm.Close()
	r := reloadable(t)
	sink := fmt.Sprintf("crm: { webhook: { url: %q, allow_private: true } }", crm.URL)
	r.change(t, r.holding([]string{landing}, []string{archive, sink}))
	s := &sending{ids: map[uint64]string{}}
	measure := func() (waits []time.Duration) {
		for i := range 5 {
			stop := s.steady(t, r.door, 8)
			_ = pausing(t.Context(), 200*time.Millisecond)
			r.change(t, r.holding([]string{landing}, []string{archive, sink}, fmt.Sprintf("shutdown_grace: %ds", 6+i)))
			_ = pausing(t.Context(), 200*time.Millisecond)
			waits = append(waits, stop().Round(time.Millisecond))
		}
		return waits
	}
	none := measure()
	before := s.count()
	most := uint64(*reloadWaiting)
	s.fill(t, r.door, most)
	some := measure()
	t.Logf("the longest wait over each change: with up to %d leads waiting %s, with %d more %s", before, none, most, some)
	for line := range strings.Lines(r.err.String()) {
		if strings.Contains(line, inEffect) {
			t.Log(strings.TrimSpace(line))
		}
	}
	r.end(t)
}
