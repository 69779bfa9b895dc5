package transform

import (
	"strconv"
	"strings"
	"time"
)

// A date as typed is day/month/year, and the time beside it is that of the
// place the page is made for (`sources.md` §4.5).

// parseDate reads s. day means that s names a day and no time; then t is that
// day at midnight UTC, and only its date says anything.
//
// Understood are: day/month/year and year-month-day with any of "/-." between,
// hours and minutes behind or before it, with seconds, fraction, AM, PM, SA, CH
// and a zone or without; 8 or 14 digits; seconds, milliseconds, microseconds
// and nanoseconds since 1970; and what browsers and mail write. Where the
// second number cannot be a month but the first can, it is month/day/year.
func parseDate(s string, loc *time.Location) (t time.Time, day, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 80 {
		return time.Time{}, false, false
	}
	if t, day, ok = parseEpoch(s, loc); ok {
		return t, day, true
	}
	p := dateReader{s: s, loc: loc}
	if p.read() {
		return p.time()
	}
	if i := strings.Index(s, " ("); i > 0 {
		s = s[:i] // "… GMT+0700 (Indochina Time)"
	}
	for _, layout := range [...]string{
		"Mon Jan 2 2006 15:04:05 GMT-0700", time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC, time.UnixDate,
		"2 Jan 2006 15:04:05", "Jan 2, 2006 15:04:05", "Jan 2, 2006 3:04 PM",
	} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil && plausible(t.Year()) {
			return t, false, true
		}
	}
	return time.Time{}, false, false
}

func plausible(year int) bool { return year >= 1900 && year < 2200 }

// parseEpoch reads what is digits alone, perhaps with a fraction.
func parseEpoch(s string, loc *time.Location) (t time.Time, day, ok bool) {
	whole, fraction, dotted := strings.Cut(s, ".")
	if !allDigits(whole) || dotted && (!allDigits(fraction) || len(whole) != 10) {
		return time.Time{}, false, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false, false
	}
	switch len(whole) {
	case 8:
		p := dateReader{loc: loc, year: int(n / 10000), month: int(n / 100 % 100), dayOf: int(n % 100)}
		return p.time()
	case 14:
		d, c := n/1000000, n%1000000
		p := dateReader{loc: loc, year: int(d / 10000), month: int(d / 100 % 100), dayOf: int(d % 100),
			clock: true, hour: int(c / 10000), minute: int(c / 100 % 100), second: int(c % 100)}
		return p.time()
	case 10:
		var nanos int64
		if dotted {
			nanos, _ = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		}
		t = time.Unix(n, nanos)
	case 13:
		t = time.UnixMilli(n)
	case 16:
		t = time.UnixMicro(n)
	case 19:
		t = time.Unix(0, n)
	default:
		return time.Time{}, false, false
	}
	t = t.UTC()
	return t, false, plausible(t.Year())
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// dateReader takes a date and a time in either order, then a zone.
type dateReader struct {
	s   string
	i   int
	loc *time.Location

	year, month, dayOf             int
	clock                          bool // a time of day was read
	hour, minute, second, fraction int
}

func (p *dateReader) read() bool {
	if p.date() {
		if p.i == len(p.s) {
			return true
		}
		p.skip(" T,t-")
		return p.timeOfDay() && p.zone()
	}
	p.i = 0
	if !p.timeOfDay() {
		return false
	}
	p.skip(" ,-")
	return p.date() && p.zone()
}

func (p *dateReader) skip(set string) {
	for p.i < len(p.s) && strings.IndexByte(set, p.s[p.i]) >= 0 {
		p.i++
	}
}

// number reads up to most digits and says how many there were.
func (p *dateReader) number(most int) (n, width int) {
	for width < most && p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		n = n*10 + int(p.s[p.i]-'0')
		p.i++
		width++
	}
	return n, width
}

func (p *dateReader) next(set string) (byte, bool) {
	if p.i < len(p.s) && strings.IndexByte(set, p.s[p.i]) >= 0 {
		p.i++
		return p.s[p.i-1], true
	}
	return 0, false
}

func (p *dateReader) date() bool {
	a, wa := p.number(4)
	sep, ok := p.next("/-.")
	if !ok || wa == 0 || wa == 3 {
		return false
	}
	b, wb := p.number(2)
	if again, ok := p.next("/-."); !ok || again != sep || wb == 0 {
		return false
	}
	c, wc := p.number(4)
	switch {
	case wa == 4 && (wc == 1 || wc == 2):
		p.year, p.month, p.dayOf = a, b, c
	case wa <= 2 && wc == 4:
		p.year, p.month, p.dayOf = c, b, a
		if b > 12 && a <= 12 {
			p.month, p.dayOf = a, b
		}
	default:
		return false // two digits for a year may mean either century
	}
	return true
}

func (p *dateReader) timeOfDay() bool {
	var w int
	if p.hour, w = p.number(2); w == 0 {
		return false
	}
	if _, ok := p.next(":hH"); !ok {
		return false
	}
	if p.minute, w = p.number(2); w != 2 {
		return false
	}
	if _, ok := p.next(":"); ok {
		if p.second, w = p.number(2); w != 2 {
			return false
		}
		if _, ok := p.next(".,"); ok {
			f, w := p.number(9)
			for ; w > 0 && w < 9; w++ {
				f *= 10
			}
			p.fraction = f
			p.number(9)
		}
	}
	p.clock = true
	return p.half()
}

// half applies AM and PM, and the Vietnamese SA (sáng) and CH (chiều).
func (p *dateReader) half() bool {
	rest := strings.TrimLeft(p.s[p.i:], " ")
	if len(rest) < 2 || len(rest) > 2 && rest[2] != ' ' && rest[2] != ',' {
		return true
	}
	switch strings.ToUpper(rest[:2]) {
	case "AM", "SA":
		if p.hour == 12 {
			p.hour = 0
		}
	case "PM", "CH":
		if p.hour < 12 {
			p.hour += 12
		}
	default:
		return true
	}
	p.i = len(p.s) - len(rest) + 2
	return true
}

// zone reads what is left: nothing, Z, UTC, GMT, or an offset.
func (p *dateReader) zone() bool {
	p.skip(" ")
	rest := p.s[p.i:]
	for _, name := range [...]string{"UTC", "GMT", "Z", "z"} {
		if strings.HasPrefix(rest, name) {
			p.loc, p.i = time.UTC, p.i+len(name)
			break
		}
	}
	if p.i == len(p.s) {
		return true
	}
	sign, ok := p.next("+-")
	if !ok {
		return false
	}
	h, w := p.number(2)
	if w == 0 {
		return false
	}
	p.next(":")
	m, w := p.number(2)
	if w == 1 || p.i != len(p.s) || h > 14 || m > 59 {
		return false
	}
	offset := h*3600 + m*60
	if sign == '-' {
		offset = -offset
	}
	p.loc = time.FixedZone("", offset)
	return true
}

// time puts together what was read, and refuses 31 February and 25 o'clock.
func (p *dateReader) time() (t time.Time, day, ok bool) {
	if !plausible(p.year) || p.month < 1 || p.month > 12 || p.dayOf < 1 || p.hour > 23 || p.minute > 59 || p.second > 59 {
		return time.Time{}, false, false
	}
	d := time.Date(p.year, time.Month(p.month), p.dayOf, 0, 0, 0, 0, time.UTC)
	if d.Day() != p.dayOf {
		return time.Time{}, false, false
	}
	if !p.clock {
		return d, true, true
	}
	return time.Date(p.year, time.Month(p.month), p.dayOf, p.hour, p.minute, p.second, p.fraction, p.loc), false, true
}

// formatDate is how a date is stored: an instant as RFC 3339 in UTC, and a day
// without a time as that day, 2006-01-02, which no zone can move to another.
func formatDate(s string, loc *time.Location) (string, bool) {
	t, day, ok := parseDate(s, loc)
	switch {
	case !ok:
		return "", false
	case day:
		return t.Format(time.DateOnly), true
	}
	return t.UTC().Format(time.RFC3339Nano), true
}
