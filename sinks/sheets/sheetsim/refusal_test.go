package sheetsim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

// TestRefusals holds each row of `sinks.md` §A3 that a request can bring about.
func TestRefusals(t *testing.T) {
	w := newWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Title: "Sheet1"}, sheetsim.Tab{Title: "Small", GID: 3, Rows: 5, Columns: 3}, sheetsim.Tab{Title: "Big", GID: 4, Rows: 900_000, Columns: 10})
	w.AddSpreadsheet("office", "Book.xlsx", sheetsim.SheetOptions{Office: true})
	w.Share("office", writer, sheetsim.Writer)
	w.AddSpreadsheet("other", "Theirs", sheetsim.SheetOptions{})
	w.AddSpreadsheet("looked", "Read only", sheetsim.SheetOptions{})
	w.Share("looked", writer, sheetsim.Reader)
	w.ProtectRange(bookID, 3, 0, 1, 0, -1, "owner@example.com")
	v := w.client.Spreadsheets.Values
	get := func(id, r string) error { _, err := v.Get(id, r).Do(); return err }
	update := func(id, r string, values ...[]any) error {
		_, err := v.Update(id, r, &sheets.ValueRange{Values: values}).ValueInputOption("RAW").Do()
		return err
	}
	do := func(r ...*sheets.Request) error { _, err := w.batch(r...); return err }
	long := strings.Repeat("a", 50_001)
	for _, c := range []struct {
		what string
		err  error
		code int
		says string
	}{
		{"not shared", get("other", "A1"), 403, "The caller does not have permission"},
		{"a reader writes", update("looked", "A1", []any{"x"}), 403, "The caller does not have permission"},
		{"unknown", get("nothing", "A1"), 404, "Requested entity was not found."},
		{"office", get("office", "A1"), 400, "The document must not be an Office file."},
		{"no such tab", get(bookID, "'NoSuch'!A1:B2"), 400, "Unable to parse range: 'NoSuch'!A1:B2"},
		{"four letters", get(bookID, "Sheet1!AAAA1"), 400, "Unable to parse range"},
		{"read past the grid", get(bookID, "Sheet1!A5000:B5001"), 400, "Range (Sheet1!A5000:B5001) exceeds grid limits. Max rows: 1000, max columns: 26"},
		{"write past the grid", update(bookID, "Small!A6", []any{"x"}), 400, "Range (Small!A6) exceeds grid limits. Max rows: 5, max columns: 3"},
		{"rows past the grid", update(bookID, "Small!A5", []any{"x"}, []any{"y"}), 400, "exceeds grid limits"},
		{"array longer than range", update(bookID, "Small!A2:C3", []any{"x"}, []any{"x"}, []any{"x"}), 400, "Requested writing within range [Small!A2:C3], but tried writing to row [4]"},
		{"long cell", update(bookID, "Sheet1!A1", []any{long}), 400, "Your input contains more than the maximum of 50000 characters in a single cell."},
		{"a list in a cell", update(bookID, "Sheet1!A1", []any{[]any{1}}), 400, "Invalid values[0][0]: list_value"},
		{"long typed cell", do(put(0, 0, 0, cells(text(long)))), 400, "Invalid requests[0].updateCells: Your input contains more than"},
		{"past the columns", do(put(0, 0, 25, cells(text("a"), text("b")))), 400, "Invalid requests[0].updateCells: Attempting to write column: 26, beyond the last requested column of: 25"},
		{"cells", do(&sheets.Request{AppendDimension: &sheets.AppendDimensionRequest{SheetId: 4, Dimension: "ROWS", Length: 100_000}}), 400, "above the limit of 10000000 cells"},
		{"columns", do(&sheets.Request{AppendDimension: &sheets.AppendDimensionRequest{SheetId: 3, Dimension: "COLUMNS", Length: 18_276}}), 400, "increase the number of columns in the sheet above the limit of 18278 columns"},
		{"same title", do(&sheets.Request{AddSheet: &sheets.AddSheetRequest{Properties: &sheets.SheetProperties{Title: "Small"}}}), 400, "Invalid requests[0].addSheet: A sheet with the name \"Small\" already exists. Please enter another name."},
		{"same gid", do(&sheets.Request{AddSheet: &sheets.AddSheetRequest{Properties: &sheets.SheetProperties{SheetId: 3, Title: "X"}}}), 400, "Sheet with id 3 already exists"},
		{"no such gid", do(put(99, 0, 0, cells(text("a")))), 400, "No grid with id: 99"},
		{"protected", do(put(3, 0, 0, cells(text("a")))), 400, "protected cell"},
		{"protected values", update(bookID, "Small!A1", []any{"a"}), 400, "protected cell"},
		{"nothing asked", do(), 400, "Must specify at least one request."},
		{"an empty request", do(&sheets.Request{}), 400, "Invalid requests[0]: No request set."},
		{"no mask", do(&sheets.Request{UpdateCells: &sheets.UpdateCellsRequest{Start: &sheets.GridCoordinate{}}}), 400, "At least one field must be listed"},
		{"beyond the simulator", do(&sheets.Request{DeleteDuplicates: &sheets.DeleteDuplicatesRequest{Range: &sheets.GridRange{EndRowIndex: 1}}}), 501, "sheetsim does not simulate Request.deleteDuplicates"},
		{"no input option", func() error { _, err := v.Update(bookID, "A1", &sheets.ValueRange{}).Do(); return err }(), 400, "'valueInputOption' is required"},
		{"a mask without sense", func() error { _, err := w.client.Spreadsheets.Get(bookID).Fields("sheets.colour").Do(); return err }(), 400, "sheets.colour"},
	} {
		refusal(t, c.what, c.err, c.code, c.says)
	}
	if n := w.Tabs(bookID); len(n) != 3 || n[0].Filled != 0 {
		t.Errorf("something was done: %+v", n)
	}
	if err := update(bookID, "Sheet1!A1", []any{strings.Repeat("ế", 50_000)}); err != nil {
		t.Errorf("50,000 characters: %v", err)
	}
}

func TestUnknownNamesAreRefusedAsGoogleDoes(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	token := w.token()
	for _, c := range []struct{ body, says, field string }{
		{`{"requests":[{"addSheet":{}, "x":1}]}`, `Invalid JSON payload received. Unknown name \"x\" at 'requests[0]': Cannot find field.`, "requests[0]"},
		{`{"request":[]}`, `Invalid JSON payload received. Unknown name \"request\": Cannot find field.`, ""},
		{`{"requests":[{"appendCells":{"rows":[{"values":[{}]},{"values":[{"userEnteredValue":{"text":"a"}}]}]}}]}`, `Unknown name \"text\" at 'requests[0].append_cells.rows[1].values[0].user_entered_value'`, "requests[0].append_cells.rows[1].values[0].user_entered_value"},
		{`{"requests":[{"updateCells":{"start":{"sheetId":"a"}}}]}`, `Invalid value at 'requests[0].update_cells.start.sheet_id' (TYPE_INT32)`, "requests[0].update_cells.start.sheet_id"},
		{`{"requests":{}}`, `Invalid value at 'requests'`, "requests"},
		{`{"requests":[`, `Invalid JSON payload received.`, ""},
	} {
		code, body := w.send("POST", "/v4/spreadsheets/"+bookID+":batchUpdate", token, c.body)
		if code != 400 || !strings.Contains(body, c.says) || !strings.Contains(body, `"type.googleapis.com/google.rpc.BadRequest"`) || !strings.Contains(body, `"field": "`+c.field) && c.field != "" {
			t.Errorf("%s: %d %s", c.body, code, body)
		}
	}
	if code, body := w.send("GET", "/v4/spreadsheets/"+bookID+"?colour=1", token, ""); code != 400 || !strings.Contains(body, "Cannot bind query parameter") {
		t.Errorf("unknown parameter: %d %s", code, body)
	}
	if code, body := w.send("GET", "/v4/spreadsheet/"+bookID, token, ""); code != 404 || !strings.Contains(body, "<html") {
		t.Errorf("unknown path: %d %s", code, body)
	}
}

// TestScopesAndProjects are the 401 and 403 that say what to do.
func TestScopesAndProjects(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	readonly := w.service(w.key, sheets.SpreadsheetsReadonlyScope)
	if _, err := readonly.Spreadsheets.Values.Get(bookID, "A1").Do(); err != nil {
		t.Errorf("reading with the scope to read: %v", err)
	}
	_, err := readonly.Spreadsheets.Values.Update(bookID, "A1", &sheets.ValueRange{Values: [][]any{{1}}}).ValueInputOption("RAW").Do()
	refusal(t, "writing with it", err, 403, "Request had insufficient authentication scopes.")
	detail(t, err, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "google.apps.sheets.v4.SpreadsheetsService.UpdateValues")
	_, err = readonly.Spreadsheets.DeveloperMetadata.Search(bookID, &sheets.SearchDeveloperMetadataRequest{}).Do()
	refusal(t, "metadata needs more", err, 403, "insufficient authentication scopes")
	file := w.service(w.key, sheets.DriveFileScope)
	_, err = file.Spreadsheets.Get(bookID).Do()
	refusal(t, "a file of somebody else", err, 404, "not found")
	w.OpenWith(bookID, writer)
	if _, err = file.Spreadsheets.Get(bookID).Do(); err != nil {
		t.Errorf("a file that was picked: %v", err)
	}
	w.DisableAPI(sheetsim.ProjectOf(writer))
	_, err = w.client.Spreadsheets.Get(bookID).Do()
	refusal(t, "disabled", err, 403, "Google Sheets API has not been used in project "+sheetsim.ProjectOf(writer))
	detail(t, err, "SERVICE_DISABLED", "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project="+sheetsim.ProjectOf(writer))
	w.EnableAPI(sheetsim.ProjectOf(writer))
	w.ExpireTokens()
	_, err = w.client.Spreadsheets.Get(bookID).Do()
	refusal(t, "expired", err, 401, "Request had invalid authentication credentials.")
	w.Unshare(bookID, writer)
	_, err = w.service(w.key).Spreadsheets.Get(bookID).Do()
	refusal(t, "unshared", err, 403, "The caller does not have permission")
	w.Share(bookID, sheetsim.Anyone, sheetsim.Reader)
	if _, err = w.service(w.key).Spreadsheets.Get(bookID).Do(); err != nil {
		t.Errorf("a link for everybody: %v", err)
	}
}

// detail looks for an ErrorInfo with a reason and a value of its metadata.
func detail(t *testing.T, err error, reason, value string) {
	t.Helper()
	var g *googleapi.Error
	if !errors.As(err, &g) || len(g.Details) == 0 {
		t.Errorf("no details in %v", err)
		return
	}
	info, _ := g.Details[0].(map[string]any)
	meta, _ := info["metadata"].(map[string]any)
	for _, v := range meta {
		if v == value && info["reason"] == reason {
			return
		}
	}
	t.Errorf("details %v have no %s with %s", g.Details, reason, value)
}

func TestErrorStyles(t *testing.T) {
	w := newWorld(t, sheetsim.Options{})
	for style, want := range map[sheetsim.ErrorStyle][2]bool{{}: {true, false}, {Plain: true}: {false, false}, {Array: true}: {true, true}, {Plain: true, Array: true}: {false, true}} {
		w.SetErrorStyle(style)
		_, body := w.send("GET", "/v4/spreadsheets/none", w.token(), "")
		if got := [2]bool{strings.Contains(body, `"errors"`), strings.HasPrefix(body, "[")}; got != want || !strings.Contains(body, `"status": "NOT_FOUND"`) {
			t.Errorf("%+v: %s", style, body)
		}
		_, err := w.client.Spreadsheets.Get("none").Do()
		refusal(t, fmt.Sprintf("%+v", style), err, 404, "Requested entity was not found.")
	}
}
