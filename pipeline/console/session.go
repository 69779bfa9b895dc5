package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

const (
	sessionIdle = 8 * time.Hour  // without a request
	sessionMost = 24 * time.Hour // in any case
	sessionsMax = 1000           // at once; the one unused longest makes room
)

// session is one browser that is signed in.
type session struct {
	id         [32]byte // hash of what the browser holds
	user       string
	role       Role
	csrf       string // what its forms must show
	searches   *searches
	made, seen time.Time
}

// sessions are kept in memory: a restart signs everybody out. Only hashes of IDs are
// kept, so finding one tells nothing by its time, and a dump of the memory opens
// nothing.
type sessions struct {
	now func() time.Time
	mu  sync.Mutex
	all map[[32]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[[32]byte]*session{}}
}

// begin makes a session with an ID that nobody has seen before; whatever the browser
// showed until now opens nothing.
func (s *sessions) begin(u User, old string) (id string) {
	id = secret()
	now := s.now()
	one := &session{id: sha256.Sum256([]byte(id)), user: u.Name, role: u.Role, csrf: secret(), searches: &searches{}, made: now, seen: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(old)))
	if len(s.all) >= sessionsMax {
		s.makeRoom(now)
	}
	s.all[one.id] = one
	return id
}

// makeRoom needs s.mu.
func (s *sessions) makeRoom(now time.Time) {
	var oldest *session
	for id, one := range s.all {
		if one.over(now) {
			delete(s.all, id)
		} else if oldest == nil || one.seen.Before(oldest.seen) {
			oldest = one
		}
	}
	if len(s.all) >= sessionsMax {
		delete(s.all, oldest.id)
	}
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.seen) > sessionIdle || now.Sub(s.made) > sessionMost
}

// find gives the session of an ID, and counts as a use of it.
func (s *sessions) find(id string) (session, bool) {
	if id == "" {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[sha256.Sum256([]byte(id))]
	if !ok {
		return session{}, false
	}
	now := s.now()
	if one.over(now) {
		delete(s.all, one.id)
		return session{}, false
	}
	one.seen = now
	return *one, true
}

// lives says whether a session still is one, without counting as a use: a page that
// is left open must not keep it alive.
func (s *sessions) lives(id [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[id]
	return ok && !one.over(s.now())
}

func (s *sessions) end(id [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// secret is 256 bits that nobody guesses.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
