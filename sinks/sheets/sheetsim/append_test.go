package sheetsim_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

// TestTablesAreFoundAsDocumented has the probe of `sinks.md` §A1 and the example
// of the API's guide: tables at A1:C2 and B4:D6.
func TestTablesAreFoundAsDocumented(t *testing.T) {
	probe := [][]any{{1, 1}, {1, 1}, {1, 1}, {}, {}, {1, 1}, {1, 1}}
	guide := [][]any{{1, 1, 1}, {1, 1, 1}, {}, {nil, 1, 1, 1}, {nil, 1, 1, 1}, {nil, 1, 1, 1}}
	ragged := [][]any{{"x", "", "y"}}
	for _, c := range []struct {
		data            [][]any
		at, table, into string
	}{
		{probe, "Sheet1!A1", "Sheet1!A1:B3", "Sheet1!A4:B5"},
		{probe, "Sheet1!A6", "Sheet1!A6:B7", "Sheet1!A8:B9"},
		{probe, "Sheet1", "Sheet1!A6:B7", "Sheet1!A8:B9"},
		{guide, "Sheet1", "Sheet1!B4:D6", "Sheet1!B7:C8"},
		{guide, "Sheet1!C5:D5", "Sheet1!B4:D6", "Sheet1!B7:C8"},
		{guide, "Sheet1!B2:D4", "Sheet1!B4:D6", "Sheet1!B7:C8"},
		{guide, "Sheet1!A3:G10", "Sheet1!B4:D6", "Sheet1!B7:C8"},
		{guide, "Sheet1!A1", "Sheet1!A1:C2", "Sheet1!A3:B4"},
		{guide, "Sheet1!E4", "", "Sheet1!E4:F5"},
		{guide, "Sheet1!A4", "", "Sheet1!A4:B5"},
		{nil, "Sheet1", "", "Sheet1!A1:B2"},
		{nil, "Sheet1!A1:D10", "", "Sheet1!A1:B2"},
		{ragged, "Sheet1", "Sheet1!C1", "Sheet1!C2:D3"},
		{ragged, "Sheet1!A1", "Sheet1!A1", "Sheet1!A2:B3"},
	} {
		w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: c.data})
		got, err := w.client.Spreadsheets.Values.Append(bookID, c.at, &sheets.ValueRange{Values: [][]any{{"n", "n"}, {"n", "n"}}}).ValueInputOption("RAW").Do()
		if err != nil {
			t.Errorf("%s: %v", c.at, err)
			continue
		}
		if got.TableRange != c.table || got.Updates.UpdatedRange != c.into {
			t.Errorf("%v at %s: table %q, written to %q; want %q, %q", c.data, c.at, got.TableRange, got.Updates.UpdatedRange, c.table, c.into)
		}
	}
}

func TestAppendedRowsFollowEachOther(t *testing.T) {
	for _, how := range []string{"OVERWRITE", "INSERT_ROWS"} {
		w := newWorld(t, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Rows: 3, Columns: 4, Values: [][]any{{"k", "v"}}})
		for i := range 8 {
			got, err := w.client.Spreadsheets.Values.Append(bookID, "Sheet1!A1", &sheets.ValueRange{Values: [][]any{{fmt.Sprint(i), 1}, {fmt.Sprint(i), 2}}}).ValueInputOption("RAW").InsertDataOption(how).Do()
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("Sheet1!A%d:B%d", 2*i+2, 2*i+3); got.Updates.UpdatedRange != want {
				t.Errorf("%s %d: written to %s, want %s", how, i, got.Updates.UpdatedRange, want)
			}
		}
		want := map[string]int{"OVERWRITE": 17, "INSERT_ROWS": 19}[how] // INSERT_ROWS grows the grid for ever
		if tab := w.Tabs(bookID)[0]; tab.Filled != 17 || tab.Rows != want {
			t.Errorf("%s: %+v, want %d rows", how, tab, want)
		}
	}
}

func TestInsertRowsPushesDownAndOverwriteOverwrites(t *testing.T) {
	for how, want := range map[string]string{"OVERWRITE": "1\n2\n2\n2", "INSERT_ROWS": "1\n2\n2\n\n1"} {
		w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: [][]any{{1}, {}, {1}}})
		if how == "OVERWRITE" {
			w.SetCell(bookID, 0, 3, 0, 2)
		}
		_, err := w.client.Spreadsheets.Values.Append(bookID, "Sheet1!A1", &sheets.ValueRange{Values: [][]any{{2}, {2}}}).ValueInputOption("RAW").InsertDataOption(how).Do()
		if err != nil {
			t.Fatal(err)
		}
		same(t, how, rows(w.Values(bookID, 0)), want)
	}
}

// TestParallelAppendsLoseRows shows the race that a client must not run into.
func TestParallelAppendsLoseRows(t *testing.T) {
	w := newWorld(t, sheetsim.Options{AppendRace: 50 * time.Millisecond})
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := w.client.Spreadsheets.Values.Append(bookID, "Sheet1!A1", &sheets.ValueRange{Values: [][]any{{i}}}).ValueInputOption("RAW").Do(); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if n := w.Tabs(bookID)[0].Filled; n >= 10 {
		t.Errorf("all %d rows are there", n)
	}
	if n := w.MaxInFlight(bookID); n < 2 {
		t.Errorf("%d calls at once", n)
	}
	if w.Crowded(bookID) == 0 {
		t.Error("nobody crowded")
	}
}
