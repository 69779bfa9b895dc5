package larksim

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// shown is a field's property as it is listed; nil for a type that has none.
func (f *field) shown() map[string]any {
	if !kinds[f.kind].property {
		return nil
	}
	p := maps.Clone(f.property)
	if p == nil {
		p = map[string]any{}
	}
	set := func(name string, v any) {
		if _, ok := p[name]; !ok {
			p[name] = v
		}
	}
	switch f.kind {
	case SingleSelect, MultiSelect:
		p["options"] = append([]option{}, f.options...)
	case Number:
		switch f.ui {
		case "Number":
			set("formatter", "0.0")
		case "Currency":
			set("formatter", "0.00")
			set("currency_code", "CNY")
		case "Progress":
			set("formatter", "0%")
			set("min", 0)
			set("max", 1)
			set("range_customize", false)
		case "Rating":
			set("formatter", "0")
			set("min", 1)
			set("max", 5)
			set("rating", map[string]any{"symbol": "star"})
		}
	case DateTime, CreatedTime, ModifiedTime:
		set("date_formatter", "yyyy/MM/dd")
		if f.kind == DateTime {
			set("auto_fill", false)
		}
	case Person, GroupChat:
		set("multiple", true)
	}
	return p
}

// propertyNames are the names that mean something, by type; others are left out.
// It is never written to.
var propertyNames = map[int][]string{
	Number:       {"formatter", "currency_code", "min", "max", "range_customize", "rating"},
	DateTime:     {"date_formatter", "auto_fill"},
	CreatedTime:  {"date_formatter"},
	ModifiedTime: {"date_formatter"},
	Person:       {"multiple"},
	GroupChat:    {"multiple"},
	SingleLink:   {"table_id", "multiple"},
	DuplexLink:   {"table_id", "multiple", "back_field_name"},
	Location:     {"location"},
	Formula:      {"formula_expression", "formatter"},
	AutoNumber:   {"auto_serial"},
}

// setProperty reads a property into f. A property on a type that has none is
// 99992402 (`lark.md` §3.4, hearsay).
func (s *Sim) setProperty(b *base, f *field, raw json.RawMessage, old *field) *failure {
	raw = bytes.TrimSpace(raw)
	none := len(raw) == 0 || string(raw) == "null"
	if !kinds[f.kind].property {
		if none {
			return nil
		}
		return violation("property", "is not allowed for this type")
	}
	in := map[string]any{}
	if !none && json.Unmarshal(raw, &in) != nil {
		return violation("property", "must be an object")
	}
	for _, name := range propertyNames[f.kind] {
		if v, ok := in[name]; ok && v != nil {
			if f.property == nil {
				f.property = map[string]any{}
			}
			f.property[name] = v
		}
	}
	switch f.kind {
	case SingleSelect, MultiSelect:
		return s.setOptions(f, raw, none, old)
	case SingleLink, DuplexLink:
		to, _ := f.property["table_id"].(string)
		if !slices.ContainsFunc(b.tables, func(t *table) bool { return t.id == to }) {
			return violation("property.table_id", "names no table of this Base")
		}
	case Number:
		if f.ui == "Currency" {
			if code, ok := f.property["currency_code"]; ok {
				if c, _ := code.(string); len(c) != 3 {
					return violation("property.currency_code", "must be a currency")
				}
			}
		}
	}
	return nil
}

// setOptions replaces the options of a select field. One that is given by id, or
// by the name of one that was there, keeps its id, so that cells keep it too; a
// property that is not given leaves them alone.
func (s *Sim) setOptions(f *field, raw json.RawMessage, none bool, old *field) *failure {
	var in struct {
		Options []option `json:"options"`
	}
	if !none && json.Unmarshal(raw, &in) != nil {
		return violation("property.options", "must be options")
	}
	if old != nil && (none || in.Options == nil) {
		for _, o := range old.options {
			f.option(o.ID, o.Name)
		}
		return nil
	}
	if len(in.Options) > maxOptions {
		return violation("property.options", "too many")
	}
	for _, o := range in.Options {
		if o.Name == "" || o.Color < 0 || o.Color > 54 {
			return violation("property.options", "need a name, and a color from 0 to 54")
		}
		id := ""
		if old != nil {
			if _, ok := old.optionName(o.ID); ok {
				id = o.ID
			} else {
				id = old.byName[o.Name]
			}
		}
		if id == "" {
			id = s.id("opt", 7)
		}
		f.option(id, o.Name)
		f.options[len(f.options)-1].Color = o.Color
	}
	return nil
}
