package sheetsim

import "slices"

// dimension tells rows from columns.
type dimension string

const (
	rowsDim    dimension = "ROWS"
	columnsDim dimension = "COLUMNS"
)

// grow adds n rows or columns at the end of a tab.
func (t *tx) grow(s *sheet, d dimension, n int) *failure {
	if n <= 0 {
		return nil
	}
	if f := t.room(s, d, n); f != nil {
		return f
	}
	t.size(s)
	if d == rowsDim {
		s.rows += n
		return nil
	}
	s.cols += n
	s.columns = append(slices.Clone(s.columns), make([]column, n)...)
	return nil
}

// room says whether n more rows or columns fit the limits of a spreadsheet.
func (t *tx) room(s *sheet, d dimension, n int) *failure {
	more := n * s.cols
	if d == columnsDim {
		if s.cols+n > maxColumns {
			return invalid("This action would increase the number of columns in the sheet above the limit of %d columns.", maxColumns)
		}
		more = n * s.rows
	}
	if t.b.cells()+more > maxCells {
		return invalid("This action would increase the number of cells in the workbook above the limit of %d cells.", maxCells)
	}
	return nil
}

// insert makes n empty rows or columns before at. With before, they inherit the
// format of the one before them, otherwise of the one after.
func (t *tx) insert(s *sheet, d dimension, at, n int, before bool) *failure {
	if f := t.room(s, d, n); f != nil {
		return f
	}
	model := at
	if before {
		model = at - 1
	}
	if d == rowsDim {
		if at >= len(s.data) {
			t.size(s)
			s.rows += n
		} else {
			t.shape(s)
			s.rows += n
			s.data = slices.Insert(slices.Clone(s.data), at, make([]*row, n)...)
		}
		t.inheritRow(s, at, n, model+shiftIf(!before, n))
	} else {
		t.shape(s)
		s.cols += n
		s.columns = slices.Insert(slices.Clone(s.columns), at, make([]column, n)...)
		for r, w := range s.data {
			if w != nil && len(w.cells) > at {
				cells := slices.Insert(slices.Clone(w.cells), at, make([]cell, n)...)
				from := s.at(r, model)
				for i := range n {
					if f := from.format(); f != nil {
						cells[at+i].x = &extra{format: f}
					}
				}
				s.data[r] = &row{cells: cells, hidden: w.hidden, size: w.size, tx: t.id}
			}
		}
	}
	t.moved(s, d, func(i int) (int, bool) {
		if i >= at {
			return i + n, true
		}
		return i, true
	})
	return nil
}

func shiftIf(yes bool, n int) int {
	if yes {
		return n
	}
	return 0
}

func (t *tx) inheritRow(s *sheet, at, n, model int) {
	if model < 0 || model >= len(s.data) || s.data[model] == nil {
		return
	}
	for c, m := range s.data[model].cells {
		if f := m.format(); f != nil {
			for i := range n {
				t.row(s, at+i).cell(c).x = &extra{format: f}
			}
		}
	}
}

// remove deletes rows or columns [from, to).
func (t *tx) remove(s *sheet, d dimension, from, to int) *failure {
	n := to - from
	if d == rowsDim {
		if n >= s.rows {
			return invalid("You can't delete all the rows on the sheet.")
		}
		t.shape(s)
		s.rows -= n
		if from < len(s.data) {
			s.data = slices.Delete(slices.Clone(s.data), from, min(to, len(s.data)))
		}
	} else {
		if n >= s.cols {
			return invalid("You can't delete all the columns on the sheet.")
		}
		t.shape(s)
		s.cols -= n
		s.columns = slices.Delete(slices.Clone(s.columns), from, to)
		t.eachRow(s, func(cells []cell) []cell {
			if from >= len(cells) {
				return cells
			}
			return slices.Delete(cells, from, min(to, len(cells)))
		})
	}
	t.moved(s, d, func(i int) (int, bool) {
		switch {
		case i < from:
			return i, true
		case i < to:
			return from, false
		}
		return i - n, true
	})
	return nil
}

// move takes [from, to) out and puts it before the place that dest has now.
func (t *tx) move(s *sheet, d dimension, from, to, dest int) {
	if dest >= from && dest <= to {
		return
	}
	t.shape(s)
	n := to - from
	if d == rowsDim {
		data := slices.Clone(s.data)
		if len(data) < max(to, dest) {
			data = append(data, make([]*row, max(to, dest)-len(data))...)
		}
		s.data = moveWithin(data, from, to, dest)
	} else {
		s.columns = moveWithin(slices.Clone(s.columns), from, to, dest)
		t.eachRow(s, func(cells []cell) []cell {
			if len(cells) < max(to, dest) {
				cells = append(cells, make([]cell, max(to, dest)-len(cells))...)
			}
			return moveWithin(cells, from, to, dest)
		})
	}
	t.moved(s, d, func(i int) (int, bool) {
		switch {
		case i >= from && i < to && dest < from:
			return i - from + dest, true
		case i >= from && i < to:
			return i - from + dest - n, true
		case dest <= i && i < from:
			return i + n, true
		case to <= i && i < dest:
			return i - n, true
		}
		return i, true
	})
}

func moveWithin[T any](list []T, from, to, dest int) []T {
	part := slices.Clone(list[from:to])
	list = slices.Delete(list, from, to)
	if dest > from {
		dest -= to - from
	}
	return slices.Insert(list, dest, part...)
}

func (t *tx) eachRow(s *sheet, change func([]cell) []cell) {
	for r, w := range s.data {
		if w != nil {
			s.data[r] = &row{cells: change(slices.Clone(w.cells)), hidden: w.hidden, size: w.size, tx: t.id}
		}
	}
}

// moved makes metadata, named and protected ranges of a tab follow their rows or
// columns: to gives the new index of an old one, and whether it still exists.
func (t *tx) moved(s *sheet, d dimension, to func(int) (int, bool)) {
	s.edition++
	touch(t, &t.b.meta)
	keep := make([]*metadata, 0, len(t.b.meta))
	for _, m := range t.b.meta {
		if m.at.sheet == s && m.at.dim == d {
			i, alive := to(m.at.index)
			if !alive {
				continue
			}
			touch(t, &m.at.index)
			m.at.index = i
		}
		keep = append(keep, m)
	}
	t.b.meta = keep
	for _, n := range t.b.named {
		t.follow(&n.at, s, d, to)
	}
	for _, p := range t.b.protected {
		t.follow(&p.at, s, d, to)
	}
}

// follow moves the ends of a range with what they held.
func (t *tx) follow(a *area, s *sheet, d dimension, to func(int) (int, bool)) {
	if a.sheet != s {
		return
	}
	touch(t, a)
	lo, hi := &a.r0, &a.r1
	if d == columnsDim {
		lo, hi = &a.c0, &a.c1
	}
	if *hi >= 0 {
		i, alive := to(*hi - 1)
		*hi = i + shiftIf(alive, 1)
	}
	*lo, _ = to(*lo)
}
