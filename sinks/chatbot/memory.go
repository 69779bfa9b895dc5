package chatbot

import (
	"context"
	"sync"
	"time"
)

// Bounds of what is remembered.
const (
	maxSessions   = 2000
	maxTries      = 4096
	maxRemembered = 8 << 10 // bytes of a question or an answer in the history
)

// exchange is a question and its answer.
type exchange struct{ question, answer string }

// try is what was done about one message that is not settled. It belongs to whoever
// is in the message's session.
type try struct {
	asked   bool
	said    said
	replied bool
	ref     string
	doubt   time.Time // since when something may have reached the platform; zero: nothing has
}

// memory is the conversations, and the messages in hand. It may be used from any
// number of goroutines.
type memory struct {
	mu       sync.Mutex
	history  int
	sessions map[string]*session
	order    []string // of sessions, the longest unused first
	tries    map[string]*try
	began    []string // of tries, oldest first; some may be done
}

type session struct {
	turns []exchange
	lock  chan struct{} // one at a time; a context can stop waiting
	users int           // who hold it or wait for it
}

func newMemory(history int) *memory {
	return &memory{history: history, sessions: map[string]*session{}, tries: map[string]*try{}}
}

// enter waits until nobody else is in the session.
func (m *memory) enter(ctx context.Context, id string) (leave func(), err error) {
	m.mu.Lock()
	s := m.session(id)
	s.users++
	m.mu.Unlock()
	out := func() {
		m.mu.Lock()
		s.users--
		m.mu.Unlock()
	}
	select {
	case s.lock <- struct{}{}:
		return func() { <-s.lock; out() }, nil
	case <-ctx.Done():
		out()
		return nil, ctx.Err()
	}
}

// session finds or makes one; where there are too many, the longest unused goes. The
// caller holds mu.
func (m *memory) session(id string) *session {
	s := m.sessions[id]
	if s == nil {
		if len(m.sessions) >= maxSessions {
			m.drop()
		}
		s = &session{lock: make(chan struct{}, 1)}
		m.sessions[id] = s
	} else {
		for i, other := range m.order {
			if other == id {
				m.order = append(m.order[:i], m.order[i+1:]...)
				break
			}
		}
	}
	m.order = append(m.order, id)
	return s
}

// drop forgets the longest unused session that nobody is in. The caller holds mu.
func (m *memory) drop() {
	for i, id := range m.order {
		if m.sessions[id].users == 0 {
			delete(m.sessions, id)
			m.order = append(m.order[:i], m.order[i+1:]...)
			return
		}
	}
}

func (m *memory) remember(id string, t exchange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.history <= 0 {
		return
	}
	s := m.session(id)
	if s.turns = append(s.turns, t); len(s.turns) > m.history {
		s.turns = append([]exchange{}, s.turns[len(s.turns)-m.history:]...)
	}
}

func (m *memory) turns(id string) []exchange {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[id]; s != nil {
		return append([]exchange{}, s.turns...)
	}
	return nil
}

// try finds what was done about a message. Of one that comes again and is not known
// here, another process may have sent something, at the earliest when it was written.
func (m *memory) try(record string, written time.Time, again bool) *try {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tries[record]
	if t == nil {
		t = &try{}
		if again {
			t.doubt = written
		}
		if len(m.began) >= 2*maxTries {
			m.sweep()
		}
		m.tries[record] = t
		m.began = append(m.began, record)
	}
	return t
}

// sweep forgets the oldest messages in hand beyond maxTries. One of them that comes
// again is marked as such, and doubted. The caller holds mu.
func (m *memory) sweep() {
	left := m.began[:0]
	for _, id := range m.began {
		if m.tries[id] != nil {
			left = append(left, id)
		}
	}
	for len(left) > maxTries {
		delete(m.tries, left[0])
		left = left[1:]
	}
	m.began = append([]string{}, left...)
}

func (m *memory) done(record string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tries, record)
}

// forget drops all conversations.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		s.turns = nil
	}
}
