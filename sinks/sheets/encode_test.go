package sheets

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
)

// texts are what tells a careless encoder from a good one.
var texts = []string{
	"", "a", `"`, `\`, "\n\r\t", "\x00\x01\x1f\x7f", "</script>&", "\u2028\u2029", "Nguyễn Thị Hòa", "🌾", "\xff\xfe", "a\xc3", "\xed\xa0\x80", strings.Repeat("ữ\n", 1000),
}

func FuzzText(f *testing.F) {
	for _, s := range texts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := textTo(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q is written as %q: %v", s, b, err)
		}
		want := strings.ToValidUTF8(s, "\uFFFD")
		if got != want {
			t.Errorf("%q reads %q", want, got)
		}
		if len(b) != textSize(want)+2 {
			t.Errorf("%q: %d bytes were expected between the quotes, and it is %q", want, textSize(want), b)
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, n := range []float64{0, 1, -1, 0.1, 1e-6, 1e-7, 1e20, 1e21, 123456789012345678, 46085.5, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1)} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n float64) {
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return // no record holds such a number, see takable
		}
		b := numberTo(nil, n)
		want, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var got, same float64
		if json.Unmarshal(b, &got) != nil || json.Unmarshal(want, &same) != nil || got != same {
			t.Errorf("%v is written as %s, and Go's encoder writes %s", n, b, want)
		}
	})
}

// TestCells: the cells of new rows are those that Google's own types would say, one by
// one, in runs between which a person's columns lie.
func TestCells(t *testing.T) {
	col := func(i int64) *column { return &column{index: i} }
	tb := &tab{gid: 7, key: col(0), version: col(5)}
	newRow := func(key string, cells ...placed) *row { return &row{key: key, ver: "v " + key, cells: cells} }
	rows := []*row{
		newRow("a", placed{c: col(1), v: "x"}, placed{c: col(2), v: 1.5}, placed{c: col(4), v: true}),
		newRow("b"),
		newRow("c", placed{c: col(2), v: false}),
		newRow(`d"`, placed{c: col(1), v: ""}, placed{c: col(7), v: 0.0}, placed{c: col(9), v: "ữ"}),
	}
	body, err := batchTo(nil, cellsOf(tb, 12, rows), []string{"'a'!1:1", `'"'!2:2`})
	if err != nil {
		t.Fatal(err)
	}
	var got api.BatchUpdateSpreadsheetRequest
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	text := func(s string) *api.CellData {
		return &api.CellData{UserEnteredValue: &api.ExtendedValue{StringValue: &s}}
	}
	number := func(n float64) *api.CellData {
		return &api.CellData{UserEnteredValue: &api.ExtendedValue{NumberValue: &n}}
	}
	truth := func(b bool) *api.CellData { return &api.CellData{UserEnteredValue: &api.ExtendedValue{BoolValue: &b}} }
	none := &api.CellData{}
	line := func(cells ...*api.CellData) *api.RowData { return &api.RowData{Values: cells} }
	put := func(column int64, rows ...*api.RowData) *api.Request {
		return &api.Request{UpdateCells: &api.UpdateCellsRequest{Start: &api.GridCoordinate{SheetId: 7, RowIndex: 12, ColumnIndex: column}, Rows: rows, Fields: "userEnteredValue"}}
	}
	want := api.BatchUpdateSpreadsheetRequest{
		IncludeSpreadsheetInResponse: true, ResponseRanges: []string{"'a'!1:1", `'"'!2:2`},
		Requests: []*api.Request{
			put(0, line(text("a"), text("x"), number(1.5)), line(text("b")), line(text("c"), none, truth(false)), line(text(`d"`), text(""))),
			put(4, line(truth(true), text("v a")), line(none, text("v b")), line(none, text("v c")), line(none, text(`v d"`))),
			put(7, line(), line(), line(), line(number(0))),
			put(9, line(), line(), line(), line(text("ữ"))),
		},
	}
	a, errA := json.Marshal(&got)
	b, errB := json.Marshal(&want)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

// TestSerial: days are counted as spreadsheets do, as far as their years go.
func TestSerial(t *testing.T) {
	saigon := time.FixedZone("", 7*3600)
	for _, c := range []struct {
		at   time.Time
		want float64
	}{
		{time.Date(1899, 12, 31, 17, 0, 0, 0, time.UTC), 2},
		{time.Date(2026, 3, 3, 16, 59, 59, 0, time.UTC), 46084 + 86399.0/86400},
		{time.Date(2026, 3, 3, 17, 0, 0, 0, time.UTC), 46085},
		{time.Date(2191, 12, 31, 17, 0, 0, 0, time.UTC), 106653},
		{time.Date(2192, 12, 31, 17, 0, 0, 0, time.UTC), 107019},
		{time.Date(2500, 1, 1, 0, 0, 0, 0, saigon), 219148},
		{time.Date(9998, 12, 31, 12, 0, 0, 0, saigon), 2958100.5},
	} {
		got := serial(c.at, saigon)
		if math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v is %v, want %v", c.at, got, c.want)
		}
		if back, ok := moment(got, saigon); !ok || !back.Equal(c.at) {
			t.Errorf("%v comes back as %v", c.at, back)
		}
	}
}

// TestVersionOrder: the text order of versions is the order of their times.
func TestVersionOrder(t *testing.T) {
	at := time.Date(2026, 3, 3, 9, 30, 0, 5, time.UTC)
	early, late := version(&pipeline.Record{ID: "b", Occurred: at, Received: at}), version(&pipeline.Record{ID: "a", Occurred: at, Received: at.Add(1)})
	if early >= late || !isVersion(early) || early != "2026-03-03T09:30:00.000000005Z 2026-03-03T09:30:00.000000005Z b" {
		t.Errorf("%q, %q", early, late)
	}
}
