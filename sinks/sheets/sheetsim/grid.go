package sheetsim

import "slices"

// Limits of a spreadsheet (`sinks.md` §A2).
const (
	maxCells   = 10_000_000
	maxColumns = 18_278
	maxText    = 50_000 // UTF-16 units in one cell
	maxSheets  = 200
	maxMeta    = 30_000 // characters of developer metadata, per spreadsheet and per sheet
)

// book is one spreadsheet. Everything in it is guarded by [Sim.mu].
type book struct {
	id, title    string
	locale, zone string
	office       bool
	apps         map[string]bool // OAuth clients and service accounts that made or were shown it: the drive.file scope
	roles        map[string]Role // by address; "anyone" is a link that anyone may follow

	sheets    []*sheet // in the order of the tabs
	named     []*namedRange
	protected []*protectedRange
	meta      []*metadata

	edition  int // counts changes, for the page
	inFlight int
	peak     int
	crowded  int
	last     int64 // unix nanoseconds of the last call's start
	called   bool
}

// sheet is one tab. Rows that were never written are not kept: data is shorter
// than rows, and holds nil for an empty row.
type sheet struct {
	id                     int64
	title                  string
	hidden                 bool
	rows, cols             int
	frozenRows, frozenCols int
	color                  map[string]any
	data                   []*row
	columns                []column
	region                 region // of the last append, see append.go
	edition                int
}

type row struct {
	cells  []cell
	hidden bool
	size   int
	tx     uint64 // the transaction that owns this copy
}

// column has the format that was given to it as a whole, from a row on: cells that
// were never written need not be kept for it.
type column struct {
	hidden bool
	size   int
	format map[string]any
	from   int
}

// cell is nil, a string, a float64 or a bool, and what else it carries.
type cell struct {
	v any
	x *extra
}

// extra is what few cells have. It is never changed, only replaced.
type extra struct {
	formula string // v is then its result
	format  map[string]any
	note    string
	rule    map[string]any
}

func (c cell) formula() string {
	if c.x == nil {
		return ""
	}
	return c.x.formula
}

func (c cell) format() map[string]any {
	if c.x == nil {
		return nil
	}
	return c.x.format
}

// filled says whether a cell has content: the empty string is none.
func (c cell) filled() bool { return c.v != nil || c.formula() != "" }

// at is the cell at r, c; the zero cell where nothing was ever written.
func (s *sheet) at(r, c int) cell {
	if r < 0 || c < 0 || r >= len(s.data) || s.data[r] == nil || c >= len(s.data[r].cells) {
		return cell{}
	}
	return s.data[r].cells[c]
}

// formatAt is the format of the cell at r, c: its own or its column's.
func (s *sheet) formatAt(r, c int) map[string]any {
	if f := s.at(r, c).format(); f != nil {
		return f
	}
	return s.columnFormat(r, c)
}

func (s *sheet) columnFormat(r, c int) map[string]any {
	if c < len(s.columns) && r >= s.columns[c].from {
		return s.columns[c].format
	}
	return nil
}

func (s *sheet) rowFilled(r, c0, c1 int) bool {
	if r < 0 || r >= len(s.data) || s.data[r] == nil {
		return false
	}
	cells := s.data[r].cells
	for c := max(c0, 0); c < min(c1, len(cells)); c++ {
		if cells[c].filled() {
			return true
		}
	}
	return false
}

// lastFilled is the number of rows up to and with the last that has content.
func (s *sheet) lastFilled() int {
	n := len(s.data)
	for n > 0 && !s.rowFilled(n-1, 0, s.cols) {
		n--
	}
	return n
}

func (b *book) sheet(id int64) *sheet {
	for _, s := range b.sheets {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (b *book) titled(title string) *sheet {
	for _, s := range b.sheets {
		if s.title == title {
			return s
		}
	}
	return nil
}

func (b *book) firstVisible() *sheet {
	for _, s := range b.sheets {
		if !s.hidden {
			return s
		}
	}
	return b.sheets[0]
}

func (b *book) cells() int {
	n := 0
	for _, s := range b.sheets {
		n += s.rows * s.cols
	}
	return n
}

// tx is one atomic change of a spreadsheet: all of it, or after rollback nothing.
// Every change of the model goes through it, so that undoing in reverse order
// brings back what was. Its cost is that of the rows it writes.
type tx struct {
	b    *book
	id   uint64
	undo []undo
}

type undo struct {
	fn  func()
	s   *sheet
	r   int
	old *row
}

func (t *tx) save(fn func()) { t.undo = append(t.undo, undo{fn: fn}) }

// touch remembers the value behind p.
func touch[T any](t *tx, p *T) {
	old := *p
	t.save(func() { *p = old })
}

// row is the row r, ready to be written by this transaction.
func (t *tx) row(s *sheet, r int) *row {
	if r >= len(s.data) {
		s.data = append(s.data, make([]*row, r+1-len(s.data))...)
	}
	old := s.data[r]
	if old != nil && old.tx == t.id {
		return old
	}
	now := &row{tx: t.id}
	if old != nil {
		*now = row{cells: slices.Clone(old.cells), hidden: old.hidden, size: old.size, tx: t.id}
	}
	t.undo = append(t.undo, undo{s: s, r: r, old: old})
	s.data[r] = now
	return now
}

// cell is the cell at c of a row that this transaction owns.
func (w *row) cell(c int) *cell {
	if c >= len(w.cells) {
		if c < cap(w.cells) {
			w.cells = w.cells[:c+1]
		} else {
			w.cells = append(w.cells, make([]cell, c+1-len(w.cells))...)
		}
	}
	return &w.cells[c]
}

// set puts a value into a cell and keeps its format.
func (t *tx) set(s *sheet, r, c int, v any, formula string) {
	if v == nil && formula == "" && !s.at(r, c).filled() {
		return
	}
	p := t.row(s, r).cell(c)
	p.v = v
	if p.formula() != formula {
		x := extra{}
		if p.x != nil {
			x = *p.x
		}
		x.formula = formula
		p.x = x.orNil()
	}
}

func (x extra) orNil() *extra {
	if x.formula == "" && x.note == "" && x.format == nil && x.rule == nil {
		return nil
	}
	return &x
}

// shape remembers a tab's size and its rows before something moves them.
func (t *tx) shape(s *sheet) {
	rows, cols, data, columns := s.rows, s.cols, slices.Clone(s.data), slices.Clone(s.columns)
	t.save(func() { s.rows, s.cols, s.data, s.columns = rows, cols, data, columns })
}

// size remembers a tab's size before it grows at the end.
func (t *tx) size(s *sheet) {
	rows, cols, columns := s.rows, s.cols, s.columns
	t.save(func() { s.rows, s.cols, s.columns = rows, cols, columns })
}

func (t *tx) rollback() {
	for _, u := range slices.Backward(t.undo) {
		if u.fn != nil {
			u.fn()
		} else {
			u.s.data[u.r] = u.old
		}
	}
	for _, s := range t.b.sheets {
		for len(s.data) > 0 && s.data[len(s.data)-1] == nil || len(s.data) > s.rows {
			s.data = s.data[:len(s.data)-1]
		}
		s.edition++
	}
}
