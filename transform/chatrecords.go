package transform

import (
	"time"

	"mekong/sources/chatlog/turn"
)

// turn is the row of a question with its answer; nil when nothing was said.
func (c *chatReading) turn() *chatDraft {
	b := &c.body
	if b.What != turn.Turn {
		return nil
	}
	d := &chatDraft{kind: kindTurn, flags: c.flags, occurred: c.at(c.asked), key: c.raw.ID}
	if b.Session != "" {
		d.key = chatKey(c.raw.Source, b.Session, b.Row)
	} else if b.Row != "" && len(b.Parts) == 0 {
		d.key = chatKey(c.raw.Source, "", b.Row)
	}
	c.common(d)
	if b.Number > 0 {
		d.set("turn_no", float64(b.Number))
	}
	d.give("event_id", c.eventID())
	d.set("question", c.question)
	d.set("answer", c.answer)
	if c.question != "" || b.Number == 0 {
		// An answer that comes alone does not move its question's time.
		d.set("asked_at", c.asked)
	}
	d.set("answered_at", c.answered)
	d.set("model", c.text("model", "modelname", "modelid", "llm"))
	d.set("intent", c.intent())
	d.set("feedback", c.feedback())
	d.set("error", c.failure())
	if n, ok := c.latency(); ok {
		d.set("latency_ms", n)
	}
	if n, ok := c.confidence(); ok {
		d.set("confidence", n)
	}
	for _, count := range chatCounts {
		n, ok := c.number(count.from...)
		for _, o := range c.spent {
			if spent, known := plainNumber(o.Text(count.spent)); known {
				n, ok = n+spent, true
			}
		}
		if ok && n >= 0 {
			d.set(count.name, n)
		}
	}
	d.set("handoff", c.handoff)
	if file := c.raw.Meta["file"]; file != "" {
		d.set("source_file", cleanLine(file+":"+c.raw.Meta["at"]))
	}
	c.reach(d)
	c.turnExtras(d)
	return d
}

// eventID is the sender's name for the question, or for the row.
func (c *chatReading) eventID() string {
	names := []string{"eventid", "messageid", "responseid", "traceid", "id"}
	for _, p := range c.parts {
		if p.role == turn.Customer {
			return p.in.Text(names...)
		}
	}
	if len(c.parts) == 0 {
		return c.row.Text(names...)
	}
	return ""
}

// chatCounts are where token counts and costs stand, folded: in a message or its
// usage, or in one of the calls of a trace.
var chatCounts = [...]struct {
	name  string
	from  []string
	spent string
}{
	{"tokens_in", []string{"tokensin", "prompttokens", "inputtokens", "tokensprompt", "prompttokencount"}, "input"},
	{"tokens_out", []string{"tokensout", "completiontokens", "outputtokens", "tokenscompletion", "candidatestokencount"}, "output"},
	{"cost", []string{"cost", "totalcost", "costusd"}, ""},
}

// conversation is what this turn adds to the row of its session; nil when that
// is nothing.
func (c *chatReading) conversation() *chatDraft {
	b := &c.body
	if b.Session == "" {
		return nil
	}
	d := &chatDraft{kind: kindConversation, key: chatKey(c.raw.Source, b.Session, "")}
	for _, f := range c.flags {
		switch f {
		case "session_from_user", "session_from_opening", "facts_cut":
			d.flags = append(d.flags, f)
		}
	}
	latest := b.What == turn.Turn && b.Number >= b.Turns
	first := b.What == turn.Opening || b.What == turn.Turn && b.Number == 1
	outcome := c.outcome()
	course := c.course()
	if b.What == turn.Turn && b.Derived == turn.FromOpening {
		// It may be somebody else's conversation that began with these words.
		c.contact = chatContact{}
	}
	captured := c.contact != chatContact{}
	switch b.What {
	case turn.Note:
		if !captured && !c.handoff && outcome == "" && course == "" {
			return nil // the chatbot talking to itself
		}
	case turn.Turn:
		if !latest && !first && !captured && !c.handoff && course == "" {
			return nil
		}
	}
	last := c.asked
	if c.answered.After(last) {
		last = c.answered
	}
	d.occurred = c.at(last)
	c.common(d)
	if first {
		began := c.asked
		if t, ok := chatTime(b.Began, c.loc); ok && !c.late(t) && t.Before(began) {
			began = t
		}
		d.set("first_at", began)
	}
	if latest {
		d.set("last_at", last)
		if b.Turns > 0 { // a bot's chat has no end, and nobody counts it
			d.set("turns", float64(b.Turns))
		}
		if b.Messages > 0 {
			d.set("customer_turns", float64(b.Messages))
		}
		d.set("last_question", c.question)
		d.set("last_answer", c.answer)
		if c.question != "" && c.answer == "" {
			d.flags = append(d.flags, "unanswered")
		}
	}
	if b.What == turn.Opening {
		d.set("turns", 0.0)
	}
	if c.handoff {
		d.set("handoff", true)
	}
	if outcome == "" && (c.contact.email != "" || c.contact.phone != "" && parsePhone(c.contact.phone, false).kind != invalid) {
		outcome = "contact_captured"
	}
	if outcome == "" && c.handoff {
		outcome = "handoff"
	}
	d.set("outcome", outcome)
	d.set("course", course)
	c.reach(d)
	c.talkExtras(d)
	return d
}

// outcome is how it ended, where the chatbot or its platform says so.
func (c *chatReading) outcome() string {
	s := c.row.Text("outcome", "result", "resolution", "disposition")
	if c.body.Shape == "chatwoot" && c.body.What == turn.Note {
		first(&s, c.row.Text("status"))
		first(&s, c.row.Object("conversation").Text("status"))
	}
	s, _ = bounded(cleanLine(s), 500)
	return s
}

// lead is the chatbot's own contact form.
func (c *chatReading) lead(kind string) *chatDraft {
	if c.body.What != turn.Lead {
		return nil
	}
	d := &chatDraft{kind: kind, lead: true, occurred: c.raw.Received, key: c.raw.ID}
	if c.body.Session != "" {
		d.key = chatKey(c.raw.Source, c.body.Session, c.body.Row)
	}
	c.common(d)
	c.reach(d)
	c.turnExtras(d)
	return d
}

// common is what every record of a chat has.
func (c *chatReading) common(d *chatDraft) {
	d.set("session", cleanLine(c.body.Session))
	channel := c.text("channel", "inputchannel", "platform", "sourcechannel")
	if channel == "" {
		for _, o := range c.named {
			if channel = cleanLine(o.Object("conversation").Text("channel")); channel != "" {
				break
			}
		}
	}
	d.set("channel", channel)
	user, _ := bounded(c.user(), 500)
	d.set("user_ref", user)
}

// user is who talks, as the chatbot or its platform calls them.
func (c *chatReading) user() string {
	names := []string{"userid", "customerid", "senderid", "visitorid", "psid", "userref", "contactid"}
	for _, p := range c.parts {
		if p.role != turn.Customer {
			continue
		}
		if s := cleanLine(p.in.Text(names...)); s != "" {
			return s
		}
		if s := cleanLine(p.in.Object("sender", "user", "from", "customer").Text("id")); s != "" {
			return s
		}
	}
	for _, o := range []turn.Object{c.row, c.row.Object("metadata", "meta")} {
		if s := cleanLine(o.Text(names...)); s != "" {
			return s
		}
		if s := cleanLine(o.Object("user", "customer", "visitor", "contact").Text("id")); s != "" {
			return s
		}
	}
	return ""
}

// reach hands what is known of the customer to the mapping.
func (c *chatReading) reach(d *chatDraft) {
	d.give("phone", c.contact.phone)
	d.give("name", c.contact.name)
	d.give("email", c.contact.email)
}

// at is t as the turn's place in the order of its row: turns of one second, or
// without a time, follow each other by their number.
func (c *chatReading) at(t time.Time) time.Time {
	return t.Add(time.Duration(min(c.body.Number, 1_000_000)))
}
