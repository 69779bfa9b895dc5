package larkbase_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// TestMonthOnTheFreePlan: 1,000 leads a day for a month on 10,000 calls, on a clock
// that is moved.
func TestMonthOnTheFreePlan(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	// The platform counts what it counts; a refusal would be a failure of the plan.
	w := newWorld(t, larksim.Options{Clock: larksim.Frozen(first), Quota: 10_000, Location: first.Location(), LogLength: 1}, nameAndPhone...)
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.MonthlyCalls = 10_000 })
	rnd := rand.New(rand.NewPCG(1, 2))
	var due []time.Time
	for day := range 31 {
		for range 1000 {
			// People fill in forms from seven in the morning to eleven at night.
			due = append(due, first.AddDate(0, 0, day).Add(7*time.Hour+time.Duration(rnd.Int64N(int64(16*time.Hour)))))
		}
	}
	slices.SortFunc(due, time.Time.Compare)
	took := make([]time.Duration, 0, len(due))
	for next := 0; next < len(due); {
		if wait := due[next].Sub(w.Now()); wait > 0 {
			w.Advance(wait)
		}
		for wait := s.Pace(); wait > 0; wait = s.Pace() {
			w.Advance(wait)
		}
		w.Advance(s.Limits().Wait)
		var batch []pipeline.Record
		from := next
		for ; next < len(due) && len(batch) < s.Limits().Batch && !due[next].After(w.Now()); next++ {
			batch = append(batch, record(fmt.Sprintf("lead-%d", next), map[string]any{"name": "Khách"}))
		}
		w.deliver(s, batch)
		for i := from; i < next; i++ {
			took = append(took, w.Now().Sub(due[i]))
		}
	}
	slices.Sort(took)
	used := w.QuotaUsed()
	t.Logf("%d leads, %d calls, freshness p50 %v, p95 %v, longest %v", len(due), used,
		took[len(took)/2].Round(time.Second), took[len(took)*95/100].Round(time.Second), took[len(took)-1].Round(time.Second))
	if n := w.RowCount(baseID, w.table); n != len(due) {
		t.Errorf("%d rows for %d leads", n, len(due))
	}
	if used > 9000 {
		t.Errorf("%d calls, want 9,000 at most", used)
	}
	for op, c := range w.Calls() {
		if c.Codes[99991403] > 0 {
			t.Errorf("%s met 99991403", op)
		}
	}
}

// TestFewLeadsAreImmediate: a budget delays nobody who needs little of it.
func TestFewLeadsAreImmediate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.MonthlyCalls = 10_000 })
	for i := range 40 {
		store(t, s, record(fmt.Sprint("lead-", i), map[string]any{"name": "Khách"}))
		w.Advance(20 * time.Minute)
	}
}

// TestBudgetSpent holds, says so, and goes on in the next month, also when the
// process was another one before.
func TestBudgetSpent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	m := &memory{}
	open := func() *larkbase.Sink {
		return w.sink(func(c *config.LarkBase, o *larkbase.Options) { c.MonthlyCalls, o.Memory = 60, m })
	}
	s := open()
	held := 0
	for i := range 200 {
		out := s.Write(t.Context(), leads(fmt.Sprint("lead", i), 1))
		if wait, ok := pipeline.IsHold(out[0].Err); ok {
			held++
			if wait <= 0 || wait > 31*24*time.Hour {
				t.Fatalf("a Hold of %v: %v", wait, out[0].Err)
			}
		}
	}
	if held == 0 || w.QuotaUsed() > 60 {
		t.Errorf("%d held, %d calls of 60", held, w.QuotaUsed())
	}
	used := s.Budget().Usage().Used
	s = open()
	s.Write(t.Context(), leads("other", 1))
	if got := s.Budget().Usage().Used; got < used {
		t.Errorf("after a restart %d calls are known of, before it %d", got, used)
	}
	if found := findings(s.Check(t.Context())); !strings.Contains(found, "sinks.crm.larkbase.monthly_calls: ") {
		t.Errorf("found\n%s", found)
	}
	w.Advance(31 * 24 * time.Hour)
	store(t, s, leads("later", 1)...)
}
