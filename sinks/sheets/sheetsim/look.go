package sheetsim

import (
	"maps"
	"slices"
)

// CellView is one cell as a test may look at it.
type CellView struct {
	Value   any // nil, string, float64, bool
	Formula string
	Shown   string         // what a person sees
	Format  map[string]any // userEnteredFormat
	Type    string         // of its number format: TEXT, DATE, DATE_TIME, NUMBER, …
	Pattern string
	Note    string
}

// Values is a tab's content: nil, string, float64 and bool, without the empty rows
// at the end and the empty cells at the end of rows. Formulas show their results.
func (s *Sim) Values(id string, gid int64) [][]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sh := s.mustTab(id, gid)
	out := make([][]any, sh.lastFilled())
	for r := range out {
		out[r] = []any{}
		if sh.data[r] == nil {
			continue
		}
		for c, x := range sh.data[r].cells {
			if x.filled() {
				for len(out[r]) < c {
					out[r] = append(out[r], nil)
				}
				out[r] = append(out[r], x.v)
			}
		}
	}
	return out
}

// Cell is the cell at row r and column c, from zero.
func (s *Sim) Cell(id string, gid int64, r, c int) CellView {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, sh := s.mustTab(id, gid)
	x := sh.at(r, c)
	v := CellView{Value: x.v, Formula: x.formula(), Format: maps.Clone(sh.formatAt(r, c))}
	v.Shown = b.show(x.v, v.Format)
	v.Type, v.Pattern = pattern(v.Format)
	if x.x != nil {
		v.Note = x.x.note
	}
	return v
}

// TabView is a tab without its content.
type TabView struct {
	Title                  string
	GID                    int64
	Index                  int
	Rows, Columns          int // of the grid
	FrozenRows             int
	Filled                 int // rows up to and with the last that has content
	Hidden                 bool
	HiddenColumns          []int
	Protected, NamedRanges int
}

// Tabs lists the tabs of a spreadsheet in their order.
func (s *Sim) Tabs(id string) []TabView {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(id)
	var out []TabView
	for i, sh := range b.sheets {
		v := TabView{Title: sh.title, GID: sh.id, Index: i, Rows: sh.rows, Columns: sh.cols, FrozenRows: sh.frozenRows, Filled: sh.lastFilled(), Hidden: sh.hidden}
		for c, col := range sh.columns {
			if col.hidden {
				v.HiddenColumns = append(v.HiddenColumns, c)
			}
		}
		for _, p := range b.protected {
			v.Protected += shiftIf(p.at.sheet == sh, 1)
		}
		for _, n := range b.named {
			v.NamedRanges += shiftIf(n.at.sheet == sh, 1)
		}
		out = append(out, v)
	}
	return out
}

// MetadataView is one developer metadata. GID, Row and Column are -1 where they do
// not apply.
type MetadataView struct {
	ID          int64
	Key, Value  string
	Visibility  string
	GID         int64
	Row, Column int
}

// Metadata lists a spreadsheet's developer metadata in the order it was made.
func (s *Sim) Metadata(id string) []MetadataView {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []MetadataView
	for _, m := range s.must(id).meta {
		v := MetadataView{ID: m.id, Key: m.key, Value: m.value, Visibility: m.visibility, GID: -1, Row: -1, Column: -1}
		if m.at.sheet != nil {
			v.GID = m.at.sheet.id
		}
		switch m.at.dim {
		case rowsDim:
			v.Row = m.at.index
		case columnsDim:
			v.Column = m.at.index
		}
		out = append(out, v)
	}
	return out
}

// Spreadsheets lists the spreadsheets in the order they were made.
func (s *Sim) Spreadsheets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}
