package sheets

import (
	"cmp"
	"slices"
)

// plan works out what row r lacks in tab t: r.cells. Nothing to write is no cells and
// an unchanged version.
func (s *Sink) plan(t *tab, r *row) {
	r.cells, r.cut, r.ver = r.cells[:0], nil, ""
	if r.found != nil {
		r.ver = r.found.version
	}
	if need := len(r.entries[0].record.Fields) + 2; cap(r.cells) < need {
		r.cells = make([]placed, 0, need)
	}
	for _, e := range r.entries {
		newer := e.version >= r.ver
		for name, v := range e.record.Fields {
			if !empty(v) {
				r.place(t, e, newer, value{name, v, true})
			}
		}
		for _, name := range ofRecord {
			if len(t.goal(name).to) == 0 {
				continue
			}
			if v, ok := e.beside(name); ok {
				r.place(t, e, newer, value{name, v, false})
			}
		}
		if newer {
			r.ver = e.version
		}
	}
	if f := r.found; f != nil {
		r.cells = slices.DeleteFunc(r.cells, func(p placed) bool { return f.at(p.c.index) == p.v })
	}
	slices.SortFunc(r.cells, func(a, b placed) int { return cmp.Compare(a.c.index, b.c.index) })
	r.size = r.weight()
}

// place puts a field of e where it goes, unless something better is there.
func (r *row) place(t *tab, e *entry, newer bool, f value) {
	g := t.goal(f.name)
	for _, c := range g.to {
		if c == t.key || c == t.version {
			continue
		}
		i := slices.IndexFunc(r.cells, func(p placed) bool { return p.c == c })
		if i >= 0 && r.cells[i].by == e {
			// Of two fields that suit one column the better one goes there.
			if p := &r.cells[i]; p.rank < g.rank || p.rank == g.rank && (!f.own || p.name <= f.name) {
				continue
			}
		} else if !newer && (i >= 0 || r.found != nil && r.found.at(c.index) != nil) {
			continue
		}
		v, cut := cell(f.v, dates(f.name), t.book.zone)
		if v == nil {
			continue
		}
		if i < 0 {
			i = len(r.cells)
			r.cells = append(r.cells, placed{})
		}
		r.cells[i] = placed{c, v, e, f.name, g.rank}
		if cut {
			r.cut = append(r.cut, c.header)
		}
	}
}

// at is a cell of the row as it is, nil for an empty one.
func (f *found) at(column int64) any {
	if column < 0 || column >= int64(len(f.values)) {
		return nil
	}
	return f.values[column]
}

// changed reports whether there is anything to write for r, which is there already.
func (r *row) changed() bool { return len(r.cells) > 0 || r.ver != r.found.version }
