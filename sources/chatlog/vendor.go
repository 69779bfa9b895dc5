package chatlog

import (
	"encoding/json"
	"strings"

	"mekong/sources/chatlog/turn"
)

// readDialogflow takes a webhook request of Dialogflow ES, or of CX: question
// and prepared answer in one (`sources.md` §3.1).
func readDialogflow(r *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	id := o.Text("responseid", "detectintentresponseid")
	result := o.Object("queryresult")
	info := o.Object("sessioninfo")
	session := o.Text("session")
	if session == "" {
		session = info.Text("session")
	}
	if id == "" || session == "" && len(result.Members()) == 0 {
		return nil
	}
	if at := strings.LastIndex(session, "/sessions/"); at >= 0 {
		session = session[at+len("/sessions/"):]
	}
	question, _ := turn.Pair(o)
	p := pair{shape: dialogflow, session: session, name: id, question: question, answered: true, original: compact(raw)}
	return func(rd *reading) {
		p.id = rd.vendor(id)
		rd.pair(p)
		rd.reply = []byte("{}") // any member it does not know would be an error to it
	}
}

// readLangfuse takes a trace, from its API, an export or an ingestion event. A
// trace grows, so its ID alone would keep what comes later away.
func readLangfuse(r *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	id := o.Text("id", "traceid")
	if id == "" || !o.Has("input", "output") || o.Has("role") {
		return nil
	}
	session, derived := r.sessionOf(o)
	question, answer := turn.Pair(o)
	p := pair{shape: langfuse, session: session, derived: derived, name: id, question: question, answered: answer != "", at: turn.TimeOf(o), original: compact(raw)}
	return func(rd *reading) { rd.pair(p) }
}

// readChatbase takes the contact form of a Chatbase bot.
func readChatbase(_ *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	payload := o.Object("payload")
	if o.Text("eventtype") == "" || len(payload.Members()) == 0 || !o.Has("chatbotid") && !payload.Has("customeremail", "customerphone", "customername") {
		return nil
	}
	session := payload.Text("conversationid")
	original := compact(raw)
	return func(rd *reading) {
		// A form filled in again with another number is no repeat.
		rd.add(rd.hashed(chatbase, session, string(original)), turn.Body{
			Shape: chatbase, What: turn.Lead, Session: rd.session(session), Row: "lead", Facts: original,
		})
	}
}

// readBotpress takes a message of Botpress Messaging, flat or within data.
func readBotpress(r *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	in, msg := o, o
	if data := o.Object("data"); data.Has("conversationid") {
		in, msg = data, data
		if inner := data.Object("message"); len(inner.Members()) > 0 {
			msg = inner
		}
	}
	conversation := in.Text("conversationid", "botpressconversationid")
	if conversation == "" {
		conversation = msg.Text("conversationid")
	}
	id := msg.Text("messageid", "botpressmessageid")
	if id == "" && msg.Has("payload") {
		id = msg.Text("id")
	}
	if conversation == "" || id == "" || !msg.Has("text", "payload", "type") || o.Text("role") != "" {
		return nil
	}
	role := turn.RoleOf(msg.Text("direction"))
	_, hasAuthor := field(msg, "authorid")
	switch {
	case role != "":
	case msg.Has("botpressmessageid"), hasAuthor && !msg.Has("authorid"):
		role = turn.Bot // a bot's own message has no author
	default:
		role = turn.Customer
	}
	m := spoken{
		shape: botpress, session: conversation, role: role, original: compact(raw), at: turn.TimeOf(msg), text: turn.MessageText(msg),
		replyTo: msg.Text("inreplyto"),
	}
	return func(rd *reading) {
		m.id = rd.vendor(id)
		rd.message(m)
	}
}

// field finds a member that may be null.
func field(o turn.Object, folded string) (json.RawMessage, bool) {
	for _, m := range o.Members() {
		if turn.Fold(m.Name) == folded {
			return m.Value, true
		}
	}
	return nil, false
}

// readChatwoot takes Chatwoot's webhooks: messages, and what happens to a
// conversation.
func readChatwoot(_ *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	event := o.Text("event")
	if event == "" || !o.Has("messagetype", "conversation", "account", "inbox", "additionalattributes", "contactinbox") {
		return nil
	}
	conversation := o.Object("conversation")
	session := conversation.Text("id", "displayid")
	id, account := o.Text("id"), o.Object("account").Text("id")
	original := compact(raw)
	if !strings.HasPrefix(event, "message_") {
		if session == "" && strings.HasPrefix(event, "conversation_") {
			session = id
		}
		return func(rd *reading) {
			rd.add(rd.hashed(chatwoot, event, string(original)), turn.Body{
				Shape: chatwoot, What: turn.Note, Session: rd.session(session), Row: "note", Facts: original,
			})
		}
	}
	sender := o.Object("sender")
	var role turn.Role
	switch o.Text("messagetype") {
	case "incoming", "0":
		role = turn.Customer
	case "outgoing", "1":
		// A user of Chatwoot is a person of the business.
		if role = turn.Bot; turn.Fold(sender.Text("type")) == "user" {
			role = turn.Agent
		}
	case "template", "3":
		role = turn.Bot
	default:
		role = turn.Aside
	}
	if o.Text("private") == "true" {
		role = turn.Aside
	}
	m := spoken{shape: chatwoot, session: session, role: role, original: original, at: turn.TimeOf(o), text: turn.MessageText(o)}
	return func(rd *reading) {
		m.id = rd.hashed(chatwoot, account, id)
		if event != "message_created" {
			// What was said is said again, with a rating or another text.
			rd.changed(m, rd.hashed(chatwoot, account, id, event, string(original)))
			return
		}
		rd.message(m)
	}
}

// changed takes a message that was changed after it was sent: the row it is in
// is known, or it is a note.
func (rd *reading) changed(m spoken, id string) {
	s := rd.r.memory.get(rd.session(m.session))
	if at := s.find(m.id); at != nil {
		for i, known := range at.ids {
			if known == m.id && i < len(at.parts) {
				at.parts = append([]turn.Part(nil), at.parts...)
				rd.r.memory.grow(s, len(m.original)-len(at.parts[i].Original))
				at.parts[i].Original = m.original
				rd.whole(id, m.shape, m.derived, s, at)
				return
			}
		}
	}
	m.role, m.id = turn.Aside, id
	rd.message(m)
}

// readRasa takes an event of Rasa's broker, or a tracker with all of them.
func readRasa(_ *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	sender := o.Text("senderid", "conversationid")
	if list, ok := o.List("events"); ok && sender != "" && len(list) > 0 && len(list) <= maxDocuments {
		if first, ok := turn.ParseObject(list[0]); !ok || first.Text("event") == "" {
			return nil
		}
		rest, _ := turn.ParseObject(without(o, "events", "latestmessage", "paused", "followupaction", "latestinputchannel", "activeloop", "latestactionname", "latestaction"))
		return func(rd *reading) { rd.transcript(rasa, sender, rest, list) }
	}
	event := o.Text("event")
	if event == "" || !o.Has("senderid") || !o.Has("timestamp") {
		return nil
	}
	m := spoken{shape: rasa, session: sender, role: rasaRole(o), original: compact(raw), at: turn.TimeOf(o), text: o.Text("text")}
	if m.role == "" {
		m.role = turn.Aside
	}
	at := micros(m.at)
	return func(rd *reading) {
		m.id = rd.hashed(rasa, sender, at, event, m.text)
		rd.message(m)
	}
}

// rasaRole is who speaks in an event. Its other events, such as the bot's own
// actions, are said to nobody; most are the machine talking to itself.
func rasaRole(o turn.Object) turn.Role {
	switch o.Text("event") {
	case "user":
		return turn.Customer
	case "bot":
		return turn.Bot
	case "slot":
		return turn.Aside
	case "action":
		if name := o.Text("name"); name != "action_listen" && name != "action_session_start" {
			return turn.Aside
		}
	}
	return ""
}

// micros is a number of seconds to the microsecond, so that 1528402837.6170 and
// 1528402837.617 are one.
func micros(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	return whole + "." + (fraction + "000000")[:6]
}
