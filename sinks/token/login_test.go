package token

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// consents is a vendor whose page is never opened: the test is the browser.
func consents(t *testing.T, o LoginOptions) (l *Login, redirect string) {
	t.Helper()
	o.Consent = func(r string) (string, string, error) {
		redirect = r
		return "https://vendor.example.com/consent", "invented-state", nil
	}
	if o.Exchange == nil {
		o.Exchange = func(_ context.Context, code string) (Pair, error) {
			return Pair{Access: Token{Value: NewSecret("access for " + code)}}, nil
		}
	}
	l, err := StartLogin(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, redirect
}

func TestLoginOnAFreePort(t *testing.T) {
	for _, path := range []string{"", "/", "/back"} {
		l, redirect := consents(t, LoginOptions{Redirect: "http://127.0.0.1:0" + path})
		u, err := url.Parse(redirect)
		if err != nil || u.Port() == "0" || u.Port() == "" || u.Path != path || !l.Listens() {
			t.Fatalf("%q became %q", path, redirect)
		}
		got := make(chan result, 1)
		go func() {
			pair, err := l.Wait(t.Context())
			got <- result{pair, err}
		}()
		for query, status := range map[string]int{"?state=another&code=x": 400, "?code=x": 400, "?state=invented-state": 400} {
			resp, err := http.Get(redirect + query)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != status {
				t.Errorf("%s: %d", query, resp.StatusCode)
			}
		}
		resp, err := http.Get(redirect + "?state=invented-state&code=abc")
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(page), "Signed in") || strings.Contains(string(page), "abc") {
			t.Errorf("the page is %s (%v)", page, err)
		}
		if r := <-got; r.err != nil || r.pair.Access.Value.Reveal() != "access for abc" {
			t.Errorf("%+v", r)
		}
	}
}

func TestLoginIsRefused(t *testing.T) {
	own := errors.New("the administrator does not allow it")
	refused := func(reason string) error {
		if reason == "admin_policy_enforced" {
			return own
		}
		return nil
	}
	for reason, says := range map[string]string{
		"access_denied": ErrDenied.Error(), "admin_policy_enforced": own.Error(), "server_error": "the page refused: server_error",
		"<b>0900000000": "the page refused", strings.Repeat("a", 61): "the page refused",
	} {
		l, _ := consents(t, LoginOptions{Redirect: "http://127.0.0.1:0/", Paste: true, Refused: refused})
		_, err := l.Paste(t.Context(), "http://127.0.0.1/?state=invented-state&error="+url.QueryEscape(reason))
		if err == nil || err.Error() != says {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestALoginThatCannotBegin(t *testing.T) {
	for name, o := range map[string]LoginOptions{
		"no redirect": {Redirect: "somewhere", Consent: func(string) (string, string, error) { return "https://x/", "s", nil }},
		"no state":    {Redirect: "http://127.0.0.1:0/", Consent: func(string) (string, string, error) { return "https://x/", "", nil }},
		"no page":     {Redirect: "http://127.0.0.1:0/", Consent: func(string) (string, string, error) { return "", "", errors.New("none") }},
	} {
		if l, err := StartLogin(o); err == nil || l != nil {
			t.Errorf("%s: it begins", name)
		}
	}
}
