package turn

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Object is a JSON object whose members are found by names in any spelling:
// session_id, sessionId and Session-ID are the same. Numbers keep their digits.
// The zero Object has no members.
type Object struct {
	members []Member
	index   map[string]int
}

// Member is one member, as written.
type Member struct {
	Name  string
	Value json.RawMessage
}

// ParseObject reads raw and says whether it is an object. Of two members with
// one name the last counts.
func ParseObject(raw []byte) (Object, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return Object{}, false
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return Object{}, false
	}
	o := Object{members: make([]Member, 0, len(m)), index: make(map[string]int, len(m))}
	for name, v := range m {
		o.members = append(o.members, Member{name, v})
	}
	slices.SortFunc(o.members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	for i := len(o.members) - 1; i >= 0; i-- {
		o.index[Fold(o.members[i].Name)] = i // of several spellings the first by name counts
	}
	return o, true
}

// Fold is a name without its spelling: lower case, no _ - . or spaces.
func Fold(name string) string {
	plain := true
	for i := range len(name) {
		if c := name[i]; c < '0' || c > '9' && c < 'a' || c > 'z' {
			plain = false
			break
		}
	}
	if plain {
		return name
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '_', '-', '.', ' ':
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// Members are all members, sorted by name.
func (o Object) Members() []Member { return o.members }

// Raw returns the first of names that is there and not null. Names are folded
// already.
func (o Object) Raw(names ...string) json.RawMessage {
	for _, name := range names {
		if i, ok := o.index[name]; ok && string(o.members[i].Value) != "null" {
			return o.members[i].Value
		}
	}
	return nil
}

// Has reports whether one of names is there and not null.
func (o Object) Has(names ...string) bool { return o.Raw(names...) != nil }

// Text returns the first of names that holds text, a number or a bool and is
// not empty.
func (o Object) Text(names ...string) string {
	for _, name := range names {
		if s := Scalar(o.Raw(name)); s != "" {
			return s
		}
	}
	return ""
}

// Object returns the first of names that holds an object.
func (o Object) Object(names ...string) Object {
	for _, name := range names {
		if inner, ok := ParseObject(o.Raw(name)); ok {
			return inner
		}
	}
	return Object{}
}

// List returns the first of names that holds a list.
func (o Object) List(names ...string) ([]json.RawMessage, bool) {
	for _, name := range names {
		if list, ok := ParseList(o.Raw(name)); ok {
			return list, true
		}
	}
	return nil, false
}

// Path returns the text at a dotted path, such as conversation.id.
func (o Object) Path(path string) string {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return o.Text(Fold(name))
	}
	return o.Object(Fold(name)).Path(rest)
}

// ParseList reads raw and says whether it is a list.
func ParseList(raw []byte) ([]json.RawMessage, bool) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, false
	}
	return list, true
}

// Scalar is a text, a number or a bool as text, "" for anything else.
func Scalar(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	case c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f':
		return string(raw)
	}
	return ""
}
