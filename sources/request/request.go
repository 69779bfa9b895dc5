// Package request is what the HTTP door and its dialects agree upon: which facts
// of a request are worth keeping, and how a dialect turns one away.
//
// The door (sources/intake) and the dialects (sources/ladipage, …) do not import
// each other; both import this. It does not know any vendor, nor how an answer
// is written.
package request

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// The keys of [Meta].
const (
	ContentType = "content_type"
	Origin      = "origin"     // the page's origin, from a browser
	Referer     = "referer"    // may hold what a visitor typed on an earlier page
	UserAgent   = "user_agent" //
	ClientIP    = "client_ip"  // see [Meta]
	Path        = "path"       // the configured path, never what follows it
)

// maxFact is the longest fact kept, in bytes.
const maxFact = 2048

// Meta returns the facts of r that are kept with a delivery. Facts that are
// missing are left out, long ones are cut. No header that could hold a token is
// among them, nor the URL.
//
// Behind the door, r.RemoteAddr is the client's address without a port: the
// door has already looked through the proxies that are trusted.
func Meta(r *http.Request, path string) map[string]string {
	m := make(map[string]string, 6)
	put := func(key, value string) {
		if value != "" {
			m[key] = cut(value)
		}
	}
	put(ContentType, first(r.Header, "Content-Type"))
	put(Origin, first(r.Header, "Origin"))
	put(Referer, first(r.Header, "Referer"))
	put(UserAgent, first(r.Header, "User-Agent"))
	put(ClientIP, r.RemoteAddr)
	put(Path, path)
	return m
}

// first is Header.Get for a name in canonical form.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// cut keeps the head of a long fact, and only valid text.
func cut(s string) string {
	if len(s) > maxFact {
		s = s[:maxFact]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Refusal is why a dialect turns a request away. Its text goes to the sender: it
// is a sentence that names the fix, and holds nothing that was sent.
type Refusal struct {
	Status int           // of the answer
	Cause  string        // one word for metrics, logs and the kept request, e.g. "unauthorized"
	Fix    string        // the sentence
	Wait   time.Duration // when to come back; 0: not said
}

func (r *Refusal) Error() string { return r.Fix }

// Causes of refusals, as the door counts and keeps them.
const (
	CauseUnauthorized = "unauthorized"
	CauseMalformed    = "malformed"
	CauseTooMany      = "too_many"
)

// Unauthorized is the refusal of a request that did not prove where it is from.
func Unauthorized(fix string) error {
	return &Refusal{Status: http.StatusUnauthorized, Cause: CauseUnauthorized, Fix: fix}
}

// Malformed is the refusal of a body that could not be understood at all.
func Malformed(fix string) error {
	return &Refusal{Status: http.StatusBadRequest, Cause: CauseMalformed, Fix: fix}
}

// TooMany is the refusal of a request beyond a bound on how many may come.
func TooMany(fix string, wait time.Duration) error {
	return &Refusal{Status: http.StatusTooManyRequests, Cause: CauseTooMany, Fix: fix, Wait: wait}
}

// AsRefusal returns the refusal in err, nil when there is none.
func AsRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}
