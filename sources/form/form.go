// Package form reads the body of a form submission into ordered fields,
// whatever it was sent as: urlencoded, multipart or JSON, told by looking at
// the bytes rather than by trusting the Content-Type.
//
// It repairs what it can and says so in [Parsed.Flags]; it refuses only a body
// with nothing in it. The caller keeps the body itself, so a repair is never
// the only copy.
//
// It does not know what a field means (transform) or who sent it (sources/*).
package form

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// Field is one name and its values as sent. Values are text; what JSON wrote as
// a number keeps its digits. There is always at least one value: an empty list
// is one empty value with List set.
//
// Text that is not UTF-8 (flag [FlagInvalidUTF8]) has each offending byte, and
// each '%', written as %XX, so that url.PathUnescape gives the bytes back.
type Field struct {
	Name   string // "" for text that came without a name
	Values []string
	List   bool // sent as a list, even when it has one value
}

// Parsed is a body that was understood. It shares no memory with the body.
type Parsed struct {
	Fields []Field  // in the order sent; a repeated name is one field
	Kind   Kind     // what the bytes turned out to be
	Flags  []string // what was repaired on the way, e.g. "bad_escape"; each once
}

// Kind is a body type.
type Kind string

// The body types a form arrives as.
const (
	URLEncoded Kind = "urlencoded"
	Multipart  Kind = "multipart"
	JSON       Kind = "json"
)

// The flags of [Parsed.Flags].
const (
	FlagBadEscape     = "bad_escape"      // a '%' or '\' that escapes nothing; kept as it stood
	FlagBareName      = "bare_name"       // a piece without '=': a name or a value held a raw '&'
	FlagInvalidUTF8   = "invalid_utf8"    // see [Field]
	FlagBadJSON       = "bad_json"        // not quite JSON: cut off, raw line breaks, stray commas or quotes
	FlagTooDeep       = "too_deep"        // JSON nested deeper than MaxDepth; kept as text
	FlagTooManyFields = "too_many_fields" // the names beyond MaxFields are only in the body
	FlagLongName      = "long_name"       // a name longer than MaxName; kept whole
	FlagUnnamed       = "unnamed"         // text without a name
	FlagFile          = "file"            // an uploaded file: its field holds the file name, not the content
	FlagTruncated     = "truncated"       // multipart without its end
	FlagNoBoundary    = "no_boundary"     // multipart whose header did not name the boundary in use
	FlagWrapped       = "wrapped"         // JSON inside another encoding
)

// Bounds of what Parse takes apart. What is beyond them stays in the body.
const (
	MaxFields = 2000 // distinct names
	MaxDepth  = 32   // nested JSON
	MaxName   = 1024 // bytes in a name that is not remarkable
)

// Errors of [Parse]. Neither quotes the body.
var (
	ErrEmpty  = errors.New("the body holds no field")
	ErrBinary = errors.New("the body is binary, not a form")
)

// Parse reads body. contentType is the request's header and only a hint: it is
// asked for the multipart boundary when the body does not open with one.
//
// It fails only when there is no field at all ([ErrEmpty]) or when most of the
// body is not text ([ErrBinary]). Work is linear in len(body).
func Parse(contentType string, body []byte) (Parsed, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if boundary, at := findBoundary(contentType, body); boundary != "" {
		b := builder{kind: Multipart}
		b.multipart(string(body[at:]), boundary)
		if !headerNames(contentType, boundary) {
			b.flag(FlagNoBoundary)
		}
		if len(b.fields) > 0 {
			return b.parsed(), nil
		}
		// It only looked like multipart. What follows takes any text.
	}
	body = bytes.Trim(body, " \t\r\n")
	if len(body) == 0 {
		return Parsed{}, ErrEmpty
	}
	valid := utf8.Valid(body)
	if (!valid || bytes.IndexByte(body, 0) >= 0) && isBinary(body) {
		return Parsed{}, ErrBinary
	}
	b := builder{dirty: !valid}
	b.text(string(body))
	if len(b.fields) == 0 {
		return Parsed{}, ErrEmpty
	}
	return b.parsed(), nil
}

// text reads what is not multipart.
func (b *builder) text(s string) {
	switch {
	case looksJSON(s):
		b.json(s)
		return
	case s[0] == '"':
		// JSON encoded twice, or a form inside a JSON string.
		if inner, ok := wholeString(s); ok && inner != "" && inner[0] != '"' {
			b.flag(FlagWrapped)
			if looksJSON(inner) {
				b.json(inner)
			} else {
				b.urlencoded(inner)
			}
			return
		}
	case len(s) > 2 && (s[:3] == "%7B" || s[:3] == "%7b" || s[:3] == "%5B" || s[:3] == "%5b"):
		// A client that was handed JSON and told to send a form.
		if inner, ok := percentJSON(s); ok {
			b.flag(FlagWrapped)
			b.json(inner)
			return
		}
	}
	b.urlencoded(s)
}

// isBinary reports whether more than a third of body is neither valid UTF-8 nor
// plain text. A lead typed in a legacy Vietnamese encoding stays well below; a
// compressed or encrypted body is well above.
func isBinary(body []byte) bool {
	odd := 0
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\r' && r != '\n' {
			odd++
		}
		i += n
	}
	return odd*3 > len(body)
}
