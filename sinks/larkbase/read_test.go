package larkbase_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// read is what a sink reads back, by key.
func read(t *testing.T, s *larkbase.Sink, since time.Time) map[string]pipeline.Record {
	t.Helper()
	out := map[string]pipeline.Record{}
	if err := s.Read(t.Context(), since, func(r pipeline.Record) error {
		if _, twice := out[r.Key]; twice {
			t.Errorf("key %q is read twice", r.Key)
		}
		out[r.Key] = r
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// put writes to a row by a person's hand; "" is a new one.
func (w *world) put(id string, values map[string]any) {
	w.t.Helper()
	if _, err := w.PutRow(baseID, w.table, id, values); err != nil {
		w.t.Fatal(err)
	}
}

// What was written is read with its fields and times, also after columns were renamed,
// and a person's own columns beside it.
func TestReadGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{},
		larksim.Field{Name: "Họ tên", Type: larksim.Text}, larksim.Field{Name: "Số điện thoại", Type: larksim.Phone},
		larksim.Field{Name: "score", Type: larksim.Number}, larksim.Field{Name: "vip", Type: larksim.Checkbox},
		larksim.Field{Name: "seen_at", Type: larksim.DateTime}, larksim.Field{Name: "product", Type: larksim.MultiSelect},
		larksim.Field{Name: "Nguồn", Type: larksim.SingleSelect}, larksim.Field{Name: "Đường dẫn", Type: larksim.URL},
		larksim.Field{Name: "number", Type: larksim.Text}, larksim.Field{Name: "who", Type: larksim.Person},
		larksim.Field{Name: "Loại", Type: larksim.Text}, larksim.Field{Name: "Ghi chú riêng", Type: larksim.Text}, larksim.Field{Name: "No.", Type: larksim.AutoNumber})
	mem := &memory{}
	remembering := func(_ *config.LarkBase, o *larkbase.Options) { o.Memory = mem }
	at := time.Date(2026, 3, 3, 23, 59, 59, 123e6, start.Location())
	fields := map[string]any{
		"name": "Nguyê\u0303n", "phone": "0900000000", "score": 3.5, "vip": true, "seen_at": at.Format(time.RFC3339Nano),
		"product": []string{"A", "B"}, "link": "https://example.com/a", "number": "123456789012345678", "who": "ou_an",
	}
	store(t, w.sink(remembering), of("a", "a", 0, fields), of("b", "b", 1, map[string]any{"name": "B"}))
	w.RenameField(baseID, w.table, "Họ tên", "Khách của tôi")
	for _, r := range w.Rows(baseID, w.table) {
		if r.Fields["Mekong ID"] == "a" {
			w.put(r.ID, map[string]any{"Ghi chú riêng": "gọi lại"})
		}
	}
	w.put("", map[string]any{"Khách của tôi": "of nobody"})
	got := read(t, w.sink(remembering), time.Time{})
	want := maps.Clone(fields)
	want["Ghi chú riêng"], want["who"] = "gọi lại", "Nguyễn Văn An"
	a := got["a"]
	no := a.Fields["No."]
	delete(a.Fields, "No.")
	if len(got) != 2 || no == nil || !reflect.DeepEqual(a.Fields, want) {
		t.Errorf("read %d rows, %v\n%+v, want\n%+v", len(got), no, a.Fields, want)
	}
	if r := of("a", "a", 0, nil); a.ID != "a" || a.Kind != "lead" || a.Source != "landing" || !a.Occurred.Equal(r.Occurred) || !a.Received.Equal(r.Received) {
		t.Errorf("read %+v", a)
	}
	if got := slices.Collect(maps.Keys(read(t, w.sink(remembering), start.Add(time.Minute)))); !slices.Equal(got, []string{"b"}) {
		t.Errorf("since a minute later: %v", got)
	}
}

// A table of a person's making, with named columns, is read as far as it goes; nothing
// is made or written.
func TestReadNamedColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Mekong ID", Type: larksim.Text}, larksim.Field{Name: "SĐT", Type: larksim.Text},
		larksim.Field{Name: "phone", Type: larksim.Text}, larksim.Field{Name: "Lúc", Type: larksim.DateTime})
	w.put("", map[string]any{"Mekong ID": "k", "SĐT": "090", "phone": "091", "Lúc": start.UnixMilli()})
	before := w.calls()
	got := read(t, w.sink(func(c *config.LarkBase, _ *larkbase.Options) {
		c.Columns, c.CreateColumns = map[string]string{"SĐT": "phone", "Lúc": "received", "Thiếu": "name"}, true
	}), start)
	if r := got["k"]; len(got) != 1 || r.Fields["phone"] != "090" || r.Fields["phone (2)"] != "091" || !r.Received.Equal(start) {
		t.Errorf("read %+v", got)
	}
	if n := w.calls() - before; n != 2 {
		t.Errorf("%d calls for one page", n)
	}
}

func TestReadPagesAndTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, larksim.Field{Name: "name", Type: larksim.Text})
	w.conf.Rotate = "monthly"
	s := w.sink(nil)
	var batch []pipeline.Record
	for i := range 1100 {
		batch = append(batch, record(fmt.Sprint("k", i), map[string]any{"name": fmt.Sprint(i)}))
	}
	store(t, s, batch...)
	w.Advance(31 * 24 * time.Hour)
	store(t, s, of("later", "later", 31*24*60, map[string]any{"name": "x"}))
	got := read(t, w.sink(nil), time.Time{})
	if len(got) != 1101 || got["k1099"].Fields["name"] != "1099" || got["later"].Fields["name"] != "x" {
		t.Errorf("%d rows", len(got))
	}
	stop, seen := errors.New("enough"), 0
	if err := s.Read(t.Context(), time.Time{}, func(pipeline.Record) error { seen++; return stop }); err != stop || seen != 1 {
		t.Errorf("after %d: %v", seen, err)
	}
	w.Grant(appID, baseID, larksim.NoRole)
	err := w.sink(nil).Read(t.Context(), time.Time{}, nil)
	if _, ok := pipeline.IsHold(err); !ok || !strings.Contains(err.Error(), "91403") {
		t.Errorf("%v", err)
	}
}
