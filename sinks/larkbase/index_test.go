package larkbase_test

import (
	"fmt"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// keyed are n records of rows that are told by phone and form.
func keyed(from, n, minute int) []pipeline.Record {
	out := make([]pipeline.Record, n)
	for i := range out {
		key := fmt.Sprintf("+8490%07d/form", from+i)
		out[i] = of(fmt.Sprintf("lead-%d-%d", minute, from+i), key, minute, map[string]any{"name": "Khách", "phone": "0900000000"})
	}
	return out
}

// TestIndex: what new records cost that are told by a key of their own.
func TestIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	d, m := &desk{}, &memory{}
	store(t, w.sink(leasing(d.clerk(), m)), keyed(0, 1200, 0)...)
	d.holder = nil
	w.Advance(time.Minute)
	s := w.sink(leasing(d.clerk(), m)) // as after a restart
	w.ResetCalls()
	store(t, s, again(keyed(1000, 500, 1)...)...) // 200 of them have rows
	if n := w.calls(larksim.OpSearch); n != 3+4 {
		t.Errorf("%d searches: 3 read the keys of 1,200 rows, and 4 the 200 that are there", n)
	}
	w.ResetCalls()
	for i := range 4 {
		store(t, s, keyed(2000+500*i, 500, 2)...)
	}
	if n := w.calls(); n != 4 {
		t.Errorf("%d calls for 2,000 new records, want 4: %v", n, w.Calls())
	}
	// Later the rows are counted once.
	w.Advance(10 * time.Minute)
	w.ResetCalls()
	store(t, s, keyed(5000, 500, 3)...)
	store(t, s, keyed(5500, 500, 3)...)
	if n := w.calls(larksim.OpSearch); n != 1 {
		t.Errorf("%d searches, want 1", n)
	}
	// A row that somebody makes by hand, with a key, is noticed by the count.
	if _, err := w.PutRow(baseID, w.table, "", map[string]any{"Mekong ID": "+84909009000/form"}); err != nil {
		t.Fatal(err)
	}
	w.Advance(10 * time.Minute)
	store(t, s, keyed(9_009_000-10, 20, 4)...)
	if n := len(w.rows()); n != 1500+2000+1000+20 {
		t.Errorf("%d rows", n)
	}
	// Erased and come again.
	if err := s.Forget(t.Context(), []string{"+84900005000/form"}); err != nil {
		t.Fatal(err)
	}
	store(t, s, keyed(5000, 1, 5)...)
	if n := len(w.rows()); n != 4520 {
		t.Errorf("%d rows", n)
	}
}

// TestIndexIsNotBelieved: where somebody else may make rows, they are looked for.
func TestIndexIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(*world, *desk, *larkbase.Gates, *memory) *larkbase.Sink{
		"another process": func(w *world, d *desk, _ *larkbase.Gates, m *memory) *larkbase.Sink {
			return w.sink(leasing(d.clerk(), m))
		},
	} {
		for _, lag := range []time.Duration{0, 5 * time.Second} {
			t.Run(fmt.Sprint(name, ", lag ", lag), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, larksim.Options{ReplicaLag: lag}, nameAndPhone...)
				d, m := &desk{}, &memory{}
				s := w.sink(leasing(d.clerk(), m))
				w.deliver(s, keyed(0, 300, 0))
				d.holder = nil
				w.Advance(time.Minute)
				w.deliver(s, keyed(0, 300, 1)) // the index is read
				d.holder = nil
				w.deliver(other(w, d, nil, m), keyed(300, 200, 2))
				d.holder = nil
				w.Advance(lag)
				w.deliver(s, again(keyed(300, 200, 3)...))
				w.Advance(time.Minute)
				w.deliver(s, keyed(400, 200, 4))
				if n := len(w.rows()); n != 600 {
					t.Errorf("%d rows, want 600", n)
				}
			})
		}
	}
}

// TestIndexOfTwoSinks: two sinks of a process write to one table.
func TestIndexOfTwoSinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	d := &desk{}
	c := d.clerk()
	gates := larkbase.NewGates()
	open := func() *larkbase.Sink {
		return w.sink(func(conf *config.LarkBase, o *larkbase.Options) { o.Lease, o.Gates = c, gates })
	}
	a, b := open(), open()
	store(t, a, keyed(0, 100, 0)...)
	store(t, a, keyed(100, 100, 0)...)
	store(t, b, keyed(150, 100, 1)...)
	store(t, a, keyed(200, 100, 2)...)
	if n := len(w.rows()); n != 300 {
		t.Errorf("%d rows, want 300", n)
	}
}

// TestIndexOfALargeTable is not read for a few records.
func TestIndexOfALargeTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{LogLength: 1}, nameAndPhone...)
	d := &desk{}
	store(t, w.sink(leasing(d.clerk(), nil)), leads("old", 6000)...)
	d.holder = nil
	w.Advance(time.Minute)
	s := w.sink(leasing(d.clerk(), nil))
	w.ResetCalls()
	for i := range 40 {
		store(t, s, keyed(i, 1, i)...)
	}
	// One to see how large it is, some look-ups, and then all of it in 13 calls.
	if n := w.calls(larksim.OpSearch); n > 2*13+1 {
		t.Errorf("%d searches for 40 records, one at a time", n)
	}
	if n := len(w.rows()); n != 6040 {
		t.Errorf("%d rows", n)
	}
}

// TestIndexWithCellsHidden: where cells are not shown, nothing is taken for absent.
func TestIndexWithCellsHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	d := &desk{}
	store(t, w.sink(leasing(d.clerk(), nil)), keyed(0, 100, 0)...)
	d.holder = nil
	w.Advance(time.Minute)
	s := w.sink(leasing(d.clerk(), nil))
	w.Inject(larksim.Fault{Kind: larksim.Blank, On: []larksim.Op{larksim.OpSearch}, Next: 1})
	for _, o := range s.Write(t.Context(), again(keyed(0, 100, 1)...)) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	if n := len(w.rows()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}
