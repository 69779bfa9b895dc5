package sinktest

import (
	"fmt"
	"reflect"
	"strings"

	"mekong/pipeline"
)

// The names of every field the suite writes. A name is what a customer typed
// into a form builder, so it may hold anything a keyboard has.
var fieldNames = []string{
	"name", "phone", "note", "score", "consent", "tags", "ad_id", "empty",
	"full name", "Họ và tên", "utm.source", "$price", "a.$b", "50%", "%2E", "🌾", "0",
}

// oddNames are those of them that are no plain identifiers.
var oddNames = fieldNames[8:]

var valueCases = []contract{
	{name: "every type of value", try: func(x *trial) {
		for i, v := range []any{
			"Nguyễn Thị Hồng Nhung", // composed
			"Đặng Thu Hà 🌾 👩‍🌾",     // beyond the basic plane, with joiners
			"một\nhai\r\nba\tbốn",
			"  khoảng trắng  ",
			`=1+1, "quoted", 'single', <b>&amp;</b> \ ;`,
			"0900000000",
			"00123",
			"120212345678901234", // an 18-digit ID is text from end to end
			"2026-09-05", "TRUE", "1e5", "null", "-5",
			true, false, nil,
			12.0, 0.0, -1.5, 1234567890.25,
			[]string{"đỏ", "xanh, lá"}, []string{"một"},
		} {
			name := "note"
			switch v.(type) {
			case bool:
				name = "consent"
			case float64:
				name = "score"
			case []string:
				name = "tags"
			}
			id := fmt.Sprintf("value-%d", i)
			fields := map[string]any{"name": "Trần Văn B", name: v}
			x.store(lone(id, fields))
			if row, ok := x.rows()[id]; !ok {
				x.t.Errorf("%s: no row", brief(v))
			} else if got := x.read(row, name); !reflect.DeepEqual(got, x.shown(v)) {
				x.t.Errorf("stored %s, reads %s, want %s", brief(v), brief(got), brief(x.shown(v)))
			}
		}
	}},
	{name: "no fields at all", try: func(x *trial) {
		x.store(lone("bare", nil), lone("hollow", map[string]any{}))
		x.want(map[string]map[string]any{"bare": {}, "hollow": {}})
	}},
	{name: "any field name", try: func(x *trial) {
		fields := map[string]any{}
		for i, name := range oddNames {
			fields[name] = fmt.Sprintf("value %d", i)
		}
		x.store(lone("names", fields))
		x.wantRow("names", fields)
		// The way an update takes is another one than an insert's.
		later := map[string]any{}
		for i, name := range oddNames {
			later[name] = fmt.Sprintf("later value %d", i)
		}
		x.store(record("names-2", "names", 1, later))
		x.wantRow("names", later)
	}},
	{name: "a long text", try: func(x *trial) {
		n := 100_000
		if x.traits.MaxText > 0 && x.traits.MaxText < n {
			n = x.traits.MaxText
			x.t.Logf("declared: a field holds at most %d characters", n)
		}
		fields := map[string]any{"note": strings.Repeat("ữ", n), "name": "Lê Văn C"}
		x.store(lone("long", fields))
		x.wantRow("long", fields)
	}},
	{name: "an empty batch", try: func(x *trial) {
		x.store()
		x.want(nil)
	}},
	{name: "a full batch", try: func(x *trial) {
		n := x.h.Limits().Batch
		if n < 1 {
			x.t.Fatalf("Limits.Batch is %d", n)
		}
		batch := make([]pipeline.Record, 0, n)
		want := map[string]map[string]any{}
		for i := range n {
			id := fmt.Sprintf("full-%04d", i)
			fields := map[string]any{"name": "Khách " + id, "phone": fmt.Sprintf("09%08d", i)}
			batch = append(batch, lone(id, fields))
			want[id] = fields
		}
		x.store(batch...)
		x.want(want)
	}},
}
