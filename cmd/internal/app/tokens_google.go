package app

import (
	"context"
	"errors"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/sinks/google"
	"mekong/sinks/token"
)

// GoogleAccount is the account that a Google Sheets sink writes as. Its token is shared
// through store, which may be nil; watch may be nil.
func GoogleAccount(s config.Sheets, store *token.Store, watch func(token.Event)) *google.Account {
	return google.NewAccount(google.AccountOptions{File: s.Credentials, JSON: s.CredentialsJSON, Share: store, OnToken: watch})
}

// GoogleOAuth signs people in with the client of a Google Sheets sink.
func GoogleOAuth(s config.Sheets) (*google.OAuth, error) {
	return google.NewOAuth(google.OAuthOptions{ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenEndpoint: s.TokenEndpoint})
}

// GoogleSession is the name under which the sign-in for a sink is kept in the store of
// tokens.
func GoogleSession(sink string) string { return "google.user." + sink }

// GoogleLogin is the command that signs somebody in for a sink.
func GoogleLogin(sink string) string { return "mekong login google " + sink }

// GoogleIdentity is who a Google Sheets sink writes as, an account or a person, as its
// settings have it. A person's sign-in is in store; without one there is none. watch
// may be nil.
func GoogleIdentity(sink string, s config.Sheets, store *token.Store, watch func(token.Event)) (google.Identity, error) {
	if s.Identity != config.IdentityUser {
		return GoogleAccount(s, store, watch), nil
	}
	if store == nil {
		return nil, errors.New("a person's sign-in needs a place where it is kept, and there is none here")
	}
	oauth, err := GoogleOAuth(s)
	if err != nil {
		return nil, err
	}
	return oauth.Person(store, GoogleSession(sink), GoogleLogin(sink), watch), nil
}

// GoogleIdentities gives the Google Sheets sinks of a process their identities, whose
// tokens are shared with other processes and survive a restart. A renewal that is cut
// off by a stop costs nothing, since a refresh token of Google's is good for another.
func GoogleIdentities(ctx context.Context, b *bus.Bus, dataDir string) (func(sink string, s config.Sheets, watch func(token.Event)) (google.Identity, error), error) {
	store, err := TokenStore(ctx, b, dataDir)
	if err != nil {
		return nil, err
	}
	return func(sink string, s config.Sheets, watch func(token.Event)) (google.Identity, error) {
		return GoogleIdentity(sink, s, store, watch)
	}, nil
}
