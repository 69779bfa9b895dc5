package sinktest

import (
	"context"
	"errors"
	"fmt"

	"mekong/pipeline"
)

// faultCases are about who is blamed, and that nothing is lost or doubled.
var faultCases = []contract{
	{name: "a bad record stands alone", needs: BadRecord, try: func(x *trial) {
		for at := range 3 {
			var batch []pipeline.Record
			for i := range 3 {
				batch = append(batch, lone(fmt.Sprintf("bad-%d-%d", at, i), fields{"name": "Ngô L", "phone": "0900000011"}))
			}
			batch[at] = x.h.Bad(batch[at])
			x.blames(batch, at)
		}
	}},
	{name: "a bad record stands alone among records of its key", needs: BadRecord, try: func(x *trial) {
		batch := []pipeline.Record{
			record("k1", "row", 0, fields{"name": "Dương M"}),
			x.h.Bad(record("k2", "row", 1, fields{"name": "sai"})),
			record("k3", "row", 2, fields{"phone": "0900000012"}),
		}
		x.blames(batch, 1)
		x.wantRow("row", fields{"name": "Dương M", "phone": "0900000012"})
		// And as an update of a row that is there.
		x.blames([]pipeline.Record{
			x.h.Bad(record("k4", "row", 3, fields{"name": "sai nữa"})),
			record("k5", "row", 4, fields{"note": "tốt"}),
			lone("neighbour", fields{"name": "hàng xóm"}),
		}, 0)
		x.want(map[string]map[string]any{
			"row":       {"name": "Dương M", "phone": "0900000012", "note": "tốt"},
			"neighbour": {"name": "hàng xóm"},
		})
	}},
	{name: "only bad records", needs: BadRecord, try: func(x *trial) {
		x.blames([]pipeline.Record{x.h.Bad(lone("bad-a", fields{"name": "Lý N"})), x.h.Bad(lone("bad-b", nil))}, 0, 1)
		x.want(nil)
	}},
	{name: "an outage is the destination's fault", needs: Outage, try: func(x *trial) { x.holds(Outage) }},
	{name: "throttling is the destination's fault", needs: Throttle, try: func(x *trial) { x.holds(Throttle) }},
	{name: "missing rights are the destination's fault", needs: Forbidden, try: func(x *trial) { x.holds(Forbidden) }},
	{name: "a stale token costs nothing", needs: StaleToken, try: func(x *trial) {
		x.store(lone("before", fields{"name": "trước"}))
		x.h.Inject(x.t, StaleToken)
		x.store(lone("after", fields{"name": "sau"}), record("after-2", "before", 1, fields{"note": "sau"}))
		x.h.Heal(x.t)
		x.want(map[string]map[string]any{"before": {"name": "trước", "note": "sau"}, "after": {"name": "sau"}})
	}},
	{name: "a lost reply ends as one row", needs: LostReply, try: func(x *trial) {
		x.store(record("l0", "lost-row", 0, fields{"name": "Mai O"}))
		for round, batch := range [][]pipeline.Record{
			{lone("lost-1", fields{"name": "một"}), lone("lost-2", fields{"name": "hai"})},
			{record("l1", "lost-row", 5, fields{"note": "cập nhật"})},
			{record("l2", "lost-new", 5, fields{"note": "mới"}), lone("lost-3", fields{"name": "ba"})},
		} {
			x.h.Inject(x.t, LostReply)
			first := x.write(context.Background(), batch...)
			x.h.Heal(x.t)
			for i, o := range first {
				if pipeline.IsPermanent(o.Err) {
					x.t.Errorf("round %d: record %s is blamed for a lost reply: %v", round, batch[i].ID, o.Err)
				}
				batch[i] = again(batch[i])
			}
			x.store(batch...)
		}
		x.want(map[string]map[string]any{
			"lost-1": {"name": "một"}, "lost-2": {"name": "hai"}, "lost-3": {"name": "ba"},
			"lost-row": {"name": "Mai O", "note": "cập nhật"}, "lost-new": {"note": "mới"},
		})
	}},
	{name: "a context that has ended is no verdict", try: func(x *trial) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		batch := []pipeline.Record{lone("ended-1", fields{"name": "một"}), lone("ended-2", fields{"name": "hai"})}
		x.ended(batch, x.write(ctx, batch...))
		x.store(again(batch[0]), again(batch[1]))
	}},
	{name: "a context that ends returns soon and is no verdict", needs: Stall, try: func(x *trial) {
		x.store(record("stalled-0", "stalled-row", 0, fields{"name": "có sẵn"}))
		reached := x.h.Inject(x.t, Stall).Reached
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		batch := []pipeline.Record{
			lone("stalled-1", fields{"name": "một"}),
			record("stalled-2", "stalled-row", 1, fields{"note": "hai"}),
		}
		go func() {
			<-reached
			cancel()
		}()
		x.ended(batch, x.write(ctx, batch...))
		x.h.Heal(x.t)
		x.store(again(batch[0]), again(batch[1]))
		x.want(map[string]map[string]any{
			"stalled-1": {"name": "một"}, "stalled-row": {"name": "có sẵn", "note": "hai"},
		})
	}},
}

// blames writes batch and demands that exactly the records at bad are refused
// for good, in their places, and all others are stored.
func (x *trial) blames(batch []pipeline.Record, bad ...int) {
	x.t.Helper()
	out := x.write(context.Background(), batch...)
	blamed := map[int]bool{}
	for _, i := range bad {
		blamed[i] = true
	}
	for i, o := range out {
		switch {
		case blamed[i] && o.Err == nil:
			x.t.Errorf("record %s can never be stored, and is said to be", batch[i].ID)
		case blamed[i] && !pipeline.IsPermanent(o.Err):
			x.t.Errorf("record %s: not Permanent, so it would be tried for ever or for nothing: %v", batch[i].ID, o.Err)
		case !blamed[i] && o.Err != nil:
			x.t.Errorf("record %s suffers for a bad one beside it: %v", batch[i].ID, o.Err)
		}
	}
	rows := x.rows()
	for i, r := range batch {
		if _, there := rows[r.Key]; !there && !blamed[i] {
			x.t.Errorf("record %s has no row", r.ID)
		}
	}
}

// holds injects a fault of the whole destination and demands that new rows and
// updates alike are held, and stored once it is over.
func (x *trial) holds(f Fault) {
	x.t.Helper()
	x.store(record("held-0", "held-row", 0, fields{"name": "có sẵn"}))
	effect := x.h.Inject(x.t, f)
	batch := []pipeline.Record{
		lone("held-1", fields{"name": "một", "phone": "0900000013"}),
		record("held-2", "held-row", 1, fields{"note": "hai"}),
		lone("held-3", fields{"name": "ba"}),
	}
	x.refused(effect.Wait, x.write(context.Background(), batch...))
	if err := x.forget("held-row"); err == nil {
		x.t.Errorf("Forget says it erased a row, during %q", f)
	}
	x.check() // for its words; what it finds is the next cases' business
	x.h.Heal(x.t)
	x.store(again(batch[0]), again(batch[1]), again(batch[2]))
	x.want(map[string]map[string]any{
		"held-1":   batch[0].Fields,
		"held-row": {"name": "có sẵn", "note": "hai"},
		"held-3":   batch[2].Fields,
	})
}

// ended demands that no outcome is a verdict: stored, or the context's error.
func (x *trial) ended(batch []pipeline.Record, out []pipeline.Outcome) {
	x.t.Helper()
	for i, o := range out {
		if o.Err == nil {
			if _, there := x.rows()[batch[i].Key]; !there {
				x.t.Errorf("record %s is said to be stored after its context ended, and is not", batch[i].ID)
			}
			continue
		}
		if _, held := pipeline.IsHold(o.Err); held || pipeline.IsPermanent(o.Err) {
			x.t.Errorf("record %s: a shutdown became a verdict: %v", batch[i].ID, o.Err)
		}
		if !errors.Is(o.Err, context.Canceled) {
			x.t.Errorf("record %s: not the context's error: %v", batch[i].ID, o.Err)
		}
	}
}
