package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// unknown says what is wrong with key, which no setting of t is called, in the
// block at path, and what the operator most likely meant.
func unknown(path, key string, t reflect.Type) (what, fix string) {
	what = "unknown setting"
	var siblings []string
	for _, s := range settings(t) {
		siblings = append(siblings, s.name)
	}
	if name, _, ok := strings.Cut(key, ":"); ok && slices.Contains(siblings, name) {
		return what, fmt.Sprintf("put a space after the colon of %s:", name)
	}
	near, distance := nearest(key, siblings)
	if near != "" && distance <= 1 {
		return what, "did you mean " + near + "?"
	}
	if elsewhere := places(reflect.TypeFor[Config](), nil, key); len(elsewhere) > 0 {
		for i, p := range elsewhere {
			elsewhere[i] = concrete(p, path)
		}
		return what, fmt.Sprintf("%s belongs under %s", key, strings.Join(elsewhere, " or "))
	}
	if near != "" {
		return what, "did you mean " + near + "?"
	}
	return what, "the settings here are " + strings.Join(siblings, ", ")
}

// places lists the blocks below t, which is at path, that have a setting called
// name. A * in them stands for a name of the operator's.
func places(t reflect.Type, path []string, name string) []string {
	var out []string
	for _, s := range settings(t) {
		if s.name == name && len(path) > 0 {
			out = append(out, strings.Join(path, "."))
		}
	}
	for _, s := range settings(t) {
		inner, below := s.typ, append(slices.Clone(path), s.name)
		switch inner.Kind() {
		case reflect.Map:
			inner, below = inner.Elem(), append(below, "*")
		case reflect.Pointer:
			inner = inner.Elem()
		}
		if isBlock(inner) {
			out = append(out, places(inner, below, name)...)
		}
	}
	return out
}

// concrete puts the operator's names, as far as path has them, in the places of
// the stars of pattern: sinks.*.batch seen from sinks.crm is sinks.crm.batch.
func concrete(pattern, path string) string {
	want, have := strings.Split(pattern, "."), strings.Split(path, ".")
	along := true
	for i, w := range want {
		along = along && i < len(have) && (w == "*" || w == have[i])
		switch {
		case w == "*" && along:
			want[i] = have[i]
		case w == "*":
			want[i] = "<name>"
		}
	}
	return strings.Join(want, ".")
}

// names lists the settings of t for a message.
func names(t reflect.Type) string {
	var out []string
	for _, s := range settings(t) {
		out = append(out, s.name)
	}
	return strings.Join(out, ", ")
}

// closest returns the candidate that word is most likely a slip of, or "".
func closest(word string, candidates []string) string {
	near, _ := nearest(word, candidates)
	return near
}

// nearest is closest, with the number of slips. Case, and - for _, are no slip.
func nearest(word string, candidates []string) (near string, distance int) {
	const longest = 40 // no name of ours comes near; bounds the work
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	if len(word) > longest {
		return "", 0
	}
	distance = max(1, len(word)/3) + 1
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		if d := slips(word, strings.ReplaceAll(strings.ToLower(c), "-", "_")); d < distance {
			near, distance = c, d
		}
	}
	return near, distance
}

// slips counts the letters to add, drop, change, or swap with their neighbour
// to make b of a (optimal string alignment).
func slips(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range y {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := rows[i-1][j-1]
			if x[i-1] != y[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
