package transform

import (
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// The kinds of phone number.
const (
	mobile   = "mobile"
	landline = "landline"
	hotline  = "hotline" // 1800 and 1900 numbers
	foreign  = "foreign"
	invalid  = "invalid"
)

// phone is what a typed number turned out to be.
type phone struct {
	e164  string // for matching; "" when invalid
	local string // for people: 0… at home, E.164 for a foreign number
	kind  string
	moved bool // a number of before 2018, given its new prefix
}

// parsePhone reads a Vietnamese number by the rules of `sources.md` §4.1, in
// their order, and any other number that says its country. plusLost means that
// s may have started with a '+' that urlencoding turned into a space.
//
// Where the whole makes no number but one of several parts does ("0912 345 678
// / 0987 654 321"), the first that does is it.
func parsePhone(s string, plusLost bool) phone {
	p := parseOne(s, plusLost)
	if p.kind != invalid || !strings.ContainsAny(s, "/,;|\n") || len(s) > 200 {
		return p
	}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("/,;|\n", r) }) {
		if q := parseOne(part, false); q.kind != invalid {
			return q
		}
	}
	return p
}

// maxDigits is the longest number looked at: 15 of E.164, a trunk 0, and "00".
const maxDigits = 18

func parseOne(s string, plusLost bool) phone {
	var buf [maxDigits]byte
	d, plus, ok := digits(&buf, s)
	if !ok || len(d) < 8 {
		return phone{kind: invalid}
	}
	abroad := plus && d[0] != '0' && !hasPrefix(d, "84") ||
		hasPrefix(d, "00") && !hasPrefix(d, "0084")
	if abroad {
		if p := parseForeign(d); p.kind != invalid {
			return p
		}
	}
	if p := vietnamese(d); p.kind != invalid {
		return p
	}
	if plusLost && !abroad && d[0] != '0' {
		return parseForeign(d)
	}
	return phone{kind: invalid}
}

// digits copies the digits of s: full-width ones as plain ones, and a letter o
// between two digits as the 0 it was meant to be. It says false when there are
// too many.
func digits(buf *[maxDigits]byte, s string) (d []byte, plus, ok bool) {
	d = buf[:0]
	owed := 0 // letters o behind a digit, waiting for the next
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
			if r >= '０' && r <= '９' {
				r -= '０' - '0'
			} else if r == '＋' {
				r = '+'
			}
		}
		i += n
		switch {
		case r >= '0' && r <= '9':
			if len(d)+owed+1 > maxDigits {
				return nil, false, false
			}
			for ; owed > 0; owed-- {
				d = append(d, '0')
			}
			d = append(d, byte(r))
		case (r == 'o' || r == 'O') && (owed > 0 || lastIsDigit(s[:i-n])):
			owed++
		case r == '+' && len(d) == 0:
			plus, owed = true, 0
		default:
			owed = 0
		}
	}
	return d, plus, true
}

func lastIsDigit(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r >= '0' && r <= '9' || r >= '０' && r <= '９'
}

// vietnamese applies the rules to digits alone.
func vietnamese(d []byte) phone {
	// A country code, perhaps with the trunk 0 behind it.
	switch {
	case hasPrefix(d, "00840"):
		d = d[4:]
	case hasPrefix(d, "0084"):
		d = append([]byte{'0'}, d[4:]...)
	case hasPrefix(d, "840") && (len(d) == 12 || len(d) == 13):
		d = d[2:]
	case hasPrefix(d, "84") && (len(d) == 11 || len(d) == 12):
		d = append([]byte{'0'}, d[2:]...)
	}
	switch {
	case len(d) == 9 && (d[0] == '3' || d[0] == '5' || d[0] == '7' || d[0] == '8' || d[0] == '9'):
		d = append([]byte{'0'}, d...) // the 0 that spreadsheets drop
	case len(d) == 10 && (d[0] == '2' || newPrefix(d) != ""):
		d = append([]byte{'0'}, d...)
	}
	var moved bool
	if len(d) == 11 && d[0] == '0' {
		if to := newPrefix(d[1:]); to != "" {
			d, moved = append([]byte(to), d[4:]...), true
		}
	}
	switch {
	case len(d) == 10 && d[0] == '0' && isMobile(d[1:]):
		return phone{e164: "+84" + string(d[1:]), local: string(d), kind: mobile, moved: moved}
	case len(d) == 11 && d[0] == '0' && isLandline(d[1:]):
		return phone{e164: "+84" + string(d[1:]), local: string(d), kind: landline}
	}
	// Hotlines have no trunk 0, but a country code may have given them one.
	d = d[min(len(d), leading(d, "84")):]
	d = d[min(len(d), leading(d, "0")):]
	if isHotline(d) {
		return phone{e164: "+84" + string(d), local: string(d), kind: hotline}
	}
	return phone{kind: invalid}
}

func leading(d []byte, prefix string) int {
	if hasPrefix(d, prefix) {
		return len(prefix)
	}
	return 0
}

func hasPrefix(d []byte, prefix string) bool {
	return len(d) >= len(prefix) && string(d[:len(prefix)]) == prefix
}

// newPrefix is what became of an 11-digit mobile prefix in 2018; d is the
// number without its 0.
func newPrefix(d []byte) string {
	if d[0] != '1' {
		return ""
	}
	switch string(d[1:3]) {
	case "62":
		return "032"
	case "63":
		return "033"
	case "64":
		return "034"
	case "65":
		return "035"
	case "66":
		return "036"
	case "67":
		return "037"
	case "68":
		return "038"
	case "69":
		return "039"
	case "20":
		return "070"
	case "21":
		return "079"
	case "22":
		return "077"
	case "26":
		return "076"
	case "28":
		return "078"
	case "23":
		return "083"
	case "24":
		return "084"
	case "25":
		return "085"
	case "27":
		return "081"
	case "29":
		return "082"
	case "86":
		return "056"
	case "88":
		return "058"
	case "99":
		return "059"
	}
	return ""
}

// isMobile is libphonenumber's pattern for nine digits behind the 0: that of
// `sources.md` §4.1 and 051, which was given out later.
func isMobile(d []byte) bool {
	b, c := d[1], d[2]
	switch d[0] {
	case '3':
		return true
	case '5':
		return b == '1' || b == '2' && (c == '2' || c == '3' || c == '8') || b == '5' && c == '9' || b == '6' || b == '8' || b == '9'
	case '7':
		return b == '0' || b >= '6'
	case '8':
		return b >= '1' && b <= '8' || b == '9' && c >= '6'
	case '9':
		return b <= '8' || b == '9' && (c <= '1' || c >= '3')
	}
	return false
}

// isLandline is libphonenumber's pattern for ten digits behind the 0: that of
// `sources.md` §4.1 and 0288, which was given out later.
func isLandline(d []byte) bool {
	if d[0] != '2' {
		return false
	}
	c := d[2]
	switch d[1] {
	case '0':
		return c >= '3'
	case '1':
		return c != '7'
	case '2':
		return c <= '2' || c >= '5'
	case '3', '8':
		return c >= '2'
	case '4':
		return c >= '2' && c <= '8'
	case '5':
		return c == '1' || c == '2' || c >= '4'
	case '6':
		return c <= '3' || c == '9'
	case '7':
		return c <= '7'
	default: // '9'
		return c != '5' && c != '8'
	}
}

func isHotline(d []byte) bool {
	return len(d) >= 8 && len(d) <= 10 && (hasPrefix(d, "1800") || hasPrefix(d, "1900"))
}

// parseForeign reads a number that starts with its country code.
func parseForeign(d []byte) phone {
	if hasPrefix(d, "00") {
		d = d[2:]
	}
	if len(d) < 8 || len(d) > 15 || d[0] == '0' || hasPrefix(d, "84") {
		return phone{kind: invalid}
	}
	n, err := phonenumbers.Parse("+"+string(d), "")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return phone{kind: invalid}
	}
	e := phonenumbers.Format(n, phonenumbers.E164)
	return phone{e164: e, local: e, kind: foreign}
}
