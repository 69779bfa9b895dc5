package token

import (
	"errors"
	"time"
)

// ErrReauthorise means that a session cannot be renewed by any program: somebody
// has to sign in again. It is found with errors.Is in what [Session] returns;
// [BrokenError] says why.
var ErrReauthorise = errors.New("somebody has to sign in again")

// ErrRefusedAgain means that the server refused a token and, asked for another
// one, handed out the same again. Nothing is sent with it for a moment, so that a
// server which contradicts itself is not met with a loop.
var ErrRefusedAgain = errors.New("the server refused the token, and hands out the same one again")

// ErrStorm means that a credential was replaced so often in a short time that
// something must be refusing every new one. It is left alone for a while.
var ErrStorm = errors.New("the token was replaced too often in a short time; something refuses every new one")

// ErrLeased means that another process holds the lease and did not finish in time.
var ErrLeased = errors.New("another process is renewing the session and has not finished")

// Reason is why a session is broken.
type Reason string

// The reasons. Each is a half-sentence for an operator.
const (
	NotSignedIn Reason = "nobody has signed in yet"
	NoRenewal   Reason = "the sign-in brought no refresh token, so it ended with its access token"
	Expired     Reason = "the refresh token is past its end: the sign-in was not used for too long"
	Revoked     Reason = "the sign-in was revoked"
	Burnt       Reason = "the refresh token was already used by somebody else"
	LostAnswer  Reason = "a process stopped, or lost its connection, between exchanging the refresh token and saving the new one"
	Unreadable  Reason = "the saved sign-in cannot be read with this key"
)

// BrokenError says that, and why, somebody has to sign in again. errors.Is finds
// [ErrReauthorise] in it.
type BrokenError struct {
	Why   Reason
	Since time.Time // zero: not known
	Err   error     // what the vendor or the store said; may be nil
}

// Error gives the reason and the cause, neither of which holds a token.
func (e *BrokenError) Error() string {
	s := ErrReauthorise.Error() + ": " + string(e.Why)
	if !e.Since.IsZero() {
		s += " (" + e.Since.UTC().Format(time.RFC3339) + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is makes every broken session an [ErrReauthorise].
func (e *BrokenError) Is(target error) bool { return target == ErrReauthorise }

func (e *BrokenError) Unwrap() error { return e.Err }

// Reauthorise is what an exchange function returns when the vendor says that the
// refresh token is no longer good, as against a failure that may pass.
func Reauthorise(why Reason, err error) error { return &BrokenError{Why: why, Err: err} }

// unsentError marks a failure before anything reached the vendor.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// Unsent is what an exchange function returns when the refresh token surely never
// reached the vendor: the attempt then leaves no mark and is not counted.
func Unsent(err error) error { return &unsentError{err} }

// waitError carries the provider's own idea of when to ask again.
type waitError struct {
	err  error
	wait time.Duration
}

func (e *waitError) Error() string { return e.err.Error() }
func (e *waitError) Unwrap() error { return e.err }

// Wait is how long a provider that returned err would wait before it is asked
// again; 0: it does not say.
func Wait(err error) time.Duration {
	var w *waitError
	if errors.As(err, &w) {
		return w.wait
	}
	return 0
}
