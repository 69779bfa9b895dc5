package form

import "strings"

// isWrapper knows the names that scripts and form tools put around the fields
// themselves (`sources.md` §1.4, §1.5). They are taken off.
func isWrapper(name string) bool {
	switch name {
	case "data", "form", "fields", "form_data", "tracking_form":
		return true
	}
	return false
}

// maxWrappers is how many are taken off, one inside the other. Each costs a
// walk over what is inside.
const maxWrappers = 6

// looksJSON reports whether s opens as a JSON object or list does. A raw name
// such as "{họ tên}" does not.
func looksJSON(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	if s == "" {
		return false
	}
	rest := strings.TrimLeft(s[1:], " \t\r\n")
	switch s[0] {
	case '{':
		return rest != "" && (rest[0] == '"' || rest[0] == '}')
	case '[':
		return rest != "" && strings.IndexByte("{[\"]-0123456789tfn", rest[0]) >= 0
	}
	return false
}

// json reads s, which looksJSON.
func (b *builder) json(s string) {
	b.kind = JSON
	s = strings.TrimLeft(s, " \t\r\n")
	if s[0] == '{' {
		b.reserve(min(strings.Count(s, ":"), 4*walk))
		b.unwrap(s, 0)
		return
	}
	r := jsonReader{s: s}
	raw := r.value()
	if !b.unwrap(raw, 0) {
		b.list("", raw)
	}
	b.rest(&r)
	b.report(&r)
}

// rest keeps what stands behind the point from which nothing could be made out,
// in one piece rather than guessed at. The '=' some clients add is not worth
// keeping.
func (b *builder) rest(r *jsonReader) bool {
	switch rest := strings.Trim(r.s[r.i:], " \t\r\n"); rest {
	case "":
		return false
	case "=":
		b.flag(FlagWrapped)
		return false
	default:
		r.bad = true
		b.add("", rest)
		return true
	}
}

// unwrap adds the fields inside raw, an object or a list that stands for the
// fields themselves, depth wrappers down. It adds nothing and says false when
// raw is neither, or holds none.
func (b *builder) unwrap(raw string, depth int) bool {
	if depth > maxWrappers {
		return false
	}
	raw = strings.Trim(raw, " \t\r\n")
	r := jsonReader{s: raw, i: 1}
	some := false
	if raw[0] == '{' {
		for {
			key, value, ok := r.member()
			if !ok {
				break
			}
			some = true
			b.addJSON(key, value, depth)
		}
		some = b.rest(&r) || some
		b.report(&r)
		return some
	}
	elements := r.elements()
	if len(elements) == 1 && elements[0] != "" && elements[0][0] == '{' && !isPair(elements[0]) {
		return b.unwrap(elements[0], depth+1)
	}
	for _, e := range elements {
		if !isPair(e) {
			return false
		}
	}
	for _, e := range elements {
		key, value := pair(e)
		b.addJSON(key, value, depth+1)
	}
	b.report(&r)
	return len(elements) > 0
}

// addJSON adds one member of an object.
func (b *builder) addJSON(name, raw string, depth int) {
	switch {
	case raw == "":
		b.flag(FlagBadJSON)
		b.add(name, "")
	case raw[0] == '"':
		b.add(name, b.unquote(raw))
	case raw[0] == '{' || raw[0] == '[':
		if isWrapper(name) && b.unwrap(raw, depth+1) {
			return
		}
		if raw[0] == '[' {
			b.list(name, raw)
		} else {
			b.add(name, compact(raw))
		}
	default:
		b.add(name, b.literal(raw))
	}
}

// list adds raw, a JSON list: of scalars as a list, of anything else as text.
// A nameless list of objects is a list of texts.
func (b *builder) list(name, raw string) {
	if raw[0] != '[' {
		return
	}
	r := jsonReader{s: raw, i: 1}
	elements := r.elements()
	values := make([]string, len(elements))
	for i, e := range elements {
		switch {
		case e == "":
			r.bad = true
		case e[0] == '"':
			values[i] = b.unquote(e)
		case e[0] != '{' && e[0] != '[':
			values[i] = b.literal(e)
		case name == "":
			values[i] = compact(e)
		default:
			b.add(name, compact(raw))
			return
		}
	}
	if name != "" || len(values) > 0 {
		b.addList(name, values)
	}
	b.report(&r)
}

// literal is the text of a bare value. Numbers keep their digits, and so does
// what is no number but was written as one, such as 0900000000.
func (b *builder) literal(raw string) string {
	switch raw {
	case "null":
		return ""
	case "true", "false":
		return raw
	}
	if !isNumber(raw) {
		b.flag(FlagBadJSON)
	}
	return raw
}

func (b *builder) report(r *jsonReader) {
	if r.bad {
		b.flag(FlagBadJSON)
	}
	if r.deep {
		b.flag(FlagTooDeep)
	}
}

// isPair reports whether raw is an object that stands for one field:
// {"name": …, "value": …}, other members allowed.
func isPair(raw string) bool {
	key, value := pair(raw)
	return key != "" && value != ""
}

// pair returns the name and the raw value of such an object.
func pair(raw string) (key, value string) {
	if raw == "" || raw[0] != '{' {
		return "", ""
	}
	var b builder
	r := jsonReader{s: raw, i: 1}
	for {
		k, v, ok := r.member()
		if !ok {
			return key, value
		}
		switch {
		case k == "name" && v != "" && v[0] == '"':
			key = b.unquote(v)
		case k == "value":
			value = v
		}
	}
}
