package app

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// plainFields are those that say nothing about who somebody is.
var plainFields = map[string]bool{
	"phone_kind": true, "state": true, "flags": true, "form": true, "page": true, "country": true, "province": true, "status_send": true,
	"is_verified": true, "consent": true, "channel": true, "model": true, "intent": true, "course": true, "outcome": true, "handoff": true,
	"(kind)": true, "(occurred)": true, "message_time": true, "utm_source": true, "utm_medium": true, "utm_campaign": true, "utm_content": true,
	"utm_term": true,
}

// Masked is a field's value as it may be shown to somebody who has no need to know the
// person: of what is not known to be harmless, first and last letters remain.
func Masked(field string, v any) string {
	if v == nil {
		return "(none)"
	}
	text := fmt.Sprint(v)
	if plainFields[field] {
		return text
	}
	switch v.(type) {
	case bool, float64:
		return text
	}
	return MaskedText(text)
}

// MaskedText hides a name, a phone or an address but for its ends.
func MaskedText(text string) string {
	if local, domain, ok := strings.Cut(text, "@"); ok && !strings.ContainsAny(text, " \n") {
		return firstRune(local) + "•••@" + domain
	}
	n := utf8.RuneCountInString(text)
	switch {
	case n == 0:
		return ""
	case n <= 3:
		return "•••"
	case n <= 6:
		return firstRune(text) + "•••"
	}
	runes := []rune(text)
	return string(runes[:2]) + "•••" + string(runes[n-2:])
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
