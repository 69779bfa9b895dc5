package appsscript

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// maxText is what a cell holds, in UTF-16 units to be safe (`sinks.md` A1).
const maxText = 50_000

// moment is a date as the script takes it: an object, so that no text can be one.
type moment struct {
	D int64 `json:"d"` // milliseconds of Unix time
}

// takable reports whether v is of a type that a record's field may have.
func takable(v any) bool {
	switch v := v.(type) {
	case nil, string, bool, []string:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return false
}

// cell is v as the script takes it; nil: it carries nothing. cut says that it was too
// long.
func cell(v any) (c any, cut bool) {
	switch v := v.(type) {
	case string:
		if m, ok := asMoment(v); ok {
			return m, false
		}
		return asText(v)
	case []string:
		return asText(strings.Join(v, ", "))
	case time.Time:
		return momentOf(v), false
	}
	return v, false
}

// asText is text that JSON and a cell hold; nil for none, as a later record clears no
// cell.
func asText(s string) (any, bool) {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if s == "" {
		return nil, false
	}
	if len(s) <= maxText {
		return s, false
	}
	units := 0
	for i, r := range s {
		units++
		if r > 0xffff {
			units++
		}
		if units > maxText {
			return s[:i], true
		}
	}
	return s, false
}

// asMoment takes what is a time with its zone beyond doubt, as transforms write it. A
// day without one is text: which instant it is nobody says.
func asMoment(s string) (any, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > len("2006-01-02T15:04:05.999999999+07:00") || s[10] != 'T' || !utf8.ValidString(s) {
		return nil, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1900 || t.Year() > 2200 {
		return nil, false
	}
	return momentOf(t), true
}

// momentOf drops what is below a second: the sheet does not show it, and a number of
// days does not hold it exactly.
func momentOf(t time.Time) any {
	if t.Year() < 1900 || t.Year() > 2200 {
		return nil
	}
	return moment{t.Unix() * 1000}
}
