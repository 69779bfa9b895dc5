package lark

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

// redirectHere is a redirect address on a port that is free.
func redirectHere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String() + "/lark/callback"
}

func (w *world) oauth(v1 bool, redirects ...string) *OAuth {
	w.t.Helper()
	w.sim.AddApp(larksim.App{ID: testApp, Secret: testSecret, Scopes: []string{"bitable:app", "offline_access"}, Redirects: append(redirects, DefaultRedirect)})
	w.sim.Grant("ou_an", testBase, larksim.CanEdit)
	make := NewOAuth
	if v1 {
		make = NewOAuthV1
	}
	a, err := make(w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// browse opens an address as a browser does, following the page back to us.
func browse(t *testing.T, address string) (status int, page string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// returned is where the consent page sends the browser, for pasting.
func returned(t *testing.T, address string) string {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		t.Fatalf("the consent page answered %d", resp.StatusCode)
	}
	return resp.Header.Get("Location")
}

func newTokenStore(t *testing.T) *token.Store {
	t.Helper()
	key, err := token.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return token.NewStore(token.NewMemory(0, nil), token.NewMemory(token.LeaseTTL, nil), key)
}

func TestLoginThroughTheBrowser(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	redirect := redirectHere(t)
	a := w.oauth(false, redirect)
	l, err := a.StartLogin(LoginOptions{Redirect: redirect})
	if err != nil || !l.Listens() {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	q, err := url.Parse(l.URL)
	if v := q.Query(); err != nil || v.Get("scope") != "bitable:app offline_access" || v.Get("code_challenge_method") != "S256" || len(v.Get("state")) < 20 {
		t.Errorf("the page is %s", l.URL)
	}
	type outcome struct {
		pair token.Pair
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		pair, err := l.Wait(t.Context())
		done <- outcome{pair, err}
	}()
	// What others send changes nothing.
	for _, stray := range []string{"/lark/callback?code=x&state=y", "/lark/callback?code=x", "/lark/callback?error=access_denied", "/", "/lark/callback/x?state=" + l.consent.State} {
		base, _, _ := strings.Cut(redirect, "/lark")
		if status, page := browse(t, base+stray); status < 400 || strings.Contains(page, l.consent.State) {
			t.Errorf("%s: %d", stray, status)
		}
	}
	req, _ := http.NewRequest("GET", redirect+"?code=x&state="+l.consent.State, nil)
	req.Host = "evil.example.com"
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("another host's name: %v, %v", resp, err)
	}
	if status, page := browse(t, l.URL); status != 200 || !strings.Contains(page, "Signed in") {
		t.Errorf("the browser ends at %d %s", status, page)
	}
	got := <-done
	if got.err != nil || got.pair.Access.Value.IsZero() || got.pair.Refresh.Value.IsZero() || got.pair.Ends.IsZero() || len(got.pair.Scopes) != 2 {
		t.Fatalf("%+v", got)
	}
	if d := got.pair.Refresh.Expires.Sub(w.sim.Now()); d != 7*24*time.Hour {
		t.Errorf("the refresh token is good for %s", d)
	}
	// Saved, it serves calls.
	store := newTokenStore(t)
	session := a.Session(store, "lark.user.crm", nil)
	if err := session.SignIn(t.Context(), got.pair); err != nil {
		t.Fatal(err)
	}
	c := w.client(func(o *Options) { o.Tokens = session })
	if _, err := c.Tables(t.Context(), testBase); err != nil {
		t.Error(err)
	}
}

func TestLoginByPasting(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	a := w.oauth(false)
	l, err := a.StartLogin(LoginOptions{Paste: true, Scopes: []string{"bitable:app"}})
	if err != nil || l.Listens() {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, bad := range []string{"", "code", "https://x/?code=a", "https://x/?code=a&state=b", DefaultRedirect + "?state=" + l.consent.State, "https://x/?%zz"} {
		if _, err := l.Paste(t.Context(), bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	address := returned(t, l.URL)
	pair, err := l.Paste(t.Context(), " <"+address+"#_> ")
	if err != nil || pair.Refresh.Value.IsZero() {
		t.Fatal(err)
	}
	if _, err := l.Paste(t.Context(), address); err == nil {
		t.Error("pasted twice")
	}
	// Wait learns of it too.
	if got, err := l.Wait(t.Context()); err != nil || !got.Access.Same(pair.Access) {
		t.Errorf("wait: %v", err)
	}
}

func TestLoginsThatFail(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	a := w.oauth(false)
	start := func() *Login {
		l, err := a.StartLogin(LoginOptions{Paste: true})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := start()
	if _, err := l.Paste(t.Context(), DefaultRedirect+"?error=access_denied&state="+l.consent.State); !errors.Is(err, ErrDenied) {
		t.Errorf("denied: %v", err)
	}
	l = start()
	if _, err := l.Paste(t.Context(), DefaultRedirect+"?code=made-up-code&state="+l.consent.State); CodeOf(err) != 20003 || strings.Contains(err.Error(), "made-up-code") {
		t.Errorf("a code that is none: %v", err)
	}
	l = start()
	address := returned(t, l.URL)
	w.sim.Advance(6 * time.Minute)
	if _, err := l.Paste(t.Context(), address); CodeOf(err) != 20004 {
		t.Errorf("a code of six minutes ago: %v", err)
	}
	l = start()
	address = returned(t, l.URL)
	l.consent.verifier = "another"
	if _, err := l.Paste(t.Context(), address); CodeOf(err) != 20049 {
		t.Errorf("somebody else's code: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := start().Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in vain: %v", err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	if _, err := a.StartLogin(LoginOptions{Redirect: "http://" + busy.Addr().String() + "/x"}); err == nil || !strings.Contains(err.Error(), "paste") {
		t.Errorf("a port that is taken: %v", err)
	}
	if _, err := a.StartLogin(LoginOptions{Redirect: "not an address"}); err == nil {
		t.Error("a redirect that is none is taken")
	}
	if _, err := a.Consent(DefaultRedirect, make([]string, 50)); err == nil {
		t.Error("51 scopes are taken")
	}
}

// 100 refreshes of one session by two processes, with the refresh token used up each
// time: none is presented twice.
func TestTwoProcessesShareASignIn(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	a := w.oauth(false)
	access, refresh := w.sim.Login(testApp, "ou_an", "bitable:app", "offline_access")
	key, err := token.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	store := token.NewStore(token.NewMemory(0, w.sim.Now), token.NewMemory(token.LeaseTTL, w.sim.Now), key)
	var sessions []*token.Session
	var clients []*Client
	for range 2 {
		s := a.Session(store, "lark.user.crm", nil)
		sessions = append(sessions, s)
		clients = append(clients, w.client(func(o *Options) { o.Tokens = s }))
	}
	now := w.sim.Now()
	if err := sessions[0].SignIn(t.Context(), token.Pair{
		Access:  token.Token{Value: token.NewSecret(access), Issued: now, Expires: now.Add(2 * time.Hour)},
		Refresh: token.Token{Value: token.NewSecret(refresh), Issued: now, Expires: now.Add(7 * 24 * time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.sim.Advance(2 * time.Hour)
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if _, err := clients[i%2].Tables(t.Context(), testBase); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if got := w.sim.Logins(); got.Refreshed != 100 || got.Burnt != 0 {
		t.Errorf("%+v", got)
	}
	// Revoked, it ends with words that say so, and without a loop.
	w.sim.RevokeUser(testApp, "ou_an")
	w.sim.ResetCalls()
	for range 5 {
		_, err := clients[0].Tables(t.Context(), testBase)
		if !errors.Is(err, token.ErrReauthorise) || verdictOf(err) != "hold" || ClassOf(err) != Setup {
			t.Fatalf("revoked: %v", err)
		}
		harmless(t, err)
	}
	if n := w.sim.Calls()[larksim.OpTableList].Total; n != 1 {
		t.Errorf("%d calls with a sign-in that is over", n)
	}
}

// Without a connection nothing was exchanged: it is no attempt, and when the line is
// back the session goes on.
func TestARefreshWithoutAConnection(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	o := w.options()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Endpoint = "http://" + l.Addr().String()
	_ = l.Close()
	dead, err := NewOAuth(o)
	if err != nil {
		t.Fatal(err)
	}
	alive := w.oauth(false)
	store, now := newTokenStore(t), w.sim.Now()
	access, refresh := w.sim.Login(testApp, "ou_an", "bitable:app", "offline_access")
	s := dead.Session(store, "crm", nil)
	if err := s.SignIn(t.Context(), token.Pair{
		Access:  token.Token{Value: token.NewSecret(access), Issued: now, Expires: now.Add(time.Hour)},
		Refresh: token.Token{Value: token.NewSecret(refresh), Issued: now, Expires: now.Add(24 * time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	w.sim.Advance(2 * time.Hour)
	c := w.client(func(o *Options) { o.Tokens = s })
	for range 30 {
		if _, err := c.Tables(t.Context(), testBase); verdictOf(err) != "hold" || ClassOf(err) != Down || errors.Is(err, token.ErrStorm) {
			t.Fatalf("got %v", err)
		}
	}
	if tok, err := alive.Session(store, "crm", nil).Token(t.Context()); err != nil || tok.Value.IsZero() {
		t.Errorf("with a connection: %v", err)
	}
}

func TestRefreshVerdicts(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	a := w.oauth(false)
	_, refresh := w.sim.Login(testApp, "ou_an", "bitable:app", "offline_access")
	if _, err := a.Refresh(t.Context(), token.NewSecret(refresh)); err != nil {
		t.Fatal(err)
	}
	var broken *token.BrokenError
	if _, err := a.Refresh(t.Context(), token.NewSecret(refresh)); !errors.As(err, &broken) || broken.Why != token.Burnt || strings.Contains(err.Error(), refresh) {
		t.Errorf("used twice: %v", err)
	}
	wrong := w.options()
	wrong.AppSecret = config.NewSecret("wrong-secret")
	b, err := NewOAuth(wrong)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Refresh(t.Context(), token.NewSecret(refresh)); err == nil || errors.Is(err, token.ErrReauthorise) || ClassOf(err) != Setup {
		t.Errorf("wrong secret: %v", err)
	}
	for n, final := range map[int]token.Reason{
		20026: token.Revoked, 20037: token.Expired, 20064: token.Revoked, 20073: token.Burnt, 99991669: token.Revoked,
		20050: "", 20072: "", 20002: "", 20048: "", 20069: "", 20009: "", 20024: "", 20008: "", 20066: "", 20010: "",
		20001: "", 20036: "", 20063: "", 20067: "", 20068: "", 20070: "", 20071: "", 20049: "", 20074: "", 20003: "", 20004: "", 20065: "", 424242: "",
	} {
		c := scripted(t, answering(400, `{"code":`+itoa(n)+`,"error":"invalid_grant","error_description":"0900000000"}`))
		o := &OAuth{transport: c.transport}
		_, err := o.Refresh(t.Context(), token.NewSecret("r-hidden"))
		var broken *token.BrokenError
		switch {
		case CodeOf(err) != n:
			t.Errorf("%d: %v", n, err)
		case final == "" && errors.Is(err, token.ErrReauthorise):
			t.Errorf("%d ends the session: %v", n, err)
		case final != "" && (!errors.As(err, &broken) || broken.Why != final):
			t.Errorf("%d does not end it as %q: %v", n, final, err)
		case strings.Contains(err.Error(), "0900000000") || strings.Contains(err.Error(), "r-hidden"):
			t.Errorf("%d: %v", n, err)
		case final == "" && ClassOf(err) != Setup && ClassOf(err) != Down:
			t.Errorf("%d is of class %s", n, ClassOf(err))
		}
	}
	// A pair that is there is taken, though the answer is not as documented.
	c := scripted(t, answering(200, `{"access_token":"a","expires_in":7200,"refresh_token":"r","scope":"x"}`))
	if p, err := (&OAuth{transport: c.transport}).Refresh(t.Context(), token.NewSecret("r")); err != nil || p.Refresh.Value.Reveal() != "r" || !p.Refresh.Expires.IsZero() {
		t.Errorf("without a code: %+v, %v", p, err)
	}
}

func TestLegacyLogin(t *testing.T) {
	w := newWorld(t, larksim.Options{AutoApprove: true})
	a := w.oauth(true)
	l, err := a.StartLogin(LoginOptions{Paste: true})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(l.URL, "code_challenge") {
		t.Error("v1 knows no PKCE")
	}
	pair, err := l.Paste(t.Context(), returned(t, l.URL))
	if err != nil || !strings.HasPrefix(pair.Access.Value.Reveal(), "u-") || pair.Ends.IsZero() {
		t.Fatal(err)
	}
	next, err := a.Refresh(t.Context(), pair.Refresh.Value)
	if err != nil || next.Refresh.Same(pair.Refresh) {
		t.Fatal(err)
	}
	if _, err := a.Refresh(t.Context(), pair.Refresh.Value); !errors.Is(err, token.ErrReauthorise) {
		t.Errorf("used twice: %v", err)
	}
	w.sim.RevokeTenantToken(testApp) // the app token is the same
	if _, err := a.Refresh(t.Context(), next.Refresh.Value); err != nil {
		t.Errorf("with an app token that was revoked: %v", err)
	}
}
