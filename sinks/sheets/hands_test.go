package sheets_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mekong/pipeline"
	"mekong/sinks/sheets/sheetsim"
)

// leads are n records, with keys from first on.
func leads(first, n int) []pipeline.Record {
	var out []pipeline.Record
	for i := range n {
		id := fmt.Sprintf("k%03d", first+i)
		out = append(out, record(id, map[string]any{"name": "Khách " + id, "phone": fmt.Sprintf("09%08d", (first+i)*7919%100000000)}))
	}
	return out
}

// own is a person's column, in which each row is marked with its own key.
const own = "Của tôi"

// mark writes a person's column beside all rows there are.
func (w *world) mark() {
	values := w.Values(bookID, gid)
	at := len(values[0])
	if c := header(values, own); c >= 0 {
		at = c
	}
	w.SetCell(bookID, gid, 0, at, own)
	for i := range values {
		if i > 0 && len(values[i]) > 0 {
			if key, ok := values[i][header(values, "Mekong ID")].(string); ok {
				w.SetCell(bookID, gid, i, at, "của "+key)
			}
		}
	}
}

func header(values [][]any, name string) int {
	for c, h := range values[0] {
		if h == name {
			return c
		}
	}
	return -1
}

// TestHands lets a person do to the tab what people do, between the writes and right
// before each call of a write.
func TestHands(t *testing.T) {
	t.Parallel()
	col := func(w *world, name string) int { return header(w.Values(bookID, gid), name) }
	hands := map[string]func(w *world){
		"sort":          func(w *world) { w.SortRows(bookID, gid, col(w, "phone"), true) },
		"insert above":  func(w *world) { w.InsertRows(bookID, gid, 1, 2) },
		"insert middle": func(w *world) { w.InsertRows(bookID, gid, 3, 1) },
		"insert below":  func(w *world) { w.InsertRows(bookID, gid, len(w.Values(bookID, gid)), 3) },
		"move rows":     func(w *world) { w.MoveRows(bookID, gid, 1, 2, 5) },
		"move column":   func(w *world) { w.MoveColumn(bookID, gid, col(w, "phone"), 0) },
		"move the key":  func(w *world) { w.MoveColumn(bookID, gid, col(w, "Mekong ID"), 4) },
		"own column":    func(w *world) { w.InsertColumn(bookID, gid, 1, "Ghi riêng") },
		"rename":        func(w *world) { w.RenameTab(bookID, gid, "Khách "+w.Now().Format("150405.000")) },
		"lone row":      func(w *world) { w.SetCell(bookID, gid, len(w.Values(bookID, gid))+1, col(w, own), "tổng") },
	}
	for name, hand := range hands {
		for _, when := range []string{"between", ":batchUpdate", ":batchUpdateByDataFilter"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, sheetsim.Options{})
				times := 0
				s := w.sink(w.hook(func(r *http.Request) {
					if when != "between" && times > 0 && strings.HasSuffix(r.URL.Path, when) {
						times--
						hand(w)
					}
				}))
				store(t, s, leads(0, 8)...)
				w.mark()
				for round := range 3 {
					if when == "between" {
						hand(w)
					}
					times = 1
					first := 8 + round*4
					batch := leads(first, 4)
					for k := range 3 {
						key := fmt.Sprintf("k%03d", round+k*2)
						batch = append(batch, of(fmt.Sprintf("later-%d-%d", round, k), key, 1+round, map[string]any{"name": "Khách " + key, "note": fmt.Sprintf("lần %d", round)}))
					}
					for i, o := range s.Write(t.Context(), batch) {
						if o.Err != nil {
							if pipeline.IsPermanent(o.Err) {
								t.Fatal(o.Err)
							}
							store(t, s, again(batch[i])...)
						}
					}
				}
				got := w.rows()
				if len(got) != 20 {
					t.Errorf("%d rows, want 20", len(got))
				}
				for _, r := range leads(0, 20) {
					row := got[r.Key]
					if row == nil || row["name"] != r.Fields["name"] || row["phone"] != r.Fields["phone"] {
						t.Errorf("row %s: %v", r.Key, row)
					}
				}
				for i := range 8 {
					key := fmt.Sprintf("k%03d", i)
					if got[key][own] != "của "+key {
						t.Errorf("row %s: the person's own cell is %v", key, got[key][own])
					}
					want := any(nil)
					for round := range 3 {
						for k := range 3 {
							if round+k*2 == i {
								want = fmt.Sprintf("lần %d", round)
							}
						}
					}
					if got[key]["note"] != want {
						t.Errorf("row %s: note %v, want %v", key, got[key]["note"], want)
					}
				}
			})
		}
	}
}

// TestDeletedRow: a row that a person deleted comes back with the next record of its
// key, and no other row is touched.
func TestDeletedRow(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"between", ":batchUpdate", ":batchUpdateByDataFilter"} {
		w := newWorld(t, sheetsim.Options{})
		now := false
		s := w.sink(w.hook(func(r *http.Request) {
			if now && strings.HasSuffix(r.URL.Path, when) {
				now = false
				w.DeleteRows(bookID, gid, 2, 1) // k001
			}
		}))
		store(t, s, leads(0, 5)...)
		store(t, s, of("x", "k003", 1, map[string]any{"note": "x"}))
		now = true
		if when == "between" {
			now = false
			w.DeleteRows(bookID, gid, 2, 1)
		}
		store(t, s, of("y", "k001", 1, map[string]any{"note": "y"}))
		got := w.rows()
		if len(got) != 5 || got["k001"]["note"] != "y" || got["k001"]["name"] != nil || got["k003"]["note"] != "x" || got["k002"]["name"] != "Khách k002" {
			t.Errorf("%s: %v", when, got)
		}
	}
}

// TestLostHeader: a person deletes the header's row, or empties a cell of it.
func TestLostHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(nil)
	store(t, s, leads(0, 3)...)
	w.DeleteRows(bookID, gid, 0, 1)
	s = w.sink(nil)
	store(t, s, leads(3, 2)...)
	if got := w.rows(); len(got) != 5 || got["k000"]["phone"] == nil {
		t.Errorf("%v", got)
	}
	w.RenameHeader(bookID, gid, header(w.Values(bookID, gid), "phone"), "")
	s = w.sink(nil)
	store(t, s, leads(5, 1)...)
	if got := w.rows(); len(got) != 6 || got["k005"]["phone"] == nil {
		t.Errorf("%v", got)
	}
	if f := w.Tabs(bookID)[0].FrozenRows; f != 1 {
		t.Errorf("%d rows are frozen", f)
	}
}

// TestRenamedHeader: a renamed column stays what it was, in a new process too.
func TestRenamedHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	store(t, w.sink(nil), leads(0, 2)...)
	at := header(w.Values(bookID, gid), "phone")
	w.RenameHeader(bookID, gid, at, "Gọi số này")
	store(t, w.sink(nil), leads(2, 2)...)
	if got := w.rows(); got["k003"]["Gọi số này"] == nil || got["k003"]["phone"] != nil {
		t.Errorf("%v", got["k003"])
	}
}
