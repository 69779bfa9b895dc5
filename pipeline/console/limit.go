package console

import (
	"net/netip"
	"sync"
	"time"
)

const (
	attemptsBurst = 5                // wrong passwords in a row, then
	attemptsEvery = 12 * time.Second // one for each of these
	attemptsMax   = 10_000           // addresses remembered
)

// attempts counts failed sign-ins by address.
type attempts struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[netip.Prefix]failures
}

type failures struct {
	n  float64 // those that still count
	at time.Time
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, by: map[netip.Prefix]failures{}}
}

// who is an address, or the network that one subscriber of IPv6 has.
func who(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero address is one like any other
	return p
}

// wait is how long an address has to wait before the next try; 0: it may.
func (t *attempts) wait(a netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.left(who(a)); n > attemptsBurst-1 {
		return time.Duration((n - (attemptsBurst - 1)) * float64(attemptsEvery))
	}
	return 0
}

// left needs t.mu.
func (t *attempts) left(p netip.Prefix) float64 {
	f := t.by[p]
	return max(0, f.n-float64(t.now().Sub(f.at))/float64(attemptsEvery))
}

// try counts one more before it is known whether it fails, so that many at once gain
// nothing; [attempts.good] takes it back. It reports false where none is left.
func (t *attempts) try(a netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := who(a)
	n := t.left(p)
	if n > attemptsBurst-1 {
		return false
	}
	if _, ok := t.by[p]; !ok && len(t.by) >= attemptsMax {
		t.forget()
	}
	t.by[p] = failures{n + 1, t.now()}
	return true
}

func (t *attempts) good(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, who(a))
}

// forget needs t.mu. It drops what counts no more, and else the address that has
// failed least.
func (t *attempts) forget() {
	var least netip.Prefix
	fewest := float64(attemptsBurst + 1)
	for p := range t.by {
		switch n := t.left(p); {
		case n == 0:
			delete(t.by, p)
		case n < fewest:
			least, fewest = p, n
		}
	}
	if len(t.by) >= attemptsMax {
		delete(t.by, least)
	}
}
