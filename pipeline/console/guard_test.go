package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestHeadersTellBrowsersWhatToRefuse(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	for _, path := range []string{"/login", "/flow", "/health", "/activity", "/leads", "/lead?id=r-1", "/sources", "/sinks", "/forget", "/forget/x", "/nowhere", "/api/flow", "/metrics", "/assets/console.css"} {
		a := w.get(b, path)
		csp := a.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: the policy allows too much: %s", path, csp)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, path := range []string{"/flow", "/leads", "/lead?id=r-1", "/buried", "/buried/7", "/sources", "/sources/landing/watch", "/sinks", "/health", "/forget", "/activity"} {
		page := w.get(b, path).body
		for _, bad := range []string{"<style", " style=", " onclick", " onload", " onerror", "javascript:", "//cdn", "<link rel=\"stylesheet\" href=\"http"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s holds %q, which the policy refuses", path, bad)
			}
		}
		if strings.Count(page, "<script") != 1 || !strings.Contains(page, `<script src="/assets/console.js?v=`) {
			t.Errorf("%s has a script that is not our file", path)
		}
	}
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	csrf := w.field(w.get(b, "/flow").body, "csrf")
	others := w.field(w.get(w.operator(), "/flow").body, "csrf")
	for _, c := range []struct {
		name   string
		form   url.Values
		header []string
	}{
		{"no token", url.Values{}, nil},
		{"an empty token", url.Values{"csrf": {""}}, nil},
		{"the token of another session", url.Values{"csrf": {others}}, nil},
		{"another site", url.Values{"csrf": {csrf}}, []string{"Origin", "https://evil.example"}},
		{"another port", url.Values{"csrf": {csrf}}, []string{"Origin", "http://127.0.0.1:1"}},
		{"a hostile frame", url.Values{}, []string{"Origin", "null"}},
		{"a neighbour", url.Values{"csrf": {csrf}}, []string{"Sec-Fetch-Site", "same-site"}},
		{"across sites", url.Values{"csrf": {csrf}}, []string{"Sec-Fetch-Site", "cross-site"}},
	} {
		if a := w.do(b, http.MethodPost, "/logout", c.form, c.header...); a.status != http.StatusForbidden {
			t.Errorf("%s: answers %d", c.name, a.status)
		}
	}
	// The token in the address is not in the form.
	if a := w.do(b, http.MethodPost, "/logout?csrf="+csrf, url.Values{}); a.status != http.StatusForbidden {
		t.Errorf("the token in the address: answers %d", a.status)
	}
	if a := w.do(b, http.MethodPost, "/logout", url.Values{"csrf": {csrf}, "x": {strings.Repeat("x", formMost)}}); a.status != http.StatusForbidden {
		t.Errorf("a form beyond all bounds: answers %d", a.status)
	}
	if a := w.get(b, "/flow"); a.status != 200 {
		t.Fatalf("a refused form did something: /flow answers %d", a.status)
	}
	for _, origin := range []string{w.base, "null"} {
		b := w.operator()
		csrf := w.field(w.get(b, "/flow").body, "csrf")
		if a := w.do(b, http.MethodPost, "/logout", url.Values{"csrf": {csrf}}, "Origin", origin, "Sec-Fetch-Site", "same-origin"); a.status != http.StatusSeeOther {
			t.Errorf("our own form with origin %s answers %d", origin, a.status)
		}
	}
}

func TestProxiesAreBelievedWhereTheyAreOurs(t *testing.T) {
	c := &Console{opts: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, k := range []struct {
		peer, forwarded, proto string
		from                   string
		encrypted              bool
	}{
		{"203.0.113.9:1", "198.51.100.1", "https", "203.0.113.9", false},
		{"10.0.0.7:1", "198.51.100.1", "https", "198.51.100.1", true},
		{"10.0.0.7:1", "1.2.3.4, 198.51.100.1, 10.0.0.8", "http", "198.51.100.1", false},
		{"10.0.0.7:1", "not an address", "", "10.0.0.7", false},
		{"10.0.0.7:1", "", "https, http", "10.0.0.7", false},
		{"[2001:db8::1]:1", "", "", "2001:db8::1", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = k.peer
		r.Header.Set("X-Forwarded-For", k.forwarded)
		r.Header.Set("X-Forwarded-Proto", k.proto)
		if got := c.address(r); got.String() != k.from {
			t.Errorf("%+v comes from %s", k, got)
		}
		if got := c.encrypted(r); got != k.encrypted {
			t.Errorf("%+v is encrypted: %t", k, got)
		}
	}
}

func TestBehindHTTPSTheCookieIsSecure(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	a := w.get(w.browser(), "/login?token="+token, "X-Forwarded-Proto", "https")
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-mekong_session=") || !strings.Contains(cookie, "Secure") {
		t.Errorf("the cookie is %q", cookie)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-mekong_session="), ";")
	for name, want := range map[string]int{"__Host-mekong_session": 200, "mekong_session": http.StatusSeeOther} {
		if a := w.get(w.browser(), "/flow", "X-Forwarded-Proto", "https", "Cookie", fmt.Sprintf("%s=%s", name, id)); a.status != want {
			t.Errorf("shown as %s it answers %d, want %d", name, a.status, want)
		}
	}
}
