package sheets

import (
	"math/rand/v2"
	"strconv"

	api "google.golang.org/api/sheets/v4"
)

// The requests of a batchUpdate. A zero sheetId is a tab's, and must not be left out
// as Go's zero values are; a zero index may be.

func columnsOf(t *tab, from, to int64) *api.DimensionRange {
	return &api.DimensionRange{SheetId: t.gid, Dimension: "COLUMNS", StartIndex: from, EndIndex: to, ForceSendFields: []string{"SheetId", "StartIndex"}}
}

func rowsFrom(t *tab, from, to int64) *api.DimensionRange {
	return &api.DimensionRange{SheetId: t.gid, Dimension: "ROWS", StartIndex: from, EndIndex: to, ForceSendFields: []string{"SheetId", "StartIndex"}}
}

func coordinate(t *tab, row, column int64) *api.GridCoordinate {
	return &api.GridCoordinate{SheetId: t.gid, RowIndex: row, ColumnIndex: column, ForceSendFields: []string{"SheetId", "RowIndex", "ColumnIndex"}}
}

func tagColumn(t *tab, at int64, key, value string) request {
	return &plain{CreateDeveloperMetadata: &api.CreateDeveloperMetadataRequest{DeveloperMetadata: &api.DeveloperMetadata{
		MetadataKey: key, MetadataValue: value, Visibility: "DOCUMENT",
		Location: &api.DeveloperMetadataLocation{DimensionRange: columnsOf(t, at, at+1)},
	}}}
}

// untag takes away the tags of rows that this sink has made in a tab, and at first all
// that a process before it may have left. Those of another one that writes at the same
// time must stay: it finds its rows by them.
func (s *Sink) untag(t *tab) request {
	mark := s.mark
	if at := t.book.id + " " + itoa(t.gid); !s.swept[at] {
		s.swept[at], mark = true, ""
	}
	t.anchored = true
	return &plain{DeleteDeveloperMetadata: &api.DeleteDeveloperMetadataRequest{DataFilter: &api.DataFilter{DeveloperMetadataLookup: &api.DeveloperMetadataLookup{
		MetadataKey: rowTag, MetadataValue: mark, LocationType: "ROW", LocationMatchingStrategy: "INTERSECTING_LOCATION",
		MetadataLocation: &api.DeveloperMetadataLocation{SheetId: t.gid, ForceSendFields: []string{"SheetId"}},
	}}}}
}

func formatDates(t *tab, at int64) request {
	return &plain{RepeatCell: &api.RepeatCellRequest{
		Range:  &api.GridRange{SheetId: t.gid, StartRowIndex: 1, StartColumnIndex: at, EndColumnIndex: at + 1, ForceSendFields: []string{"SheetId", "StartColumnIndex"}},
		Cell:   &api.CellData{UserEnteredFormat: &api.CellFormat{NumberFormat: &api.NumberFormat{Type: "DATE_TIME", Pattern: dateFormat}}},
		Fields: "userEnteredFormat.numberFormat",
	}}
}

func insertRows(t *tab, at, n int64) request {
	return &plain{InsertDimension: &api.InsertDimensionRequest{
		Range: rowsFrom(t, at, at+n),
		// Below the header its format is not wanted.
		InheritFromBefore: at > 1,
	}}
}

func appendRows(t *tab, n int64) request {
	return &plain{AppendDimension: &api.AppendDimensionRequest{SheetId: t.gid, Dimension: "ROWS", Length: n, ForceSendFields: []string{"SheetId"}}}
}

func moveRow(t *tab, from, before int64) request {
	return &plain{MoveDimension: &api.MoveDimensionRequest{Source: rowsFrom(t, from, from+1), DestinationIndex: before, ForceSendFields: []string{"DestinationIndex"}}}
}

// newID is an id for metadata or a tab: positive, and of 31 bits.
func newID() int64 { return 1 + int64(rand.Int32N(1<<31-2)) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// anyAt reports whether an answer shows anything in a row.
func anyAt(got *api.Spreadsheet, gid, row int64) bool {
	for _, sh := range got.Sheets {
		if sh == nil || sh.Properties == nil || sh.Properties.SheetId != gid {
			continue
		}
		for _, d := range sh.Data {
			if d == nil || row < d.StartRow || row >= d.StartRow+int64(len(d.RowData)) || d.RowData[row-d.StartRow] == nil {
				continue
			}
			for _, c := range d.RowData[row-d.StartRow].Values {
				if text(c) != nil {
					return true
				}
			}
		}
	}
	return false
}
