package app

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"mekong/pipeline"
	"mekong/transform"
)

// sought is who somebody is, as far as a machine can tell: phones as E.164 and
// addresses in lower case.
type sought struct {
	phones, emails map[string]bool
	reads          pipeline.Transform // reads a phone or an address as today's rules do
}

// newSought knows nobody yet.
func newSought() (sought, error) {
	reads, err := transform.New("", nil, nil)
	return sought{map[string]bool{}, map[string]bool{}, reads}, err
}

func (p sought) sortedPhones() []string { return slices.Sorted(maps.Keys(p.phones)) }
func (p sought) sortedEmails() []string { return slices.Sorted(maps.Keys(p.emails)) }
func (p sought) known() bool            { return len(p.phones)+len(p.emails) > 0 }

// phoneOf and emailOf ask the transform: its rules are the only ones.
func (p sought) phoneOf(text string) string {
	if len(text) > 64 {
		return ""
	}
	return p.asked("phone", text)
}

func (p sought) emailOf(text string) string { return strings.ToLower(p.asked("email", text)) }

func (p sought) asked(field, text string) string {
	rs, err := p.reads(pipeline.Raw{ID: "x", Source: "x", Format: "ladipage.form", Body: []byte(url.Values{field: {text}}.Encode()),
		Meta: map[string]string{"content_type": "application/x-www-form-urlencoded"}})
	if err != nil || len(rs) != 1 {
		return ""
	}
	v, _ := rs[0].Fields[field].(string)
	return v
}

// learn takes a term as what it is, and says whether it is anything.
func (p sought) learn(term string) bool {
	if strings.Contains(term, "@") {
		if e := p.emailOf(term); e != "" {
			p.emails[e] = true
			return true
		}
	}
	if tel := p.phoneOf(term); tel != "" {
		p.phones[tel] = true
		return true
	}
	return false
}

// learnFrom takes the phone and the address that a record names its person by.
func (p sought) learnFrom(r pipeline.Record) {
	if tel, ok := r.Fields["phone"].(string); ok && isE164(tel) {
		p.phones[tel] = true
	}
	if e, ok := r.Fields["email"].(string); ok && strings.Contains(e, "@") {
		p.emails[strings.ToLower(e)] = true
	}
}

// inRecord reports whether the person is named in any value of a record.
func (p sought) inRecord(r pipeline.Record) bool {
	for _, v := range r.Fields {
		switch v := v.(type) {
		case string:
			if p.in(v) {
				return true
			}
		case []string:
			if slices.ContainsFunc(v, p.in) {
				return true
			}
		}
	}
	return false
}

// another reports whether a record names its person, and it is somebody else.
func (p sought) another(r pipeline.Record) bool {
	tel, _ := r.Fields["phone"].(string)
	mail, _ := r.Fields["email"].(string)
	return (tel != "" || mail != "") && !p.inRecord(r)
}

// inBody reports whether the person is named in a body, whichever way it is written
// down.
func (p sought) inBody(body []byte) bool {
	text := string(body)
	if p.in(text) {
		return true
	}
	if strings.ContainsAny(text, "%+") {
		if plain, err := url.QueryUnescape(text); err == nil && p.in(plain) {
			return true
		}
		// Auto Funnel puts a whole form into a link of a form (`sources.md` §1.6), and
		// one bad escape must not hide the rest.
		if p.in(strings.ReplaceAll(loosely(loosely(text)), "+", " ")) {
			return true
		}
	}
	if strings.Contains(text, `\`) {
		var v any
		if json.Unmarshal(body, &v) == nil {
			return p.inValue(v)
		}
	}
	return false
}

func (p sought) inValue(v any) bool {
	switch v := v.(type) {
	case string:
		return p.in(v)
	case []any:
		return slices.ContainsFunc(v, p.inValue)
	case map[string]any:
		for name, inner := range v {
			if p.in(name) || p.inValue(inner) {
				return true
			}
		}
	}
	return false
}

// loosely takes off percent escapes where they are right, and leaves the rest.
func loosely(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if part, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(part)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// in reports whether a text names the person.
func (p sought) in(text string) bool {
	if len(p.emails) > 0 && strings.Contains(text, "@") {
		lower := strings.ToLower(text)
		for e := range p.emails {
			if hasWord(lower, e) {
				return true
			}
		}
	}
	if len(p.phones) == 0 {
		return false
	}
	for run := range digitRuns(text) {
		// The rules are asked only about what ends as the phone does: moved prefixes
		// keep the last seven digits.
		for tel := range p.phones {
			if strings.HasSuffix(justDigits(run), tel[max(0, len(tel)-7):]) && p.phoneOf(run) == tel {
				return true
			}
		}
	}
	return false
}

// hasWord reports whether an address stands in a text by itself and is not the end of
// a longer one.
func hasWord(text, address string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], address)
		if at < 0 {
			return false
		}
		at += from
		before, after := byte(' '), byte(' ')
		if at > 0 {
			before = text[at-1]
		}
		if end := at + len(address); end < len(text) {
			after = text[end]
		}
		if !partOfAddress(before) && (!partOfAddress(after) || after == '.') {
			return true
		}
		from = at + 1
	}
}

func partOfAddress(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' || c >= utf8.RuneSelf
}

// digitRuns gives the parts of a text that may be a phone: digits with what people put
// between them. Where two numbers follow each other, each is given by itself too.
func digitRuns(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, end, digits := -1, 0, 0
		flush := func() bool {
			ok := true
			if start >= 0 && digits >= 8 {
				run := text[start:end]
				if ok = yield(run); ok && digits > 11 {
					for part := range strings.FieldsSeq(run) {
						if ok = yield(part); !ok {
							break
						}
					}
				}
			}
			start, digits = -1, 0
			return ok
		}
		for i, r := range text {
			wide := r >= '０' && r <= '９'
			switch {
			case r >= '0' && r <= '9', wide:
				if start < 0 {
					start = i
				}
				end, digits = i+utf8.RuneLen(r), digits+1
			case r == '+' || r == '＋':
				if !flush() {
					return
				}
				start, end = i, i+utf8.RuneLen(r)
			case start >= 0 && (r == ' ' || r == '.' || r == '-' || r == '(' || r == ')' || r == 'o' || r == 'O' || r == '\u00a0') && i-end < 3:
				// Between two digits; what comes behind the last is not taken along.
			default:
				if !flush() {
					return
				}
			}
		}
		flush()
	}
}

func justDigits(run string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == 'o' || r == 'O':
			return '0'
		}
		return -1
	}, run)
}
