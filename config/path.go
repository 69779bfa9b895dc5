package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Path writes the place of a setting as problems and findings name it, e.g.
// sinks.archive.mongodb.uri. A name that would not read as one piece is quoted:
// transform.landing.fields."Họ và tên".expr.
func Path(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(pathName(n))
	}
	return b.String()
}

func pathName(name string) string {
	odd := func(r rune) bool {
		return strings.ContainsRune(`."[]\:;`, r) || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if name == "" || strings.IndexFunc(name, odd) >= 0 {
		return strconv.Quote(name)
	}
	return name
}

// pathItem is the place of item i of the list at path.
func pathItem(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// parent cuts the last name or item off a path; the parent of a single name is "".
func parent(path string) string {
	cut := strings.LastIndexByte(path, '.')
	switch {
	case strings.HasSuffix(path, "]"):
		cut = strings.LastIndexByte(path, '[')
	case strings.HasSuffix(path, `"`):
		// Inside a quoted name a quote has a backslash before it, so the last
		// dot-and-quote before the closing one opens it.
		cut = strings.LastIndex(path[:len(path)-1], `."`)
	}
	if cut < 0 {
		return ""
	}
	return path[:cut]
}

func sortedKeys(m reflect.Value) []string {
	keys := make([]string, 0, m.Len())
	for _, k := range m.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	return keys
}
