package config

import (
	"regexp"
	"strings"
	"time"
)

// WebhookSource receives what any other system posts: JSON, a form or multipart.
// A preset knows how a vendor proves itself and names its deliveries (`sources.md` §2).
type WebhookSource struct {
	Path    string        `yaml:"path" doc:"path on the intake listener; left out: /in/ and the source's name"`
	Preset  string        `yaml:"preset" oneof:"facebook zalo haravan pancake getfly google_form" doc:"the system that posts, whose way of signing and naming is known; left out: any other, as verify and id say"`
	Verify  WebhookVerify `yaml:"verify" doc:"how the sender proves itself; everything that is set must hold"`
	ID      WebhookID     `yaml:"id" doc:"where the sender's own name of a delivery stands; left out: what the preset has, else the content within window names it"`
	Items   string        `yaml:"items" doc:"path of a list in the JSON, such as data.orders: each of its items is a delivery of its own; left out: the body is one"`
	Window  time.Duration `yaml:"window" range:"1s..24h" why:"without one, every repetition would be a second delivery" doc:"where nothing else names a delivery, the same content again within this time is the same one"`
	MaxBody Size          `yaml:"max_body" range:"1KiB..900KiB" why:"a delivery is one NATS message, which is at most 1 MiB with its headers" doc:"larger requests are refused with 413"`
}

// WebhookVerify is how a sender proves itself.
type WebhookVerify struct {
	HMAC      WebhookSignature `yaml:"hmac" doc:"a signature over the body; for facebook, zalo, haravan and pancake only its secret is needed"`
	Standard  Secret           `yaml:"standard_webhooks" doc:"secret of Standard Webhooks, whsec_…: the headers webhook-id, webhook-timestamp and webhook-signature"`
	Token     WebhookToken     `yaml:"token" doc:"a fixed text that every request shows"`
	Basic     WebhookBasic     `yaml:"basic" doc:"user name and password (HTTP basic authentication)"`
	Challenge Secret           `yaml:"challenge" doc:"the verify token of a GET with hub.challenge, as facebook and haravan send when the address is set up"`
	Nobody    bool             `yaml:"nobody" doc:"let anybody post who knows the path; true says that this is meant"`
}

// WebhookSignature is a signature over a body.
type WebhookSignature struct {
	Secret    Secret        `yaml:"secret" doc:"key of the signature; for facebook the app secret, for zalo the OA secret key; empty: no signature"`
	Header    string        `yaml:"header" doc:"header the signature comes in"`
	Algorithm string        `yaml:"algorithm" oneof:"sha1 sha256 sha512" doc:"hash of the HMAC"`
	Encoding  string        `yaml:"encoding" oneof:"hex base64" doc:"how the signature is written"`
	Prefix    string        `yaml:"prefix" doc:"what stands before the signature, such as sha256="`
	Signed    string        `yaml:"signed" doc:"what is signed, of {body} and {timestamp}; left out: {body}, or {timestamp}.{body} with a timestamp header"`
	Timestamp string        `yaml:"timestamp" doc:"header with the time of sending; empty: none, and late requests cannot be told"`
	Window    time.Duration `yaml:"window" range:"10s..24h" doc:"how far the time of sending may be from now"`
}

// WebhookToken is a fixed text.
type WebhookToken struct {
	Value  Secret `yaml:"value" doc:"the text; 16 characters or more; empty: none is asked for; for getfly its secret_key"`
	Header string `yaml:"header" doc:"header it comes in; left out: one of the usual headers, or the last element of the path"`
	Query  string `yaml:"query" doc:"parameter of the address that it may come in as well"`
}

// WebhookBasic is a login.
type WebhookBasic struct {
	User     string `yaml:"user" doc:"user name"`
	Password Secret `yaml:"password" doc:"password; 16 characters or more; empty: no login is asked for"`
}

// WebhookID is where a delivery's name stands.
type WebhookID struct {
	Header string `yaml:"header" doc:"header that holds it, such as X-Request-Id"`
	Body   string `yaml:"body" doc:"path in the JSON, or name of the form's field, that holds it, such as data.id; with items: inside each item"`
}

func (w *WebhookSource) defaults(name string) {
	w.Path = "/in/" + name
	w.Window = 10 * time.Minute
	w.MaxBody = 900 << 10
}

func (v *WebhookVerify) defaults(string) {}
func (t *WebhookToken) defaults(string)  {}
func (b *WebhookBasic) defaults(string)  {}
func (i *WebhookID) defaults(string)     {}

func (s *WebhookSignature) defaults(string) {
	s.Header = "X-Signature"
	s.Algorithm = "sha256"
	s.Encoding = "hex"
	s.Window = 5 * time.Minute
}

// proofs are what a preset is proved by; any of them suffices.
var proofs = map[string]string{
	"facebook": "verify.hmac.secret, the app secret", "zalo": "verify.hmac.secret, the OA secret key",
	"haravan": "verify.hmac.secret, the app secret or that of the private webhook", "getfly": "verify.token.value, the secret_key that Getfly sends",
}

func (w *WebhookSource) check(r *report) {
	checkRoute(r.at("path"), w.Path)
	checkJSONPath(r.at("items"), w.Items)
	v, at := w.Verify, r.at("verify")
	proof := proofs[w.Preset]
	has := !v.HMAC.Secret.IsZero() || !v.Standard.IsZero() || !v.Token.Value.IsZero() || !v.Basic.Password.IsZero()
	switch w.Preset {
	case "facebook", "zalo", "haravan":
		has = !v.HMAC.Secret.IsZero()
	case "getfly":
		has = !v.Token.Value.IsZero()
	}
	if proof == "" {
		proof = "verify.hmac, verify.standard_webhooks, verify.token or verify.basic"
	}
	switch below := at.at("hmac").at("secret").failed() || at.at("token").at("value").failed() || at.at("standard_webhooks").failed() || at.at("basic").at("password").failed(); {
	case at.failed() || below:
	case !has && !v.Nobody:
		at.bad("anybody who knows the path could post", "set "+proof+"; or verify.nobody: true if that is meant")
	case has && v.Nobody:
		at.at("nobody").bad("something is asked for all the same", "take one of the two away")
	}
	if w.Preset == "facebook" && v.Challenge.IsZero() && !at.at("challenge").failed() {
		at.at("challenge").bad("not set", "choose a long random text, write it here by a reference, and enter it as Verify Token when Facebook asks for the callback URL")
	}
	if w.Items != "" && w.Preset == "facebook" {
		r.at("items").bad("facebook's list is known", "take it away")
	}
}

func (v *WebhookVerify) check(r *report) {
	if !v.Challenge.IsZero() {
		checkSecret(r.at("challenge"), v.Challenge)
	}
	if s := v.Standard; !s.IsZero() {
		if _, err := DecodeStandardSecret(s); err != nil {
			r.at("standard_webhooks").bad("not a secret of Standard Webhooks", "copy it from the sender: whsec_ and base64 behind it")
		}
	}
}

func (s *WebhookSignature) check(r *report) {
	if !headerName.MatchString(s.Header) {
		r.at("header").bad("this cannot be the name of a header", "use letters, digits and -")
	}
	if s.Timestamp != "" && !headerName.MatchString(s.Timestamp) {
		r.at("timestamp").bad("this cannot be the name of a header", "use letters, digits and -")
	}
	if strings.ContainsFunc(s.Prefix, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.at("prefix").bad("it has characters that do not survive in a header", "use letters, digits and signs")
	}
	if s.Signed != "" {
		at := r.at("signed")
		switch {
		case strings.Count(s.Signed, "{body}") != 1 || strings.Count(s.Signed, "{timestamp}") > 1 || len(s.Signed) > 200:
			at.bad("the body must be signed, once", "write {body}, or {timestamp}.{body} with what stands between them")
		case strings.Contains(s.Signed, "{timestamp}") != (s.Timestamp != ""):
			at.bad("a time is signed, or comes in a header, but not both", "set timestamp and write {timestamp} here, or neither")
		}
	}
}

func (t *WebhookToken) check(r *report) {
	if !t.Value.IsZero() {
		checkSecret(r.at("value"), t.Value)
	}
	if t.Header != "" && !headerName.MatchString(t.Header) {
		r.at("header").bad("this cannot be the name of a header", "use letters, digits and -")
	}
	if t.Query != "" && !headerName.MatchString(t.Query) {
		r.at("query").bad("this cannot be the name of a parameter", "use letters, digits, - and _")
	}
}

func (b *WebhookBasic) check(r *report) {
	switch at := r.at("password"); {
	case !b.Password.IsZero():
		checkSecret(at, b.Password)
	case b.User != "" && !at.failed():
		at.bad("not set", "a user name alone proves nothing: set a password, by a reference")
	}
	if strings.Contains(b.User, ":") {
		r.at("user").bad("a user name holds no colon", "take it away")
	}
}

func (i *WebhookID) check(r *report) {
	if i.Header != "" && !headerName.MatchString(i.Header) {
		r.at("header").bad("this cannot be the name of a header", "use letters, digits and -")
	}
	checkJSONPath(r.at("body"), i.Body)
}

var jsonPath = regexp.MustCompile(`^[\p{L}\p{N}_ -]+(\.[\p{L}\p{N}_ -]+){0,15}$`)

// checkJSONPath accepts names and numbers with dots between, and "".
func checkJSONPath(r *report, path string) {
	if path != "" && (len(path) > 200 || !jsonPath.MatchString(path)) {
		r.bad("not a path", "write names, and numbers for places in a list, with dots between, such as data.items.0.id")
	}
}
