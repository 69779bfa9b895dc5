package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

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
		p := pageAt(addr)
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

// pageAt is a page whose door and simulators listen at addr.
func pageAt(addr net.Addr) *demoPage {
	at := listensAt{addr: addr}
	return &demoPage{door: addr, path: "/in/landing", token: "t", desk: newChatDesk(newChatLog("t")),
		lark: &simulatedBase{listener: at}, google: &simulatedSheet{listener: at}}
}

// listensAt is a listener of which only the address is asked.
type listensAt struct {
	net.Listener
	addr net.Addr
}

func (l listensAt) Addr() net.Addr { return l.addr }

// Whatever a request calls the demo, only an address gets to the records.
func FuzzDemoPageHost(f *testing.F) {
	for _, host := range []string{"127.0.0.1:1", "localhost", "[::1]:8082", "[", "]", "a:b:c", "127.0.0.1.nip.example", "::1", "0x7f.1", "\x00", "[::1%25eth0]:80"} {
		f.Add(host)
	}
	door, err := net.ResolveTCPAddr("tcp", "[::]:8080")
	if err != nil {
		f.Fatal(err)
	}
	handler := pageAt(door).handler()
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
