package google

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/sinks/token"
)

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
	return resp.Header.Get("Location")
}

func TestLoginInABrowser(t *testing.T) {
	w := newWorld(t)
	a := w.oauth()
	l, err := a.StartLogin(LoginOptions{})
	if err != nil || !l.Listens() {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	u, err := url.Parse(l.URL)
	if q := u.Query(); err != nil || q.Get("scope") != Scope || len(q.Get("state")) < 20 || !strings.HasPrefix(q.Get("redirect_uri"), "http://127.0.0.1:") || strings.Contains(q.Get("redirect_uri"), ":0/") {
		t.Errorf("the page is %s", l.URL)
	}
	w.clean("the page", strings.ReplaceAll(l.URL, "http://127.0.0.1", ""))
	type outcome struct {
		pair token.Pair
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		pair, err := l.Wait(t.Context())
		done <- outcome{pair, err}
	}()
	if status, page := browse(t, l.URL); status != 200 || !strings.Contains(page, "Signed in") {
		t.Errorf("the browser ends at %d %s", status, page)
	}
	got := <-done
	if got.err != nil || got.pair.Access.Value.IsZero() || got.pair.Refresh.Value.Reveal() != w.refresh || !got.pair.Refresh.Expires.IsZero() || len(got.pair.Scopes) != 1 || got.pair.SignedIn.IsZero() {
		t.Fatalf("%+v", got)
	}
	if d := got.pair.Access.Expires.Sub(w.now()); d < 59*time.Minute || d > time.Hour {
		t.Errorf("the token is good for %s", d)
	}
}

func TestLoginByPasting(t *testing.T) {
	w := newWorld(t)
	a := w.oauth()
	w.ends = 604799
	l, err := a.StartLogin(LoginOptions{Paste: true})
	if err != nil || l.Listens() {
		t.Fatal(err)
	}
	address := returned(t, l.URL)
	if !strings.HasPrefix(address, pastePort) {
		t.Errorf("the browser ends at %s", address)
	}
	pair, err := l.Paste(t.Context(), " <"+address+"> ")
	if err != nil || pair.Refresh.Value.IsZero() || pair.Refresh.Expires.Sub(w.now()).Round(time.Hour) != testingLife {
		t.Fatalf("%v, %s", err, pair.Refresh.Expires)
	}
	if _, err := l.Paste(t.Context(), address); err == nil {
		t.Error("pasted twice")
	}
}

func TestLoginsThatFail(t *testing.T) {
	w := newWorld(t)
	a := w.oauth()
	paste := func(a *OAuth, o LoginOptions, change func(string) string) error {
		t.Helper()
		o.Paste = true
		l, err := a.StartLogin(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Paste(t.Context(), change(returned(t, l.URL)))
		if err == nil {
			t.Error("it succeeds")
			return errors.New("")
		}
		w.clean("a sign-in", err.Error())
		return err
	}
	same := func(s string) string { return s }
	instead := func(reason string) func(string) string {
		return func(s string) string {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			return pastePort + "?error=" + reason + "&state=" + u.Query().Get("state")
		}
	}
	if err := paste(a, LoginOptions{}, instead("access_denied")); !errors.Is(err, token.ErrDenied) {
		t.Errorf("denied: %v", err)
	}
	if err := paste(a, LoginOptions{}, instead("admin_policy_enforced")); As(err) == nil || !strings.Contains(As(err).Fix, "admin.google.com") {
		t.Errorf("an administrator: %v", err)
	}
	if err := paste(a, LoginOptions{}, instead("server_error")); As(err) != nil || !strings.Contains(err.Error(), "server_error") {
		t.Errorf("some reason: %v", err)
	}
	spoilt := func(s string) string { return strings.Replace(s, "invented-code", "made-up-code", 1) }
	if err := paste(a, LoginOptions{}, spoilt); As(err) == nil || As(err).Class != Setup || errors.Is(err, token.ErrReauthorise) || strings.Contains(err.Error(), "made-up") {
		t.Errorf("a code that is none: %v", err)
	}
	wrong := w.oauth(func(o *OAuthOptions) { o.ClientSecret = config.NewSecret(w.hide("wrong-secret")) })
	if err := paste(wrong, LoginOptions{}, same); As(err) == nil || As(err).Setting != "client_secret" {
		t.Errorf("a wrong secret: %v", err)
	}
	// The box on the page was left empty.
	w.mu.Lock()
	w.scope = "openid https://www.googleapis.com/auth/userinfo.email"
	w.mu.Unlock()
	if err := paste(a, LoginOptions{}, same); As(err) == nil || !strings.Contains(As(err).Fix, "tick the box") {
		t.Errorf("without the scope: %v", err)
	}
	for setting, o := range map[string]OAuthOptions{
		"client_id": {}, "token_endpoint": {ClientID: "x", TokenEndpoint: "nowhere"},
	} {
		if _, err := NewOAuth(o); As(err) == nil || As(err).Setting != setting || As(err).Fix == "" {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestTheEndpoints(t *testing.T) {
	for endpoint, want := range map[string][3]string{
		"":                              {"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/auth", "https://oauth2.googleapis.com/device/code"},
		"http://127.0.0.1:1/o/token":    {"http://127.0.0.1:1/o/token", "http://127.0.0.1:1/o/o/oauth2/auth", "http://127.0.0.1:1/o/device/code"},
		"https://google.example.com":    {"https://google.example.com", "https://google.example.com/o/oauth2/auth", "https://google.example.com/device/code"},
		"https://google.example.com/t/": {"https://google.example.com/t/", "https://google.example.com/t/o/oauth2/auth", "https://google.example.com/t/device/code"},
	} {
		a, err := NewOAuth(OAuthOptions{ClientID: "x", TokenEndpoint: endpoint})
		if err != nil {
			t.Fatal(err)
		}
		e := a.conf.Endpoint
		if got := [3]string{e.TokenURL, e.AuthURL, e.DeviceAuthURL}; got != want {
			t.Errorf("%s: %v", endpoint, got)
		}
	}
}

func TestLoginWithADevice(t *testing.T) {
	w := newWorld(t)
	a := w.oauth()
	w.pending = 1
	d, err := a.StartDevice(t.Context(), nil)
	if err != nil || d.Code != "ABCD-EFGH" || d.URL != "https://www.google.com/device" || d.Expires.IsZero() {
		t.Fatalf("%+v, %v", d, err)
	}
	// A failure that passes ends nothing.
	fail := true
	w.breaks(func(rw http.ResponseWriter, r *http.Request) bool {
		if !fail || r.URL.Path != "/token" {
			return false
		}
		fail = false
		rw.WriteHeader(502)
		return true
	})
	pair, err := d.Wait(t.Context())
	if err != nil || pair.Refresh.Value.Reveal() != w.refresh {
		t.Errorf("%v", err)
	}
	if n := w.times("/token"); n != 3 {
		t.Errorf("asked %d times", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := d.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("in vain: %v", err)
	}
	d.said.Expiry = time.Now().Add(-time.Second)
	if _, err := d.Wait(t.Context()); As(err) == nil || As(err).Code != "expired_token" {
		t.Errorf("too late: %v", err)
	}
}

func TestADeviceThatMayNot(t *testing.T) {
	w := newWorld(t)
	a := w.oauth()
	for name, r := range map[string]row{
		"Google's rule":   {status: 400, code: "invalid_scope", words: "Invalid device flow scope: " + Scope, says: "does not let a device", fix: "--paste"},
		"another client":  {status: 401, code: "invalid_client", words: "Invalid client type.", says: "not one for devices", fix: "--paste"},
		"a page":          {status: 502, body: "<html>", says: "fails", fix: "nothing"},
		"no code":         {status: 200, body: `{"device_code":"x","user_code":"a b","verification_url":"https://x"}`, says: "no code", fix: "token_endpoint"},
		"a strange place": {status: 200, body: `{"device_code":"x","user_code":"AB","verification_url":"javascript:x"}`, says: "no code", fix: "token_endpoint"},
	} {
		w.breaks(func(rw http.ResponseWriter, _ *http.Request) bool { r.serve(rw); return true })
		d, err := a.StartDevice(t.Context(), nil)
		if e := As(err); d != nil || e == nil || !strings.Contains(e.Msg, r.says) || !strings.Contains(e.Fix, r.fix) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.breaks(nil)
	d, err := a.StartDevice(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.breaks(func(rw http.ResponseWriter, _ *http.Request) bool {
		refuse(rw, 403, "access_denied", "Forbidden")
		return true
	})
	if _, err := d.Wait(t.Context()); As(err) == nil || As(err).Code != "access_denied" {
		t.Errorf("denied: %v", err)
	}
}
