package mongodb

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// FieldName is the name under which a record's field is stored. A name without
// a dot, a leading dollar sign or a percent sign before two hexadecimal digits
// is kept. In others, the characters that MongoDB would read as something else
// are written as a percent sign and their number, as in a URL: "utm.source" is
// stored as "utm%2Esource", "$price" as "%24price". Bytes that are no UTF-8 are
// written so too, and the empty name is "%". No two names become one, and
// [RecordName] gives the name back.
func FieldName(name string) string {
	if name == "" {
		return "%"
	}
	if name == "%" {
		return "%25"
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == '.' || r == 0 || r == '$' && i == 0 || r == utf8.RuneError && size == 1 || r == '%' && escaped(name[i:]):
			b.WriteByte('%')
			b.WriteByte(hexDigits[name[i]>>4])
			b.WriteByte(hexDigits[name[i]&15])
		default:
			b.WriteString(name[i : i+size])
		}
		i += size
	}
	return b.String()
}

// RecordName is the name of the record's field that is stored as name.
func RecordName(name string) string {
	if name == "%" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if !escaped(name[i:]) {
			b.WriteByte(name[i])
			continue
		}
		b.WriteByte(byte(strings.IndexByte(hexDigits, name[i+1])<<4 | strings.IndexByte(hexDigits, name[i+2])))
		i += 2
	}
	return b.String()
}

// escaped reports whether s begins with what RecordName would turn back.
func escaped(s string) bool {
	return len(s) >= 3 && s[0] == '%' && strings.IndexByte(hexDigits, s[1]) >= 0 && strings.IndexByte(hexDigits, s[2]) >= 0
}
