package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mekong/pipeline/bus"
)

func TestDemoVerdict(t *testing.T) {
	fine := func() *account {
		return &account{ // of MongoDB's five that wait, the Base has three
			sent: sent{requests: 100, received: 100, distinct: 98}, duplicates: 2, accepted: 98, traffic: true,
			after: reading{documents: 90, balance: bus.Balance{Accepted: 98, Stored: 90, Waiting: 5, Buried: 2, Filtered: 1},
				rows: 94, leads: 94, base: bus.Balance{Accepted: 98, Stored: 94, Waiting: 2, Buried: 2}},
		}
	}
	for _, c := range []struct {
		name   string
		change func(*account)
		says   string
	}{
		{"all there", func(*account) {}, ""},
		{"a page sent too", func(a *account) {
			a.others, a.accepted, a.after.documents, a.after.balance.Accepted = 3, 101, 93, 101
			a.after.rows, a.after.leads, a.after.base.Accepted = 97, 97, 101
		}, ""},
		{"an earlier run", func(a *account) {
			a.before = reading{documents: 7, balance: bus.Balance{Accepted: 7, Stored: 7}, base: bus.Balance{Accepted: 7, Stored: 4, Waiting: 1, Buried: 1, Filtered: 1}}
			a.after.documents, a.after.balance.Accepted = 97, 105
			a.after.base = bus.Balance{Accepted: 105, Stored: 99, Waiting: 2, Buried: 3, Filtered: 1}
			a.after.rows, a.after.leads = 95, 95 // those of this run, and the one that waited
		}, ""},
		{"a sink that an earlier run had not", func(a *account) {
			a.before = reading{documents: 7, balance: bus.Balance{Accepted: 7, Stored: 7}, base: bus.Balance{Accepted: 7, Missing: 7}}
			a.after.documents, a.after.balance.Accepted = 97, 105
			a.after.base.Accepted, a.after.rows, a.after.leads = 105, 101, 101
		}, ""},
		{"stored and not yet known to be", func(a *account) { a.after.documents += 5 }, ""},
		{"in the Base and not yet known to be", func(a *account) { a.after.rows, a.after.leads = 96, 96 }, ""},
		{"a row is missing", func(a *account) { a.after.rows, a.after.leads = 93, 93 }, "98 leads were for the simulated Base, but 97 are accounted for: 93 rows"},
		{"rows too many", func(a *account) { a.after.rows, a.after.leads = 97, 97 }, "98 leads were for the simulated Base, but 101 are"},
		{"a row is double", func(a *account) { a.after.rows++ }, "the simulated Base has 95 rows, of 94 different leads"},
		{"a lead never came to the Base's sink", func(a *account) { a.after.base.Accepted-- }, "98 leads were accepted for MongoDB, but 97 for the Base"},
		{"the streams do not agree on the Base", func(a *account) { a.after.base.Missing = 1 }, "balance of the Base does not add up: 1 missing"},
		{"a document is missing", func(a *account) { a.after.documents-- }, "98 leads were accepted, but 97 are accounted for"},
		{"a document too many", func(a *account) { a.after.documents += 6 }, "98 leads were accepted, but 104 are"},
		{"answered and not taken in", func(a *account) { a.accepted = 97 }, "98 different leads were answered 200, but only 97"},
		{"taken in and not in the store", func(a *account) { a.after.balance.Accepted-- }, "98 leads were received (duplicates left out), but the store holds 97"},
		{"the streams do not agree", func(a *account) { a.after.balance.Missing = 1 }, "1 missing"},
		{"nothing was answered", func(a *account) {
			*a = account{traffic: true, sent: sent{requests: 9, refused: 9, why: "answered 503"}}
		}, "not one lead was answered 200; the last answer was: answered 503"},
		{"nothing was sent", func(a *account) { *a = account{} }, ""},
	} {
		a := fine()
		c.change(a)
		err := a.verdict()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func TestDemoPendingIsExplained(t *testing.T) {
	a := &account{after: reading{balance: bus.Balance{Waiting: 3, Oldest: time.Now()}}}
	for _, c := range []struct {
		change func()
		says   string
	}{
		{func() {}, "went with the demo's folder"},
		{func() { a.kept = true }, "the next demo on this folder goes on"},
		{func() { a.before.balance.Waiting = 2 }, "given out again after a minute"},
		{func() { a.held = "no room" }, "the sink is held: no room"},
	} {
		c.change()
		if got := a.pendingWhy(a.before.balance, a.after.balance, a.held); !strings.Contains(got, c.says) {
			t.Errorf("%q does not say %q", got, c.says)
		}
	}
	a.after.balance.Waiting = 0
	if got := a.pendingWhy(a.before.balance, a.after.balance, a.held); got != "" {
		t.Errorf("nothing waits, because %q", got)
	}
}

// Whichever end is heard of first, a lead is measured once.
func TestWatchMeasuresEachLeadOnce(t *testing.T) {
	w := newWatch()
	start := time.Now()
	w.acceptedAt("a", start)
	w.storedAt("a", "a", start.Add(30*time.Millisecond))
	w.storedAt("b", "b", start.Add(10*time.Millisecond))
	w.acceptedAt("b", start.Add(15*time.Millisecond))
	w.storedAt("c", "c", start) // not of the traffic
	w.storedAt("a", "a", start.Add(time.Hour))
	if got, want := w.latency(), (spread{2, 0, 30 * time.Millisecond}); got != want {
		t.Errorf("measured %v, want %v", got, want)
	}
	if got := strings.Join(w.latest(), " "); got != "c b a" {
		t.Errorf("the latest are %q", got)
	}
	for i := range 2 * recentMost {
		w.remember(strings.Repeat("x", i+1))
	}
	if got := w.latest(); len(got) != recentMost || got[0] != strings.Repeat("x", 2*recentMost) {
		t.Errorf("%d are remembered, the latest %q", len(got), got[0])
	}
}

func TestLatelyIsBounded(t *testing.T) {
	var l lately[int]
	for i := range 5 * latelyHalf {
		l.put(time.Duration(i).String(), i)
	}
	if n := len(l.young) + len(l.old); n > 2*latelyHalf {
		t.Errorf("it holds %d", n)
	}
	last := time.Duration(5*latelyHalf - 1).String()
	if !l.has(last) {
		t.Error("it has forgotten the last")
	}
	if v, ok := l.take(last); !ok || v != 5*latelyHalf-1 || l.has(last) {
		t.Errorf("took %d, %t", v, ok)
	}
	if _, ok := l.take(time.Duration(0).String()); ok {
		t.Error("it has not forgotten the first")
	}
}

func TestSpread(t *testing.T) {
	var s samples
	if got := s.spread(); got != (spread{}) {
		t.Errorf("of nothing: %v", got)
	}
	s.add(7)
	if got, want := s.spread(), (spread{1, 7, 7}); got != want {
		t.Errorf("of one: %v", got)
	}
	s = samples{}
	for i := 200; i > 0; i-- {
		s.add(time.Duration(i))
	}
	if got, want := s.spread(), (spread{200, 100, 198}); got != want {
		t.Errorf("of 1 to 200: %v, want %v", got, want)
	}
}

// Each repeat is of a lead that was sent, and no lead is repeated twice.
func TestTrafficRepeats(t *testing.T) {
	sentAs := map[int64]int{}
	for n := range int64(100 * repeatEvery) {
		lead := which(n)
		sentAs[lead]++
		if repeat := n%repeatEvery == repeatEvery-1; repeat == (lead == n) || lead > n || sentAs[lead] > 2 {
			t.Fatalf("submission %d is lead %d, sent %d times", n, lead, sentAs[lead])
		}
		if lead != n && sentAs[lead] != 2 {
			t.Fatalf("submission %d repeats lead %d, which was not sent", n, lead)
		}
	}
	if want := 100 * (repeatEvery - 1); len(sentAs) != want {
		t.Errorf("%d different leads, want %d", len(sentAs), want)
	}
}

func TestDemoPageAnswersToAddressesOnly(t *testing.T) {
	for _, c := range []struct {
		door, host string
		status     int
		connect    string
	}{
		{"127.0.0.1:8080", "127.0.0.1:8082", 200, "http://127.0.0.1:8080"},
		{"127.0.0.1:8080", "localhost:8082", 200, "http://127.0.0.1:8080"},
		{"127.0.0.1:8080", "localhost", 200, "http://127.0.0.1:8080"},
		{"[::]:8080", "192.0.2.7:8082", 200, "http://192.0.2.7:8080"},
		{"[::]:8080", "[2001:db8::1]:8082", 200, "http://[2001:db8::1]:8080"},
		{"[::]:8080", "[2001:db8::1]", 200, "http://[2001:db8::1]:8080"},
		{"127.0.0.1:8080", "rebound.example:8082", 421, ""},
		{"127.0.0.1:8080", "", 421, ""},
		{"127.0.0.1:8080", "[", 421, ""},
	} {
		addr, err := net.ResolveTCPAddr("tcp", c.door)
		if err != nil {
			t.Fatal(err)
		}
		p := &demoPage{door: addr, base: addr, path: "/in/landing", token: "t"}
		r := httptest.NewRequest(http.MethodGet, "/settings", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		p.handler().ServeHTTP(w, r)
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != c.status || c.status == 200 && (!strings.Contains(policy, "connect-src 'self' "+c.connect+";") || !strings.Contains(w.Body.String(), c.connect+"/in/landing")) {
			t.Errorf("door %s, host %q: %d %s %s", c.door, c.host, w.Code, policy, w.Body)
		}
	}
}

// Whatever a request calls the demo, only an address gets to the records.
func FuzzDemoPageHost(f *testing.F) {
	for _, host := range []string{"127.0.0.1:1", "localhost", "[::1]:8082", "[", "]", "a:b:c", "127.0.0.1.nip.example", "::1", "0x7f.1", "\x00", "[::1%25eth0]:80"} {
		f.Add(host)
	}
	door, err := net.ResolveTCPAddr("tcp", "[::]:8080")
	if err != nil {
		f.Fatal(err)
	}
	handler := (&demoPage{door: door, base: door, path: "/in/landing"}).handler()
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest(http.MethodGet, "/settings", nil)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if name := hostOf(host); w.Code == http.StatusOK && name != "localhost" && net.ParseIP(name) == nil {
			t.Errorf("%q was answered", host)
		}
		if policy := w.Header().Get("Content-Security-Policy"); strings.ContainsAny(policy, "\r\n") || strings.Count(policy, ";") > 7 {
			t.Errorf("%q became part of the policy: %q", host, policy)
		}
	})
}

func TestPlainTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 ms", 840 * time.Microsecond: "0.8 ms", 9900 * time.Microsecond: "9.9 ms", 14 * time.Millisecond: "14 ms",
		999 * time.Millisecond: "999 ms", 1340 * time.Millisecond: "1.3 s", 12 * time.Second: "12 s",
	} {
		if got := plain(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// Progress takes one line on a terminal, and lines of its own elsewhere.
func TestScreen(t *testing.T) {
	var o output
	s := newScreen(&o)
	s.progress("one")
	s.progress("two")
	if _, err := s.Write([]byte("a warning\n")); err != nil {
		t.Fatal(err)
	}
	s.clear()
	if got := o.String(); got != "one\ntwo\na warning\n" {
		t.Errorf("elsewhere: %q", got)
	}
	o = output{}
	s = &screen{w: &o, live: true, width: 6}
	s.progress("one")
	s.progress("a long line")
	if _, err := s.Write([]byte("a warning\n")); err != nil {
		t.Fatal(err)
	}
	s.clear()
	if got, want := o.String(), clearLine+"one"+clearLine+"a lon"+clearLine+"a warning\na lon"+clearLine; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
	s.colour = true
	if got := s.paint(cyan, "x"); got != "\x1b[36mx\x1b[0m" {
		t.Errorf("coloured: %q", got)
	}
}
