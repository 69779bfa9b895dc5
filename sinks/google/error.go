package google

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"time"

	"mekong/pipeline"
	"mekong/sinks/token"
)

// Class says who can mend a failure.
type Class string

// The classes. None is a record's fault.
const (
	Down  Class = "down"  // Google, or the line to it: it passes by itself
	Setup Class = "setup" // the credentials, or what they are allowed
	Clock Class = "clock" // this machine's
	Ended Class = "ended" // a person's sign-in: somebody has to sign in again
)

// Error is why there is no token. Its text is this package's own but for identifiers
// and a description of plain words: what goes to a token endpoint is a secret, and
// what comes back may quote it.
type Error struct {
	Class   Class
	Code    string // the endpoint's, such as invalid_grant; "": none was given
	HTTP    int    // status; 0: no answer
	Setting string // the one to look at, below the sink's block; "": none in particular
	Msg     string
	Fix     string        // what the operator does about it
	Said    string        // the endpoint's description, where it is harmless
	Skew    time.Duration // Google's clock less ours, where it was told and is far off
	Wait    time.Duration // how long it should be left alone; 0: it does not say

	cause error // a context's, or a token provider's: harmless text
}

// Error says what is wrong and what the endpoint called it.
func (e *Error) Error() string {
	s := "google: " + e.Msg
	note := e.Code
	if e.HTTP != 0 && (e.Code == "" || e.HTTP >= 500) {
		if note != "" {
			note += ", "
		}
		note += fmt.Sprintf("HTTP %d", e.HTTP)
	}
	if e.Said != "" {
		if note != "" {
			note += ": "
		}
		note += e.Said
	}
	if note != "" {
		s += " (" + note + ")"
	}
	return s
}

// Unwrap gives the context's error, and a token provider's.
func (e *Error) Unwrap() error { return e.cause }

// As returns the [Error] in err, nil if there is none.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Verdict is err, which came from a provider of this package or from one of Google's
// clients for want of a token, as the worker understands it: [pipeline.Hold], with
// nothing in it that is not to be seen. A call that was given up by who made it stays
// [context.Canceled]. Verdict(nil) is nil.
func Verdict(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) && As(err) == nil {
		return context.Canceled
	}
	e := Classify(err)
	return pipeline.Hold(e, e.Wait)
}

// Classify finds out what err means, however deep it is wrapped: an [Error] itself,
// one of sinks/token's, or what Google's libraries return (`sinks.md` A6), all of
// which may stand in a [url.Error] with the address of the call.
func Classify(err error) *Error {
	// First, since it may hold an Error of an earlier time.
	var broken *token.BrokenError
	if errors.As(err, &broken) {
		e := &Error{Class: Ended, Msg: broken.Error(), cause: broken}
		if inner := As(broken.Err); inner != nil {
			e.Code, e.HTTP, e.Fix = inner.Code, inner.HTTP, inner.Fix
		}
		return e
	}
	if e := As(err); e != nil {
		if wait := token.Wait(err); wait > 0 && e.Wait == 0 {
			own := *e
			own.Wait = wait
			return &own
		}
		return e
	}
	for _, known := range []error{token.ErrStorm, token.ErrRefusedAgain, token.ErrLeased} {
		if errors.Is(err, known) {
			return waiting(known, token.Wait(err))
		}
	}
	if a := answerIn(err); a != nil {
		return explain(anybody, a)
	}
	return silent(err)
}

// waiting is for what sinks/token says about a token that it does not ask for.
func waiting(known error, wait time.Duration) *Error {
	e := &Error{Class: Setup, Msg: "there is no token: " + known.Error(), Wait: wait, cause: known}
	switch known {
	case token.ErrLeased:
		e.Class, e.Fix = Down, "nothing: it is tried again by itself"
	default:
		e.Fix = "see that the credentials are allowed what is asked for, and that endpoint: leads to Google; it is tried again by itself"
	}
	return e
}

// silent is for failures without an answer.
func silent(err error) *Error {
	e := &Error{Class: Down, Msg: "no answer came from Google", Wait: 5 * time.Second, Fix: reach}
	var (
		address  *url.Error
		resolve  *net.DNSError
		path     *fs.PathError
		expired  x509.CertificateInvalidError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		timeout  interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Msg = "no answer came from Google in time"
		if errors.Is(err, context.DeadlineExceeded) {
			e.cause = context.DeadlineExceeded
		}
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		e.Class, e.Msg, e.Fix = Clock, "the certificate of Google's server is not good at this time", "see that this machine's clock is right, and that nothing stands between it and Google"
	case errors.As(err, &unknown), errors.As(err, &hostname):
		e.Class, e.Msg, e.Fix = Setup, "the server in Google's place has a certificate that is not trusted", "a proxy that opens connections stands in between: add its certificate to this machine's trusted ones, or let it pass googleapis.com"
	case errors.As(err, &resolve):
		e.Msg = "the name of Google's server cannot be looked up"
	case errors.As(err, &address):
		e.Msg = "Google cannot be reached"
	case errors.As(err, &path):
		e.Class, e.Wait, e.Setting = Setup, 0, "credentials"
		e.Msg = "a file that the credentials name cannot be read: " + reasonOf(path)
		e.Fix = "see that it is there and that the user mekong runs as may read it"
	default:
		e.Msg, e.Said = noToken, plain(err.Error())
	}
	return e
}

const noToken = "there is no token"

const reach = "nothing: it is tried again by itself; when it lasts, see that this machine reaches oauth2.googleapis.com, and " + statusPage

// reasonOf is why a file could not be opened, without its path.
func reasonOf(err *fs.PathError) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not"
	}
	return err.Err.Error()
}
