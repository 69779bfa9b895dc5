package sinktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"mekong/pipeline"
)

type fields = map[string]any

// rowCases are about one row per key: what merges, what wins, what is written
// again.
var rowCases = []contract{
	{name: "written again is one row", try: func(x *trial) {
		r := lone("again", fields{"name": "Phạm Thị D", "phone": "0900000001"})
		x.store(r)
		x.store(again(r)) // as after a lost acknowledgement
		x.store(r)        // as from a worker that knows of no earlier try
		x.store(again(lone("never", fields{"name": "chưa từng đến"})))
		x.want(map[string]map[string]any{"again": r.Fields, "never": {"name": "chưa từng đến"}})
	}},
	{name: "a later record merges", try: func(x *trial) {
		x.store(record("m1", "merge", 0, fields{"name": "Vũ E", "phone": "0900000002"}))
		x.store(record("m2", "merge", 5, fields{"phone": "0900000003", "note": "gọi lại"}))
		x.wantRow("merge", fields{"name": "Vũ E", "phone": "0900000003", "note": "gọi lại"})
	}},
	{name: "nil carries nothing", try: func(x *trial) {
		x.store(record("n1", "nil", 0, fields{"name": "Hồ G", "phone": "0900000004", "note": nil}))
		x.store(record("n2", "nil", 5, fields{"phone": nil, "ad_id": "120212345678901234"}))
		// An earlier record may still give what nobody has given.
		x.store(record("n0", "nil", -5, fields{"note": "đến trước", "name": nil}))
		x.wantRow("nil", fields{"name": "Hồ G", "phone": "0900000004", "note": "đến trước", "ad_id": "120212345678901234"})
	}},
	{name: "an older record adds what the row lacks and overwrites nothing", try: func(x *trial) {
		x.store(record("o2", "older", 10, fields{"name": "mới", "phone": "0900000005"}))
		x.store(record("o1", "older", 0, fields{"name": "cũ hơn", "note": "chỉ có ở bản cũ"}))
		want := fields{"name": "mới", "phone": "0900000005", "note": "chỉ có ở bản cũ"}
		x.wantRow("older", want)
		// The older one must not have made the row older.
		x.store(record("o15", "older", 5, fields{"phone": "0900000006"}))
		x.wantRow("older", want)
	}},
	{name: "ties are broken by when it was received, then by ID", try: func(x *trial) {
		a := record("tie-a", "tie", 0, fields{"name": "thứ nhất"})
		b := record("tie-b", "tie", 0, fields{"name": "thứ hai"})
		c := record("tie-0", "tie", 0, fields{"name": "nhận sau cùng"})
		c.Received = c.Received.Add(time.Nanosecond)
		x.store(b)
		x.store(a)
		x.wantRow("tie", b.Fields)
		x.store(c)
		x.store(b)
		x.wantRow("tie", c.Fields)
		corrected := c
		corrected.Fields = fields{"name": "sửa lại"} // a replay through a corrected transform
		x.store(again(corrected))
		x.wantRow("tie", corrected.Fields)
	}},
	{name: "one key several times in a batch", try: func(x *trial) {
		x.store(record("s0", "same", 0, fields{"name": "đầu tiên", "ad_id": "001"}))
		x.store(
			record("s3", "same", 30, fields{"name": "ba", "phone": "0900000007"}),
			record("s1", "same", 10, fields{"name": "một", "note": "từ bản một"}),
			lone("bystander", fields{"name": "người khác"}),
			record("s2", "same", 20, fields{"phone": "0900000008", "note": "từ bản hai"}),
			record("s1", "same", 10, fields{"name": "một", "note": "từ bản một"}),
			record("f2", "fresh", 2, fields{"name": "hai"}),
			record("f1", "fresh", 1, fields{"name": "một", "note": "n"}),
		)
		x.want(map[string]map[string]any{
			"same":      {"name": "ba", "phone": "0900000007", "note": "từ bản hai", "ad_id": "001"},
			"bystander": {"name": "người khác"},
			"fresh":     {"name": "hai", "note": "n"},
		})
	}},
	{name: "a row that begins as a record of its own", try: func(x *trial) {
		capture := lone("capture-1", fields{"phone": "0900000009"})
		submit := record("submit-1", "capture-1", 1, fields{"name": "Bùi H"})
		x.store(capture)
		x.store(submit)
		x.store(again(capture))
		// The other way round: what follows overtakes what began it.
		x.store(record("submit-2", "capture-2", 1, fields{"name": "Đỗ K"}))
		x.store(lone("capture-2", fields{"phone": "0900000010", "name": "d k"}))
		x.want(map[string]map[string]any{
			"capture-1": {"phone": "0900000009", "name": "Bùi H"},
			"capture-2": {"phone": "0900000010", "name": "Đỗ K"},
		})
	}},
	{name: "any sequence ends as the model says", try: func(x *trial) {
		for seed := range uint64(8) {
			x.sequence(seed)
		}
	}},
	{name: "several writers at once", try: (*trial).writers},
}

// sequence writes random batches over few keys, with repeats and in any order,
// and compares every row with the model's after each.
func (x *trial) sequence(seed uint64) {
	x.t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 47))
	names := []string{"name", "phone", "note", "ad_id", "full name"}
	want := model{}
	var past []pipeline.Record
	for step := range 12 {
		var batch []pipeline.Record
		for range 1 + rnd.IntN(5) {
			if len(past) > 0 && rnd.IntN(4) == 0 {
				batch = append(batch, again(past[rnd.IntN(len(past))]))
				continue
			}
			id := fmt.Sprintf("%d-%d", seed, len(past))
			key := fmt.Sprintf("%d-%d", seed, rnd.IntN(4)) // the first records' keys are their own IDs
			r := record(id, key, rnd.IntN(6), fields{})
			if rnd.IntN(3) == 0 {
				r.Received = r.Occurred // so that Occurred alone does not decide
			}
			for _, name := range names {
				switch rnd.IntN(6) {
				case 0, 1:
					r.Fields[name] = fmt.Sprintf("giá trị %d của %s", len(past), id)
				case 2:
					r.Fields[name] = nil
				}
			}
			past = append(past, r)
			batch = append(batch, r)
		}
		x.store(batch...)
		want.write(batch)
		got := x.rows()
		for key, row := range want {
			for _, name := range names {
				if g, w := x.read(got[key], name), x.shown(row.fields[name]); g != w {
					x.t.Fatalf("seed %d, step %d, key %q, field %q: reads %s, the model says %s",
						seed, step, key, name, brief(g), brief(w))
				}
			}
		}
	}
}

// writers lets as many goroutines write as the limits allow, some on keys of
// their own and all on one. A race may be lost; the record is then written
// again, as the worker does.
func (x *trial) writers() {
	n := x.h.Limits().Writers
	if n == 1 {
		x.t.Logf("declared: the sink wants a single writer")
		return
	}
	if n < 1 {
		x.t.Fatalf("Limits.Writers is %d", n)
	}
	n = min(n, 4)
	const each = 6
	deadline := time.Now().Add(x.patience)
	var wg sync.WaitGroup
	faults := make(chan error, n*each)
	for w := range n {
		wg.Go(func() {
			for i := range each {
				minute := i*n + w
				shared := record(fmt.Sprintf("w%d-%d", w, i), "shared", minute,
					fields{"note": fmt.Sprintf("phút %d", minute)})
				if i == 0 { // newer or older than the row, what nobody else gives must land
					shared.Fields[oddNames[w]] = fmt.Sprintf("người viết %d", w)
				}
				own := lone(fmt.Sprintf("own-%d-%d", w, i), fields{"name": "riêng"})
				batch := []pipeline.Record{shared, own}
				for len(batch) > 0 {
					if time.Now().After(deadline) {
						faults <- context.DeadlineExceeded
						return
					}
					var left []pipeline.Record
					for j, o := range x.h.Sink().Write(context.Background(), slices.Clone(batch)) {
						if o.Err == nil {
							continue
						}
						if pipeline.IsPermanent(o.Err) {
							faults <- o.Err
							return
						}
						left = append(left, again(batch[j]))
					}
					batch = left
				}
			}
		})
	}
	x.soon("Writes beside each other", wg.Wait)
	close(faults)
	for err := range faults {
		x.t.Errorf("a writer beside others failed: %v", err)
	}
	want := map[string]map[string]any{"shared": {"note": fmt.Sprintf("phút %d", n*each-1)}}
	for w := range n {
		want["shared"][oddNames[w]] = fmt.Sprintf("người viết %d", w)
		for i := range each {
			want[fmt.Sprintf("own-%d-%d", w, i)] = fields{"name": "riêng"}
		}
	}
	x.want(want)
}
