package console

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// rooms of everybody and of nobody: what is there, and what is not.
var everyRoom = []string{"/", "/flow", "/health", "/activity", "/leads", "/lead?id=r-1", "/buried", "/buried/7", "/sources", "/sources/landing/watch", "/sinks", "/forget", "/forget/x", "/forget/x/proof", "/api/flow", "/api/live", "/nowhere", "/api/nowhere", "/flow/x"}

// acts are what operators may do.
var acts = []string{"/leads/export", "/lead/receipt", "/buried/replay", "/buried/drop", "/sinks/hold", "/sinks/release", "/sinks/look", "/sources/landing/test",
	"/forget/note", "/forget/answered", "/forget/find", "/forget/x/evidence", "/forget/x/erase"}

func TestNothingIsShownWithoutASignIn(t *testing.T) {
	w := newWorld(t)
	for _, path := range everyRoom {
		a := w.get(w.browser(), path)
		want := http.StatusSeeOther
		if strings.HasPrefix(path, "/api/") {
			want = http.StatusUnauthorized
		}
		if a.status != want || strings.Contains(a.body, "archive") {
			t.Errorf("GET %s without a sign-in answers %d %q", path, a.status, a.body)
		}
		if a := w.do(w.browser(), http.MethodPost, path, url.Values{"csrf": {"x"}}); a.status != http.StatusUnauthorized && a.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s without a sign-in answers %d", path, a.status)
		}
		forged := w.get(w.browser(), path, "Cookie", "mekong_session="+secret())
		if forged.status != want {
			t.Errorf("GET %s with an invented session answers %d", path, forged.status)
		}
	}
	for _, path := range append(acts, "/logout") {
		if a := w.do(w.browser(), http.MethodPost, path, url.Values{"all": {"yes"}}); a.status != http.StatusUnauthorized {
			t.Errorf("POST %s without a sign-in answers %d", path, a.status)
		}
	}
	if w.grave.did != "" {
		t.Errorf("somebody who is not signed in %s", w.grave.did)
	}
}

func TestSigningIn(t *testing.T) {
	for _, c := range []struct {
		name           string
		user, password string
		token          string
		status         int
		sees           string
	}{
		{name: "operator", user: "an", password: operatorPassword, status: 303, sees: "an"},
		{name: "viewer", user: "binh", password: viewerPassword, status: 303, sees: "binh"},
		{name: "link's token, pasted", token: token, status: 303, sees: linkName},
		{name: "another's password", user: "binh", password: operatorPassword, status: 401},
		{name: "nobody", user: "chi", password: operatorPassword, status: 401},
		{name: "nothing", status: 401},
		{name: "a token's beginning", token: token[:20], status: 401},
		{name: "the token as a password", user: linkName, password: token, status: 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser()
			form := w.field(w.get(b, "/login").body, "form")
			a := w.do(b, http.MethodPost, "/login", url.Values{"form": {form}, "name": {c.user}, "password": {c.password}, "token": {c.token}})
			if a.status != c.status {
				t.Fatalf("it answers %d: %s", a.status, a.body)
			}
			page := w.get(b, "/flow")
			if in := page.status == 200; in != (c.status == 303) {
				t.Errorf("afterwards /flow answers %d", page.status)
			}
			if c.sees != "" && !strings.Contains(page.body, `<span class="who">`+c.sees+`</span>`) {
				t.Errorf("the page does not say that it is %s's", c.sees)
			}
			if strings.Contains(a.body+page.body, operatorPassword) || strings.Contains(a.body+page.body, token) {
				t.Error("a secret is on the page")
			}
		})
	}
}

func TestTheLinkSignsIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	a := w.get(b, "/login?token="+token)
	cookie := a.header.Get("Set-Cookie")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Fatalf("it answers %d to %q", a.status, a.header.Get("Location"))
	}
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie %q lacks %s", cookie, part)
		}
	}
	if a := w.get(b, "/flow"); a.status != 200 {
		t.Errorf("afterwards /flow answers %d", a.status)
	}
	wrong := w.get(w.browser(), "/login?token="+strings.Repeat("x", len(token)))
	if wrong.status != http.StatusUnauthorized || strings.Contains(wrong.body, "xxxx") {
		t.Errorf("a wrong link answers %d, and %q", wrong.status, wrong.body)
	}
}

func TestASessionIsNeverOneThatWasThereBefore(t *testing.T) {
	w := newWorld(t)
	victim := w.browser()
	planted := secret()
	base, err := url.Parse(w.base)
	if err != nil {
		t.Fatal(err)
	}
	plant := &http.Cookie{Name: sessionCookie, Value: planted, Path: "/"}
	victim.Jar.SetCookies(base, []*http.Cookie{plant})
	form := w.field(w.get(victim, "/login").body, "form")
	if a := w.do(victim, http.MethodPost, "/login", url.Values{"form": {form}, "name": {"an"}, "password": {operatorPassword}}); a.status != 303 {
		t.Fatal(a.status)
	}
	if a := w.get(w.browser(), "/flow", "Cookie", sessionCookie+"="+planted); a.status == 200 {
		t.Error("the ID that was planted opens the session")
	}
	first := sessionOf(victim, base)
	form = w.field(w.get(w.browser(), "/login").body, "form")
	again := w.do(victim, http.MethodPost, "/login", url.Values{"form": {form}, "name": {"an"}, "password": {operatorPassword}}, "Cookie", formCookie+"="+form)
	if again.status != 303 {
		t.Fatal(again.status)
	}
	if a := w.get(w.browser(), "/flow", "Cookie", sessionCookie+"="+first); a.status == 200 {
		t.Error("the session before a second sign-in still opens")
	}
}

func sessionOf(b *http.Client, base *url.URL) string {
	for _, k := range b.Jar.Cookies(base) {
		if k.Name == sessionCookie {
			return k.Value
		}
	}
	return ""
}

func TestSessionsEnd(t *testing.T) {
	w := newWorld(t)
	idle := w.operator()
	w.clock.move(sessionIdle + time.Second)
	if a := w.get(idle, "/flow"); a.status != http.StatusSeeOther {
		t.Errorf("after %s without a request it answers %d", sessionIdle, a.status)
	}
	busy := w.operator()
	for began := w.clock.now(); w.clock.now().Sub(began) < sessionMost; w.clock.move(sessionIdle / 2) {
		if a := w.get(busy, "/flow"); a.status != 200 {
			t.Fatalf("a session in use answers %d after %s", a.status, w.clock.now().Sub(began))
		}
	}
	w.clock.move(time.Second)
	if a := w.get(busy, "/flow"); a.status != http.StatusSeeOther {
		t.Errorf("after %s in all it answers %d", sessionMost, a.status)
	}
	out := w.operator()
	csrf := w.field(w.get(out, "/flow").body, "csrf")
	base, err := url.Parse(w.base)
	if err != nil {
		t.Fatal(err)
	}
	id := sessionOf(out, base)
	if a := w.do(out, http.MethodPost, "/logout", url.Values{"csrf": {csrf}}); a.status != http.StatusSeeOther {
		t.Fatalf("signing out answers %d", a.status)
	}
	if a := w.get(w.browser(), "/flow", "Cookie", sessionCookie+"="+id); a.status == 200 {
		t.Error("the session opens after signing out")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	k := newClock()
	s := newSessions(k.now)
	first := s.begin(User{Name: "an"}, "")
	for range sessionsMax {
		k.move(time.Second)
		s.begin(User{Name: "an"}, "")
	}
	if len(s.all) != sessionsMax {
		t.Errorf("there are %d sessions", len(s.all))
	}
	if _, ok := s.find(first); ok {
		t.Error("the one unused longest did not make room")
	}
}

func TestGuessingIsSlow(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	try := func(password string) int {
		form := w.field(w.get(b, "/login").body, "form")
		return w.do(b, http.MethodPost, "/login", url.Values{"form": {form}, "name": {"an"}, "password": {password}}).status
	}
	for i := range attemptsBurst {
		if got := try("wrong"); got != http.StatusUnauthorized {
			t.Fatalf("try %d answers %d", i+1, got)
		}
	}
	if got := try(operatorPassword); got != http.StatusTooManyRequests {
		t.Errorf("after %d wrong ones the right one answers %d", attemptsBurst, got)
	}
	if a := w.get(w.browser(), "/login?token="+token); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the link answers %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	w.clock.move(attemptsEvery)
	if got := try("wrong"); got != http.StatusUnauthorized {
		t.Errorf("%s later one more answers %d", attemptsEvery, got)
	}
	w.clock.move(attemptsEvery)
	if got := try(operatorPassword); got != http.StatusSeeOther {
		t.Errorf("and then the right one answers %d", got)
	}
}

func TestAttemptsAreCountedByNetworkAndBounded(t *testing.T) {
	k := newClock()
	a := newAttempts(k.now)
	one, neighbour := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::ffff")
	for range attemptsBurst {
		if !a.try(one) {
			t.Fatal("a first try is refused")
		}
	}
	if a.try(neighbour) {
		t.Error("another address of the same subscriber has tries of its own")
	}
	if !a.try(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("another subscriber has none")
	}
	from := netip.MustParseAddr("10.0.0.0")
	for range attemptsMax + 10 {
		a.try(from)
		from = from.Next()
	}
	if len(a.by) > attemptsMax {
		t.Errorf("%d addresses are remembered", len(a.by))
	}
	if a.try(one) {
		t.Error("making room forgot who had failed most")
	}
}

func TestASignInComesFromOurForm(t *testing.T) {
	w := newWorld(t)
	good := url.Values{"name": {"an"}, "password": {operatorPassword}}
	with := func(form string) url.Values {
		v := url.Values{"form": {form}}
		for k := range good {
			v.Set(k, good.Get(k))
		}
		return v
	}
	if a := w.do(w.browser(), http.MethodPost, "/login", with(secret())); a.status != http.StatusForbidden {
		t.Errorf("without the cookie it answers %d", a.status)
	}
	b := w.browser()
	w.get(b, "/login")
	if a := w.do(b, http.MethodPost, "/login", with(secret())); a.status != http.StatusForbidden {
		t.Errorf("with another value it answers %d", a.status)
	}
	form := w.field(w.get(b, "/login").body, "form")
	if a := w.do(b, http.MethodPost, "/login", with(form), "Origin", "https://evil.example"); a.status != http.StatusForbidden {
		t.Errorf("from another site it answers %d", a.status)
	}
}

func TestWhereASignInLeadsTo(t *testing.T) {
	for _, c := range []struct{ next, want string }{
		{"/flow", "/flow"},
		{"/leads?q=a%26b", "/leads?q=a%26b"},
		{"https://evil.example/", "/"},
		{"//evil.example/", "/"},
		{`/\evil.example`, "/"},
		{"/\t/evil.example", "/"},
		{"javascript:alert(1)", "/"},
		{"evil", "/"},
		{"", "/"},
		{"http:///flow", "/"},
		{"/%2f/evil.example", "/"},
	} {
		if got := within(c.next); got != c.want {
			t.Errorf("%q leads to %q, want %q", c.next, got, c.want)
		}
	}
}
