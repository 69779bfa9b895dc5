package larkbase_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

func rotating(how string) func(*config.LarkBase, *larkbase.Options) {
	return func(c *config.LarkBase, _ *larkbase.Options) { c.Rotate = how }
}

// TestFull: without rotate a full table holds and says what to do.
func TestFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{TableRows: 5}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("a", 5)...)
	w.isHeld(s, leads("b", 1), "full", "rotate")
	// What is there can still be updated.
	store(t, s, again(leads("a", 5)...)...)
	w.SetTableRows(10)
	store(t, s, again(leads("b", 1)...)...)
}

// TestRotateBySize goes on in a new table of the same columns, also after a restart,
// and finds what is in the one before.
func TestRotateBySize(t *testing.T) {
	t.Parallel()
	fields := append([]larksim.Field{
		{Name: "Tính", Type: larksim.Formula}, {Name: "Chọn", Type: larksim.SingleSelect, Options: []string{"Mới"}},
		{Name: "Tiền", Type: larksim.Number, UI: "Currency", Property: map[string]any{"formatter": "0", "currency_code": "VND"}},
	}, nameAndPhone...)
	w := newWorld(t, larksim.Options{TableRows: 5}, fields...)
	s := w.sink(rotating("size"))
	for i := range 3 {
		store(t, s, leads(fmt.Sprint("lead", i), 4)...)
	}
	tables := w.Tables(baseID)
	if len(tables) != 3 || tables["Leads 2"] == "" || tables["Leads 3"] == "" {
		t.Fatalf("the tables are %v", tables)
	}
	all := []string{"Leads", "Leads 2", "Leads 3"}
	if n := len(w.rows(all...)); n != 12 {
		t.Errorf("%d rows", n)
	}
	// A lead of the table before, by a process that knows of nothing.
	s = w.sink(rotating("size"))
	out := store(t, s, of("later", "lead1-0002", 9, map[string]any{"name": "sau"}), record("new", map[string]any{"name": "mới"}))
	if !strings.Contains(out[0].Ref, tables["Leads 2"]) || !strings.Contains(out[1].Ref, tables["Leads 3"]) {
		t.Errorf("the refs are %q and %q", out[0].Ref, out[1].Ref)
	}
	if rows := w.rows(all...); len(rows) != 13 || rows["lead1-0002"]["Họ tên"] != "sau" {
		t.Errorf("%d rows, %v", len(rows), rows["lead1-0002"])
	}
	kinds := map[string]string{}
	for _, f := range w.Fields(baseID, "Leads 3") {
		kinds[f.Name] = f.UI
	}
	if kinds["Tiền"] != "Currency" || kinds["Chọn"] != "SingleSelect" || kinds["Tính"] != "" {
		t.Errorf("the new table's columns are %v", kinds)
	}
	// A person is erased from all of them.
	if err := s.Forget(t.Context(), []string{"lead0-0001", "lead1-0001", "lead2-0001"}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.rows(all...)); n != 10 {
		t.Errorf("%d rows after three were erased", n)
	}
}

// TestRotateMonthly begins a table a month, and another one when that is full.
func TestRotateMonthly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{TableRows: 5}, nameAndPhone...)
	s := w.sink(rotating("monthly"))
	store(t, s, leads("march", 3)...)
	store(t, s, leads("more", 4)...)
	w.Advance(31 * 24 * time.Hour)
	store(t, s, leads("april", 3)...)
	store(t, s, of("late", "more-0001", 1, map[string]any{"name": "muộn"}))
	tables := w.Tables(baseID)
	for name, want := range map[string]int{"Leads": 0, "Leads 2026-03": 3, "Leads 2026-03 (2)": 4, "Leads 2026-04": 3} {
		if n := w.RowCount(baseID, name); tables[name] == "" || n != want {
			t.Errorf("%q has %d rows, want %d: %v", name, n, want, tables)
		}
	}
	// Another process at the same time begins no second one.
	store(t, w.sink(rotating("monthly")), leads("again", 1)...)
	if n := w.RowCount(baseID, "Leads 2026-04"); n != 4 || len(w.Tables(baseID)) != 4 {
		t.Errorf("%d rows, tables %v", n, w.Tables(baseID))
	}
}

// TestRotateLostAnswer: the new table is found by its name if the answer is lost.
func TestRotateLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{TableRows: 5}, nameAndPhone...)
	s := w.sink(rotating("size"))
	store(t, s, leads("a", 5)...)
	w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpTableCreate}, Next: 1})
	w.deliver(s, leads("b", 3))
	if tables := w.Tables(baseID); len(tables) != 2 || w.RowCount(baseID, "Leads 2") != 3 {
		t.Errorf("the tables are %v", tables)
	}
}

// TestRotateLag: a table that was made is not made again because a list does not show
// it yet; neither after its answer was lost, nor by another process.
func TestRotateLag(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("lost %v, restart %v", lost, restart), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, larksim.Options{TableRows: 5, TableLag: 12 * time.Second}, nameAndPhone...)
				m := &memory{}
				open := func() *larkbase.Sink {
					return w.sink(func(c *config.LarkBase, o *larkbase.Options) { c.Rotate, o.Memory = "size", m })
				}
				s := open()
				store(t, s, leads("a", 5)...)
				if lost {
					w.Inject(larksim.Fault{Kind: larksim.Drop, Applied: true, On: []larksim.Op{larksim.OpTableCreate}, Next: 1})
				}
				batch := leads("b", 3)
				if restart {
					s.Write(t.Context(), batch)
					batch, s = again(batch...), open()
				}
				w.deliver(s, batch)
				if tables := w.Tables(baseID); len(tables) != 2 || w.RowCount(baseID, "Leads 2") != 3 {
					t.Errorf("the tables are %v, %d rows", tables, w.RowCount(baseID, "Leads 2"))
				}
				if n := w.calls(larksim.OpTableCreate); n != 1 {
					t.Errorf("%d tables were asked for", n)
				}
			})
		}
	}
}
