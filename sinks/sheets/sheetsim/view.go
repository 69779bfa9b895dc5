package sheetsim

// below is what the mask says of a field: nil without a mask.
func (m *mask) below(name string) *mask {
	if m == nil || len(m.sub) == 0 || m.sub["*"] != nil {
		return nil
	}
	if sub := m.sub[name]; sub != nil {
		if len(sub.sub) == 0 {
			return nil
		}
		return sub
	}
	return &mask{sub: map[string]*mask{"-": {}}}
}

// view is a spreadsheet as one caller asked for it.
type view struct {
	book  *book
	areas []area // of the grid; none: all
	grid  bool   // includeGridData, which a mask overrules
	mask  *mask
	who   string
}

func (v view) spreadsheet() *spreadsheet {
	b := v.book
	out := &spreadsheet{ID: b.id, URL: "https://docs.google.com/spreadsheets/d/" + b.id + "/edit",
		Props: &bookProps{Title: b.title, Locale: b.locale, Recalc: "ON_CHANGE", TimeZone: b.zone,
			Format: object{"padding": object{"right": 3, "left": 3}, "verticalAlignment": "BOTTOM", "wrapStrategy": "OVERFLOW_CELL"}}}
	withGrid := v.grid
	if v.mask != nil {
		withGrid = v.mask.has("sheets", "data")
	}
	for _, m := range b.meta {
		if m.at.sheet == nil {
			out.Metadata = append(out.Metadata, m.wire())
		}
	}
	for _, n := range b.named {
		out.Named = append(out.Named, n.wire())
	}
	for i, s := range b.sheets {
		if !v.shows(s) {
			continue
		}
		w := sheetWire{Props: s.props(i)}
		for _, m := range b.meta {
			if m.at.sheet == s && m.at.dim == "" {
				w.Metadata = append(w.Metadata, m.wire())
			}
		}
		for _, p := range b.protected {
			if p.at.sheet == s {
				w.Protected = append(w.Protected, p.wire(v.who))
			}
		}
		if withGrid {
			w.Data = v.data(s)
		}
		out.Sheets = append(out.Sheets, w)
	}
	return out
}

// shows says whether a tab is in the answer: with ranges, only their tabs are.
func (v view) shows(s *sheet) bool {
	for _, a := range v.areas {
		if a.sheet == s {
			return true
		}
	}
	return len(v.areas) == 0
}

func (v view) data(s *sheet) []gridData {
	var out []gridData
	for _, a := range v.areas {
		if a.sheet == s {
			out = append(out, v.part(a.clip()))
		}
	}
	if len(v.areas) == 0 {
		out = append(out, v.part(area{sheet: s, r1: -1, c1: -1}.clip()))
	}
	return out
}

func (v view) part(a area) gridData {
	s := a.sheet
	takes := func(name string) bool { return v.mask.takes("sheets", "data", name) }
	g := gridData{StartRow: int64(a.r0), StartColumn: int64(a.c0)}
	if takes("rowData") {
		for r := a.r0; r < min(a.r1, len(s.data)); r++ {
			w := rowData{}
			for c := a.c0; c < a.c1; c++ {
				d := v.cell(s, r, c)
				w.Values = append(w.Values, d)
			}
			for n := len(w.Values); n > 0 && w.Values[n-1].blank(); n-- {
				w.Values = w.Values[:n-1]
			}
			g.Rows = append(g.Rows, w)
		}
		for n := len(g.Rows); n > 0 && g.Rows[n-1].Values == nil; n-- {
			g.Rows = g.Rows[:n-1]
		}
	}
	notes := map[anchor][]metadataWire{}
	for _, m := range v.book.meta {
		if m.at.sheet == s && m.at.dim != "" {
			notes[m.at] = append(notes[m.at], m.wire())
		}
	}
	if takes("columnMetadata") {
		for c := a.c0; c < a.c1; c++ {
			p := dimensionProps{HiddenByUser: s.columns[c].hidden, PixelSize: int64(s.columns[c].size), Metadata: notes[anchor{s, columnsDim, c}]}
			if p.PixelSize == 0 {
				p.PixelSize = 100
			}
			g.ColumnMeta = append(g.ColumnMeta, p)
		}
	}
	if takes("rowMetadata") {
		for r := a.r0; r < min(a.r1, a.r0+mostWritten); r++ { // a taller grid is cut
			p := dimensionProps{PixelSize: 21, Metadata: notes[anchor{s, rowsDim, r}]}
			if r < len(s.data) && s.data[r] != nil {
				p.HiddenByUser = s.data[r].hidden
				if s.data[r].size > 0 {
					p.PixelSize = int64(s.data[r].size)
				}
			}
			g.RowMeta = append(g.RowMeta, p)
		}
	}
	return g
}

func (d cellData) blank() bool {
	return d.Entered == nil && d.Format == nil && d.Note == "" && d.Rule == nil
}

func (v view) cell(s *sheet, r, c int) cellData {
	x := s.at(r, c)
	d := cellData{}
	if x.x != nil {
		d.Note, d.Rule = x.x.note, x.x.rule
	}
	if f := s.formatAt(r, c); len(f) > 0 {
		d.Format, d.Shown = f, f
	}
	if !x.filled() {
		return d
	}
	d.Effective = extended(x.v)
	d.Entered = d.Effective
	if f := x.formula(); f != "" {
		d.Entered = &extendedValue{Formula: &f}
	}
	text := v.book.show(x.v, d.Format)
	d.Formatted = &text
	return d
}

func extended(v any) *extendedValue {
	switch v := v.(type) {
	case string:
		return &extendedValue{String: &v}
	case float64:
		return &extendedValue{Number: &v}
	case bool:
		return &extendedValue{Bool: &v}
	}
	return nil
}

func (s *sheet) props(index int) *sheetProps {
	id, at := s.id, int64(index)
	return &sheetProps{ID: &id, Title: s.title, Index: &at, Type: "GRID", Hidden: s.hidden, Color: s.color,
		Grid: &gridProps{Rows: int64(s.rows), Columns: int64(s.cols), FrozenRows: int64(s.frozenRows), FrozenCols: int64(s.frozenCols)}}
}

func getSpreadsheet(c *call, _ any, m *mask) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	v := view{book: b, grid: c.query.Get("includeGridData") == "true", mask: m, who: c.who.email}
	for _, text := range c.query["ranges"] {
		a, f := b.parse(text)
		if f != nil {
			return nil, f
		}
		if a.outside() && !c.s.lenient(a) {
			return nil, a.tooFar()
		}
		v.areas = append(v.areas, a)
	}
	return v.spreadsheet(), nil
}

type getByFilter struct {
	Filters     []dataFilter `json:"dataFilters"`
	IncludeGrid bool         `json:"includeGridData"`
}

func getSpreadsheetBy(c *call, ask any, m *mask) (any, *failure) {
	a := ask.(*getByFilter)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	v := view{book: b, grid: a.IncludeGrid, mask: m, who: c.who.email}
	for _, df := range a.Filters {
		list, f := b.areas(df)
		if f != nil {
			return nil, f
		}
		v.areas = append(v.areas, list...)
	}
	return v.spreadsheet(), nil
}

// createSpreadsheet is spreadsheets.create: the caller owns what it makes, which
// is invisible to people until it is shared (`sinks.md` §A6).
func createSpreadsheet(c *call, ask any, m *mask) (any, *failure) {
	a := ask.(*spreadsheet)
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &book{id: "1" + s.id(43), title: "Untitled spreadsheet", locale: "en_US", zone: "Etc/GMT", apps: map[string]bool{c.who.client: true}, roles: map[string]Role{c.who.email: Owner}}
	if p := a.Props; p != nil {
		for _, set := range []struct {
			to   *string
			from string
		}{{&b.title, p.Title}, {&b.locale, p.Locale}, {&b.zone, p.TimeZone}} {
			if set.from != "" {
				*set.to = set.from
			}
		}
	}
	e := &edit{tx: s.begin(b), s: s, who: c.who.email}
	tabs := a.Sheets
	if len(tabs) == 0 {
		id := int64(0)
		tabs = []sheetWire{{Props: &sheetProps{ID: &id}}}
	}
	for _, tab := range tabs {
		if len(tab.Data) > 0 || len(tab.Metadata) > 0 || len(tab.Protected) > 0 {
			return nil, notSimulated("the creation of a spreadsheet with content")
		}
		if _, f := (&addSheet{Props: tab.Props}).run(e); f != nil {
			return nil, f
		}
	}
	s.addBook(b)
	return view{book: b, mask: m, who: c.who.email}.spreadsheet(), nil
}

type copyAsk struct {
	Destination string `json:"destinationSpreadsheetId"`
}

// copyTo is sheets.copyTo. Metadata, names and protections stay behind.
func copyTo(c *call, ask any, _ *mask) (any, *failure) {
	a := ask.(*copyAsk)
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	var from *sheet
	for _, sh := range b.sheets {
		if c.arg == itoa(sh.id) {
			from = sh
		}
	}
	if from == nil {
		return nil, notFound()
	}
	target := *c
	target.id = a.Destination
	to, f := target.open()
	if f != nil {
		return nil, f
	}
	e := &edit{tx: s.begin(to), s: s, who: c.who.email}
	title := "Copy of " + from.title
	for n := 2; to.titled(title) != nil; n++ {
		title = "Copy of " + from.title + " " + itoa(int64(n))
	}
	if _, f := (&addSheet{Props: &sheetProps{Title: title, Grid: &gridProps{Rows: int64(from.rows), Columns: int64(from.cols)}}}).run(e); f != nil {
		e.rollback()
		return nil, f
	}
	made := to.titled(title)
	made.columns = append([]column(nil), from.columns...)
	for r, w := range from.data {
		if w != nil {
			e.row(made, r).cells = append([]cell(nil), w.cells...)
		}
	}
	return made.props(len(to.sheets) - 1), nil
}
