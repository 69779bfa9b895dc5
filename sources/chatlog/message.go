package chatlog

import (
	"encoding/json"
	"strconv"
	"time"

	"mekong/sources/chatlog/turn"
)

// spoken is one message on its own.
type spoken struct {
	shape    string
	session  string
	derived  string
	id       string // the Raw's ID; "": made here
	role     turn.Role
	number   int    // of its turn, where the sender counts; 0: it does not
	turn     string // names the turn, where the sender does
	replyTo  string // the message it answers, where the sender says so
	original json.RawMessage
	at       string // when, as sent
	text     string
}

// quiet is how long a customer may be silent in the middle of a question: after
// that, more words are another.
const quiet = 10 * time.Minute

// readMessage takes one message with a role and a text.
func readMessage(r *Receiver, o turn.Object, raw json.RawMessage) func(*reading) {
	role := turn.MessageRole(o)
	if role == "" {
		return nil
	}
	text := turn.MessageText(o)
	if text == "" && turn.TimeOf(o) == "" && !o.Has("eventid", "messageid") {
		return nil
	}
	session, derived := r.sessionOf(o)
	m := spoken{
		shape: message, session: session, derived: derived, role: role, original: compact(raw), at: turn.TimeOf(o), text: text,
		number: count(o.Text("turn", "turnno", "turnid", "turnindex", "turnnumber")),
	}
	if m.number == 0 {
		m.turn = o.Text("turnid", "requestid", "traceid")
		m.replyTo = o.Text("replyto", "inreplyto", "replytoid", "parentid", "parentmessageid", "questionid")
	}
	id := o.Text("eventid", "messageid", "msgid", "id", "uuid")
	return func(rd *reading) {
		if id != "" {
			m.id = rd.vendor(id)
		}
		rd.message(m)
	}
}

// count reads a turn's number.
func count(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0
	}
	return n
}

// message puts one message to its turn: the customer's words open one, unless
// the last is still waiting for an answer, and anybody else's answer it. The
// Raw holds the turn so far.
func (rd *reading) message(m spoken) {
	m.session = rd.session(m.session)
	s := rd.r.memory.get(m.session)
	if m.id == "" {
		m.id = rd.idOf(m, s)
	}
	if m.role == turn.Aside || m.session == "" {
		rd.alone(m, s)
		return
	}
	at := s.find(m.id)
	if at == nil {
		if !rd.join(m, s) {
			rd.alone(m, s)
			return
		}
		at = &s.said
	}
	rd.whole(m.id, m.shape, m.derived, s, at)
}

// whole makes the Raw with this ID of a turn so far.
func (rd *reading) whole(id, shape, derived string, s *session, at *said) {
	b := turn.Body{
		Shape: shape, What: turn.Turn, Session: s.name, Derived: derived, Row: at.row, Number: at.number,
		Turns: s.turns, Messages: s.messages, Began: s.began, Previous: at.before, Parts: at.parts,
	}
	if at.number > 0 {
		b.Seen = seen(s.firstSeen(at.number-1, rd.now))
	}
	rd.add(id, b)
}

// join adds a new message to the turn that it belongs to. It says false for an
// answer to something else than the turn that is open.
func (rd *reading) join(m spoken, s *session) bool {
	mem := rd.r.memory
	want := m.rowName()
	if m.role != turn.Customer && m.replyTo != "" && s.row != "" && !has(s.ids, rd.vendor(m.replyTo)) {
		return false
	}
	full := s.said.bytes()+len(m.original) > maxOpen || len(s.parts) >= maxParts
	opens := s.row == "" || full
	switch {
	case opens:
	case want != "":
		opens = want != s.row
	case m.role == turn.Customer:
		opens = s.answered || rd.now.Sub(s.touched) > quiet
	}
	if opens {
		name := want
		if name == "" || full && name == s.row {
			name = "m" + short(m.id)
		}
		number := m.number
		if m.role == turn.Customer {
			if number == 0 {
				number = s.turns + 1
			}
			s.turns = max(s.turns, number)
		} else if full {
			number = s.number
		}
		mem.open(s, name, number)
	}
	if m.role == turn.Customer {
		s.messages++
	} else {
		s.answered = true
	}
	if s.began == "" && s.turns <= 1 {
		s.began = m.at
	}
	s.parts = append(s.parts[:len(s.parts):len(s.parts)], turn.Part{Role: m.role, Original: m.original})
	s.ids = append(s.ids, m.id)
	s.touched = rd.now
	mem.grow(s, len(m.original))
	return true
}

// rowName is the row that a message names, "" when it names none.
func (m *spoken) rowName() string {
	switch {
	case m.number > 0:
		return "t" + itoa(m.number)
	case m.turn != "":
		return "m" + short(m.turn)
	}
	return ""
}

// alone makes a Raw of a message that joins no open turn. An answer to an earlier
// question still lands in that question's row.
func (rd *reading) alone(m spoken, s *session) {
	b := turn.Body{
		Shape: m.shape, What: turn.Turn, Session: m.session, Derived: m.derived, Row: m.rowName(), Number: m.number,
		Parts: []turn.Part{{Role: m.role, Original: m.original}}, Seen: seen(rd.now.UnixNano()),
	}
	if b.Row == "" && m.replyTo != "" && m.role != turn.Customer {
		question := rd.vendor(m.replyTo)
		b.Row = "m" + short(question)
		if at := s.find(question); at != nil {
			b.Row, b.Number = at.row, at.number
		}
	} else if b.Row == "" {
		b.Row = "m" + short(m.id)
	}
	if m.role == turn.Aside {
		b.What, b.Turns = turn.Note, s.turns
	}
	rd.add(m.id, b)
}

// idOf is the ID of a message whose sender gave it none: when and what was said,
// or where it stands in a file. Without either, the same words right after each
// other are one message sent twice.
func (rd *reading) idOf(m spoken, s *session) string {
	if m.at != "" {
		return rd.hashed(m.shape, m.session, string(m.role), m.at, m.text)
	}
	if at := rd.here(); at != "" {
		return rd.hashed(m.shape, at, string(m.original))
	}
	content := short(string(m.role), string(m.original))
	if content != s.last {
		s.lastRow = short(s.lastRow, content)
		s.last = content
	}
	return rd.hashed(m.shape, m.session, s.lastRow)
}
