package lark

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Row is a record to be written: cells by column name, in the shapes of `lark.md`
// §3.1, either as Fields or, which is quicker to make, as Cells. ID is for updates.
type Row struct {
	ID     string
	Fields map[string]any
	Cells  []Cell // each of another column; sent in their order
}

// Cell is one cell of a [Row].
type Cell struct {
	Column string
	Value  any
}

// encoded is a body that is JSON already.
type encoded []byte

// rowsBody is the body of a write. A batch is thousands of texts, which are written
// here at a fraction of what it costs to have encoding/json find out what they are. An
// error is a value that JSON has no form for.
func rowsBody(rows []Row) (encoded, error) {
	size := 16
	for _, r := range rows {
		size += 100
		for _, c := range r.Cells {
			size += len(c.Column) + 48
		}
	}
	b := append(make([]byte, 0, size), `{"records":[`...)
	var err error
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if r.ID != "" {
			b = append(b, `"record_id":`...)
			b = append(appendText(b, r.ID), ',')
		}
		b = append(b, `"fields":`...)
		if r.Cells == nil {
			b, err = appendObject(b, r.Fields)
		} else {
			b, err = appendCells(b, r.Cells)
		}
		if err != nil {
			return nil, err
		}
		b = append(b, '}')
	}
	return append(b, "]}"...), nil
}

func appendCells(b []byte, cells []Cell) (_ []byte, err error) {
	b = append(b, '{')
	for i, c := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, c.Column), ':')
		if b, err = appendValue(b, c.Value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendObject writes the members in the order of their names, so that the same row is
// the same bytes.
func appendObject(b []byte, members map[string]any) (_ []byte, err error) {
	var room [8]string
	names := room[:0]
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		if b, err = appendValue(b, members[name]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendText(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case []string:
		if v == nil {
			return append(b, "null"...), nil
		}
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, s)
		}
		return append(b, ']'), nil
	case map[string]any:
		if v == nil {
			return append(b, "null"...), nil
		}
		return appendObject(b, v)
	}
	out, err := encode(v)
	return append(b, out...), err
}

// appendText writes a text as JSON. What has to be escaped, or is no UTF-8, is left to
// encoding/json.
func appendText(b []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\':
			return appendEscaped(b, s)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if !ascii && !utf8.ValidString(s) {
		return appendEscaped(b, s)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendEscaped(b []byte, s string) []byte {
	out, err := encode(s)
	if err != nil { // a text has a form in any case
		return append(b, `""`...)
	}
	return append(b, out...)
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case encoded:
		return body, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
