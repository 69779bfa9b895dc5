package chatlog

import (
	"encoding/json"

	"mekong/sources/chatlog/turn"
)

var turnNames = []string{"turn", "turnno", "turnnumber", "turnindex", "turnid", "stt"}

// readRow takes a row of question and answer.
func readRow(r *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	if !turn.IsPair(o) || turn.RoleOf(o.Text("role")) != "" {
		return nil
	}
	session, derived := r.sessionOf(o)
	return func(rd *reading) { rd.pair(rowOf(o, raw, session, derived)) }
}

func rowOf(o turn.Object, raw json.RawMessage, session, derived string) pair {
	question, answer := turn.Pair(o)
	return pair{
		shape: row, session: session, derived: derived, number: count(o.Text(turnNames...)),
		name:     o.Text("eventid", "messageid", "requestid", "turnid", "traceid", "id", "uuid"),
		question: question, answered: answer != "", at: turn.TimeOf(o), original: compact(raw),
	}
}

// rows takes the rows of one conversation. A row that has no number has that of
// its place.
func (rd *reading) rows(around turn.Object, list []json.RawMessage) {
	session, derived := rd.r.sessionOf(around)
	facts, isCut := rd.facts(around, len(list))
	ended := ""
	for i, raw := range list {
		o, ok := turn.ParseObject(raw)
		if !ok {
			continue
		}
		p := rowOf(o, raw, session, derived)
		if p.number == 0 && session != "" {
			p.number = i + 1
		}
		if p.at != "" {
			ended = p.at
		}
		rd.pair(p)
	}
	if session != "" {
		s := rd.r.memory.get(rd.session(session))
		rd.known(turn.Body{
			Shape: row, Session: s.name, Derived: derived, Facts: facts, Cut: isCut, Number: s.number, Ended: ended, Seen: seen(s.firstSeen(max(s.number-1, 0), rd.now)),
		})
	}
}

// pair is a question with its answer, in one object.
type pair struct {
	shape    string
	session  string
	derived  string
	id       string // the Raw's ID; "": made of session, row and content
	name     string // the sender's name for it
	number   int    // of its turn; 0: not given
	question string
	answered bool
	at       string
	original json.RawMessage
}

// pair makes a Raw of a row. A row that comes again with its answer is the same
// row and another Raw.
func (rd *reading) pair(p pair) {
	p.session = rd.session(p.session)
	mem := rd.r.memory
	s := mem.get(p.session)
	b := turn.Body{
		Shape: p.shape, What: turn.Turn, Session: p.session, Derived: p.derived, Row: rd.nameOf(p, s), Number: p.number, Facts: p.original,
	}
	if p.session == "" {
		b.Seen = seen(rd.now.UnixNano())
	} else {
		at := s.at(b.Row)
		if at == nil {
			if p.number == 0 {
				p.number = s.turns + 1
			}
			mem.open(s, b.Row, p.number)
			at = &s.said
			s.turns, s.messages = max(s.turns, p.number), max(s.messages, p.number)
			if asked, err := json.Marshal(cut(p.question)); err == nil && p.question != "" {
				s.parts = []turn.Part{{Role: turn.Customer, Original: asked}}
				mem.grow(s, len(asked))
			}
		}
		at.answered = at.answered || p.answered
		if s.began == "" && s.turns <= 1 {
			s.began = p.at
		}
		b.Number, b.Turns, b.Messages, b.Began, b.Previous = at.number, s.turns, s.messages, s.began, at.before
		b.Seen = seen(s.firstSeen(at.number-1, rd.now))
	}
	if p.id == "" {
		p.id = rd.hashed(p.shape, p.session, b.Row, string(p.original))
	}
	rd.add(p.id, b)
}

// nameOf names a row within its session: by its number or the sender's name for
// it, else by when it was or where it stands. Without any of these, the same
// content right after itself is one row sent twice.
func (rd *reading) nameOf(p pair, s *session) string {
	content := short(p.shape, string(p.original))
	switch at := rd.here(); {
	case p.number > 0:
		return "t" + itoa(p.number)
	case p.name != "":
		return "m" + short(p.name)
	case len(s.parts) == 1 && !s.answered && p.answered && p.question != "" && words(s.parts[0].Original) == cut(p.question):
		s.last, s.lastName = content, s.row
		return s.row // the question came before, and this is its answer
	case p.at != "":
		return "h" + short(p.at, p.question)
	case at != "":
		return "h" + short(at)
	case p.session == "":
		return "h" + content
	}
	if content != s.last {
		s.last, s.lastRow = content, short(s.lastRow, content)
		s.lastName = "h" + s.lastRow
	}
	return s.lastName
}
