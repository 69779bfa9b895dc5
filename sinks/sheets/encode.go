package sheets

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	api "google.golang.org/api/sheets/v4"
)

// Google's own types marshal each cell by itself, and check and copy what came out of
// it again for every level that it lies below: for a call of 2,000 rows that is most of
// what the sink does. So what a call has many of, cells and tags of rows, is written by
// hand, into one buffer; all else is Google's types. encode_test.go holds what is
// written against these types.

// request is one part of a batchUpdate. It appends itself as JSON.
type request interface {
	appendTo(b []byte) ([]byte, error)
}

// plain is a request as Google's client has it.
type plain api.Request

func (p *plain) appendTo(b []byte) ([]byte, error) {
	one, err := json.Marshal((*api.Request)(p))
	return append(b, one...), err
}

// rowTagged tags a row of a tab.
type rowTagged struct {
	gid, at, id int64
	mark        string
}

func (r rowTagged) appendTo(b []byte) ([]byte, error) {
	b = append(b, `{"createDeveloperMetadata":{"developerMetadata":{"metadataId":`...)
	b = strconv.AppendInt(b, r.id, 10)
	b = append(b, `,"metadataKey":"`+rowTag+`","metadataValue":`...)
	b = textTo(b, r.mark)
	b = append(b, `,"visibility":"DOCUMENT","location":{"dimensionRange":{"sheetId":`...)
	b = strconv.AppendInt(b, r.gid, 10)
	b = append(b, `,"dimension":"ROWS","startIndex":`...)
	b = strconv.AppendInt(b, r.at, 10)
	b = append(b, `,"endIndex":`...)
	b = strconv.AppendInt(b, r.at+1, 10)
	return append(b, `}}}}}`...), nil
}

// cellsPut fills a run of neighbouring columns of new rows, from row on.
type cellsPut struct {
	gid, row     int64
	run          []int64 // the columns
	key, version int64   // which columns these are
	rows         []*row
}

func (c cellsPut) appendTo(b []byte) ([]byte, error) {
	b = append(b, `{"updateCells":{"start":{"sheetId":`...)
	b = strconv.AppendInt(b, c.gid, 10)
	b = append(b, `,"rowIndex":`...)
	b = strconv.AppendInt(b, c.row, 10)
	b = append(b, `,"columnIndex":`...)
	b = strconv.AppendInt(b, c.run[0], 10)
	b = append(b, `},"fields":"userEnteredValue","rows":[`...)
	for i, r := range c.rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.rowTo(b, r)
	}
	return append(b, `]}}`...), nil
}

// rowTo appends one row, without the empty cells at its end.
func (c cellsPut) rowTo(b []byte, r *row) []byte {
	from := len(b)
	b = append(b, `{"values":[`...)
	end, next := from, 0
	for i, at := range c.run {
		if i > 0 {
			b = append(b, ',')
		}
		for next < len(r.cells) && r.cells[next].c.index < at {
			next++
		}
		switch {
		case at == c.key:
			b = extendedTo(b, r.key)
		case at == c.version:
			b = extendedTo(b, r.ver)
		case next < len(r.cells) && r.cells[next].c.index == at:
			b = extendedTo(b, r.cells[next].v)
		default:
			b = append(b, `{}`...)
			continue
		}
		end = len(b)
	}
	if end == from {
		return append(b[:from], `{}`...)
	}
	return append(b[:end], `]}`...)
}

// extendedTo appends a cell that holds v, a string, a float64 or a bool.
func extendedTo(b []byte, v any) []byte {
	kind := `{"userEnteredValue":{"stringValue":`
	switch v.(type) {
	case float64:
		kind = `{"userEnteredValue":{"numberValue":`
	case bool:
		kind = `{"userEnteredValue":{"boolValue":`
	}
	b = append(b, kind...)
	b = valueTo(b, v)
	return append(b, `}}`...)
}

// batchTo is the body of a batchUpdate that shows ranges as they are afterwards.
func batchTo(b []byte, requests []request, ranges []string) ([]byte, error) {
	b = append(b, `{"requests":[`...)
	for i, r := range requests {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = r.appendTo(b); err != nil {
			return nil, err
		}
	}
	b = append(b, ']')
	if len(ranges) > 0 {
		b = append(b, `,"includeSpreadsheetInResponse":true,"responseRanges":[`...)
		for i, text := range ranges {
			if i > 0 {
				b = append(b, ',')
			}
			b = textTo(b, text)
		}
		b = append(b, ']')
	}
	return append(b, '}'), nil
}

// filled is what is written to one row, addressed by its tag. A nil leaves its cell
// alone, and an empty text empties it.
type filled struct {
	tag   int64
	cells []any
}

// fillTo is the body of a values:batchUpdateByDataFilter. With header a part of it is
// about the first row of a tab, and leaves that alone: the answer shows it.
func fillTo(b []byte, data []filled, header bool, gid int64) []byte {
	b = append(b, `{"valueInputOption":"RAW","includeValuesInResponse":true,"responseValueRenderOption":"FORMULA","responseDateTimeRenderOption":"SERIAL_NUMBER","data":[`...)
	for i, d := range data {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"dataFilter":{"developerMetadataLookup":{"metadataId":`...)
		b = strconv.AppendInt(b, d.tag, 10)
		b = append(b, `}},"majorDimension":"ROWS","values":[[`...)
		for j, v := range d.cells {
			if j > 0 {
				b = append(b, ',')
			}
			b = valueTo(b, v)
		}
		b = append(b, `]]}`...)
	}
	if header {
		b = append(b, `,{"dataFilter":{"gridRange":{"sheetId":`...)
		b = strconv.AppendInt(b, gid, 10)
		b = append(b, `,"endRowIndex":1}},"majorDimension":"ROWS","values":[[null]]}`...)
	}
	return append(b, `]}`...)
}

// valueTo appends a cell's value; nil is null.
func valueTo(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return textTo(b, v)
	case float64:
		return numberTo(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	}
	return append(b, `null`...)
}

// numberTo appends a number, which is finite, the way that JSON readers expect.
func numberTo(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

const hexDigits = "0123456789abcdef"

// textTo appends a text in quotes. What is no UTF-8 becomes U+FFFD.
func textTo(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}

// textSize is how long a text is between its quotes, once [textTo] has written it.
func textSize(s string) int {
	n := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			n++
		case c < ' ':
			n += 5
		}
	}
	return n
}
