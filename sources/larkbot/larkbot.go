// Package larkbot receives what happens around a bot in Lark or Feishu, message
// by message: by callback ([Receiver]), or over a connection that is held open
// ([Socket]), for a machine that nobody can reach.
//
// A callback is believed when it shows the Verification Token, always, and where
// there is an Encrypt Key also a signature over the bytes that arrived. The
// platform's own SDK checks the token for challenges only, compares signatures in
// varying time, bounds no body and takes off no padding (`lark.md` §6.8); this is
// why the receiver is not the SDK's.
//
// Every event is kept whole as one Raw of format [Format], decrypted, and with the
// Verification Token blanked: whoever reads a stored event cannot forge the next.
// Nothing else of it is touched, and no type of event or message is refused.
//
// A message is named by its message_id and anything else by its event_id, so that
// what is sent again, over whatever way, by whichever of several processes, is one
// delivery (§6.4).
//
// It does not know what an event says (transform), the HTTP around a request
// (sources/intake), nor how to answer in a chat (sinks/larkchat, sinks/chatbot).
package larkbot

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidwall/gjson"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// Format is what a Raw of this package says its body is.
const Format = "lark.event"

// Receiver is the dialect of one configured source. It may be used from any
// number of goroutines at once.
type Receiver struct {
	name   string
	path   string
	token  [sha256.Size]byte // the hash of the Verification Token
	key    string            // the Encrypt Key; "": nothing is encrypted or signed
	window time.Duration
	now    func() time.Time
}

// New makes the receiver of the source called name. c has its defaults filled and
// its rules checked. now tells the time; nil means [time.Now].
func New(name string, c config.LarkBot, now func() time.Time) (*Receiver, error) {
	if name == "" {
		return nil, errors.New("a source has a name")
	}
	if c.VerificationToken.IsZero() {
		return nil, fmt.Errorf("source %q: without a verification token anybody could post", name)
	}
	if now == nil {
		now = time.Now
	}
	return &Receiver{
		name: name, path: c.Path, token: sha256.Sum256([]byte(c.VerificationToken.Reveal())),
		key: c.EncryptKey.Reveal(), window: c.Window, now: now,
	}, nil
}

// Receive checks an event and frames it as one Raw, or answers the challenge that
// the platform sends when the address is entered, of which there is no Raw. The
// platform waits a second for that and three for an event; neither takes any time
// here.
//
// A refusal comes with the Raw it is about: decrypted, where the sender had proved
// to know the key, and else as it arrived.
func (r *Receiver) Receive(req *http.Request, body []byte) ([]pipeline.Raw, []byte, error) {
	meta := request.Meta(req, r.path)
	plain, err := r.open(req.Header, body)
	if err != nil {
		return []pipeline.Raw{r.raw(identity.Hashed(r.name, sha256.Sum256(body)), meta, body)}, nil, err
	}
	e, ok := parse(plain)
	if !ok {
		return []pipeline.Raw{r.raw(identity.Hashed(r.name, sha256.Sum256(plain)), meta, plain)}, nil, errNotEvent
	}
	raw := r.raw(e.id(r.name), meta, e.blanked(plain))
	switch {
	case !r.shown(e.token):
		return []pipeline.Raw{raw}, nil, errToken
	case e.kind == challenge:
		return nil, e.reply(), nil
	}
	return []pipeline.Raw{raw}, e.reply(), nil
}

// open returns the event inside body. A signature is checked before anything is
// decrypted. Without one there can only be a challenge (`lark.md` §6.1), and whoever
// sends anything else is told the same whatever was wrong with it: an answer that
// told good padding from bad would decrypt for them, one question at a time, what
// they have recorded.
func (r *Receiver) open(h http.Header, body []byte) ([]byte, error) {
	text := encrypted(body)
	switch {
	case r.key == "" && text != "":
		return nil, errEncrypted
	case r.key == "":
		return body, nil
	case h.Get(headerSignature) == "":
		plain, err := decrypt(text, r.key)
		if e, ok := parse(plain); err != nil || !ok || e.kind != challenge || !r.shown(e.token) {
			return nil, errUnsigned
		}
		return plain, nil
	case !rightSignature(h, r.key, body):
		return nil, errSignature
	case late(h.Get(headerTimestamp), r.now(), r.window):
		return nil, errLate
	case text == "":
		return nil, errPlain
	}
	plain, err := decrypt(text, r.key)
	if err != nil {
		return nil, errKey
	}
	return plain, nil
}

func (r *Receiver) raw(id string, meta map[string]string, body []byte) pipeline.Raw {
	return pipeline.Raw{ID: id, Source: r.name, Format: Format, Received: r.now().UTC(), Meta: meta, Body: body}
}

// shown compares in a time that says nothing about the right token.
func (r *Receiver) shown(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], r.token[:]) == 1
}

// encrypted is the text of {"encrypt": "…"}, "" when body is anything else.
func encrypted(body []byte) string {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' || !gjson.ValidBytes(body) {
		return ""
	}
	v := gjson.GetBytes(body, "encrypt")
	if v.Type != gjson.String {
		return ""
	}
	return v.Str
}

// The refusals. Each names what to set where.
var (
	errNotEvent  = request.Malformed("This is no event of Lark: enter this address as Request URL under Events & Callbacks, and nowhere else.")
	errToken     = request.Unauthorized("The event shows another Verification Token: copy it from the developer console, Events & Callbacks, Encryption Strategy, into verification_token.")
	errSignature = request.Unauthorized("The signature does not fit the body: copy the Encrypt Key from the developer console, Events & Callbacks, Encryption Strategy, into encrypt_key.")
	errUnsigned  = request.Unauthorized("This has no signature and is no challenge for this bot: copy both the Verification Token and the Encrypt Key from the developer console, Events & Callbacks, Encryption Strategy.")
	errLate      = request.Unauthorized("The event was signed too long ago to be believed, or this machine's clock is wrong.")
	errEncrypted = request.Unauthorized("The event is encrypted: copy the Encrypt Key from the developer console, Events & Callbacks, Encryption Strategy, into encrypt_key.")
	errPlain     = request.Unauthorized("The event is not encrypted although there is an encrypt_key: set the Encrypt Key in the developer console too, or take encrypt_key away.")
	errKey       = request.Unauthorized("The event cannot be decrypted: copy the Encrypt Key from the developer console, Events & Callbacks, Encryption Strategy, into encrypt_key.")
)
