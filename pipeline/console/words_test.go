package console

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var said = regexp.MustCompile(`say "([a-z][a-zA-Z. ]*)"`)
var saidInGo = regexp.MustCompile(`(?:say\(|Wrong: |StatusForbidden, |StatusServiceUnavailable, |StatusInternalServerError, |StatusNotFound, |StatusBadRequest, )"([a-z][a-zA-Z. ]*)"`)

// built are the beginnings of keys that are put together where they are used.
var built = []string{"tab.", "state.", "level.", "lang.", "did.", "cause.", "step.", "buried.", "chart.flow.", "chart.waits.", "sinks.done.", "column.", "forget.done.", "case.", "place."}

func TestEveryWordIsThereInBothLanguagesAndUsed(t *testing.T) {
	used := map[string]bool{}
	for _, pattern := range []string{"templates/*.html", "*.go"} {
		files, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			finder := said
			if strings.HasSuffix(file, ".go") {
				finder = saidInGo
			}
			for _, m := range finder.FindAllStringSubmatch(string(text), -1) {
				used[m[1]] = true
				if _, ok := words[m[1]]; !ok && !strings.HasSuffix(m[1], ".") {
					t.Errorf("%s says %q, which there are no words for", file, m[1])
				}
			}
		}
	}
	for key, w := range words {
		if w.vi == "" || w.en == "" {
			t.Errorf("%s is not said in both languages", key)
		}
		if verbs(w.vi) != verbs(w.en) {
			t.Errorf("%s is filled differently in the two languages", key)
		}
		put := false
		for _, b := range built {
			put = put || strings.HasPrefix(key, b)
		}
		if !used[key] && !put {
			t.Errorf("%s is said nowhere", key)
		}
	}
}

var verb = regexp.MustCompile(`%[sd]`)

func verbs(s string) string { return strings.Join(verb.FindAllString(s, -1), "") }
