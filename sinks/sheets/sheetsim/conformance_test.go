package sheetsim_test

import (
	"fmt"
	"testing"

	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

// TestEveryMethodThroughTheOfficialClient drives each of the 17 methods once.
func TestEveryMethodThroughTheOfficialClient(t *testing.T) {
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Trang tính1", Values: [][]any{{"Key", "Phone"}, {"a", "0900000000"}}})
	s := w.client.Spreadsheets
	const tab = "'Trang tính1'!"
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}

	made, err := s.Create(&sheets.Spreadsheet{Properties: &sheets.SpreadsheetProperties{Title: "New"}}).Do()
	check("create", err)
	if made.SpreadsheetId == "" || len(made.Sheets) != 1 || made.Sheets[0].Properties.Title != "Sheet1" || made.Properties.Title != "New" {
		t.Errorf("created %+v", made)
	}
	got, err := s.Get(bookID).Fields("sheets.properties", "properties(title,timeZone)").Do()
	check("get", err)
	if p := got.Sheets[0].Properties; p.Title != "Trang tính1" || p.GridProperties.RowCount != 1000 || got.Properties.TimeZone != "Asia/Ho_Chi_Minh" || got.SpreadsheetId != "" {
		t.Errorf("got %+v of %+v", p, got)
	}
	rep, err := s.BatchUpdate(bookID, &sheets.BatchUpdateSpreadsheetRequest{IncludeSpreadsheetInResponse: true, ResponseRanges: []string{tab + "A2:B2"}, ResponseIncludeGridData: true,
		Requests: []*sheets.Request{
			{CreateDeveloperMetadata: &sheets.CreateDeveloperMetadataRequest{DeveloperMetadata: &sheets.DeveloperMetadata{MetadataId: 7, MetadataKey: "row", MetadataValue: "a", Visibility: "DOCUMENT",
				Location: &sheets.DeveloperMetadataLocation{DimensionRange: &sheets.DimensionRange{Dimension: "ROWS", StartIndex: 1, EndIndex: 2}}}}},
			{AddSheet: &sheets.AddSheetRequest{Properties: &sheets.SheetProperties{SheetId: 5, Title: "_ledger", Hidden: true}}},
		}}).Fields("replies,updatedSpreadsheet.sheets(data.rowData.values.effectiveValue)").Do()
	check("batchUpdate", err)
	if len(rep.Replies) != 2 || rep.Replies[0].CreateDeveloperMetadata.DeveloperMetadata.MetadataId != 7 || rep.Replies[1].AddSheet.Properties.SheetId != 5 {
		t.Errorf("replies %+v", rep.Replies)
	}
	if v := rep.UpdatedSpreadsheet.Sheets[0].Data[0].RowData[0].Values[1].EffectiveValue.StringValue; v == nil || *v != "0900000000" {
		t.Errorf("updatedSpreadsheet has %v", v)
	}
	lookup := []*sheets.DataFilter{{DeveloperMetadataLookup: &sheets.DeveloperMetadataLookup{MetadataKey: "row"}}}
	by, err := s.GetByDataFilter(bookID, &sheets.GetSpreadsheetByDataFilterRequest{DataFilters: lookup, IncludeGridData: true}).Do()
	check("getByDataFilter", err)
	if d := by.Sheets[0].Data[0]; d.StartRow != 1 || len(d.RowData) != 1 || len(by.Sheets) != 1 {
		t.Errorf("by filter %+v", d)
	}
	meta, err := s.DeveloperMetadata.Get(bookID, 7).Do()
	check("developerMetadata.get", err)
	found, err := s.DeveloperMetadata.Search(bookID, &sheets.SearchDeveloperMetadataRequest{DataFilters: []*sheets.DataFilter{{DeveloperMetadataLookup: &sheets.DeveloperMetadataLookup{}}}}).Do()
	check("developerMetadata.search", err)
	if meta.MetadataValue != "a" || len(found.MatchedDeveloperMetadata) != 1 || found.MatchedDeveloperMetadata[0].DeveloperMetadata.Location.LocationType != "ROW" {
		t.Errorf("metadata %+v, found %+v", meta, found)
	}
	copied, err := s.Sheets.CopyTo(bookID, 0, &sheets.CopySheetToAnotherSpreadsheetRequest{DestinationSpreadsheetId: made.SpreadsheetId}).Do()
	check("copyTo", err)
	same(t, "copied", copied.Title, "Copy of Trang tính1")

	v := s.Values
	up, err := v.Update(bookID, tab+"A3:B3", &sheets.ValueRange{Values: [][]any{{"b", "0911111111"}}}).ValueInputOption("RAW").IncludeValuesInResponse(true).Do()
	check("values.update", err)
	if up.UpdatedCells != 2 || up.UpdatedRange != tab+"A3:B3" || fmt.Sprint(up.UpdatedData.Values) != "[[b 0911111111]]" {
		t.Errorf("updated %+v", up)
	}
	app, err := v.Append(bookID, tab+"A1", &sheets.ValueRange{Values: [][]any{{"c", 1}}}).ValueInputOption("RAW").InsertDataOption("INSERT_ROWS").Do()
	check("values.append", err)
	if app.TableRange != tab+"A1:B3" || app.Updates.UpdatedRange != tab+"A4:B4" || app.Updates.UpdatedRows != 1 {
		t.Errorf("appended %+v, %+v", app, app.Updates)
	}
	many, err := v.BatchUpdate(bookID, &sheets.BatchUpdateValuesRequest{ValueInputOption: "RAW", Data: []*sheets.ValueRange{
		{Range: tab + "D1", Values: [][]any{{"x"}}}, {Range: tab + "D2:D3", MajorDimension: "COLUMNS", Values: [][]any{{"y", "z"}}}}}).Do()
	check("values.batchUpdate", err)
	if many.TotalUpdatedCells != 3 || many.TotalUpdatedRows != 3 || many.TotalUpdatedColumns != 1 || len(many.Responses) != 2 {
		t.Errorf("batch %+v", many)
	}
	byData, err := v.BatchUpdateByDataFilter(bookID, &sheets.BatchUpdateValuesByDataFilterRequest{ValueInputOption: "RAW", IncludeValuesInResponse: true, Data: []*sheets.DataFilterValueRange{
		{DataFilter: lookup[0], Values: [][]any{{nil, "0922222222"}}}}}).Do()
	check("values.batchUpdateByDataFilter", err)
	// The answer shows all that the filter found, not only what was written.
	if r := byData.Responses[0]; r.UpdatedCells != 1 || fmt.Sprint(r.UpdatedData.Values) != "[[a 0922222222  y]]" || r.DataFilter.DeveloperMetadataLookup.MetadataKey != "row" {
		t.Errorf("by filter %+v, %+v", r, r.UpdatedData)
	}
	one, err := v.Get(bookID, tab+"A1:D").ValueRenderOption("UNFORMATTED_VALUE").Do()
	check("values.get", err)
	same(t, "read", rows(one.Values), "\"Key\" \"Phone\" \"\" \"x\"\n\"a\" \"0922222222\" \"\" \"y\"\n\"b\" \"0911111111\" \"\" \"z\"\n\"c\" 1")
	several, err := v.BatchGet(bookID).Ranges(tab+"A1:A3", tab+"D1:D3").MajorDimension("COLUMNS").Do()
	check("values.batchGet", err)
	same(t, "columns", fmt.Sprint(several.ValueRanges[0].Values, several.ValueRanges[1].Values), "[[Key a b]] [[x y z]]")
	byFilter, err := v.BatchGetByDataFilter(bookID, &sheets.BatchGetValuesByDataFilterRequest{DataFilters: lookup}).Do()
	check("values.batchGetByDataFilter", err)
	same(t, "by filter", fmt.Sprint(byFilter.ValueRanges[0].ValueRange.Values), "[[a 0922222222  y]]")
	cleared, err := v.Clear(bookID, tab+"D1:D2", &sheets.ClearValuesRequest{}).Do()
	check("values.clear", err)
	same(t, "cleared", cleared.ClearedRange, tab+"D1:D2")
	_, err = v.BatchClear(bookID, &sheets.BatchClearValuesRequest{Ranges: []string{tab + "D3", tab + "A4:B4"}}).Do()
	check("values.batchClear", err)
	_, err = v.BatchClearByDataFilter(bookID, &sheets.BatchClearValuesByDataFilterRequest{DataFilters: lookup}).Do()
	check("values.batchClearByDataFilter", err)
	same(t, "left", rows(w.Values(bookID, 0)), "\"Key\" \"Phone\"\n\n\"b\" \"0911111111\"")
	if n := len(w.Calls().ByMethod); n != 18 { // and the token
		t.Errorf("%d methods were called: %v", n, w.Calls().ByMethod)
	}
}

func TestRawAndUserEntered(t *testing.T) {
	w := newWorld(t, sheetsim.Options{Now: sheetsim.Frozen(start), AnyTime: true, NoQuotas: true})
	for _, c := range []struct {
		in      string
		value   any
		formula string
		kind    string
	}{
		{"007", 7.0, "", ""}, {"1-2", 46024.0, "", "DATE"}, {"2026-09-05", 46270.0, "", "DATE"}, {"$100.15", 100.15, "", "CURRENCY"},
		{"TRUE", true, "", ""}, {"=1+2", 3.0, "=1+2", ""}, {`=IMPORTXML("http://a.example","//a")`, "#NAME?", `=IMPORTXML("http://a.example","//a")`, ""},
		{"'0123", "0123", "", ""}, {"+84901234567", 84901234567.0, "", ""}, {"+A1", "#NAME?", "=+A1", ""}, {"-5", -5.0, "", ""}, {"@a", "@a", "", ""},
		{"12%", 0.12, "", "PERCENT"}, {"1,234.5", 1234.5, "", ""}, {"123456789012345678", 123456789012345680.0, "", ""}, {"Nguyễn", "Nguyễn", "", ""},
		{"2026-09-05 23:30:00", 46270.979166666664, "", "DATE_TIME"}, {"", nil, "", ""}, {"31/12/2026", "31/12/2026", "", ""},
	} {
		for _, mode := range []string{"RAW", "USER_ENTERED"} {
			if _, err := w.client.Spreadsheets.Values.Update(bookID, "Sheet1!A1", &sheets.ValueRange{Values: [][]any{{c.in}}}).ValueInputOption(mode).Do(); err != nil {
				t.Fatal(err)
			}
			got, want, formula, kind := w.Cell(bookID, 0, 0, 0), c.value, c.formula, c.kind
			if mode == "RAW" {
				want, formula, kind = any(c.in), "", ""
				if c.in == "" {
					want = nil
				}
			}
			if got.Value != want || got.Formula != formula || got.Type != kind {
				t.Errorf("%s of %q: %#v, formula %q, format %q; want %#v, %q, %q", mode, c.in, got.Value, got.Formula, got.Type, want, formula, kind)
			}
			if _, err := w.batch(&sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Range: &sheets.GridRange{EndRowIndex: 1, EndColumnIndex: 1}, Fields: "*"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNullLeavesACellAndEmptyTextEmptiesIt(t *testing.T) {
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: [][]any{{"a", "b", "c"}, {"d", "e", "f"}}})
	if _, err := w.client.Spreadsheets.Values.Update(bookID, "Sheet1!A1:C2", &sheets.ValueRange{Values: [][]any{{nil, "", "C"}, {"D"}}}).ValueInputOption("RAW").Do(); err != nil {
		t.Fatal(err)
	}
	same(t, "values", rows(w.Values(bookID, 0)), "\"a\" - \"C\"\n\"D\" \"e\" \"f\"")
}
