package chatlog

import (
	"encoding/json"
	"strings"
	"time"

	"mekong/sources/chatlog/turn"
)

// listNames are where a conversation keeps its messages, folded.
var listNames = []string{"messages", "history", "chathistory", "conversation", "transcript", "chat", "turns", "dialog", "dialogue", "log", "logs", "events", "items"}

// readTranscript takes a whole conversation: a list of messages, or of rows, and
// what is known of them all around it.
func readTranscript(r *Receiver, o turn.Object, _ json.RawMessage) func(*reading) {
	for _, name := range listNames {
		list, ok := o.List(name)
		if !ok || len(list) == 0 || len(list) > maxDocuments {
			continue
		}
		switch {
		case areMessages(list):
			rest := withoutList(o, name)
			return func(rd *reading) { rd.transcript(transcript, "", rest, list) }
		case areRows(list):
			rest := withoutList(o, name)
			return func(rd *reading) { rd.rows(rest, list) }
		}
	}
	return nil
}

func withoutList(o turn.Object, name string) turn.Object {
	rest, _ := turn.ParseObject(without(o, name))
	return rest
}

// areMessages reports whether every element has a role.
func areMessages(list []json.RawMessage) bool {
	for _, raw := range list {
		if o, ok := turn.ParseObject(raw); !ok || turn.MessageRole(o) == "" {
			return false
		}
	}
	return true
}

func areRows(list []json.RawMessage) bool {
	for _, raw := range list {
		if o, ok := turn.ParseObject(raw); !ok || !turn.IsPair(o) {
			return false
		}
	}
	return true
}

// transcript cuts messages into turns: one begins with the customer's words and
// holds what follows until the customer speaks again after an answer. Turns are
// numbered, so that the transcript saved again has the same ones: one that has
// grown or was edited is another Raw of the same row.
//
// What stands before the customer's first words goes with the first turn, but
// for the system prompt, which is the chatbot's and not the conversation's.
// session names it; "" leaves that to what stands around the messages.
func (rd *reading) transcript(shape, session string, around turn.Object, list []json.RawMessage) {
	var turns [][]turn.Part
	var before []turn.Part
	customers := 0
	began, ended := "", ""
	answered := true
	for _, raw := range list {
		o, ok := turn.ParseObject(raw)
		if !ok {
			continue
		}
		p := turn.Part{Role: roleIn(shape, o), Original: compact(raw)}
		if p.Role == "" {
			continue
		}
		if at := turn.TimeOf(o); at != "" && p.Role != turn.Aside {
			first(&began, at)
			ended = at
		}
		switch {
		case p.Role == turn.Customer:
			if customers++; answered {
				turns = append(turns, nil)
			}
			answered = false
		case len(turns) == 0:
			if p.Role != turn.Aside {
				before = append(before, p)
			}
			continue
		case p.Role != turn.Aside:
			answered = true
		}
		last := len(turns) - 1
		turns[last] = append(turns[last], p)
	}
	derived := ""
	if session == "" {
		session, derived = rd.r.sessionOf(around)
	}
	switch {
	case derived == turn.FromUser:
		// Each transcript is a conversation, and a person may have several.
		session = rd.opening(turns, before, session)
	case session == "":
		session, derived = rd.opening(turns, before, rd.meta["client_ip"], rd.meta["user_agent"], rd.meta["origin"], rd.meta["referer"], rd.meta[MetaFile]), turn.FromOpening
	}
	session = rd.session(session)
	facts, isCut := rd.facts(around, len(turns))
	body := turn.Body{
		Shape: shape, Session: session, Derived: derived, Turns: len(turns), Messages: customers, Began: began, Facts: facts, Cut: isCut,
	}
	s := rd.r.memory.get(session)
	if len(turns) == 0 {
		b := body
		b.What, b.Parts, b.Seen = turn.Opening, before, seen(s.firstSeen(0, rd.now))
		rd.add(rd.hashed(shape, session, "opening", originals(before)), b)
		body.Seen, body.Ended = b.Seen, ended
		rd.known(body)
		return
	}
	turns[0] = append(before, turns[0]...)
	chain, previous := "", ""
	for i, parts := range turns {
		b := body
		b.What, b.Parts, b.Number, b.Previous = turn.Turn, parts, i+1, previous
		b.Row = "t" + itoa(i+1)
		previous = lastWords(parts)
		if derived != "" {
			// Two conversations may open with the same words; where they go
			// on differently their rows part.
			chain = short(chain, customerWords(parts))
			b.Row = "h" + chain
		}
		b.Seen = seen(s.firstSeen(i, rd.now))
		rd.add(rd.hashed(shape, session, b.Row, originals(parts)), b)
	}
	s.turns, s.messages = max(s.turns, len(turns)), max(s.messages, customers)
	body.Number, body.Seen, body.Ended = len(turns), seen(s.firstSeen(len(turns)-1, rd.now)), ended
	rd.known(body)
}

// known adds what is known of the conversation as a whole, which may change
// while nothing more is said: a rating, an outcome, an owner. Times and counts
// that change with every save are no news.
func (rd *reading) known(b turn.Body) {
	facts, ok := turn.ParseObject(b.Facts)
	if !ok {
		return
	}
	var news []string
	for _, m := range facts.Members() {
		name := turn.Fold(m.Name)
		if turn.IsTime(name) || strings.HasSuffix(name, "at") || strings.Contains(name, "count") || strings.Contains(name, "token") ||
			has([]string{"duration", "id", "version", "savedtime", "now", "cost", "totalcost"}, name) || has(sessionNames, name) || has(userNames, name) {
			continue
		}
		news = append(news, m.Name, string(compact(m.Value)))
	}
	if len(news) == 0 {
		return
	}
	b.What = turn.Facts
	rd.add(rd.hashed(append([]string{b.Shape, b.Session, "facts"}, news...)...), b)
	if rd.err == nil {
		// What is known goes before the turn of the same save, which carries it too:
		// of two records of one moment chance would tell which is newer, and a turn that
		// is taken for the older one leaves no trace in the conversation's row.
		rd.raws[len(rd.raws)-1].Received = rd.now.Add(-time.Millisecond)
	}
}

// opening names a conversation that has no name, by what it began with and
// whose it is, or where it came from. The first answer is no part of it: it may
// not be there yet.
func (rd *reading) opening(turns [][]turn.Part, before []turn.Part, whose ...string) string {
	words := originals(before)
	if len(turns) > 0 {
		first := turns[0][0].Original // the customer's first message alone: more may follow
		words += string(first)
	}
	return "opening-" + short(append(whose, words)...)
}

// facts is what stands around the messages, as much of it as may be repeated
// with each of n turns: the short members first.
func (rd *reading) facts(o turn.Object, n int) (facts json.RawMessage, isCut bool) {
	most := max(1<<10, min(maxFacts, 4<<20/max(n, 1)))
	raw := without(o)
	if len(raw) <= most {
		return raw, false
	}
	var long []string
	for limit := most / 4; limit > 16; limit /= 2 {
		long = long[:0]
		for _, m := range o.Members() {
			if len(m.Value) > limit {
				long = append(long, turn.Fold(m.Name))
			}
		}
		if raw = without(o, long...); len(raw) <= most {
			return raw, true
		}
	}
	return nil, true
}

func first(to *string, s string) {
	if *to == "" {
		*to = s
	}
}

// roleIn is the role of a message, by what a shape calls it.
func roleIn(shape string, o turn.Object) turn.Role {
	if shape == rasa {
		return rasaRole(o)
	}
	return turn.MessageRole(o)
}

// originals are the parts as one text.
func originals(parts []turn.Part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(string(p.Role))
		b.WriteByte(0)
		b.Write(p.Original)
		b.WriteByte(0)
	}
	return b.String()
}

// lastWords is what the customer said last in a turn.
func lastWords(parts []turn.Part) string {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Role == turn.Customer {
			return words(parts[i].Original)
		}
	}
	return ""
}

// customerWords is the customer's first message of a turn: more may follow.
func customerWords(parts []turn.Part) string {
	for _, p := range parts {
		if p.Role == turn.Customer {
			return string(p.Original)
		}
	}
	return ""
}
