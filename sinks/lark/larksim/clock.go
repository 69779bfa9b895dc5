package larksim

import (
	"context"
	"time"
)

// Frozen is a clock that stands at t until [Sim.Advance] moves it.
func Frozen(t time.Time) func() time.Time { return func() time.Time { return t } }

// Advance moves the simulator's clock: tokens expire, windows open, months end,
// lag passes and redeliveries fall due as if d had gone by.
func (s *Sim) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

// Now is the simulator's time, in the tenant's zone.
func (s *Sim) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// now is Now for a holder of the lock.
func (s *Sim) now() time.Time { return s.opts.Clock().Add(s.offset).In(s.opts.Location) }

// wait passes d of real time, less if the caller goes away: a simulated server
// is slow in the world of its client, whatever its own clock says.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
