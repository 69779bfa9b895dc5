package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"mekong/pipeline/bus"
	"mekong/sinks/larkbase"
)

// leasePace is how processes take turns at what only one of them may write to.
type leasePace struct {
	good time.Duration // an entry is good for this after it was written
	idle time.Duration // a holder that writes nothing gives it up after this
	turn time.Duration // a holder that goes on writing looks after this whether another one waits
	poll time.Duration // how often one that waits looks; who gave way stays back three times as long
	wait time.Duration // how long it waits
}

// usualPace makes a waiting process wait for about a second beside one that has
// little to write, and for three beside one that has much.
var usualPace = leasePace{good: larkbase.LeaseTime, idle: time.Second, turn: 3 * time.Second, poll: 100 * time.Millisecond, wait: 10 * time.Second}

// lease is this process's part in the leases of a table of the bus. An entry names
// its holder. It is good for a time after it was last written, and that time is
// measured by those who wait, on their own clocks, from when they first saw that
// writing: so no two clocks are compared. The table must keep entries for longer
// than [larkbase.LeaseTime], best for good: then a holder that comes back to its own
// entry knows that nobody else had the lease in between.
//
// In the steady state a write costs no round trip: the entry is written once a third
// of its time, and looked at once a turn.
type lease struct {
	kv     *bus.KV
	holder string
	pace   leasePace

	mu    sync.Mutex
	names map[string]*tenancy
}

var _ larkbase.Lease = (*lease)(nil)

// newLease makes this process's part; its sinks share it.
func newLease(kv *bus.KV) larkbase.Lease { return paced(kv, usualPace) }

func paced(kv *bus.KV, pace leasePace) *lease {
	return &lease{kv: kv, holder: rand.Text(), pace: pace, names: map[string]*tenancy{}}
}

// tenancy is what this process knows of one lease.
type tenancy struct {
	lease *lease
	key   string
	turn  chan struct{} // who takes the token may touch the rest

	revision uint64 // of the entry that this process wrote; 0: it holds none
	until    time.Time
	looked   time.Time // when it was last seen, or assumed, that nobody waits
	tenure   uint64
	idle     *time.Timer

	seen   uint64 // the revision of another one's entry, and since when it is known
	seenAt time.Time
}

// entry is a lease in the table.
type entry struct {
	Holder string        `json:"holder"`
	Free   bool          `json:"free,omitempty"` // given up by Holder
	For    time.Duration `json:"for"`
}

func (l *lease) tenancy(name string) *tenancy {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.names[name]
	if t == nil {
		sum := sha256.Sum256([]byte(name)) // any name is a key
		t = &tenancy{lease: l, key: "lease-" + hex.EncodeToString(sum[:8]), turn: make(chan struct{}, 1)}
		t.turn <- struct{}{}
		l.names[name] = t
	}
	return t
}

func (t *tenancy) enter(ctx context.Context) error {
	select {
	case <-t.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tenancy) leave() { t.turn <- struct{}{} }

// Acquire implements [larkbase.Lease].
func (l *lease) Acquire(ctx context.Context, name string) (uint64, error) {
	t := l.tenancy(name)
	if err := t.enter(ctx); err != nil {
		return 0, err
	}
	defer t.leave()
	if t.idle != nil {
		t.idle.Stop()
		t.idle = nil
	}
	if t.good(l.pace.good / 3) {
		gone, err := t.giveWay(ctx)
		if err != nil || !gone {
			return t.tenure, err
		}
		if err := pause(ctx, 3*l.pace.poll); err != nil {
			return 0, err
		}
	}
	return t.tenure, t.wait(ctx)
}

// wait takes the lease, for which another one may have to be waited for.
func (t *tenancy) wait(ctx context.Context) error {
	deadline := time.Now().Add(t.lease.pace.wait)
	for asked := false; ; asked = true {
		ok, err := t.take(ctx)
		if err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			return larkbase.ErrLeased
		}
		if !asked {
			if err := t.want(ctx); err != nil {
				return err
			}
		}
		if err := pause(ctx, t.lease.pace.poll); err != nil {
			return err
		}
	}
}

// good reports whether the lease is held for at least that long.
func (t *tenancy) good(least time.Duration) bool {
	return t.revision != 0 && time.Until(t.until) >= least
}

// take writes the entry, if it is free, run out, or this process's own.
func (t *tenancy) take(ctx context.Context) (bool, error) {
	value, revision, err := t.lease.kv.Get(ctx, t.key)
	if err != nil && !errors.Is(err, bus.ErrAbsent) {
		return false, err
	}
	var e entry
	if json.Unmarshal(value, &e) != nil {
		e = entry{For: t.lease.pace.good} // none, or nothing of ours: it runs out like any other
	}
	now := time.Now()
	own := revision != 0 && e.Holder == t.lease.holder
	if revision != 0 && !own && !e.Free {
		if t.seen != revision {
			t.seen, t.seenAt = revision, now
		}
		if now.Sub(t.seenAt) < e.For {
			return false, nil
		}
	}
	ok, err := t.write(ctx, entry{Holder: t.lease.holder, For: t.lease.pace.good}, revision)
	if ok && !own {
		t.tenure++
	}
	if ok {
		t.looked = now
	}
	return ok, err
}

// write puts an entry in the place of the one at revision; false: another process was
// first.
func (t *tenancy) write(ctx context.Context, e entry, revision uint64) (bool, error) {
	value, err := json.Marshal(e)
	if err != nil {
		return false, err
	}
	before := time.Now()
	t.revision = 0 // whatever comes of it, the old one is no longer known to be there
	next, err := t.lease.kv.Set(ctx, t.key, value, revision)
	switch {
	case errors.Is(err, bus.ErrChanged):
		return false, nil
	case err != nil:
		return false, err
	case !e.Free:
		t.revision, t.until = next, before.Add(e.For)
	}
	return true, nil
}

// Renew implements [larkbase.Lease].
func (l *lease) Renew(ctx context.Context, name string, least time.Duration) error {
	t := l.tenancy(name)
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	switch {
	case t.good(least):
		return nil
	case t.revision == 0:
		return larkbase.ErrLeased
	}
	ok, err := t.write(ctx, entry{Holder: l.holder, For: l.pace.good}, t.revision)
	if err == nil && !ok {
		err = larkbase.ErrLeased
	}
	return err
}

// Rest implements [larkbase.Lease].
func (l *lease) Rest(name string) {
	t := l.tenancy(name)
	<-t.turn
	defer t.leave()
	if t.revision == 0 {
		return
	}
	t.idle = time.AfterFunc(l.pace.idle, func() {
		ctx, cancel := context.WithTimeout(context.Background(), l.pace.wait)
		defer cancel()
		if t.enter(ctx) != nil {
			return
		}
		defer t.leave()
		if t.idle != nil { // else it is in use again
			t.idle = nil
			_ = t.free(ctx) // it runs out by itself
		}
	})
}

// Release implements [larkbase.Lease].
func (l *lease) Release(ctx context.Context, name string) error {
	t := l.tenancy(name)
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	if t.idle != nil {
		t.idle.Stop()
		t.idle = nil
	}
	return t.free(ctx)
}

// free gives the lease up, if it is held.
func (t *tenancy) free(ctx context.Context) error {
	if t.revision == 0 {
		return nil
	}
	_, err := t.write(ctx, entry{Holder: t.lease.holder, Free: true, For: t.lease.pace.good}, t.revision)
	return err
}

// wanted is the key under which one that waits says so.
func (t *tenancy) wanted() string { return t.key + "-wanted" }

func (t *tenancy) want(ctx context.Context) error {
	_, err := t.lease.kv.Set(ctx, t.wanted(), []byte(t.lease.holder), 0)
	if errors.Is(err, bus.ErrChanged) {
		return nil // somebody has said so
	}
	return err
}

// giveWay gives the lease up when another one waits for it, and says whether it did.
// It looks once a turn.
func (t *tenancy) giveWay(ctx context.Context) (bool, error) {
	if time.Since(t.looked) < t.lease.pace.turn {
		return false, nil
	}
	who, revision, err := t.lease.kv.Get(ctx, t.wanted())
	if errors.Is(err, bus.ErrAbsent) {
		t.looked = time.Now()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := t.lease.kv.Delete(ctx, t.wanted(), revision); err != nil && !errors.Is(err, bus.ErrChanged) {
		return false, err
	}
	if string(who) == t.lease.holder {
		t.looked = time.Now()
		return false, nil
	}
	return true, t.free(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
