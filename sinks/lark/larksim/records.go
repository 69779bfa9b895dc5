package larksim

import (
	"bytes"
	"encoding/json"
	"time"
)

// written is a record as a write is answered: with the fields that were given, in
// the shape they were given (`lark.md` §2.1).
type written struct {
	Fields   map[string]json.RawMessage `json:"fields"`
	ID       string                     `json:"id"`
	RecordID string                     `json:"record_id"`
}

// deleted is how a deletion is answered.
type deleted struct {
	Deleted  bool   `json:"deleted"`
	RecordID string `json:"record_id"`
}

// given is one record of a request.
type given struct {
	ID     string                     `json:"record_id"`
	Fields map[string]json.RawMessage `json:"fields"`
}

// change is one record of a request, converted.
type change struct {
	row   *row
	cells map[*field]any
	given map[string]json.RawMessage
}

func createRecord(c *call) (any, *failure) {
	var in given
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	return c.alter([]given{in}, false, func(out []written) any { return map[string]any{"record": out[0]} })
}

func batchCreate(c *call) (any, *failure) {
	in, f := c.batch()
	if f != nil {
		return nil, f
	}
	return c.alter(in, false, func(out []written) any { return map[string]any{"records": out} })
}

func updateRecord(c *call) (any, *failure) {
	var in given
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	in.ID = c.vars["record_id"]
	return c.alter([]given{in}, true, func(out []written) any { return map[string]any{"record": out[0]} })
}

func batchUpdate(c *call) (any, *failure) {
	in, f := c.batch()
	if f != nil {
		return nil, f
	}
	return c.alter(in, true, func(out []written) any { return map[string]any{"records": out} })
}

// batch reads {"records":[…]} and holds it to the cap.
func (c *call) batch() ([]given, *failure) {
	var in struct {
		Records []given `json:"records"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	switch {
	case in.Records == nil:
		return nil, fail(1254001)
	case len(in.Records) == 0:
		return nil, fail(1254007)
	case len(in.Records) > c.s.opts.BatchCap:
		return nil, fail(1254104)
	}
	return in.Records, nil
}

// alter creates or updates records: all of them, or none and a code.
func (c *call) alter(in []given, update bool, data func([]written) any) (any, *failure) {
	for _, g := range in {
		if g.Fields == nil {
			return nil, fail(1254001)
		}
	}
	kind, f := c.idKind()
	if f != nil {
		return nil, f
	}
	return c.write(func() (any, *failure) {
		t, f := c.toWrite()
		if f != nil {
			return nil, f
		}
		w := &convert{s: c.s, table: t, idKind: kind}
		changes, code := w.changes(in, update, c.restricted(t.base) == AdvancedHides)
		if code != 0 {
			return nil, fail(code)
		}
		if !update && len(t.rows)+len(in) > c.s.opts.TableRows {
			return nil, fail(1254103)
		}
		w.commit()
		return data(t.apply(c.s, changes, c.identity())), nil
	})
}

// changes converts a request without changing anything. Names are looked at
// before values, over the whole request.
func (w *convert) changes(in []given, update, hidden bool) ([]change, int) {
	now := w.s.now()
	fields := make(map[string]*field, len(w.table.fields))
	for _, f := range w.table.fields {
		if !hidden && !now.Before(f.since) {
			fields[f.name] = f
		}
	}
	out := make([]change, len(in))
	for i, g := range in {
		if update {
			if !plausible(g.ID, "rec") {
				return nil, 1254006
			}
			if out[i].row = w.table.byID[g.ID]; out[i].row == nil {
				return nil, 1254043
			}
		}
		for name := range g.Fields {
			if fields[name] == nil {
				return nil, 1254045
			}
		}
	}
	for i, g := range in {
		out[i].cells = make(map[*field]any, len(g.Fields))
		out[i].given = make(map[string]json.RawMessage, len(g.Fields))
		// In the order of the columns: which value is complained of, and which
		// option is made first, does not hang on the order of a map.
		for _, f := range w.table.fields {
			raw, ok := g.Fields[f.name]
			if !ok || fields[f.name] != f {
				continue
			}
			v, code := w.cell(f, raw)
			if code != 0 {
				return nil, code
			}
			out[i].cells[f] = v
			if string(bytes.TrimSpace(raw)) != "null" {
				out[i].given[f.name] = raw
			}
		}
	}
	return out, 0
}

// apply stores converted changes and says what was written.
func (t *table) apply(s *Sim, changes []change, who string) []written {
	now := s.now()
	out := make([]written, len(changes))
	for i, ch := range changes {
		r := ch.row
		if r == nil {
			r = t.newRow(s, now, who)
		}
		for f, v := range ch.cells {
			if v == nil {
				delete(r.cells, f.id)
			} else {
				r.cells[f.id] = v
			}
		}
		r.modified, r.last = now, who
		out[i] = written{Fields: ch.given, ID: r.id, RecordID: r.id}
	}
	t.touched()
	return out
}

func (t *table) newRow(s *Sim, now time.Time, who string) *row {
	id := s.id("rec", 11)
	for t.byID[id] != nil {
		id = s.id("rec", 11)
	}
	t.serial++
	r := &row{id: id, cells: map[string]any{}, number: t.serial, created: now, by: who, visible: now.Add(s.opts.ReplicaLag)}
	t.rows = append(t.rows, r)
	t.byID[id] = r
	return r
}

func deleteRecord(c *call) (any, *failure) {
	return c.erase([]string{c.vars["record_id"]}, func(out []deleted) any { return out[0] })
}

// deleteCap is the most that batch_delete takes (§2).
const deleteCap = 500

func batchDelete(c *call) (any, *failure) {
	var in struct {
		Records []string `json:"records"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	switch {
	case in.Records == nil:
		return nil, fail(1254001)
	case len(in.Records) == 0:
		return nil, fail(1254007)
	case len(in.Records) > deleteCap:
		return nil, fail(1254104)
	}
	return c.erase(in.Records, func(out []deleted) any { return map[string]any{"records": out} })
}

// erase deletes records: all of them, or none and a code.
func (c *call) erase(ids []string, data func([]deleted) any) (any, *failure) {
	return c.write(func() (any, *failure) {
		t, f := c.toWrite()
		if f != nil {
			return nil, f
		}
		out := make([]deleted, len(ids))
		for i, id := range ids {
			if !plausible(id, "rec") {
				return nil, fail(1254006)
			}
			if t.byID[id] == nil {
				return nil, fail(1254043)
			}
			out[i] = deleted{Deleted: true, RecordID: id}
		}
		t.drop(ids)
		t.touched()
		return data(out), nil
	})
}
