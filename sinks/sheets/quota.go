package sheets

import (
	"sync"
	"time"
)

// Accounts are the minute budgets of Google accounts, by the account's name. The
// sinks of a process share one; it may be used from any number of goroutines.
//
// Google counts reads and writes apart, by account and minute, and answers the one
// too many with 429 (`sinks.md` §A2). A service account is one account however many
// sinks use its key.
type Accounts struct {
	mu  sync.Mutex
	now func() time.Time
	by  map[string]*account
}

// NewAccounts makes budgets with nothing spent. now nil is the real clock.
func NewAccounts(now func() time.Time) *Accounts {
	if now == nil {
		now = time.Now
	}
	return &Accounts{now: now, by: map[string]*account{}}
}

// of is the account of that name, with the smaller of the budgets that its users
// were told of.
func (a *Accounts) of(name string, writes, reads int) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.by[name]
	if c == nil {
		c = &account{now: a.now, waiters: map[string]waiter{}, writes: budget{most: writes}, reads: budget{most: reads}}
		a.by[name] = c
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes.most, c.reads.most = min(c.writes.most, writes), min(c.reads.most, reads)
	return c
}

type account struct {
	mu     sync.Mutex
	now    func() time.Time
	writes budget
	reads  budget

	waiters map[string]waiter
}

// budget is one minute's calls.
//
// The bound is over every 60 seconds, not over Google's minutes, which nobody tells;
// so it holds in each of those. A call is counted from when it was answered, for it
// reached Google no later, and the one that takes its place no earlier than it is
// sent. Up to half of the budget is spent as fast as it is asked for; beyond that
// calls are spaced, so that several users have even turns in place of a rush and a
// long silence.
type budget struct {
	most  int
	calls []*ticket
	next  time.Time // the next turn
}

// ticket is one call; at is when it was answered or, until then, is to be sent.
type ticket struct {
	at     time.Time
	flying bool
}

const minute = time.Minute

// turn is when the next call may be sent: now or later.
func (b *budget) turn(now time.Time) time.Time {
	keep := b.calls[:0]
	for _, t := range b.calls {
		if t.flying || now.Sub(t.at) < minute {
			keep = append(keep, t)
		}
	}
	b.calls = keep
	slot := now
	if b.next.After(slot) {
		slot = b.next
	}
	for b.used(now, slot) >= b.most {
		var first time.Time
		for _, t := range b.calls {
			if end := t.end(now).Add(minute); end.After(slot) && (first.IsZero() || end.Before(first)) {
				first = end
			}
		}
		slot = first
	}
	return slot
}

func (t *ticket) end(now time.Time) time.Time {
	if t.flying && now.After(t.at) {
		return now
	}
	return t.at
}

// used counts the calls of the minute before slot.
func (b *budget) used(now, slot time.Time) (n int) {
	for _, t := range b.calls {
		if slot.Sub(t.end(now)) < minute {
			n++
		}
	}
	return n
}

// spacing is how far apart calls are for now.
func (b *budget) spacing(used int) time.Duration {
	half := b.most / 2
	if used <= half {
		return 0
	}
	return time.Duration(float64(minute) / float64(b.most) * float64(used-half) / float64(b.most-half))
}

func (c *account) budget(write bool) *budget {
	if write {
		return &c.writes
	}
	return &c.reads
}

// take reserves a call and says how long to wait before it is sent. It reserves
// nothing and says no when that is longer than most. done is to be called when the
// call was answered or given up.
func (c *account) take(write bool, most time.Duration) (wait time.Duration, done func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, now := c.budget(write), c.now()
	slot := b.turn(now)
	if wait = slot.Sub(now); wait > most {
		return wait, nil, false
	}
	t := &ticket{at: slot, flying: true}
	b.calls = append(b.calls, t)
	b.next = slot.Add(b.spacing(b.used(now, slot)))
	return wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if now := c.now(); now.After(t.at) {
			t.at = now
		}
		t.flying = false
	}, true
}

// waiter is a user of the account that was told to wait.
type waiter struct{ since, asked time.Time }

// forgotten is after how long a waiter that does not ask again no longer counts.
const forgotten = 15 * time.Second

// pause is how long who is to wait before its next write. Who waits longest goes
// first, and the others a turn later each.
func (c *account) pause(who string) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	wait := c.writes.turn(now).Sub(now)
	mine, waits := c.waiters[who]
	if !waits {
		mine.since = now
	}
	before := 0
	for name, w := range c.waiters {
		switch {
		case name == who:
		case now.Sub(w.asked) > forgotten:
			delete(c.waiters, name)
		case w.since.Before(mine.since) || w.since.Equal(mine.since) && name < who:
			before++
		}
	}
	wait += time.Duration(before) * c.writes.spacing(c.writes.used(now, now))
	if wait <= 0 {
		delete(c.waiters, who)
		return 0
	}
	mine.asked = now
	c.waiters[who] = mine
	return wait
}

// exhausted says that Google counts more than we do: nothing is sent until the next
// minute. It returns how long that is.
func (c *account) exhausted(write bool) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	end := now.Truncate(minute).Add(minute)
	if b := c.budget(write); end.After(b.next) {
		b.next = end
	}
	return end.Sub(now)
}

// usage counts the calls of the last minute.
func (c *account) usage() (writes, reads int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	return c.writes.used(now, now), c.reads.used(now, now)
}
