package sheets_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// read is what a sink reads back, by key.
func read(t *testing.T, s *sheets.Sink, since time.Time) map[string]pipeline.Record {
	t.Helper()
	out := map[string]pipeline.Record{}
	if err := s.Read(t.Context(), since, func(r pipeline.Record) error {
		if _, twice := out[r.Key]; twice {
			t.Errorf("key %q is read twice", r.Key)
		}
		out[r.Key] = r
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func same(a, b pipeline.Record) bool {
	return a.ID == b.ID && a.Key == b.Key && a.Kind == b.Kind && a.Source == b.Source &&
		a.Occurred.Equal(b.Occurred) && a.Received.Equal(b.Received) && maps.Equal(a.Fields, b.Fields)
}

// What was written is read as it was written, with what a person has made of the sheet
// meanwhile: columns moved and renamed, rows sorted, columns and rows of their own.
func TestReadGivesWhatWasWritten(t *testing.T) {
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Khách", Values: [][]any{{"Loại", "Nguồn", "Ghi chú riêng"}}})
	s := w.sink(nil)
	at := time.Date(2026, 3, 3, 16, 59, 59, 123e6, time.UTC) // before midnight there, after it here
	fields := map[string]any{"phone": "0900000000", "name": "Nguyê\u0303n", "score": 3.5, "vip": true, "note": "=IMPORTXML(1)", "number": "123456789012345678", "seen_at": at.Format(time.RFC3339Nano)}
	store(t, s, of("b", "b", 1, map[string]any{"phone": "+84900000001", "tags": []string{"a", "b"}}), of("a", "a", 0, fields))
	w.SortRows(bookID, gid, 0, false)
	w.MoveColumn(bookID, gid, 0, 3)
	head := w.Values(bookID, gid)[0]
	w.RenameHeader(bookID, gid, slices.Index(head, any("phone")), "SĐT của khách")
	w.InsertColumn(bookID, gid, 2, "Hẹn")
	w.InsertRows(bookID, gid, 1, 1)
	w.SetCell(bookID, gid, 1, 2, "of nobody")
	for r, row := range w.Values(bookID, gid) {
		if slices.Contains(row, any("0900000000")) {
			w.SetCell(bookID, gid, r, 2, 12)
		}
	}
	got := read(t, w.sink(nil), time.Time{})
	want := of("a", "a", 0, maps.Clone(fields))
	want.Fields["Hẹn"], want.Fields["seen_at"] = 12.0, at.In(time.FixedZone("", 7*3600)).Format(time.RFC3339Nano)
	if len(got) != 2 || !same(got["a"], want) {
		t.Errorf("read\n%+v, want\n%+v", got["a"], want)
	}
	if b := got["b"]; b.Fields["tags"] != "a, b" || b.Fields["phone"] != "+84900000001" || b.Fields["Hẹn"] != nil {
		t.Errorf("read %+v", b)
	}
}

// Columns that the configuration names are read as what they are for; of two columns
// of one name none is lost.
func TestReadNamedColumns(t *testing.T) {
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: [][]any{{"Mekong ID", "SĐT", "phone", "phone"}, {"by hand", "090", "091", "092"}}})
	w.conf.Columns = map[string]string{"SĐT": "phone", "Lúc": "received"}
	s := w.sink(nil)
	before := read(t, s, start)
	if r := before["by hand"]; len(before) != 1 || r.Fields["phone"] != "090" || r.Fields["phone (2)"] != "091" || r.Fields["phone (3)"] != "092" || !r.Received.IsZero() {
		t.Errorf("before anything was written: %+v", before)
	}
	store(t, s, record("a", map[string]any{"phone": "0900000000", "name": "not written"}))
	got := read(t, s, time.Time{})
	want := record("a", map[string]any{"phone": "0900000000"})
	want.Kind, want.Source = "", "" // there is no column for them
	if len(got) != 2 || !same(got["a"], want) {
		t.Errorf("read %+v", got)
	}
}

// Only what was received since then is given, from all tabs and spreadsheets that were
// written to, and no others.
func TestReadSince(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	const next = "1NextNextNext"
	w.conf.Rotate = "monthly"
	w.conf.NewSpreadsheets = []string{"https://docs.google.com/spreadsheets/d/" + next + "/edit"} // shared with nobody yet
	mem := &memory{}
	remembering := func(_ *config.Sheets, o *sheets.Options) { o.Memory = mem }
	s := w.sink(remembering)
	store(t, s, of("march", "march", 0, map[string]any{"name": "A"}))
	w.Advance(31 * 24 * time.Hour)
	april := of("april", "april", 31*24*60, map[string]any{"name": "B"})
	store(t, s, april)
	if tabs := w.Tabs(bookID); len(tabs) != 3 {
		t.Fatalf("the tabs are %+v", tabs)
	}
	other := w.sink(remembering)
	if got := slices.Sorted(maps.Keys(read(t, other, time.Time{}))); !slices.Equal(got, []string{"april", "march"}) {
		t.Errorf("read %v", got)
	}
	if got := slices.Sorted(maps.Keys(read(t, other, april.Received))); !slices.Equal(got, []string{"april"}) {
		t.Errorf("read %v", got)
	}
}

// A tab of many cells is read in pages, each key once, and a call that fails or an
// error of the reader ends it.
func TestReadPages(t *testing.T) {
	var values [][]any
	const n = 2500
	values = append(values, []any{"Mekong ID", "name"})
	for i := range n {
		values = append(values, []any{fmt.Sprint("k", i), i})
	}
	w := newWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Rows: 3000, Columns: 200, Values: values})
	s := w.sink(nil)
	before := w.Calls().Reads
	got := read(t, s, time.Time{})
	if calls := w.Calls().Reads - before; len(got) != n || calls != 1+3 {
		t.Errorf("%d rows in %d calls", len(got), calls)
	}
	if r := got["k1234"]; r.Fields["name"] != 1234.0 {
		t.Errorf("read %+v", r)
	}
	stop := errors.New("enough")
	seen := 0
	if err := s.Read(t.Context(), time.Time{}, func(pipeline.Record) error { seen++; return stop }); err != stop || seen != 1 {
		t.Errorf("after %d: %v", seen, err)
	}
	calls := 0
	broken := w.sink(w.hook(func(*http.Request) {
		if calls++; calls == 4 { // token apart: the book, two pages
			w.Unshare(bookID, email)
		}
	}))
	err := broken.Read(t.Context(), time.Time{}, func(pipeline.Record) error { return nil })
	if _, ok := pipeline.IsHold(err); !ok || !strings.Contains(err.Error(), "not shared") {
		t.Errorf("%v", err)
	}
}

// What is in a tab without a column of keys is nobody's record.
func TestReadAForeignTab(t *testing.T) {
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: [][]any{{"SĐT"}, {"0900000000"}}})
	if got := read(t, w.sink(nil), time.Time{}); len(got) != 0 {
		t.Errorf("read %+v", got)
	}
	w.conf.Spreadsheet = strings.Replace(w.conf.Spreadsheet, "gid=0", "gid=7", 1)
	if err := w.sink(nil).Read(t.Context(), time.Time{}, nil); err == nil || !strings.Contains(err.Error(), "gid 7") {
		t.Errorf("%v", err)
	}
}
