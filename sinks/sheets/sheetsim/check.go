package sheetsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// violation is one thing wrong with a request body.
type violation struct {
	Field       string `json:"field,omitempty"`
	Description string `json:"description"`
}

func badNames(list []violation) *failure {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.Description
	}
	return &failure{code: 400, status: "INVALID_ARGUMENT", reason: "badRequest", message: strings.Join(texts, "\n"),
		details: []any{map[string]any{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": list}}}
}

// decode checks the body's names and kinds as Google does and reads it into our
// own type. It holds no lock.
func (c *call) decode() (any, *failure) {
	body := c.body
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if !json.Valid(body) {
		return nil, badNames([]violation{{"", "Invalid JSON payload received. Parsing terminated before end of input."}})
	}
	w := walker{src: body}
	w.value(c.route.in)
	if len(w.wrong) > 0 {
		return nil, badNames(w.wrong)
	}
	if w.idle != "" {
		return nil, notSimulated(w.idle)
	}
	p := reflect.New(c.route.own)
	if err := json.Unmarshal(body, p.Interface()); err != nil {
		return nil, badNames([]violation{{"", "Invalid JSON payload received. " + scrub(err)}})
	}
	return p.Interface(), nil
}

// scrub keeps what a decoder says without what it read.
func scrub(err error) string {
	if t, ok := err.(*json.UnmarshalTypeError); ok {
		return "Invalid value at '" + t.Field + "'"
	}
	return "Syntax error"
}

// walker goes over valid JSON once and compares it with a schema. It looks at the
// bytes in place, because bodies of some megabytes are what the simulator is
// measured with.
type walker struct {
	src   []byte
	i     int
	path  []string
	wrong []violation
	idle  string
}

const mostWrong = 20

func (w *walker) space() {
	for w.i < len(w.src) {
		switch w.src[w.i] {
		case ' ', '\t', '\r', '\n':
			w.i++
		default:
			return
		}
	}
}

// text passes over a string and returns it without its quotes, escapes untouched.
func (w *walker) text() []byte {
	from := w.i + 1
	for w.i = from; w.src[w.i] != '"'; w.i++ {
		if w.src[w.i] == '\\' {
			w.i++
		}
	}
	w.i++
	return w.src[from : w.i-1]
}

func (w *walker) value(s *schema) {
	w.space()
	from := w.i
	switch w.src[w.i] {
	case '{':
		w.object(s)
	case '[':
		w.list(s)
	case '"':
		t := w.text()
		switch s.kind {
		case stringKind, anyKind:
		case intKind, numberKind: // Google reads numbers in quotes too
			if len(t) == 0 || bytes.IndexFunc(t, func(r rune) bool { return !strings.ContainsRune("+-.eE0123456789", r) }) >= 0 {
				w.mistype(s, from)
			}
		default:
			w.mistype(s, from)
		}
	case 't', 'f':
		w.i += 4
		if w.src[from] == 'f' {
			w.i++
		}
		if s.kind != boolKind && s.kind != anyKind {
			w.mistype(s, from)
		}
	case 'n':
		w.i += 4
	default:
		w.number(s, from)
	}
}

func (w *walker) number(s *schema, from int) {
	fraction := false
	for w.i < len(w.src) {
		ch := w.src[w.i]
		if ch == '.' || ch == 'e' || ch == 'E' {
			fraction = true
		} else if ch != '-' && ch != '+' && (ch < '0' || ch > '9') {
			break
		}
		w.i++
	}
	if s.kind != numberKind && s.kind != anyKind && (s.kind != intKind || fraction) {
		w.mistype(s, from)
	}
}

func (w *walker) object(s *schema) {
	from := w.i
	if s.kind != objectKind && s.kind != mapKind && s.kind != anyKind {
		w.mistype(s, from)
		s = &schema{}
	}
	w.i++
	for {
		w.space()
		if w.src[w.i] == '}' {
			w.i++
			return
		}
		if w.src[w.i] == ',' {
			w.i++
			continue
		}
		key := w.text()
		w.space()
		w.i++ // the colon
		child := s.elem
		if s.kind == objectKind {
			var known bool
			if child, known = s.fields[string(key)]; !known {
				w.unknown(key)
			} else if child.idle && !w.nothing() {
				w.idle = s.name + "." + string(key)
			}
		}
		if child == nil {
			child = &schema{}
		}
		w.path = append(w.path, snake(string(key)))
		w.value(child)
		w.path = w.path[:len(w.path)-1]
	}
}

// nothing says whether the value that comes is one that asks for nothing.
func (w *walker) nothing() bool {
	w.space()
	rest := w.src[w.i:]
	for _, none := range []string{"null", "false", `""`, "{}", "[]", "0,", "0}"} {
		if bytes.HasPrefix(rest, []byte(none)) {
			return true
		}
	}
	return false
}

func (w *walker) list(s *schema) {
	if s.kind != listKind && s.kind != anyKind {
		w.mistype(s, w.i)
		s = &schema{}
	}
	child := s.elem
	if child == nil {
		child = &schema{}
	}
	// A list of plain values cannot hold what needs a place in a message.
	last := len(w.path) - 1
	var name string
	if last >= 0 {
		name = w.path[last]
	}
	w.i++
	for n := 0; ; {
		w.space()
		switch w.src[w.i] {
		case ']':
			w.i++
			if last >= 0 {
				w.path[last] = name
			}
			return
		case ',':
			w.i++
			n++
			continue
		}
		if last >= 0 && child.kind >= listKind {
			w.path[last] = fmt.Sprintf("%s[%d]", name, n)
		}
		w.value(child)
	}
}

func (w *walker) unknown(key []byte) {
	if len(w.wrong) >= mostWrong {
		return
	}
	where, place := strings.Join(w.path, "."), ""
	if where != "" {
		place = " at '" + where + "'"
	}
	w.wrong = append(w.wrong, violation{where, `Invalid JSON payload received. Unknown name "` + string(key) + `"` + place + ": Cannot find field."})
}

// mistype reports a value of the wrong kind. The value itself is not repeated.
func (w *walker) mistype(s *schema, _ int) {
	if len(w.wrong) >= mostWrong {
		return
	}
	where := strings.Join(w.path, ".")
	name := map[kind]string{stringKind: "TYPE_STRING", boolKind: "TYPE_BOOL", intKind: "TYPE_INT32", numberKind: "TYPE_DOUBLE", listKind: "repeated field", objectKind: "type.googleapis.com/google.apps.sheets.v4." + s.name, mapKind: "map"}[s.kind]
	w.wrong = append(w.wrong, violation{where, "Invalid value at '" + where + "' (" + name + ")"})
}
