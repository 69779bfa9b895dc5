package intake

import (
	"io"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// FuzzClientIP: whatever a client claims, what is noted is an address or nothing, and
// never one that an untrusted peer wrote.
func FuzzClientIP(f *testing.F) {
	for _, s := range []string{"", "203.0.113.7", "1.1.1.1, 10.0.0.1", "[2001:db8::1]:443", "::ffff:1.2.3.4", "fe80::1%eth0", ",,,", "unknown", "1.1.1.1\r\nX: y"} {
		f.Add("10.0.0.9:1", s)
		f.Add("203.0.113.9:1", s)
	}
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "::1"})
	if err != nil {
		f.Fatal(err)
	}
	in := &Intake{opts: Options{TrustedProxies: proxies}}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		r := httptest.NewRequest("POST", "/in/landing", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = peer, []string{forwarded}
		got := in.clientIP(r)
		at, err := netip.ParseAddrPort(peer)
		if err != nil {
			if got != "" {
				t.Errorf("%q of no peer", got)
			}
			return
		}
		if a, err := netip.ParseAddr(got); err != nil || a.Zone() != "" {
			t.Errorf("%q is no address", got)
		}
		if from := at.Addr().Unmap().WithZone(""); !in.trusted(from) && got != from.String() {
			t.Errorf("%s says it is %s, and is believed", from, got)
		}
		_, _ = ParseProxies(strings.Split(forwarded, ","))
	})
}

// FuzzDoor: whatever is asked for, the answer is one of those agreed on, and only a
// route's own path stores.
func FuzzDoor(f *testing.F) {
	for _, p := range []string{"/in/landing", "/in/landing/sesame", "/in//landing", "/in/../in/landing", "/in/landing/%2e%2e/x", "/in/landing\x00", "/IN/LANDING", "//a.example/in/landing", ""} {
		f.Add("POST", p, "a=1", "https://a.example", "gzip")
		f.Add("GET", p, p, "null", "")
	}
	f.Fuzz(func(t *testing.T, method, path, query, origin, encoding string) {
		if strings.ContainsFunc(origin+encoding, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return // net/http answers such a header itself
		}
		in, err := New(Options{}, Route{Source: "landing", Path: "/in/landing", PathToken: true, Receiver: dialect(plain)})
		if err != nil {
			t.Fatal(err)
		}
		s := &store{}
		r := httptest.NewRequest("POST", "/", io.NopCloser(strings.NewReader("a=1")))
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		r.Header["Origin"], r.Header["Content-Encoding"] = []string{origin}, []string{encoding}
		w := httptest.NewRecorder()
		in.Handler(s.emit).ServeHTTP(w, r)
		if len(s.raws) > 0 && (method != "POST" || !strings.HasPrefix(path, "/in/landing")) {
			t.Errorf("%s %q is stored", method, path)
		}
		if w.Code >= 300 && w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s %q is answered %d", method, path, w.Code)
		}
		for _, values := range w.Header() {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n") {
					t.Errorf("a header holds %q", v)
				}
			}
		}
	})
}
