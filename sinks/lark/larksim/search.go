package larksim

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// searchBody is what search takes (`lark.md` §2.2). Its page is in the query.
type searchBody struct {
	View       string          `json:"view_id"`
	FieldNames []string        `json:"field_names"`
	Sort       []sortBy        `json:"sort"`
	Filter     json.RawMessage `json:"filter"`
	Automatic  bool            `json:"automatic_fields"`
}

type sortBy struct {
	Field string `json:"field_name"`
	Desc  bool   `json:"desc"`
}

// Bounds of a search (§2.2).
const (
	maxNames      = 200
	maxSorts      = 100
	maxConditions = 50
	maxValues     = 10
	pageUsual     = 20
	pageMost      = 500
	getMost       = 100
)

func search(c *call) (any, *failure) {
	var in searchBody
	if len(c.body) > 0 {
		if f := c.decode(&in); f != nil {
			return nil, f
		}
	}
	kind, f := c.idKind()
	if f != nil {
		return nil, f
	}
	if len(in.FieldNames) > maxNames {
		return nil, fail(1254024)
	}
	if len(in.Sort) > maxSorts {
		return nil, fail(1254016)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, rows, shut, f := c.readable()
	if f != nil {
		return nil, f
	}
	q := query{s: c.s, table: t, now: c.s.now(), idKind: kind}
	keep, code := q.filter(in.Filter)
	if code != 0 {
		return nil, fail(code)
	}
	order, code := q.order(in.Sort)
	if code != 0 {
		return nil, fail(code)
	}
	if keep == nil && order == nil && in.View != "" && in.View != t.view.id {
		return nil, viewFailure(in.View)
	}
	fields, code := q.fields(in.FieldNames)
	if code != 0 {
		return nil, fail(code)
	}
	return c.found(q, rows, keep, order, fields, shut, in.Automatic, false)
}

func viewFailure(id string) *failure {
	if !plausible(id, "vew") {
		return fail(1254005)
	}
	return fail(1254042)
}

// readable is the table of a read and its rows that have reached the replica.
// shut is how advanced permissions restrict what is seen of them.
func (c *call) readable() (*table, []*row, Advanced, *failure) {
	t, f := c.inTable(CanView)
	if f != nil {
		return nil, nil, 0, f
	}
	shut := c.restricted(t.base)
	switch {
	case shut == AdvancedDenies:
		return nil, nil, 0, fail(1254302)
	case shut == AdvancedEmpty, c.blank():
		return t, nil, shut, nil
	}
	now := c.s.now()
	rows := t.rows
	if n := len(rows); n > 0 && rows[n-1].visible.After(now) {
		rows = make([]*row, 0, n)
		for _, r := range t.rows {
			if !r.visible.After(now) {
				rows = append(rows, r)
			}
		}
	}
	return t, rows, shut, nil
}

// found filters, sorts and cuts rows, and reads what is left.
func (c *call) found(q query, rows []*row, keep func(*row) bool, order func(a, b *row) int, fields []*field, shut Advanced, automatic, old bool) (any, *failure) {
	if keep != nil {
		var kept []*row
		for _, r := range rows {
			if keep(r) {
				kept = append(kept, r)
			}
		}
		rows = kept
	}
	if order != nil {
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, order)
	}
	p, f := c.paging(len(rows), pageUsual, pageMost, q.table.id)
	if f != nil {
		return nil, f
	}
	if shut == AdvancedHides {
		fields = nil
	}
	rd := reading{s: c.s, table: q.table, idKind: q.idKind, old: old, arrays: c.query.Get("text_field_as_array") == "true"}
	items := make([]item, 0, p.to-p.from)
	for _, r := range rows[p.from:p.to] {
		items = append(items, rd.item(r, fields, automatic))
	}
	return listing{HasMore: p.more, PageToken: p.token, Total: len(rows), Items: items}, nil
}

// query is what a read asks of one table.
type query struct {
	s      *Sim
	table  *table
	now    time.Time
	idKind string
}

// fields are the columns asked for by name, or all.
func (q query) fields(names []string) ([]*field, int) {
	var out []*field
	if names == nil {
		for _, f := range q.table.fields {
			if !q.now.Before(f.since) {
				out = append(out, f)
			}
		}
		return out, 0
	}
	for _, n := range names {
		f := q.table.known(n, q.now)
		if f == nil {
			return nil, 1254024
		}
		out = append(out, f)
	}
	return out, 0
}

// order compares rows by the fields asked for; empty cells come last. Nil means
// the order of creation.
func (q query) order(by []sortBy) (func(a, b *row) int, int) {
	if len(by) == 0 {
		return nil, 0
	}
	fields := make([]*field, len(by))
	for i, b := range by {
		if fields[i] = q.table.known(b.Field, q.now); fields[i] == nil {
			return nil, 1254016
		}
	}
	return func(a, b *row) int {
		for i, f := range fields {
			n := q.compare(f, a, b, by[i].Desc)
			if n != 0 {
				return n
			}
		}
		return 0
	}, 0
}

func (q query) compare(f *field, a, b *row, desc bool) int {
	x, xok := q.measure(f, a)
	y, yok := q.measure(f, b)
	var n int
	if xok && yok {
		n = cmp.Compare(x, y)
	} else {
		s, t := plain(q.s, f, a), plain(q.s, f, b)
		if (s == "") != (t == "") {
			if s == "" {
				return 1
			}
			return -1
		}
		n = cmp.Compare(s, t)
	}
	if desc {
		return -n
	}
	return n
}

// measure is a cell as a number, where it is one: number, date, checkbox.
func (q query) measure(f *field, r *row) (float64, bool) {
	switch f.kind {
	case CreatedTime:
		return float64(r.created.UnixMilli()), true
	case ModifiedTime:
		return float64(r.modified.UnixMilli()), true
	case AutoNumber:
		return float64(r.number), true
	}
	switch v := r.cells[f.id].(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func batchGet(c *call) (any, *failure) {
	var in struct {
		IDs       []string `json:"record_ids"`
		IDKind    string   `json:"user_id_type"`
		Shared    bool     `json:"with_shared_url"`
		Automatic bool     `json:"automatic_fields"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	switch {
	case len(in.IDs) == 0:
		return nil, fail(1254007)
	case len(in.IDs) > getMost:
		return nil, fail(1254104)
	}
	if in.IDKind != "" {
		c.query.Set("user_id_type", in.IDKind)
	}
	kind, f := c.idKind()
	if f != nil {
		return nil, f
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, _, shut, f := c.readable()
	if f != nil {
		return nil, f
	}
	q := query{s: c.s, table: t, now: c.s.now(), idKind: kind}
	fields, _ := q.fields(nil)
	if shut == AdvancedHides {
		fields = nil
	}
	rd := reading{s: c.s, table: t, idKind: kind}
	records, absent, forbidden := []item{}, []string{}, []string{}
	for _, id := range in.IDs {
		r := t.byID[id]
		switch {
		case shut == AdvancedEmpty && r != nil:
			forbidden = append(forbidden, id)
		case r == nil || r.visible.After(q.now) || c.blank():
			absent = append(absent, id)
		default:
			it := rd.item(r, fields, in.Automatic)
			if in.Shared {
				it.SharedURL = "https://" + c.s.opts.Domain + "/record/" + id
			}
			records = append(records, it)
		}
	}
	return map[string]any{"records": records, "absent_record_ids": absent, "forbidden_record_ids": forbidden}, nil
}

// blank says whether a Blank fault empties this read.
func (c *call) blank() bool { return c.fault != nil && c.fault.Kind == Blank }
