package larkbase

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of one cell (`lark.md` §2.5).
const (
	maxText    = 100_000 // characters
	maxOptions = 1000    // chosen in a cell
	maxPeople  = 1000
	maxGroups  = 10
	maxPhone   = 64
)

// coerce gives value v of a record in the shape that column c is written in. A nil
// cell with no problem means that v carries nothing, so that nothing is written. A
// problem says why v, or a part of it, is left out; it does not repeat v.
//
// v is nil, a string, a bool, a float64 or a []string; see [takable].
func (s *Sink) coerce(c *column, v any) (cell any, problem string) {
	if empty(v) {
		return nil, ""
	}
	switch c.kind {
	case text:
		return asText(v)
	case number:
		return asNumber(c, v)
	case single:
		return asOption(c, v)
	case multi:
		return asOptions(c, v)
	case date:
		return asDate(v, s.loc)
	case checkbox:
		return asBool(v)
	case person:
		return s.asPeople(v)
	case phone:
		return asPhone(v)
	case link:
		return asLink(v)
	case location:
		return asLocation(v)
	case group:
		return asGroups(v)
	}
	return nil, "the column is " + c.kind.String() + " and cannot be filled"
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

// empty reports whether v carries nothing. A text of no characters is the platform's
// empty cell, and a later record clears none.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []string:
		return strings.Join(v, "") == ""
	}
	return false
}

// plain is v as one text.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	}
	return ""
}

// one is v as one line without space around it; ok is false for a list of several.
func one(v any) (string, bool) {
	if list, isList := v.([]string); isList && len(list) > 1 {
		return "", false
	}
	return strings.Join(strings.Fields(plain(v)), " "), true
}

// items is v as a list of single lines, empty ones left out.
func items(v any) []string {
	list, ok := v.([]string)
	if !ok {
		list = []string{plain(v)}
	}
	var out []string
	for _, s := range list {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			out = append(out, s)
		}
	}
	return out
}

const several = "several values, and the column holds one"

func asText(v any) (any, string) {
	s := strings.ReplaceAll(strings.ToValidUTF8(plain(v), "\uFFFD"), "\x00", "")
	if len(s) > maxText && utf8.RuneCountInString(s) > maxText {
		return string([]rune(s)[:maxText]), "cut to 100,000 characters, the most a cell holds"
	}
	return s, ""
}

func asBool(v any) (any, string) {
	if b, ok := v.(bool); ok {
		return b, ""
	}
	s, ok := one(v)
	if !ok {
		return nil, several
	}
	switch strings.ToLower(s) {
	case "true", "yes", "y", "on", "1", "x", "✓", "có", "co", "đồng ý", "rồi":
		return true, ""
	case "false", "no", "n", "off", "0", "không", "khong", "chưa":
		return false, ""
	}
	return nil, "neither yes nor no"
}

// phoneSigns are what people write between digits.
var phoneSigns = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "", "/", "", "\u00a0", "")

func asPhone(v any) (any, string) {
	s, ok := one(v)
	if !ok {
		return nil, several
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "tel:"), "Tel:")
	s = phoneSigns.Replace(s)
	digits := strings.TrimPrefix(s, "+")
	if digits == "" || len(s) > maxPhone || strings.Trim(digits, "0123456789") != "" {
		return nil, "no phone number"
	}
	return s, ""
}

// asNumber takes what is a number beyond doubt. 0900000000 and an 18-digit ID are
// none: a number column would change them.
func asNumber(c *column, v any) (any, string) {
	n, ok := v.(float64)
	if !ok {
		s, isOne := one(v)
		if _, isBool := v.(bool); !isOne || isBool {
			return nil, "no number"
		}
		if n, ok = parseNumber(s); !ok {
			return nil, "no number, or one that a number column would change"
		}
	}
	if c.field.UIType == "Rating" {
		least, most := bound(c.field.Property, "min", 0), bound(c.field.Property, "max", 10)
		if n != math.Trunc(n) || n < least || n > most {
			return nil, "not within the column's rating"
		}
	}
	return n, ""
}

// bound is a number of a column's property.
func bound(property map[string]any, name string, otherwise float64) float64 {
	if n, ok := property[name].(float64); ok {
		return n
	}
	return otherwise
}

func parseNumber(s string) (float64, bool) {
	scale := 1.0
	if cut, ok := strings.CutSuffix(s, "%"); ok {
		s, scale = strings.TrimSpace(cut), 100
	}
	digits := strings.TrimPrefix(s, "-")
	// Two or more signs of one kind part thousands; a single one may be either.
	for _, sign := range []string{".", ",", " "} {
		if groups := strings.Split(digits, sign); len(groups) > 2 && thousands(groups) {
			digits = strings.Join(groups, "")
		}
	}
	whole, fraction, dotted := strings.Cut(digits, ".")
	if !allDigits(whole) || dotted && !allDigits(fraction) || len(whole) > 1 && whole[0] == '0' || len(whole)+len(fraction) > 15 {
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, false
	}
	if strings.HasPrefix(s, "-") {
		n = -n
	}
	return n / scale, true
}

// thousands reports whether groups are those of a number like 1.500.000.
func thousands(groups []string) bool {
	for i, g := range groups {
		if !allDigits(g) || i > 0 && len(g) != 3 || len(g) > 3 {
			return false
		}
	}
	return true
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
