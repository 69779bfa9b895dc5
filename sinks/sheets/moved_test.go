package sheets_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mekong/pipeline"
	"mekong/sinks/sheets/sheetsim"
)

// movers are what a person does to columns.
var movers = map[string]func(w *world){
	"move a column to the left": func(w *world) { w.MoveColumn(bookID, gid, w.column("phone"), 0) },
	"move the key":              func(w *world) { w.MoveColumn(bookID, gid, w.column("Mekong ID"), 4) },
	"move the version":          func(w *world) { w.MoveColumn(bookID, gid, w.column("Mekong version"), 1) },
	// Both were written to, so that their rows look the same afterwards.
	"move among the written":   func(w *world) { w.MoveColumn(bookID, gid, w.column("phone"), w.column("name")) },
	"move a column of its own": func(w *world) { w.MoveColumn(bookID, gid, w.column(own), 1) },
	"insert a column":          func(w *world) { w.InsertColumn(bookID, gid, 1, "Ghi riêng") },
	"insert two":               func(w *world) { w.InsertColumn(bookID, gid, 0, "Một"); w.InsertColumn(bookID, gid, 3, "Hai") },
	"delete a column":          func(w *world) { w.DeleteColumn(bookID, gid, w.column("phone")) },
	"delete the key":           func(w *world) { w.DeleteColumn(bookID, gid, w.column("Mekong ID")) },
}

func (w *world) column(name string) int { return header(w.Values(bookID, gid), name) }

// TestMovedAndLost lets a person move columns right before rows are made or changed, in
// a call whose answer is lost, or whose repair is refused. The rows end where they
// belong, and nothing is left in a column of the person's own.
func TestMovedAndLost(t *testing.T) {
	t.Parallel()
	const insert, change = ":batchUpdate", ":batchUpdateByDataFilter"
	for name, move := range movers {
		for _, call := range []string{insert, change} {
			for _, fate := range []string{"lost", "lost twice", "repair refused", "repair lost"} {
				t.Run(name+" "+call+" "+fate, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, sheetsim.Options{NoQuotas: true})
					armed, writes := false, 0
					var faults []*sheetsim.Armed
					fault := func(f sheetsim.Fault) {
						f.Writes, f.Next = true, 1
						faults = append(faults, w.Fault(f))
					}
					s := w.sink(w.hook(func(r *http.Request) {
						if !armed || !strings.Contains(r.URL.Path, "atchUpdate") || writes == 0 && !strings.HasSuffix(r.URL.Path, call) {
							return
						}
						switch writes++; {
						case writes == 1:
							move(w)
							if strings.HasPrefix(fate, "lost") {
								fault(sheetsim.Fault{Kind: sheetsim.Reset, Applied: true})
							}
						case writes == 2 && fate == "lost twice", writes == 3 && fate == "repair lost":
							fault(sheetsim.Fault{Kind: sheetsim.Reset, Applied: true})
						case writes <= 3 && fate == "repair refused":
							fault(sheetsim.Fault{Kind: sheetsim.RateLimited})
						}
					}))
					store(t, s, leads(0, 6)...)
					w.mark()
					batch := leads(6, 3)
					if call == change {
						batch = nil
						for i := range 4 {
							key := fmt.Sprintf("k%03d", i)
							batch = append(batch, of("later-"+key, key, 1, map[string]any{"name": "Tên " + key, "phone": "08" + key, "note": "lần hai"}))
						}
						store(t, s, of("first", "k005", 1, map[string]any{"note": "lần đầu"}))
					}
					armed = true
					w.bring(s.Write, batch)
					armed = false
					for _, f := range faults {
						f.Remove()
					}
					// The next records must not be put beside them.
					store(t, s, leads(20, 2)...)
					w.whole(name, call == insert)
				})
			}
		}
	}
}

// bring writes a batch until all of it is stored, as a worker does.
func (w *world) bring(write func(context.Context, []pipeline.Record) []pipeline.Outcome, batch []pipeline.Record) {
	w.t.Helper()
	for try := 0; len(batch) > 0; try++ {
		if try > 20 {
			w.t.Fatal("it does not end")
		}
		var left []pipeline.Record
		for i, o := range write(w.t.Context(), batch) {
			if o.Err != nil {
				if pipeline.IsPermanent(o.Err) {
					w.t.Fatal(o.Err)
				}
				left = append(left, again(batch[i])...)
				if wait, _ := pipeline.IsHold(o.Err); i == 0 {
					w.Advance(wait)
				}
			}
		}
		batch = left
	}
}

// whole looks at the tab of TestMovedAndLost.
func (w *world) whole(name string, inserted bool) {
	w.t.Helper()
	values := w.Values(bookID, gid)
	got := w.rows()
	want := leads(0, 6)
	if inserted {
		want = leads(0, 9)
	}
	want = append(want, leads(20, 2)...)
	keyed := name != "delete the key" // then rows that were there are the person's now
	for i, r := range want {
		before, changed := i < 6, i < 4 && !inserted
		if before && !changed && !keyed {
			continue
		}
		row, mine := got[r.Key], any(nil)
		if before && keyed {
			mine = "của " + r.Key
		}
		switch {
		case row == nil || row[own] != mine || !changed && row["name"] != r.Fields["name"]:
			w.t.Errorf("row %s: %v", r.Key, row)
		case changed && (row["note"] != "lần hai" || row["name"] != "Tên "+r.Key || row["phone"] != "08"+r.Key):
			w.t.Errorf("row %s is not as it was changed: %v", r.Key, row)
		case name != "delete a column" && !changed && (keyed || !before) && row["phone"] != r.Fields["phone"]:
			w.t.Errorf("row %s: %v", r.Key, row)
		}
	}
	if keyed && len(got) != len(want) {
		w.t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i, r := range w.list(bookID, gid) {
		if keyed && r["Mekong ID"] == nil && len(r) > 0 {
			w.t.Errorf("row %d has no key and holds %v", i+2, r)
		}
		for _, head := range []string{"Ghi riêng", "Một", "Hai"} {
			if r[head] != nil {
				w.t.Errorf("row %d: the new column %s holds %v", i+2, head, r[head])
			}
		}
	}
	for i, line := range values {
		for c, v := range line {
			if v != nil && (c >= len(values[0]) || values[0][c] == nil) {
				w.t.Errorf("row %d: %v stands under no header", i+1, v)
			}
		}
	}
	if w.t.Failed() {
		for _, line := range values {
			w.t.Logf("%v", line)
		}
	}
}
