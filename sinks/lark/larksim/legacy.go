package larksim

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Bounds of the deprecated list (`lark.md` §2.2).
const (
	maxFormula = 2000 // characters of its filter: 1254107
	maxSortBy  = 1000 // of its sort: 1254108
)

// listRecords is the deprecated GET records.
func listRecords(c *call) (any, *failure) {
	kind, f := c.idKind()
	if f != nil {
		return nil, f
	}
	formula, sort := c.query.Get("filter"), c.query.Get("sort")
	switch {
	case utf8.RuneCountInString(formula) > maxFormula:
		return nil, fail(1254107)
	case utf8.RuneCountInString(sort) > maxSortBy:
		return nil, fail(1254108)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, rows, shut, f := c.readable()
	if f != nil {
		return nil, f
	}
	q := query{s: c.s, table: t, now: c.s.now(), idKind: kind}
	keep, code := q.formula(formula)
	if code != 0 {
		return nil, fail(code)
	}
	by, code := sorts(sort)
	if code != 0 {
		return nil, fail(code)
	}
	order, code := q.order(by)
	if code != 0 {
		return nil, fail(code)
	}
	if v := c.query.Get("view_id"); keep == nil && order == nil && v != "" && v != t.view.id {
		return nil, viewFailure(v)
	}
	names, f := c.names()
	if f != nil {
		return nil, f
	}
	fields, code := q.fields(names)
	if code != 0 {
		return nil, fail(code)
	}
	return c.found(q, rows, keep, order, fields, shut, c.query.Get("automatic_fields") == "true", true)
}

// names are the columns of ?field_names=["A","B"].
func (c *call) names() ([]string, *failure) {
	raw := c.query.Get("field_names")
	if raw == "" {
		return nil, nil
	}
	var names []string
	if json.Unmarshal([]byte(raw), &names) != nil || len(names) > maxNames {
		return nil, fail(1254024)
	}
	return names, nil
}

// sorts reads ["Name ASC","Created DESC"].
func sorts(raw string) ([]sortBy, int) {
	if raw == "" {
		return nil, 0
	}
	var in []string
	if json.Unmarshal([]byte(raw), &in) != nil {
		return nil, 1254016
	}
	out := make([]sortBy, len(in))
	for i, s := range in {
		name, asc := strings.CutSuffix(s, " ASC")
		name, desc := strings.CutSuffix(name, " DESC")
		if asc == desc {
			return nil, 1254016
		}
		out[i] = sortBy{Field: name, Desc: desc}
	}
	return out, 0
}

// getRecord is the deprecated GET records/:record_id.
func getRecord(c *call) (any, *failure) {
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
	id := c.vars["record_id"]
	if !plausible(id, "rec") {
		return nil, fail(1254006)
	}
	r := t.byID[id]
	now := c.s.now()
	if r == nil || r.visible.After(now) || shut == AdvancedEmpty || c.blank() {
		return nil, fail(1254043)
	}
	q := query{s: c.s, table: t, now: now, idKind: kind}
	fields, _ := q.fields(nil)
	if shut == AdvancedHides {
		fields = nil
	}
	rd := reading{s: c.s, table: t, idKind: kind, old: true, arrays: c.query.Get("text_field_as_array") == "true"}
	return map[string]any{"record": rd.item(r, fields, c.query.Get("automatic_fields") == "true")}, nil
}
