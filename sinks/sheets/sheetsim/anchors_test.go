package sheetsim_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

func anchor(key, dim string, gid, at int64) *sheets.Request {
	l := &sheets.DeveloperMetadataLocation{DimensionRange: &sheets.DimensionRange{SheetId: gid, Dimension: dim, StartIndex: at, EndIndex: at + 1}}
	switch dim {
	case "":
		l = &sheets.DeveloperMetadataLocation{SheetId: gid, ForceSendFields: []string{"SheetId"}}
	case "BOOK":
		l = &sheets.DeveloperMetadataLocation{Spreadsheet: true}
	}
	return &sheets.Request{CreateDeveloperMetadata: &sheets.CreateDeveloperMetadataRequest{DeveloperMetadata: &sheets.DeveloperMetadata{MetadataKey: key, MetadataValue: "v", Visibility: "DOCUMENT", Location: l}}}
}

func TestMetadataFollowsWhatItHangsOn(t *testing.T) {
	w := newWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Rows: 10, Columns: 5, Values: [][]any{{"h", "i"}, {3, "c"}, {1, "a"}, {2, "b"}}})
	if _, err := w.batch(anchor("row", "ROWS", 0, 3), anchor("column", "COLUMNS", 0, 1), anchor("tab", "", 0, 0), anchor("book", "BOOK", 0, 0)); err != nil {
		t.Fatal(err)
	}
	dims := func(kind string, from, to int64) *sheets.DimensionRange {
		return &sheets.DimensionRange{Dimension: kind, StartIndex: from, EndIndex: to}
	}
	for _, c := range []struct {
		what string
		do   func() error
		want string // row, column
	}{
		{"insert above", func() error { w.InsertRows(bookID, 0, 1, 2); return nil }, "5 1"},
		{"insert below", func() error { w.InsertRows(bookID, 0, 6, 2); return nil }, "5 1"},
		{"delete above", func() error { w.DeleteRows(bookID, 0, 1, 1); return nil }, "4 1"},
		{"insert a column", func() error { w.InsertColumn(bookID, 0, 0, "mine"); return nil }, "4 2"},
		{"move the column to the left", func() error { w.MoveColumn(bookID, 0, 2, 0); return nil }, "4 0"},
		{"move another over it", func() error { w.MoveColumn(bookID, 0, 2, 0); return nil }, "4 1"},
		{"and back", func() error { w.MoveColumn(bookID, 0, 0, 3); return nil }, "4 0"},
		{"move the row by request", func() error {
			_, err := w.batch(&sheets.Request{MoveDimension: &sheets.MoveDimensionRequest{Source: dims("ROWS", 4, 5), DestinationIndex: 1}})
			return err
		}, "1 0"},
		{"insert by request", func() error {
			_, err := w.batch(&sheets.Request{InsertDimension: &sheets.InsertDimensionRequest{Range: dims("ROWS", 1, 3), InheritFromBefore: true}})
			return err
		}, "3 0"},
		{"sort by the text", func() error { w.SortRows(bookID, 0, 0, false); return nil }, "2 0"},
		{"rename the header", func() error { w.RenameHeader(bookID, 0, 0, "else"); return nil }, "2 0"},
		{"delete the column", func() error { w.DeleteColumn(bookID, 0, 0); return nil }, "2 -"},
		{"delete the row", func() error {
			_, err := w.batch(&sheets.Request{DeleteDimension: &sheets.DeleteDimensionRequest{Range: dims("ROWS", 2, 3)}})
			return err
		}, "- -"},
	} {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		row, column, others := "-", "-", 0
		for _, m := range w.Metadata(bookID) {
			switch {
			case m.Key == "row":
				row = fmt.Sprint(m.Row)
			case m.Key == "column":
				column = fmt.Sprint(m.Column)
			default:
				others++
			}
		}
		if got := row + " " + column; got != c.want || others != 2 {
			t.Errorf("%s: at %s with %d others, want %s with 2; values\n%s", c.what, got, others, c.want, rows(w.Values(bookID, 0)))
		}
	}
	w.AddTab(bookID, sheetsim.Tab{Title: "More", GID: 9})
	w.DeleteTab(bookID, 0)
	if m := w.Metadata(bookID); len(m) != 1 || m[0].Key != "book" {
		t.Errorf("left after the tab: %+v", m)
	}
}

func TestMetadataLimitsUpdatesAndIDs(t *testing.T) {
	w := newWorld(t, sheetsim.Options{NoQuotas: true})
	big := anchor("k", "", 0, 0)
	big.CreateDeveloperMetadata.DeveloperMetadata.MetadataValue = strings.Repeat("a", 29_999)
	if _, err := w.batch(big); err != nil {
		t.Fatal(err)
	}
	_, err := w.batch(anchor("one", "ROWS", 0, 1))
	refusal(t, "past 30,000 on the sheet", err, 400, "limit of 30000 characters")
	if _, err = w.batch(anchor("one", "BOOK", 0, 0)); err != nil {
		t.Errorf("the spreadsheet has room of its own: %v", err)
	}
	all := []*sheets.DataFilter{{DeveloperMetadataLookup: &sheets.DeveloperMetadataLookup{MetadataKey: "k"}}}
	rep, err := w.batch(&sheets.Request{UpdateDeveloperMetadata: &sheets.UpdateDeveloperMetadataRequest{DataFilters: all, DeveloperMetadata: &sheets.DeveloperMetadata{MetadataValue: "small"}, Fields: "metadataValue"}})
	if err != nil || len(rep.Replies[0].UpdateDeveloperMetadata.DeveloperMetadata) != 1 {
		t.Fatalf("update: %v, %+v", err, rep)
	}
	fixed := anchor("x", "COLUMNS", 0, 2)
	fixed.CreateDeveloperMetadata.DeveloperMetadata.MetadataId = 77
	if _, err = w.batch(fixed); err != nil {
		t.Fatal(err)
	}
	_, err = w.batch(put(0, 0, 0, cells(text("a"))), fixed)
	refusal(t, "a used id", err, 400, "Invalid requests[1].createDeveloperMetadata: DeveloperMetadata with id 77 already exists.")
	if v := w.Values(bookID, 0); len(v) != 0 {
		t.Errorf("the fence let %v through", v)
	}
	rep, err = w.batch(&sheets.Request{DeleteDeveloperMetadata: &sheets.DeleteDeveloperMetadataRequest{DataFilter: &sheets.DataFilter{DeveloperMetadataLookup: &sheets.DeveloperMetadataLookup{LocationType: "COLUMN"}}}})
	if err != nil || len(rep.Replies[0].DeleteDeveloperMetadata.DeletedDeveloperMetadata) != 1 || len(w.Metadata(bookID)) != 2 {
		t.Errorf("delete: %v, %+v", err, w.Metadata(bookID))
	}
}

// TestFencesAreRefusedTheSecondTime is `sinks.md` §A5's once-only request.
func TestFencesAreRefusedTheSecondTime(t *testing.T) {
	w := newWorld(t, sheetsim.Options{NoQuotas: true})
	for name, fence := range map[string]*sheets.Request{
		"addNamedRange":     {AddNamedRange: &sheets.AddNamedRangeRequest{NamedRange: &sheets.NamedRange{NamedRangeId: "batch1", Name: "batch1", Range: &sheets.GridRange{EndRowIndex: 1, EndColumnIndex: 1}}}},
		"addProtectedRange": {AddProtectedRange: &sheets.AddProtectedRangeRequest{ProtectedRange: &sheets.ProtectedRange{ProtectedRangeId: 5, WarningOnly: true, Range: &sheets.GridRange{EndRowIndex: 1}}}},
		"addSheet":          {AddSheet: &sheets.AddSheetRequest{Properties: &sheets.SheetProperties{SheetId: 5, Title: "fence"}}},
	} {
		row := &sheets.Request{AppendCells: &sheets.AppendCellsRequest{Rows: []*sheets.RowData{cells(text(name))}, Fields: "userEnteredValue"}}
		if _, err := w.batch(row, fence); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before := w.Tabs(bookID)[0].Filled
		_, err := w.batch(row, fence)
		refusal(t, name, err, 400, "already exists")
		if n := w.Tabs(bookID)[0].Filled; n != before {
			t.Errorf("%s: %d rows, want %d", name, n, before)
		}
	}
	if _, err := w.client.Spreadsheets.Values.Get(bookID, "batch1").Do(); err != nil {
		t.Errorf("a named range is a range: %v", err)
	}
	_, err := w.batch(&sheets.Request{DeleteNamedRange: &sheets.DeleteNamedRangeRequest{NamedRangeId: "batch1"}}, &sheets.Request{DeleteProtectedRange: &sheets.DeleteProtectedRangeRequest{ProtectedRangeId: 5}})
	if err != nil {
		t.Errorf("clean-up: %v", err)
	}
}

func TestUpdateCellsByStartAndByRange(t *testing.T) {
	data := [][]any{{"a", "b", "c"}, {"d", "e", "f"}}
	for what, c := range map[string]struct {
		q    *sheets.UpdateCellsRequest
		want string
	}{
		"start":    {&sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{}, Rows: []*sheets.RowData{cells(text("A"))}, Fields: "userEnteredValue"}, "\"A\" \"b\" \"c\"\n\"d\" \"e\" \"f\""},
		"range":    {&sheets.UpdateCellsRequest{Range: &sheets.GridRange{EndRowIndex: 2, EndColumnIndex: 2}, Rows: []*sheets.RowData{cells(text("A"))}, Fields: "userEnteredValue"}, "\"A\" - \"c\"\n- - \"f\""},
		"no value": {&sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{}, Rows: []*sheets.RowData{cells(&sheets.CellData{})}, Fields: "userEnteredValue"}, "- \"b\" \"c\"\n\"d\" \"e\" \"f\""},
		"no mask":  {&sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{}, Rows: []*sheets.RowData{cells(text("A"))}, Fields: "note"}, "\"a\" \"b\" \"c\"\n\"d\" \"e\" \"f\""},
	} {
		w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: data})
		if _, err := w.batch(&sheets.Request{UpdateCells: c.q}); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		same(t, what, rows(w.Values(bookID, 0)), c.want)
	}
}
