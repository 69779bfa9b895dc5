// Package form reads the body of a form submission into ordered fields,
// whatever it was sent as: urlencoded, multipart or JSON, told by looking at
// the bytes rather than by trusting the Content-Type.
//
// It does not know what a field means (transform) or who sent it (sources/*).
package form

// Field is one name and its values as sent. Values are text; what JSON wrote as
// a number keeps its digits.
type Field struct {
	Name   string
	Values []string
	List   bool // sent as a list, even when it has one value
}

// Parsed is a body that was understood.
type Parsed struct {
	Fields []Field  // in the order sent; a repeated name is one field
	Kind   Kind     // what the bytes turned out to be
	Flags  []string // what was repaired on the way, e.g. "bad_escape"
}

// Kind is a body type.
type Kind string

// The body types a form arrives as.
const (
	URLEncoded Kind = "urlencoded"
	Multipart  Kind = "multipart"
	JSON       Kind = "json"
)
