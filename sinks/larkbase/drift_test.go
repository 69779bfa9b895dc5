package larkbase_test

import (
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

var mapped = map[string]string{"Họ tên": "name", "Số điện thoại": "phone"}

func explicit(c *config.LarkBase, _ *larkbase.Options) { c.Columns = mapped }

// isHeld demands that all of batch is held, with words that say what to do.
func (w *world) isHeld(s *larkbase.Sink, batch []pipeline.Record, words ...string) {
	w.t.Helper()
	for i, o := range s.Write(w.t.Context(), batch) {
		if _, ok := pipeline.IsHold(o.Err); !ok {
			w.t.Errorf("record %s: got %v, want a Hold", batch[i].ID, o.Err)
			continue
		}
		for _, word := range words {
			if !strings.Contains(o.Err.Error(), word) {
				w.t.Errorf("the Hold %q does not say %q", o.Err, word)
			}
		}
	}
}

// TestRenamed: a column keeps its field whatever it is called, here and after a
// restart.
func TestRenamed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.LarkBase, *larkbase.Options){"explicit": explicit, "by name": func(*config.LarkBase, *larkbase.Options) {}} {
		w := newWorld(t, larksim.Options{}, nameAndPhone...)
		m := &memory{}
		open := func() *larkbase.Sink {
			return w.sink(func(c *config.LarkBase, o *larkbase.Options) { change(c, o); o.Memory = m })
		}
		s := open()
		store(t, s, record("a", map[string]any{"name": "An", "phone": "0900000001"}))
		w.RenameField(baseID, w.table, "Họ tên", "Quý danh")
		w.RenameField(baseID, w.table, "Mekong ID", "Mã")
		w.RenameField(baseID, w.table, "Mekong version", "Bản")
		w.ResetCalls()
		store(t, s, record("b", map[string]any{"name": "Bình", "phone": "0900000002"}))
		if n := w.calls(); n != 3 { // the refusal, the columns, the write
			t.Errorf("%s: a renamed column cost %d calls: %v", name, n, w.Calls())
		}
		store(t, s, of("a2", "a", 1, map[string]any{"name": "Ân"}))
		store(t, open(), record("c", map[string]any{"name": "Chi"}))
		got := map[string]string{}
		for _, r := range w.Rows(baseID, w.table) {
			got[r.Fields["Mã"].(string)] = r.Fields["Quý danh"].(string)
		}
		if len(got) != 3 || got["a"] != "Ân" || got["b"] != "Bình" || got["c"] != "Chi" {
			t.Errorf("%s: the rows are %v", name, got)
		}
	}
}

// TestRenamedAndMade: a column that is made beside a renamed one does not make the
// sink forget that.
func TestRenamedAndMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.CreateColumns = true })
	store(t, s, record("a", map[string]any{"name": "An"}))
	w.RenameField(baseID, w.table, "Họ tên", "Quý danh")
	store(t, s, record("b", map[string]any{"name": "Bình", "mới": "1", "mới nữa": "2"}))
	// A look-up by the old name of the key column is answered by its new one.
	w.RenameField(baseID, w.table, "Mekong ID", "Mã")
	w.Advance(3 * time.Minute)
	store(t, s, again(record("b", map[string]any{"name": "Bình", "phone": "0900000000"}))...)
	var rows []map[string]any
	for _, r := range w.Rows(baseID, w.table) {
		rows = append(rows, r.Fields)
	}
	if len(rows) != 2 || rows[1]["Quý danh"] != "Bình" || rows[1]["mới nữa"] != "2" || rows[1]["name"] != nil || rows[1]["Số điện thoại"] != "0900000000" {
		t.Errorf("the rows are %v", rows)
	}
}

// TestVanished: a column that is gone holds, says so, and what waited goes on when it
// is there again.
func TestVanished(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.LarkBase, *larkbase.Options){"explicit": explicit, "by name": nil} {
		w := newWorld(t, larksim.Options{}, nameAndPhone...)
		s := w.sink(change)
		store(t, s, record("a", map[string]any{"name": "An", "phone": "0900000001"}))
		w.RemoveField(baseID, w.table, "Số điện thoại")
		batch := []pipeline.Record{record("b", map[string]any{"name": "Bình", "phone": "0900000002"})}
		w.isHeld(s, batch, "make")
		w.isHeld(s, again(batch...), "make")
		w.AddField(baseID, w.table, larksim.Field{Name: "Số điện thoại", Type: larksim.Text})
		store(t, s, again(batch...)...)
		if row := w.rows()["b"]; row["Số điện thoại"] != "0900000002" {
			t.Errorf("%s: the row is %v", name, row)
		}
	}
	// With create_columns it is made again.
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.Columns, c.CreateColumns = mapped, true })
	store(t, s, record("a", map[string]any{"name": "An", "phone": "0900000001"}))
	w.RemoveField(baseID, w.table, "Số điện thoại")
	store(t, s, record("b", map[string]any{"name": "Bình", "phone": "0900000002"}))
	if row := w.rows()["b"]; row["Số điện thoại"] != "0900000002" {
		t.Errorf("the row is %v", row)
	}
}

// TestMissingColumn is wrong from the start.
func TestMissingColumn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Họ tên", Type: larksim.Text})
	s := w.sink(explicit)
	batch := leads("a", 2)
	w.isHeld(s, batch, `"Số điện thoại"`, "create_columns")
	w.AddField(baseID, w.table, larksim.Field{Name: "Số  điện thoại ", Type: larksim.Phone}) // spaces that nobody sees
	store(t, s, again(batch...)...)
	if row := w.rows()["a-0001"]; row["Số  điện thoại "] != "0900000001" {
		t.Errorf("the row is %v", row)
	}
}

// TestTypeChanged: the type a column has now is what counts.
func TestTypeChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, append([]larksim.Field{{Name: "score", Type: larksim.Text}}, nameAndPhone...)...)
	s := w.sink(nil)
	store(t, s, record("a", map[string]any{"name": "An", "score": "12"}))
	w.Advance(2 * time.Minute)
	w.RemoveField(baseID, w.table, "score")
	w.AddField(baseID, w.table, larksim.Field{Name: "score", Type: larksim.Number})
	store(t, s, record("b", map[string]any{"name": "Bình", "score": "12"}))
	if row := w.rows()["b"]; row["score"] != 12.0 {
		t.Errorf("the row is %v", row)
	}
}

// TestOwnColumnDeleted: the sink's own columns are made again.
func TestOwnColumnDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, of("a", "row", 5, map[string]any{"name": "An"}))
	w.RemoveField(baseID, w.table, "Mekong version")
	w.Advance(time.Hour)
	store(t, s, of("b", "row", 6, map[string]any{"name": "Ân"}))
	if row := w.rows()["row"]; row["Họ tên"] != "Ân" || row["Mekong version"] == nil {
		t.Errorf("the row is %v", row)
	}
	// One of another type is nobody's to change but the operator's.
	w = newWorld(t, larksim.Options{}, append([]larksim.Field{{Name: "Mekong ID", Type: larksim.Number}}, nameAndPhone...)...)
	w.isHeld(w.sink(nil), leads("a", 1), "Mekong ID", "Text")
}

// TestTableDeleted holds, and goes on in the table that is put in its place.
func TestTableDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.Table = "Leads" })
	store(t, s, leads("a", 1)...)
	w.RemoveTable(baseID, w.table)
	batch := leads("b", 2)
	w.isHeld(s, batch, "table")
	w.isHeld(s, again(batch...), "no such table")
	w.table = w.AddTable(baseID, "Leads", nameAndPhone...)
	store(t, s, again(batch...)...)
	if n := len(w.rows()); n != 2 {
		t.Errorf("%d rows", n)
	}
	// By its id it is the link that has to change.
	w = newWorld(t, larksim.Options{}, nameAndPhone...)
	s = w.sink(nil)
	store(t, s, leads("a", 1)...)
	w.RemoveTable(baseID, w.table)
	w.isHeld(s, batch, "url")
}

// TestNewColumn: a column that suits a field is found within a while.
func TestNewColumn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, record("a", map[string]any{"name": "An", "email": "a@example.com"}))
	w.AddField(baseID, w.table, larksim.Field{Name: "Thư điện tử", Type: larksim.Text})
	w.Advance(6 * time.Minute)
	store(t, s, record("b", map[string]any{"name": "Bình", "email": "b@example.com"}))
	if row := w.rows()["b"]; row["Thư điện tử"] != "b@example.com" {
		t.Errorf("the row is %v", row)
	}
}

// TestMadeColumns have the type that fits, and are made once though lists lag.
func TestMadeColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Text", Type: larksim.Text})
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.CreateColumns = true })
	w.deliver(s, []pipeline.Record{record("a", map[string]any{
		"name": "An", "phone": "+84900000000", "email": "a@example.com", "link": "https://example.com/x", "score": 1.0, "price": 1.5,
		"consent": true, "tags": []string{"a"}, "consent_at": "2026-03-03T01:30:00Z", "Ghi chú": "gọi lại", "empty": "", "none": nil,
		strings.Repeat("dài", 60): "x",
	})})
	want := map[string]int{
		"Text": larksim.Text, "Mekong ID": larksim.Text, "Mekong version": larksim.Text, "name": larksim.Text, "phone": larksim.Phone, "email": larksim.Text,
		"link": larksim.URL, "score": larksim.Number, "price": larksim.Number, "consent": larksim.Checkbox, "tags": larksim.MultiSelect,
		"consent_at": larksim.DateTime, "Ghi chú": larksim.Text,
	}
	got := map[string]int{}
	for _, f := range w.Fields(baseID, w.table) {
		if _, twice := got[f.Name]; twice {
			t.Errorf("the column %q was made twice", f.Name)
		}
		got[f.Name] = f.Type
		if f.Name == "email" && f.UI != "Email" {
			t.Errorf("email shows as %s", f.UI)
		}
	}
	for name, kind := range want {
		if got[name] != kind {
			t.Errorf("the column %q is of type %d, want %d", name, got[name], kind)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the columns are %v", got)
	}
	// A value that does not fit makes the column for notes.
	w.deliver(s, []pipeline.Record{record("b", map[string]any{"score": "cao"})})
	if row := w.rows()["b"]; row["Mekong notes"] != "score: no number, or one that a number column would change: cao" {
		t.Errorf("the row is %v", row)
	}
}

// TestSchemaLag: a column that lists do not show yet is not made twice.
func TestSchemaLag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{SchemaLag: 4 * time.Second}, larksim.Field{Name: "Text", Type: larksim.Text})
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.CreateColumns = true })
	w.deliver(s, leads("a", 2))
	names := map[string]bool{}
	for _, f := range w.Fields(baseID, w.table) {
		if names[f.Name] {
			t.Errorf("the column %q was made twice", f.Name)
		}
		names[f.Name] = true
	}
	if n := len(w.rows()); n != 2 || !names["name"] || !names["phone"] {
		t.Errorf("%d rows, columns %v", n, names)
	}
}

// TestStrangersNames: who fills in forms does not fill the table with columns.
func TestStrangersNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Text", Type: larksim.Text})
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.CreateColumns = true })
	fields := map[string]any{}
	for i := range 600 {
		fields[strings.Repeat("x", 1+i%80)+strings.Repeat("y", i/80)] = "v"
	}
	store(t, s, record("a", fields))
	if n := len(w.Fields(baseID, w.table)); n > 210 {
		t.Errorf("%d columns", n)
	}
	store(t, s, record("b", map[string]any{"Text": "còn chỗ"}))
}

func TestNameClash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Khách hàng", Type: larksim.Text}, larksim.Field{Name: "name", Type: larksim.Text})
	s := w.sink(nil)
	store(t, s, record("a", map[string]any{"name": "An", "khach_hang": "Công ty"}))
	if row := w.rows()["a"]; row["name"] != "An" || row["Khách hàng"] != "Công ty" {
		t.Errorf("the row is %v", row)
	}
}

// TestOfTheRecord: what a record has beside its fields can be mapped, too.
func TestOfTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Nguồn", Type: larksim.SingleSelect}, larksim.Field{Name: "Ngày nhận", Type: larksim.DateTime}, larksim.Field{Name: "Lúc", Type: larksim.Text})
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) {
		c.Columns = map[string]string{"Nguồn": "source", "Ngày nhận": "received", "Lúc": "occurred"}
	})
	store(t, s, record("a", nil))
	row := w.rows()["a"]
	if when, _ := row["Ngày nhận"].(time.Time); row["Nguồn"] != "landing" || !when.Equal(start.Add(time.Second)) || row["Lúc"] != "2026-03-03T09:30:00+07:00" {
		t.Errorf("the row is %v", row)
	}
}
