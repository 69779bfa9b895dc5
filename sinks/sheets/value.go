package sheets

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// maxCell is the most that a cell holds, in UTF-16 units (`sinks.md` §A1).
const maxCell = 50_000

// takable reports whether v is of a kind that a record may hold.
func takable(v any) bool {
	switch v := v.(type) {
	case nil, string, bool, []string:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return false
}

// empty reports whether v carries nothing. A text of no characters is an empty cell,
// and a later record clears none.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []string:
		for _, part := range v {
			if part != "" {
				return false
			}
		}
		return true
	}
	return false
}

// couldBeDated is a quick look: what it says no to is not dated.
func couldBeDated(v any) bool {
	s, ok := v.(string)
	return ok && len(s) >= len("2006-01-02T15:04:05Z") && len(s) <= 40 && s[4] == '-' && s[10] == 'T'
}

// dated is the time that a value says, if it is one with a zone: only such a text is
// written as a date.
func dated(v any) (t time.Time, ok bool) {
	switch v := v.(type) {
	case time.Time: // what a record has beside its fields
		t = v
	case string:
		if !couldBeDated(v) {
			return time.Time{}, false
		}
		var err error
		if t, err = time.Parse(time.RFC3339Nano, v); err != nil {
			return time.Time{}, false
		}
	default:
		return time.Time{}, false
	}
	return t, t.Year() >= 1900 && t.Year() <= 9998
}

var dayZero = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// serial is t as a spreadsheet counts: days, and parts of one, since the end of 1899
// by the clock of its zone, in whole milliseconds. It is not reckoned in a
// time.Duration, which ends after 292 years.
func serial(t time.Time, zone *time.Location) float64 {
	_, offset := t.In(zone).Zone()
	return float64(t.UnixMilli()+int64(offset)*1000-dayZero.UnixMilli()) / (24 * 60 * 60 * 1000)
}

// cell is v as it is stored: a string, a float64 or a bool. Texts are texts, so that
// a phone number keeps its zero and a formula is never evaluated. cut says that not
// all of it fits, and that the cell says so too.
func cell(v any, date bool, zone *time.Location) (value any, cut bool) {
	switch v := v.(type) {
	case bool, float64:
		return v, false
	case []string:
		return fitting(strings.Join(v, ", "))
	case time.Time:
		if t, ok := dated(v); ok && date {
			return serial(t, zone), false
		}
		return v.Format(time.RFC3339Nano), false
	case string:
		if date && couldBeDated(v) {
			if t, ok := dated(v); ok {
				return serial(t, zone), false
			}
		}
		return fitting(v)
	}
	return nil, false
}

// fitting cuts a text to what a cell holds, and notes in it how much is missing.
func fitting(s string) (string, bool) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if len(s) <= maxCell { // no text has more units than bytes
		return s, false
	}
	n := units(s)
	if n <= maxCell {
		return s, false
	}
	const room = 60 // for the note
	left, end := maxCell-room, len(s)
	for i, r := range s {
		if left -= width(r); left < 0 {
			end = i
			break
		}
	}
	return s[:end] + fmt.Sprintf(" … [cut: %d of %d characters are missing]", n-units(s[:end]), n), true
}

// units counts the UTF-16 units of a text, which is what Google counts.
func units(s string) (n int) {
	for _, r := range s {
		n += width(r)
	}
	return n
}

func width(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// zoneOf is the zone that a spreadsheet counts its dates in: a name of the time zone
// database, or one of its own such as GMT-07:00.
func zoneOf(name string, otherwise *time.Location) *time.Location {
	if name == "" {
		return otherwise
	}
	if rest, ok := strings.CutPrefix(name, "GMT"); ok && rest != "" {
		for _, layout := range []string{"-07:00", "-0700", "-07"} {
			if t, err := time.Parse(layout, rest); err == nil {
				_, offset := t.Zone()
				return time.FixedZone(name, offset)
			}
		}
	}
	if strings.EqualFold(name, "local") {
		return otherwise
	}
	if z, err := time.LoadLocation(name); err == nil {
		return z
	}
	return otherwise
}
