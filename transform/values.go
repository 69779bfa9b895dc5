package transform

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseNumber reads a number or an amount of money as Vietnamese write it: '.'
// parts thousands and ',' is the decimal sign, k, tr and tỷ multiply, and what
// follows the unit is its fraction, as in 1tr2 (`sources.md` §4.5). A '.' that
// does not part thousands is taken as a decimal sign.
//
// It says false for what a float64 cannot hold exactly enough to be itself
// again, such as an 18-digit ad ID.
func parseNumber(s string) (float64, bool) {
	if len(s) > 64 {
		return 0, false
	}
	s = strings.ToLower(strings.ReplaceAll(s, " ", ""))
	for _, unit := range [...]string{"vnđ", "vnd", "đồng", "dong", "₫", "đ", "d"} {
		if cut, ok := strings.CutSuffix(s, unit); ok {
			s = cut
			break
		}
	}
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	digits, unit, tail := splitUnit(s)
	scale, ok := units[unit]
	if !ok || digits == "" || tail != "" && (unit == "" || !allDigits(tail) || strings.ContainsAny(digits, ".,")) {
		return 0, false
	}
	if tail != "" {
		digits += "," + tail
	}
	plain, ok := plainDigits(digits)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return 0, false
	}
	n *= scale
	if scale > 1 {
		// 1.2 × 1,000,000 should not come out as 1199999.9999999998.
		n = math.Round(n*100) / 100
	}
	if math.IsInf(n, 0) || n > 1<<53 {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

var units = map[string]float64{
	"": 1, "%": 1,
	"k": 1e3, "ng": 1e3, "nghìn": 1e3, "ngàn": 1e3, "nghin": 1e3, "ngan": 1e3,
	"tr": 1e6, "triệu": 1e6, "trieu": 1e6, "m": 1e6,
	"tỷ": 1e9, "tỉ": 1e9, "ty": 1e9, "ti": 1e9, "b": 1e9,
}

// splitUnit cuts 1tr2 into "1", "tr" and "2".
func splitUnit(s string) (digits, unit, tail string) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.' || s[i] == ',') {
		i++
	}
	j := i
	for j < len(s) && (s[j] < '0' || s[j] > '9') {
		j++
	}
	return s[:i], s[i:j], s[j:]
}

// plainDigits rewrites digits, '.' and ',' as strconv reads them.
func plainDigits(s string) (string, bool) {
	dots, commas := strings.Count(s, "."), strings.Count(s, ",")
	switch {
	case dots == 0 && commas == 0:
		return s, true
	case dots > 0 && commas > 0:
		// The last kind of sign is the decimal one, and stands once.
		thousands, decimal := ".", ","
		if strings.LastIndex(s, ".") > strings.LastIndex(s, ",") {
			thousands, decimal = ",", "."
		}
		whole, fraction, _ := strings.Cut(s, decimal)
		if !grouped(whole, thousands) || !allDigits(fraction) {
			return "", false
		}
		return strings.ReplaceAll(whole, thousands, "") + "." + fraction, true
	case dots > 0 && grouped(s, "."):
		return strings.ReplaceAll(s, ".", ""), true
	case commas > 1 && grouped(s, ","):
		return strings.ReplaceAll(s, ",", ""), true
	case dots+commas > 1:
		return "", false
	}
	whole, fraction, _ := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	if !allDigits(whole) || !allDigits(fraction) {
		return "", false
	}
	return whole + "." + fraction, true
}

// grouped reports whether sep parts s into groups of three, the first shorter.
func grouped(s, sep string) bool {
	for i, group := range strings.Split(s, sep) {
		if !allDigits(group) || i > 0 && len(group) != 3 || i == 0 && (len(group) > 3 || group[0] == '0' && s != group) {
			return false
		}
	}
	return true
}

// parseBool reads yes and no, in English and Vietnamese.
func parseBool(s string) (value, ok bool) {
	switch s {
	case "✓", "✔", "☑", "✅":
		return true, true
	}
	if len(s) > 64 {
		return false, false
	}
	var buf [64]byte
	switch string(appendKey(buf[:0], s)) {
	case "true", "1", "yes", "y", "on", "co", "dung", "x", "ok", "checked", "dongy", "roi":
		return true, true
	case "false", "0", "no", "n", "off", "khong", "sai", "unchecked", "khongdongy", "chua":
		return false, true
	}
	return false, false
}

// jsonList reads s, a list of scalars that a page's script turned into one text
// (`sources.md` §1.2). It says false for anything else; numbers keep their
// digits. It does not clean.
func jsonList(s string) ([]string, bool) {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return nil, false
	}
	if list, ok := plainList(s); ok {
		return list, true
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var parts []any
	if err := d.Decode(&parts); err != nil || d.More() {
		return nil, false
	}
	list := make([]string, 0, len(parts))
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			list = append(list, v)
		case json.Number:
			list = append(list, v.String())
		case bool:
			list = append(list, strconv.FormatBool(v))
		case nil:
		default:
			return nil, false
		}
	}
	return list, true
}

// plainList is [jsonList] for what JSON.stringify makes of texts with nothing
// to escape in them.
func plainList(s string) ([]string, bool) {
	s = s[1 : len(s)-1]
	if s == "" {
		return []string{}, true
	}
	list := make([]string, 0, strings.Count(s, ",")+1)
	for {
		if len(s) < 2 || s[0] != '"' {
			return nil, false
		}
		end := strings.IndexByte(s[1:], '"')
		if end < 0 {
			return nil, false
		}
		text := s[1 : 1+end]
		if strings.IndexByte(text, '\\') >= 0 || !utf8.ValidString(text) {
			return nil, false
		}
		list = append(list, text)
		s = s[end+2:]
		if s == "" {
			return list, true
		}
		if s[0] != ',' {
			return nil, false
		}
		s = s[1:]
	}
}

// splitList parts a text that stands for several answers.
func splitList(s string) []string {
	var list []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == '|' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
