package transform

import (
	"net/netip"
	"strings"
)

// linkParams are the parameters of a page's address that say where a visitor
// came from (`sources.md` §4.6). Each is an output field of the same name. An
// explicit field of the form wins over the address.
var linkParams = [...]string{
	"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id", "utm_source_id",
	"fbclid", "gclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "ttclid", "zarsrc", "msclkid", "ref",
}

// eachParam calls found for every parameter of link that has a value, decoded
// and clean, in order.
func eachParam(link string, found func(name, value string)) {
	i := strings.IndexByte(link, '?')
	if i < 0 {
		return
	}
	query := link[i+1:]
	if i := strings.IndexByte(query, '#'); i >= 0 {
		query = query[:i]
	}
	for query != "" {
		pair := query
		if i := strings.IndexByte(query, '&'); i >= 0 {
			pair, query = query[:i], query[i+1:]
		} else {
			query = ""
		}
		// "amp;" is what an address copied out of HTML source leaves behind.
		pair = strings.TrimPrefix(pair, "amp;")
		i := strings.IndexByte(pair, '=')
		if i < 1 || i == len(pair)-1 {
			continue
		}
		found(pair[:i], pair[i+1:])
	}
}

// paramIndex is the place of name in [linkParams], -1 for any other.
func paramIndex(name string) int {
	// Only these initials occur: most parameters are told apart by one byte.
	if name == "" || strings.IndexByte("ufgwtzmrUFGWTZMR", name[0]) < 0 {
		return -1
	}
	for i, known := range linkParams {
		if len(known) == len(name) && strings.EqualFold(known, name) {
			return i
		}
	}
	return -1
}

// decodeParam undoes percent-encoding, leaving what escapes nothing.
func decodeParam(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return clean(s)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return clean(string(out))
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// canonicalPage is what all visits of one landing page have in common: host
// without "www.", and path, in lower case, without query, fragment and final
// slash. It is "" for what is no address.
func canonicalPage(link string) string {
	s := link
	if i := strings.Index(s, "://"); i >= 0 && i < 10 {
		s = s[i+3:]
	} else {
		s = strings.TrimPrefix(s, "//")
	}
	for _, end := range [...]byte{'?', '#'} {
		if i := strings.IndexByte(s, end); i >= 0 {
			s = s[:i]
		}
	}
	host := s
	if i := strings.IndexByte(s, '/'); i >= 0 {
		host = s[:i]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host, s = host[i+1:], s[i+1:]
	}
	if strings.IndexByte(host, '.') < 0 && !strings.HasPrefix(host, "localhost") && !strings.HasPrefix(host, "[") || strings.IndexByte(s, ' ') >= 0 || strings.IndexByte(s, '\n') >= 0 {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(strings.TrimRight(s, "/")), "www.")
}

// isIP reports whether s is an address of a visitor, IPv4 or IPv6.
func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
