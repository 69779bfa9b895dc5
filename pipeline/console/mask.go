package console

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a viewer sees of people: enough to know one again, not enough to reach them.

// maskPhone keeps the first two and the last three digits: 09xx***678. A short number
// keeps none.
func maskPhone(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
	if rest, ok := strings.CutPrefix(digits, "84"); ok && strings.HasPrefix(strings.TrimSpace(s), "+") {
		digits = "0" + rest
	}
	switch {
	case s == "":
		return ""
	case len(digits) < 8:
		return "***"
	}
	return digits[:2] + "xx***" + digits[len(digits)-3:]
}

// maskName keeps the initials.
func maskName(s string) string {
	var out []string
	for _, word := range strings.Fields(s) {
		for _, r := range word {
			if unicode.IsLetter(r) {
				out = append(out, string(unicode.ToUpper(r))+".")
				break
			}
		}
		if len(out) == 6 {
			break
		}
	}
	if len(out) == 0 && s != "" {
		return "***"
	}
	return strings.Join(out, " ")
}

// maskEmail keeps the first letter.
func maskEmail(s string) string {
	if s == "" {
		return ""
	}
	if r, _ := utf8.DecodeRuneInString(s); unicode.IsLetter(r) || unicode.IsDigit(r) {
		return string(r) + "***@"
	}
	return "***@"
}

// plain are the fields that say nothing about who somebody is. Whatever is not here is
// masked: a field that nobody thought of must not be the one that tells.
var plain = map[string]bool{
	"form": true, "flags": true, "kind": true, "utm_source": true, "utm_medium": true, "utm_campaign": true,
	"utm_content": true, "utm_term": true, "phone_kind": true, "bot": true, "channel": true, "role": true,
}

// maskField is a field's value as a viewer sees it.
func maskField(name, value string) string {
	switch {
	case value == "" || plain[name]:
		return value
	case strings.HasPrefix(name, "phone"):
		return maskPhone(value)
	case name == "name":
		return maskName(value)
	case strings.HasPrefix(name, "email"):
		return maskEmail(value)
	}
	return "***"
}
