package token

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	exchangeLimit = 20 * time.Second // for one exchange at the vendor
	saveLimit     = 15 * time.Second // for saving what it brought
	leaseWait     = 5 * time.Second  // for another process to finish its own
	reread        = 30 * time.Second // a copy of the store that is younger is trusted
)

// SessionOptions make a [Session].
type SessionOptions struct {
	Store *Store
	Name  string // of the entry in the store; one per sign-in

	// Exchange buys the next pair with a refresh token. An error that [Reauthorise]
	// made ends the session; any other is tried again later with the same refresh
	// token, and is not even counted if [Unsent] made it. It is called with a context
	// that ends after 20 seconds and not with any caller's.
	Exchange func(ctx context.Context, refresh Secret) (Pair, error)

	// Reusable says that a refresh token works more than once, as Google's do: a
	// pair without one leaves the old one in place, and an answer that was lost has
	// cost nothing.
	Reusable bool

	// Early is how long before its end the access token is replaced; 0: at about
	// 70 % of its life.
	Early time.Duration
	Now   func() time.Time // nil: the real clock
	Watch func(Event)      // told what happens; quick, from any goroutine

	// StormLimit attempts at exchanging within StormWindow, over all processes and
	// successful or not, are the last for that time. 0: 10 within 10 minutes.
	StormLimit  int
	StormWindow time.Duration
}

// Session is a [Provider] for a user's sign-in that lives on refresh tokens, which
// are taken for single-use unless it is told otherwise. Any number of processes may
// have one on the same entry of one store.
//
// A refresh token is exchanged only under the lease, only after the entry was read
// again under it, and only after the entry says that it is being tried; what the
// exchange brings is saved before anybody uses it. A process that finds a newer pair
// in the store takes it and exchanges nothing. What remains is a process that dies
// between the vendor's answer and the save: the next one is told that the refresh
// token was used, finds the mark of the try, and ends the session as
// [ErrReauthorise] with [LostAnswer], once and for all processes, until somebody
// signs in again.
type Session struct {
	o     SessionOptions
	storm storm

	mu      sync.Mutex
	have    saved
	read    time.Time // when have was read; zero: never
	due     time.Time
	refused Token // access tokens equal to it are not handed out
	broken  *BrokenError
	unsaved *unsaved
	flight  *flight
	status  Status
}

// unsaved is a pair that was bought and could not be saved; it is used by nobody
// until it is.
type unsaved struct {
	pair Pair
	from Secret // the refresh token that bought it
}

var _ Provider = (*Session)(nil)

// NewSession makes a provider on an entry of a store. Nothing is read yet.
func NewSession(o SessionOptions) *Session {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.StormLimit == 0 {
		o.StormLimit = 10
	}
	if o.StormWindow == 0 {
		o.StormWindow = 10 * time.Minute
	}
	o.StormLimit = min(o.StormLimit, attemptsKept)
	return &Session{o: o, storm: storm{limit: o.StormLimit, window: o.StormWindow}}
}

// Token returns an access token that is believed good. An error in which errors.Is
// finds [ErrReauthorise] lasts until somebody signs in.
func (s *Session) Token(ctx context.Context) (Token, error) {
	if err := ctx.Err(); err != nil {
		return Token{}, err
	}
	old, f := s.look(ctx, false)
	if f == nil {
		return old, nil
	}
	t, err := f.wait(ctx)
	if err != nil && !old.Value.IsZero() {
		return old, nil
	}
	return t, err
}

// Keep renews the session if it is due. Whoever runs a session calls it now and
// then, at least daily: a sign-in that nobody uses ends with its refresh token,
// after a week at Lark.
func (s *Session) Keep(ctx context.Context) error {
	_, f := s.look(ctx, true)
	if f == nil {
		return nil
	}
	_, err := f.wait(ctx)
	return err
}

// look returns the access token in hand if it is good, and a flight if it is due, if
// the store was not looked at for a while, or if there is none. A caller that finds
// a good token and somebody else's flight does not wait for it, unless it has to.
func (s *Session) look(ctx context.Context, must bool) (old Token, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	if t := s.have.Access.token(); t.Valid(now) && !t.Same(s.refused) {
		old = t
		fresh := !s.read.IsZero() && now.Sub(s.read) < reread && !now.Before(s.read)
		if s.flight != nil && !must || fresh && now.Before(s.due) {
			return old, nil
		}
	}
	if s.flight == nil {
		s.flight = launch(ctx, LeaseTTL-5*time.Second, 0, s.renew, s.landed)
	}
	return old, s.flight
}

// Refused says that the server would not accept t. The pair is renewed at the next
// [Session.Token] unless another process has done so already.
func (s *Session) Refused(t Token) {
	s.mu.Lock()
	mine := !t.Value.IsZero() && s.have.Access.token().Same(t)
	if mine {
		s.refused = t
		s.status.Refused++
	}
	s.mu.Unlock()
	if mine {
		s.tell(Event{What: Dropped})
	}
}

// Status tells how the access token stands.
func (s *Session) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Issued, st.Expires = s.have.Access.Issued, s.have.Access.Expires
	return st
}

// Close waits until a renewal that is under way has been saved, or ctx ends. To end
// a process before that is what breaks sessions.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	f := s.flight
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// landed closes a flight.
func (s *Session) landed(f *flight) {
	s.mu.Lock()
	s.flight = nil
	s.status.Err = f.err
	var broken *BrokenError
	known := s.broken != nil
	s.broken = nil
	if errors.As(f.err, &broken) {
		s.broken = broken
	}
	if f.err != nil {
		// While the old token serves, it is not tried again with every call.
		s.due = s.o.Now().Add(retryAhead)
	}
	s.mu.Unlock()
	switch {
	case broken != nil && !known:
		s.tell(Event{What: Broken, Err: f.err})
	case f.err != nil && broken == nil:
		s.tell(Event{What: Failed, Err: f.err})
	}
}

// take makes a pair from the store the one in hand and returns its access token.
func (s *Session) take(v saved) Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	t := v.Access.token()
	if !t.Same(s.have.Access.token()) || s.due.IsZero() {
		s.due = s.dueAt(t)
	}
	s.have, s.read = v, now
	return t
}

// dueAt is when to replace t: early, and up to a tenth of its life before that, so
// that processes do not all come at once.
func (s *Session) dueAt(t Token) time.Time {
	if t.Expires.IsZero() {
		return t.Issued.AddDate(100, 0, 0)
	}
	life := t.Expires.Sub(t.Issued)
	early := life * 3 / 10
	if s.o.Early > 0 {
		early = min(s.o.Early, life/2)
	}
	return t.Expires.Add(-early - time.Duration(rand.Float64()*float64(life)/10))
}

func (s *Session) tell(e Event) {
	if s.o.Watch != nil {
		s.o.Watch(e)
	}
}
