package sheets_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// TestValues reads back, through Google's own client, what others lose.
func TestValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(nil)
	nfd := "Nguye\u0302\u0303n Thi\u0323 Ho\u0300a"
	texts := []string{
		"0900000000", "00123", "120212345678901234", `=IMPORTXML("https://example.com","//a")`, "+84900000000", "-5", "@x", "'0123", "TRUE", "1-2", "2026-09-05", nfd, "a\nb",
	}
	var batch []pipeline.Record
	for i, v := range texts {
		batch = append(batch, record("v"+string(rune('a'+i)), map[string]any{"note": v}))
	}
	batch = append(batch, record("vz", map[string]any{"score": 12.5, "consent": false, "tags": []string{"đỏ", "xanh"}, "note": "z"}))
	store(t, s, batch...)
	// The same by way of an update.
	for i, r := range batch {
		r.ID, r.Occurred = r.ID+"-later", r.Occurred.Add(time.Minute)
		if v, ok := r.Fields["note"].(string); ok && i < len(texts) {
			r.Fields = map[string]any{"again": v}
		}
		batch[i] = r
	}
	store(t, s, batch...)
	got, err := w.client().Spreadsheets.Values.Get(bookID, "'Sheet1'!A1:Z100").ValueRenderOption("UNFORMATTED_VALUE").Do()
	if err != nil {
		t.Fatal(err)
	}
	col := func(name string) int { return header(got.Values, name) }
	for i, v := range texts {
		for _, name := range []string{"note", "again"} {
			if g := got.Values[1+i][col(name)]; g != v {
				t.Errorf("%s: stored %q, reads %v", name, v, g)
			}
		}
	}
	last := got.Values[1+len(texts)]
	if last[col("score")] != 12.5 || last[col("consent")] != false || last[col("tags")] != "đỏ, xanh" {
		t.Errorf("%v", last)
	}
	if w.Cell(bookID, gid, 4, col("note")).Formula != "" {
		t.Error("a formula is evaluated")
	}
}

// TestDates: a time is what the clock on the wall of the spreadsheet's zone shows.
func TestDates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(func(c *config.Sheets, _ *sheets.Options) {
		c.Columns = map[string]string{"Lúc": "occurred", "Hẹn": "appointment"}
	})
	r := record("d1", map[string]any{"appointment": "2026-03-04T17:30:00.5Z"}) // past midnight in Viet Nam
	r.Occurred = time.Date(2026, 3, 3, 16, 59, 59, 0, time.UTC)
	r2 := record("d2", map[string]any{"appointment": "ngày mai"})
	r2.Occurred = time.Date(2026, 3, 3, 17, 0, 0, 0, time.UTC)
	store(t, s, r, r2)
	values := w.Values(bookID, gid)
	at, meet := header(values, "Lúc"), header(values, "Hẹn")
	for _, c := range []struct {
		row, col int
		want     string
	}{{1, at, "2026-03-03 23:59:59"}, {2, at, "2026-03-04 00:00:00"}, {1, meet, "2026-03-05 00:30:01"}, {2, meet, "ngày mai"}} {
		if got := w.Cell(bookID, gid, c.row, c.col); got.Shown != c.want && got.Shown != strings.Replace(c.want, "30:01", "30:00", 1) {
			t.Errorf("row %d, column %d: shows %q, want %q", c.row, c.col, got.Shown, c.want)
		}
	}
	if v := values[2][at].(float64); math.Abs(v-46085) > 1e-6 {
		t.Errorf("midnight of 4 March is %v", v)
	}
}

// TestLongTexts are cut, and say so.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(nil)
	store(t, s,
		record("fits", map[string]any{"note": strings.Repeat("x", 50_000)}),
		record("wide", map[string]any{"note": strings.Repeat("🌾", 25_001)}),
		record("long", map[string]any{"note": strings.Repeat("ữ", 120_000)}))
	got := w.rows()
	if len(got["fits"]["note"].(string)) != 50_000 {
		t.Error("a text that fits was cut")
	}
	for _, key := range []string{"wide", "long"} {
		if v := got[key]["note"].(string); !strings.HasSuffix(v, "characters are missing]") {
			t.Errorf("%s: it ends with %q", key, v[len(v)-40:])
		}
	}
	found := false
	for _, f := range s.Check(t.Context()) {
		found = found || f.Level == pipeline.Warn && strings.Contains(f.What, "50,000")
	}
	if !found {
		t.Error("Check does not tell of texts that were cut")
	}
}
