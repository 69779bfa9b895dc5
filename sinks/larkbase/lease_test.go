package larkbase_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// desk hands out the leases of a test. Each clerk is a process's part in them.
type desk struct {
	mu      sync.Mutex
	holder  *clerk
	last    *clerk
	refuses error // given to whoever asks
}

type clerk struct {
	desk     *desk
	tenure   uint64
	asked    int
	renewed  int
	released int
	lostAt   int // the renewal at which it is found lost; 0: none
}

func (c *clerk) Acquire(context.Context, string) (uint64, error) {
	c.desk.mu.Lock()
	defer c.desk.mu.Unlock()
	c.asked++
	if c.desk.refuses != nil {
		return 0, c.desk.refuses
	}
	if c.desk.holder != nil && c.desk.holder != c {
		return 0, larkbase.ErrLeased
	}
	if c.desk.last != c {
		c.tenure++
	}
	c.desk.holder, c.desk.last = c, c
	return c.tenure, nil
}

func (c *clerk) Renew(_ context.Context, _ string, least time.Duration) error {
	c.desk.mu.Lock()
	defer c.desk.mu.Unlock()
	c.renewed++
	if c.desk.holder != c || least <= 0 || c.renewed == c.lostAt {
		return larkbase.ErrLeased
	}
	return nil
}

func (c *clerk) Rest(string) {}

func (c *clerk) Release(context.Context, string) error {
	c.desk.mu.Lock()
	defer c.desk.mu.Unlock()
	c.released++
	if c.desk.holder == c {
		c.desk.holder = nil
	}
	return nil
}

func (d *desk) clerk() *clerk { return &clerk{desk: d} }

func leasing(c *clerk, m *memory) func(*config.LarkBase, *larkbase.Options) {
	return func(_ *config.LarkBase, o *larkbase.Options) {
		o.Lease = c
		if m != nil {
			o.Memory = m
		}
	}
}

// TestLease: nothing is written without it, and Close gives it up.
func TestLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	d := &desk{}
	one, two := d.clerk(), d.clerk()
	a, b := w.sink(leasing(one, nil)), w.sink(leasing(two, nil))
	store(t, a, leads("a", 3)...)
	before := w.calls()
	for _, o := range b.Write(t.Context(), leads("b", 3)) {
		wait, held := pipeline.IsHold(o.Err)
		if !held || wait > 2*time.Second || !errors.Is(o.Err, larkbase.ErrLeased) || !strings.Contains(o.Err.Error(), "another process") {
			t.Errorf("without the lease: %v, wait %v", o.Err, wait)
		}
	}
	if w.calls() != before {
		t.Error("calls were made without the lease")
	}
	if err := a.Close(); err != nil || one.released != 1 {
		t.Errorf("closed: %v, released %d times", err, one.released)
	}
	store(t, b, again(leads("b", 3)...)...)
	// The bus does not answer.
	d.refuses = errors.New("no answer")
	if o := b.Write(t.Context(), leads("c", 1))[0]; o.Err == nil || !strings.Contains(o.Err.Error(), "cannot be told") {
		t.Errorf("the lease cannot be asked for: %v", o.Err)
	} else if _, held := pipeline.IsHold(o.Err); !held {
		t.Errorf("not a hold: %v", o.Err)
	}
	if n := len(w.rows()); n != 6 {
		t.Errorf("%d rows", n)
	}
}

// TestLeaseLost: a process that finds its lease lost sends nothing more, and after
// that trusts nothing it knew: not the versions of rows, and not a create in doubt.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	d := &desk{}
	one, two := d.clerk(), d.clerk()
	m := &memory{}
	a, b := w.sink(leasing(one, m)), w.sink(leasing(two, m))
	store(t, a, of("1", "row", 1, map[string]any{"name": "một"}))
	one.lostAt = one.renewed + 1
	if o := a.Write(t.Context(), leads("lost", 1))[0]; !errors.Is(o.Err, larkbase.ErrLeased) {
		t.Errorf("with the lease lost: %v", o.Err)
	}
	if n := len(w.rows()); n != 1 {
		t.Errorf("%d rows were written without a lease", n)
	}
	d.holder = nil
	store(t, b, of("3", "row", 3, map[string]any{"name": "ba"}), of("4", "other", 3, map[string]any{"name": "b"}))
	d.holder = nil
	// The first knows "row" as of minute 1, and has never heard of "other".
	store(t, a, again(of("2", "row", 2, map[string]any{"name": "hai", "phone": "0900000000"}), of("5", "other", 4, map[string]any{"name": "c"}))...)
	rows := w.rows()
	if len(rows) != 2 || rows["row"]["Họ tên"] != "ba" || rows["row"]["Số điện thoại"] != "0900000000" || rows["other"]["Họ tên"] != "c" {
		t.Errorf("the rows are %v", rows)
	}
}

// TestLeaseDoubt: a create of unknown outcome is carried over to whoever is next,
// also while the rows cannot be seen.
func TestLeaseDoubt(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{true, false} {
		t.Run(fmt.Sprint("applied ", applied), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, larksim.Options{ReplicaLag: 9 * time.Second}, nameAndPhone...)
			d := &desk{}
			m := &memory{}
			one, two := d.clerk(), d.clerk()
			a, b := w.sink(leasing(one, m)), w.sink(leasing(two, m))
			store(t, b, leads("warm", 1)...)
			d.holder = nil
			store(t, a, leads("warmer", 1)...)
			w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: applied, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
			batch := leads("lead", 20)
			a.Write(t.Context(), batch)
			d.holder = nil
			w.deliver(b, again(batch...))
			d.holder = nil
			w.deliver(a, again(leads("last", 1)...))
			if n := len(w.rows()); n != 23 {
				t.Errorf("%d rows, want 23", n)
			}
		})
	}
}

// TestOvertaken: a record whose Key is its ID comes after one of the same key that
// another process wrote; it has not been delivered before, so nothing marks it.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	m := &memory{}
	keep := func(_ *config.LarkBase, o *larkbase.Options) { o.Memory = m }
	store(t, w.sink(keep), of("turn-2", "turn-1", 2, map[string]any{"name": "hai"}))
	w.Advance(10 * time.Minute)
	s := w.sink(keep)
	store(t, s, of("turn-1", "turn-1", 1, map[string]any{"name": "một", "phone": "0900000000"}))
	if row := w.rows()["turn-1"]; len(w.rows()) != 1 || row["Họ tên"] != "hai" || row["Số điện thoại"] != "0900000000" {
		t.Errorf("the rows are %v", w.rows())
	}
	// What happens from here on is not looked for.
	before := w.calls(larksim.OpSearch)
	store(t, s, of("new", "new", 20, map[string]any{"name": "mới"}))
	if n := w.calls(larksim.OpSearch) - before; n != 0 {
		t.Errorf("%d look-ups for a new record", n)
	}
}
