package sheets_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"mekong/sinks/sheets/sheetsim"
)

// A second writer has read the tab while it was empty, and comes when the first one has
// made the header and rows, and the number of its first fence is free again.
func TestAnEmptyTabIsBegunOnce(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	first := w.sink(nil)
	begun := false
	second := w.sink(w.hook(func(r *http.Request) {
		if begun || !strings.HasSuffix(r.URL.Path, ":batchUpdate") {
			return
		}
		begun = true
		store(t, first, record("a", map[string]any{"name": "A"}))
		store(t, first, record("b", map[string]any{"name": "B"}))
	}))
	batch := again(record("a", map[string]any{"name": "A"}), record("c", map[string]any{"name": "C"}))
	for range 5 {
		done := true
		for _, o := range second.Write(t.Context(), batch) {
			done = done && o.Err == nil
		}
		if done {
			break
		}
	}
	if !begun {
		t.Fatal("the second writer has changed nothing")
	}
	if rows := w.rows(); len(rows) != 3 || rows["a"] == nil || rows["b"] == nil || rows["c"] == nil {
		t.Errorf("the rows are %v", rows)
	}
	var heads []string
	for _, v := range w.Values(bookID, gid)[0] {
		head, _ := v.(string)
		if head != "" && slices.Contains(heads, head) {
			t.Errorf("there are two columns %q: %q", head, w.Values(bookID, gid)[0])
		}
		heads = append(heads, head)
	}
}
