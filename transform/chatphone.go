package transform

import (
	"strings"
	"unicode"
)

// People type their number into a sentence: with dots, spaces or dashes, an o
// for a 0, +84 in front, sometimes half in one message and half in the next
// (`sources.md` §3.2). A wrong number is worse than none, so a number must begin
// with 0 or +84 (or another country's +) and stand by itself.

// digitGroup is a run of digits in a text.
type digitGroup struct {
	start, end int    // runes
	digits     string // plain; a letter o as 0
	plus       bool   // a + stands before it
	letters    bool   // nothing but letters o: goes on with a number, begins none
}

// findPhone returns the first phone number in text as it was typed, "" for none.
func findPhone(text string) string {
	from, to := scanPhone([]rune(text), -1)
	if from < 0 {
		return ""
	}
	return string([]rune(text)[from:to])
}

// minHalf is the fewest digits of a number that one of two messages may hold.
const minHalf = 3

// findSplitPhone returns the mobile number that begins at the end of one message
// and ends at the start of the next, "" for none.
func findSplitPhone(before, text string) string {
	before, text = strings.TrimRight(before, " .,-…\n"), strings.TrimLeft(text, " .,-…\n")
	a, b := []rune(before), []rune(text)
	if len(a) == 0 || len(b) == 0 || !isDigit(a[len(a)-1]) && !isO(a[len(a)-1]) || !isDigit(b[0]) && !isO(b[0]) {
		return ""
	}
	all := append(append(append([]rune{}, a...), ' '), b...)
	from, to := scanPhone(all, len(a))
	if from < 0 {
		return ""
	}
	if countDigits(all[from:len(a)]) < minHalf || countDigits(all[len(a):to]) < minHalf {
		return ""
	}
	if p := parsePhone(plainO(string(all[from:to])), false); p.kind != mobile {
		return ""
	}
	return string(all[from:to])
}

// scanPhone finds a number in runes; with across ≥ 0 only one that spans that
// place. from is -1 for none.
func scanPhone(runes []rune, across int) (from, to int) {
	groups := digitGroups(runes)
	for i := range groups {
		g := &groups[i]
		if g.letters || !g.plus && g.digits[0] != '0' && !strings.HasPrefix(g.digits, "84") || !standsAlone(runes, g.start, g.plus) {
			continue
		}
		digits := ""
		for j := i; j < len(groups) && j < i+8; j++ {
			if j > i && !joins(runes[groups[j-1].end:groups[j].start]) {
				break
			}
			if j > i && groups[j].plus {
				break
			}
			if digits += groups[j].digits; len(digits) > 15 {
				break
			}
			begin, end := g.start, groups[j].end
			if g.plus {
				begin--
			}
			if across >= 0 && (begin >= across || end <= across) || !endsAlone(runes, end) || looksLikeDate(runes[g.start:end]) {
				continue
			}
			sign := ""
			if g.plus {
				sign = "+"
			}
			if p := parseOne(sign+digits, false); p.kind == mobile || p.kind == landline || p.kind == foreign && g.plus {
				return begin, end
			}
		}
	}
	return -1, -1
}

// digitGroups cuts runes into runs of digits. A letter o beside a digit, and not
// beside another letter, is a 0.
func digitGroups(runes []rune) []digitGroup {
	var groups []digitGroup
	for i := 0; i < len(runes); {
		if !isDigit(runes[i]) && !isO(runes[i]) {
			i++
			continue
		}
		start := i
		var d []byte
		some := false
		for ; i < len(runes) && (isDigit(runes[i]) || isO(runes[i])); i++ {
			if isO(runes[i]) {
				d = append(d, '0')
				continue
			}
			some = true
			r := runes[i]
			if r >= '０' {
				r -= '０' - '0'
			}
			d = append(d, byte(r))
		}
		word := start > 0 && isO(runes[start]) && unicode.IsLetter(runes[start-1])
		if word || !some && i-start < 2 {
			continue
		}
		if len(groups) >= 2000 {
			break
		}
		groups = append(groups, digitGroup{start, i, string(d), start > 0 && (runes[start-1] == '+' || runes[start-1] == '＋'), !some})
	}
	return groups
}

// joins reports what may stand between two groups of one number.
func joins(between []rune) bool {
	if len(between) == 0 || len(between) > 3 {
		return false
	}
	marks := 0
	for _, r := range between {
		switch r {
		case ' ', '(', ')':
		case '.', '-', '–', '_':
			marks++
		default:
			return false
		}
	}
	return marks <= 1
}

// standsAlone reports that nothing before start makes it part of something
// longer: a code, an address, an amount.
func standsAlone(runes []rune, start int, plus bool) bool {
	if plus {
		start--
	}
	if start == 0 {
		return true
	}
	switch r := runes[start-1]; {
	case unicode.IsLetter(r), isDigit(r):
		return false
	case strings.ContainsRune("/=&#@_%$\\?", r):
		return false
	case r == '.' || r == ',' || r == '-':
		return start < 2 || !isDigit(runes[start-2]) && !unicode.IsLetter(runes[start-2])
	}
	return true
}

// endsAlone reports that nothing behind end goes on with it.
func endsAlone(runes []rune, end int) bool {
	if end >= len(runes) {
		return true
	}
	switch r := runes[end]; {
	case unicode.IsLetter(r), isDigit(r), isMoney(runes[end:]):
		return false
	case strings.ContainsRune("@%=_/$₫", r):
		// A second number may stand behind a slash.
		return r == '/' && end+1 < len(runes) && (runes[end+1] == '0' || runes[end+1] == ' ')
	case r == '.' || r == ',':
		return end+1 >= len(runes) || !isDigit(runes[end+1])
	}
	return true
}

// isMoney reports a currency behind a space.
func isMoney(runes []rune) bool {
	rest := strings.ToLower(string(runes[:min(len(runes), 8)]))
	if !strings.HasPrefix(rest, " ") {
		return false
	}
	word, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	switch strings.TrimRight(word, ".,;!?") {
	case "đ", "đồng", "dong", "vnđ", "vnd", "usd", "triệu":
		return true
	}
	return false
}

// looksLikeDate reports 08.12.2024 or 08-12-2024 at the start.
func looksLikeDate(runes []rune) bool {
	var b strings.Builder
	for _, r := range runes {
		if r == ' ' {
			break
		}
		b.WriteRune(r)
	}
	s := b.String()
	for _, sep := range [...]string{".", "-"} {
		if p := strings.Split(s, sep); len(p) == 3 && len(p[0]) <= 2 && len(p[1]) <= 2 && len(p[2]) == 4 && (p[2][:2] == "19" || p[2][:2] == "20") {
			return true
		}
	}
	return false
}

// plainO is a number as typed with its letters o as zeros.
func plainO(s string) string {
	return strings.Map(func(r rune) rune {
		if isO(r) {
			return '0'
		}
		return r
	}, s)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' || r >= '０' && r <= '９' }
func isO(r rune) bool     { return r == 'o' || r == 'O' }

func countDigits(runes []rune) int {
	n := 0
	for _, r := range runes {
		if isDigit(r) || isO(r) {
			n++
		}
	}
	return n
}
