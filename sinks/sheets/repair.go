package sheets

import (
	"math"
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
	key    string
	fresh  bool  // it was a new row, and its key is the first of cells
	tag    int64 // of the row; 0: it has none yet
	before []any // what the row held, by column
	cells  []put

	ver string // of the row, as it was written
	// twin says of a new row that by now its key has another one, which somebody else
	// has made. Then it is emptied.
	twin bool
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
	w := written{key: r.key, fresh: true, ver: r.ver, cells: []put{{t.key.index, r.key}, {t.version.index, r.ver}}}
	for _, p := range r.cells {
		w.cells = append(w.cells, put{p.c.index, p.v})
	}
	return w
}

// asChange is a change of a row that is there, as it is written to a tab.
func (r *row) asChange(t *tab, tag int64) written {
	w := written{key: r.key, tag: tag, ver: r.ver, before: r.found.values}
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
	book string
	gid  int64
	was  []*column // the columns as the writer saw them
	sure bool      // it was carried out, and something had changed
	rows []written // all of them new, or none
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

// moves says where columns are by now.
type moves struct {
	to   map[int64]int64 // where a column of before is
	from map[int64]int64 // which column of before one is
	ver  int64           // the version column; -1: there is none
}

func (d *doubtful) moves(t *tab) moves {
	m := moves{to: movedTo(d.was, t.columns), from: map[int64]int64{}, ver: -1}
	for from, to := range m.to {
		m.from[to] = from
	}
	if c := t.byTag(forVersion); c != nil {
		m.ver = c.index
	}
	return m
}

// mending are the cells that put a row right which holds got by now; none where
// nothing went wrong. arrived says that the row was written to at all, as far as that
// can be told. Columns may have moved more than once meanwhile, so that a value in a
// wrong place is known by being there, and not by the place.
func (w *written) mending(m moves, got []any) (cells []put, arrived bool) {
	at := func(list []any, i int64) any {
		if i < 0 || i >= int64(len(list)) {
			return nil
		}
		return list[i]
	}
	if w.fresh && !slices.Contains(got, any(w.ver)) {
		return nil, false // a row that only holds the key as well
	}
	place := func(i int64) int64 {
		if to, known := m.to[i]; known {
			return to
		}
		return -1
	}
	gone := w.twin || w.fresh && place(w.cells[0].at) < 0 // a row without a key is none
	if !gone {
		arrived = w.fresh
	}
	own := map[int64]bool{} // where values of this row belong
	for _, p := range w.cells {
		own[place(p.at)] = !gone
		arrived = arrived || p.v != nil && at(got, place(p.at)) == p.v && at(w.before, p.at) != p.v
	}
	stray := map[int64]bool{}
	lacking := false
	for _, p := range w.cells {
		there := at(got, place(p.at)) == p.v
		if p.v == nil || there && !telling(p.v) && !gone {
			continue
		}
		for i := range int64(len(got)) {
			if own[i] && there || i == place(p.at) && !gone || got[i] != p.v {
				continue
			}
			if was, known := m.from[i]; known && at(w.before, was) == p.v {
				continue // it has held that all along
			}
			stray[i] = true
			lacking = lacking || !there
		}
	}
	newer, _ := at(got, m.ver).(string)
	if lacking && !gone && !(isVersion(newer) && newer > w.ver) {
		for _, p := range w.cells {
			if to := place(p.at); to >= 0 && at(got, to) != p.v {
				cells = append(cells, put{to, p.v})
			}
		}
	}
	for i := range int64(len(got)) {
		if !stray[i] || own[i] {
			continue
		}
		var back any
		if was, known := m.from[i]; known {
			back = at(w.before, was)
		}
		cells = append(cells, put{i, back})
	}
	return cells, arrived || len(stray) > 0
}

// telling reports whether a value is one that hardly stands twice in a row by chance.
func telling(v any) bool {
	switch v := v.(type) {
	case string:
		return len(v) >= 6
	case float64:
		return v != math.Trunc(v)
	}
	return false
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
