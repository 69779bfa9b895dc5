package transform

import (
	"strings"

	"mekong/sources/form"
)

// item is one incoming field that holds something.
type item struct {
	sent  *form.Field
	entry *entry   // what the mapping does with it, nil for nothing
	one   string   // its value, clean, when it has one
	list  []string // its values, clean and filled, when it came as a list
	used  bool     // some output holds its value
}

// first is the value where only one makes sense.
func (it *item) first() string {
	if len(it.list) > 0 {
		return it.list[0]
	}
	return it.one
}

// text is everything, as one text.
func (it *item) text() string {
	if it.list != nil {
		return strings.Join(it.list, ", ")
	}
	return it.one
}

// whole is the value as it is stored.
func (it *item) whole() any {
	if it.list != nil {
		return it.list
	}
	return it.one
}

func (it *item) rankFor(field int) int {
	for _, r := range it.entry.readers {
		if r.field == field {
			return r.rank
		}
	}
	return 0
}

// lookup finds what the mapping does with a name. Most are in the table as they
// are written; the rest are folded.
func (m *mapper) lookup(name string, buf []byte) (e *entry, secret bool) {
	if e, ok := m.names[name]; ok {
		return e, false
	}
	if len(name) > form.MaxName {
		return nil, strings.Contains(asciiLower(name), "otp_code")
	}
	// A script may have bracketed its names: data[phone], fields[phone].
	inner := name
	if strings.HasSuffix(name, "]") {
		if outer, rest, ok := strings.Cut(name, "["); ok && len(rest) > 1 && isWrapper(outer) {
			inner = rest[:len(rest)-1]
		}
	}
	key := appendKey(buf, inner)
	if isOTP(key) {
		return nil, true
	}
	return m.names[string(key)], false
}

func isWrapper(name string) bool {
	switch name {
	case "data", "form", "fields", "form_data":
		return true
	}
	return false
}

// read cleans the values of an item and reports whether any is filled.
func (b *build) read(it *item) bool {
	values := it.sent.Values
	var room []string
	if len(values) == 1 && !it.sent.List {
		v := values[0]
		if b.secrets {
			v = withoutOTP(v)
		}
		if it.one = clean(v); it.one == "" {
			return false
		}
		list, ok := jsonList(it.one)
		if !ok {
			return true
		}
		values, room, it.one = list, list[:0], "" // each is read before its place is written
	}
	if it.list = room; room == nil {
		it.list = make([]string, 0, len(values))
	}
	same := true
	for _, v := range values {
		if b.secrets {
			v = withoutOTP(v)
		}
		if v = clean(v); v != "" {
			it.list = append(it.list, v)
			same = same && v == it.list[0]
		}
	}
	if len(it.list) == 0 {
		return false
	}
	if same && len(values) > 1 && len(it.sent.Values) == len(values) && !it.sent.List {
		// One name sent again with the same value says nothing new.
		it.one, it.list = it.list[0], nil
	}
	return true
}
