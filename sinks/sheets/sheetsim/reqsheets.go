package sheetsim

import (
	"slices"
	"strconv"
)

type addSheet struct {
	Props *sheetProps `json:"properties"`
}

func (q *addSheet) run(e *edit) (any, *failure) {
	p := q.Props
	if p == nil {
		p = &sheetProps{}
	}
	if len(e.b.sheets) >= maxSheets {
		return nil, invalid("This action would increase the number of sheets in the workbook above the limit of %d.", maxSheets)
	}
	title := p.Title
	for n := len(e.b.sheets) + 1; title == ""; n++ {
		if t := "Sheet" + strconv.Itoa(n); e.b.titled(t) == nil {
			title = t
		}
	}
	if e.b.titled(title) != nil {
		return nil, sameTitle(title)
	}
	var id int64
	if p.ID != nil {
		if id = *p.ID; id < 0 || id > 1<<31-1 {
			return nil, invalid("sheetId[%d] is out of bounds.", id)
		}
		if e.b.sheet(id) != nil {
			return nil, invalid("Sheet with id %d already exists.", id)
		}
	} else {
		for id = e.s.rand.Int64N(1 << 31); e.b.sheet(id) != nil; id = e.s.rand.Int64N(1 << 31) {
		}
	}
	sh := newSheet(id, title, 0, 0)
	sh.hidden, sh.color = p.Hidden, p.Color
	if g := p.Grid; g != nil {
		if f := sh.grid(g, true); f != nil {
			return nil, f
		}
	}
	if e.b.cells()+sh.rows*sh.cols > maxCells {
		return nil, invalid("This action would increase the number of cells in the workbook above the limit of %d cells.", maxCells)
	}
	at := len(e.b.sheets)
	if p.Index != nil && *p.Index >= 0 {
		at = min(int(min(*p.Index, maxSheets)), at)
	}
	touch(e.tx, &e.b.sheets)
	e.b.sheets = slices.Insert(slices.Clone(e.b.sheets), at, sh)
	return map[string]any{"properties": sh.props(at)}, nil
}

func sameTitle(title string) *failure {
	return invalid("A sheet with the name \"%s\" already exists. Please enter another name.", title)
}

// grid sets the size of a tab that has no content yet.
func (s *sheet) grid(g *gridProps, fresh bool) *failure {
	if g.Rows < 0 || g.Columns < 0 || g.Rows > maxCells || g.FrozenRows < 0 || g.FrozenCols < 0 {
		return invalid("gridProperties are out of bounds.")
	}
	if g.Columns > maxColumns {
		return invalid("This action would increase the number of columns in the sheet above the limit of %d columns.", maxColumns)
	}
	if fresh {
		if g.Rows > 0 {
			s.rows = int(g.Rows)
		}
		if g.Columns > 0 {
			s.cols = int(g.Columns)
			s.columns = make([]column, s.cols)
		}
		s.frozenRows, s.frozenCols = int(min(g.FrozenRows, maxCells)), int(min(g.FrozenCols, maxColumns))
	}
	if s.frozenRows >= s.rows || s.frozenCols >= s.cols {
		return invalid("You can't freeze all visible rows or columns on the sheet.")
	}
	return nil
}

type deleteSheet struct {
	SheetID int64 `json:"sheetId"`
}

func (q *deleteSheet) run(e *edit) (any, *failure) {
	s, f := e.tab(q.SheetID)
	if f != nil {
		return nil, f
	}
	if !slices.ContainsFunc(e.b.sheets, func(o *sheet) bool { return o != s && !o.hidden }) {
		return nil, invalid("You can't remove all the visible sheets in a document.")
	}
	if f := e.writable(s, 0, s.rows, 0, s.cols); f != nil {
		return nil, f
	}
	touch(e.tx, &e.b.sheets)
	touch(e.tx, &e.b.meta)
	touch(e.tx, &e.b.named)
	touch(e.tx, &e.b.protected)
	e.b.sheets = slices.DeleteFunc(slices.Clone(e.b.sheets), func(o *sheet) bool { return o == s })
	e.b.meta = slices.DeleteFunc(slices.Clone(e.b.meta), func(m *metadata) bool { return m.at.sheet == s })
	e.b.named = slices.DeleteFunc(slices.Clone(e.b.named), func(n *namedRange) bool { return n.at.sheet == s })
	e.b.protected = slices.DeleteFunc(slices.Clone(e.b.protected), func(p *protectedRange) bool { return p.at.sheet == s })
	return nil, nil
}

type updateSheet struct {
	Props  *sheetProps `json:"properties"`
	Fields string      `json:"fields"`
}

func (q *updateSheet) run(e *edit) (any, *failure) {
	m, f := parseMask(q.Fields, nil)
	if f != nil {
		return nil, f
	}
	p := q.Props
	if p == nil {
		p = &sheetProps{}
	}
	var id int64
	if p.ID != nil {
		id = *p.ID
	}
	s, f := e.tab(id)
	if f != nil {
		return nil, f
	}
	if m.empty() {
		return nil, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	for name := range m.sub {
		if !slices.Contains([]string{"*", "title", "hidden", "index", "gridProperties", "tabColorStyle", "sheetId"}, name) {
			return nil, notSimulated("the sheet property " + name)
		}
	}
	if m.has("title") && p.Title != s.title {
		if p.Title == "" {
			return nil, invalid("Sheet name cannot be empty.")
		}
		if e.b.titled(p.Title) != nil {
			return nil, sameTitle(p.Title)
		}
		touch(e.tx, &s.title)
		s.title = p.Title
	}
	if m.has("hidden") {
		if p.Hidden && !slices.ContainsFunc(e.b.sheets, func(o *sheet) bool { return o != s && !o.hidden }) {
			return nil, invalid("You can't hide all the sheets in a document.")
		}
		touch(e.tx, &s.hidden)
		s.hidden = p.Hidden
	}
	if m.has("tabColorStyle") {
		touch(e.tx, &s.color)
		s.color = p.Color
	}
	if m.sub["index"] != nil && p.Index != nil {
		touch(e.tx, &e.b.sheets)
		rest := slices.DeleteFunc(slices.Clone(e.b.sheets), func(o *sheet) bool { return o == s })
		e.b.sheets = slices.Insert(rest, int(min(max(*p.Index, 0), int64(len(rest)))), s)
	}
	if m.has("gridProperties") {
		return nil, e.resize(s, p.Grid, m)
	}
	return nil, nil
}

// resize sets the masked grid properties; rows and columns cut off lose their content.
func (e *edit) resize(s *sheet, g *gridProps, m *mask) *failure {
	if g == nil {
		g = &gridProps{}
	}
	if f := s.grid(g, false); f != nil {
		return f
	}
	touch(e.tx, &s.frozenRows)
	touch(e.tx, &s.frozenCols)
	for _, d := range []struct {
		field string
		dim   dimension
		want  int64
		has   int
	}{{"rowCount", rowsDim, g.Rows, s.rows}, {"columnCount", columnsDim, g.Columns, s.cols}} {
		if !m.has("gridProperties", d.field) {
			continue
		}
		if d.want <= 0 {
			return invalid("gridProperties.%s must be positive.", d.field)
		}
		f := e.grow(s, d.dim, int(d.want)-d.has)
		if int(d.want) < d.has {
			f = e.remove(s, d.dim, int(d.want), d.has)
		}
		if f != nil {
			return f
		}
	}
	if m.has("gridProperties", "frozenRowCount") {
		s.frozenRows = int(min(g.FrozenRows, maxCells))
	}
	if m.has("gridProperties", "frozenColumnCount") {
		s.frozenCols = int(min(g.FrozenCols, maxColumns))
	}
	return s.grid(g, false)
}

type updateSpreadsheet struct {
	Props  *bookProps `json:"properties"`
	Fields string     `json:"fields"`
}

func (q *updateSpreadsheet) run(e *edit) (any, *failure) {
	m, f := parseMask(q.Fields, nil)
	if f != nil {
		return nil, f
	}
	if m.empty() {
		return nil, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	p := q.Props
	if p == nil {
		p = &bookProps{}
	}
	for name := range m.sub {
		switch name {
		case "title":
			touch(e.tx, &e.b.title)
			e.b.title = p.Title
		case "locale":
			touch(e.tx, &e.b.locale)
			e.b.locale = p.Locale
		case "timeZone":
			touch(e.tx, &e.b.zone)
			e.b.zone = p.TimeZone
		default:
			return nil, notSimulated("the spreadsheet property " + name)
		}
	}
	return nil, nil
}
