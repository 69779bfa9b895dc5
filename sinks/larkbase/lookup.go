package larkbase

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"mekong/sinks/lark"
)

// mayExist reports whether the Base may have a row of r's key.
//
// A record whose Key is its ID has one if another record of that key came before it.
// This process remembers which keys it has written ([seen]). What was written before
// it began, or by another process, it does not know; but such a record has happened
// before that, for the later one could not have overtaken it otherwise. So it is
// looked for if it is that old, in a sink that has ever had records whose Key is
// another's ID: Memory remembers that.
func (s *Sink) mayExist(r *row) bool {
	for _, e := range r.entries {
		if e.record.Key != e.record.ID {
			s.mixed = true
			return true
		}
		if e.record.Again {
			return true
		}
		if s.mixed || s.opts.Memory != nil && !s.loaded {
			if !e.record.Occurred.After(s.since.Add(skew)) || !e.record.Received.After(s.since.Add(skew)) {
				return true
			}
		}
	}
	return s.seen.has(r.key)
}

// skew is how far the clocks of senders and of this machine may be apart.
const skew = time.Minute

// look finds out which of rows are in the Base already. A row that should be there
// and is not to be seen yet is held; an error is the whole look-up's.
func (j *job) look(ctx context.Context, rows []*row) error {
	var ask []*row
	for _, r := range rows {
		r.found = nil
		k, ok := j.s.fresh.rows[r.key]
		if t := j.b.table(k.table); ok && k.id != "" && t != nil {
			r.found = &found{id: k.id, table: t, version: k.version, filled: k.filled}
			continue
		}
		ask = append(ask, r)
	}
	ask, err := j.unknown(ctx, ask)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(ask, lark.MostFiltered) {
		left := part
		for _, t := range j.b.tables {
			if t == nil || len(left) == 0 {
				continue
			}
			if err := j.search(ctx, t, left); err != nil {
				return err
			}
			left = slices.DeleteFunc(slices.Clone(left), func(r *row) bool { return r.found != nil })
		}
		for _, r := range part {
			j.believe(r)
		}
	}
	return nil
}

// believe compares what was found with what this process knows.
func (j *job) believe(r *row) {
	k, ok := j.s.fresh.rows[r.key]
	if !ok || j.s.now().Sub(k.at) >= lag {
		return
	}
	if r.found == nil || r.found.version < k.version {
		r.refused(errLag)
	}
}

// search looks for the rows' keys in one table.
func (j *job) search(ctx context.Context, t *table, rows []*row) error {
	keys := make([]string, len(rows))
	byKey := make(map[string]*row, len(rows))
	names := []string{t.key.field.Name, t.version.field.Name}
	for i, r := range rows {
		keys[i], byKey[r.key] = r.key, r
		for _, c := range j.columns(r, t) {
			if !slices.Contains(names, c.field.Name) {
				names = append(names, c.field.Name)
			}
		}
	}
	if len(names) > mostNames {
		names = nil // all columns
	}
	page, err := j.s.client.Search(ctx, j.b.link.AppToken, t.id, lark.Query{
		Filter: lark.AnyOf(t.key.field.Name, keys), FieldNames: names, UserIDType: j.s.conf.UserIDType,
	})
	if err != nil {
		return whole(advise(err))
	}
	for _, rec := range page.Records {
		key, ok := lark.Text(rec.Fields[t.key.field.Name])
		if !ok {
			// Taken for not found, the row would be made a second time.
			return held("rows are found and their cells are not shown", `advanced permissions are on: give the app "can manage"`)
		}
		r := byKey[key]
		if r == nil || rec.ID == "" || j.s.fresh.wasErased(rec.ID, j.s.now()) {
			continue
		}
		f := t.read(rec)
		// Of several rows of one key, which only a person can have made, the newest.
		if r.found == nil || r.found.version < f.version || r.found.version == f.version && f.id < r.found.id {
			r.found = f
		}
	}
	return nil
}

// mostNames is how many columns a search may be asked for (`lark.md` §2.2).
const mostNames = 200

// columns are those that r's records may go to, and where notes go.
func (j *job) columns(r *row, t *table) (out []*column) {
	for _, e := range r.entries {
		for _, field := range e.names() {
			out = append(out, t.of(field)...)
		}
	}
	if t.notes != nil {
		out = append(out, t.notes)
	}
	return out
}

// read takes apart a row as it was found.
func (t *table) read(rec lark.Record) *found {
	f := &found{id: rec.ID, table: t, filled: []string{}}
	f.version, _ = lark.Text(rec.Fields[t.version.field.Name])
	byID := make(map[string]json.RawMessage, len(rec.Fields))
	for _, c := range t.live {
		if cell, ok := rec.Fields[c.field.Name]; ok && !blank(cell) {
			f.filled = append(f.filled, c.field.ID)
			byID[c.field.ID] = cell
		}
	}
	f.cells = byID
	return f
}

// blank reports whether a cell that is listed is empty all the same.
func blank(cell json.RawMessage) bool {
	switch string(cell) {
	case "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// table is the table of that id among those in use.
func (b *base) table(id string) *table {
	for _, t := range b.tables {
		if t != nil && t.id == id {
			return t
		}
	}
	return nil
}
