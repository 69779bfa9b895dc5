package larkbase_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// typed has a column of every type, named by it.
var typed = []larksim.Field{
	{Name: "text", Type: larksim.Text},
	{Name: "email", Type: larksim.Text, UI: "Email"},
	{Name: "barcode", Type: larksim.Text, UI: "Barcode"},
	{Name: "number", Type: larksim.Number},
	{Name: "currency", Type: larksim.Number, UI: "Currency", Property: map[string]any{"formatter": "0", "currency_code": "VND"}},
	{Name: "progress", Type: larksim.Number, UI: "Progress"},
	{Name: "rating", Type: larksim.Number, UI: "Rating", Property: map[string]any{"formatter": "0", "min": 1.0, "max": 5.0, "rating": map[string]any{"symbol": "star"}}},
	{Name: "single", Type: larksim.SingleSelect, Options: []string{"Mới", "Đã gọi"}},
	{Name: "multi", Type: larksim.MultiSelect, Options: []string{"Đỏ", "Xanh lá"}},
	{Name: "fixed", Type: larksim.SingleSelect, Options: []string{"A"}, Fixed: true},
	{Name: "date", Type: larksim.DateTime},
	{Name: "checkbox", Type: larksim.Checkbox},
	{Name: "person", Type: larksim.Person},
	{Name: "phone", Type: larksim.Phone},
	{Name: "url", Type: larksim.URL},
	{Name: "location", Type: larksim.Location},
	{Name: "group", Type: larksim.GroupChat},
	{Name: "formula", Type: larksim.Formula},
	{Name: "created", Type: larksim.CreatedTime},
	{Name: "number of its own", Type: larksim.AutoNumber},
	{Name: "attachment", Type: larksim.Attachment},
	{Name: "Mekong notes", Type: larksim.Text},
}

func typedWorld(t testing.TB) (*world, *larkbase.Sink) {
	w := newWorld(t, larksim.Options{}, typed...)
	return w, w.sink(func(c *config.LarkBase, _ *larkbase.Options) {
		c.Columns = map[string]string{}
		for _, f := range typed {
			if f.Name != "Mekong notes" {
				c.Columns[f.Name] = f.Name
			}
		}
	})
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// TestValues writes a value to a column and reads what the Base holds. Where want is
// nil the value must be left out, and what it was must stand in the notes.
func TestValues(t *testing.T) {
	t.Parallel()
	w, s := typedWorld(t)
	list := func(s ...string) []string { return s }
	for i, c := range []struct {
		column string
		value  any
		want   any
	}{
		{"text", "  giữ nguyên\n", "  giữ nguyên\n"},
		{"text", true, "true"},
		{"text", 12.5, "12.5"},
		{"text", 1e15, "1000000000000000"},
		{"text", list("một", "hai"), "một, hai"},
		{"text", "a\x00b\xff", "ab\uFFFD"},
		{"email", "a@example.com", "a@example.com"},
		{"barcode", "0012", "0012"},
		{"number", 12.5, 12.5},
		{"number", 0.0, 0.0},
		{"number", "12", 12.0},
		{"number", " -1.5 ", -1.5},
		{"number", "1.500.000", 1500000.0},
		{"number", "1,500,000", 1500000.0},
		{"number", "0.25", 0.25},
		{"number", "0900000000", nil},         // the zero would be lost
		{"number", "120212345678901234", nil}, // the last digits would
		{"number", "mười", nil},
		{"number", "1e5", nil},
		{"number", "0x10", nil},
		{"number", "Inf", nil},
		{"number", true, nil},
		{"number", list("1", "2"), nil},
		{"currency", 1500000.0, 1500000.0},
		{"currency", "1500000", 1500000.0},
		{"progress", 0.25, 0.25},
		{"progress", "25%", 0.25},
		{"rating", 3.0, 3.0},
		{"rating", "5", 5.0},
		{"rating", 9.0, nil},
		{"rating", 2.5, nil},
		{"single", "Mới", "Mới"},
		{"single", "  mới ", "Mới"}, // no second option that differs in case or spaces
		{"single", "Hủy", "Hủy"},
		{"single", list("Đã gọi"), "Đã gọi"},
		{"single", list("Mới", "Đã gọi"), nil},
		{"single", 3.0, "3"},
		{"multi", list("Đỏ", "đỏ", " Đỏ ", "", "Tím"), list("Đỏ", "Tím")},
		{"multi", "Xanh  lá", list("Xanh lá")},
		{"multi", list("xanh, lá"), list("xanh, lá")},
		{"fixed", "A", "A"},
		{"fixed", "B", nil}, // only the platform knows
		{"date", "2026-03-03T08:30:00+07:00", at("2026-03-03T01:30:00Z")},
		{"date", "2026-03-03T01:30:00.5Z", at("2026-03-03T01:30:00Z").Add(500 * time.Millisecond)},
		{"date", "2026-03-03", at("2026-03-03T00:00:00+07:00")},
		{"date", "2026-03-03 09:15", at("2026-03-03T09:15:00+07:00")},
		{"date", "03/04/2026", at("2026-04-03T00:00:00+07:00")},
		{"date", "09:15 03/04/2026", at("2026-04-03T09:15:00+07:00")},
		{"date", 1772501400.0, time.Unix(1772501400, 0).UTC()},
		{"date", 1772501400000.0, time.Unix(1772501400, 0).UTC()},
		{"date", "1772501400", time.Unix(1772501400, 0).UTC()},
		{"date", "31/02/2026", nil},
		{"date", "mai", nil},
		{"date", "0001-01-01T00:00:00Z", nil},
		{"date", 12.0, nil},
		{"date", true, nil},
		{"checkbox", true, true},
		{"checkbox", false, false},
		{"checkbox", "có", true},
		{"checkbox", "Không", false},
		{"checkbox", 1.0, true},
		{"checkbox", "có lẽ", nil},
		{"person", "ou_an", list("ou_an")},
		{"person", "AN@example.com", list("ou_an")},
		{"person", list("ou_an"), list("ou_an")},
		{"person", "nobody@example.com", nil},
		{"person", "Nguyễn Văn An", nil},
		{"person", "on_an", nil},    // of another kind than configured
		{"person", "ou_other", nil}, // another app's: only the platform knows
		{"phone", "+84900000000", "+84900000000"},
		{"phone", " (090) 000-00.00 ", "0900000000"},
		{"phone", "tel:+84900000000", "+84900000000"},
		{"phone", "gọi sau", nil},
		{"phone", strings.Repeat("1", 65), nil},
		{"url", "https://example.com/a?b=1", larksim.Link{Text: "https://example.com/a?b=1", URL: "https://example.com/a?b=1"}},
		{"url", "example.com/a", larksim.Link{Text: "example.com/a", URL: "https://example.com/a"}},
		{"url", "mailto:a@example.com", larksim.Link{Text: "mailto:a@example.com", URL: "mailto:a@example.com"}},
		{"url", "javascript:alert(1)", nil},
		{"url", "trang chủ", nil},
		{"url", "://", nil},
		{"location", "106.7, 10.78", "106.7,10.78"},
		{"location", list("106.7", "10.78"), "106.7,10.78"},
		{"location", "200,10", nil},
		{"location", "Sài Gòn", nil},
		{"location", "NaN,NaN", nil},
		{"group", "oc_abc", list("oc_abc")},
		{"group", "nhóm", nil},
	} {
		id := "value-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		store(t, s, record(id, map[string]any{c.column: c.value}))
		row := w.rows()[id]
		got, note := row[c.column], row["Mekong notes"]
		if when, ok := got.(time.Time); ok {
			got = when.UTC()
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s ← %#v: the Base holds %#v, want %#v", c.column, c.value, got, c.want)
		}
		if c.want == nil {
			text, _ := note.(string)
			if !strings.HasPrefix(text, c.column+": ") {
				t.Errorf("%s ← %#v: the notes say %q, want the column and the value", c.column, c.value, text)
			}
			if v, ok := c.value.(string); ok && !strings.Contains(text, v) {
				t.Errorf("%s ← %#v: the notes %q do not hold the value", c.column, c.value, text)
			}
		} else if note != nil {
			t.Errorf("%s ← %#v: stored, and the notes say %q", c.column, c.value, note)
		}
	}
	// What the platform fills and what no field is was never sent.
	before := w.calls(larksim.OpBatchCreate)
	store(t, s, record("ro", map[string]any{"formula": "1", "created": "2026-03-03", "number of its own": "7", "attachment": "x", "text": "y"}))
	if n := w.calls(larksim.OpBatchCreate) - before; n != 1 || w.rows()["ro"]["text"] != "y" {
		t.Errorf("read-only columns took %d calls, and the row is %v", n, w.rows()["ro"])
	}
	var opts []string
	for _, f := range w.Fields(baseID, w.table) {
		if f.Name == "multi" {
			opts = f.Options
		}
	}
	if want := list("Đỏ", "Xanh lá", "Tím", "xanh, lá"); !reflect.DeepEqual(opts, want) {
		t.Errorf("the multi select has the options %q, want %q", opts, want)
	}
}

// TestValuesLeftOut: without a column for notes a value that is left out is counted.
func TestValuesLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "name", Type: larksim.Text}, larksim.Field{Name: "score", Type: larksim.Number})
	s := w.sink(nil)
	store(t, s, record("a", map[string]any{"name": "A", "score": "cao"}), record("b", map[string]any{"name": "B", "score": "thấp"}))
	if w.rows()["a"]["name"] != "A" || w.rows()["b"]["name"] != "B" {
		t.Errorf("the rows are %v", w.rows())
	}
	found := findings(s.Check(t.Context()))
	if !strings.Contains(found, `warn sinks.crm.larkbase.columns.score: 2 values did not fit the column "score"`) || strings.Contains(found, "cao") {
		t.Errorf("Check says\n%s", found)
	}
}

func TestLongText(t *testing.T) {
	t.Parallel()
	w, s := typedWorld(t)
	store(t, s, record("long", map[string]any{"text": strings.Repeat("ữ", 100_007)}))
	got, _ := w.rows()["long"]["text"].(string)
	note, _ := w.rows()["long"]["Mekong notes"].(string)
	if n := len([]rune(got)); n != 100_000 || !strings.HasPrefix(note, "text: cut to") {
		t.Errorf("%d characters are stored, and the notes begin %.40q", n, note)
	}
}

// FuzzValues: whatever a field holds, the record is stored and its key found.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"", "1", "true", "2026-03-03", "0900000000", "a@example.com", "https://[", "ou_an", "106,10", "\x00\xff", "oc_", "1.5.6", "-", "%", "A,B", strings.Repeat("9", 70)} {
		f.Add(seed, 1.5, true)
	}
	w, s := typedWorld(f)
	f.Fuzz(func(t *testing.T, text string, n float64, list bool) {
		fields := map[string]any{}
		for _, c := range typed {
			fields[c.Name] = text
			if list {
				fields[c.Name] = []string{text, "", text}
			}
		}
		fields["text"], fields["date"] = n, n
		out := s.Write(context.Background(), []pipeline.Record{record("fuzz", fields)})
		if err := out[0].Err; err != nil && (n == n && n-n == 0 || !pipeline.IsPermanent(err)) {
			t.Errorf("not stored: %v", err)
		}
		_ = w
	})
}

func findings(found []pipeline.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.Level.String() + " " + f.Setting + ": " + f.What)
		if f.Fix != "" {
			b.WriteString(" → " + f.Fix)
		}
		b.WriteString("\n")
	}
	return b.String()
}
