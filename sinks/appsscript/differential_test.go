package appsscript_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"mekong/pipeline"
	"mekong/sinks/appsscript"
)

// TestTheModelIsTheScript writes the same random batches through two sinks, one on the
// model and one on the script itself, with people at work on both sheets, and demands
// the same cells after each step.
func TestTheModelIsTheScript(t *testing.T) {
	t.Parallel()
	if withNode(t) == nil {
		return
	}
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { differ(t, seed) })
	}
}

func differ(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 11))
	o := defaults()
	o.Zone = []string{"Asia/Ho_Chi_Minh", "America/New_York", "UTC"}[seed%3]
	both := []backend{newModel(t, o), newNode(t, o)}
	if seed%2 == 1 { // a sheet that people have begun
		for _, b := range both {
			for j, h := range []any{"Ghi chú riêng", "Số điện thoại", "Họ và tên", 0.5, "Mekong ID", "Ngày nhận"} {
				format := ""
				if h == 0.5 {
					format = "0%"
				}
				b.cell(1, j+1, h, format)
			}
			b.cell(2, 1, "của tôi", "")
			b.cell(3, 3, "Khách vãng lai", "")
			b.cell(2, 9, true, "") // beyond the headers
		}
	}
	var sinks []*world
	for _, b := range both {
		sinks = append(sinks, newWorld(t, b))
	}
	first, second := sinks[0].sink(t, nil), sinks[1].sink(t, nil)
	names := []string{"name", "phone", "full name", "score", "ok", "tags", "at", "50%", "note", "Họ Tên", "price"}
	n := 0
	for step := range 25 {
		switch rnd.IntN(8) {
		case 0:
			keys := []string{fmt.Sprint("k", rnd.IntN(12)), fmt.Sprint("k", rnd.IntN(12)), "nobody"}
			for _, s := range []*appsscript.Sink{first, second} {
				if err := s.Forget(t.Context(), keys); err != nil {
					t.Fatal(err)
				}
			}
		case 1:
			person(rnd, both, t)
		default:
			var batch []pipeline.Record
			for range 1 + rnd.IntN(6) {
				n++
				r := record(fmt.Sprintf("r%04d", n), fmt.Sprint("k", rnd.IntN(12)), rnd.IntN(20), map[string]any{})
				for _, name := range names {
					if v := anything(rnd, n); rnd.IntN(3) == 0 {
						r.Fields[name] = v
					}
				}
				batch = append(batch, r)
			}
			one, two := store(t, first, batch...), store(t, second, batch...)
			if !reflect.DeepEqual(one, two) {
				t.Fatalf("seed %d, step %d: the model says %q, the script %q", seed, step, one, two)
			}
		}
		same(t, fmt.Sprintf("seed %d, step %d", seed, step), both[0].dump(t), both[1].dump(t))
	}
}

// anything is a value of any kind, and some that look like another kind.
func anything(rnd *rand.Rand, n int) any {
	return []any{
		"0900000000", "=SUM(A1:A9)", "+84900000000", "-5", "@x", "'quoted", "2026-09-05", "TRUE", "1e5", "50%", "$100.15", "Nguyễn Thị Ánh",
		"2026-03-03T23:59:59.5+07:00", "2026-11-01T06:30:00Z", "một\nhai", "", nil, 12.0, -1.5, 0.0, 1234567890.25, true, false,
		[]string{"đỏ", "xanh, lá"}, fmt.Sprint("giá trị ", n), "🌾 mùa", " khoảng trắng ",
	}[rnd.IntN(27)]
}

// person is somebody who works on a sheet, the same on both.
func person(rnd *rand.Rand, both []backend, t *testing.T) {
	d := both[0].dump(t)
	rows, columns := len(d.Cells), 0
	if rows > 0 {
		columns = len(d.Cells[0])
	}
	if rows < 4 || columns < 4 {
		return
	}
	what, a, b := rnd.IntN(5), 2+rnd.IntN(rows-1), 2+rnd.IntN(rows-1)
	for _, on := range both {
		switch what {
		case 0:
			on.moveRow(a, b)
		case 1:
			on.insertRow(a)
		case 2:
			on.deleteRow(a)
		case 3:
			on.moveColumn(1+a%columns, 1+b%columns)
		case 4:
			on.cell(rows+1+a%3, 1+b%columns, "viết tay", "@")
		}
	}
}

// same demands equal cells. Numbers of days may differ by less than a millisecond.
func same(t *testing.T, when string, model, script dump) {
	t.Helper()
	if len(model.Cells) != len(script.Cells) {
		t.Fatalf("%s: the model has %d rows, the script %d", when, len(model.Cells), len(script.Cells))
	}
	if model.Frozen != script.Frozen {
		t.Fatalf("%s: %d frozen rows, the script has %d", when, model.Frozen, script.Frozen)
	}
	for i, row := range model.Cells {
		if len(row) != len(script.Cells[i]) {
			t.Fatalf("%s: the model has %d columns, the script %d", when, len(row), len(script.Cells[i]))
		}
		for j, c := range row {
			other := script.Cells[i][j]
			x, isNumber := c[0].(float64)
			y, bothNumbers := other[0].(float64)
			close := isNumber && bothNumbers && math.Abs(x-y) < 1e-8
			if !close && !reflect.DeepEqual(c[0], other[0]) || c[2] != other[2] || c[1] != other[1] {
				t.Fatalf("%s, row %d, column %d: the model has %#v, the script %#v", when, i+1, j+1, c, other)
			}
		}
	}
}
