package bench

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
)

// bare appends n rows with Google's client alone, one batch after the other. The cells
// are made before, so that nothing but the client and the spreadsheet is in the time.
func (b *books) bare(ctx context.Context, n int) (vendorLeg, error) {
	book, _ := b.Book()
	records, err := b.records(n + 1)
	if err != nil {
		return vendorLeg{}, err
	}
	columns := []string{keyColumn, "Mekong version"}
	for name := range SheetColumns() {
		columns = append(columns, name)
	}
	slices.Sort(columns[2:])
	head := &api.RowData{}
	for _, name := range columns {
		head.Values = append(head.Values, cellOf(name))
	}
	rows := make([]*api.RowData, len(records))
	for i := range records {
		rows[i] = rowData(columns, &records[i])
	}
	t, err := b.account().Token(ctx)
	if err != nil {
		return vendorLeg{}, errNoToken
	}
	c, err := api.NewService(ctx, option.WithEndpoint(b.Endpoint), option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{
		Base: &http.Transport{}, Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: t.Value.Reveal()}),
	}}))
	if err != nil {
		return vendorLeg{}, err
	}
	add := func(rows ...*api.RowData) error {
		_, err := c.Spreadsheets.BatchUpdate(book, &api.BatchUpdateSpreadsheetRequest{Requests: []*api.Request{{
			AppendCells: &api.AppendCellsRequest{Rows: rows, Fields: "userEnteredValue", ForceSendFields: []string{"SheetId"}},
		}}}).Context(ctx).Do()
		return err
	}
	if err := add(head, rows[0]); err != nil {
		return vendorLeg{}, err
	}
	b.Count(book, keyColumn)
	busy := clean()
	began := time.Now()
	for batch := range slices.Chunk(rows[1:], sheetBatch) {
		if err := add(batch...); err != nil {
			return vendorLeg{}, err
		}
	}
	return b.counted(book, n, time.Since(began), busy)
}

// rowData is what the sink writes for a record.
func rowData(columns []string, r *pipeline.Record) *api.RowData {
	row := &api.RowData{Values: make([]*api.CellData, len(columns))}
	row.Values[0] = cellOf(r.Key)
	row.Values[1] = cellOf(r.Occurred.Format(time.RFC3339Nano) + " " + r.Received.Format(time.RFC3339Nano) + " " + r.ID)
	for i, column := range columns[2:] {
		field := SheetColumns()[column]
		v := r.Fields[field]
		if list, ok := v.([]string); ok {
			v = strings.Join(list, ", ")
		}
		if field == "received" && v == nil {
			v = float64(r.Received.UnixMilli())/(24*60*60*1000) + 25569 // days since 1899-12-30
		}
		row.Values[i+2] = cellOf(v)
	}
	return row
}

func cellOf(v any) *api.CellData {
	switch v := v.(type) {
	case string:
		return &api.CellData{UserEnteredValue: &api.ExtendedValue{StringValue: &v}}
	case float64:
		return &api.CellData{UserEnteredValue: &api.ExtendedValue{NumberValue: &v}}
	}
	return &api.CellData{}
}
