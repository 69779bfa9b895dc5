package token

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// renew is what a flight does: look into the store, and exchange if nobody else has.
func (s *Session) renew(ctx context.Context) (Token, error) {
	s.mu.Lock()
	u := s.unsaved
	s.mu.Unlock()
	if u != nil {
		return s.settle(ctx, u)
	}
	v, _, err := s.load(ctx)
	if err != nil {
		return Token{}, err
	}
	if t, ok := s.current(v); ok {
		return t, nil
	}
	if err := s.hopeless(v); err != nil {
		return Token{}, err
	}
	l, t, err := s.await(ctx)
	if l == nil {
		return t, err
	}
	defer l.release(ctx)
	// What was read before the lease may be another process's past.
	v, revision, err := s.load(ctx)
	if err != nil {
		return Token{}, err
	}
	if t, ok := s.current(v); ok {
		return t, nil
	}
	return s.exchange(ctx, v, revision)
}

// load reads the entry. That there is none, or none that can be read, is for
// somebody to mend by signing in.
func (s *Session) load(ctx context.Context) (v saved, revision uint64, err error) {
	revision, err = s.o.Store.load(ctx, s.o.Name, &v)
	switch {
	case err == nil:
		return v, revision, nil
	case errors.Is(err, ErrAbsent):
		return saved{}, 0, Reauthorise(NotSignedIn, nil)
	case errors.Is(err, ErrKey):
		return saved{}, revision, Reauthorise(Unreadable, err)
	}
	return saved{}, 0, fmt.Errorf("the saved sign-in cannot be read: %w", err)
}

// current takes v in hand and reports whether its access token needs no renewal.
func (s *Session) current(v saved) (Token, bool) {
	t := s.take(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	return t, t.Valid(now) && !t.Same(s.refused) && now.Before(s.due)
}

// hopeless is why v's refresh token cannot be exchanged, as far as that is known
// without asking. It is the same answer for every process and costs no call.
func (s *Session) hopeless(v saved) error {
	now := s.o.Now()
	refresh := v.Refresh.token()
	switch {
	case v.Broken != nil:
		e := &BrokenError{Why: v.Broken.Why, Since: v.Broken.At}
		if v.Broken.Said != "" {
			e.Err = errors.New(v.Broken.Said)
		}
		return e
	case refresh.Value.IsZero():
		return Reauthorise(NoRenewal, nil)
	case !refresh.Valid(now):
		return &BrokenError{Why: Expired, Since: refresh.Expires}
	}
	if wait := s.storm.after(v.Attempts, now); wait > 0 {
		return &waitError{ErrStorm, wait}
	}
	return nil
}

// await takes the lease. While another process has it, its result is waited for,
// and the token returned without a lease, unless the old one still serves.
func (s *Session) await(ctx context.Context) (*lease, Token, error) {
	l, err := s.o.Store.lease(ctx, s.o.Name)
	if err == nil || !errors.Is(err, ErrLeased) {
		return l, Token{}, err
	}
	limit := time.NewTimer(leaseWait)
	defer limit.Stop()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		v, _, err := s.load(ctx)
		if err != nil {
			return nil, Token{}, err
		}
		if t, ok := s.current(v); ok || s.serves(t) {
			return nil, t, nil
		}
		if err := s.hopeless(v); err != nil {
			return nil, Token{}, err
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-limit.C:
			next.Stop()
			return nil, Token{}, &waitError{ErrLeased, leaseWait}
		case <-ctx.Done():
			next.Stop()
			return nil, Token{}, ctx.Err()
		}
		if l, err = s.o.Store.lease(ctx, s.o.Name); err == nil || !errors.Is(err, ErrLeased) {
			return l, Token{}, err
		}
	}
}

// serves reports whether t is good, if due.
func (s *Session) serves(t Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.Valid(s.o.Now()) && !t.Same(s.refused)
}

// exchange buys the next pair. The caller holds the lease.
func (s *Session) exchange(ctx context.Context, v saved, revision uint64) (Token, error) {
	if err := s.hopeless(v); err != nil {
		return Token{}, err
	}
	now, before := s.o.Now(), v
	// The mark says, to whoever comes after a crash, that this refresh token may
	// have been used. Its write also proves that the entry is still as it was read.
	v.Lost = !s.o.Reusable && (v.Lost || v.Trying != nil)
	v.Trying = &now
	v.Attempts = s.storm.add(v.Attempts, now)
	revision, err := s.o.Store.save(ctx, s.o.Name, v, revision)
	if err != nil {
		return Token{}, fmt.Errorf("the sign-in is not renewed, because that cannot be noted: %w", err)
	}
	s.take(v)
	s.mu.Lock()
	s.status.Fetches++
	s.mu.Unlock()

	refresh := NewSecret(v.Refresh.Value)
	pair, err := s.ask(ctx, refresh)
	if err != nil {
		var broken *BrokenError
		var unsent *unsentError
		switch {
		case errors.As(err, &broken):
			return s.giveUp(ctx, refresh, broken)
		case errors.As(err, &unsent):
			// Where the mark cannot be taken back, it does no harm but to words.
			_, _ = s.o.Store.save(ctx, s.o.Name, before, revision)
		}
		return Token{}, err
	}
	if pair.Access.Value.IsZero() {
		return Token{}, errors.New("the exchange brought no access token")
	}
	if s.o.Reusable && pair.Refresh.Value.IsZero() {
		pair.Refresh = v.Refresh.token()
	}
	u := &unsaved{pair: pair.after(v.pair(), now), from: refresh}
	s.mu.Lock()
	s.unsaved = u
	s.mu.Unlock()
	return s.settle(ctx, u)
}

func (s *Session) ask(ctx context.Context, refresh Secret) (Pair, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeLimit)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return Pair{}, err
	}
	return s.o.Exchange(ctx, refresh)
}

// settle saves a pair that was bought, and only then lets it be used. It goes on
// trying for a while, since the pair exists nowhere else; what cannot be saved is
// kept for the next attempt.
func (s *Session) settle(ctx context.Context, u *unsaved) (Token, error) {
	deadline := time.NewTimer(saveLimit)
	defer deadline.Stop()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		t, err := s.put(ctx, u)
		if err == nil {
			return t, nil
		}
		// Where somebody wrote between our read and our write, it is read again; a
		// table of several servers may take a moment to show it.
		next := time.NewTimer(pause)
		select {
		case <-next.C:
			continue
		case <-deadline.C:
		case <-ctx.Done():
		}
		next.Stop()
		return Token{}, &waitError{fmt.Errorf("the renewed sign-in is not used, because it cannot be saved: %w", err), time.Second}
	}
}

// put writes u over the entry that it was bought from. Where the entry has another
// refresh token by now, somebody signed in anew, or an earlier put got through.
func (s *Session) put(ctx context.Context, u *unsaved) (Token, error) {
	v, revision, err := s.load(ctx)
	var broken *BrokenError
	if err != nil && (!errors.As(err, &broken) || broken.Why != NotSignedIn) {
		return Token{}, err // an entry that cannot be read is another key's, and not ours to replace
	}
	now := s.o.Now()
	if err == nil && !NewSecret(v.Refresh.Value).Same(u.from) {
		s.done()
		return s.take(v), nil
	}
	v.put(u.pair, now)
	if _, err = s.o.Store.save(ctx, s.o.Name, v, revision); err != nil {
		return Token{}, err
	}
	s.done()
	t := s.take(v)
	s.tell(Event{What: Fetched, Expires: t.Expires})
	return t, nil
}

func (s *Session) done() {
	s.mu.Lock()
	s.unsaved = nil
	s.mu.Unlock()
}

// giveUp ends the session for all processes, unless another one has renewed it: a
// process that was paused past its lease may have had the answer all along.
func (s *Session) giveUp(ctx context.Context, refresh Secret, broken *BrokenError) (Token, error) {
	v, revision, err := s.load(ctx)
	if err != nil {
		return Token{}, err
	}
	if !NewSecret(v.Refresh.Value).Same(refresh) {
		return s.take(v), nil
	}
	now := s.o.Now()
	why := broken.Why
	if v.Lost && (why == Burnt || why == Revoked) {
		why = LostAnswer
	}
	v.Broken = &brokenMark{Why: why, At: now}
	if broken.Err != nil {
		v.Broken.Said = bounded(broken.Err.Error())
	}
	if _, err := s.o.Store.save(ctx, s.o.Name, v, revision); err == nil {
		s.take(v)
	}
	return Token{}, &BrokenError{Why: why, Since: now, Err: broken.Err}
}

func bounded(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most]
	}
	return s
}
