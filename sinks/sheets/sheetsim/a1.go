package sheetsim

import (
	"regexp"
	"strconv"
	"strings"
)

// area is a rectangle of one tab: rows [r0, r1), columns [c0, c1); an end of -1 is
// open, down to the last row or column the tab has.
type area struct {
	sheet          *sheet
	r0, r1, c0, c1 int
	whole          bool // only a tab was named
}

// clip is the area with its open ends closed.
func (a area) clip() area {
	if a.r1 < 0 || a.r1 > a.sheet.rows {
		a.r1 = a.sheet.rows
	}
	if a.c1 < 0 || a.c1 > a.sheet.cols {
		a.c1 = a.sheet.cols
	}
	return a
}

// mostWritten is how many cells one request may make that were empty: more would
// take the memory of the machine, which Google has more of.
const mostWritten = 2_000_000

// cells is the size of a clipped area.
func (a area) cells() int { return (a.r1 - a.r0) * (a.c1 - a.c0) }

// single reports whether a is one cell, which as an address means from there on.
func (a area) single() bool { return a.r1 == a.r0+1 && a.c1 == a.c0+1 }

func (a area) holds(r, c int) bool {
	return r >= a.r0 && (a.r1 < 0 || r < a.r1) && c >= a.c0 && (a.c1 < 0 || c < a.c1)
}

// outside says whether the area reaches past the grid.
func (a area) outside() bool {
	return a.r0 >= a.sheet.rows || a.c0 >= a.sheet.cols || a.r1 > a.sheet.rows || a.c1 > a.sheet.cols
}

func (a area) tooFar() *failure {
	return invalid("Range (%s) exceeds grid limits. Max rows: %d, max columns: %d", a.String(), a.sheet.rows, a.sheet.cols)
}

// String is the area as Google writes it back: the tab quoted only where it must be.
func (a area) String() string {
	b := a.clip()
	if a.r1 > b.r1 {
		b.r1 = a.r1
	}
	if a.c1 > b.c1 {
		b.c1 = a.c1
	}
	out := quoteTitle(a.sheet.title) + "!" + columnName(b.c0) + strconv.Itoa(b.r0+1)
	if b.r1-b.r0 > 1 || b.c1-b.c0 > 1 {
		out += ":" + columnName(b.c1-1) + strconv.Itoa(b.r1)
	}
	return out
}

var (
	plainTitle = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	likeCell   = regexp.MustCompile(`^(?i:[a-z]{1,3}[0-9]+|r[0-9]*c[0-9]*)$`)
	cellRef    = regexp.MustCompile(`^\$?([A-Za-z]{0,3})\$?([0-9]{0,9})$`)
	rcRef      = regexp.MustCompile(`^[Rr]([0-9]{1,9})[Cc]([0-9]{1,9})$`)
)

func quoteTitle(title string) string {
	if plainTitle.MatchString(title) && !likeCell.MatchString(title) {
		return title
	}
	return "'" + strings.ReplaceAll(title, "'", "''") + "'"
}

// columnName is A for 0, Z for 25, AA for 26.
func columnName(c int) string {
	var out []byte
	for c++; c > 0; c = (c - 1) / 26 {
		out = append([]byte{byte('A' + (c-1)%26)}, out...)
	}
	return string(out)
}

func columnIndex(name string) int {
	n := 0
	for _, ch := range strings.ToUpper(name) {
		n = n*26 + int(ch-'A') + 1
	}
	return n - 1
}

// parse reads A1 notation (`sinks.md` §A7).
func (b *book) parse(text string) (area, *failure) {
	bad := invalid("Unable to parse range: %s", text)
	title, cells, both := splitTitle(text)
	if both {
		s := b.titled(title)
		if s == nil {
			return area{}, bad
		}
		a, ok := parseCells(cells, s)
		if !ok {
			return area{}, bad
		}
		return a, nil
	}
	for _, n := range b.named {
		if n.name == text {
			return n.at, nil
		}
	}
	if a, ok := parseCells(text, b.firstVisible()); ok && !strings.HasPrefix(text, "'") {
		return a, nil
	}
	if s := b.titled(title); s != nil {
		return area{sheet: s, r1: -1, c1: -1, whole: true}, nil
	}
	return area{}, bad
}

// splitTitle takes 'Tab name'!A1 apart. Without a "!" the whole is the title.
func splitTitle(text string) (title, cells string, both bool) {
	if !strings.HasPrefix(text, "'") {
		if i := strings.LastIndexByte(text, '!'); i >= 0 {
			return text[:i], text[i+1:], true
		}
		return text, "", false
	}
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			out.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			out.WriteByte('\'')
			i++
			continue
		}
		if i+1 < len(text) && text[i+1] == '!' {
			return out.String(), text[i+2:], true
		}
		if i+1 == len(text) {
			return out.String(), "", false
		}
		break
	}
	return text, "", false
}

func parseCells(text string, s *sheet) (area, bool) {
	from, to, two := strings.Cut(text, ":")
	r0, c0, ok := parseCell(from)
	if !ok {
		return area{}, false
	}
	a := area{sheet: s, r0: max(r0, 0), c0: max(c0, 0), r1: r0 + 1, c1: c0 + 1}
	if !two {
		return a, r0 >= 0 && c0 >= 0
	}
	r1, c1, ok := parseCell(to)
	if !ok {
		return area{}, false
	}
	a.r1, a.c1 = r1+1, c1+1
	if r1 < 0 {
		a.r1 = -1
	}
	if c1 < 0 {
		a.c1 = -1
	}
	if a.r1 >= 0 && a.r1 <= a.r0 {
		a.r0, a.r1 = a.r1-1, a.r0+1
	}
	if a.c1 >= 0 && a.c1 <= a.c0 {
		a.c0, a.c1 = a.c1-1, a.c0+1
	}
	return a, true
}

// parseCell gives -1 for a part that is left out.
func parseCell(text string) (r, c int, ok bool) {
	if m := rcRef.FindStringSubmatch(text); m != nil {
		r, _ = strconv.Atoi(m[1])
		c, _ = strconv.Atoi(m[2])
		return r - 1, c - 1, r > 0 && c > 0
	}
	m := cellRef.FindStringSubmatch(text)
	if m == nil || text == "" || m[1] == "" && m[2] == "" {
		return 0, 0, false
	}
	r, c = -1, -1
	if m[1] != "" {
		c = columnIndex(m[1])
	}
	if m[2] != "" {
		n, _ := strconv.Atoi(m[2])
		if n == 0 {
			return 0, 0, false
		}
		r = n - 1
	}
	return r, c, true
}
