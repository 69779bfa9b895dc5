package lark

import (
	"context"

	"mekong/sinks/token"
)

// DefaultRedirect is the address that is to be registered with the app (developer
// console, Security Settings, Redirect URLs), letter by letter.
const DefaultRedirect = "http://127.0.0.1:18765/lark/callback"

// defaultScopes are what a sign-in asks for: everything about Bases, and to be renewed.
var defaultScopes = []string{"bitable:app", offline}

// LoginOptions shape a sign-in.
type LoginOptions struct {
	Redirect string   // "": DefaultRedirect
	Scopes   []string // none: bitable:app; offline_access is added
	// Paste opens no listener: on a machine without a browser, the person opens the
	// page elsewhere and pastes the address that the browser ends up with, which
	// leads nowhere there.
	Paste bool
}

// Login is a sign-in under way, as [token.Login] has it.
type Login struct {
	*token.Login
	consent Consent
}

// ErrDenied means that the person did not consent.
var ErrDenied = token.ErrDenied

// StartLogin begins a sign-in, and opens a listener for the browser's return if the
// redirect leads to this machine. Close it in any case.
func (a *OAuth) StartLogin(o LoginOptions) (*Login, error) {
	if o.Redirect == "" {
		o.Redirect = DefaultRedirect
	}
	if len(o.Scopes) == 0 {
		o.Scopes = defaultScopes
	}
	l := &Login{}
	login, err := token.StartLogin(token.LoginOptions{
		Redirect: o.Redirect, Paste: o.Paste,
		Consent: func(redirect string) (page, state string, err error) {
			l.consent, err = a.Consent(redirect, o.Scopes)
			return l.consent.URL, l.consent.State, err
		},
		Exchange: func(ctx context.Context, code string) (token.Pair, error) { return a.Exchange(ctx, l.consent, code) },
	})
	if err != nil {
		return nil, err
	}
	l.Login = login
	return l, nil
}
