package google

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/endpoints"

	"mekong/config"
	"mekong/sinks/token"
)

// OAuthOptions make an [OAuth].
type OAuthOptions struct {
	ClientID     string // of an OAuth client of type desktop app
	ClientSecret config.Secret
	// TokenEndpoint is where tokens are had; "": Google's. The pages of a sign-in are
	// then beside it: o/oauth2/auth and device/code in the place of its last element.
	TokenEndpoint string

	HTTP *http.Client     // whose transport requests for tokens go through; nil: one of its own
	Now  func() time.Time // nil: the real clock
}

// OAuth signs a person in and renews that. It may be used from any number of
// goroutines.
type OAuth struct {
	conf oauth2.Config
	base http.RoundTripper
	now  func() time.Time
}

// NewOAuth makes the calls of a client. Nothing is sent yet.
func NewOAuth(o OAuthOptions) (*OAuth, error) {
	if o.ClientID == "" {
		return nil, &Error{Class: Setup, Setting: "client_id", Msg: "there is no client_id", Fix: desktopClient}
	}
	e := endpoints.Google
	if o.TokenEndpoint != "" {
		u, err := url.Parse(o.TokenEndpoint)
		if err != nil || !web(o.TokenEndpoint) || u.RawQuery != "" {
			return nil, &Error{Class: Setup, Setting: "token_endpoint", Msg: "token_endpoint is no address", Fix: "write one such as " + e.TokenURL + ", or leave it out"}
		}
		at := o.TokenEndpoint[:strings.LastIndexByte(o.TokenEndpoint, '/')]
		if strings.Trim(u.Path, "/") == "" {
			at = strings.TrimRight(o.TokenEndpoint, "/")
		}
		e = oauth2.Endpoint{TokenURL: o.TokenEndpoint, AuthURL: at + "/o/oauth2/auth", DeviceAuthURL: at + "/device/code"}
	}
	// Left to find the style out, the library sends a refused refresh twice
	// (`sinks.md` A6).
	e.AuthStyle = oauth2.AuthStyleInParams
	a := &OAuth{
		conf: oauth2.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Endpoint: e, Scopes: []string{Scope}},
		base: transportOf(o.HTTP), now: o.Now,
	}
	if a.now == nil {
		a.now = time.Now
	}
	return a, nil
}

// Refresh buys the next access token. It is what a [token.Session] exchanges by. A
// refresh token comes along only in the rare case that it was replaced. An error in
// which errors.Is finds [token.ErrReauthorise] is final.
func (a *OAuth) Refresh(ctx context.Context, refresh token.Secret) (token.Pair, error) {
	w := &witness{base: a.base, now: a.now}
	t, err := a.conf.TokenSource(through(ctx, w), &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	if err != nil {
		return token.Pair{}, a.refused(person, w, err)
	}
	return a.pair(t, refresh), nil
}

// through has the library use a client that w watches.
func through(ctx context.Context, w *witness) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, client(w))
}

// pair is what the library made of an answer. used is the refresh token that it was
// bought with, which the library puts in where none came.
func (a *OAuth) pair(t *oauth2.Token, used token.Secret) token.Pair {
	now := a.now()
	p := token.Pair{Access: issued(t.AccessToken, t.Expiry, now)}
	if granted, ok := t.Extra("scope").(string); ok {
		p.Scopes = strings.Fields(granted)
	}
	// Told for an app in Testing, and for consents that the person limited.
	var ends time.Time
	if left, ok := t.Extra("refresh_token_expires_in").(float64); ok && left > 0 {
		ends = now.Add(time.Duration(min(left, 400*24*3600)) * time.Second)
	}
	refresh := token.NewSecret(t.RefreshToken)
	if !refresh.IsZero() && (!refresh.Same(used) || !ends.IsZero()) {
		p.Refresh = token.Token{Value: refresh, Issued: now, Expires: ends}
	}
	return p
}

// refused is why a call brought no token, as a [token.Session] understands it. What may
// pass by itself is not counted: a refresh token is good for any number of attempts.
func (a *OAuth) refused(p party, w *witness, err error) error {
	said := w.heard()
	if said == nil {
		said = answerIn(err)
	}
	var e *Error
	if said != nil {
		e = explain(p, said)
	} else {
		e = silent(err)
	}
	switch {
	case e.Class == Ended && p == person:
		return token.Reauthorise(token.Revoked, e)
	case e.Class == Down && p == person:
		return token.Unsent(e)
	}
	return e
}

// Person is the identity that somebody's sign-in gives, and the provider of its tokens.
type Person struct {
	*token.Session
	id    string
	login string
}

// Person is whoever has signed in under name in store: it is shared with every process
// that has the same. login is the command that signs somebody in; watch may be nil.
func (a *OAuth) Person(store *token.Store, name, login string, watch func(token.Event)) *Person {
	return &Person{
		Session: token.NewSession(token.SessionOptions{
			Store: store, Name: name, Exchange: a.Refresh, Reusable: true, Early: early, Now: a.now, Watch: watch,
		}),
		id: "person/" + a.conf.ClientID, login: login,
	}
}

// Email is "": who it is is not asked for, and a spreadsheet that the person may edit
// need not be shared with anybody.
func (p *Person) Email() string { return "" }

// AccountID tells people apart as far as that is known, which is by the client they
// signed in with: two sign-ins with one client may well be the same person's, and then
// share what Google allows a person per minute.
func (p *Person) AccountID() string { return p.id }

// granted reports what of scopes was not granted: on the consent page each has a box
// of its own. What was granted is told with the token; where it is not, nothing is
// known to be missing.
func granted(p token.Pair, scopes []string) error {
	var missing []string
	for _, s := range scopes {
		if len(p.Scopes) > 0 && !slices.Contains(p.Scopes, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Error{Class: Setup, Msg: "it was agreed to without " + strings.Join(missing, " and "), Fix: "sign in again, and tick the box about your spreadsheets on the page"}
}
