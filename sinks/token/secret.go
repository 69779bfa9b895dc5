package token

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that prints as "(secret)" through fmt (every verb), JSON,
// YAML, text and slog, and as "" when it is empty; only [Secret.Reveal] gives it.
//
// It is a sister of config.Secret, because packages on one level do not import
// each other. The value hides behind a pointer because fmt calls no method on what
// it reaches through somebody's unexported field.
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

// Reveal returns the value itself; it is called where the value is sent and
// nowhere earlier.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == nil }

// Same compares the values, in constant time for values of one length.
func (s Secret) Same(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// String returns "(secret)", or "" when there is no value.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "(secret)"
}

// Format answers every verb of fmt with [Secret.String]. An error of the writer is
// fmt's to notice.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText answers JSON, YAML, XML and map keys with [Secret.String].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue answers slog with [Secret.String].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
