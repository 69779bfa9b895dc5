package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

const accessLife = 2 * time.Hour

// vendor sells pairs for refresh tokens that work once.
type vendor struct {
	mu    sync.Mutex
	valid string // the one refresh token that works
	n     int
	asked int
	burnt int // times a used one came
	err   error
}

func (v *vendor) pair() Pair {
	v.n++
	v.valid = fmt.Sprintf("r-%d", v.n)
	now := time.Now()
	return Pair{
		Access:  Token{Value: NewSecret(fmt.Sprintf("a-%d", v.n)), Issued: now, Expires: now.Add(accessLife)},
		Refresh: Token{Value: NewSecret(v.valid), Issued: now, Expires: now.Add(7 * 24 * time.Hour)},
	}
}

func (v *vendor) signIn() Pair { v.mu.Lock(); defer v.mu.Unlock(); return v.pair() }

func (v *vendor) exchange(_ context.Context, refresh Secret) (Pair, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	if v.err != nil {
		return Pair{}, v.err
	}
	if refresh.Reveal() != v.valid {
		v.burnt++
		return Pair{}, Reauthorise(Burnt, errors.New("code 20073"))
	}
	return v.pair(), nil
}

// flaky is a table whose writes, or everything, can be made to fail.
type flaky struct {
	Table
	mu     sync.Mutex
	err    error
	writes error
}

func (f *flaky) set(err, writes error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.writes = err, writes
}

func (f *flaky) fails() (error, error) { f.mu.Lock(); defer f.mu.Unlock(); return f.err, f.writes }

func (f *flaky) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err, _ := f.fails(); err != nil {
		return nil, 0, err
	}
	return f.Table.Get(ctx, key)
}

func (f *flaky) Set(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err, writes := f.fails(); err != nil || writes != nil {
		return 0, errors.Join(err, writes)
	}
	return f.Table.Set(ctx, key, value, revision)
}

func (f *flaky) Delete(ctx context.Context, key string, revision uint64) error {
	if err, writes := f.fails(); err != nil || writes != nil {
		return errors.Join(err, writes)
	}
	return f.Table.Delete(ctx, key, revision)
}

// world is a store that processes share, and the vendor.
type world struct {
	t       *testing.T
	entries *Memory
	leases  *Memory
	vendor  *vendor
}

func newWorld(t *testing.T) *world {
	return &world{t: t, entries: NewMemory(0, nil), leases: NewMemory(LeaseTTL, nil), vendor: &vendor{}}
}

// process is one of the processes, with its own line to the store, which is cut
// when it is killed.
type process struct {
	*Session
	entries, leases *flaky

	mu     sync.Mutex
	before func() // run before the vendor is asked
	after  func() // run when the vendor has answered
	events []Event
}

var errKilled = errors.New("this process is no more")

func (w *world) start(change ...func(*SessionOptions)) *process {
	p := &process{entries: &flaky{Table: w.entries}, leases: &flaky{Table: w.leases}}
	o := SessionOptions{
		Store: newStore(w.t, p.entries, p.leases), Name: "lark.user.crm", StormLimit: 60, StormWindow: time.Hour,
		Exchange: func(ctx context.Context, refresh Secret) (Pair, error) {
			p.run(&p.before)
			if err, _ := p.entries.fails(); err != nil {
				return Pair{}, err // killed before it asked
			}
			pair, err := w.vendor.exchange(ctx, refresh)
			p.run(&p.after)
			return pair, err
		},
		Watch: func(e Event) { p.mu.Lock(); defer p.mu.Unlock(); p.events = append(p.events, e) },
	}
	for _, f := range change {
		f(&o)
	}
	p.Session = NewSession(o)
	return p
}

func (p *process) run(hook *func()) {
	p.mu.Lock()
	f := *hook
	*hook = nil
	p.mu.Unlock()
	if f != nil {
		f()
	}
}

// kill takes the process from the store: nothing it does afterwards is seen.
func (p *process) kill() {
	p.entries.set(errKilled, nil)
	p.leases.set(errKilled, nil)
}

func (p *process) count(what What) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.What == what {
			n++
		}
	}
	return n
}
