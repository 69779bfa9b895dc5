package sheets

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	api "google.golang.org/api/sheets/v4"

	"mekong/sinks/columns"
)

const (
	versionHeader = "Mekong version"
	maxHeading    = 100 // characters of a header that is made of a field's name
	// maxMade is how many columns a tab may have before no more are made for fields
	// nobody has named: their names are the senders'.
	maxMade = 200
	// dateFormat is what a column of dates is shown in; it is set once.
	dateFormat = "yyyy-mm-dd hh:mm:ss"
)

// shaping are the columns that a batch makes, binds and formats, before its rows are
// written.
type shaping struct {
	made []*column // new ones, in their order; index is given to them late
	tags []*column // what c.tags gets more of, with the old tags left out
	date []*column
}

func (sh *shaping) empty() bool { return len(sh.made)+len(sh.tags)+len(sh.date) == 0 }

// shape makes the tab one that entries can be written to: the sink's own columns,
// those for what the entries bring, their tags and their formats. It costs a write
// only where something is missing.
func (s *Sink) shape(ctx context.Context, t *tab, entries []*entry) error {
	if err := s.restoreHeader(ctx, t); err != nil {
		return err
	}
	sh := &shaping{}
	t.key = s.bound(t, sh, forKey, s.conf.KeyColumn, t.version)
	if err := s.bindFields(t, sh, entries); err != nil {
		return err
	}
	t.version = s.bound(t, sh, forVersion, versionHeader, t.key)
	sh.findDates(t, entries)
	if sh.empty() && t.frozen {
		return nil
	}
	return s.reshape(ctx, t, sh)
}

// findDates finds the columns that get their first date.
func (sh *shaping) findDates(t *tab, entries []*entry) {
	look := func(name string, v any) {
		if !dates(name) {
			return
		}
		for _, c := range t.goal(name).to {
			if c.date || slices.Contains(sh.date, c) {
				continue
			}
			if _, is := dated(v); is {
				sh.date = append(sh.date, c)
			}
		}
	}
	for _, e := range entries {
		for name, v := range e.record.Fields {
			if couldBeDated(v) {
				look(name, v)
			}
		}
		for _, name := range ofRecord {
			if len(t.goal(name).to) == 0 {
				continue
			}
			if v, ok := e.beside(name); ok {
				look(name, v)
			}
		}
	}
	slices.SortFunc(sh.date, func(a, b *column) int { return cmp.Compare(a.index, b.index) })
}

// dates reports whether a time under that name is written as a date.
func dates(name string) bool { return name != "id" && name != "key" }

// bound is the column for a purpose: the one with its tag, the one with its header,
// or one to be made. It is no other column of the sink's own.
func (s *Sink) bound(t *tab, sh *shaping, tag, header string, other *column) *column {
	if c := t.byTag(tag); c != nil {
		return c
	}
	c := t.find(header)
	if c == nil || c == other {
		c = &column{index: -1, header: header}
		sh.made = append(sh.made, c)
	}
	sh.bind(c, tag)
	return c
}

func (sh *shaping) bind(c *column, tag string) {
	c.tags = append(c.tags, tag)
	sh.tags = append(sh.tags, &column{header: c.header, index: c.index, tags: []string{tag}})
}

// bindFields finds the columns of fields. One that is missing is made, or holds the
// sink.
func (s *Sink) bindFields(t *tab, sh *shaping, entries []*entry) error {
	if len(s.conf.Columns) > 0 {
		return s.bindNamed(t, sh)
	}
	for _, e := range entries {
		for _, f := range t.unbound(e) {
			s.bindField(t, sh, f)
		}
	}
	return nil
}

// unbound are the fields of a record for which a column may have to be made or bound.
// Mostly there are none: all were met before.
func (t *tab) unbound(e *entry) (out []value) {
	for name, v := range e.record.Fields {
		if !empty(v) && !t.goal(name).whole {
			out = append(out, value{name, v, true})
		}
	}
	slices.SortFunc(out, func(a, b value) int { return strings.Compare(a.name, b.name) })
	for _, name := range ofRecord {
		if t.goal(name).beside {
			continue
		}
		if v, ok := e.beside(name); ok {
			out = append(out, value{name, v, false})
		}
	}
	return out
}

func (s *Sink) bindField(t *tab, sh *shaping, f value) {
	g, tag := t.goal(f.name), forField+f.name
	switch {
	case len(g.to) > 0:
		if c := g.to[0]; !c.tagged(tag) && len(f.name) <= maxHeading*4 {
			sh.bind(c, tag)
		}
		g.whole, g.beside = true, true
		return
	case !f.own && !(f.name == "received" && t.virgin):
		g.beside = true
		return
	case !s.conf.CreateColumns, len(t.columns)+len(sh.made) >= maxMade:
		g.whole, g.beside = true, true
		return
	}
	c := sh.suiting(f.name)
	if c == nil {
		name := columns.Heading(f.name)
		if name == "" || len([]rune(name)) > maxHeading || len(f.name) > maxHeading*4 || t.find(name) != nil || units(name) > maxCell {
			g.whole, g.beside = true, true
			return
		}
		c = &column{index: -1, header: name}
		sh.made = append(sh.made, c)
	}
	sh.bind(c, tag)
	*g = goal{to: []*column{c}, rank: columns.Rank(f.name, c.header), whole: true, beside: true}
}

// bindNamed finds the columns that the configuration names.
func (s *Sink) bindNamed(t *tab, sh *shaping) error {
	t.named, t.goals = map[string][]*column{}, map[string]*goal{}
	var missing []string
	for _, header := range slices.Sorted(maps.Keys(s.conf.Columns)) {
		field, tag := s.conf.Columns[header], forHeader+header
		c := t.byTag(tag)
		if c == nil {
			if c = t.find(header); c != nil && c != t.key && c != t.version {
				sh.bind(c, tag)
			} else if !s.conf.CreateColumns {
				missing = append(missing, fmt.Sprintf("%q", header))
				continue
			} else {
				c = &column{index: -1, header: header}
				sh.made = append(sh.made, c)
				sh.bind(c, tag)
			}
		}
		t.named[field] = append(t.named[field], c)
	}
	if len(missing) > 0 {
		s.tabs = nil // looked at again, for somebody may mend it
		return held("the tab has no column "+strings.Join(missing, ", "), "make it again in row 1 under that header, or change columns; with create_columns: true it is made by itself")
	}
	return nil
}

// reshape carries out a shaping in one call: new columns at the right end, in front of
// whatever a person has there without a header.
func (s *Sink) reshape(ctx context.Context, t *tab, sh *shaping) error {
	var reqs []request
	first := t.right()
	n := int64(len(sh.made))
	switch {
	case n == 0:
	case t.virgin && first+n <= t.cols:
	case first < t.cols && !t.virgin:
		reqs = append(reqs, &plain{InsertDimension: &api.InsertDimensionRequest{Range: columnsOf(t, first, first+n)}})
	default:
		reqs = append(reqs, &plain{AppendDimension: &api.AppendDimensionRequest{SheetId: t.gid, Dimension: "COLUMNS", Length: max(first+n-t.cols, n*b2i(!t.virgin)), ForceSendFields: []string{"SheetId"}}})
	}
	if n > 0 {
		heads := &api.RowData{}
		for i, c := range sh.made {
			c.index = first + int64(i)
			heads.Values = append(heads.Values, &api.CellData{
				UserEnteredValue:  &api.ExtendedValue{StringValue: &c.header},
				UserEnteredFormat: &api.CellFormat{TextFormat: &api.TextFormat{Bold: true}},
			})
		}
		reqs = append(reqs, &plain{UpdateCells: &api.UpdateCellsRequest{
			Start: coordinate(t, 0, first), Rows: []*api.RowData{heads}, Fields: "userEnteredValue,userEnteredFormat.textFormat.bold",
		}})
	}
	if !t.frozen {
		reqs = append(reqs, &plain{UpdateSheetProperties: &api.UpdateSheetPropertiesRequest{
			Properties: &api.SheetProperties{SheetId: t.gid, GridProperties: &api.GridProperties{FrozenRowCount: 1}, ForceSendFields: []string{"SheetId"}},
			Fields:     "gridProperties.frozenRowCount",
		}})
	}
	for _, b := range sh.tags {
		at := b.index
		if at < 0 {
			at = sh.madeAt(b)
		}
		reqs = append(reqs, tagColumn(t, at, columnTag, b.tags[0]))
	}
	if slices.Contains(sh.made, t.version) {
		reqs = append(reqs, &plain{UpdateDimensionProperties: &api.UpdateDimensionPropertiesRequest{
			Range: columnsOf(t, t.version.index, t.version.index+1), Properties: &api.DimensionProperties{HiddenByUser: true}, Fields: "hiddenByUser",
		}})
	}
	for _, c := range sh.date {
		reqs = append(reqs, formatDates(t, c.index), tagColumn(t, c.index, dateTag, ""))
	}
	got, err := s.commit(ctx, t, reqs, wholeRow(t.title, 0))
	if err != nil {
		s.tabs = nil // it holds columns that may not be there
		return err
	}
	t.virgin = false
	if err := s.learn(t, got.UpdatedSpreadsheet); err != nil {
		return err
	}
	// All is bound by tags now, so what is found again is what was made.
	return s.rebind(t)
}

// rebind finds the columns by their tags, after the tab's columns were read anew.
func (s *Sink) rebind(t *tab) error {
	t.key, t.version = t.byTag(forKey), t.byTag(forVersion)
	if t.key == nil || t.version == nil {
		return errReshaped
	}
	if len(s.conf.Columns) == 0 {
		return nil
	}
	t.named, t.goals = map[string][]*column{}, map[string]*goal{}
	for _, header := range slices.Sorted(maps.Keys(s.conf.Columns)) {
		c := t.byTag(forHeader + header)
		if c == nil {
			return errReshaped
		}
		t.named[s.conf.Columns[header]] = append(t.named[s.conf.Columns[header]], c)
	}
	return nil
}

var errReshaped = fmt.Errorf("sheets: the tab's columns have changed")

// suiting is a column that is being made and has a field's name, too.
func (sh *shaping) suiting(field string) *column {
	for _, c := range sh.made {
		if !c.tagged(forKey) && columns.Rank(field, c.header) < columns.No {
			return c
		}
	}
	return nil
}

// madeAt is where the column was put that a tag is for.
func (sh *shaping) madeAt(b *column) int64 {
	for _, c := range sh.made {
		if c.tagged(b.tags[0]) {
			return c.index
		}
	}
	return 0
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
