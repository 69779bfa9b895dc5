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
	maxIDs        = 64        // messages of one session that are known again
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
	ids      []string // of the last messages; a ring

	// the turn that is open
	row      string
	number   int
	parts    []turn.Part
	partIDs  []string
	size     int
	answered bool
	touched  time.Time
	previous string // the customer's last words of the turn before

	// what came last without an ID: its content, a chain of all of these, and the
	// row it went to
	last, lastRow, lastName string
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

// grow counts the bytes of s's open turn, and makes room for them.
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
	if i < len(s.times) {
		return s.times[i]
	}
	if len(s.times) == i && i < maxTimes {
		s.times = append(s.times, now.UnixNano())
	}
	return now.UnixNano()
}

// knows reports whether the message with this ID came lately, and otherwise
// notes it.
func (s *session) knows(id string) bool {
	if has(s.ids, id) {
		return true
	}
	if len(s.ids) >= maxIDs {
		s.ids = append(s.ids[:0], s.ids[1:]...)
	}
	s.ids = append(s.ids, id)
	return false
}

// open begins a turn.
func (m *memory) open(s *session, row string, number int) {
	if words := lastWords(s.parts); words != "" {
		s.previous = words
	}
	m.grow(s, -s.size)
	s.row, s.number, s.parts, s.partIDs, s.answered = row, number, nil, nil, false
}

// restore takes over a turn that was stored.
func (m *memory) restore(b turn.Body, raw pipeline.Raw) {
	s := m.get(b.Session)
	if b.Row != s.row {
		m.open(s, b.Row, b.Number)
	}
	s.turns, s.messages = max(s.turns, b.Turns, b.Number), max(s.messages, b.Messages)
	if s.began == "" {
		s.began = b.Began
	}
	m.grow(s, -s.size)
	s.parts, s.answered = b.Parts, false
	for _, p := range b.Parts {
		m.grow(s, len(p.Original))
		s.answered = s.answered || p.Role == turn.Bot || p.Role == turn.Agent
	}
	// One ID for each part keeps the two lists of one length; the last is that
	// of the message that made this Raw.
	s.partIDs = make([]string, len(b.Parts))
	if len(s.partIDs) > 0 {
		s.partIDs[len(s.partIDs)-1] = raw.ID
	}
	s.knows(raw.ID)
	s.touched = raw.Received
	if b.Previous != "" {
		s.previous = b.Previous
	}
	if b.Number > 0 && b.Number == len(s.times)+1 && b.Seen != "" {
		if t, err := time.Parse(time.RFC3339Nano, b.Seen); err == nil {
			s.firstSeen(b.Number-1, t)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
