package chatlog

import (
	"bytes"
	"encoding/json"
	"fmt"

	"mekong/sources/chatlog/turn"
	"mekong/sources/request"
)

// split takes a body apart: one JSON value, or one on each line. The elements
// of a list are documents of their own, unless they are the messages of one
// conversation.
func split(body []byte) ([]json.RawMessage, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 {
		return nil, request.Malformed("The body is empty: send JSON.")
	}
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return nil, request.Malformed("The body is compressed: send the JSON as it is.")
	}
	if tooDeep(body) {
		return nil, request.Malformed(fmt.Sprintf("The JSON is nested deeper than %d: send less of it.", maxDepth))
	}
	var documents []json.RawMessage
	if json.Valid(body) {
		documents = []json.RawMessage{body}
	} else {
		for n, line := range bytes.Split(body, []byte("\n")) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				continue
			}
			if !json.Valid(line) {
				return nil, request.Malformed(fmt.Sprintf("Line %d is no JSON: send one JSON value, or one on each line.", n+1))
			}
			documents = append(documents, line)
			if len(documents) > maxDocuments {
				return nil, errDocuments
			}
		}
	}
	var all []json.RawMessage
	for _, d := range documents {
		list, ok := turn.ParseList(d)
		if !ok || isMessages(list) {
			all = append(all, d)
			continue
		}
		all = append(all, list...)
		if len(all) > maxDocuments {
			return nil, errDocuments
		}
	}
	if len(all) == 0 {
		return nil, request.Malformed("The list is empty: send what was said.")
	}
	return all, nil
}

var errDocuments = request.Malformed(fmt.Sprintf("This is more than %d rows at once: send fewer at a time.", maxDocuments))

// isMessages reports whether list is what one conversation consists of: each
// element has a role and a text and none names a session or itself.
func isMessages(list []json.RawMessage) bool {
	for _, raw := range list {
		o, ok := turn.ParseObject(raw)
		if !ok || turn.RoleOf(o.Text("role")) == "" || o.Has("sessionid", "conversationid", "eventid", "session", "threadid", "chatid") {
			return false
		}
	}
	return len(list) > 0
}

// tooDeep counts brackets outside of texts.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// compact is raw without spaces between its parts, so that how it was written
// does not count.
func compact(raw []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

// atDocument says which of several documents a refusal is about.
func atDocument(err error, i, n int) error {
	if r := request.AsRefusal(err); r != nil && n > 1 {
		return &request.Refusal{Status: r.Status, Cause: r.Cause, Fix: fmt.Sprintf("Row %d: %s", i+1, r.Fix), Wait: r.Wait}
	}
	return err
}
