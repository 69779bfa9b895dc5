package lark

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzText: a cell is text, or it is said that it is none.
func FuzzText(f *testing.F) {
	for _, s := range []string{`"a"`, `[{"text":"a"},{"text":"b"}]`, `[{"text":null}]`, `[]`, `null`, `{"text":"a"}`, `"\ud800"`, "", "[1]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, cell []byte) {
		text, ok := Text(json.RawMessage(cell))
		if !ok && text != "" || !utf8.ValidString(text) {
			t.Errorf("%q of %q, %v", text, cell, ok)
		}
	})
}
