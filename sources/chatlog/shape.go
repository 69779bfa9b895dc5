package chatlog

import (
	"encoding/json"
	"strings"

	"mekong/sources/chatlog/turn"
	"mekong/sources/request"
)

// The shapes, as the setting and [turn.Body] name them.
const (
	transcript = "transcript"
	message    = "message"
	row        = "row"
	rasa       = "rasa"
	dialogflow = "dialogflow"
	chatwoot   = "chatwoot"
	chatbase   = "chatbase"
	botpress   = "botpress"
	langfuse   = "langfuse"
)

// step is what to do about one document, once all of them are understood.
type step struct {
	shape string
	do    func(*reading)
}

// reader looks whether o is of its shape, and returns what to do then.
type reader func(r *Receiver, o turn.Object, raw json.RawMessage) func(*reading)

var readers = map[string]reader{
	transcript: readTranscript, message: readMessage, row: readRow, rasa: readRasa, dialogflow: readDialogflow,
	chatwoot: readChatwoot, chatbase: readChatbase, botpress: readBotpress, langfuse: readLangfuse,
}

// order is the order in which shapes are tried: those with marks of their own
// first.
var order = [...]string{chatbase, dialogflow, rasa, chatwoot, botpress, transcript, row, langfuse, message}

// maxWrappers is how many wrappers are taken off, one inside the other.
const maxWrappers = 3

// recognise finds the shape of a document. A wrapper around documents is taken
// off.
func (r *Receiver) recognise(raw json.RawMessage, depth int) ([]step, error) {
	if list, ok := turn.ParseList(raw); ok && isMessages(list) {
		return []step{{transcript, func(rd *reading) { rd.transcript(transcript, "", turn.Object{}, list) }}}, nil
	}
	o, ok := turn.ParseObject(raw)
	if !ok {
		return nil, errShape
	}
	if f := readers[r.shape]; f != nil {
		if do := f(r, o, raw); do != nil {
			return []step{{r.shape, do}}, nil
		}
	}
	for _, shape := range order {
		if do := readers[shape](r, o, raw); do != nil {
			return []step{{shape, do}}, nil
		}
	}
	if depth < maxWrappers {
		for _, name := range [...]string{"body", "data", "event", "record", "payload", "message", "trace"} {
			inner := o.Raw(name)
			if _, ok := turn.ParseObject(inner); ok {
				if steps, err := r.recognise(inner, depth+1); err == nil {
					return steps, nil
				}
			}
		}
		if list, ok := o.List("data", "events", "records", "items", "rows", "batch", "traces", "logs", "results"); ok && len(list) > 0 && len(list) <= maxDocuments {
			var all []step
			for i, e := range list {
				steps, err := r.recognise(e, depth+1)
				if err != nil {
					return nil, atDocument(err, i, len(list))
				}
				all = append(all, steps...)
			}
			return all, nil
		}
	}
	return nil, errShape
}

var errShape = request.Malformed(
	"This is no chat log Mekong knows: send a transcript (session_id, messages), messages (session_id, role, text), rows (session_id, turn, question, answer), or what Rasa, Dialogflow, Chatwoot, Chatbase, Botpress or Langfuse send.")

// sessionNames are where a document names its conversation, folded, best first.
var sessionNames = []string{"sessionid", "conversationid", "threadid", "chatid", "dialogid", "roomid", "session", "conversation", "thread", "convid"}

// userNames are where it names who is talking.
var userNames = []string{"userid", "customerid", "senderid", "visitorid", "psid", "contactid", "clientid"}

// sessionOf names the conversation of o: by the configured members, by the usual
// ones, in the object itself or its metadata, else by the user.
func (r *Receiver) sessionOf(o turn.Object) (session, derived string) {
	meta := o.Object("metadata", "meta", "context")
	for _, path := range r.session {
		if s := o.Path(path); s != "" {
			return s, ""
		}
	}
	for _, in := range [...]turn.Object{o, meta} {
		if s := in.Text(sessionNames...); s != "" {
			return s, ""
		}
		for _, name := range [...]string{"session", "conversation", "thread", "chat"} {
			if s := in.Object(name).Text("id", "sessionid"); s != "" {
				return s, ""
			}
		}
	}
	if s := userOf(o, meta); s != "" {
		return s, turn.FromUser
	}
	return "", ""
}

func userOf(o, meta turn.Object) string {
	for _, in := range [...]turn.Object{o, meta} {
		if s := in.Text(userNames...); s != "" {
			return s
		}
		if s := in.Object("user", "customer", "visitor", "contact").Text("id"); s != "" {
			return s
		}
	}
	return ""
}

// without is o as JSON without the members of the given folded names, nil when
// nothing else is in it.
func without(o turn.Object, names ...string) json.RawMessage {
	var b strings.Builder
	for _, m := range o.Members() {
		if has(names, turn.Fold(m.Name)) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			continue
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(compact(m.Value))
	}
	if b.Len() == 0 {
		return nil
	}
	return json.RawMessage("{" + b.String() + "}")
}

func has(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
