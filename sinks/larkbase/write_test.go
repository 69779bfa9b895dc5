package larkbase_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

func leads(prefix string, n int) []pipeline.Record {
	out := make([]pipeline.Record, n)
	for i := range out {
		out[i] = record(fmt.Sprintf("%s-%04d", prefix, i), map[string]any{"name": fmt.Sprintf("Khách %d", i), "phone": fmt.Sprintf("09%08d", i)})
	}
	return out
}

var nameAndPhone = []larksim.Field{{Name: "Họ tên", Type: larksim.Text}, {Name: "Số điện thoại", Type: larksim.Phone}}

// TestCalls counts what 1,000 new records cost on a healthy Base.
func TestCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("first", 1)...)
	t.Logf("finding the table and making the sink's columns took %d calls", w.calls()-1)
	w.ResetCalls()
	const batches = 12
	for i := range batches {
		store(t, s, leads(fmt.Sprint("lead", i), 500)...)
	}
	if n := w.calls(larksim.OpSearch); n != 0 {
		t.Errorf("%d look-ups on the fast path", n)
	}
	total, records := w.calls(), batches*500
	per := float64(total) * 1000 / float64(records)
	t.Logf("%d calls for %d records: %.2f per 1,000", total, records, per)
	if per > 2.2 {
		t.Errorf("%.2f calls per 1,000 new records, want 2.2 at most: %v", per, w.Calls())
	}
	if w.TokenFetches(appID) != 1 {
		t.Errorf("%d token fetches", w.TokenFetches(appID))
	}
	if n := len(w.rows()); n != records+1 {
		t.Errorf("%d rows, want %d", n, records+1)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	w.AddWikiNode(larksim.WikiNode{Token: "wikcnA", ObjType: "bitable", ObjToken: baseID})
	for url, want := range map[string]string{
		w.conf.URL + "&view=vewA":                                    "https://example.larksuite.com/base/" + baseID + "?table=" + w.table + "&record=",
		"https://example.larksuite.com/wiki/wikcnA?table=" + w.table: "https://example.larksuite.com/wiki/wikcnA?table=" + w.table + "&record=",
	} {
		s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.URL = url })
		batch := leads("ref", 3)
		created := store(t, s, batch...)
		updated := store(t, s, again(batch...)...)
		ids := map[string]string{}
		for _, r := range w.Rows(baseID, w.table) {
			ids[r.Fields["Mekong ID"].(string)] = r.ID
		}
		for i, r := range batch {
			if created[i].Ref != want+ids[r.ID] || updated[i].Ref != created[i].Ref {
				t.Errorf("refs of %s are %q and %q, want %q", r.ID, created[i].Ref, updated[i].Ref, want+ids[r.ID])
			}
		}
	}
}

// TestSameAgainCostsNoWrite: what the Base holds already is looked at and left alone.
func TestSameAgainCostsNoWrite(t *testing.T) {
	t.Parallel()
	w, _ := typedWorld(t)
	batch := []pipeline.Record{record("a", map[string]any{
		"text": "x", "email": "a@example.com", "number": 1.5, "single": "Mới", "multi": []string{"Đỏ"}, "date": "2026-03-03", "checkbox": true,
		"phone": "0900000000", "url": "https://example.com",
	})}
	store(t, w.sink(nil), batch...)
	w.ResetCalls()
	store(t, w.sink(nil), again(batch...)...)
	if n := w.calls(larksim.OpBatchUpdate, larksim.OpBatchCreate); n != 0 || w.calls(larksim.OpSearch) != 1 {
		t.Errorf("%d writes of what is there: %v", n, w.Calls())
	}
}

// TestPoison: a value that only the platform can refuse is found by halves.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 100, 500} {
		w, s := typedWorld(t)
		store(t, s, record("first", map[string]any{"text": "x"}))
		batch := leads("poison", n)
		for i := range batch {
			batch[i].Fields = map[string]any{"text": "tốt", "person": "ou_an"}
		}
		at := n / 3
		batch[at].Fields["person"] = "ou_other" // another app's
		w.ResetCalls()
		store(t, s, batch...)
		calls := w.calls()
		most := 2 + 2*int(math.Ceil(math.Log2(float64(n)))) // the batch, the halves, and the mended record
		t.Logf("%d records, one of them bad: %d calls", n, calls)
		if calls > most {
			t.Errorf("%d records took %d calls, want %d at most", n, calls, most)
		}
		rows := w.rows()
		if bad := rows[batch[at].ID]; bad["text"] != "tốt" || bad["person"] != nil || !strings.Contains(fmt.Sprint(bad["Mekong notes"]), "ou_other") {
			t.Errorf("the bad record's row is %v", bad)
		}
		if len(rows) != n+1 {
			t.Errorf("%d rows, want %d", len(rows), n+1)
		}
		for i, r := range batch {
			if i != at && rows[r.ID]["person"] == nil {
				t.Errorf("%s suffered for its neighbour", r.ID)
			}
		}
	}
}

// TestPoisonedColumn: a column that refuses everything does not cost a call a record.
func TestPoisonedColumn(t *testing.T) {
	t.Parallel()
	w, s := typedWorld(t)
	batch := leads("fixed", 500)
	for i := range batch {
		batch[i].Fields = map[string]any{"text": "tốt", "fixed": fmt.Sprintf("mới %d", i)}
	}
	store(t, s, batch...)
	if n := w.calls(); n > 40 {
		t.Errorf("%d calls", n)
	}
	for _, r := range batch {
		if row := w.rows()[r.ID]; row["text"] != "tốt" || !strings.Contains(fmt.Sprint(row["Mekong notes"]), fmt.Sprint(r.Fields["fixed"])) {
			t.Fatalf("%s: %v", r.ID, row)
		}
	}
}

// TestBatchCap: a Base that takes fewer at once gets fewer.
func TestBatchCap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{BatchCap: 200}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("a", 500)...)
	w.ResetCalls()
	store(t, s, leads("b", 500)...)
	if n := w.calls(); n > 5 || len(w.rows()) != 1000 {
		t.Errorf("%d calls, %d rows: %v", n, len(w.rows()), w.Calls())
	}
	// And a batch larger than any call is cut beforehand.
	w = newWorld(t, larksim.Options{}, nameAndPhone...)
	store(t, w.sink(nil), leads("c", 1200)...)
	if n := w.calls(larksim.OpBatchCreate); n != 3 || len(w.rows()) != 1200 {
		t.Errorf("%d calls, %d rows", n, len(w.rows()))
	}
}

// TestTooHeavy: 1254607 holds, and the next try carries less.
func TestTooHeavy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("a", 1)...)
	w.Inject(larksim.Fault{Kind: larksim.Answer, Code: 1254607, On: []larksim.Op{larksim.OpBatchCreate}, Next: 1})
	batch := leads("b", 500)
	for _, o := range s.Write(t.Context(), batch) {
		if wait, ok := pipeline.IsHold(o.Err); !ok || wait < 2*time.Second {
			t.Fatalf("got %v, want a Hold of some seconds", o.Err)
		}
	}
	w.ResetCalls()
	store(t, s, again(batch...)...)
	if n := w.calls(larksim.OpBatchCreate); n != 2 || len(w.rows()) != 501 {
		t.Errorf("%d calls, %d rows", n, len(w.rows()))
	}
}

// TestTwoSinksOnOneBase never has two writes in flight.
func TestTwoSinksOnOneBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	other := w.AddTable(baseID, "Khác", nameAndPhone...)
	gates := larkbase.NewGates()
	w.SetLatency(2 * time.Millisecond)
	var wg sync.WaitGroup
	for i, table := range []string{w.table, other, w.table, other} {
		s := w.sink(func(c *config.LarkBase, o *larkbase.Options) { c.Table, o.Gates = table, gates })
		wg.Go(func() {
			for k := range 10 {
				for _, o := range s.Write(context.Background(), leads(fmt.Sprintf("s%d-%d", i, k), 3)) {
					if o.Err != nil {
						t.Error(o.Err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := w.MaxInFlight(baseID); n != 1 || w.Overlaps(baseID) != 0 {
		t.Errorf("%d writes in flight at once, %d overlaps", n, w.Overlaps(baseID))
	}
	if n := len(w.rows(w.table, other)); n != 120 {
		t.Errorf("%d rows", n)
	}
}

// TestConversation: turns of one key within a while cost no look-up each.
func TestConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{ReplicaLag: 5 * time.Second}, nameAndPhone...)
	s := w.sink(nil)
	for i := range 5 {
		store(t, s, of(fmt.Sprintf("turn-%d", i), "conversation", i, map[string]any{"name": fmt.Sprintf("lượt %d", i)}))
		w.Advance(time.Second)
	}
	if row := w.rows()["conversation"]; row["Họ tên"] != "lượt 4" {
		t.Errorf("the row is %v", row)
	}
	if n := w.calls(larksim.OpSearch); n != 1 {
		t.Errorf("%d look-ups, want that of the first turn", n)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := pipeline.IsHold(s.Write(t.Context(), leads("a", 1))[0].Err); !ok || w.calls() != 0 {
		t.Error("a closed sink writes")
	}
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	for _, key := range []string{"", " a", "a\x00", "\xff", strings.Repeat("k", 3000)} {
		r := record("x", nil)
		r.Key = key
		if err := s.Write(t.Context(), []pipeline.Record{r})[0].Err; !pipeline.IsPermanent(err) {
			t.Errorf("key %.10q: %v", key, err)
		}
	}
	if w.calls() != 0 {
		t.Error("calls were made for records that can have no row")
	}
}
