package sheetsim

import "slices"

type appendDimension struct {
	SheetID   int64  `json:"sheetId"`
	Dimension string `json:"dimension"`
	Length    int64  `json:"length"`
}

func (q *appendDimension) run(e *edit) (any, *failure) {
	s, f := e.tab(q.SheetID)
	if f != nil {
		return nil, f
	}
	d, f := parseDimension(q.Dimension)
	if f != nil {
		return nil, f
	}
	if q.Length <= 0 {
		return nil, invalid("length must be positive.")
	}
	return nil, e.grow(s, d, clamp(q.Length))
}

type insertDimension struct {
	Range   *dimensionRange `json:"range"`
	Inherit bool            `json:"inheritFromBefore"`
}

func (q *insertDimension) run(e *edit) (any, *failure) {
	s, d, from, to, f := e.span(q.Range)
	if f != nil {
		return nil, f
	}
	size := s.rows
	if d == columnsDim {
		size = s.cols
	}
	if from > size {
		return nil, invalid("range.startIndex[%d] is too large: there are %d %s.", from, size, d)
	}
	if q.Inherit && from == 0 {
		return nil, invalid("inheritFromBefore cannot be true when inserting at the first row or column.")
	}
	if from == size && !q.Inherit {
		return nil, invalid("range.startIndex[%d] must be less than the grid size if inheritFromBefore is false.", from)
	}
	return nil, e.insert(s, d, from, to-from, q.Inherit)
}

type deleteDimension struct {
	Range *dimensionRange `json:"range"`
}

func (q *deleteDimension) run(e *edit) (any, *failure) {
	s, d, from, to, f := e.inside(q.Range)
	if f != nil {
		return nil, f
	}
	if d == rowsDim {
		f = e.writable(s, from, to, 0, s.cols)
	} else {
		f = e.writable(s, 0, s.rows, from, to)
	}
	if f != nil {
		return nil, f
	}
	return nil, e.remove(s, d, from, to)
}

// inside is span, held against the grid.
func (e *edit) inside(r *dimensionRange) (s *sheet, d dimension, from, to int, f *failure) {
	if s, d, from, to, f = e.span(r); f != nil {
		return
	}
	size := s.rows
	if d == columnsDim {
		size = s.cols
	}
	if to > size {
		f = invalid("DimensionRange exceeds the grid: it ends at %d, there are %d %s.", to, size, d)
	}
	return
}

type moveDimension struct {
	Source *dimensionRange `json:"source"`
	Dest   int64           `json:"destinationIndex"`
}

func (q *moveDimension) run(e *edit) (any, *failure) {
	s, d, from, to, f := e.inside(q.Source)
	if f != nil {
		return nil, f
	}
	size := s.rows
	if d == columnsDim {
		size = s.cols
	}
	if q.Dest < 0 || q.Dest > int64(size) {
		return nil, invalid("destinationIndex[%d] is out of bounds.", q.Dest)
	}
	if d == rowsDim {
		f = e.writable(s, from, to, 0, s.cols)
	} else {
		f = e.writable(s, 0, s.rows, from, to)
	}
	if f != nil {
		return nil, f
	}
	e.move(s, d, from, to, int(q.Dest))
	return nil, nil
}

type updateDimension struct {
	Range  *dimensionRange `json:"range"`
	Props  *dimensionProps `json:"properties"`
	Fields string          `json:"fields"`
}

func (q *updateDimension) run(e *edit) (any, *failure) {
	s, d, from, to, f := e.inside(q.Range)
	if f != nil {
		return nil, f
	}
	m, f := parseMask(q.Fields, nil)
	if f != nil {
		return nil, f
	}
	if m.empty() {
		return nil, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	for name := range m.sub {
		if name != "hiddenByUser" && name != "pixelSize" && name != "*" {
			return nil, invalid("Invalid field: %s", name)
		}
	}
	p := q.Props
	if p == nil {
		p = &dimensionProps{}
	}
	if to-from > mostWritten {
		return nil, notSimulated("a change of so many rows")
	}
	if d == columnsDim {
		touch(e.tx, &s.columns)
		s.columns = slices.Clone(s.columns)
	}
	for i := from; i < to; i++ {
		var hidden *bool
		var size *int
		if d == columnsDim {
			hidden, size = &s.columns[i].hidden, &s.columns[i].size
		} else {
			w := e.row(s, i)
			hidden, size = &w.hidden, &w.size
		}
		if m.has("hiddenByUser") {
			*hidden = p.HiddenByUser
		}
		if m.has("pixelSize") {
			*size = int(p.PixelSize)
		}
	}
	return nil, nil
}

type sortRange struct {
	Range *gridRange `json:"range"`
	Specs []sortSpec `json:"sortSpecs"`
}

type sortSpec struct {
	Column int64  `json:"dimensionIndex"`
	Order  string `json:"sortOrder"`
}

func (q *sortRange) run(e *edit) (any, *failure) {
	a, f := e.area(q.Range)
	if f != nil {
		return nil, f
	}
	a = a.clip()
	for _, sp := range q.Specs {
		if sp.Column < 0 || sp.Column >= int64(a.sheet.cols) {
			return nil, invalid("sortSpecs.dimensionIndex[%d] is out of bounds.", sp.Column)
		}
	}
	if f := e.writable(a.sheet, a.r0, a.r1, a.c0, a.c1); f != nil {
		return nil, f
	}
	e.sort(a, q.Specs)
	return nil, nil
}

// sort orders the rows of an area: numbers, texts, truths, then empty cells at the
// end whichever way. Rows sorted over their whole width take their metadata along
// (`sinks.md` §A5).
func (e *edit) sort(a area, specs []sortSpec) {
	s := a.sheet
	end := min(a.r1, len(s.data))
	if end <= a.r0 {
		return
	}
	order := make([]int, end-a.r0)
	for i := range order {
		order[i] = a.r0 + i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		for _, sp := range specs {
			if n := compare(s.at(x, int(sp.Column)).v, s.at(y, int(sp.Column)).v, sp.Order == "DESCENDING"); n != 0 {
				return n
			}
		}
		return 0
	})
	whole := a.c0 == 0 && a.c1 == s.cols
	e.shape(s)
	data := slices.Clone(s.data)
	to := make(map[int]int, len(order))
	for i, from := range order {
		to[from] = a.r0 + i
		if whole {
			data[a.r0+i] = s.data[from]
			continue
		}
		w := &row{tx: e.id}
		if was := s.data[a.r0+i]; was != nil {
			*w = row{cells: slices.Clone(was.cells), hidden: was.hidden, size: was.size, tx: e.id}
		}
		for c := a.c0; c < a.c1; c++ {
			if x := s.at(from, c); x != (cell{}) || c < len(w.cells) {
				*w.cell(c) = x
			}
		}
		data[a.r0+i] = w
	}
	s.data = data
	if whole {
		e.carry(s, to)
		return
	}
	s.edition++
}

// carry moves the metadata of sorted rows; ranges stay where they are.
func (t *tx) carry(s *sheet, to map[int]int) {
	s.edition++
	for _, m := range t.b.meta {
		if i, ok := to[m.at.index]; ok && m.at.sheet == s && m.at.dim == rowsDim {
			touch(t, &m.at.index)
			m.at.index = i
		}
	}
}
