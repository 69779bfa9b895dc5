package sheetsim

import (
	"encoding/json"
	"reflect"
	"strings"
	"unicode"
)

// kind is what JSON a field takes.
type kind int

const (
	anyKind kind = iota
	stringKind
	boolKind
	intKind
	numberKind
	listKind
	objectKind
	mapKind
)

// schema is what Google knows of a message: the names of its fields and their
// kinds, read from the JSON tags of the official client's types, which are made
// from the discovery document. Field names that Google knows and this simulator
// does nothing with are marked: they are refused clearly instead of ignored.
type schema struct {
	name   string
	kind   kind
	fields map[string]*schema
	elem   *schema
	idle   bool // known to Google, not simulated
}

type schemaKey struct{ official, own reflect.Type }

// schemaOf reads the names of official, and which of them own takes. An own of nil
// or of a type without fields takes all.
func schemaOf(official, own reflect.Type) *schema {
	return readSchema(official, own, map[schemaKey]*schema{})
}

var rawType = reflect.TypeFor[json.RawMessage]()

func readSchema(official, own reflect.Type, seen map[schemaKey]*schema) *schema {
	for official.Kind() == reflect.Pointer {
		official = official.Elem()
	}
	for own != nil && own.Kind() == reflect.Pointer {
		own = own.Elem()
	}
	switch official.Kind() {
	case reflect.String:
		return &schema{kind: stringKind}
	case reflect.Bool:
		return &schema{kind: boolKind}
	case reflect.Int64, reflect.Int32, reflect.Int, reflect.Uint64, reflect.Uint32:
		return &schema{kind: intKind}
	case reflect.Float64, reflect.Float32:
		return &schema{kind: numberKind}
	case reflect.Slice:
		if official.Elem().Kind() == reflect.Uint8 {
			return &schema{}
		}
		if own != nil && own.Kind() == reflect.Slice && own != rawType {
			own = own.Elem()
		} else {
			own = nil
		}
		return &schema{kind: listKind, elem: readSchema(official.Elem(), own, seen)}
	case reflect.Map:
		return &schema{kind: mapKind, elem: readSchema(official.Elem(), nil, seen)}
	case reflect.Struct:
	default:
		return &schema{}
	}
	if own != nil && own.Kind() != reflect.Struct {
		own = nil
	}
	key := schemaKey{official, own}
	if s := seen[key]; s != nil {
		return s
	}
	s := &schema{name: official.Name(), kind: objectKind, fields: map[string]*schema{}}
	seen[key] = s
	taken := map[string]reflect.Type{}
	if own != nil {
		for i := range own.NumField() {
			if name := jsonName(own.Field(i)); name != "" {
				taken[name] = own.Field(i).Type
			}
		}
	}
	for i := range official.NumField() {
		f := official.Field(i)
		name := jsonName(f)
		if name == "" {
			continue
		}
		t, has := taken[name]
		child := readSchema(f.Type, t, seen)
		if own != nil && !has {
			c := *child
			c.idle = true
			child = &c
		}
		s.fields[name] = child
	}
	return s
}

// jsonName is the name of a field on the wire, empty for one that is not sent.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

// snake is a field's name in the protocol buffer, as Google's messages have it.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
