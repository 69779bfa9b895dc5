package transform

import (
	"bytes"
	"strings"
)

// A one-time password is a secret between a visitor and the page. It is in the
// delivery because pages send it, and goes no further (`sources.md` §1.3).

// isOTP reports whether a folded name is that of a one-time password.
func isOTP(key []byte) bool {
	return bytes.Contains(key, []byte("otpcode")) || string(key) == "otp" || string(key) == "maotp"
}

// mentionsOTP is a cheap first look at a whole body: almost none does.
func mentionsOTP(body []byte) bool {
	return bytes.Contains(body, []byte("otp")) || bytes.Contains(body, []byte("OTP")) || bytes.Contains(body, []byte("Otp"))
}

// withoutOTP takes the code out of text that holds it beside its name: an
// address the funnel copied the answers into, JSON in a field, a body nobody
// understood. The rest stays as it is.
func withoutOTP(s string) string {
	lower := asciiLower(s)
	var out strings.Builder
	done := 0
	for at := 0; ; {
		i := strings.Index(lower[at:], "otp")
		if i < 0 {
			break
		}
		i += at + len("otp")
		at = i
		if i < len(lower) && strings.IndexByte("_- ", lower[i]) >= 0 {
			i++
		}
		if !strings.HasPrefix(lower[i:], "code") {
			continue
		}
		start, end := secretBehind(lower, i+len("code"))
		at = end
		if start < end {
			out.WriteString(s[done:start])
			done = end
		}
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}

// secretBehind returns where the value behind a name lies: past quotes, colons,
// equals signs (encoded or not), and the word "value" of a name and value pair.
// Behind nothing but spaces it takes only what has a digit in it: that is
// somebody's sentence.
func secretBehind(s string, i int) (start, end int) {
	joined := false
	for i < len(s) {
		switch {
		case strings.IndexByte(" \t\r\n\\", s[i]) >= 0:
			i++
		case strings.IndexByte(`"':=[]`, s[i]) >= 0:
			joined = true
			i++
		case s[i] == '%' && i+2 < len(s) && isJoint(s[i+1:i+3]):
			joined = true
			i += 3
		case s[i] == ',' && strings.HasPrefix(strings.TrimLeft(s[i+1:], " \t\r\n\\\"'"), "value"):
			i = strings.Index(s[i:], "value") + i + len("value")
			joined = true
			if i < len(s) && s[i] == 's' {
				i++
			}
		default:
			end = i
			digit := false
			for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] >= 'a' && s[end] <= 'z') {
				digit = digit || s[end] <= '9'
				end++
			}
			if !joined && !digit {
				return i, i
			}
			return i, end
		}
	}
	return i, i
}

// isJoint reports the encoded forms of what may stand between name and value.
func isJoint(hex string) bool {
	switch hex {
	case "3d", "3a", "22", "27", "20", "5b", "5d":
		return true
	}
	return false
}

// asciiLower lowers A to Z and nothing else, so that places stay the same.
func asciiLower(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c | 0x20
		}
	}
	return string(out)
}
