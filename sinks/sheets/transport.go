package sheets

import (
	"errors"
	"io"
	"net/http"
	"time"

	"mekong/sinks/token"
)

const (
	// maxAnswer is the largest answer that is read: the keys of a million rows.
	maxAnswer = 96 << 20
	// callTimeout ends a call that is not answered. Google itself gives up after
	// 180 s; what is carried out after we have gone is found by its fence.
	callTimeout = 100 * time.Second
)

var (
	errTooLong = errors.New("the answer is longer than any that is expected")
	errNoToken = errors.New("no access token")
)

// tokenError is a failure to get a token, which is before anything was sent.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return errNoToken.Error() + ": " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// transport puts the token on a call, and tries once more with another one when the
// first is refused.
type transport struct {
	base   http.RoundTripper
	tokens token.Provider
	date   func(server, sent, got time.Time) // told what the server's clock says
	now    func() time.Time
}

// RoundTrip sends r, whose body can be had twice: the official client's are.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }() // it is sent from GetBody
	}
	for try := 0; ; try++ {
		tok, err := t.tokens.Token(r.Context())
		if err != nil {
			return nil, &tokenError{err}
		}
		out := r.Clone(r.Context())
		if r.Body != nil && r.Body != http.NoBody {
			if r.GetBody == nil {
				return nil, errors.New("the body cannot be sent twice")
			}
			if out.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		out.Header.Set("Authorization", "Bearer "+tok.Value.Reveal())
		sent := t.now()
		resp, err := t.base.RoundTrip(out)
		if err != nil {
			return nil, err
		}
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil && t.date != nil {
			t.date(at, sent, t.now())
		}
		if resp.StatusCode == http.StatusUnauthorized {
			t.tokens.Refused(tok)
			if try == 0 {
				_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
				_ = resp.Body.Close()
				continue
			}
		}
		resp.Body = &bounded{resp.Body, maxAnswer}
		return resp, nil
	}
}

// bounded is a body that fails when it is too long.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
