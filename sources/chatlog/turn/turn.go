// Package turn is what the chat source and the chat transform say to each
// other: one turn of a conversation, that is what the customer wrote until
// somebody answered, and the answer, with the parts as they were sent.
//
// The chat source cuts every shape of chat log into such turns, because a
// transform sees one delivery at a time while chatbots send whole transcripts,
// single messages or rows (`sources.md` §3.1). A source that holds a
// conversation itself may make turns too.
//
// It knows where chat logs write a role, a text and a time ([Object], [RoleOf],
// [TextOf], [TimeOf]), and does not interpret them: what a time means, and what
// becomes of any other member, is the transform's.
package turn

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Format is what a Raw that holds a [Body] says its body is.
const Format = "chat.turn"

// What a [Body] is.
const (
	Turn    = "turn"    // something was said
	Opening = "opening" // a conversation in which the customer has said nothing yet
	Facts   = "facts"   // what is known of a whole conversation
	Lead    = "lead"    // the chatbot's own contact form
	Note    = "note"    // an event that is neither, such as a bot's action
)

// How a session without an ID got one, in [Body.Derived].
const (
	FromUser    = "user"    // the user's ID: all that this user says, or a transcript by its opening words
	FromOpening = "opening" // the opening words; two people may say the same
)

// Body is the body of one Raw, written as JSON.
//
// Session and Row name a row: a Body with both the same is a later state of the
// same turn. Each Body holds the whole turn as far as it was known, so that the
// last one needs no earlier one.
type Body struct {
	Shape    string          `json:"shape"`              // what kind of log it came from, e.g. "transcript"
	What     string          `json:"what"`               // one of the constants above
	Session  string          `json:"session,omitempty"`  // the sender's ID of the conversation; "": it has none
	Derived  string          `json:"derived,omitempty"`  // how Session was made up; "": it was not
	Row      string          `json:"row,omitempty"`      // the turn within its session
	Number   int             `json:"number,omitempty"`   // of the turn, from 1; 0: not known
	Turns    int             `json:"turns,omitempty"`    // turns of the session so far; 0: not known
	Messages int             `json:"messages,omitempty"` // of them, messages of the customer
	Seen     string          `json:"seen,omitempty"`     // RFC 3339: when we first saw this turn, for turns without a time
	Began    string          `json:"began,omitempty"`    // time of the session's first message, as sent
	Ended    string          `json:"ended,omitempty"`    // with Facts: time of its last message, as sent
	Previous string          `json:"previous,omitempty"` // the customer's message before this turn; cut
	Parts    []Part          `json:"parts,omitempty"`    // in the order they were said
	Facts    json.RawMessage `json:"facts,omitempty"`    // the object around the parts, or the row itself
	Cut      bool            `json:"cut,omitempty"`      // some of Facts was too large to go along
}

// Part is one message, as sent.
type Part struct {
	Role     Role            `json:"role"`
	Original json.RawMessage `json:"original"`
}

// Encode writes b. It fails only on originals that are no JSON.
func (b *Body) Encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // < stays one byte, so a body cannot grow sixfold
	if err := e.Encode(b); err != nil {
		return nil, errors.New("a part is no JSON")
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// Decode reads what Encode wrote. Its error quotes nothing.
func Decode(body []byte) (Body, error) {
	var b Body
	if err := json.Unmarshal(body, &b); err != nil || b.Shape == "" || b.What == "" {
		return Body{}, errors.New("the body is no chat turn")
	}
	return b, nil
}
