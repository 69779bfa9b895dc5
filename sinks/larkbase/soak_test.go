package larkbase_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// TestSoak writes 5,000 records through 5 % of each lost answer, throttling, busy
// Bases, revoked tokens and a process that is replaced now and then. Every key ends
// as one row that holds what the newest record said.
func TestSoak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{Seed: 7, ReplicaLag: 2 * time.Second, LogLength: 1}, nameAndPhone...)
	m := &memory{}
	open := func() *larkbase.Sink {
		return w.sink(func(_ *config.LarkBase, o *larkbase.Options) { o.Memory = m })
	}
	writes := []larksim.Op{larksim.OpBatchCreate, larksim.OpBatchUpdate}
	for _, f := range []larksim.Fault{
		{Kind: larksim.Timeout, Applied: true, On: writes, Chance: 0.05},
		{Kind: larksim.Drop, Applied: true, On: writes, Chance: 0.05},
		{Kind: larksim.Hang, Applied: true, On: writes, Chance: 0.05},
		{Kind: larksim.Timeout, On: writes, Chance: 0.02},
		{Kind: larksim.Throttle, Delay: time.Second, Chance: 0.02},
		{Kind: larksim.Answer, Code: 1254291, Chance: 0.02},
		{Kind: larksim.Answer, Code: 1254607, On: writes, Chance: 0.02},
		{Kind: larksim.HTTPError, Chance: 0.01},
		{Kind: larksim.Refuse, Chance: 0.01},
	} {
		if armed := w.Inject(f); f.Kind == larksim.Hang {
			w.hangs = armed
		}
	}
	rnd := rand.New(rand.NewPCG(3, 5))
	const records = 5000
	newest := map[string]pipeline.Record{}
	var keys []string
	s := open()
	for made := 0; made < records; {
		var batch []pipeline.Record
		for range 1 + rnd.IntN(60) {
			id := fmt.Sprintf("lead-%05d", made)
			r := of(id, id, made%500, map[string]any{"name": "Khách " + id})
			if len(keys) > 0 && rnd.IntN(4) == 0 {
				r.Key = keys[rnd.IntN(len(keys))]
			} else {
				keys = append(keys, id)
			}
			if old, ok := newest[r.Key]; !ok || !r.Occurred.Before(old.Occurred) && r.ID > old.ID || r.Occurred.After(old.Occurred) {
				newest[r.Key] = r
			}
			batch = append(batch, r)
			made++
		}
		w.deliver(s, batch)
		switch rnd.IntN(20) {
		case 0:
			w.RevokeTenantToken(appID)
		case 1: // another process takes over, and what was last acknowledged comes again
			w.Advance(10 * time.Second)
			s = open()
			w.deliver(s, again(batch...))
		}
	}
	rows := w.rows()
	if len(rows) != len(newest) {
		t.Errorf("%d rows for %d keys", len(rows), len(newest))
	}
	for key, r := range newest {
		if got := rows[key]["Họ tên"]; got != r.Fields["name"] {
			t.Errorf("key %s holds %v, want what %s said", key, got, r.ID)
		}
	}
	if w.Overlaps(baseID) > 0 {
		t.Logf("%d overlaps: callers gave up on writes that went on", w.Overlaps(baseID))
	}
	t.Logf("%d records, %d keys, %d calls", records, len(newest), w.calls())
}
