package form

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader walks JSON text without building it, and does not stop where a
// strict parser would: templates that fill in raw line breaks, stray commas,
// unescaped quotes, unquoted phone numbers or half a body are real senders, and
// what they carry is a lead. It notes in bad that something was not quite JSON.
//
// It never recurses; nested values come back as text.
type jsonReader struct {
	s    string
	i    int
	bad  bool
	deep bool // nested deeper than MaxDepth
}

func (r *jsonReader) space() {
	for r.i < len(r.s) && (r.s[r.i] == ' ' || r.s[r.i] == '\n' || r.s[r.i] == '\r' || r.s[r.i] == '\t') {
		r.i++
	}
}

// separator moves past what stands between two values of an object or list and
// reports whether another follows. first is true before the first one.
func (r *jsonReader) separator(first bool, end byte) bool {
	commas := 0
	for {
		r.space()
		switch {
		case r.i >= len(r.s):
			r.bad = true
			return false
		case r.s[r.i] == end:
			r.i++
			r.bad = r.bad || commas > 0
			return false
		case r.s[r.i] != ',':
			if first != (commas == 0) || commas > 1 {
				r.bad = true
			}
			return true
		}
		commas++
		r.i++
	}
}

// member reads the next name and raw value of an object. It says false at the
// end, and also where no name can be made out; then r.i is not at the end.
func (r *jsonReader) member() (name, raw string, ok bool) {
	if !r.separator(r.i == 1, '}') {
		return "", "", false
	}
	if r.s[r.i] != '"' {
		r.bad = true
		return "", "", false
	}
	var b builder
	name = b.unquote(r.str(":"))
	r.space()
	if r.i < len(r.s) && r.s[r.i] == ':' {
		r.i++
	} else {
		r.bad = true
	}
	r.space()
	return name, r.value(), true
}

// elements reads the raw values of a list, from behind its '['.
func (r *jsonReader) elements() []string {
	var out []string
	for first := true; r.separator(first, ']'); first = false {
		at := r.i
		out = append(out, r.value())
		if r.i == at { // something that is no value, such as '}'
			r.i++
			r.bad = true
		}
	}
	return out
}

// value reads one value and returns its text; "" when there is none.
func (r *jsonReader) value() string {
	if r.i >= len(r.s) {
		r.bad = true
		return ""
	}
	switch r.s[r.i] {
	case '"':
		return r.str(",}]")
	case '{', '[':
		return r.nested()
	}
	start := r.i
	for r.i < len(r.s) && r.s[r.i] != ',' && r.s[r.i] != '}' && r.s[r.i] != ']' {
		r.i++
	}
	return strings.TrimRight(r.s[start:r.i], " \t\r\n")
}

// str reads a string with its quotes. A quote that is followed by neither one
// of after nor the end is part of the text: somebody did not escape it.
func (r *jsonReader) str(after string) string {
	start := r.i
	for i := start + 1; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c > '\\' || c >= ' ' && c != '"' && c != '\\':
		case c == '\\':
			i++
		case c < ' ':
			r.bad = true
		default:
			r.i = i + 1
			r.space()
			if r.i >= len(r.s) || strings.IndexByte(after, r.s[r.i]) >= 0 {
				r.i = i + 1
				return r.s[start : i+1]
			}
			r.bad = true
		}
	}
	r.bad = true
	r.i = len(r.s)
	return r.s[start:]
}

// nested reads an object or list as text.
func (r *jsonReader) nested() string {
	start, depth := r.i, 0
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case '"':
			r.str(",}]:")
			continue
		case '{', '[':
			if depth++; depth > MaxDepth {
				r.deep = true
			}
		case '}', ']':
			if depth--; depth == 0 {
				r.i++
				return r.s[start:r.i]
			}
		}
		r.i++
	}
	r.bad = true
	return r.s[start:]
}

// wholeString decodes s if it is one JSON string and nothing else.
func wholeString(s string) (string, bool) {
	r := jsonReader{s: s}
	raw := r.str("")
	if r.bad || r.i != len(s) {
		return "", false
	}
	var b builder
	return strings.Trim(b.unquote(raw), " \t\r\n"), true
}

// unquote decodes a string as str returned it.
func (b *builder) unquote(raw string) string {
	s := raw[1:]
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return strings.TrimSuffix(s, `"`)
	}
	out := make([]byte, 0, len(s))
	for {
		out = append(out, s[:at]...)
		s = s[at+1:]
		if s == "" {
			b.flag(FlagBadEscape)
			return string(append(out, '\\'))
		}
		c := s[0]
		s = s[1:]
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			var n int
			out, n = b.appendRune(out, s)
			s = s[n:]
		default:
			b.flag(FlagBadEscape)
			out = append(out, '\\', c)
		}
		if at = strings.IndexByte(s, '\\'); at < 0 {
			return string(append(out, strings.TrimSuffix(s, `"`)...))
		}
	}
}

// appendRune decodes what follows \u and says how much of s it used. Half a
// surrogate pair is no character: it stays as written.
func (b *builder) appendRune(out []byte, s string) ([]byte, int) {
	r, ok := hex4(s)
	n := 4
	if ok && utf16.IsSurrogate(r) {
		ok = false
		if len(s) >= 10 && s[4] == '\\' && s[5] == 'u' {
			if low, good := hex4(s[6:]); good {
				r = utf16.DecodeRune(r, low)
				ok, n = r != utf8.RuneError, 10
			}
		}
	}
	if !ok {
		b.flag(FlagBadEscape)
		return append(out, '\\', 'u'), 0
	}
	return utf8.AppendRune(out, r), n
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		d := nibble[s[i]]
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// isNumber follows the JSON grammar.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	digits := func() int {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n
	}
	zero := strings.HasPrefix(s, "0")
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		if digits() == 0 {
			return false
		}
	}
	if s != "" && s[0]|0x20 == 'e' {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return s == ""
}

// compact takes the white space between tokens out of JSON text.
func compact(raw string) string {
	if !strings.ContainsAny(raw, " \t\r\n") {
		return raw
	}
	out := make([]byte, 0, len(raw))
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\' && i+1 < len(raw):
			out = append(out, c, raw[i+1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		out = append(out, raw[i])
	}
	return string(out)
}
