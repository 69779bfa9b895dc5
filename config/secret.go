package config

import (
	"fmt"
	"io"
	"log/slog"
)

// shown is what stands in the place of a secret wherever one would be printed.
const shown = "(secret)"

// Secret is a value that must never be shown. It prints as "(secret)" through
// fmt (every verb), YAML, JSON, text and slog, and as "" when it is empty; only
// [Secret.Reveal] gives the value.
//
// The value hides behind a pointer because fmt calls no method on what it
// reaches through somebody's unexported field: a plain string would be printed
// there, a pointer is printed as an address. Two secrets are not comparable
// with ==, which would compare the pointers; compare what Reveal returns, in
// constant time where it matters.
type Secret struct {
	_     [0]func()
	value *string
}

// NewSecret wraps s. NewSecret("") is the zero Secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the value itself. What it returns prints like any string, so
// it is called where the value is used and nowhere earlier.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns "(secret)", or "" when there is no value.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return shown
}

// Format answers every verb of fmt with [Secret.String]. An error of the writer
// is fmt's to notice.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText answers JSON, YAML, XML and map keys with [Secret.String].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue answers slog with [Secret.String].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalText takes text as the value.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
