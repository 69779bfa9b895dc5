package sheets

import (
	"slices"

	"mekong/sinks/columns"
)

// A row is written to by its tag, or made where new rows go, but its cells are written
// by the places of the columns: nothing in the API addresses both. A person who moves
// or inserts a column in the second between gets values into columns that they are not
// for. The answer shows the columns as they are afterwards, so that this is seen, and
// the cells are put back: what they held is known from the call before. Where the
// answer is lost, or putting them back is refused, what was written is kept until it
// was looked at; see settle.go.
//
// What is put back is only what a call has put in a wrong place, and only where it
// still stands: whatever a person has written there since is the person's.

// put is a value for a column's index.
type put struct {
	at int64
	v  any // nil empties the cell
}

// written is a row as it was written to, in columns as the writer knew them.
type written struct {
	tag    int64  // of the row; 0: it has none yet
	key    string // of a new row, and then the first of cells; "": the row was there
	before []any  // what the row held, by column
	cells  []put
}

// after is what the row holds where nothing has moved.
func (w *written) after() []any {
	out := slices.Clone(w.before)
	for _, p := range w.cells {
		for int64(len(out)) <= p.at {
			out = append(out, nil)
		}
		out[p.at] = p.v
	}
	return out
}

// body is what is sent for a tagged row.
func (w *written) body() filled {
	last := int64(0)
	for _, p := range w.cells {
		last = max(last, p.at)
	}
	cells := make([]any, last+1) // nil leaves a cell alone
	for _, p := range w.cells {
		if cells[p.at] = p.v; p.v == nil {
			cells[p.at] = ""
		}
	}
	return filled{w.tag, cells}
}

// asNew is a new row as it is written to a tab.
func (r *row) asNew(t *tab) written {
	w := written{key: r.key, cells: []put{{t.key.index, r.key}, {t.version.index, r.ver}}}
	for _, p := range r.cells {
		w.cells = append(w.cells, put{p.c.index, p.v})
	}
	return w
}

// asChange is a change of a row that is there, as it is written to a tab.
func (r *row) asChange(t *tab, tag int64) written {
	w := written{tag: tag, before: r.found.values}
	for _, p := range r.cells {
		w.cells = append(w.cells, put{p.c.index, p.v})
	}
	if r.ver != r.found.version {
		w.cells = append(w.cells, put{t.version.index, r.ver})
	}
	return w
}

// doubtful are rows that were written, or may have been, when the columns were no
// longer where their writer saw them.
type doubtful struct {
	book   string
	gid    int64
	was    []*column // the columns as the writer saw them
	during []*column // as they were when it was written, as far as is known; nil: not at all
	sure   bool      // it was carried out, and something had changed
	rows   []written
}

// moves says where columns are by now.
type moves struct {
	right map[int64]int64 // where a value that was for a column belongs
	wrong map[int64]int64 // where a value went that was for a column
	held  map[int64]int64 // which column of before lies where a value went; absent: none did
}

func (d *doubtful) moves(now []*column) moves {
	m := moves{right: movedTo(d.was, now), wrong: map[int64]int64{}, held: map[int64]int64{}}
	during, since := movedTo(d.was, d.during), movedTo(d.during, now)
	for _, w := range d.rows {
		for _, p := range w.cells {
			if _, known := m.wrong[p.at]; known {
				continue
			}
			// Of a column without a name nobody knows whether it was moved since.
			m.wrong[p.at] = p.at
			if at, ok := since[p.at]; ok {
				m.wrong[p.at] = at
			}
			for from, to := range during {
				if to == p.at {
					m.held[p.at] = from
				}
			}
		}
	}
	return m
}

// movedTo says where each column of before is now: found by its tags, or its header.
func movedTo(before, now []*column) map[int64]int64 {
	to, taken := map[int64]int64{}, map[int64]bool{}
	for _, old := range before {
		for _, c := range now {
			if !taken[c.index] && old.is(c) {
				to[old.index], taken[c.index] = c.index, true
				break
			}
		}
	}
	return to
}

// is reports whether a column is one that was seen before.
func (c *column) is(d *column) bool {
	if len(c.tags) == 0 || len(d.tags) == 0 {
		return len(c.tags) == len(d.tags) && columns.Heading(c.header) == columns.Heading(d.header)
	}
	return slices.ContainsFunc(c.tags, d.tagged)
}

// mending are the cells that put a row right which holds got by now; none where
// nothing went wrong.
func (w *written) mending(m moves, got []any) (cells []put) {
	at := func(i int64, ok bool) any {
		if !ok || i >= int64(len(got)) {
			return nil
		}
		return got[i]
	}
	wrong, right := int64(0), int64(0)
	for _, p := range w.cells {
		to, known := m.right[p.at]
		if from := m.wrong[p.at]; p.v != nil && (!known || to != from) {
			there, here := at(from, true) == p.v, at(to, known) == p.v
			wrong += b2i(there && !here)
			right += b2i(here && !there)
		}
	}
	if wrong == 0 || right > 0 {
		return nil
	}
	belongs := map[int64]bool{}
	lost := false // a new row without its key column is none
	if w.key != "" {
		_, keyed := m.right[w.cells[0].at]
		lost = !keyed
	}
	for _, p := range w.cells {
		to, known := m.right[p.at]
		if !known || lost {
			continue
		}
		belongs[to] = true
		if at(to, true) != p.v {
			cells = append(cells, put{to, p.v})
		}
	}
	for _, p := range w.cells {
		from := m.wrong[p.at]
		if belongs[from] || p.v == nil || at(from, true) != p.v {
			continue
		}
		belongs[from] = true
		var back any
		if old, ok := m.held[p.at]; ok && old < int64(len(w.before)) {
			back = w.before[old]
		}
		cells = append(cells, put{from, back})
	}
	return cells
}

// alike compares rows by their cells; a cell that holds "" is empty.
func alike(a, b []any) bool {
	at := func(r []any, i int) any {
		if i >= len(r) || r[i] == "" {
			return nil
		}
		return r[i]
	}
	for i := range max(len(a), len(b)) {
		if at(a, i) != at(b, i) {
			return false
		}
	}
	return true
}
