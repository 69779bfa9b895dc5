package larksim

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// tableBody is what creating a table takes (`lark.md` §3.4).
type tableBody struct {
	Name   string      `json:"name"`
	View   string      `json:"default_view_name"`
	Fields []fieldBody `json:"fields"`
}

func listTables(c *call) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.base(CanView)
	if f != nil {
		return nil, f
	}
	now := c.s.now()
	tables := slices.DeleteFunc(slices.Clone(b.tables), func(t *table) bool { return now.Before(t.listed) })
	p, f := c.paging(len(tables), 20, 100, b.token+"/tables")
	if f != nil {
		return nil, f
	}
	type item struct {
		ID       string `json:"table_id"`
		Revision int    `json:"revision"`
		Name     string `json:"name"`
	}
	items := []item{}
	for _, t := range tables[p.from:p.to] {
		items = append(items, item{t.id, t.revision, t.name})
	}
	// Unlike the other lists, this one names a page token on its last page too (§2.1).
	if p.token == "" && p.to > 0 {
		p.token = tables[p.to-1].id
	}
	return listing{HasMore: p.more, PageToken: p.token, Total: len(tables), Items: items}, nil
}

func createTable(c *call) (any, *failure) {
	var in struct {
		Table *tableBody `json:"table"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	if in.Table == nil {
		return nil, fail(1254001)
	}
	return c.write(func() (any, *failure) {
		b, f := c.toCreateTables()
		if f != nil {
			return nil, f
		}
		made, f := c.s.makeTables(b, []tableBody{*in.Table})
		if f != nil {
			return nil, f
		}
		t := made[0]
		t.listed = c.s.now().Add(c.s.opts.TableLag)
		ids := []string{}
		for _, fd := range t.fields {
			ids = append(ids, fd.id)
		}
		return map[string]any{"table_id": t.id, "default_view_id": t.view.id, "field_id_list": ids}, nil
	})
}

func batchCreateTables(c *call) (any, *failure) {
	var in struct {
		Tables []tableBody `json:"tables"`
	}
	if f := c.decode(&in); f != nil {
		return nil, f
	}
	if len(in.Tables) == 0 {
		return nil, fail(1254001)
	}
	return c.write(func() (any, *failure) {
		b, f := c.toCreateTables()
		if f != nil {
			return nil, f
		}
		made, f := c.s.makeTables(b, in.Tables)
		if f != nil {
			return nil, f
		}
		ids := []string{}
		for _, t := range made {
			ids = append(ids, t.id)
		}
		return map[string]any{"table_ids": ids}, nil
	})
}

func (c *call) toCreateTables() (*base, *failure) {
	b, f := c.base(CanEdit)
	switch {
	case f != nil:
		return nil, f
	case b.copying:
		return nil, fail(1254036)
	case c.restricted(b) != AdvancedOff:
		return nil, fail(1254304)
	}
	return b, nil
}

// makeTables makes all the tables or none.
func (s *Sim) makeTables(b *base, in []tableBody) ([]*table, *failure) {
	if len(b.tables)+len(in) > s.opts.MaxTables {
		return nil, fail(1254100)
	}
	names := map[string]bool{}
	for _, t := range b.tables {
		names[t.name] = true
	}
	// They are built beside the Base, and moved in when all are good.
	beside := &base{token: b.token, tables: slices.Clone(b.tables)}
	var made []*table
	for _, tb := range in {
		if n := utf8.RuneCountInString(tb.Name); n < 1 || n > 100 || strings.ContainsAny(tb.Name, `/\?*:[]`) {
			return nil, fail(1254032)
		}
		if names[tb.Name] {
			return nil, fail(1254013)
		}
		names[tb.Name] = true
		if len(tb.Fields) > s.opts.MaxFields {
			return nil, fail(1254105)
		}
		t := s.newTable(beside, tb.Name, tb.View)
		if len(tb.Fields) == 0 {
			tb.Fields = []fieldBody{{Name: "Name", Type: Text}}
		}
		for i, fb := range tb.Fields {
			n, f := s.checkField(t, fb, nil)
			if f != nil {
				return nil, f
			}
			if i == 0 && !kinds[n.kind].primary {
				return nil, fail(1254012)
			}
			t.fields = append(t.fields, n)
		}
		made = append(made, t)
	}
	for _, t := range made {
		t.base = b
		b.tables = append(b.tables, t)
		t.touched()
	}
	return made, nil
}

func getBase(c *call) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.base(CanView)
	if f != nil {
		return nil, f
	}
	return map[string]any{"app": map[string]any{
		"app_token": b.token, "name": b.name, "revision": b.revision, "is_advanced": b.advanced != AdvancedOff,
		"time_zone": c.s.opts.Location.String(), "formula_type": 1, "advance_version": "v2",
	}}, nil
}
