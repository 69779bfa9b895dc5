package transform

import (
	"strings"
	"unicode/utf8"
)

// isTestLead knows what people type to try their own form (`sources.md` §4.7).
// local is the phone as people write it, or as typed where it is none.
func isTestLead(name, search, local string) bool {
	switch local {
	case "0987654321", "0123456789", "0000000000", "0909090909", "0987765432", "0912123321":
		return true
	}
	if len(local) >= 8 && allDigits(local) && (oneDigit(local) || oneDigit(local[1:])) {
		return true
	}
	// "Ẩn" is hidden; "An" is a common given name, so marks count here.
	return name == "Ẩn" || name == "ẩn" || name == "ẨN" || hasWord(search, "test") || strings.Contains(search, "laditest")
}

func oneDigit(s string) bool {
	for i := range len(s) {
		if s[i] != s[0] {
			return false
		}
	}
	return s != ""
}

// hasWord reports whether word is one of the words of search.
func hasWord(search, word string) bool {
	for rest := search; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || rest[i-1] == ' ') && (end == len(rest) || rest[end] == ' ') {
			return true
		}
		rest = rest[end:]
	}
}

// isJunkName knows the values that are never a person's name: what browsers,
// trackers and page builders put into fields, and the addresses spammers do
// (`sources.md` §1.5).
func isJunkName(s string) bool {
	switch {
	case s == "":
		return false
	case len(s) > 360 || len(s) > 90 && utf8.RuneCountInString(s) > 90:
		return true
	case strings.HasPrefix(s, "Mozilla"), isElementID(s), isTracker(s), isUUID(s):
		return true
	case len(s) >= 10 && allDigits(s):
		return true
	}
	return strings.Contains(s, "://") || strings.Contains(s, "www.")
}

// isElementID reports FORM33, SECTION2, BUTTON7.
func isElementID(s string) bool {
	for _, kind := range [...]string{"FORM", "SECTION", "BUTTON"} {
		if rest, ok := strings.CutPrefix(s, kind); ok && allDigits(rest) {
			return true
		}
	}
	return false
}

// isTracker reports fb.1.… and ladi.….
func isTracker(s string) bool {
	if rest, ok := strings.CutPrefix(s, "ladi."); ok {
		return rest != "" && rest[0] >= '0' && rest[0] <= '9'
	}
	rest, ok := strings.CutPrefix(s, "fb.")
	return ok && len(rest) > 1 && rest[0] >= '0' && rest[0] <= '9' && rest[1] == '.'
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if unhex(s[i]) < 0 {
			return false
		}
	}
	return true
}
