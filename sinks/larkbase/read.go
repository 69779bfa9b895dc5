package larkbase

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sinks/columns"
	"mekong/sinks/lark"
)

// Read calls each for every row that has a key, whose newest record was received at
// since or later: table by table, oldest first, in the platform's order. A row is
// given as the record it adds up to: what was bound to a field under the field's name,
// and a person's own columns under their names. A row of which nobody knows when it
// was received is given in any case, and a key that a person has copied as often as it
// is there. What a cell holds is given as text, number, yes or no, or a list of texts;
// dates as RFC 3339.
//
// It only reads, one call for 500 rows, and takes neither the Base's gate nor its
// lease: rows that change meanwhile may be seen before or after it, and one that was
// written a moment ago not at all (`lark.md` §2.4). An error of each ends the reading
// and is returned as it is; any other is a Hold.
func (s *Sink) Read(ctx context.Context, since time.Time, each func(pipeline.Record) error) error {
	app, tables, err := s.readable(ctx)
	if err != nil {
		return whole(err)
	}
	for _, of := range tables {
		fields, err := s.client.Fields(ctx, app, of.ID)
		if err != nil {
			return whole(advise(err))
		}
		t := newTable(of.ID, of.Name, fields)
		names, ok := s.readNames(t)
		if !ok {
			continue // it has no rows of ours
		}
		if err := s.readRows(ctx, app, t, names, since, each); err != nil {
			return err
		}
	}
	return nil
}

// readable finds the Base and the tables that may hold rows.
func (s *Sink) readable(ctx context.Context) (app string, tables []lark.Table, err error) {
	if err := acquire(ctx, s.turn); err != nil {
		return "", nil, err
	}
	defer func() { s.turn <- struct{}{} }()
	s.recall(ctx)
	if app, err = s.locate(ctx); err != nil {
		return "", nil, err
	}
	f, err := s.findTables(ctx, app)
	if err != nil {
		return "", nil, err
	}
	return app, f.tables, nil
}

// readRows reads one table, page by page.
func (s *Sink) readRows(ctx context.Context, app string, t *table, names map[string]string, since time.Time, each func(pipeline.Record) error) error {
	for next := ""; ; {
		page, err := s.client.Search(ctx, app, t.id, lark.Query{PageToken: next, UserIDType: s.conf.UserIDType})
		if err != nil {
			return whole(advise(err))
		}
		for _, row := range page.Records {
			r, ok := s.recordOf(t, names, row)
			if !ok || !r.Received.IsZero() && r.Received.Before(since) {
				continue
			}
			if err := each(r); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		if page.Next == "" || page.Next == next {
			return held("the list of rows does not end", "run it again; if it stays, report it")
		}
		next = page.Next
	}
}

// readNames are what the columns of a table are read as, by their id: fields of a
// record where they are bound to one, or found by their names as for writing, and
// their own names else. No name is there twice. ok is false for a table without a
// column of keys.
func (s *Sink) readNames(t *table) (names map[string]string, ok bool) {
	bound := s.boundIn(t.id)
	find := func(name string) *column {
		if c := t.byID[bound[name]]; c != nil {
			return c
		}
		return t.find(name)
	}
	if t.key = find(s.conf.KeyColumn); t.key == nil {
		return nil, false
	}
	t.version, t.notes = find(versionColumn), t.find(notesColumn)
	names = map[string]string{}
	taken := map[string]bool{}
	give := func(c *column, name string) {
		if c == nil || c == t.key || c == t.version || c == t.notes || names[c.field.ID] != "" || name == "" || taken[name] {
			return
		}
		names[c.field.ID], taken[name] = name, true
	}
	for _, name := range slices.Sorted(maps.Keys(s.conf.Columns)) {
		give(find(name), s.conf.Columns[name])
	}
	if len(s.conf.Columns) == 0 {
		for _, name := range slices.Sorted(maps.Keys(bound)) {
			if field, ok := strings.CutPrefix(name, guessed); ok {
				id, _, _ := strings.Cut(bound[name], " ")
				give(t.byID[id], field)
			}
		}
		for _, field := range append(columns.Fields(), ofRecord...) {
			give(t.guess(field).column, field)
		}
	}
	for _, c := range t.live {
		name := columns.Heading(c.field.Name)
		for n := 2; name != "" && taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", columns.Heading(c.field.Name), n)
		}
		give(c, name)
	}
	return names, true
}

// boundIn are the ids that names are bound to in a table.
func (s *Sink) boundIn(table string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ids[table])
}

// recordOf is the record that a row adds up to; ok is false for a row without a key,
// which is a person's.
func (s *Sink) recordOf(t *table, names map[string]string, row lark.Record) (r pipeline.Record, ok bool) {
	if r.Key, ok = lark.Text(row.Fields[t.key.field.Name]); !ok || r.Key == "" {
		return r, false
	}
	r.Fields = map[string]any{}
	for _, c := range t.live {
		name := names[c.field.ID]
		if name == "" {
			continue
		}
		v := readCell(row.Fields[c.field.Name], c.field.Type, s.loc)
		if v == nil {
			continue
		}
		switch name {
		case "id":
			r.ID = plain(v)
		case "kind":
			r.Kind = plain(v)
		case "source":
			r.Source = plain(v)
		case "occurred":
			r.Occurred = timeOf(v)
		case "received":
			r.Received = timeOf(v)
		case "key": // the key column has it
		default:
			r.Fields[name] = v
		}
	}
	if t.version != nil {
		text, _ := lark.Text(row.Fields[t.version.field.Name])
		if occurred, received, id, ok := parseVersion(text); ok {
			r.Occurred, r.Received, r.ID = occurred, received, id
		}
	}
	return r, true
}

// timeOf is the time that a cell says, zero if it says none.
func timeOf(v any) time.Time {
	t, err := time.Parse(time.RFC3339Nano, plain(v))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// parseVersion takes apart what [version] made; ok is false for any other text.
func parseVersion(v string) (occurred, received time.Time, id string, ok bool) {
	a, rest, _ := strings.Cut(v, " ")
	b, id, found := strings.Cut(rest, " ")
	occurred, err := time.Parse(stamp, a)
	if err != nil || !found {
		return time.Time{}, time.Time{}, "", false
	}
	if received, err = time.Parse(stamp, b); err != nil {
		return time.Time{}, time.Time{}, "", false
	}
	return occurred, received, id, true
}

// milliseconds is a time of the platform's as text.
func milliseconds(n float64, zone *time.Location) any {
	if !(n > -62_000_000_000_000 && n < 253_000_000_000_000) { // the years 5 to 9987
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return time.UnixMilli(int64(n)).In(zone).Format(time.RFC3339Nano)
}
