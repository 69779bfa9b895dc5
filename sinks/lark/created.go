package lark

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// The answer to a write repeats every cell that was written, and of all that the ids
// and one column are wanted. To decode the whole of it takes as long as everything else
// that a write costs here; so it is walked through once, and what is not wanted is
// passed over. The walk knows less JSON than there is: what it does not understand to
// the last byte is decoded in the usual way.

// Made is a row as the answer to a write tells of it.
type Made struct {
	ID string
	// Cell is the row's cell in the column that was asked for, a text; ok is false where
	// the answer has no such cell.
	Cell string
	OK   bool
}

// made is what the "data" of such an answer comes to. column "" wants ids only.
type made struct {
	column string
	rows   []Made
}

// UnmarshalJSON is the usual way.
func (m *made) UnmarshalJSON(data []byte) error {
	var out struct {
		Records []Record `json:"records"`
	}
	if err := json.Unmarshal(data, &out); err != nil {
		return err
	}
	m.rows = make([]Made, len(out.Records))
	for i, r := range out.Records {
		m.rows[i].ID = r.ID
		if cell, there := r.Fields[m.column]; there && m.column != "" {
			m.rows[i].Cell, m.rows[i].OK = Text(cell)
		}
	}
	return nil
}

// read is the quick way. It is false for anything but an answer of success in the shape
// that is known; then nothing is to be believed of m.
func (m *made) read(body []byte) bool {
	w := walk{b: body}
	code, data := false, false
	m.rows = m.rows[:0]
	ok := w.object(func(name []byte) bool {
		switch string(name) {
		case "code":
			if code {
				return false
			}
			code = true
			return w.word("0")
		case "data":
			if data {
				return false
			}
			data = true
			return w.object(m.data(&w))
		}
		return !strange(name) && w.skip(0)
	})
	w.space()
	return ok && code && data && w.at == len(body)
}

func (m *made) data(w *walk) func(name []byte) bool {
	records := false
	return func(name []byte) bool {
		if string(name) != "records" {
			return !strange(name) && w.skip(0)
		}
		if records {
			return false
		}
		records = true
		return w.array(func() bool {
			var row Made
			id, fields := false, false
			ok := w.object(func(name []byte) bool {
				switch string(name) {
				case "record_id":
					if id {
						return false
					}
					id = true
					text, ok := w.text()
					row.ID = text
					return ok
				case "fields":
					if fields {
						return false
					}
					fields = true
					return w.object(func(name []byte) bool {
						if m.column == "" || string(name) != m.column {
							return w.skip(0)
						}
						if row.OK {
							return false
						}
						row.Cell, row.OK = w.cell()
						return row.OK
					})
				}
				return !strange(name) && w.skip(0)
			})
			m.rows = append(m.rows, row)
			return ok
		})
	}
}

// strange is a name that the usual way takes for one of those above: it looks at no
// case.
func strange(name []byte) bool {
	for _, known := range []string{"code", "data", "records", "record_id", "fields"} {
		if len(name) >= len(known) && bytes.EqualFold(name, []byte(known)) {
			return true
		}
	}
	return false
}

// walk is a way through JSON, from its beginning on. Every step is false at the first
// byte that it does not understand.
type walk struct {
	b  []byte
	at int
}

func (w *walk) space() {
	for w.at < len(w.b) {
		switch w.b[w.at] {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return
		}
	}
}

// sign takes one character, after any space.
func (w *walk) sign(c byte) bool {
	w.space()
	if w.at < len(w.b) && w.b[w.at] == c {
		w.at++
		return true
	}
	return false
}

func (w *walk) word(s string) bool {
	w.space()
	if !bytes.HasPrefix(w.b[w.at:], []byte(s)) {
		return false
	}
	w.at += len(s)
	return w.at == len(w.b) || bytes.IndexByte([]byte(" \t\r\n,]}"), w.b[w.at]) >= 0
}

// object walks through an object; each is to walk through the value of a name.
func (w *walk) object(each func(name []byte) bool) bool {
	if !w.sign('{') {
		return false
	}
	if w.sign('}') {
		return true
	}
	for {
		name, ok := w.name()
		if !ok || !w.sign(':') || !each(name) {
			return false
		}
		if w.sign('}') {
			return true
		}
		if !w.sign(',') {
			return false
		}
	}
}

func (w *walk) array(each func() bool) bool {
	if !w.sign('[') {
		return false
	}
	if w.sign(']') {
		return true
	}
	for {
		if !each() {
			return false
		}
		if w.sign(']') {
			return true
		}
		if !w.sign(',') {
			return false
		}
	}
}

// raw takes a text with its quotes, and says whether anything in it is escaped.
func (w *walk) raw() (text []byte, escaped, ok bool) {
	if !w.sign('"') {
		return nil, false, false
	}
	from := w.at - 1
	for w.at < len(w.b) {
		switch c := w.b[w.at]; {
		case c == '"':
			w.at++
			return w.b[from:w.at], escaped, true
		case c == '\\':
			escaped = true
			w.at++
		case c < ' ':
			return nil, false, false
		}
		w.at++
	}
	return nil, false, false
}

// name is that of a member, if nothing in it is escaped and it is of valid UTF-8.
func (w *walk) name() ([]byte, bool) {
	b, escaped, ok := w.raw()
	if !ok {
		return nil, false
	}
	if escaped || !utf8.Valid(b) {
		var s string
		if json.Unmarshal(b, &s) != nil {
			return nil, false
		}
		return []byte(s), true
	}
	return b[1 : len(b)-1], true
}

func (w *walk) text() (string, bool) {
	b, ok := w.name()
	return string(b), ok
}

// cell is one of text: plain, or segments, which are left to [Text].
func (w *walk) cell() (string, bool) {
	w.space()
	if w.at < len(w.b) && w.b[w.at] == '"' {
		return w.text()
	}
	from := w.at
	if !w.skip(0) {
		return "", false
	}
	return Text(w.b[from:w.at])
}

// deepest is how far one value may be inside others.
const deepest = 100

// skip passes over a value, whatever it is.
func (w *walk) skip(depth int) bool {
	w.space()
	if w.at >= len(w.b) || depth > deepest {
		return false
	}
	switch c := w.b[w.at]; {
	case c == '"':
		b, escaped, ok := w.raw()
		return ok && (!escaped || json.Valid(b))
	case c == '{':
		return w.object(func([]byte) bool { return w.skip(depth + 1) })
	case c == '[':
		return w.array(func() bool { return w.skip(depth + 1) })
	case c == 't':
		return w.word("true")
	case c == 'f':
		return w.word("false")
	case c == 'n':
		return w.word("null")
	}
	from := w.at
	for w.at < len(w.b) && bytes.IndexByte([]byte("+-.0123456789eE"), w.b[w.at]) >= 0 {
		w.at++
	}
	return number(w.b[from:w.at])
}

// number reports whether b is one: whole ones are told at a glance.
func number(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if b[0] >= '1' && b[0] <= '9' && len(b) < 19 {
		if _, err := strconv.Atoi(string(b)); err == nil {
			return true
		}
	}
	return json.Valid(b)
}
