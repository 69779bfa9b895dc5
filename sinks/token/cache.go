package token

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	fetchLimit   = 30 * time.Second // for one fetch, with its look into the store
	refusedPause = 5 * time.Second  // after ErrRefusedAgain
	retryAhead   = 30 * time.Second // between failed attempts while the old token still serves
)

// Cached is a [Provider] for a token that can be fetched at any time.
//
// However many callers want a token, one fetch is under way. A token is replaced
// ahead of its end by the caller that finds it due; the others go on with the old
// one meanwhile, and so does that caller when the fetch fails. A refused token is
// dropped and fetched again at once.
type Cached struct {
	early time.Duration
	fetch func(context.Context) (Token, error)
	now   func() time.Time
	watch func(Event)
	store *Store
	name  string
	storm storm

	mu       sync.Mutex
	have     Token
	due      time.Time // when to fetch a newer one while have still serves
	refused  Token     // the last one the server refused, until a different one came
	met      bool      // it was handed out again, and ErrRefusedAgain told
	until    time.Time // how long ErrRefusedAgain stands
	flight   *flight
	attempts []time.Time
	status   Status
}

var _ Provider = (*Cached)(nil)

// Option changes how a [Cached] works.
type Option func(*Cached)

// Clock replaces the clock.
func Clock(now func() time.Time) Option { return func(c *Cached) { c.now = now } }

// Watch has f told what happens. It is called from any goroutine and must be quick.
func Watch(f func(Event)) Option { return func(c *Cached) { c.watch = f } }

// Sharing keeps the token in store under name, so that a process which finds one
// that is still good uses it instead of fetching its own. Trouble with the store
// costs a fetch and never a token.
func Sharing(store *Store, name string) Option {
	return func(c *Cached) { c.store, c.name = store, name }
}

// Cache makes a provider out of fetch, replacing a token early before its end, at a
// moment spread over another quarter of early so that processes do not all come at
// once. Of a token that lives no longer than that, the second half counts as early.
//
// fetch is called from one goroutine at a time, with a context that ends after 30
// seconds and not with any caller's. Its errors must hold no secret.
func Cache(early time.Duration, fetch func(context.Context) (Token, error), opts ...Option) *Cached {
	c := &Cached{early: early, fetch: fetch, now: time.Now, storm: storm{limit: 60, window: 5 * time.Minute}}
	for _, o := range opts {
		o(c)
	}
	return c
}

// Token returns a token that is believed good, fetching one if need be.
func (c *Cached) Token(ctx context.Context) (Token, error) {
	for again := true; ; again = false {
		if err := ctx.Err(); err != nil {
			return Token{}, err
		}
		old, f, mine, err := c.look(ctx)
		if err != nil || f == nil || (!mine && !old.Value.IsZero()) {
			return old, err
		}
		t, err := f.wait(ctx)
		switch {
		case err == nil:
			return t, nil
		case errors.Is(err, errOvertaken) && again:
		case !old.Value.IsZero():
			return old, nil
		default:
			return Token{}, err
		}
	}
}

// errOvertaken means that a fetch begun before a refusal brought the refused token.
var errOvertaken = fmt.Errorf("%w (fetched before it was refused)", ErrRefusedAgain)

// look returns the token in hand if it is good, and the flight to wait for if it is
// due or there is none; mine says that the flight was begun here.
func (c *Cached) look(ctx context.Context) (old Token, f *flight, mine bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.have.Valid(now) {
		old = c.have
		if now.Before(c.due) {
			return old, nil, false, nil
		}
	}
	if c.flight != nil {
		return old, c.flight, false, nil
	}
	if wait := c.blocked(now); wait != nil {
		if !old.Value.IsZero() {
			return old, nil, false, nil
		}
		return Token{}, nil, false, wait
	}
	c.attempts = c.storm.add(c.attempts, now)
	c.flight = launch(ctx, fetchLimit, c.status.Refused, c.obtain, c.landed)
	return old, c.flight, true, nil
}

// blocked is why no fetch may be begun now. The caller holds the lock.
func (c *Cached) blocked(now time.Time) error {
	if now.Before(c.until) {
		return &waitError{ErrRefusedAgain, c.until.Sub(now)}
	}
	if wait := c.storm.after(c.attempts, now); wait > 0 {
		return &waitError{ErrStorm, wait}
	}
	return nil
}

// Refused drops t if it is the token in hand.
func (c *Cached) Refused(t Token) {
	c.mu.Lock()
	mine := !t.Value.IsZero() && c.have.Same(t)
	if mine {
		c.have, c.refused, c.met, c.until = Token{}, t, false, time.Time{}
		c.status.Refused++
	}
	c.mu.Unlock()
	if mine {
		c.tell(Event{What: Dropped})
	}
}

// Status tells how the token stands.
func (c *Cached) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.Issued, s.Expires = c.have.Issued, c.have.Expires
	return s
}

// obtain gets a token from another process, or from the vendor.
func (c *Cached) obtain(ctx context.Context) (Token, error) {
	var revision uint64
	if c.store != nil {
		t, rev, err := c.store.loadToken(ctx, c.name)
		revision = rev
		if err == nil && c.usable(t) {
			c.tell(Event{What: Shared, Expires: t.Expires})
			return t, nil
		}
	}
	c.mu.Lock()
	c.status.Fetches++
	c.mu.Unlock()
	t, err := c.fetch(ctx)
	if err != nil {
		return Token{}, err
	}
	now := c.now()
	if t.Issued.IsZero() {
		t.Issued = now
	}
	if !t.Valid(now) {
		return Token{}, errors.New("the token that was handed out is empty or already past its end")
	}
	c.tell(Event{What: Fetched, Expires: t.Expires})
	if c.store != nil {
		// Sharing saves others a fetch. That it failed, or that another process
		// was quicker, harms nobody.
		_ = c.store.saveToken(ctx, c.name, t, revision)
	}
	return t, nil
}

// usable reports whether a token found in the store is worth taking: good, not due,
// and neither the one in hand nor the one the server refused.
func (c *Cached) usable(t Token) bool {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Valid(now) && !t.Same(c.refused) && !t.Same(c.have) && (t.Expires.IsZero() || now.Add(c.early).Before(t.Expires))
}

// landed takes what a flight brought.
func (c *Cached) landed(f *flight) {
	c.mu.Lock()
	now := c.now()
	c.flight = nil
	if f.err == nil && !c.met && !c.refused.Value.IsZero() && f.token.Same(c.refused) {
		f.err = c.sameAgain(f, now)
	}
	c.status.Err = f.err
	failed := f.err != nil
	if failed {
		f.token = Token{}
		left := c.have.Expires.Sub(now)
		c.due = now.Add(max(time.Second, min(retryAhead, left/8)))
	} else {
		c.have, c.due, c.refused, c.met, c.until = f.token, c.dueAt(f.token, now), Token{}, false, time.Time{}
	}
	err := f.err
	c.mu.Unlock()
	if failed {
		c.tell(Event{What: Failed, Err: err})
	}
}

// sameAgain is the error for a refused token that was handed out again. After a
// pause it is tried once more, and then taken if it comes again: a refusal can be a
// server's mistake, and the token may have half an hour to live in which no other
// one is to be had.
func (c *Cached) sameAgain(f *flight, now time.Time) error {
	if f.since != c.status.Refused {
		return errOvertaken
	}
	c.met, c.until = true, now.Add(refusedPause)
	return &waitError{ErrRefusedAgain, refusedPause}
}

// dueAt is when to replace t. The caller holds the lock.
func (c *Cached) dueAt(t Token, now time.Time) time.Time {
	if t.Expires.IsZero() {
		return now.AddDate(100, 0, 0)
	}
	spread := time.Duration(rand.Float64() * float64(c.early) / 4)
	due, half := t.Expires.Add(-c.early-spread), now.Add(t.Expires.Sub(now)/2)
	if due.Before(half) {
		return half
	}
	return due
}

func (c *Cached) tell(e Event) {
	if c.watch != nil {
		c.watch(e)
	}
}
