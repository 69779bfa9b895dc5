package google

import (
	"errors"
	"net/http"

	"mekong/sinks/token"
)

// Transport puts p's token on every request. Where the answer is 401, which means that
// nothing was carried out (`sinks.md` A4), it says so to p and asks once more with a
// newer token; the second answer is the answer. Google's own clients never do
// (`sinks.md` A6).
//
// A request is sent nowhere but where its user sent it: a redirect is an error, since
// the token would go along. Without a token the error is a [Verdict]. A request whose
// body cannot be had a second time is not repeated.
func Transport(base http.RoundTripper, p token.Provider) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &bearer{base, p}
}

type bearer struct {
	base   http.RoundTripper
	tokens token.Provider
}

var errElsewhere = errors.New("the API sends us elsewhere, which it never does: see endpoint")

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Response != nil { // it comes from a redirect
		closeBody(r)
		return nil, errElsewhere
	}
	t, err := b.tokens.Token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, Verdict(err)
	}
	resp, err := b.send(r, t)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	b.tokens.Refused(t)
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return resp, nil
	}
	next, err := b.tokens.Token(r.Context())
	if err != nil || next.Same(t) {
		return resp, nil // the refusal says more
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return resp, nil
		}
	}
	_ = resp.Body.Close()
	return b.send(again, next)
}

func (b *bearer) send(r *http.Request, t token.Token) (*http.Response, error) {
	own := r.Clone(r.Context())
	own.Header.Set("Authorization", "Bearer "+t.Value.Reveal())
	return b.base.RoundTrip(own)
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
