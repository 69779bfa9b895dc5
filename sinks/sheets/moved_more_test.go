package sheets_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"mekong/config"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// TestOwnCellInTheSameSecond: a person moves a column right before a row is changed,
// and writes beside that row right after. What the person has written stays.
func TestOwnCellInTheSameSecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{NoQuotas: true})
	moved, wrote := false, false
	armed := false
	s := w.sink(w.hook(func(r *http.Request) {
		switch {
		case !armed:
		case !moved && strings.HasSuffix(r.URL.Path, "ByDataFilter"):
			w.InsertColumn(bookID, gid, 1, "Hai")
			moved = true
		case moved && !wrote:
			// Into its own column, into one that the change has hit, and into one of the
			// sink's that the change was not about.
			w.SetCell(bookID, gid, 1, w.column(own), "mới nhất")
			w.SetCell(bookID, gid, 1, w.column("Hai"), "của người")
			w.SetCell(bookID, gid, 1, w.column("phone"), "0911111111")
			wrote = true
		}
	}))
	store(t, s, leads(0, 3)...)
	w.mark()
	armed = true
	store(t, s, of("x", "k000", 1, map[string]any{"name": "Tên mới"}))
	got := w.rows()["k000"]
	if !wrote || got[own] != "mới nhất" || got["Hai"] != "của người" || got["phone"] != "0911111111" || got["name"] != "Tên mới" {
		t.Errorf("%v", got)
	}
}

// TestChangeCostsNoRead: what a change's answer shows is enough, also where a person
// has columns of its own at the right.
func TestChangeCostsNoRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{NoQuotas: true})
	s := w.sink(nil)
	store(t, s, leads(0, 5)...)
	w.mark()
	store(t, s, of("x", "k003", 1, map[string]any{"name": "A", "note": "x"}))
	before := w.Calls()
	store(t, s, of("y", "k001", 2, map[string]any{"name": "B"}), of("z", "k003", 2, map[string]any{"name": "C"}))
	after := w.Calls()
	if reads, writes := after.Reads-before.Reads, after.Writes-before.Writes; reads != 0 || writes != 2 {
		t.Errorf("%d reads and %d writes for a change of two rows", reads, writes)
	}
}

// TestLateInsert: rows arrive long after their answer was lost, right before the next
// call, and in columns that have moved meanwhile.
func TestLateInsert(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{NoQuotas: true})
	var late *http.Request
	hold, release := false, false
	s := w.sink(func(_ *config.Sheets, o *sheets.Options) {
		o.HTTP = &http.Client{Transport: slowLine{w.Transport(), func(r *http.Request) bool {
			if !hold || !strings.HasSuffix(r.URL.Path, ":batchUpdate") {
				return false
			}
			hold, late = false, copied(t, r)
			return true
		}, func(r *http.Request) {
			if release && strings.HasSuffix(r.URL.Path, ":batchUpdate") {
				release = false
				resp, err := w.Transport().RoundTrip(late)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("the late call: %v %v", resp.Status, err)
				}
				_ = resp.Body.Close()
			}
		}}}
	})
	store(t, s, leads(0, 4)...)
	w.mark()
	hold = true
	batch := leads(4, 3)
	for _, o := range s.Write(t.Context(), batch) {
		if e := sheets.As(o.Err); e == nil || !e.Ambiguous {
			t.Errorf("%v", o.Err)
		}
	}
	w.MoveColumn(bookID, gid, w.column("Mekong ID"), 4)
	w.InsertColumn(bookID, gid, 1, "Hai")
	release = true
	store(t, s, again(batch...)...)
	if release {
		t.Error("the late call was never sent")
	}
	got := w.rows()
	for _, r := range leads(0, 7) {
		if row := got[r.Key]; row == nil || row["phone"] != r.Fields["phone"] || row["name"] != r.Fields["name"] || row["Hai"] != nil {
			t.Errorf("row %s: %v", r.Key, row)
		}
	}
	if n := len(w.list(bookID, gid)); n != 7 {
		t.Errorf("%d rows: %v", n, w.list(bookID, gid))
	}
}

// TestProtectedHeader: changes are written also where the account may not edit the
// header, and are put right when columns move.
func TestProtectedHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{NoQuotas: true})
	armed := false
	s := w.sink(w.hook(func(r *http.Request) {
		if armed && strings.HasSuffix(r.URL.Path, "ByDataFilter") {
			armed = false
			w.MoveColumn(bookID, gid, w.column("phone"), w.column("name"))
		}
	}))
	store(t, s, leads(0, 3)...)
	w.mark()
	w.ProtectRange(bookID, gid, 0, 1, 0, 20)
	store(t, s, of("x", "k001", 1, map[string]any{"name": "A", "phone": "0911111111"}))
	armed = true
	store(t, s, of("y", "k002", 2, map[string]any{"name": "B", "phone": "0922222222"}))
	got := w.rows()
	if got["k001"]["name"] != "A" || got["k001"]["phone"] != "0911111111" || got["k002"]["name"] != "B" || got["k002"]["phone"] != "0922222222" {
		t.Errorf("%v", got)
	}
}
