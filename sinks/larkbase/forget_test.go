package larkbase_test

import (
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
)

// TestForgetLag: a row that reads do not show yet is erased all the same, and what
// reads still show of an erased one is not believed.
func TestForgetLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{ReplicaLag: 5 * time.Second}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("a", 3)...)
	if err := s.Forget(t.Context(), []string{"a-0001", "a-0002", "a-0001", "", "never"}); err != nil {
		t.Fatal(err)
	}
	if rows := w.rows(); len(rows) != 1 || rows["a-0000"] == nil {
		t.Errorf("the rows are %v", rows)
	}
	w.deliver(s, []pipeline.Record{of("b", "a-0001", 1, map[string]any{"name": "trở lại"})})
	if row := w.rows()["a-0001"]; row["Họ tên"] != "trở lại" || row["Số điện thoại"] != nil {
		t.Errorf("the row is %v", row)
	}
}

// TestForgetDoubt: what may have been written is erased, too.
func TestForgetDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
	s.Write(t.Context(), leads("a", 2))
	if err := s.Forget(t.Context(), []string{"a-0000"}); err != nil {
		t.Fatal(err)
	}
	if rows := w.rows(); len(rows) != 1 || rows["a-0001"] == nil {
		t.Errorf("the rows are %v", rows)
	}
}

// TestForgetMany: rows made twice by a person go together, and one that goes
// meanwhile is in nobody's way.
func TestForgetMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	var keys []string
	for i, r := range leads("a", 600) {
		keys = append(keys, r.Key)
		if i < 3 {
			if _, err := w.PutRow(baseID, w.table, "", map[string]any{"Họ tên": r.Key}); err != nil {
				t.Fatal(err)
			}
		}
	}
	store(t, s, leads("a", 600)...)
	for _, key := range keys[:5] {
		if _, err := w.PutRow(baseID, w.table, "", map[string]any{"Mekong ID": key}); err != nil {
			t.Fatal(err)
		}
	}
	id := w.Rows(baseID, w.table)[10].ID
	w.RemoveRow(baseID, w.table, id) // known here, and gone there
	if err := s.Forget(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	if n := w.RowCount(baseID, w.table); n != 3 {
		t.Errorf("%d rows are left, want the 3 that are a person's", n)
	}
}

func TestForgetFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("a", 1)...)
	w.Inject(larksim.Fault{Kind: larksim.HTTPError, On: []larksim.Op{larksim.OpBatchDelete}, Next: 1})
	err := s.Forget(t.Context(), []string{"a-0000"})
	if err == nil {
		t.Error("an erasure that failed is said to be done")
	}
	if err := s.Forget(t.Context(), []string{"a-0000"}); err != nil || w.RowCount(baseID, w.table) != 0 {
		t.Errorf("%v, %d rows", err, w.RowCount(baseID, w.table))
	}
}
