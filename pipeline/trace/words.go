package trace

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mekong/pipeline"
)

// A record is found by words. Each opens with a letter that says what it is of, so that
// a form called "an" is not somebody called An:
//
//	n<letters>   a word of the name, folded, and its beginnings of two to six letters
//	t<digits>    a phone number without its 0 or 84, backwards: its last digits come first
//	e<address>   e-mail
//	p<page>      host and path
//	u<value>     a value of utm_*
//	f<form>      s<source>      k<kind>      for filters
const (
	ofName   = "n"
	ofPhone  = "t"
	ofEmail  = "e"
	ofPage   = "p"
	ofUTM    = "u"
	ofForm   = "f"
	ofSource = "s"
	ofKind   = "k"
)

// tokenMarks are the marks of ASCII that are part of a word; others become '_'.
const tokenMarks = "@._-/:=+~%#&?!$*"

// Bounds of what one record may be found by.
const (
	maxToken  = 100 // bytes
	maxWords  = 12  // of a name
	maxTokens = 96
)

// Beginnings of a word that are words of the index themselves. A search for the beginning
// of a word then walks one list, however many words begin so: among a million leads
// hundreds do with "nguyen". Few words are longer than six letters, and none that is
// frequent.
const (
	leastPrefix = 2 // letters that are a beginning; one alone is a whole word
	mostPrefix  = 6
)

// utmFields are those searched for.
var utmFields = [...]string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"}

// fold takes diacritics and case off and leaves words of letters and digits with one
// space between them, as transform does for the field "search" (`sources.md` §4.2): NFD
// without marks, and đ, which does not decompose, as d.
func fold(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(s) {
		switch r {
		case 'đ', 'Đ', 'ð', 'Ð':
			r = 'd'
		}
		switch {
		case unicode.Is(unicode.M, r):
		case r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		default:
			gap = true
		}
	}
	return b.String()
}

// token makes one word of a value: folded letter by letter, with its marks.
func token(of, s string) string {
	b := make([]byte, 0, len(of)+len(s))
	b = append(b, of...)
	for _, r := range norm.NFKD.String(strings.TrimSpace(s)) {
		switch {
		case r == 'đ' || r == 'Đ' || r == 'ð' || r == 'Ð':
			b = append(b, 'd')
		case unicode.Is(unicode.M, r):
		case r >= utf8.RuneSelf:
			if r == utf8.RuneError || !unicode.IsPrint(r) {
				r = '_'
			}
			b = utf8.AppendRune(b, unicode.ToLower(r))
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r)|0x20)
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(tokenMarks, r):
			b = append(b, byte(r))
		default:
			b = append(b, '_')
		}
	}
	return cut(string(b), maxToken)
}

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// wordsOf are what a record is found by, each once.
func wordsOf(r *pipeline.Record) []string {
	var out []string
	add := func(w string) {
		if len(w) < 2 || len(out) >= maxTokens {
			return
		}
		for _, have := range out {
			if have == w {
				return
			}
		}
		out = append(out, w)
	}
	add(token(ofKind, r.Kind))
	add(token(ofSource, r.Source))
	for _, field := range [...]string{"phone", "phone_raw"} {
		add(tail(text(r, field)))
	}
	if mail := text(r, "email"); mail != "" {
		add(token(ofEmail, mail))
	}
	if page := text(r, "page"); page != "" {
		add(token(ofPage, page))
	}
	if form := text(r, "form"); form != "" {
		add(token(ofForm, form))
	}
	for _, field := range utmFields {
		if v := text(r, field); v != "" {
			add(token(ofUTM, v))
		}
	}
	search := text(r, "search")
	if search == "" {
		search = fold(cut(text(r, "name"), 400))
	}
	for i, w := range strings.Fields(search) {
		if i == maxWords {
			break
		}
		named(token(ofName, w), add)
	}
	return out
}

// named adds a word of a name, and the beginnings that it is found by.
func named(w string, add func(string)) {
	letters := -len(ofName) // before i
	for i := range w {
		if letters >= leastPrefix && letters <= mostPrefix {
			add(w[:i])
		}
		letters++
	}
	add(w)
}

// text is a field that holds text; "" else.
func text(r *pipeline.Record, field string) string {
	s, _ := r.Fields[field].(string)
	return s
}

// tail is the word of a phone number; "" when s has too few or too many digits.
func tail(s string) string {
	d := digits(s)
	if len(d) < 6 || len(d) > 18 {
		return ""
	}
	return ofPhone + reversed(national(d))
}

// digits are those of s, full-width ones too.
func digits(s string) string {
	var b []byte
	for _, r := range cut(s, 80) {
		switch {
		case r >= '0' && r <= '9':
			b = append(b, byte(r))
		case r >= '０' && r <= '９':
			b = append(b, byte(r-'０')+'0')
		}
	}
	return string(b)
}

// national takes the country code of Viet Nam, or the 0, off (`sources.md` §4.1): 84 is
// the code only where what follows is as long as a number, for 842345678 is one without
// its 0. Fewer digits than a number has are its last ones, and stay.
func national(d string) string {
	if rest, ok := strings.CutPrefix(d, "0084"); ok {
		d = rest
	} else if rest, ok := strings.CutPrefix(d, "84"); ok && (len(d) >= 11 && len(d) <= 13) {
		d = rest
	}
	if len(d) >= 9 {
		d = strings.TrimPrefix(d, "0")
	}
	if new, ok := migrated[d[:min(3, len(d))]]; ok && len(d) == 10 {
		d = new + d[3:]
	}
	return d
}

// migrated are the mobile prefixes of before 2018, without the 0, and what they became
// (`sources.md` §4.1).
var migrated = map[string]string{
	"162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",
	"120": "70", "121": "79", "122": "77", "126": "76", "128": "78",
	"123": "83", "124": "84", "125": "85", "127": "81", "129": "82",
	"186": "56", "188": "58", "199": "59",
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
