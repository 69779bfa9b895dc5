package transform

import "strings"

// email is what a typed address turned out to be.
type email struct {
	address string // "" when it is none
	suggest string // the address that was probably meant, "" when this one looks right
	filler  bool   // typed to get past the form
}

// parseEmail reads an address as typed: spaces and a trailing dot or comma off,
// the domain in lower case, the rest as it is. A domain that looks like a slip
// gives a suggestion and nothing more: correcting it could send a person's data
// to a stranger (`sources.md` §4.3).
func parseEmail(s string) email {
	s = strings.TrimRight(s, " .,;>")
	s = strings.TrimLeft(s, " <")
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return email{}
	}
	local, domain := s[:at], strings.ToLower(s[at+1:])
	if strings.ContainsAny(local, " \n\t@<>()[],;:\\\"") || !isDomain(domain) {
		return email{}
	}
	e := email{address: s}
	if domain != s[at+1:] {
		e.address = local + "@" + domain
	}
	if right := slip(domain); right != "" {
		e.suggest = local + "@" + right
	}
	switch domain {
	case "gmail.com", "yahoo.com", "yahoo.com.vn", "hotmail.com":
	default:
		return e
	}
	switch strings.ToLower(local) {
	case "a", "aa", "aaa", "abc", "abcd", "abc123", "test", "khong", "khongco", "no", "none", "null", "email", "gmail", "xxx":
		e.filler = true
	}
	return e
}

func isDomain(d string) bool {
	labels, start := 0, 0
	for i := 0; i <= len(d); i++ {
		if i < len(d) && d[i] != '.' {
			c := d[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c < 0x80 {
				return false
			}
			continue
		}
		label := d[start:i]
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		labels++
		start = i + 1
	}
	return labels >= 2
}

// slip knows the common mistypings of the domains that Vietnamese leads use.
func slip(domain string) string {
	switch domain {
	case "gmail.con", "gmai.com", "gmial.com", "gmail.co", "gnail.com", "gmail.com.vn", "gmail.cm", "gmail.vn",
		"gmal.com", "gamil.com", "gmaill.com", "gmail.comm", "gmail.om", "gmailcom.com", "gmil.com", "gmail.cim", "gmail.vom":
		return "gmail.com"
	case "yaho.com", "yahoo.con", "yahoo.co", "yhoo.com", "yahooo.com":
		return "yahoo.com"
	case "yaho.com.vn", "yahoo.con.vn":
		return "yahoo.com.vn"
	case "hotmial.com", "hotmail.con", "hotmai.com", "hotmail.co":
		return "hotmail.com"
	case "icloud.con", "iclound.com", "icloud.co", "icoud.com":
		return "icloud.com"
	case "outlook.con", "outlok.com":
		return "outlook.com"
	}
	return ""
}
