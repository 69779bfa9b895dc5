package form

import (
	"bytes"
	"mime"
	"net/url"
	"strings"
)

// maxBoundary is generous: RFC 2046 allows 70 characters.
const maxBoundary = 200

// findBoundary returns the boundary that body really uses and where its first
// line starts, "" when body is not multipart.
//
// LadiPage pages send multipart without a boundary in the header when the
// marketer typed the Content-Type by hand (`sources.md` §1.2), and some send it
// under another type altogether; the first line always has it.
func findBoundary(contentType string, body []byte) (string, int) {
	at := 0
	for at < len(body) && (body[at] == '\r' || body[at] == '\n' || body[at] == ' ') {
		at++
	}
	if bytes.HasPrefix(body[at:], []byte("--")) {
		line, _, ok := bytes.Cut(body[at:min(len(body), at+maxBoundary+4)], []byte("\n"))
		name := bytes.TrimRight(line[2:], "\r \t")
		if ok && len(name) > 0 && len(name) <= maxBoundary && hasDisposition(body[at+len(line):]) {
			return string(name), at
		}
	}
	if b := headerBoundary(contentType); b != "" {
		// A preamble may stand before the first boundary.
		if i := bytes.Index(body, []byte("--"+b)); i >= 0 && hasDisposition(body[i:]) {
			return b, i
		}
	}
	return "", 0
}

// hasDisposition looks for a part's header near the start of b.
func hasDisposition(b []byte) bool {
	b = b[:min(len(b), 4096)]
	return bytes.Contains(bytes.ToLower(b), []byte("content-disposition:"))
}

func headerBoundary(contentType string) string {
	const family = "multipart/"
	if len(contentType) < len(family) || !strings.EqualFold(contentType[:len(family)], family) {
		return ""
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["boundary"]
}

func headerNames(contentType, boundary string) bool {
	return headerBoundary(contentType) == boundary
}

// multipart reads the parts of s, which starts with the boundary. Line ends may
// be CRLF or LF.
func (b *builder) multipart(s, boundary string) {
	mark := "--" + boundary
	s = s[len(mark):]
	b.dirty = true // parts may hold anything
	for {
		// Behind a boundary: "--" ends the body, a line end opens a part.
		if strings.HasPrefix(s, "--") {
			return
		}
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			b.flag(FlagTruncated)
			return
		}
		s = s[i+1:]
		part := s
		end, next := findMark(s, mark)
		if end < 0 {
			b.flag(FlagTruncated)
			s = ""
		} else {
			part, s = s[:end], s[next:]
		}
		b.part(part)
		if s == "" {
			if end >= 0 {
				b.flag(FlagTruncated)
			}
			return
		}
	}
}

// findMark returns where the part before mark ends and where the text behind
// mark starts; -1 when mark does not come again at the start of a line.
func findMark(s, mark string) (end, next int) {
	for at := 0; ; {
		i := strings.Index(s[at:], mark)
		if i < 0 {
			return -1, 0
		}
		i += at
		at = i + len(mark)
		// What follows must end the line or the body, or else mark is only the
		// beginning of a longer line.
		if tail := s[at:]; tail != "" && !strings.HasPrefix(tail, "--") && strings.TrimLeft(tail[:1], " \t\r\n") != "" {
			continue
		}
		switch {
		case i == 0:
			return 0, at
		case s[i-1] != '\n':
			continue
		case i > 1 && s[i-2] == '\r':
			return i - 2, at
		default:
			return i - 1, at
		}
	}
}

// part adds one part: its headers, an empty line, its content.
func (b *builder) part(s string) {
	var name, file string
	var isFile bool
	for {
		line, rest, found := strings.Cut(s, "\n")
		s = rest
		line = strings.TrimRight(line, "\r")
		if line == "" || !found {
			break
		}
		key, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(key), "content-disposition") {
			name, _ = parameter(value, "name")
			file, isFile = parameter(value, "filename")
		}
	}
	if isFile {
		if file != "" || s != "" {
			b.flag(FlagFile)
		}
		s = file
	}
	b.add(name, s)
	if strings.HasSuffix(name, "[]") {
		if i := b.find(b.clean(name)); i >= 0 {
			b.fields[i].List = true
		}
	}
}

// parameter returns the value of key in a Content-Disposition. Browsers write
// names as they are, in UTF-8, and escape only the quote and line ends, as %22,
// %0D and %0A; others use the starred form of RFC 5987.
func parameter(header, key string) (string, bool) {
	for rest := header; ; {
		i := strings.IndexByte(rest, ';')
		if i < 0 {
			return "", false
		}
		rest = strings.TrimLeft(rest[i+1:], " \t")
		k, v, ok := strings.Cut(rest, "=")
		if !ok {
			return "", false
		}
		k = strings.ToLower(strings.TrimSpace(k))
		v = strings.TrimLeft(v, " \t")
		var value string
		if strings.HasPrefix(v, `"`) {
			end := closing(v)
			value, rest = v[1:end], v[min(end+1, len(v)):]
			value = quoted.Replace(value)
		} else {
			value, _, _ = strings.Cut(v, ";")
			rest = v[len(value):]
			value = strings.TrimSpace(value)
		}
		switch k {
		case key:
			return value, true
		case key + "*":
			if _, enc, ok := strings.Cut(value, "''"); ok {
				if dec, err := url.PathUnescape(enc); err == nil {
					return dec, true
				}
			}
			return value, true
		}
	}
}

var quoted = strings.NewReplacer("%22", `"`, "%0D", "\r", "%0A", "\n", `\"`, `"`)

// closing is the place of the quote that ends v, which starts with one.
func closing(v string) int {
	for i := 1; i < len(v); i++ {
		if v[i] == '"' && v[i-1] != '\\' {
			return i
		}
	}
	return len(v)
}
