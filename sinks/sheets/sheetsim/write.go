package sheetsim

import "fmt"

const (
	raw         = "RAW"
	userEntered = "USER_ENTERED"
)

func inputOption(text string) (bool, *failure) {
	switch text {
	case raw:
		return false, nil
	case userEntered:
		return true, nil
	case "", "INPUT_VALUE_OPTION_UNSPECIFIED":
		return false, invalid("'valueInputOption' is required but not specified")
	}
	return false, badNames([]violation{{"value_input_option", "Invalid value at 'value_input_option' (type.googleapis.com/google.apps.sheets.v4.ValueInputOption), \"" + text + "\""}})
}

type updated struct {
	ID      string      `json:"spreadsheetId"`
	Range   string      `json:"updatedRange"`
	Rows    int         `json:"updatedRows,omitempty"`
	Columns int         `json:"updatedColumns,omitempty"`
	Cells   int         `json:"updatedCells,omitempty"`
	Data    *valueRange `json:"updatedData,omitempty"`
}

// updatedBy is the answer about what a data filter found; Data is all of it, not only
// what was written.
type updatedBy struct {
	Range   string      `json:"updatedRange"`
	Rows    int         `json:"updatedRows,omitempty"`
	Columns int         `json:"updatedColumns,omitempty"`
	Cells   int         `json:"updatedCells,omitempty"`
	Data    *valueRange `json:"updatedData,omitempty"`
	Filter  *dataFilter `json:"dataFilter"`
}

// transposed turns columns into rows.
func transposed(lines [][]any) [][]any {
	width := 0
	for _, l := range lines {
		width = max(width, len(l))
	}
	out := make([][]any, width)
	for c, l := range lines {
		for r, v := range l {
			for len(out[r]) < c {
				out[r] = append(out[r], nil)
			}
			out[r] = append(out[r], v)
		}
	}
	return out
}

// lines are the rows of a value range, whichever way it lists them.
func (v *valueRange) lines() ([][]any, *failure) {
	byColumn, f := majorColumns(v.MajorDimension)
	if f != nil || !byColumn {
		return v.Values, f
	}
	return transposed(v.Values), nil
}

// write puts lines into the grid from the area's first cell on. null leaves a cell
// alone, "" empties it. The array decides what is written; it must fit the area
// unless that is one cell or open.
func (e *edit) write(a area, lines [][]any, parse bool) (updated, *failure) {
	s := a.sheet
	out := updated{ID: e.b.id}
	if a.outside() {
		return out, a.tooFar()
	}
	r1, c1 := s.rows, s.cols
	if a.r1 >= 0 && !a.single() {
		r1 = a.r1
	}
	if a.c1 >= 0 && !a.single() {
		c1 = a.c1
	}
	width := 0
	for _, l := range lines {
		width = max(width, len(l))
	}
	wide := area{sheet: s, r0: a.r0, c0: a.c0, r1: a.r0 + max(len(lines), 1), c1: a.c0 + max(width, 1)}
	switch {
	case a.r0+len(lines) > r1 && r1 < s.rows:
		return out, invalid("Requested writing within range [%s], but tried writing to row [%d]", a, r1+1)
	case a.c0+width > c1 && c1 < s.cols:
		return out, invalid("Requested writing within range [%s], but tried writing to column [%s]", a, columnName(c1))
	case wide.outside():
		return out, wide.tooFar()
	}
	if f := e.writable(s, wide.r0, wide.r1, wide.c0, wide.c1); f != nil {
		return out, f
	}
	for i, l := range lines {
		if len(l) > 0 && a.r0+i >= len(s.data) {
			e.row(s, a.r0+i).cells = make([]cell, 0, a.c0+len(l))
		}
		n, f := e.line(s, a.r0+i, a.c0, i, l, parse)
		if f != nil {
			return out, f
		}
		out.Cells += n
	}
	s.edition++
	out.Range = wide.String()
	if out.Cells > 0 {
		out.Rows, out.Columns = len(lines), width
	}
	return out, nil
}

func (e *edit) line(s *sheet, r, c0, i int, l []any, parse bool) (cells int, f *failure) {
	for j, v := range l {
		var formula string
		switch x := v.(type) {
		case nil:
			continue
		case string:
			if f := fits(x); f != nil {
				return 0, f
			}
			v = any(x)
			if x == "" {
				v = nil
			} else if kind, _ := pattern(s.formatAt(r, c0+j)); parse && kind != "TEXT" {
				var format object
				v, formula, format = e.b.enter(x, e.s.now().Year())
				if format != nil && len(s.formatAt(r, c0+j)) == 0 {
					if f := e.put(s, r, c0+j, &cellData{Format: format}, cellFields{format: true}); f != nil {
						return 0, f
					}
				}
			}
		case float64, bool:
		default:
			return 0, badValue(i, j, v)
		}
		e.set(s, r, c0+j, v, formula)
		cells++
	}
	return cells, nil
}

// asked are the options of a response with values.
type asked struct {
	include  bool
	how      rendering
	byColumn bool
}

func (c *call) responseOptions(major string) (a asked, f *failure) {
	a.include = c.query.Get("includeValuesInResponse") == "true"
	if a.how, f = rendered(c.query.Get("responseValueRenderOption"), c.query.Get("responseDateTimeRenderOption")); f != nil {
		return
	}
	a.byColumn, f = majorColumns(major)
	return
}

// echo puts the values of what was written into its answer; where the range that was
// asked for is larger, those of all of it, as the discovery document says.
func (c *call) echo(b *book, requested area, u *updated, a asked) (f *failure) {
	if !a.include {
		return nil
	}
	at := requested
	if at.single() {
		if at, f = b.parse(u.Range); f != nil {
			return f
		}
	}
	u.Data, f = c.fetch(b, at, a.how, a.byColumn)
	return f
}

func updateValues(c *call, ask any, _ *mask) (any, *failure) {
	v := ask.(*valueRange)
	parse, f := inputOption(c.query.Get("valueInputOption"))
	if f != nil {
		return nil, f
	}
	if v.Range != "" && v.Range != c.arg {
		return nil, invalid("Requested writing within range [%s], but the body's range is [%s]", c.arg, v.Range)
	}
	lines, f := v.lines()
	if f != nil {
		return nil, f
	}
	options, f := c.responseOptions(v.MajorDimension)
	if f != nil {
		return nil, f
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	a, f := b.parse(c.arg)
	if f != nil {
		return nil, f
	}
	e := &edit{tx: s.begin(b), s: s, who: c.who.email}
	u, f := e.write(a, lines, parse)
	if f == nil {
		f = c.echo(b, a, &u, options)
	}
	if f != nil {
		e.rollback()
		return nil, f
	}
	return u, nil
}

type valuesAsk struct {
	Input   string       `json:"valueInputOption"`
	Data    []valueRange `json:"data"`
	Include bool         `json:"includeValuesInResponse"`
	Values  string       `json:"responseValueRenderOption"`
	Dates   string       `json:"responseDateTimeRenderOption"`
}

type valuesAskBy struct {
	Input   string         `json:"valueInputOption"`
	Data    []filteredData `json:"data"`
	Include bool           `json:"includeValuesInResponse"`
	Values  string         `json:"responseValueRenderOption"`
	Dates   string         `json:"responseDateTimeRenderOption"`
}

type filteredData struct {
	Filter *dataFilter `json:"dataFilter"`
	Major  string      `json:"majorDimension"`
	Values [][]any     `json:"values"`
}

type totals struct {
	ID      string `json:"spreadsheetId"`
	Rows    int    `json:"totalUpdatedRows,omitempty"`
	Columns int    `json:"totalUpdatedColumns,omitempty"`
	Cells   int    `json:"totalUpdatedCells,omitempty"`
	Sheets  int    `json:"totalUpdatedSheets,omitempty"`
	Each    []any  `json:"responses,omitempty"`
}

// piece is one of many ranges that are written together.
type piece struct {
	areas  []area
	by     *dataFilter
	values valueRange
}

// writeAll writes pieces, all or none.
func (c *call) writeAll(input string, include bool, how rendering, pieces func(*book) ([]piece, *failure)) (any, *failure) {
	parse, f := inputOption(input)
	if f != nil {
		return nil, f
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	list, f := pieces(b)
	if f != nil {
		return nil, f
	}
	e := &edit{tx: s.begin(b), s: s, who: c.who.email}
	out := totals{ID: b.id}
	rows, cols, sheets := map[[2]any]bool{}, map[[2]any]bool{}, map[*sheet]bool{}
	done := make([][]updated, len(list))
	for i, p := range list {
		lines, f := p.values.lines()
		for _, a := range p.areas {
			var u updated
			if f == nil {
				u, f = e.write(a, lines, parse)
			}
			if f != nil {
				break
			}
			done[i] = append(done[i], u)
			out.Cells += u.Cells
			for r := range u.Rows {
				rows[[2]any{a.sheet, a.r0 + r}] = true
			}
			for col := range u.Columns {
				cols[[2]any{a.sheet, a.c0 + col}] = true
			}
			if u.Cells > 0 {
				sheets[a.sheet] = true
			}
		}
		if f != nil {
			e.rollback()
			return nil, f.at(fmt.Sprintf("data[%d]", i))
		}
	}
	// The values are shown as they are once all of it is written.
	for i, p := range list {
		byColumn, _ := majorColumns(p.values.MajorDimension) // lines has seen to it
		for j, a := range p.areas {
			u := done[i][j]
			if f := c.echo(b, a, &u, asked{include, how, byColumn}); f != nil {
				e.rollback()
				return nil, f.at(fmt.Sprintf("data[%d]", i))
			}
			if p.by == nil {
				out.Each = append(out.Each, u)
				continue
			}
			out.Each = append(out.Each, updatedBy{u.Range, u.Rows, u.Columns, u.Cells, u.Data, p.by})
		}
	}
	out.Rows, out.Columns, out.Sheets = len(rows), len(cols), len(sheets)
	return out, nil
}

func batchUpdateValues(c *call, ask any, _ *mask) (any, *failure) {
	q := ask.(*valuesAsk)
	how, f := rendered(q.Values, q.Dates)
	if f != nil {
		return nil, f
	}
	return c.writeAll(q.Input, q.Include, how, func(b *book) ([]piece, *failure) {
		var out []piece
		for i, d := range q.Data {
			a, f := b.parse(d.Range)
			if f != nil {
				return nil, f.at(fmt.Sprintf("data[%d]", i))
			}
			out = append(out, piece{areas: []area{a}, values: d})
		}
		return out, nil
	})
}

func batchUpdateValuesBy(c *call, ask any, _ *mask) (any, *failure) {
	q := ask.(*valuesAskBy)
	how, f := rendered(q.Values, q.Dates)
	if f != nil {
		return nil, f
	}
	return c.writeAll(q.Input, q.Include, how, func(b *book) ([]piece, *failure) {
		var out []piece
		for i, d := range q.Data {
			if d.Filter == nil {
				return nil, invalid("Invalid data[%d]: dataFilter is required.", i)
			}
			list, f := b.areas(*d.Filter)
			if f != nil {
				return nil, f.at(fmt.Sprintf("data[%d]", i))
			}
			out = append(out, piece{list, d.Filter, valueRange{MajorDimension: d.Major, Values: d.Values}})
		}
		return out, nil
	})
}
