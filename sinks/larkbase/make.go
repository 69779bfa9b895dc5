package larkbase

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"mekong/sinks/columns"
	"mekong/sinks/lark"
)

const (
	maxHeading = 100 // characters of a column's name that is made of a field's
	// maxMade is how many columns a table may have before no more are made for fields
	// nobody has named: their names are the senders', and a table takes 300.
	maxMade = 200
)

// makeMissing makes the columns that entries have a value for and the table lacks,
// each with the type that fits the first value.
func (s *Sink) makeMissing(ctx context.Context, b *base, t *table, entries []*entry) error {
	names := map[string][]string{} // columns by field
	for column, field := range s.conf.Columns {
		if s.remembered(t, column) == nil && t.find(column) == nil {
			names[field] = append(names[field], column)
			slices.Sort(names[field])
		}
	}
	for _, e := range entries {
		for field, v := range e.fields() {
			missing := names[field]
			if t.named == nil {
				if _, own := e.record.Fields[field]; !own || t.guess(field).column != nil || len(t.live) >= maxMade {
					continue
				}
				name := columns.Heading(field)
				if name == "" || len([]rune(name)) > maxHeading || t.find(name) != nil {
					continue
				}
				missing = []string{name}
			}
			for _, name := range missing {
				f := fit(field, v)
				f.Name = name
				c, err := s.makeColumn(ctx, b, t, f)
				if err != nil {
					return err
				}
				s.remember(t, name, c)
				if t.named != nil {
					t.named[field] = append(t.named[field], c)
				}
			}
			delete(names, field)
		}
	}
	return nil
}

// fit is the type of column for a field with this value. A type that could not hold
// other values of the same field is not chosen lightly: text holds them all.
func fit(field string, v any) lark.Field {
	switch v := v.(type) {
	case bool:
		return lark.Field{Type: lark.TypeCheckbox}
	case float64:
		format := "0"
		if v != math.Trunc(v) {
			format = "0.00"
		}
		return lark.Field{Type: lark.TypeNumber, Property: map[string]any{"formatter": format}}
	case []string:
		return lark.Field{Type: lark.TypeMultiSelect}
	case string:
		if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return lark.Field{Type: lark.TypeDateTime, Property: map[string]any{"date_formatter": "yyyy-MM-dd HH:mm", "auto_fill": false}}
		}
		_, odd := asPhone(v)
		switch name := columns.Fold(field); {
		case name == "phone" && odd == "":
			return lark.Field{Type: lark.TypePhone}
		case name == "email" && strings.Contains(v, "@"):
			return lark.Field{Type: lark.TypeText, UIType: "Email"}
		case name == "link" && (strings.HasPrefix(v, "https://") || strings.HasPrefix(v, "http://")):
			return lark.Field{Type: lark.TypeURL}
		}
	}
	return lark.Field{Type: lark.TypeText}
}

// makeNotes makes the column for what was left out, if that is allowed.
func (s *Sink) makeNotes(ctx context.Context, b *base, t *table) error {
	if t.notes != nil || !s.conf.CreateColumns || t.find(notesColumn) != nil {
		return nil
	}
	c, err := s.makeColumn(ctx, b, t, lark.Field{Name: notesColumn, Type: lark.TypeText})
	if err == nil {
		t.notes = c
	}
	return err
}
