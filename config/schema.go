package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/invopop/jsonschema"
)

// reference matches a value with a ${…} in it, which an editor cannot resolve.
const reference = `\$\{.+\}`

// Schema returns a JSON Schema (draft 2020-12) of the configuration file, for
// editors. It knows names, types, ranges, words and defaults. Rules between
// settings are [Parse]'s alone: a file that passes the schema may still be refused.
func Schema() ([]byte, error) {
	// A default that depends on the block's name differs between the two.
	a, b := reflect.ValueOf(Default()).Elem(), reflect.ValueOf(Default()).Elem()
	s := blockSchema(a, b)
	s.Version = jsonschema.Version
	s.Title = "Mekong configuration"
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(out, '\n'), nil
}

// blockSchema describes a struct of the tree. a and b are two of them, filled
// with the defaults of different names.
func blockSchema(a, b reflect.Value) *jsonschema.Schema {
	out := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, s := range settings(a.Type()) {
		p := valueSchema(s, a.Field(s.index), b.Field(s.index))
		p.Description = s.doc
		out.Properties.Set(s.name, p)
		if s.typ.Kind() == reflect.Pointer { // exactly one adapter
			out.OneOf = append(out.OneOf, &jsonschema.Schema{Required: []string{s.name}})
		}
	}
	return out
}

func valueSchema(s setting, a, b reflect.Value) *jsonschema.Schema {
	switch {
	case isBlock(s.typ):
		return blockSchema(a, b)
	case s.typ.Kind() == reflect.Pointer:
		// A name alone is a block with every default.
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "null"}, newBlockSchema(s.typ.Elem())}}
	case s.typ.Kind() == reflect.Map && !isBlock(s.typ.Elem()):
		return &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}}
	case s.typ.Kind() == reflect.Map:
		out := &jsonschema.Schema{Type: "object", AdditionalProperties: newBlockSchema(s.typ.Elem())}
		if t := s.typ.Elem(); t == reflect.TypeFor[Source]() || t == reflect.TypeFor[Sink]() {
			out.PropertyNames = &jsonschema.Schema{Pattern: nameRule.String()}
		}
		return out
	case s.typ.Kind() == reflect.Slice:
		out := &jsonschema.Schema{Type: "array", Items: scalarSchema(setting{typ: s.typ.Elem()})}
		if a.Len() > 0 {
			out.Default = a.Interface()
		}
		return out
	}
	out := scalarSchema(s)
	if same := reflect.DeepEqual(a.Interface(), b.Interface()); same && !a.IsZero() {
		out.Default = defaultValue(a)
	}
	return out
}

// newBlockSchema describes a block that is filled when it appears.
func newBlockSchema(t reflect.Type) *jsonschema.Schema {
	a, b := reflect.New(t), reflect.New(t)
	fill(asBlock(a), "a")
	fill(asBlock(b), "b")
	return blockSchema(a.Elem(), b.Elem())
}

func scalarSchema(s setting) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: "^(" + pattern + ")$|" + reference}
	}
	either := func(a, b *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{a, b}}
	}
	switch {
	case s.typ == durationType:
		// 0 is the one length of time that needs no unit.
		return either(text("0|"+durationPattern), &jsonschema.Schema{Type: "integer", Enum: []any{0}})
	case s.typ == sizeType:
		return either(&jsonschema.Schema{Type: "integer", Minimum: "0"}, text(sizePattern))
	case s.typ == secretType:
		return &jsonschema.Schema{Type: "string"}
	}
	var words []any
	for _, w := range s.oneof {
		if s.typ.Kind() == reflect.Int {
			words = append(words, json.Number(w))
		} else {
			words = append(words, w)
		}
	}
	n := &jsonschema.Schema{Enum: words}
	if l := s.limit; l != nil {
		if l.hasLeast {
			n.Minimum = json.Number(l.leastText)
		}
		if l.hasMost {
			n.Maximum = json.Number(l.mostText)
		}
	}
	switch s.typ.Kind() {
	case reflect.Int:
		n.Type = "integer"
	case reflect.Float64:
		n.Type = "number"
	case reflect.Bool:
		n.Type = "boolean"
	default:
		n.Type = "string"
		if words == nil {
			return n
		}
		// Empty is none of the words, and leaves the choice.
		return either(n, &jsonschema.Schema{Type: "string", Pattern: "^$|" + reference})
	}
	return either(n, &jsonschema.Schema{Type: "string", Pattern: reference})
}

// defaultValue is a default as it would be written in the file.
func defaultValue(v reflect.Value) any {
	switch {
	case v.Type() == durationType || v.Type() == sizeType:
		return shownNode(v).Value
	case v.CanFloat():
		return json.Number(strconv.FormatFloat(v.Float(), 'f', -1, 64))
	default:
		return v.Interface()
	}
}
