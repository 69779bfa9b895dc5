package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean makes text comparable without changing what it says (`sources.md`
// §4.2): NFC, no zero-width characters, byte-order marks or controls, every
// kind of space as one plain space, none at the ends. Line breaks stay, as \n.
// It is idempotent, and what is no UTF-8 becomes U+FFFD.
//
// Most of what arrives is clean already and comes back as it is.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	out := scrub(s)
	// Composition can only be judged once what stood between the letters is
	// gone: "e", zero-width space, acute.
	if !norm.NFC.IsNormalString(out) {
		out = norm.NFC.String(out)
	}
	return out
}

// cleanLine is [clean] for what is one line by nature, such as a name.
func cleanLine(s string) string { return oneLine(clean(s)) }

// oneLine makes one line of clean text.
func oneLine(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), " ")
}

// isClean reports, in one pass and without tables, that clean would change
// nothing. It knows ASCII, Latin up to U+02FF and the Vietnamese block U+1E00
// to U+1EFF: all are starters that NFC leaves alone and that combine with
// nothing of their own kind. Anything else takes the slow way.
func isClean(s string) bool {
	space := true // at the start, and behind a space, no space may come
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c > ' ' && c < 0x7f:
			space = false
		case c == ' ':
			if space {
				return false
			}
			space = true
		case c >= 0xc3 && c <= 0xcb && i+1 < len(s) && isTail(s[i+1]):
			space = false
			i++
		case c == 0xe1 && i+2 < len(s) && s[i+1] >= 0xb8 && s[i+1] <= 0xbb && isTail(s[i+2]):
			space = false
			i += 2
		case c == 0xc2 && i+1 < len(s) && s[i+1] > 0xa0 && s[i+1] <= 0xbf && s[i+1] != 0xad:
			space = false
			i++
		default:
			return false
		}
	}
	return !space || s == ""
}

func isTail(c byte) bool { return c&0xc0 == 0x80 }

// scrub does everything of clean but the composition.
func scrub(s string) string {
	out := make([]byte, 0, len(s))
	var space, line bool // owed before the next visible character
	var last rune
	for i, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029:
			if r == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				continue // the \n speaks for both
			}
			if line {
				out = append(out, '\n') // an empty line is kept
			}
			line, space = len(out) > 0, false
			continue
		case r == '\t' || r == '\v' || r == '\f' || r != 0xfffd && unicode.Is(unicode.Zs, r):
			space = true
			continue
		case r == 0x200d:
			// Zero-width joiner: holds emoji together, means nothing in a name.
			next, _ := utf8.DecodeRuneInString(s[i+3:])
			if space || line || !isPictograph(last) || !isPictograph(next) {
				continue
			}
		case isInvisible(r):
			continue
		}
		if line {
			out = append(out, '\n')
		} else if space && len(out) > 0 {
			out = append(out, ' ')
		}
		space, line = false, false
		out = utf8.AppendRune(out, r)
		last = r
	}
	return strings.TrimRight(string(out), "\n ")
}

// isInvisible reports controls and format characters that people neither type
// nor see: zero-width spaces and marks, soft hyphens, directional overrides.
func isInvisible(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0xad:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0xfeff, r == 0x180e, r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return false
}

func isPictograph(r rune) bool {
	return r >= 0x2190 && r <= 0x2bff || r == 0xfe0f || r >= 0x1f000 && r <= 0x1faff
}

// bounded cuts s to at most n bytes, between characters.
func bounded(s string, n int) (string, bool) {
	if len(s) <= n {
		return s, false
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], true
}
