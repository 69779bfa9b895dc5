package sheets_test

import (
	"testing"

	"mekong/sinks/sheets/sheetsim"
)

// A look at the sheet tells the writer nothing: what another process has written since
// is found out when the fence refuses, and no key becomes two rows.
func TestALookLeavesTheFenceAlone(t *testing.T) {
	w := newWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Title: "Khách"})
	one, two := w.sink(nil), w.sink(nil)
	b := record("b", map[string]any{"name": "B"})
	store(t, one, record("a", map[string]any{"name": "A"}))
	store(t, two, b)
	one.Check(t.Context())
	store(t, one, b)
	if rows := w.rows(); len(rows) != 2 {
		t.Errorf("rows: %v", rows)
	}
}
