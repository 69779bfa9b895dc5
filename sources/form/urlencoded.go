package form

import (
	"strings"
	"unicode/utf8"
)

// urlencoded reads name=value pairs joined by '&'.
//
// LadiPage's browser runtime sends names raw and values encoded (`sources.md`
// §1.2), so a name may hold spaces, ';', a lone '%' and Vietnamese letters.
// Only '&' separates: a ';' belongs to the name or value it stands in. A '+' is
// a space, as everywhere; a sender that does not encode "+84…" therefore yields
// " 84…", which the transform repairs.
func (b *builder) urlencoded(s string) {
	b.kind = URLEncoded
	b.reserve(strings.Count(s, "&") + 1)
	var buf strings.Builder // every decoded text, one after the other; never longer than s
	for len(s) > 0 {
		pair := s
		if i := strings.IndexByte(s, '&'); i >= 0 {
			pair, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if pair == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		if !found {
			b.flag(FlagBareName)
		}
		room := len(pair) + len(s)
		name, value = b.unescape(&buf, name, room), b.unescape(&buf, value, room)
		if isWrapper(name) && looksJSON(value) && b.unwrap(value, 0) {
			b.flag(FlagWrapped)
			continue
		}
		b.add(name, value)
		if strings.HasSuffix(name, "[]") {
			if i := b.find(name); i >= 0 {
				b.fields[i].List = true
			}
		}
	}
}

// unescape decodes s into buf and returns the part of buf that is its own. A
// Builder only ever appends, so what was handed out stays as it is. room is
// how much may still follow, for a single allocation.
func (b *builder) unescape(buf *strings.Builder, s string, room int) string {
	at := strings.IndexByte(s, '%')
	if plus := strings.IndexByte(s, '+'); at < 0 || plus >= 0 && plus < at {
		at = plus
	}
	if at < 0 {
		return s
	}
	if buf.Cap() == 0 {
		buf.Grow(room)
	}
	start := buf.Len()
	buf.WriteString(s[:at])
	for i := at; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			buf.WriteByte(' ')
		case c != '%':
			buf.WriteByte(c)
		case i+2 < len(s) && nibble[s[i+1]] >= 0 && nibble[s[i+2]] >= 0:
			buf.WriteByte(byte(nibble[s[i+1]])<<4 | byte(nibble[s[i+2]]))
			i += 2
		default:
			b.flag(FlagBadEscape)
			buf.WriteByte('%')
		}
	}
	out := buf.String()[start:]
	if !b.dirty && !utf8.ValidString(out) {
		out = b.clean(out)
	}
	return out
}

// nibble is the value of a hexadecimal digit, -1 for any other byte.
var nibble = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i := range int8(10) {
		t['0'+byte(i)] = i
	}
	for i := range int8(6) {
		t['a'+byte(i)], t['A'+byte(i)] = 10+i, 10+i
	}
	return t
}()

// percentJSON undoes the encoding of a body that is one percent-encoded JSON
// text, with the '=' some clients add behind it.
func percentJSON(s string) (string, bool) {
	var b builder
	var buf strings.Builder
	inner := b.unescape(&buf, strings.TrimSuffix(s, "="), len(s))
	return inner, looksJSON(inner)
}
