package sheetsim

import (
	"maps"
	"unicode/utf16"
)

// cellFields are the parts of a cell that a mask of a write names.
type cellFields struct {
	value, format, note, rule bool
	sub                       *mask // below userEnteredFormat; nil or empty: all of it
}

func parseCellFields(text string) (cellFields, *failure) {
	var out cellFields
	m, f := parseMask(text, nil)
	if f != nil {
		return out, f
	}
	if m.empty() {
		return out, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	for name, sub := range m.sub {
		switch name {
		case "*":
			out.value, out.format, out.note, out.rule = true, true, true, true
		case "userEnteredValue":
			out.value = true
		case "userEnteredFormat":
			out.format, out.sub = true, sub
		case "note":
			out.note = true
		case "dataValidation":
			out.rule = true
		case "textFormatRuns", "pivotTable", "dataSourceTable", "chipRuns":
			return out, notSimulated("the cell field " + name)
		default:
			return out, invalid("Invalid field: %s", name)
		}
	}
	return out, nil
}

// put writes the masked parts of d into a cell; a masked part that d does not have is cleared.
func (e *edit) put(s *sheet, r, c int, d *cellData, fields cellFields) *failure {
	var v any
	formula := ""
	if fields.value && d.Entered != nil {
		var f *failure
		if v, formula, f = e.entered(d.Entered); f != nil {
			return f
		}
	}
	if fields.value {
		e.set(s, r, c, v, formula)
	}
	if !fields.format && !fields.note && !fields.rule {
		return nil
	}
	old := s.at(r, c).x
	var x extra
	if old != nil {
		x = *old
	}
	if fields.format {
		if x.format = merge(s.formatAt(r, c), d.Format, fields.sub); x.format == nil && s.columnFormat(r, c) != nil {
			x.format = object{} // explicitly none, whatever the column has
		}
	}
	if fields.note {
		x.note = d.Note
	}
	if fields.rule {
		x.rule = d.Rule
	}
	if now := x.orNil(); now != nil || old != nil {
		e.row(s, r).cell(c).x = now
	}
	return nil
}

func (e *edit) entered(x *extendedValue) (any, string, *failure) {
	n := 0
	for _, set := range []bool{x.Number != nil, x.String != nil, x.Bool != nil, x.Formula != nil, x.Error != nil} {
		if set {
			n++
		}
	}
	switch {
	case n > 1:
		return nil, "", invalid("Only one value of ExtendedValue may be set.")
	case x.Number != nil:
		return *x.Number, "", nil
	case x.Bool != nil:
		return *x.Bool, "", nil
	case x.String != nil:
		if f := fits(*x.String); f != nil {
			return nil, "", f
		}
		if *x.String == "" {
			return nil, "", nil
		}
		return *x.String, "", nil
	case x.Formula != nil:
		if len(*x.Formula) == 0 || (*x.Formula)[0] != '=' {
			return nil, "", invalid("Formula does not begin with '='.")
		}
		if f := fits(*x.Formula); f != nil {
			return nil, "", f
		}
		return evaluate(*x.Formula), *x.Formula, nil
	case x.Error != nil:
		return nil, "", invalid("errorValue is read-only.")
	}
	return nil, "", nil
}

// fits holds a text against the limit of a cell, counted in UTF-16 units.
func fits(text string) *failure {
	if len(text) <= maxText {
		return nil
	}
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	if n > maxText {
		return invalid("Your input contains more than the maximum of %d characters in a single cell.", maxText)
	}
	return nil
}

// merge puts the parts of now that m names into old.
func merge(old, now object, m *mask) object {
	if m.empty() || m.sub["*"] != nil {
		return now
	}
	out := maps.Clone(old)
	if out == nil {
		out = object{}
	}
	for name, sub := range m.sub {
		v, has := now[name]
		if !sub.empty() {
			was, _ := out[name].(object)
			is, _ := v.(object)
			v = merge(was, is, sub)
			has = v.(object) != nil
		}
		if has {
			out[name] = v
		} else {
			delete(out, name)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

type updateCells struct {
	Rows   []rowData   `json:"rows"`
	Fields string      `json:"fields"`
	Start  *coordinate `json:"start"`
	Range  *gridRange  `json:"range"`
}

func (q *updateCells) run(e *edit) (any, *failure) {
	fields, f := parseCellFields(q.Fields)
	if f != nil {
		return nil, f
	}
	if (q.Start == nil) == (q.Range == nil) {
		return nil, invalid("Exactly one of 'start' and 'range' must be set.")
	}
	var a area
	if q.Range != nil {
		if a, f = e.area(q.Range); f != nil {
			return nil, f
		}
		a = a.clip()
	} else {
		s, f := e.tab(q.Start.SheetID)
		if f != nil {
			return nil, f
		}
		if q.Start.Row < 0 || q.Start.Column < 0 {
			return nil, invalid("start is out of bounds.")
		}
		a = area{sheet: s, r0: clamp(q.Start.Row), c0: clamp(q.Start.Column), r1: s.rows, c1: s.cols}
	}
	if f := e.writable(a.sheet, a.r0, a.r0+max(len(q.Rows), 1), a.c0, a.c1); f != nil {
		return nil, f
	}
	for i := range q.Rows {
		r := a.r0 + i
		if r >= a.r1 {
			return nil, invalid("Attempting to write row: %d, beyond the last requested row of: %d", r, a.r1-1)
		}
		cells := q.Rows[i].Values
		if a.c0+len(cells) > a.c1 {
			return nil, invalid("Attempting to write column: %d, beyond the last requested column of: %d", a.c1, a.c1-1)
		}
		if len(cells) > 0 && r >= len(a.sheet.data) {
			e.row(a.sheet, r).cells = make([]cell, 0, a.c0+len(cells))
		}
		for j := range cells {
			if f := e.put(a.sheet, r, a.c0+j, &cells[j], fields); f != nil {
				return nil, f
			}
		}
		if q.Range != nil {
			e.wipe(a.sheet, r, r+1, a.c0+len(cells), a.c1, fields)
		}
	}
	if q.Range != nil {
		e.wipe(a.sheet, a.r0+len(q.Rows), a.r1, a.c0, a.c1, fields)
	}
	a.sheet.edition++
	return nil, nil
}

// wipe clears the masked parts of the cells of a rectangle that exist.
func (e *edit) wipe(s *sheet, r0, r1, c0, c1 int, fields cellFields) {
	for r := r0; r < min(r1, len(s.data)); r++ {
		if s.data[r] == nil {
			continue
		}
		for c := c0; c < min(c1, len(s.data[r].cells)); c++ {
			// Clearing cannot fail: nothing is too long.
			_ = e.put(s, r, c, &cellData{}, fields)
		}
	}
}

type appendCells struct {
	SheetID int64     `json:"sheetId"`
	Rows    []rowData `json:"rows"`
	Fields  string    `json:"fields"`
}

func (q *appendCells) run(e *edit) (any, *failure) {
	fields, f := parseCellFields(q.Fields)
	if f != nil {
		return nil, f
	}
	s, f := e.tab(q.SheetID)
	if f != nil {
		return nil, f
	}
	at := s.lastFilled()
	width := 0
	for i := range q.Rows {
		width = max(width, len(q.Rows[i].Values))
	}
	if f := e.grow(s, columnsDim, width-s.cols); f != nil {
		return nil, f
	}
	if f := e.grow(s, rowsDim, at+len(q.Rows)-s.rows); f != nil {
		return nil, f
	}
	if f := e.writable(s, at, at+len(q.Rows), 0, max(width, 1)); f != nil {
		return nil, f
	}
	for i := range q.Rows {
		cells := q.Rows[i].Values
		for j := range cells {
			if f := e.put(s, at+i, j, &cells[j], fields); f != nil {
				return nil, f
			}
		}
	}
	s.edition++
	return nil, nil
}

type repeatCell struct {
	Range  *gridRange `json:"range"`
	Cell   *cellData  `json:"cell"`
	Fields string     `json:"fields"`
}

func (q *repeatCell) run(e *edit) (any, *failure) {
	fields, f := parseCellFields(q.Fields)
	if f != nil {
		return nil, f
	}
	a, f := e.area(q.Range)
	if f != nil {
		return nil, f
	}
	a = a.clip()
	d := q.Cell
	if d == nil {
		d = &cellData{}
	}
	if f := e.writable(a.sheet, a.r0, a.r1, a.c0, a.c1); f != nil {
		return nil, f
	}
	onlyFormat := !fields.value && !fields.note && !fields.rule
	if a.cells() > mostWritten && !(onlyFormat && a.r1 == a.sheet.rows) {
		return nil, notSimulated("a change of so many cells")
	}
	if onlyFormat {
		e.paint(a, d.Format, fields.sub)
		return nil, nil
	}
	for r := a.r0; r < a.r1; r++ {
		for c := a.c0; c < a.c1; c++ {
			if f := e.put(a.sheet, r, c, d, fields); f != nil {
				return nil, f
			}
		}
	}
	a.sheet.edition++
	return nil, nil
}
