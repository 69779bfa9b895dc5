// Package token hands out credentials that expire, and replaces them before they
// do. It knows no vendor: how a token is fetched or exchanged is a function that
// its user brings.
//
// There are two providers. [Cached] is for a token that can be fetched anew at any
// time (Lark's tenant token, a service account's): one fetch for any number of
// callers, ahead of expiry, dropped when the server refuses it. [Session] is for
// one that is renewed with a refresh token (a user's consent): renewed under a
// lease, by one process of all, and saved before it is used. [Login] is how a person
// gives that consent in a browser, whoever asks for it.
//
// What several processes share is in a [Store]: two small tables, [Table], whose
// writes carry the revision they build on. The bus has such a table; the adapter
// is the application's and translates its two errors to [ErrAbsent] and
// [ErrChanged]. Every value in a store is encrypted with a [Key] that is not in
// the store.
//
// A fetch or an exchange that was begun is never cut off because the caller that
// happened to begin it went away: others wait for it too, and an exchange that
// stops half-way costs the session. It therefore runs beside its callers, with a
// time limit of its own. Nothing else here starts a goroutine but [Login.Wait], which
// ends its own, and nothing sleeps but a process that waits for another one's lease.
//
// Tokens never appear in an error, an [Event] or a [Status].
package token

import (
	"context"
	"time"
)

// Token is one credential and when it ends.
type Token struct {
	Value   Secret
	Issued  time.Time
	Expires time.Time // zero: it does not say
}

// Valid reports whether there is a value and now is before its end.
func (t Token) Valid(now time.Time) bool {
	return !t.Value.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// Same reports whether both are the same value.
func (t Token) Same(o Token) bool { return t.Value.Same(o.Value) }

// Provider is where a vendor's client gets its token, once per call.
//
// The client asks for a token, sends, and where the server refuses the token calls
// Refused with it and asks once more; a second refusal is the destination's fault.
// Both methods may be called from any number of goroutines at once.
type Provider interface {
	// Token returns a token that is believed good. After an error nothing should
	// be sent; [Wait] tells how long the provider itself would wait.
	Token(ctx context.Context) (Token, error)
	// Refused says that the server would not accept t. Only that value is
	// dropped: when a newer one is there already, it is left alone.
	Refused(t Token)
}

// Fixed is a token that somebody else looks after: a static one, or one in a
// test. A refusal changes nothing.
type Fixed Token

// Token returns the token itself.
func (f Fixed) Token(context.Context) (Token, error) { return Token(f), nil }

// Refused does nothing: there is no other token.
func (f Fixed) Refused(Token) {}

// Event is what happened to a credential, for metrics and logs. It holds no token.
type Event struct {
	What    What
	Expires time.Time // of the token now held; zero when it is not known
	Err     error     // of Failed and Broken
}

// What is the kind of an [Event].
type What string

// The kinds of event.
const (
	Fetched What = "fetched" // a new token came from the vendor
	Shared  What = "shared"  // a new token came from another process, through the store
	Dropped What = "dropped" // the server refused the token in hand
	Failed  What = "failed"  // no new token could be had; it is tried again
	Broken  What = "broken"  // somebody has to sign in again
)

// Status is how a credential stands.
type Status struct {
	Issued  time.Time // of the token in hand; zero: there is none
	Expires time.Time // its end
	Err     error     // why the last attempt to get a newer one failed; nil: it did not
	Fetches int       // attempts at the vendor since the process started, failed ones too
	Refused int       // refusals by the server since then
}
