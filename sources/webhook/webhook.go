// Package webhook receives what any other system posts: JSON, a form or multipart.
//
// How a sender proves itself and names its deliveries is a preset's or the
// configuration's to say (`sources.md` §2): a signature (HMAC), Standard Webhooks, a
// fixed token, a login, or Zalo's hash. Everything that is set must hold, is compared
// in a time that says nothing about the right answer, and is looked at over the bytes
// that arrived. A signed time that is too far from now makes a request late.
//
// A body is one Raw, byte for byte, or where a list fans out each of its items is
// one; see [Receiver.Receive] for their IDs. A bad phone or a missing name is the
// transform's to flag.
//
// It does not know what a field means (transform), nor the HTTP around a request
// (sources/intake).
package webhook

import (
	"crypto/sha256"
	"crypto/subtle"
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
const Format = "webhook.json"

// The keys of a Raw's Meta beside those of package request.
const (
	MetaPreset = "preset"
	MetaTopic  = "topic" // what haravan says that a delivery is about
)

// remembered is how many deliveries a source recognises across the edge of two
// windows, about 10 MB when full.
const remembered = 100_000

// Receiver is the dialect of one configured source. It may be used from any number
// of goroutines at once.
type Receiver struct {
	name   string
	conf   config.WebhookSource
	proofs []proof
	window *identity.Window
	now    func() time.Time
}

// New makes the receiver of the source called name. c has its defaults filled and its
// rules checked. now tells the time; nil means [time.Now].
func New(name string, c config.WebhookSource, now func() time.Time) (*Receiver, error) {
	if name == "" {
		return nil, errors.New("a source has a name")
	}
	if c.Window <= 0 {
		return nil, fmt.Errorf("source %q: window must be longer than 0", name)
	}
	if now == nil {
		now = time.Now
	}
	r := &Receiver{name: name, conf: c, window: identity.New(c.Window, remembered), now: now}
	var err error
	if r.proofs, err = newProofs(c); err != nil {
		return nil, fmt.Errorf("source %q: %w", name, err)
	}
	if len(r.proofs) == 0 && !c.Verify.Nobody {
		return nil, fmt.Errorf("source %q: nothing says how a sender proves itself", name)
	}
	return r, nil
}

// Headers are the request headers a page may send beside Content-Type, for the
// browser's preflight.
func (r *Receiver) Headers() []string {
	list := append([]string{"Idempotency-Key"}, tokenHeaders...)
	for _, h := range []string{r.conf.Verify.Token.Header, r.conf.Verify.HMAC.Header, r.conf.Verify.HMAC.Timestamp, r.conf.ID.Header} {
		if h != "" {
			list = append(list, h)
		}
	}
	return list
}

// Warm tells the receiver of a delivery that it took before a restart, so that its
// repeat is known; see [identity.Window.Warm].
func (r *Receiver) Warm(id string, received time.Time) { r.window.Warm(id, received) }

// Receive checks who sent body and frames it, or each item of the list in it. The
// answer is the door's own.
//
// What names a delivery, the first that is there: the configured header or path; the
// webhook-id of Standard Webhooks; what the preset knows: facebook's leadgen_id and
// message mid, zalo's msg_id, pancake's message id with the kind of event, haravan's
// topic with the content, a Google Form's response id with the content (an edited
// response is another delivery); an Idempotency-Key with the content. Otherwise the
// content within the window, without the time of sending. The items of a list without
// a name of their own are named by their content and, of several that are the same,
// their number.
//
// A refusal ([request.AsRefusal]) comes with the Raw it is about, for keeping.
func (r *Receiver) Receive(req *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
	raw := pipeline.Raw{
		ID: identity.Hashed(r.name, sha256.Sum256(body)), Source: r.name, Format: Format, Received: r.now().UTC(),
		Meta: request.Meta(req, r.conf.Path), Body: withoutSecret(r.conf.Preset, body),
	}
	if r.conf.Preset != "" {
		raw.Meta[MetaPreset] = r.conf.Preset
	}
	if topic := req.Header.Get("X-Haravan-Topic"); r.conf.Preset == "haravan" && len(topic) <= 200 {
		raw.Meta[MetaTopic] = topic
	}
	in := &incoming{req: req, body: body, path: r.conf.Path, contentType: raw.Meta[request.ContentType]}
	for _, p := range r.proofs {
		if err := p(in, raw.Received); err != nil {
			return []pipeline.Raw{raw}, nil, err
		}
	}
	if err := in.parse(); err != nil {
		return []pipeline.Raw{raw}, nil, request.Malformed("There is nothing to understand here (" + err.Error() + "): send JSON, or fields as x-www-form-urlencoded or multipart/form-data.")
	}
	raws, err := r.frame(in, raw)
	if err != nil {
		return []pipeline.Raw{raw}, nil, err
	}
	return raws, nil, nil
}

// maxChallenge bounds what is sent back to whoever sets up the address.
const maxChallenge = 512

// Challenges reports whether a GET is to be answered by [Receiver.Challenge].
func (r *Receiver) Challenges() bool { return !r.conf.Verify.Challenge.IsZero() }

// Challenge answers the GET by which facebook and haravan make sure of an address:
// it sends hub.challenge back, as plain text, to whoever shows the verify token.
func (r *Receiver) Challenge(req *http.Request) (body []byte, contentType string, err error) {
	q := req.URL.Query()
	got, want := sha256.Sum256([]byte(q.Get("hub.verify_token"))), sha256.Sum256([]byte(r.conf.Verify.Challenge.Reveal()))
	text := q.Get("hub.challenge")
	mode := q.Get("hub.mode")
	switch {
	case !r.Challenges() || subtle.ConstantTimeCompare(got[:], want[:]) != 1:
		return nil, "", request.Unauthorized("The verify token is another: enter the one that the source has as verify.challenge.")
	case text == "" || len(text) > maxChallenge || mode != "" && mode != "subscribe":
		return nil, "", request.Malformed("This is no challenge: it has no hub.challenge, or hub.mode is not subscribe.")
	}
	return []byte(text), "text/plain; charset=utf-8", nil
}

// incoming is a request while it is looked at.
type incoming struct {
	req         *http.Request
	body        []byte
	path        string
	contentType string

	parsed form.Parsed
	err    error
	read   bool
}

// parse reads the body into fields, once.
func (in *incoming) parse() error {
	if !in.read {
		in.parsed, in.err = form.Parse(in.contentType, in.body)
		in.read = true
	}
	return in.err
}

// field is the first filled value of a form's field; "" when there is none.
func (in *incoming) field(name string) string {
	if in.parse() != nil {
		return ""
	}
	for i := range in.parsed.Fields {
		if f := &in.parsed.Fields[i]; f.Name == name {
			for _, v := range f.Values {
				if v != "" {
					return v
				}
			}
		}
	}
	return ""
}
