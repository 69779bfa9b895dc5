package sheets

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	api "google.golang.org/api/sheets/v4"

	"mekong/sinks/columns"
)

// What developer metadata says. A column's stays with it wherever a person moves it
// and whatever it is called; a row's is there only while the row is changed.
const (
	columnTag = "mekong.column" // of a column: what it is for
	dateTag   = "mekong.date"   // of a column: its format for dates was set
	rowTag    = "m.row"         // of a row: it is being changed. Short: a tab has 30,000 characters of metadata
)

// What the tag of a column says it is for.
const (
	forKey     = "key"
	forVersion = "version"
	forHeader  = "column " // the header in columns: of the configuration
	forField   = "field "  // the field that goes there by its name
)

// column is one column of a tab as it was last seen.
type column struct {
	index  int64
	header string
	raw    any // the header as it was written: it may be a number or a formula
	tags   []string
	date   bool // its format for dates was set
}

func (c *column) tagged(tag string) bool {
	for _, t := range c.tags {
		if t == tag {
			return true
		}
	}
	return false
}

// tab is one tab as it was last seen.
type tab struct {
	book       *book
	gid        int64
	title      string
	rows, cols int64
	frozen     bool

	columns      []*column // all that have a header or a tag, in their order
	key, version *column   // nil: to be made

	named  map[string][]*column // explicit: columns by the field that goes there
	goals  map[string]*goal     // where fields go, as far as they were met
	virgin bool                 // nobody has written anything into it
	page   string               // the address of a row, up to its number

	index    index
	read     bool   // the keys were read
	sure     bool   // rows are where index says, as far as is known
	end      int64  // where new rows go; -1: to be found
	last     string // key of the row before end, "" if it is not known
	unseen   bool   // a call whose answer was lost may have changed it
	anchored bool   // rows may have tags of a change that was made, or begun
}

// goal is where a field goes.
type goal struct {
	to   []*column
	rank int // how well the field's name suits; less is better
	// whole says that nothing is to be made or bound for a record's field of the name,
	// and beside the same for what a record has beside its fields.
	whole, beside bool
}

// digest stands for a key.
type digest [16]byte

func digestOf(key string) (d digest) {
	sum := sha256.Sum256([]byte(key))
	copy(d[:], sum[:])
	return d
}

// index says in which row a key is. A digest in place of the key keeps 200,000 of
// them in some ten megabytes.
type index map[digest]int32

func (x index) of(key digest) (row int64, ok bool) {
	n, ok := x[key]
	return int64(n), ok
}

func (x index) has(key digest) bool { _, ok := x[key]; return ok }

func (x index) put(key digest, row int64) { x[key] = int32(row) }

// byTag is the first column with a tag.
func (t *tab) byTag(tag string) *column {
	for _, c := range t.columns {
		if c.tagged(tag) {
			return c
		}
	}
	return nil
}

// find is the first column of that header, exactly or as a person reads it, which no
// tag binds to another purpose of the sink's own.
func (t *tab) find(header string) *column {
	for _, same := range []func(string) bool{
		func(h string) bool { return h == header },
		func(h string) bool { return columns.Heading(h) == columns.Heading(header) },
	} {
		for _, c := range t.columns {
			if c.header != "" && same(c.header) {
				return c
			}
		}
	}
	return nil
}

// right is the first column right of all that have a header or a tag.
func (t *tab) right() int64 {
	if n := len(t.columns); n > 0 {
		return t.columns[n-1].index + 1
	}
	return 0
}

// maxGuesses bounds what is remembered of names that strangers choose.
const maxGuesses = 2000

// goal is where a field goes: to the columns that the configuration names, or else to
// the one that is bound to it or whose header suits it best, of several equal ones the
// first.
func (t *tab) goal(field string) *goal {
	if g, ok := t.goals[field]; ok {
		return g
	}
	if len(t.goals) >= maxGuesses {
		clear(t.goals)
	}
	g := &goal{}
	if t.named != nil {
		g.to = t.named[field]
	} else if c := t.suiting(field); c != nil {
		g.to, g.rank = []*column{c}, columns.Rank(field, c.header)
	}
	t.goals[field] = g
	return g
}

func (t *tab) suiting(field string) *column {
	best, rank := t.byTag(forField+field), columns.No
	if best != nil {
		return best
	}
	for _, c := range t.columns {
		if c == t.key || c == t.version || c.header == "" {
			continue
		}
		if r := columns.Rank(field, c.header); r < rank {
			best, rank = c, r
		}
	}
	return best
}

// guess is the column that a field goes to, nil for none.
func (t *tab) guess(field string) *column {
	if to := t.goal(field).to; len(to) > 0 {
		return to[0]
	}
	return nil
}

// layout reads the columns from a header row. Those that are as they were stay the same
// objects, with all that was found out about them.
func (t *tab) layout(g *api.GridData) {
	var list []*column
	n := len(g.ColumnMetadata)
	var cells []*api.CellData
	if len(g.RowData) > 0 && g.RowData[0] != nil {
		cells = g.RowData[0].Values
	}
	for i := range max(n, len(cells)) {
		c := &column{index: g.StartColumn + int64(i)}
		if i < len(cells) && cells[i] != nil {
			c.header, c.raw = cells[i].FormattedValue, text(cells[i])
		}
		if i < n && g.ColumnMetadata[i] != nil {
			for _, m := range g.ColumnMetadata[i].DeveloperMetadata {
				switch m.MetadataKey {
				case columnTag:
					c.tags = append(c.tags, m.MetadataValue)
				case dateTag:
					c.date = true
				}
			}
		}
		if c.header != "" || len(c.tags) > 0 {
			list = append(list, c)
		}
	}
	if t.goals != nil && slices.EqualFunc(list, t.columns, (*column).same) {
		return
	}
	t.columns, t.goals, t.named = list, map[string]*goal{}, nil
	t.key, t.version = t.byTag(forKey), t.byTag(forVersion)
}

func (c *column) same(d *column) bool {
	return c.index == d.index && c.header == d.header && c.raw == d.raw && c.date == d.date && slices.Equal(c.tags, d.tags)
}

// shape is where everything is that a row is written by.
func (t *tab) shape() string { return shapeOf(t.columns) }

// shapeOf is the same of columns.
func shapeOf(list []*column) string {
	var b strings.Builder
	for _, c := range list {
		if len(c.tags) > 0 {
			b.WriteString(itoa(c.index) + " " + strings.Join(c.tags, "\x00") + "\n")
		}
	}
	return b.String()
}

// ref is the address of a row, "" when it is not known.
func (s *Sink) ref(t *tab, row int64) string {
	if t == nil || row < 0 {
		return ""
	}
	if t.page == "" {
		t.page = address(s.conf.Endpoint, t.book.id) + "#gid=" + strconv.FormatInt(t.gid, 10) + "&range=A"
	}
	return t.page + strconv.FormatInt(row+1, 10)
}

// text is a cell's value as the API gives it, nil for an empty one.
func text(c *api.CellData) any {
	if c == nil || c.UserEnteredValue == nil {
		return nil
	}
	switch v := c.UserEnteredValue; {
	case v.StringValue != nil:
		if *v.StringValue == "" {
			return nil
		}
		return *v.StringValue
	case v.NumberValue != nil:
		return *v.NumberValue
	case v.BoolValue != nil:
		return *v.BoolValue
	case v.FormulaValue != nil:
		return *v.FormulaValue
	}
	return nil
}

// keyOf is a key as its cell holds it. One that a person has typed again may have
// become a number.
func keyOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
