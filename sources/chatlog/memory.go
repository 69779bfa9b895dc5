package chatlog

import (
	"container/list"
	"strconv"
	"time"

	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
)

// Bounds of the memory: sessions, and bytes of the messages that may yet be
// answered. The session that was quiet for longest is forgotten first.
const (
	maxSessions   = 20_000
	maxRemembered = 32 << 20
	maxOpen       = 128 << 10 // bytes of one turn that is still open
	maxParts      = 50        // messages of it
	maxTimes      = 300       // turns of one session whose first sight is remembered
	maxClosed     = 256       // turns of one session that are known again
	maxClosedSize = 256 << 10 // bytes of them
)

// memory is what is known of the sessions lately heard of. It is not safe for
// several goroutines.
type memory struct {
	most, mostBytes int
	sessions        map[string]*list.Element
	order           list.List // of *session, the latest in front
	bytes           int
}

// session is what is remembered of one conversation.
type session struct {
	name     string
	turns    int
	messages int
	began    string // time of the first message, as sent
	times    []int64
	said            // the turn that is open
	closed   []said // those before it, so that a delivery that is repeated makes the Raws it made
	size     int    // bytes of all of them
	touched  time.Time
	previous string // the customer's last words of the turn before

	// what came last without an ID: its content, a chain of all of these, and the
	// row it went to
	last, lastRow, lastName string
}

// said is a turn as far as it is known.
type said struct {
	row      string
	number   int
	parts    []turn.Part
	ids      []string // of the Raws that brought them
	before   string   // the customer's words of the turn before
	answered bool
}

func (t *said) bytes() int {
	n := 0
	for _, p := range t.parts {
		n += len(p.Original)
	}
	return n
}

func newMemory(most, mostBytes int) *memory {
	return &memory{most: most, mostBytes: mostBytes, sessions: map[string]*list.Element{}}
}

// get returns a session, made if need be. An unnamed one is always new.
func (m *memory) get(name string) *session {
	if name == "" {
		return &session{}
	}
	if e := m.sessions[name]; e != nil {
		m.order.MoveToFront(e)
		return e.Value.(*session)
	}
	s := &session{name: name}
	m.sessions[name] = m.order.PushFront(s)
	for len(m.sessions) > m.most {
		m.forget()
	}
	return s
}

// forget drops the session that was quiet for longest.
func (m *memory) forget() {
	e := m.order.Back()
	s := m.order.Remove(e).(*session)
	m.bytes -= s.size
	delete(m.sessions, s.name)
}

// grow counts bytes that s holds, and makes room for them.
func (m *memory) grow(s *session, by int) {
	s.size += by
	if s.name == "" {
		return
	}
	for m.bytes += by; m.bytes > m.mostBytes && m.order.Len() > 1; {
		m.forget()
	}
}

// firstSeen is when turn i (from 0) was first seen: now, unless it is
// remembered.
func (s *session) firstSeen(i int, now time.Time) int64 {
	if i >= 0 && i < len(s.times) {
		return s.times[i]
	}
	if len(s.times) == i && i < maxTimes {
		s.times = append(s.times, now.UnixNano())
	}
	return now.UnixNano()
}

// find returns the turn that the Raw with this ID belongs to, nil for none.
func (s *session) find(id string) *said {
	if has(s.ids, id) {
		return &s.said
	}
	for i := len(s.closed) - 1; i >= 0; i-- {
		if has(s.closed[i].ids, id) {
			return &s.closed[i]
		}
	}
	return nil
}

// at returns the turn of this row, nil for none.
func (s *session) at(row string) *said {
	if s.row == row {
		return &s.said
	}
	for i := len(s.closed) - 1; i >= 0; i-- {
		if s.closed[i].row == row {
			return &s.closed[i]
		}
	}
	return nil
}

// open begins a turn.
func (m *memory) open(s *session, row string, number int) {
	if words := lastWords(s.parts); words != "" {
		s.previous = words
	}
	if s.row != "" {
		s.closed = append(s.closed, s.said)
		kept := s.size
		for len(s.closed) > maxClosed || kept > maxClosedSize && len(s.closed) > 0 {
			n := s.closed[0].bytes()
			m.grow(s, -n)
			kept -= n
			s.closed = append([]said(nil), s.closed[1:]...)
		}
	}
	s.said = said{row: row, number: number, before: s.previous}
}

// restore takes over a turn that was stored.
func (m *memory) restore(b turn.Body, raw pipeline.Raw) {
	s := m.get(b.Session)
	b.Number = max(b.Number, 0)
	if b.Row != s.row {
		m.open(s, b.Row, b.Number)
	}
	s.turns, s.messages = max(s.turns, b.Turns, b.Number), max(s.messages, b.Messages)
	if s.began == "" {
		s.began = b.Began
	}
	m.grow(s, -s.said.bytes())
	s.parts, s.answered = b.Parts, false
	m.grow(s, s.said.bytes())
	for _, p := range b.Parts {
		s.answered = s.answered || p.Role == turn.Bot || p.Role == turn.Agent
	}
	s.ids = append(s.ids, raw.ID)
	for len(s.ids) < len(s.parts) {
		s.ids = append([]string{""}, s.ids...) // whose IDs are not known stand first
	}
	s.touched = raw.Received
	if b.Previous != "" {
		s.previous, s.before = b.Previous, b.Previous
	}
	if b.Number > 0 && b.Number == len(s.times)+1 && b.Seen != "" {
		if t, err := time.Parse(time.RFC3339Nano, b.Seen); err == nil {
			s.firstSeen(b.Number-1, t)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
