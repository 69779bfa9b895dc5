package sheets

import "mekong/sinks/columns"

// plan works out what row r lacks in tab t: r.cells, by column. Nothing to write is no
// cells and an unchanged version.
func (s *Sink) plan(t *tab, r *row) {
	r.cells, r.cut, r.ver = map[*column]any{}, nil, ""
	filled := func(*column) bool { return false }
	if f := r.found; f != nil {
		r.ver = f.version
		filled = func(c *column) bool { return f.at(c.index) != nil }
	}
	for _, e := range r.entries {
		newer := e.version >= r.ver
		ranks := map[*column]int{}
		for _, f := range e.list {
			for _, c := range t.of(f.name) {
				if c == t.key || c == t.version {
					continue
				}
				rank := 0
				if t.named == nil {
					rank = columns.Rank(f.name, c.header)
				}
				// Of two fields that suit one column the better one goes there.
				if before, taken := ranks[c]; taken && before <= rank {
					continue
				}
				_, has := r.cells[c]
				if _, taken := ranks[c]; !newer && !taken && (has || filled(c)) {
					continue
				}
				v, cut := cell(f.v, dates(f), t.book.zone)
				if v == nil {
					continue
				}
				r.cells[c], ranks[c] = v, rank
				if cut {
					r.cut = append(r.cut, c.header)
				}
			}
		}
		if newer {
			r.ver = e.version
		}
	}
	if f := r.found; f != nil {
		for c, v := range r.cells {
			if f.at(c.index) == v {
				delete(r.cells, c)
			}
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
