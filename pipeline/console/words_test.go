package console

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"mekong/pipeline"
	"mekong/pipeline/bus"
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

// Keys that are put together where they are used have words for whatever comes.
func TestEveryStateHasWords(t *testing.T) {
	for kind, names := range map[string][]string{
		"state.":       {stateIdle, stateFlowing, stateBehind, stateOff, stateHeld, statePaused},
		"column.":      {string(ColumnFilled), string(ColumnMade), string(ColumnRenamed), string(ColumnMissing), string(ColumnUnfit), string(ColumnUnknown)},
		"case.":        {caseFinding, caseErasing},
		"sinks.done.":  {"held", "released", "stands"},
		"forget.done.": {"noted", "answered"},
		"place.":       {string(bus.Deliveries), string(bus.Records), string(bus.Graves), string(bus.Refused)},
		"level.":       {pipeline.OK.String(), pipeline.Warn.String(), pipeline.Fail.String()},
		"did.": {"signed in", "signed out", "replayed", "dropped", "exported", "held", "released", "tested", "noted a request", "answered a request",
			"exported evidence", "forgot", "replayed history", "imported", "repaired"},
	} {
		for _, name := range names {
			if w := words[kind+name]; w.vi == "" || w.en == "" {
				t.Errorf("%s%s is not said in both languages", kind, name)
			}
		}
	}
	for _, s := range leadStates {
		if w := words["step."+string(s)]; w.vi == "" || w.en == "" {
			t.Errorf("step.%s is not said in both languages", s)
		}
	}
}
