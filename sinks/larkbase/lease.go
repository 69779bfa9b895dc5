package larkbase

import (
	"context"
	"errors"
	"time"

	"mekong/pipeline"
)

// Lease lets one process at a time write to a Base (`lark.md` §2.4). The sinks of a
// process share one, and [Gates] lets one of them at a time use it for a Base; so no
// two of these methods are called at once for one name.
type Lease interface {
	// Acquire returns once no other process writes under name, and none can begin to
	// until [Lease.Rest]; it waits for that for some seconds, and then gives
	// [ErrLeased]. A lease that is still held from the last time costs nothing.
	//
	// tenure stays the same as long as nobody else can have had the lease in between.
	Acquire(ctx context.Context, name string) (tenure uint64, err error)
	// Renew makes sure, between Acquire and Rest, that the lease is good for least
	// from now on. An error means that it may be lost: nothing more may be written.
	Renew(ctx context.Context, name string, least time.Duration) error
	// Rest says that nothing is written for now. The lease is kept for the next
	// Acquire, and given up after an idle moment or when another process wants it.
	Rest(name string)
	// Release gives it up at once; of a lease that is not held it does nothing.
	Release(ctx context.Context, name string) error
}

// ErrLeased is what [Lease.Acquire] gives while another process writes.
var ErrLeased = errors.New("another process writes to this Base")

const (
	// LeaseTime is how long a lease is good after it was renewed, and so the time
	// that passes before another process takes it from one that died. It is no less
	// than [lag]: what the dead one wrote is to be seen by then.
	LeaseTime = lag
	// callTime bounds a call under a lease, which is renewed when it is good for no
	// longer than that: a third of the way. So no call outlasts it.
	callTime = 20 * time.Second
)

// leased takes the lease of a Base, and forgets what another process may have made
// untrue. done must be called when nothing more is written.
func (s *Sink) leased(ctx context.Context, app string) (done func(), err error) {
	l := s.opts.Lease
	if l == nil {
		return func() {}, nil
	}
	tenure, err := l.Acquire(ctx, leaseName(app))
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		return nil, pipeline.Hold(noLease{err}, time.Second)
	}
	if tenure != s.tenure {
		if s.tenure != 0 {
			s.mistrust()
		}
		s.tenure, s.since = tenure, s.now()
	}
	s.app = app
	return func() {
		if s.isClosed() {
			s.release()
			return
		}
		l.Rest(leaseName(app))
	}, nil
}

// still makes sure that the lease outlasts the next call, which writes.
func (s *Sink) still(ctx context.Context) error {
	if s.opts.Lease == nil {
		return nil
	}
	err := s.opts.Lease.Renew(ctx, leaseName(s.app), callTime)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return pipeline.Hold(noLease{err}, time.Second)
}

// release gives the lease up for good. The caller holds the turn.
func (s *Sink) release() {
	if s.opts.Lease == nil || s.app == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// A lease that cannot be given up runs out by itself.
	_ = s.opts.Lease.Release(ctx, leaseName(s.app))
}

// mistrust forgets what holds only as long as nobody else writes: another process
// may have written for this very sink, before it stopped or after this one fell
// silent.
func (s *Sink) mistrust() {
	for key, k := range s.fresh.rows {
		k.id = "" // the row is read again, and may be newer than this
		s.fresh.rows[key] = k
	}
	s.index.doubted(s.now())
	s.loaded = false // a create that the other one left in doubt is in Memory
	if d := s.doubt; d != nil {
		// The records of a create in doubt may have been given to the other one, so it
		// is not sent again: its rows are looked for until they must be seen.
		d.rows, d.since = nil, s.now()
	}
}

func leaseName(app string) string { return "base." + app }

// noLease is a lease that was not to be had, in an operator's words.
type noLease struct{ err error }

func (e noLease) Error() string {
	if errors.Is(e.err, ErrLeased) {
		return "larkbase: " + e.err.Error() + ", and the platform takes one write at a time; its turn comes"
	}
	return "larkbase: whether another process writes to this Base cannot be told: " + e.err.Error()
}

func (e noLease) Unwrap() error { return e.err }
