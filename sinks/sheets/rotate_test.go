package sheets_test

import (
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// TestMonthly: every month has a tab with the same header, and a row of the month
// before is still found.
func TestMonthly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Khách", Values: [][]any{{"SĐT", "Họ tên", "Người gọi"}}})
	s := w.sink(func(c *config.Sheets, _ *sheets.Options) { c.Rotate = "monthly" })
	store(t, s, record("a", map[string]any{"phone": "0900000000", "name": "An"}))
	w.Advance(31 * 24 * time.Hour)
	out := store(t, s, record("b", map[string]any{"phone": "0900000001"}), of("a2", "a", 60*24*32, map[string]any{"name": "An An"}))
	tabs := w.Tabs(bookID)
	if len(tabs) != 3 || tabs[0].Title != "Khách" || tabs[1].Title != "Khách 2026-04" {
		t.Fatalf("%+v", tabs)
	}
	byName := map[string]sheetsim.TabView{}
	for _, tab := range tabs {
		byName[tab.Title] = tab
	}
	march, april := byName["Khách 2026-03"], byName["Khách 2026-04"]
	if got := w.rowsIn(bookID, march.GID); len(got) != 1 || got["a"]["Họ tên"] != "An An" {
		t.Errorf("March: %v", got)
	}
	if got := w.rowsIn(bookID, april.GID); len(got) != 1 || got["b"]["SĐT"] != "0900000001" {
		t.Errorf("April: %v", got)
	}
	if a, b := w.Values(bookID, march.GID)[0], w.Values(bookID, april.GID)[0]; header([][]any{b}, "Người gọi") < 0 || len(a) != len(b) {
		t.Errorf("the header of April is %v, that of March %v", b, a)
	}
	if april.FrozenRows != 1 || len(april.HiddenColumns) != 1 {
		t.Errorf("%+v", april)
	}
	if !strings.Contains(out[0].Ref, "#gid=") || !strings.HasPrefix(out[0].Ref, host+"/spreadsheets/d/"+bookID+"/edit") {
		t.Errorf("Ref is %q", out[0].Ref)
	}
	if err := s.Forget(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if got := w.rowsIn(bookID, march.GID); len(got) != 0 {
		t.Errorf("after Forget: %v", got)
	}
	// Another process goes on where this one is.
	store(t, w.sink(func(c *config.Sheets, _ *sheets.Options) { c.Rotate = "monthly" }), record("c", nil))
	if n := len(w.Tabs(bookID)); n != 3 {
		t.Errorf("%d tabs", n)
	}
}

// TestFull: a spreadsheet without room is followed by the next, and without one the
// operator is told; nothing is lost.
func TestFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Khách", Rows: 1000, Columns: 10}, sheetsim.Tab{Title: "Cũ", GID: 5, Rows: 998_999, Columns: 10})
	mem := &memory{}
	next := "https://docs.google.com/spreadsheets/d/2Next/edit"
	open := func(links ...string) *sheets.Sink {
		return w.sink(func(c *config.Sheets, o *sheets.Options) { c.NewSpreadsheets, o.Memory = links, mem })
	}
	s := open()
	store(t, s, record("a", map[string]any{"name": "An"}))
	batch := leads(0, 3)
	for _, o := range s.Write(t.Context(), batch) {
		if _, held := pipeline.IsHold(o.Err); !held || sheets.As(o.Err) == nil || sheets.As(o.Err).Class != sheets.Full {
			t.Fatalf("%v", o.Err)
		}
	}
	warned := false
	for _, f := range s.Check(t.Context()) {
		warned = warned || f.Setting == "sinks.sales.sheets.new_spreadsheets" && strings.Contains(f.Fix, "new_spreadsheets")
	}
	if !warned {
		t.Error("Check does not tell of the spreadsheet that is full")
	}
	w.AddSpreadsheet("2Next", "Tiếp", sheetsim.SheetOptions{}, sheetsim.Tab{Title: "Trang tính1"})
	w.Share("2Next", email, sheetsim.Writer)
	s = open(next)
	for range 2 {
		s.Write(t.Context(), batch)
		w.Advance(time.Second)
	}
	s = open(next) // and again, after a restart
	store(t, s, again(batch...)...)
	store(t, s, of("a2", "a", 9, map[string]any{"name": "An An"}))
	if got := w.rowsIn("2Next", 0); len(got) != 3 {
		t.Errorf("the next spreadsheet: %v", got)
	}
	if got := w.rows(); len(got) != 1 || got["a"]["name"] != "An An" {
		t.Errorf("the full one: %v", got)
	}
}
