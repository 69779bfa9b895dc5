package sheetsim

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// epoch is day zero of the serial numbers (`sinks.md` §A1).
var epoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

var (
	plainNumber = regexp.MustCompile(`^[+-]?(\d+(,\d{3})*|\d*)(\.\d*)?([eE][+-]?\d+)?$`)
	ymd         = regexp.MustCompile(`^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$`)
	shortDate   = regexp.MustCompile(`^(\d{1,2})[-/](\d{1,2})(?:[-/](\d{4}|\d{2}))?$`)
	clockTime   = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2}))?$`)
)

// enter reads a text as if a person had typed it (USER_ENTERED, `sinks.md` §A1):
// formulas, numbers, money, per cent, dates, truths; a leading quote is eaten. It
// gives the format that goes with what was read. A date without a year is of year.
func (b *book) enter(text string, year int) (v any, formula string, format object) {
	if rest, quoted := strings.CutPrefix(text, "'"); quoted {
		if rest == "" {
			return nil, "", nil
		}
		return rest, "", nil
	}
	t := strings.TrimSpace(text)
	if strings.HasPrefix(t, "=") && len(t) > 1 {
		return evaluate(t), t, nil
	}
	switch strings.ToUpper(t) {
	case "TRUE":
		return true, "", nil
	case "FALSE":
		return false, "", nil
	}
	if n, ok := parseNumber(t); ok {
		return n, "", nil
	}
	if rest, ok := strings.CutSuffix(t, "%"); ok {
		if n, ok := parseNumber(rest); ok {
			return n / 100, "", numberFormat("PERCENT", "0%")
		}
	}
	for _, sign := range []string{"$", "₫", "€"} {
		if rest, ok := strings.CutPrefix(t, sign); ok {
			if n, ok := parseNumber(rest); ok {
				return n, "", numberFormat("CURRENCY", `"`+sign+`"#,##0.00`)
			}
		}
	}
	if n, pattern, ok := b.parseDate(t, year); ok {
		kind := "DATE"
		if strings.Contains(pattern, "h") {
			kind = "DATE_TIME"
		}
		if n < 1 {
			kind = "TIME"
		}
		return n, "", numberFormat(kind, pattern)
	}
	if len(t) > 1 && (t[0] == '+' || t[0] == '-') && formulaLike(t[1:]) {
		return evaluate("=" + t), "=" + t, nil
	}
	return text, "", nil
}

func formulaLike(t string) bool {
	return strings.ContainsAny(t, "(+*/&") || likeCell.MatchString(t)
}

func numberFormat(kind, pattern string) object {
	return object{"numberFormat": object{"type": kind, "pattern": pattern}}
}

func parseNumber(t string) (float64, bool) {
	if !plainNumber.MatchString(t) || !strings.ContainsAny(t, "0123456789") {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(t, ",", ""), 64)
	return n, err == nil && !math.IsInf(n, 0)
}

// parseDate gives the serial number of a date or time. Which of two numbers is the
// day is a matter of the locale.
func (b *book) parseDate(t string, year int) (float64, string, bool) {
	num := func(s string) int { n, _ := strconv.Atoi(s); return n }
	if m := ymd.FindStringSubmatch(t); m != nil {
		n, ok := serial(num(m[1]), num(m[2]), num(m[3]))
		if m[4] == "" {
			return n, "yyyy-mm-dd", ok
		}
		return n + float64(num(m[4])*3600+num(m[5])*60+num(m[6]))/86400, "yyyy-mm-dd hh:mm:ss", ok
	}
	if m := shortDate.FindStringSubmatch(t); m != nil {
		month, day := num(m[1]), num(m[2])
		pattern := "m/d/yyyy"
		if !strings.HasPrefix(b.locale, "en_US") {
			month, day = day, month
			pattern = "dd/mm/yyyy"
		}
		if m[3] != "" {
			year = num(m[3])
			if len(m[3]) == 2 {
				year += 2000
			}
		}
		n, ok := serial(year, month, day)
		return n, pattern, ok
	}
	if m := clockTime.FindStringSubmatch(t); m != nil && num(m[1]) < 24 && num(m[2]) < 60 && num(m[3]) < 60 {
		return float64(num(m[1])*3600+num(m[2])*60+num(m[3])) / 86400, "h:mm:ss", true
	}
	return 0, "", false
}

func serial(y, m, d int) (float64, bool) {
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Month() != time.Month(m) || t.Day() != d {
		return 0, false
	}
	return math.Round(t.Sub(epoch).Hours() / 24), true
}

var sum = regexp.MustCompile(`^=\s*([+-]?\d+(?:\.\d+)?)\s*(?:([+*/-])\s*(\d+(?:\.\d+)?))?$`)

// evaluate gives the result of a formula as far as it is needed to see that one
// was evaluated at all: one sum of two numbers, or a text in quotes. Everything
// else shows #NAME?, which no cell should ever show that held somebody's text.
func evaluate(formula string) any {
	if m := sum.FindStringSubmatch(formula); m != nil {
		x, _ := strconv.ParseFloat(m[1], 64)
		y, _ := strconv.ParseFloat(m[3], 64)
		switch m[2] {
		case "":
			return x
		case "+":
			return x + y
		case "-":
			return x - y
		case "*":
			return x * y
		}
		if y != 0 {
			return x / y
		}
		return "#DIV/0!"
	}
	if t := formula[1:]; len(t) > 1 && t[0] == '"' && strings.Count(t, `"`) == 2 && strings.HasSuffix(t, `"`) {
		return t[1 : len(t)-1]
	}
	return "#NAME?"
}
