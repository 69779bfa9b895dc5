package sheetsim

import (
	"math"
	"strconv"
	"strings"
	"time"
)

func pattern(format object) (kind, text string) {
	n, _ := format["numberFormat"].(object)
	kind, _ = n["type"].(string)
	text, _ = n["pattern"].(string)
	if text == "" {
		text = map[string]string{"DATE": "yyyy-mm-dd", "DATE_TIME": "yyyy-mm-dd hh:mm:ss", "TIME": "hh:mm:ss", "PERCENT": "0.00%", "NUMBER": "#,##0.00", "CURRENCY": "$#,##0.00"}[kind]
	}
	return kind, text
}

func isDate(format object) bool {
	kind, _ := pattern(format)
	return kind == "DATE" || kind == "DATE_TIME" || kind == "TIME"
}

// show is a value as a person sees it: FORMATTED_VALUE. The decimal sign follows
// the locale.
func (b *book) show(v any, format object) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case float64:
		kind, p := pattern(format)
		switch {
		case isDate(format):
			return showDate(v, p)
		case kind == "" || kind == "TEXT" || p == "" || p == "@" || p == "General":
			return b.locally(general(v))
		}
		return b.locally(showNumber(v, p))
	}
	return ""
}

// general is a number without a format: 15 digits at most.
func general(n float64) string {
	if a := math.Abs(n); a >= 1e21 || a > 0 && a < 1e-9 {
		return strconv.FormatFloat(n, 'E', -1, 64)
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64)
	return strconv.FormatFloat(short, 'f', -1, 64)
}

// locally turns 1,234.5 into 1.234,5 where that is how it is written.
func (b *book) locally(text string) string {
	if lang, _, _ := strings.Cut(b.locale, "_"); lang != "vi" && lang != "de" && lang != "fr" {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return ','
		case ',':
			return '.'
		}
		return r
	}, text)
}

// showNumber knows 0, #, the thousands' comma, decimals, per cent, and literal text.
func showNumber(n float64, p string) string {
	p, _, _ = strings.Cut(p, ";")
	first := strings.IndexAny(p, "0#")
	last := strings.LastIndexAny(p, "0#")
	if first < 0 {
		return strings.Trim(p, `"`)
	}
	before, digits, after := p[:first], p[first:last+1], p[last+1:]
	if strings.Contains(after, "%") {
		n *= 100
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	decimals, least := len(fraction), strings.Count(fraction, "0")
	text := strconv.FormatFloat(math.Abs(n), 'f', decimals, 64)
	i, f, _ := strings.Cut(text, ".")
	for len(f) > least && strings.HasSuffix(f, "0") {
		f = f[:len(f)-1]
	}
	for len(i) < strings.Count(whole, "0") {
		i = "0" + i
	}
	if strings.Contains(whole, ",") {
		for k := len(i) - 3; k > 0; k -= 3 {
			i = i[:k] + "," + i[k:]
		}
	}
	if f != "" {
		i += "." + f
	}
	if n < 0 {
		i = "-" + i
	}
	clean := func(s string) string { return strings.NewReplacer(`"`, "", `\`, "", "[$", "", "]", "").Replace(s) }
	return clean(before) + i + clean(after)
}

// showDate knows yyyy yy mmmm mmm mm m dd d hh h ss s am/pm, and literal text.
func showDate(n float64, p string) string {
	if n < -1e6 || n > 3e6 {
		return general(n)
	}
	seconds := math.Round(n * 86400)
	t := epoch.Add(time.Duration(seconds) * time.Second)
	twelve := strings.Contains(strings.ToLower(p), "am/pm")
	var out strings.Builder
	hours := false // an m after hours, or before seconds, is a minute
	for i := 0; i < len(p); {
		ch := p[i]
		if ch == '"' {
			end := strings.IndexByte(p[i+1:], '"')
			if end < 0 {
				break
			}
			out.WriteString(p[i+1 : i+1+end])
			i += end + 2
			continue
		}
		if strings.HasPrefix(strings.ToLower(p[i:]), "am/pm") {
			out.WriteString(t.Format("PM"))
			i += 5
			continue
		}
		j := i
		for j < len(p) && p[j] == ch {
			j++
		}
		layout := ""
		switch ch | 0x20 {
		case 'y':
			layout = map[bool]string{true: "2006", false: "06"}[j-i > 2]
		case 'm':
			minute := hours || strings.HasPrefix(strings.TrimLeft(p[j:], ":. "), "s")
			layout = map[int]string{1: "1", 2: "01", 3: "Jan", 4: "January"}[min(j-i, 4)]
			if minute {
				layout = map[bool]string{true: "04", false: "4"}[j-i > 1]
			}
			hours = false
		case 'd':
			layout = map[int]string{1: "2", 2: "02", 3: "Mon", 4: "Monday"}[min(j-i, 4)]
		case 'h':
			hours = true
			layout = map[bool]string{true: "15", false: "15"}[twelve]
			if twelve {
				layout = map[bool]string{true: "03", false: "3"}[j-i > 1]
			}
		case 's':
			layout = map[bool]string{true: "05", false: "5"}[j-i > 1]
		}
		switch {
		case layout == "15" && j-i == 1:
			out.WriteString(strconv.Itoa(t.Hour()))
		case layout != "":
			out.WriteString(t.Format(layout))
		default:
			out.WriteString(p[i:j])
		}
		i = j
	}
	return out.String()
}
