package google

import (
	"context"
	"crypto/rand"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"mekong/sinks/token"
)

// The ways back from the consent page. A desktop client's may be any port of this
// machine, and need not be registered.
const (
	anyPort   = "http://127.0.0.1:0/"
	pastePort = "http://127.0.0.1:18766/" // where nothing listens
)

// LoginOptions shape a sign-in.
type LoginOptions struct {
	// Redirect is the way back, "" for a free port of this machine.
	Redirect string
	// Paste opens no listener: the person opens the page elsewhere, and pastes the
	// address that the browser ends up with.
	Paste  bool
	Scopes []string // none: [Scope]
}

// StartLogin begins a sign-in in a browser. Close it in any case.
func (a *OAuth) StartLogin(o LoginOptions) (*token.Login, error) {
	conf := a.asking(o.Scopes)
	verifier := oauth2.GenerateVerifier()
	if o.Redirect == "" {
		o.Redirect = anyPort
		if o.Paste {
			o.Redirect = pastePort
		}
	}
	return token.StartLogin(token.LoginOptions{
		Redirect: o.Redirect, Paste: o.Paste,
		Consent: func(redirect string) (page, state string, err error) {
			conf.RedirectURL, state = redirect, rand.Text()
			// Only with both, the page gives a refresh token each time.
			return conf.AuthCodeURL(state, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"), oauth2.S256ChallengeOption(verifier)), state, nil
		},
		Exchange: func(ctx context.Context, code string) (token.Pair, error) {
			w := &witness{base: a.base, now: a.now}
			t, err := conf.Exchange(through(ctx, w), code, oauth2.VerifierOption(verifier))
			if err != nil {
				return token.Pair{}, a.refused(login, w, err)
			}
			return a.signedIn(t, conf.Scopes)
		},
		Refused: func(reason string) error {
			switch reason {
			case "admin_policy_enforced", "org_internal", "redirect_uri_mismatch", "invalid_scope", "invalid_client", "deleted_client", "disabled_client", "unauthorized_client":
				return explain(login, &answer{code: reason})
			}
			return nil
		},
	})
}

// asking is the client's configuration for a sign-in.
func (a *OAuth) asking(scopes []string) oauth2.Config {
	conf := a.conf
	if len(scopes) > 0 {
		conf.Scopes = scopes
	}
	return conf
}

func (a *OAuth) signedIn(t *oauth2.Token, scopes []string) (token.Pair, error) {
	p := a.pair(t, token.Secret{})
	p.SignedIn = a.now()
	return p, granted(p, scopes)
}

// Device is a sign-in under way for a machine without a browser: the person opens URL
// anywhere and enters Code.
type Device struct {
	URL, Code string
	Expires   time.Time

	a    *OAuth
	conf oauth2.Config
	said *oauth2.DeviceAuthResponse
}

// StartDevice begins a sign-in by a code. Google allows it to clients of type "TVs and
// limited input devices" and for few scopes, at the time of writing not for
// spreadsheets; the error then says which way to take instead.
func (a *OAuth) StartDevice(ctx context.Context, scopes []string) (*Device, error) {
	conf := a.asking(scopes)
	w := &witness{base: a.base, now: a.now}
	said, err := conf.DeviceAuth(through(ctx, w))
	if err != nil {
		return nil, a.refused(device, w, err)
	}
	u, err := url.Parse(said.VerificationURI)
	if err != nil || !web(said.VerificationURI) || said.DeviceCode == "" || identifier(said.UserCode) == "" {
		return nil, &Error{Class: Setup, Setting: "token_endpoint", Msg: "what came is no code to sign in with", Fix: "correct token_endpoint, or leave it out"}
	}
	if said.Interval < 1 || said.Interval > 60 {
		said.Interval = 5
	}
	return &Device{URL: u.String(), Code: said.UserCode, Expires: said.Expiry, a: a, conf: conf, said: said}, nil
}

// Wait asks, as often as it was told to, until somebody has entered the code, it
// expired, or ctx ends.
func (d *Device) Wait(ctx context.Context) (token.Pair, error) {
	for {
		w := &witness{base: d.a.base, now: d.a.now}
		t, err := d.conf.DeviceAccessToken(through(ctx, w), d.said)
		switch {
		case err == nil:
			return d.a.signedIn(t, d.conf.Scopes)
		case ctx.Err() != nil:
			return token.Pair{}, ctx.Err()
		case !d.said.Expiry.IsZero() && !time.Now().Before(d.said.Expiry):
			return token.Pair{}, explain(device, &answer{code: "expired_token"})
		}
		e := As(d.a.refused(device, w, err))
		if e.Class != Down {
			return token.Pair{}, e
		}
		// A failure that passes ends no sign-in; the library waits before it asks.
	}
}
