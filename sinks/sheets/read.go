package sheets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
	"mekong/sinks/columns"
)

const (
	// readCells is about how many cells one call reads: most tabs are read in one, which
	// is one state of the tab.
	readCells = 200_000
	// readFields are what a page is made of: values as such, and whether a number is a
	// date. The header is part of each page, so that columns which are moved between two
	// pages are found.
	readFields = "sheets(properties(" + sheetFields + "),data(startRow,startColumn," +
		"rowData(values(effectiveValue,formattedValue,effectiveFormat(numberFormat(type)))),columnMetadata(developerMetadata(metadataKey,metadataValue))))"
	// readPatience is how long a page waits for the account's budget.
	readPatience = 3 * time.Minute
)

// Read calls each for every row that has a key, whose newest record was received at
// since or later: spreadsheet by spreadsheet, tab by tab, from the top. A row is given
// as the record it adds up to: what was bound to a field under the field's name, and a
// person's own columns under their headers. A row of which nobody knows when it was
// received is given in any case, and a key that a person has copied as often as it is
// there. Texts are read as they are, a list as one text, and dates as RFC 3339.
//
// It only reads, one call for some ten thousand rows, and takes no turn. Rows that a
// person moves or sorts meanwhile, in a tab of several pages, may be missed or seen
// twice. An error of each ends the reading and is returned as it is; any other is a
// Hold.
func (s *Sink) Read(ctx context.Context, since time.Time, each func(pipeline.Record) error) error {
	last, err := s.reached(ctx)
	if err != nil {
		return err
	}
	r := &reader{s: s, since: since, each: each}
	for i := range last + 1 {
		b, list, err := s.openFamily(ctx, i)
		if err != nil {
			return whole(err)
		}
		for _, p := range list {
			if err := r.tab(ctx, b, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// reached is the last spreadsheet that may hold rows: the one that is written to, as
// Memory has it. Without a memory it may be any.
func (s *Sink) reached(ctx context.Context) (int, error) {
	if s.opts.Memory == nil {
		return len(s.links) - 1, nil
	}
	if err := acquire(ctx, s.turn); err != nil {
		return 0, err
	}
	defer func() { s.turn <- struct{}{} }()
	s.recall(ctx)
	if !s.loaded {
		return len(s.links) - 1, nil
	}
	return s.at, nil
}

// reader is one Read under way.
type reader struct {
	s     *Sink
	since time.Time
	each  func(pipeline.Record) error
}

// tab reads one tab, page by page.
func (r *reader) tab(ctx context.Context, b *book, p *api.SheetProperties) error {
	for from := int64(1); ; {
		if p.GridProperties == nil || from >= p.GridProperties.RowCount || p.GridProperties.ColumnCount < 1 {
			return nil
		}
		wide, rows := p.GridProperties.ColumnCount, p.GridProperties.RowCount
		end := min(rows, from+max(100, readCells/wide))
		area := quoted(p.Title) + "A" + itoa(from+1) + ":" + columnName(wide-1) + itoa(end)
		got, err := r.s.getPage(ctx, b.id, wholeRow(p.Title, 0), area)
		if err != nil {
			return whole(err)
		}
		sh := tabOf(got, p.SheetId)
		if sh == nil {
			return whole(&Error{Class: NoTab, Status: 200})
		}
		done, err := r.page(b, sh, from)
		if err != nil || done {
			return err
		}
		from, p = end, sh.Properties
	}
}

func tabOf(got *api.Spreadsheet, gid int64) *api.Sheet {
	for _, sh := range got.Sheets {
		if sh != nil && sh.Properties != nil && sh.Properties.SheetId == gid {
			return sh
		}
	}
	return nil
}

// page gives the rows of an answer. done: the tab has no column of keys, so that
// nothing in it is ours.
func (r *reader) page(b *book, sh *api.Sheet, from int64) (done bool, err error) {
	head, rows := dataAt(sh, 0), dataAt(sh, from)
	if head == nil {
		return true, nil
	}
	t := &tab{book: b}
	t.layout(head)
	if t.key == nil {
		t.key = t.find(r.s.conf.KeyColumn)
	}
	if t.version == nil {
		t.version = t.find(versionHeader)
	}
	if t.key == nil {
		return true, nil
	}
	if rows == nil {
		return false, nil
	}
	names := r.s.readNames(t)
	for _, row := range rows.RowData {
		if row == nil {
			continue
		}
		rec, ok := recordOf(t, names, row.Values)
		if !ok || !rec.Received.IsZero() && rec.Received.Before(r.since) {
			continue
		}
		if err := r.each(rec); err != nil {
			return true, err
		}
	}
	return false, nil
}

// readNames are what the columns of a tab are read as, by their index: fields of a
// record where they are bound to one, or found by their names as for writing, and
// their own headers else. No name is there twice.
func (s *Sink) readNames(t *tab) map[int64]string {
	names, taken := map[int64]string{}, map[string]bool{}
	give := func(c *column, name string) {
		if c == nil || c == t.key || c == t.version || names[c.index] != "" || name == "" || taken[name] {
			return
		}
		names[c.index], taken[name] = name, true
	}
	for _, c := range t.columns {
		for _, tag := range c.tags {
			if header, ok := strings.CutPrefix(tag, forHeader); ok {
				give(c, s.conf.Columns[header])
			}
		}
	}
	for _, header := range slices.Sorted(maps.Keys(s.conf.Columns)) {
		give(t.find(header), s.conf.Columns[header])
	}
	for _, c := range t.columns {
		for _, tag := range c.tags {
			if field, ok := strings.CutPrefix(tag, forField); ok {
				give(c, field)
			}
		}
	}
	if len(s.conf.Columns) == 0 {
		fields := columns.Fields()
		for _, name := range columns.OfRecord() {
			if !slices.Contains(fields, name) {
				fields = append(fields, name)
			}
		}
		for _, field := range fields {
			give(t.guess(field), field)
		}
	}
	for _, c := range t.columns {
		name := columns.Heading(c.header)
		for n := 2; name != "" && taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", columns.Heading(c.header), n)
		}
		give(c, name)
	}
	return names
}

// recordOf is the record that a row adds up to; ok is false for a row without a key,
// which is a person's.
func recordOf(t *tab, names map[int64]string, cells []*api.CellData) (r pipeline.Record, ok bool) {
	at := func(c *column) any {
		if c == nil || c.index >= int64(len(cells)) {
			return nil
		}
		return shown(cells[c.index], c.date, t.book.zone)
	}
	if r.Key = keyOf(at(t.key)); r.Key == "" {
		return r, false
	}
	r.Fields = map[string]any{}
	for _, c := range t.columns {
		name, v := names[c.index], at(c)
		if name == "" || v == nil {
			continue
		}
		switch name {
		case "id":
			r.ID = keyOf(v)
		case "kind":
			r.Kind = keyOf(v)
		case "source":
			r.Source = keyOf(v)
		case "occurred":
			r.Occurred = timeOf(v)
		case "received":
			r.Received = timeOf(v)
		case "key": // the key column has it
		default:
			r.Fields[name] = v
		}
	}
	if v, isText := at(t.version).(string); isText && isVersion(v) {
		r.Occurred, r.Received, r.ID = parseVersion(v)
	}
	return r, true
}

// timeOf is the time that a cell says, zero if it says none.
func timeOf(v any) time.Time {
	t, _ := dated(v)
	return t.UTC()
}

// parseVersion takes apart what [version] made.
func parseVersion(v string) (occurred, received time.Time, id string) {
	a, rest, _ := strings.Cut(v, " ")
	b, id, _ := strings.Cut(rest, " ")
	occurred, _ = time.Parse(stamp, a) // isVersion has
	received, _ = time.Parse(stamp, b)
	return occurred, received, id
}

// shown is what a cell holds, or what its formula comes to: a string, a float64 or a
// bool, nil for an empty one and for a formula that fails. A number that is shown as a
// date is one, by the clock of zone; date says that the column is one of dates.
func shown(c *api.CellData, date bool, zone *time.Location) any {
	if c == nil || c.EffectiveValue == nil {
		return nil
	}
	switch v := c.EffectiveValue; {
	case v.StringValue != nil && *v.StringValue != "":
		return *v.StringValue
	case v.BoolValue != nil:
		return *v.BoolValue
	case v.NumberValue != nil:
		kind := ""
		if f := c.EffectiveFormat; f != nil && f.NumberFormat != nil {
			kind = f.NumberFormat.Type
		}
		at, ok := moment(*v.NumberValue, zone)
		switch {
		case ok && kind == "DATE" && !date:
			return at.Format(time.DateOnly)
		case ok && (date || kind == "DATE" || kind == "DATE_TIME"):
			return at.Format(time.RFC3339Nano)
		case kind == "TIME" && c.FormattedValue != "":
			return c.FormattedValue
		}
		return *v.NumberValue
	}
	return nil
}

// moment is the opposite of [serial]; ok is false for a number that is no date.
func moment(n float64, zone *time.Location) (time.Time, bool) {
	const days = 3_000_000 // some way into the year 10113
	if !(n >= 0 && n < days) {
		return time.Time{}, false
	}
	whole := int(n)
	wall := dayZero.AddDate(0, 0, whole).Add(time.Duration((n-float64(whole))*86_400_000+0.5) * time.Millisecond)
	if wall.Year() < 1900 || wall.Year() > 9998 {
		return time.Time{}, false
	}
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone), true
}

// getPage reads a header and some rows. Nobody waits for a lead behind it, so that it
// waits for its turn where other calls give up.
func (s *Sink) getPage(ctx context.Context, id string, ranges ...string) (*api.Spreadsheet, error) {
	wait, done, ok := s.account.take(false, readPatience)
	if !ok {
		return nil, pipeline.Hold(errBudget, wait)
	}
	defer done()
	if err := s.opts.Wait(ctx, wait); err != nil {
		return nil, err
	}
	if err := s.opts.Wait(ctx, s.opts.Gates.slot(id, s.now())); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	got, err := s.api.Spreadsheets.Get(id).Ranges(ranges...).Fields(googleapi.Field(readFields)).Context(limited).Do()
	if s.opts.OnCall != nil {
		s.opts.OnCall(Call{Failed: err != nil})
	}
	return got, classify(ctx, err, false)
}
