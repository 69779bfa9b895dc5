package sheetsim_test

import (
	"fmt"
	"testing"

	"google.golang.org/api/sheets/v4"

	"mekong/sinks/sheets/sheetsim"
)

// BenchmarkRows writes batches of 500 rows of 12 columns to the end of a tab, as a
// sink does: one atomic request that grows the grid and fills it. It says how many
// rows a second the simulator and the official client manage together.
func BenchmarkRows(b *testing.B) {
	const batch = 500
	w := newBenchWorld(b)
	rows := make([]*sheets.RowData, batch)
	for i := range rows {
		rows[i] = cells(text(fmt.Sprintf("key-%d", i)), text("0900000000"), text("Nguyễn Văn An"), number(float64(i)), text("a@example.com"), text("một ghi chú dài hơn một chút"),
			number(46270.5), text("facebook"), text("x"), text(""), text("y"), text("z"))
	}
	at := int64(1)
	for b.Loop() {
		_, err := w.batch(&sheets.Request{AppendDimension: &sheets.AppendDimensionRequest{Dimension: "ROWS", Length: batch}}, put(0, at, 0, rows...))
		if err != nil {
			b.Fatal(err)
		}
		at += batch
	}
	b.ReportMetric(float64(at)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkReadColumn reads one column of 100,000 rows.
func BenchmarkReadColumn(b *testing.B) {
	w := newBenchWorld(b)
	for b.Loop() {
		v, err := w.client.Spreadsheets.Values.Get(bookID, "Full!A1:A").ValueRenderOption("UNFORMATTED_VALUE").Do()
		if err != nil || len(v.Values) != 100_000 {
			b.Fatal(err)
		}
	}
}

func newBenchWorld(b *testing.B) *world {
	full := make([][]any, 100_000)
	for i := range full {
		full[i] = []any{fmt.Sprintf("key-%d", i), "0900000000", float64(i)}
	}
	return newWorld(b, sheetsim.Options{NoQuotas: true}, sheetsim.Tab{Columns: 12}, sheetsim.Tab{Title: "Full", GID: 1, Rows: 100_000, Columns: 12, Values: full})
}
