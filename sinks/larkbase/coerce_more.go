package larkbase

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// asOption chooses one option. An unknown one is made by the platform when it is
// written (`lark.md` §3.2), so one that differs from another only in case or
// spacing is taken for that.
func asOption(c *column, v any) (any, string) {
	list := c.options(v)
	switch len(list) {
	case 0:
		return nil, ""
	case 1:
		return list[0], ""
	}
	return nil, several
}

func asOptions(c *column, v any) (any, string) {
	list := c.options(v)
	switch {
	case len(list) == 0:
		return nil, ""
	case len(list) > maxOptions:
		return list[:maxOptions], "cut to 1,000 options, the most a cell holds"
	}
	return list, ""
}

// options are the items of v as the column has them, each once: the same unknown
// name twice in one value would make two options (`lark.md` §3.2).
func (c *column) options(v any) []string {
	seen := map[string]bool{}
	var out []string
	for _, name := range items(v) {
		if list, _ := asText(name); list != nil {
			name = norm.NFC.String(list.(string))
		}
		if have, ok := c.known[foldOption(name)]; ok {
			name = have
		}
		if key := foldOption(name); key != "" && !seen[key] {
			seen[key] = true
			out = append(out, name)
		}
	}
	return out
}

func foldOption(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFC.String(name)), " "))
}

// optionsOf are the options a select column has, by their folded name; the first of
// several wins.
func optionsOf(property map[string]any) map[string]string {
	out := map[string]string{}
	list, _ := property["options"].([]any)
	for _, o := range list {
		m, _ := o.(map[string]any)
		name, _ := m["name"].(string)
		if key := foldOption(name); key != "" && out[key] == "" {
			out[key] = name
		}
	}
	return out
}

// dayLayouts and timeLayouts are how a date may be written; of the first kind are
// those without a zone, which are meant where the sink is.
var (
	zoned   = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700"}
	unzoned = []string{
		"2006-01-02", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006/01/02",
		"02/01/2006", "02/01/2006 15:04", "02/01/2006 15:04:05", "15:04 02/01/2006", "15:04:05 02/01/2006", "02-01-2006",
	}
)

// asDate gives milliseconds. Seconds would silently be a day of 1970 (`lark.md`
// §3.1), so a number is taken for what its size says.
func asDate(v any, loc *time.Location) (any, string) {
	if n, ok := v.(float64); ok {
		return epoch(n)
	}
	s, ok := one(v)
	if !ok {
		return nil, several
	}
	for _, layout := range zoned {
		if t, err := time.Parse(layout, s); err == nil {
			return millis(t)
		}
	}
	for _, layout := range unzoned {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return millis(t)
		}
	}
	if allDigits(s) {
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return epoch(n)
		}
	}
	return nil, "no date"
}

func epoch(n float64) (any, string) {
	switch {
	case n >= 1e9 && n < 1e10:
		return int64(n * 1000), ""
	case n >= 1e12 && n < 1e13:
		return int64(n), ""
	}
	return nil, "no date"
}

func millis(t time.Time) (any, string) {
	if t.Year() < 1900 || t.Year() > 2200 {
		return nil, "no date of these times"
	}
	return t.UnixMilli(), ""
}

// asLink gives text and address. What has no scheme and looks like a host is taken
// for a web address; other schemes than those of web and mail are nothing to click.
func asLink(v any) (any, string) {
	s, ok := one(v)
	if !ok {
		return nil, several
	}
	address := s
	u, err := url.Parse(s)
	if err == nil && u.Scheme == "" {
		if host, _, _ := strings.Cut(s, "/"); strings.Contains(strings.Trim(host, "."), ".") {
			address = "https://" + s
			u, err = url.Parse(address)
		}
	}
	switch {
	case err != nil || strings.Contains(s, " "):
		return nil, "no web address"
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", u.Scheme == "mailto" || u.Scheme == "tel":
	default:
		return nil, "no web address"
	}
	if len(s) > maxText/2 {
		return nil, "an address longer than a cell holds"
	}
	return map[string]any{"text": s, "link": address}, ""
}

// asLocation takes "longitude,latitude".
func asLocation(v any) (any, string) {
	s, ok := one(v)
	if list, isList := v.([]string); isList && len(list) == 2 {
		s, ok = list[0]+","+list[1], true
	}
	if !ok {
		return nil, several
	}
	east, north, ok := strings.Cut(strings.ReplaceAll(s, " ", ""), ",")
	x, err1 := strconv.ParseFloat(east, 64)
	y, err2 := strconv.ParseFloat(north, 64)
	if !ok || err1 != nil || err2 != nil || !(x >= -180 && x <= 180) || !(y >= -90 && y <= 90) {
		return nil, `no place: written as "longitude,latitude" it would be one`
	}
	return strconv.FormatFloat(x, 'f', -1, 64) + "," + strconv.FormatFloat(y, 'f', -1, 64), ""
}

// asGroups takes ids of chats.
func asGroups(v any) (any, string) {
	var out []any
	for _, id := range items(v) {
		if !strings.HasPrefix(id, "oc_") || !plainID(id) {
			return nil, "no id of a chat (oc_…)"
		}
		if len(out) < maxGroups {
			out = append(out, map[string]any{"id": id})
		}
	}
	if out == nil {
		return nil, ""
	}
	return out, ""
}

// plainID reports whether s can be the id of something.
func plainID(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 100
}
