package scriptsim

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// unasked is the place of a column that is only filled where there is one.
const unasked = -2

// places are columns by what goes there, counted from 0; -1 is none.
type places struct {
	key, version int
	columns      []int
}

// place finds the columns for p; see places_ in Code.gs.
func place(headers []string, p *payload) places {
	names, folded := make([]string, len(headers)), make([]string, len(headers))
	for i, h := range headers {
		names[i], folded[i] = heading(h), fold(h)
	}
	taken := map[int]bool{}
	take := func(name string) int {
		for i, n := range names {
			if n == name && name != "" && !taken[i] {
				taken[i] = true
				return i
			}
		}
		return -1
	}
	at := places{key: take(heading(p.KeyColumn)), version: take(versionHeader), columns: make([]int, len(p.Columns))}
	for i, c := range p.Columns {
		at.columns[i] = take(heading(c.Header))
	}
	type chance struct{ rank, at, column int }
	var chances []chance
	for i, c := range p.Columns {
		if c.Names == nil || at.columns[i] >= 0 {
			continue
		}
		for j, name := range folded {
			if rank := slices.Index(append([]string{fold(c.Header)}, *c.Names...), name); name != "" && rank >= 0 {
				chances = append(chances, chance{rank, j, i})
			}
		}
	}
	slices.SortFunc(chances, func(a, b chance) int {
		return cmp.Or(a.rank-b.rank, a.at-b.at, a.column-b.column)
	})
	for _, c := range chances {
		if at.columns[c.column] < 0 && !taken[c.at] {
			at.columns[c.column] = c.at
			taken[c.at] = true
		}
	}
	return at
}

func heading(s string) string { return strings.Join(strings.Fields(norm.NFC.String(s)), " ") }

func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch r = unicode.ToLower(r); {
		case r == 'đ':
			b.WriteByte('d')
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// layout makes the headers that are missing, and gives where everything is.
func (t *Tab) layout(p *payload, may bool) (places, int) {
	headers := t.headers()
	at := place(headers, p)
	next := len(headers)
	blank := next == 0
	made := 0
	need := func(have int, header string, forced bool) int {
		if have >= 0 || !may || !forced && next >= mostColumns {
			return have
		}
		t.grow(1, next+1)
		t.put(0, next, Cell{Value: header, Format: textFormat})
		next++
		made++
		return next - 1
	}
	at.key = need(at.key, p.KeyColumn, true)
	hide := at.version < 0
	at.version = need(at.version, versionHeader, true)
	for i, c := range p.Columns {
		if c.Make {
			at.columns[i] = need(at.columns[i], c.Header, false)
		} else if at.columns[i] < 0 {
			at.columns[i] = unasked
		}
	}
	if made > 0 && blank {
		t.Frozen = 1
	}
	if made > 0 && hide {
		t.HiddenColumns = append(t.HiddenColumns, at.version+1)
	}
	return at, made
}

// rowsOf gives the rows of keys, and the last row that is taken, all counted from 1.
func (t *Tab) rowsOf(at places) (rows map[string]int, end int) {
	rows, end = map[string]int{}, 1
	last := t.lastRow()
	if at.key < 0 {
		return rows, end
	}
	for row := 2; row <= last; row++ {
		key := plain(t.at(row-1, at.key).Value)
		if key == "" {
			continue
		}
		end = row
		if rows[key] == 0 {
			rows[key] = row
		}
	}
	width := t.lastColumn()
	for row := last; row > end; row-- {
		for j := range width {
			c := t.at(row-1, j)
			prepared := c.Formula != "" || c.Value == false
			if c.Value != "" && (!prepared || at.ours(j)) {
				return rows, row
			}
		}
	}
	return rows, end
}

func (a places) ours(column int) bool {
	return column == a.key || column == a.version || slices.Contains(a.columns, column)
}

// line is the row of one key while a request is worked on.
type line struct {
	key     string
	row     int // counted from 1; of a new one where it will be
	fresh   bool
	records []payloadRow
}

func (m *Model) write(t *Tab, p *payload, known []rowError, seen bool) (object, []rowError) {
	at, made := t.layout(p, !seen)
	rowOf, end := t.rowsOf(at)
	rows := make([]int, len(p.Rows))
	if seen {
		for i, r := range p.Rows {
			key, _ := r.K.(string)
			rows[i] = rowOf[key]
		}
		return object{"rows": rows, "errors": orNone(known), "left": 0, "made": 0}, known
	}
	var errs []rowError
	var lines []*line
	byKey := map[string]*line{}
	for i, r := range p.Rows {
		key, isText := r.K.(string)
		if _, versioned := r.V.(string); !isText || key == "" || !versioned || r.C == nil {
			errs = append(errs, rowError{i, "row"})
			continue
		}
		l := byKey[key]
		if l == nil {
			l = &line{key: key, row: rowOf[key]}
			byKey[key] = l
			lines = append(lines, l)
		}
		l.records = append(l.records, r)
	}
	for _, l := range lines {
		if l.row == 0 {
			end++
			l.row, l.fresh = end, true
			t.grow(end, 0)
		}
	}
	left := 0
	for _, l := range lines {
		left += m.merge(t, at, l)
	}
	for i, r := range p.Rows {
		if key, _ := r.K.(string); byKey[key] != nil {
			rows[i] = byKey[key].row
		}
	}
	return object{"rows": rows, "errors": orNone(errs), "left": left, "made": made}, errs
}

func orNone(errs []rowError) []rowError {
	if errs == nil {
		return []rowError{}
	}
	return errs
}

// merge writes what the records of a line bring; see merge_ in Code.gs.
func (m *Model) merge(t *Tab, at places, l *line) (left int) {
	before := ""
	if !l.fresh {
		before = plain(t.at(l.row-1, at.version).Value)
	}
	version, set := before, map[int]any{}
	for _, r := range l.records {
		v := r.V.(string)
		for _, pair := range r.C {
			i, ok := pair[0].(float64)
			column := -1
			if ok && i >= 0 && int(i) < len(at.columns) {
				column = at.columns[int(i)]
			}
			if column < 0 {
				if column != unasked {
					left++
				}
				continue
			}
			have, mine := set[column]
			if !mine {
				have = ""
				if !l.fresh {
					have = t.at(l.row-1, column).Value
				}
			}
			if v >= version || have == "" {
				set[column] = value(pair[1])
			}
		}
		version = max(version, v)
	}
	if l.fresh {
		set[at.key] = l.key
	}
	if version != before {
		set[at.version] = version
	}
	for column, v := range set {
		m.type_(t, l.row-1, column, v, !l.fresh)
	}
	return left
}

// moment is a date as a request holds it, in milliseconds.
type moment int64

func value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		ms, _ := v["d"].(float64)
		return moment(ms)
	case string:
		if units := utf16.Encode([]rune(v)); len(units) > mostText {
			return string(utf16.Decode(units[:mostText]))
		}
	}
	return v
}

// type_ writes a value with the number format that it needs. One that a row has
// already is left as it is.
func (m *Model) type_(t *Tab, row, column int, v any, there bool) {
	have := t.at(row, column)
	c := Cell{Value: v, Format: have.Format}
	switch v := v.(type) {
	case string:
		if there && have.Value == v {
			return
		}
		if v != "" {
			c.Format = textFormat
		}
	case moment:
		if n, isNumber := have.Value.(float64); isNumber && there && IsDate(have.Format) && math.Abs(float64(Instant(n, m.o.Zone).UnixMilli()-int64(v))) < 500 {
			return
		}
		c.Value = serial(int64(v), m.o.Zone)
		if !IsDate(have.Format) {
			c.Format = dateFormat
		}
	default:
		if have.Format == textFormat {
			c.Format = generalFormat
		}
		if n, isNumber := have.Value.(float64); there && have.Value == v && !(isNumber && IsDate(have.Format) && n == v) {
			return
		}
	}
	t.put(row, column, c)
}

// forget deletes the rows of keys, and gives how many.
func (m *Model) forget(t *Tab, p *payload) (erased int) {
	at := place(t.headers(), p).key
	if at < 0 {
		return 0
	}
	keys := map[string]bool{}
	for _, k := range p.Keys {
		keys[k] = true
	}
	for row := t.lastRow(); row >= 2; row-- {
		if keys[plain(t.at(row-1, at).Value)] {
			t.grow(3, 0) // the last row below the header cannot be deleted
			t.DeleteRow(row)
			erased++
		}
	}
	return erased
}
