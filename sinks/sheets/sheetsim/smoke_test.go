package sheetsim_test

import (
	"fmt"
	"testing"

	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

func TestTheOfficialClientWritesAndReads(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	text, zero := "0900000000", 0.0
	rep, err := w.batch(
		&sheets.Request{AppendDimension: &sheets.AppendDimensionRequest{Dimension: "ROWS", Length: 5}},
		&sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{RowIndex: 1}, Fields: "userEnteredValue",
			Rows: []*sheets.RowData{{Values: []*sheets.CellData{{UserEnteredValue: &sheets.ExtendedValue{StringValue: &text}}, {UserEnteredValue: &sheets.ExtendedValue{NumberValue: &zero}}}}}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Replies) != 2 {
		t.Errorf("%d replies, want 2", len(rep.Replies))
	}
	got, err := w.client.Spreadsheets.Values.Get(bookID, "Sheet1!A1:B").ValueRenderOption("UNFORMATTED_VALUE").Do()
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got.Values); s != "[[] [0900000000 0]]" || got.Range != "Sheet1!A1:B1005" {
		t.Errorf("read %s of %s", s, got.Range)
	}
}
