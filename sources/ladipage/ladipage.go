// Package ladipage receives form submissions from LadiPage landing pages, from
// the visitor's browser and from LadiPage's servers alike.
//
// It verifies where a submission is from, gives it an ID, and frames it byte for
// byte as one Raw of format [Format]. It refuses nothing for what a lead holds:
// a bad phone, a missing name or a broken encoding is the transform's to flag.
//
// LadiPage signs nothing and sends no delivery ID (`sources.md` §0), so proof is
// a fixed token in a header or in the URL, and the ID comes from the content;
// see [Receiver.Receive].
//
// It does not know what a field means to a business (transform), nor the HTTP
// around a request (sources/intake).
package ladipage

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/form"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// Format is what a Raw of this package says its body is.
const Format = "ladipage.form"

// remembered is how many submissions a source recognises across the edge of
// two windows, about 10 MB when full.
const remembered = 100_000

// Receiver is the dialect of one configured source. It may be used from any
// number of goroutines at once.
type Receiver struct {
	name   string
	path   string
	tokens tokens
	limits *limits // nil: no limit
	window *identity.Window
	now    func() time.Time
}

// New makes the receiver of the source called name. c has its defaults filled
// and its rules checked. With no token anybody who knows the path gets in. A
// rate of 0 is no limit. now tells the time; nil means [time.Now].
func New(name string, c config.LadiPage, now func() time.Time) (*Receiver, error) {
	if name == "" {
		return nil, errors.New("a source has a name")
	}
	if c.Window <= 0 {
		return nil, fmt.Errorf("source %q: window must be longer than 0", name)
	}
	if c.Rate < 0 {
		return nil, fmt.Errorf("source %q: rate must not be negative", name)
	}
	if now == nil {
		now = time.Now
	}
	r := &Receiver{
		name:   name,
		path:   c.Path,
		tokens: newTokens(append([]config.Secret{c.Token}, c.Tokens...)),
		window: identity.New(c.Window, remembered),
		now:    now,
	}
	if c.Rate > 0 {
		r.limits = newLimits(c.Rate)
	}
	return r, nil
}

// Headers are the request headers a page may send beside Content-Type, for the
// browser's preflight.
func Headers() []string {
	return append([]string{"Idempotency-Key"}, tokenHeaders...)
}

// Warm tells the receiver of a delivery that it took before a restart, so that
// its repeat is known; see [identity.Window.Warm].
func (r *Receiver) Warm(id string, received time.Time) { r.window.Warm(id, received) }

// Receive frames body as one Raw. The answer is the door's own.
//
// The ID is a hash of what was submitted, without time and tracking fields,
// within the configured window: a double click, a visitor's second try after an
// error and LadiPage's own repeats are one delivery, while a capture and the
// submit that follows, or an OTP form before and after verification, differ in
// their state fields and are two. Where the sender gives an ID of its own
// (submission_id, event_id, message_id, or an Idempotency-Key header), that and
// the content identify the delivery, for ever and without a window. The content
// stays part of it because a page can send the same ID with every lead: its
// headers are fixed when it is published, and LadiPage may use one event_id for
// the capture and the submit of a form (`sources.md` §1.3, §1.4).
//
// A refusal ([request.AsRefusal]) comes with the Raw it is about, for keeping.
func (r *Receiver) Receive(req *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
	now := r.now().UTC()
	raw := pipeline.Raw{
		Source:   r.name,
		Format:   Format,
		Received: now,
		Meta:     request.Meta(req, r.path),
		Body:     body,
	}
	if !r.tokens.admit(req, r.path) {
		raw.ID = r.bodyID(body)
		return []pipeline.Raw{raw}, nil, errToken
	}
	p, err := form.Parse(raw.Meta[request.ContentType], body)
	if err != nil {
		raw.ID = r.bodyID(body)
		return []pipeline.Raw{raw}, nil, request.Malformed(
			"This is not a form submission (" + err.Error() + "): send fields as x-www-form-urlencoded, multipart/form-data or JSON.")
	}
	raw.ID = r.id(req, p, now)
	if r.limits != nil {
		id, page := formOf(p, raw.Meta)
		if wait, ok := r.limits.admit(id, page, now); !ok {
			return []pipeline.Raw{raw}, nil, request.TooMany(
				"This form is sending faster than its limit allows; wait and send again, or raise the source's rate setting.", wait)
		}
	}
	return []pipeline.Raw{raw}, nil, nil
}

var errToken = request.Unauthorized(
	`The token is missing or is not one of this source's: set it as API Request Header, {"token": "…"}, or as the last part of the URL, and publish the page again.`)
