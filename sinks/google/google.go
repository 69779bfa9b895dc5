// Package google is who we are to Google: an account that is a program's own, or a
// person who has signed in. Both are a [token.Provider] of access tokens for one
// scope, and both say in an operator's words what is wrong with them.
//
// An [Account] is a service account by its key, a workload identity (which has no
// key on disk), or what the machine offers by itself. A [Person] is a sign-in, made by
// [OAuth] in a browser, or in one elsewhere, and kept in a [token.Store] that
// processes share. How a token is asked for is Google's own libraries' business
// (cloud.google.com/go/auth, golang.org/x/oauth2): they sign, they read the
// environment, they speak to the metadata server. That a token is fetched once for
// all callers, ahead of its end and again when it was refused, is sinks/token's: the
// libraries repeat nothing and go on with a token that a server has refused
// (`sinks.md` A6).
//
// No error, finding or event of this package holds a token, a key, an assertion or an
// address, and of an answer's text only identifiers and plain words: see [Error].
//
// It knows no spreadsheet, no record and no quota, and it does not know where a
// sign-in is kept.
package google

import (
	"context"
	"net/http"
	"time"

	"mekong/pipeline"
	"mekong/sinks/token"
)

// Scope is all that is asked for: to read and write the spreadsheets that are shared
// with the account, or that the person may open. The client's own default would ask
// for the whole Drive (`sinks.md` A6).
const Scope = "https://www.googleapis.com/auth/spreadsheets"

// Identity is who a sink is to Google: an [Account] or a [Person]. What it returns
// beside tokens is for people, and for sinks that share one.
type Identity interface {
	token.Provider
	// Status tells how the token stands.
	Status() token.Status
	// Email is whom a spreadsheet is to be shared with, "" where that is not known.
	Email() string
	// AccountID tells identities apart, without a secret: those with the same one
	// share what Google allows per minute.
	AccountID() string
	// Findings says how the identity stands, under the path of the sink's block. It
	// only reads, and gets a token to know.
	Findings(ctx context.Context, setting string) []pipeline.Finding
}

var _, _ Identity = (*Account)(nil), (*Person)(nil)

// Where an operator goes.
const (
	accountsPage    = "https://console.cloud.google.com/iam-admin/serviceaccounts"
	clientsPage     = "https://console.cloud.google.com/auth/clients"
	audiencePage    = "https://console.cloud.google.com/auth/audience"
	poolsPage       = "https://console.cloud.google.com/iam-admin/workload-identity-pools"
	permissionsPage = "https://myaccount.google.com/permissions"
	statusPage      = "https://status.cloud.google.com"
)

// early is how long before its end an account's token is replaced. With the quarter
// that [token.Cache] spreads it over it stays below five minutes, before which the
// metadata server hands out the same token again.
const early = 3*time.Minute + 45*time.Second

// callLimit is for one request at a token endpoint.
const callLimit = 20 * time.Second

// transportOf is what requests for tokens go through, nil for one of its own.
func transportOf(h *http.Client) http.RoundTripper {
	if h != nil && h.Transport != nil {
		return h.Transport
	}
	tr, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	tr = tr.Clone()
	tr.MaxIdleConnsPerHost = 2
	return tr
}

// client is a client for one fetch, whose answers w looks at. It follows no redirect:
// one would carry a key's signature, or a secret, to where nobody has sent it.
func client(w *witness) *http.Client {
	return &http.Client{
		Transport: w, Timeout: callLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
