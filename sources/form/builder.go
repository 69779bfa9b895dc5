package form

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// builder gathers fields in order and merges repeated names.
type builder struct {
	fields []Field
	values []string       // backing of the Values that hold a single value
	index  map[string]int // by name, once there are too many to walk
	flags  []string
	kind   Kind
	dirty  bool // the body is not valid UTF-8, so every text is looked at
}

// walk is how many fields are searched one by one before a map pays.
const walk = 24

func (b *builder) parsed() Parsed {
	return Parsed{Fields: b.fields, Kind: b.kind, Flags: b.flags}
}

func (b *builder) flag(f string) {
	if !slices.Contains(b.flags, f) {
		b.flags = append(b.flags, f)
	}
}

// reserve makes room for about n fields of one value.
func (b *builder) reserve(n int) {
	n = min(n, MaxFields)
	b.fields = make([]Field, 0, n)
	b.values = make([]string, 0, n)
}

// find returns the place of name, or -1.
func (b *builder) find(name string) int {
	if b.index == nil {
		for i := range b.fields {
			if b.fields[i].Name == name {
				return i
			}
		}
		return -1
	}
	if i, ok := b.index[name]; ok {
		return i
	}
	return -1
}

// open returns the field called name, made if need be; nil beyond MaxFields.
func (b *builder) open(name string) *Field {
	if i := b.find(name); i >= 0 {
		return &b.fields[i]
	}
	if len(b.fields) >= MaxFields {
		b.flag(FlagTooManyFields)
		return nil
	}
	switch {
	case name == "":
		b.flag(FlagUnnamed)
	case len(name) > MaxName:
		b.flag(FlagLongName)
	}
	b.fields = append(b.fields, Field{Name: name})
	if b.index != nil {
		b.index[name] = len(b.fields) - 1
	} else if len(b.fields) > walk {
		b.index = make(map[string]int, 4*walk)
		for i := range b.fields {
			b.index[b.fields[i].Name] = i
		}
	}
	return &b.fields[len(b.fields)-1]
}

// add appends one value to the field called name.
func (b *builder) add(name, value string) {
	if b.dirty {
		name, value = b.clean(name), b.clean(value)
	}
	f := b.open(name)
	switch {
	case f == nil:
	case f.Values == nil && len(b.values) < cap(b.values):
		n := len(b.values)
		b.values = append(b.values, value)
		f.Values = b.values[n : n+1 : n+1] // full: a second value moves out
	default:
		f.Values = append(f.Values, value)
	}
}

// addList appends the elements of a list to the field called name.
func (b *builder) addList(name string, values []string) {
	if len(values) == 0 {
		values = []string{""}
	}
	for _, v := range values {
		b.add(name, v)
	}
	if i := b.find(b.clean(name)); i >= 0 {
		b.fields[i].List = true
	}
}

// clean makes s valid UTF-8 without losing a byte; see [Field].
func (b *builder) clean(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b.flag(FlagInvalidUTF8)
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	out.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r == '%' {
			out.WriteByte('%')
			out.WriteByte(hex[s[i]>>4])
			out.WriteByte(hex[s[i]&15])
		} else {
			out.WriteString(s[i : i+n])
		}
		i += n
	}
	return out.String()
}
