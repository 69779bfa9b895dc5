package larkbot

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"

	"github.com/tidwall/gjson"

	"mekong/sources/identity"
)

// event is what must be known of an event to take it in: of either envelope
// (`lark.md` §6.3).
type event struct {
	kind      string // of v2 the event_type, of v1 the inner type; url_verification
	token     string
	challenge string
	message   string // the message's ID, where the event is its arrival
	own       string // event_id, or uuid in v1
	sum       [sha256.Size]byte
	tokens    []span // where the body has it
}

type span struct{ from, to int }

// challenge is the type of the question whether this address is the app's.
const challenge = "url_verification"

// maxChallenge bounds what is sent back to whoever sets up the address.
const maxChallenge = 1024

// parse reads the envelope; false says that body is none.
func parse(body []byte) (event, bool) {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || trimmed[0] != '{' || !gjson.ValidBytes(body) {
		return event{}, false
	}
	e := event{sum: sha256.Sum256(body)}
	header, inner := gjson.GetBytes(body, "header"), gjson.GetBytes(body, "event")
	outer := gjson.GetBytes(body, "type").String()
	for _, path := range []string{"header.token", "token"} {
		v := gjson.GetBytes(body, path)
		if v.Type != gjson.String {
			continue
		}
		if e.token == "" {
			e.token = v.Str
		}
		if v.Index > 0 && v.Index+len(v.Raw) <= len(body) {
			e.tokens = append(e.tokens, span{v.Index, v.Index + len(v.Raw)})
		}
	}
	switch {
	case outer == challenge:
		e.kind, e.challenge = outer, gjson.GetBytes(body, "challenge").String()
		return e, e.challenge != "" && len(e.challenge) <= maxChallenge
	case header.IsObject():
		e.kind, e.own = header.Get("event_type").String(), header.Get("event_id").String()
		if e.kind == "im.message.receive_v1" {
			e.message = inner.Get("message.message_id").String()
		}
	case inner.IsObject():
		e.kind, e.own = inner.Get("type").String(), gjson.GetBytes(body, "uuid").String()
		if e.kind == "message" {
			e.message = inner.Get("open_message_id").String()
		}
	default:
		return event{}, false
	}
	return e, true
}

// id is the delivery's. Redeliveries of a message may come as another event, so the
// message names it (`lark.md` §6.4).
func (e event) id(source string) string {
	switch {
	case e.message != "":
		return identity.Vendor(source, e.message)
	case e.own != "":
		return identity.Vendor(source, e.own)
	}
	return identity.Hashed(source, e.sum)
}

// blanked is body with the Verification Token emptied wherever the envelope has it.
func (e event) blanked(body []byte) []byte { return e.with(body, `""`) }

// with is body with token, a text in JSON, wherever the envelope has one.
func (e event) with(body []byte, token string) []byte {
	out := make([]byte, 0, len(body))
	at := 0
	for {
		next := span{from: -1}
		for _, s := range e.tokens {
			if s.from >= at && (next.from < 0 || s.from < next.from) {
				next = s
			}
		}
		if next.from < 0 {
			return append(out, body[at:]...)
		}
		out = append(append(out, body[at:next.from]...), token...)
		at = next.to
	}
}

// reply is the challenge sent back; for a card whose button was pressed, that there
// is nothing to show. For all else the door's own answer will do.
func (e event) reply() []byte {
	switch e.kind {
	case challenge:
		if b, err := json.Marshal(map[string]string{"challenge": e.challenge}); err == nil {
			return b
		}
	case "card.action.trigger":
		return []byte("{}")
	}
	return nil
}
