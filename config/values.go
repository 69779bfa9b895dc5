package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 900KiB, 10MB, 1.5GiB or 1048576.
type Size int64

type sizeUnit struct {
	name  string
	bytes int64
}

// Largest first, and binary before decimal: the first that divides is printed.
var sizeUnits = []sizeUnit{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

const (
	sizePattern     = `[0-9]+(\.[0-9]+)?( ?([KMGTkmgt][Ii]?)?[Bb])?`
	durationPattern = `([0-9]+(\.[0-9]+)?d)?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))*`
)

var (
	sizeParts     = regexp.MustCompile(`^([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([A-Za-z]*)$`)
	durationParts = regexp.MustCompile(`^` + durationPattern + `$`)
	plainNumber   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

// String writes the size so that reading it gives the same number of bytes.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && u.bytes > 1 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// UnmarshalText reads a size, as YAML and JSON call it.
func (s *Size) UnmarshalText(text []byte) error {
	v, bad := parseSize(string(text))
	if bad != nil {
		return fmt.Errorf("%q %s; %s", short(string(text)), bad.what, bad.fix)
	}
	*s = v
	return nil
}

// MarshalText writes a size as [Size.String] does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func parseSize(text string) (Size, *trouble) {
	const fix = "write a number of bytes, or a number with B, KB, MB, GB, TB (thousands) or KiB, MiB, GiB, TiB (1024s)"
	m := sizeParts.FindStringSubmatch(text)
	if m == nil {
		return 0, &trouble{"is not a size", fix}
	}
	if n, err := strconv.ParseInt(m[1], 10, 64); err == nil && m[2] == "" {
		return Size(n), nil
	}
	i := slices.IndexFunc(sizeUnits, func(u sizeUnit) bool { return strings.EqualFold(u.name, m[2]) })
	switch {
	case i < 0 && len(m[2]) == 1:
		return 0, &trouble{"could mean two sizes", fmt.Sprintf("write %s%siB or %s%sB", m[1], strings.ToUpper(m[2]), m[1], strings.ToUpper(m[2]))}
	case i < 0:
		return 0, &trouble{"is not a size", fix}
	}
	// Whole numbers stay whole; a fraction is rounded to the nearest byte.
	if n, err := strconv.ParseInt(m[1], 10, 64); err == nil && n <= math.MaxInt64/sizeUnits[i].bytes {
		return Size(n * sizeUnits[i].bytes), nil
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if f *= float64(sizeUnits[i].bytes); err != nil || f >= math.MaxInt64/2 {
		return 0, &trouble{"is more bytes than anything holds", fix}
	}
	return Size(math.Round(f)), nil
}

// parseDuration reads what [time.ParseDuration] reads, without signs, and days
// (of 24 hours) before it: 30d, 1d12h.
func parseDuration(text string) (time.Duration, *trouble) {
	const fix = "write a number and a unit, such as 500ms, 20s, 10m, 24h or 30d"
	switch {
	case text == "0":
		return 0, nil
	case plainNumber.MatchString(text):
		return 0, &trouble{"has no unit", fmt.Sprintf("write %ss if you mean seconds", text)}
	case text == "" || !durationParts.MatchString(text):
		return 0, &trouble{"is not a length of time", fix}
	}
	var days float64
	rest := text
	if before, after, ok := strings.Cut(text, "d"); ok {
		var err error
		if days, err = strconv.ParseFloat(before, 64); err != nil || days > 100_000 {
			return 0, &trouble{"is too long a time", fix}
		}
		rest = after
	}
	var d time.Duration
	if rest != "" {
		var err error
		if d, err = time.ParseDuration(rest); err != nil {
			return 0, &trouble{"is too long a time", fix}
		}
	}
	if d += time.Duration(days * float64(24*time.Hour)); d < 0 {
		return 0, &trouble{"is too long a time", fix}
	}
	return d, nil
}

// formatDuration writes d the way people do: 720h rather than 720h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// setScalar reads text into v by v's type. v is unchanged when it cannot; what
// the trouble says goes on after the quoted text.
func setScalar(v reflect.Value, text string) *trouble {
	switch v.Type() {
	case durationType:
		d, bad := parseDuration(text)
		if bad == nil {
			v.SetInt(int64(d))
		}
		return bad
	case sizeType:
		n, bad := parseSize(text)
		if bad == nil {
			v.SetInt(int64(n))
		}
		return bad
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return &trouble{"is not a whole number", "write digits only"}
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return &trouble{"is not a number", "write digits, with a dot before a fraction"}
		}
		v.SetFloat(f)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return &trouble{"is neither true nor false", "write true or false"}
		}
		v.SetBool(text == "true")
	default:
		panic(fmt.Sprintf("config: no way to read a %s", v.Type()))
	}
	return nil
}

// outside says what is wrong with v by the setting's range and oneof tags.
func (s setting) outside(v reflect.Value, text string) *trouble {
	if len(s.oneof) > 0 && v.Kind() != reflect.Slice && !slices.Contains(s.oneof, text) && (text != "" || v.Kind() != reflect.String) {
		words := strings.Join(s.oneof, ", ")
		if near := closest(text, s.oneof); near != "" && v.Kind() == reflect.String {
			return &trouble{"is none of " + words, "did you mean " + near + "?"}
		}
		return &trouble{"means nothing here", "write one of " + words}
	}
	l := s.limit
	if l == nil {
		return nil
	}
	n := number(v)
	var t trouble
	switch {
	case l.hasLeast && n < l.least:
		t.what = "is too little"
	case l.hasMost && n > l.most:
		t.what = "is too much"
	default:
		return nil
	}
	switch {
	case l.hasLeast && l.hasMost:
		t.fix = "write " + l.leastText + " to " + l.mostText
	case l.hasLeast:
		t.fix = "write at least " + l.leastText
	default:
		t.fix = "write at most " + l.mostText
	}
	if s.why != "" {
		t.fix += ": " + s.why
	}
	return &t
}
