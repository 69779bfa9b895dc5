package larksim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// fieldBody is what creating and updating a field take (`lark.md` §3.4).
type fieldBody struct {
	Name     string          `json:"field_name"`
	Type     int             `json:"type"`
	UI       string          `json:"ui_type"`
	Property json.RawMessage `json:"property"`
	About    json.RawMessage `json:"description"`
}

// fieldItem is how a field is listed.
type fieldItem struct {
	ID       string         `json:"field_id"`
	Name     string         `json:"field_name"`
	Type     int            `json:"type"`
	UI       string         `json:"ui_type"`
	Primary  bool           `json:"is_primary"`
	Hidden   bool           `json:"is_hidden"`
	Property map[string]any `json:"property"`
	About    any            `json:"description,omitempty"`
}

func (t *table) item(f *field) fieldItem {
	return fieldItem{ID: f.id, Name: f.name, Type: f.kind, UI: f.ui, Primary: t.fields[0] == f, Hidden: f.hidden, Property: f.shown()}
}

// one answers a change of a field, whose description is an object there (the
// official SDK's bitable/v1 AppTableField); lists have it as text or segments.
func (t *table) one(f *field) any {
	it := t.item(f)
	if f.about != "" {
		it.About = map[string]any{"text": f.about}
	}
	return map[string]any{"field": it}
}

func listFields(c *call) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, f := c.inTable(CanView)
	if f != nil {
		return nil, f
	}
	if v := c.query.Get("view_id"); v != "" && v != t.view.id {
		return nil, viewFailure(v)
	}
	known, _ := query{s: c.s, table: t, now: c.s.now()}.fields(nil)
	if c.restricted(t.base) == AdvancedDenies {
		return nil, fail(1254302)
	}
	p, f := c.paging(len(known), 20, 100, t.id+"/fields")
	if f != nil {
		return nil, f
	}
	items := []fieldItem{}
	for _, fd := range known[p.from:p.to] {
		it := t.item(fd)
		switch {
		case fd.about == "":
		case c.query.Get("text_field_as_array") == "true":
			it.About = []any{segment(fd.about)}
		default:
			it.About = fd.about
		}
		items = append(items, it)
	}
	return listing{HasMore: p.more, PageToken: p.token, Total: len(known), Items: items}, nil
}

func createField(c *call) (any, *failure) {
	in, f := c.fieldIn()
	if f != nil {
		return nil, f
	}
	return c.write(func() (any, *failure) {
		t, f := c.toShape()
		if f != nil {
			return nil, f
		}
		n, f := c.s.checkField(t, in, nil)
		if f != nil {
			return nil, f
		}
		if len(t.fields) >= c.s.opts.MaxFields {
			return nil, fail(1254105)
		}
		t.fields = append(t.fields, n)
		t.touched()
		return t.one(n), nil
	})
}

func updateField(c *call) (any, *failure) {
	in, f := c.fieldIn()
	if f != nil {
		return nil, f
	}
	return c.write(func() (any, *failure) {
		t, old, f := c.inField()
		if f != nil {
			return nil, f
		}
		n, f := c.s.checkField(t, in, old)
		if f != nil {
			return nil, f
		}
		i := slices.Index(t.fields, old)
		if i == 0 && !kinds[n.kind].primary {
			return nil, fail(1254012)
		}
		t.fields[i] = n
		if n.kind != old.kind {
			t.recast(c.s, old, n)
		}
		t.touched()
		return t.one(n), nil
	})
}

func deleteField(c *call) (any, *failure) {
	return c.write(func() (any, *failure) {
		t, f, bad := c.inField()
		if bad != nil {
			return nil, bad
		}
		if t.fields[0] == f {
			return nil, fail(1254012)
		}
		t.removeField(f)
		return map[string]any{"field_id": f.id, "deleted": true}, nil
	})
}

// toShape finds the table of a change to its columns, for which advanced
// permissions ask for a manager (1254304).
func (c *call) toShape() (*table, *failure) {
	t, f := c.inTable(CanEdit)
	switch {
	case f != nil:
		return nil, f
	case t.base.copying:
		return nil, fail(1254036)
	case c.restricted(t.base) != AdvancedOff:
		return nil, fail(1254304)
	}
	return t, nil
}

func (c *call) inField() (*table, *field, *failure) {
	t, f := c.toShape()
	if f != nil {
		return nil, nil, f
	}
	id := c.vars["field_id"]
	if !plausible(id, "fld") {
		return nil, nil, fail(1254009)
	}
	if fd := t.fieldByID(id); fd != nil {
		return t, fd, nil
	}
	return nil, nil, fail(1254044)
}

func (c *call) fieldIn() (fieldBody, *failure) {
	var in fieldBody
	if f := c.decode(&in); f != nil {
		return in, f
	}
	return in, nil
}

// checkField makes a field of a request, or says what is wrong with it. old is
// the field it replaces, if any: the replacement is whole, and keeps the id.
func (s *Sim) checkField(t *table, in fieldBody, old *field) (*field, *failure) {
	name := strings.TrimSpace(in.Name) // trimmed on creation, exact ever after (§3.2)
	if old != nil && name == "" {
		name = old.name
	}
	if name == "" || len([]rune(name)) > 1000 {
		return nil, fail(1254029)
	}
	for _, o := range t.fields {
		if o != old && o.name == name {
			return nil, fail(1254014)
		}
	}
	k, ok := kinds[in.Type]
	if !ok {
		return nil, violation("type", "unknown type "+strconv.Itoa(in.Type))
	}
	ui := in.UI
	if ui == "" {
		ui = k.uis[0]
	}
	if !slices.Contains(k.uis, ui) {
		return nil, violation("ui_type", "is not one of the type")
	}
	n := &field{name: name, kind: in.Type, ui: ui, since: s.now().Add(s.opts.SchemaLag), about: about(in.About)}
	if old == nil {
		n.id = s.id("fld", 7)
	} else {
		n.id, n.since, n.hidden, n.fixed = old.id, old.since, old.hidden, old.fixed
	}
	if f := s.setProperty(t.base, n, in.Property, old); f != nil {
		return nil, f
	}
	return n, nil
}

// about reads a description, which is text or an object that holds it.
func about(raw json.RawMessage) string {
	var plain string
	if json.Unmarshal(raw, &plain) == nil {
		return plain
	}
	var object struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(raw, &object)
	return object.Text
}

// recast carries cells over to a new type: what reads as text becomes text, and
// text becomes whatever it converts to; the rest is lost.
func (t *table) recast(s *Sim, old, now *field) {
	w := &convert{s: s, table: t, idKind: "open_id"}
	for _, r := range t.rows {
		text := plain(s, old, r)
		delete(r.cells, old.id)
		if text == "" || kinds[now.kind].readOnly {
			continue
		}
		raw := encode(text)
		switch now.kind {
		case Number, DateTime:
			raw = []byte(text)
		case MultiSelect:
			raw = encode([]string{text})
		case URL:
			raw = encode(Link{Text: text, URL: text})
		}
		if !json.Valid(raw) {
			continue
		}
		if v, code := w.cell(now, raw); code == 0 && v != nil {
			r.cells[now.id] = v
		}
		w.commit()
	}
}
