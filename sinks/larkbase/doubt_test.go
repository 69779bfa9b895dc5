package larkbase_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// lostAnswers are the duplicate traps: the write is carried out, and its caller does
// not learn of it.
var lostAnswers = map[string]larksim.Fault{
	"504":          {Kind: larksim.Timeout},
	"dropped":      {Kind: larksim.Drop},
	"timed out":    {Kind: larksim.Hang},
	"cut short":    {Kind: larksim.Short},
	"half a JSON":  {Kind: larksim.Cut},
	"proxy's page": {Kind: larksim.Page},
	"bare 502":     {Kind: larksim.HTTPError},
	"failed":       {Kind: larksim.Answer, Code: 1255002},
	"only Fail":    {Kind: larksim.Answer, Code: 1254002},
	"conversion":   {Kind: larksim.Answer, Code: 1255005},
}

// deliver writes a batch as the worker does: what is held is written again, marked,
// after the wait that was asked for, on the simulator's clock.
func (w *world) deliver(s *larkbase.Sink, batch []pipeline.Record) (tries int) {
	w.t.Helper()
	for tries = 1; len(batch) > 0; tries++ {
		if tries > 200 {
			w.t.Fatalf("%d records are not stored after 200 tries", len(batch))
		}
		var left []pipeline.Record
		var wait time.Duration
		for i, o := range w.patiently(s, batch) {
			if o.Err == nil {
				continue
			}
			if pipeline.IsPermanent(o.Err) {
				w.t.Fatalf("record %s is buried: %v", batch[i].ID, o.Err)
			}
			hold, _ := pipeline.IsHold(o.Err)
			wait = max(wait, hold, time.Second)
			left = append(left, batch[i])
		}
		batch = again(left...)
		w.Advance(wait)
	}
	return tries
}

// patiently writes once, and gives up only on a call that hangs.
func (w *world) patiently(s *larkbase.Sink, batch []pipeline.Record) []pipeline.Outcome {
	if w.hangs == nil {
		return s.Write(context.Background(), batch)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before := w.hangs.Struck()
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if w.hangs.Struck() > before {
					cancel()
				}
			}
		}
	}()
	return s.Write(ctx, batch)
}

// TestLostAnswers: each trap, with and without a replica that lags, with the server
// remembering the client_token for long, for less than a retry takes, and with the
// failed call carried out or not.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, fault := range lostAnswers {
		for _, lag := range []time.Duration{0, 2 * time.Second, 8 * time.Second} {
			for _, life := range []time.Duration{0, 10 * time.Second, time.Nanosecond} {
				if life == time.Nanosecond && (lag > 2*time.Second || lag > 0 && fault.Kind == larksim.Hang) {
					continue // nothing tells that the rows are there: no client can know
				}
				for _, applied := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, lag %v, token %v, applied %v", name, lag, life, applied), func(t *testing.T) {
						t.Parallel()
						w := newWorld(t, larksim.Options{ReplicaLag: lag, ClientTokenLife: life}, nameAndPhone...)
						s := w.sink(nil)
						store(t, s, leads("warm", 1)...)
						f := fault
						f.Applied, f.Next, f.On = applied, 1, []larksim.Op{larksim.OpBatchCreate}
						armed := w.Inject(f)
						if f.Kind == larksim.Hang {
							w.hangs = armed
						}
						batch := append(leads("lead", 120), of("turn-1", "talk", 1, map[string]any{"name": "An"}))
						w.deliver(s, batch)
						w.deliver(s, []pipeline.Record{of("turn-2", "talk", 2, map[string]any{"name": "Bình"})})
						if armed.Struck() != 1 {
							t.Errorf("the fault struck %d times", armed.Struck())
						}
						if rows := w.rows(); len(rows) != 122 || rows["talk"]["Họ tên"] != "Bình" {
							t.Errorf("%d rows, want 122; the talk is %v", len(rows), rows["talk"])
						}
					})
				}
			}
		}
	}
}

// TestLostAnswerOtherBatch: what comes next is not the batch in doubt.
func TestLostAnswerOtherBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{ReplicaLag: 5 * time.Second}, nameAndPhone...)
	s := w.sink(nil)
	w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
	batch := leads("lead", 60)
	s.Write(t.Context(), batch)
	w.deliver(s, leads("other", 10))
	w.deliver(s, again(batch[30:]...))
	w.deliver(s, again(batch[:30]...))
	if n := len(w.rows()); n != 70 {
		t.Errorf("%d rows, want 70", n)
	}
}

// TestLostAnswerRestart: another process takes over while the row cannot be seen.
func TestLostAnswerRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{ReplicaLag: 8 * time.Second}, nameAndPhone...)
	m := &memory{}
	keep := func(_ *config.LarkBase, o *larkbase.Options) { o.Memory = m }
	w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
	batch := leads("lead", 60)
	w.sink(keep).Write(t.Context(), batch)
	w.deliver(w.sink(keep), again(batch...))
	if n := len(w.rows()); n != 60 {
		t.Errorf("%d rows, want 60", n)
	}
}

// TestLostUpdate: an update whose answer is lost changes nothing when it is repeated,
// also beside a stale read.
func TestLostUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, of("a", "row", 0, map[string]any{"name": "một"}))
	w.Advance(10 * time.Minute)
	w.Inject(larksim.Fault{Kind: larksim.Drop, Applied: true, On: []larksim.Op{larksim.OpBatchUpdate}, Next: 1})
	w.deliver(s, []pipeline.Record{of("b", "row", 1, map[string]any{"name": "hai"})})
	w.deliver(s, []pipeline.Record{of("c", "row", 0, map[string]any{"name": "cũ", "phone": "0900000000"})})
	if row := w.rows()["row"]; len(w.rows()) != 1 || row["Họ tên"] != "hai" || row["Số điện thoại"] != "0900000000" {
		t.Errorf("the rows are %v", w.rows())
	}
}

// TestErasedByHand: who deletes rows by hand and replays gets them again, whatever
// the platform remembers of the first write.
func TestErasedByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	batch := leads("lead", 3)
	store(t, s, batch...)
	for _, r := range w.Rows(baseID, w.table) {
		w.RemoveRow(baseID, w.table, r.ID)
	}
	w.deliver(s, again(batch...))
	if n := len(w.rows()); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	// Also by another process, which knows of nothing.
	for _, r := range w.Rows(baseID, w.table) {
		w.RemoveRow(baseID, w.table, r.ID)
	}
	store(t, w.sink(nil), again(batch...)...)
	if n := len(w.rows()); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// TestPlatformChokes: a record that makes the platform fail every time takes nobody
// with it, and does not hold the others for ever.
func TestPlatformChokes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("warm", 1)...)
	w.Inject(larksim.Fault{Kind: larksim.Answer, Code: 1255003, On: []larksim.Op{larksim.OpBatchCreate}})
	batch := leads("lead", 8)
	counted := 0
	for range 100 {
		for _, o := range s.Write(t.Context(), batch) {
			if _, held := pipeline.IsHold(o.Err); o.Err != nil && !held {
				counted++
			}
		}
		batch = again(batch...)
		w.Advance(3 * time.Second)
	}
	if counted == 0 {
		t.Error("nothing was ever counted against a record: the sink would be held for ever")
	}
	w.ClearFaults()
	w.deliver(s, batch)
	if n := len(w.rows()); n != 9 {
		t.Errorf("%d rows, want 9", n)
	}
}
