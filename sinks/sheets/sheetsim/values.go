package sheetsim

import (
	"fmt"
	"strconv"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// rendering is how values are read back.
type rendering struct{ values, dates string }

const (
	formatted   = "FORMATTED_VALUE"
	unformatted = "UNFORMATTED_VALUE"
	asFormula   = "FORMULA"
	asSerial    = "SERIAL_NUMBER"
	asString    = "FORMATTED_STRING"
)

func rendered(values, dates string) (rendering, *failure) {
	switch values {
	case "":
		values = formatted
	case formatted, unformatted, asFormula:
	default:
		return rendering{}, badNames([]violation{{"value_render_option", "Invalid value at 'value_render_option' (type.googleapis.com/google.apps.sheets.v4.ValueRenderOption), \"" + values + "\""}})
	}
	switch dates {
	case "":
		dates = asSerial
	case asSerial, asString:
	default:
		return rendering{}, badNames([]violation{{"date_time_render_option", "Invalid value at 'date_time_render_option' (type.googleapis.com/google.apps.sheets.v4.DateTimeRenderOption), \"" + dates + "\""}})
	}
	return rendering{values, dates}, nil
}

// read is one cell as a values call gives it.
func (b *book) read(s *sheet, r, c int, how rendering) any {
	x := s.at(r, c)
	if !x.filled() {
		return ""
	}
	if how.values == asFormula && x.formula() != "" {
		return x.formula()
	}
	n, isNumber := x.v.(float64)
	if how.values == formatted {
		return b.show(x.v, s.formatAt(r, c))
	}
	if isNumber && how.dates == asString && isDate(s.formatAt(r, c)) {
		return b.show(n, s.formatAt(r, c))
	}
	return x.v
}

// values reads an area: empty cells and rows at the end are left out, those
// between are "" and [].
func (b *book) values(a area, how rendering, byColumn bool) [][]any {
	a = a.clip()
	s := a.sheet
	end := min(a.r1, s.lastFilled())
	if byColumn {
		var out [][]any
		for c := a.c0; c < a.c1; c++ {
			line := []any{}
			for r := a.r0; r < end; r++ {
				if s.at(r, c).filled() {
					for len(line) < r-a.r0 {
						line = append(line, "")
					}
					line = append(line, b.read(s, r, c, how))
				}
			}
			out = append(out, line)
		}
		return trim(out)
	}
	out := make([][]any, 0, max(end-a.r0, 0))
	for r := a.r0; r < end; r++ {
		w := s.data[r]
		last := a.c0
		if w != nil {
			for last = min(a.c1, len(w.cells)); last > a.c0 && !w.cells[last-1].filled(); last-- {
			}
		}
		line := make([]any, 0, max(last-a.c0, 0))
		for c := a.c0; c < last; c++ {
			line = append(line, b.read(s, r, c, how))
		}
		out = append(out, line)
	}
	return trim(out)
}

func trim(list [][]any) [][]any {
	n := len(list)
	for n > 0 && len(list[n-1]) == 0 {
		n--
	}
	return list[:n]
}

func majorColumns(text string) (bool, *failure) {
	switch text {
	case "", "DIMENSION_UNSPECIFIED", "ROWS":
		return false, nil
	case "COLUMNS":
		return true, nil
	}
	return false, badNames([]violation{{"major_dimension", "Invalid value at 'major_dimension' (type.googleapis.com/google.apps.sheets.v4.Dimension), \"" + text + "\""}})
}

// lenient says that an area that ends past the grid may be read all the same.
func (s *Sim) lenient(a area) bool {
	return s.opts.ClipReads && a.r0 < a.sheet.rows && a.c0 < a.sheet.cols
}

// fetch reads one range of a get.
func (c *call) fetch(b *book, a area, how rendering, byColumn bool) (*valueRange, *failure) {
	if a.outside() {
		if !c.s.lenient(a) {
			return nil, a.tooFar()
		}
		a = a.clip()
	}
	major := "ROWS"
	if byColumn {
		major = "COLUMNS"
	}
	return &valueRange{Range: a.String(), MajorDimension: major, Values: b.values(a, how, byColumn)}, nil
}

func (c *call) getOptions() (how rendering, byColumn bool, f *failure) {
	if how, f = rendered(c.query.Get("valueRenderOption"), c.query.Get("dateTimeRenderOption")); f != nil {
		return
	}
	byColumn, f = majorColumns(c.query.Get("majorDimension"))
	return
}

func getValues(c *call, _ any, _ *mask) (any, *failure) {
	how, byColumn, f := c.getOptions()
	if f != nil {
		return nil, f
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	a, f := b.parse(c.arg)
	if f != nil {
		return nil, f
	}
	return orNil(c.fetch(b, a, how, byColumn))
}

func orNil(v *valueRange, f *failure) (any, *failure) {
	if f != nil {
		return nil, f
	}
	return v, nil
}

type valuesAnswer struct {
	ID     string        `json:"spreadsheetId"`
	Ranges []*valueRange `json:"valueRanges,omitempty"`
}

func batchGetValues(c *call, _ any, _ *mask) (any, *failure) {
	how, byColumn, f := c.getOptions()
	if f != nil {
		return nil, f
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	out := valuesAnswer{ID: b.id}
	for _, text := range c.query["ranges"] {
		a, f := b.parse(text)
		if f != nil {
			return nil, f
		}
		v, f := c.fetch(b, a, how, byColumn)
		if f != nil {
			return nil, f
		}
		out.Ranges = append(out.Ranges, v)
	}
	return out, nil
}

type valuesByFilter struct {
	Filters []dataFilter `json:"dataFilters"`
	Major   string       `json:"majorDimension"`
	Values  string       `json:"valueRenderOption"`
	Dates   string       `json:"dateTimeRenderOption"`
}

type matchedValues struct {
	Range   *valueRange  `json:"valueRange"`
	Filters []dataFilter `json:"dataFilters"`
}

func batchGetValuesBy(c *call, ask any, _ *mask) (any, *failure) {
	q := ask.(*valuesByFilter)
	how, f := rendered(q.Values, q.Dates)
	if f != nil {
		return nil, f
	}
	byColumn, f := majorColumns(q.Major)
	if f != nil {
		return nil, f
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	var out struct {
		ID     string          `json:"spreadsheetId"`
		Ranges []matchedValues `json:"valueRanges,omitempty"`
	}
	out.ID = b.id
	for _, df := range q.Filters {
		list, f := b.areas(df)
		if f != nil {
			return nil, f
		}
		for _, a := range list {
			v, f := c.fetch(b, a, how, byColumn)
			if f != nil {
				return nil, f
			}
			out.Ranges = append(out.Ranges, matchedValues{v, []dataFilter{df}})
		}
	}
	return out, nil
}

func badValue(i, j int, v any) *failure {
	kind := "struct_value"
	if _, ok := v.([]any); ok {
		kind = "list_value"
	}
	return invalid("Invalid values[%d][%d]: %s", i, j, fmt.Sprintf("%s { }", kind))
}
