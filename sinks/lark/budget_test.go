package lark

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.t = t }

func (c *clock) add(d time.Duration) { c.set(c.now().Add(d)) }

// monthOf runs a month of leads, by the minute of their arrival, through a budget as a
// writer would, and returns the calls and how long each lead waited.
func monthOf(b *Budget, c *clock, leads []time.Time, end time.Time) (calls int, waited []time.Duration) {
	var waiting []time.Time
	for i := 0; i < len(leads) || len(waiting) > 0; {
		if !c.now().Before(end) {
			break
		}
		for i < len(leads) && !leads[i].After(c.now()) {
			waiting = append(waiting, leads[i])
			i++
		}
		if len(waiting) == 0 {
			c.set(leads[i])
			continue
		}
		pause := b.Pause()
		if pause > 0 {
			c.add(pause)
			continue
		}
		if _, ok := b.take(); !ok {
			c.add(time.Hour)
			continue
		}
		calls++
		b.settle(true)
		for _, at := range waiting[:min(len(waiting), MostWritten)] {
			waited = append(waited, c.now().Sub(at))
		}
		waiting = waiting[min(len(waiting), MostWritten):]
		c.add(time.Second)
	}
	slices.Sort(waited)
	return calls, waited
}

// leadsOf are a month's leads, most of them by day.
func leadsOf(start, end time.Time, perDay int, rnd *rand.Rand) (at []time.Time) {
	for day := start; day.Before(end); day = day.AddDate(0, 0, 1) {
		for range perDay {
			hour := 7 + rnd.IntN(15)
			if rnd.IntN(10) == 0 {
				hour = rnd.IntN(24)
			}
			at = append(at, day.Add(time.Duration(hour)*time.Hour+time.Duration(rnd.IntN(3600))*time.Second))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

func TestAMonthOnTheFreePlan(t *testing.T) {
	start := time.Date(2026, 8, 1, 0, 0, 0, 0, quotaZone)
	end := start.AddDate(0, 1, 0)
	for _, row := range []struct {
		perDay   int
		calls    int
		p50, p95 time.Duration
	}{
		{20, 31 * 20, 0, 0},
		{200, 31 * 200, 0, 0},
		{1000, 9000, 5 * time.Minute, 6 * time.Minute},
		{5000, 9000, 5 * time.Minute, 6 * time.Minute},
	} {
		t.Run(fmt.Sprint(row.perDay, " a day"), func(t *testing.T) {
			c := &clock{t: start}
			b := NewBudget(BudgetOptions{Monthly: 10000, Now: c.now})
			leads := leadsOf(start, end, row.perDay, rand.New(rand.NewPCG(1, 2)))
			calls, waited := monthOf(b, c, leads, end)
			p50, p95, worst := waited[len(waited)/2], waited[len(waited)*95/100], waited[len(waited)-1]
			t.Logf("%d leads, %d calls, waited p50 %s, p95 %s, at most %s", len(leads), calls, p50, p95, worst)
			if calls > row.calls || p50 > row.p50 || p95 > row.p95 || len(waited) < len(leads)-row.perDay/50 {
				t.Errorf("%d calls (at most %d), p50 %s, p95 %s, %d of %d written", calls, row.calls, p50, p95, len(waited), len(leads))
			}
		})
	}
}

func TestABudgetIsNeverPassed(t *testing.T) {
	var told []int
	w := newWorld(t, larksim.Options{Quota: 40})
	b := NewBudget(BudgetOptions{Monthly: 40, Now: w.sim.Now, OnMark: func(u Usage) { told = append(told, u.Percent) }})
	c := w.client(func(o *Options) { o.Budget = b })
	var last error
	for range 60 {
		_, last = c.Tables(t.Context(), testBase)
		if CodeOf(last) == 99991403 {
			t.Fatalf("the platform's limit was met: %v", last)
		}
	}
	if wait, ok := pipeline.IsHold(last); !ok || wait <= 0 || wait > time.Hour || ClassOf(last) != Quota || !strings.Contains(last.Error(), "monthly_calls") {
		t.Errorf("wait %s: %v", wait, last)
	}
	if used := w.sim.QuotaUsed(); used != 40 || b.Usage().Used != 40 || fmt.Sprint(told) != "[50 70 90]" {
		t.Errorf("%d used at the platform, %d counted, told at %v", used, b.Usage().Used, told)
	}
	f := b.Findings("sinks.crm.larkbase.monthly_calls")
	if f[0].Level != pipeline.Fail || f[0].Fix == "" {
		t.Errorf("%+v", f)
	}
	w.sim.Advance(31 * 24 * time.Hour)
	if _, err := c.Tables(t.Context(), testBase); err != nil {
		t.Errorf("next month: %v", err)
	}
	if u := b.Usage(); u.Used != 1 || u.Month != "2026-09" {
		t.Errorf("next month: %+v", u)
	}
}

func TestWhatCounts(t *testing.T) {
	w := newWorld(t, larksim.Options{Quota: 1000})
	b := NewBudget(BudgetOptions{Monthly: 1000, Now: w.sim.Now})
	c := w.client(func(o *Options) { o.Budget, o.Timeout = b, 300*time.Millisecond })
	if _, err := c.Tables(t.Context(), testBase); err != nil {
		t.Fatal(err)
	}
	w.sim.Inject(larksim.Fault{Kind: larksim.Answer, Code: 1254291, Next: 1}) // HTTP 400
	w.sim.Inject(larksim.Fault{Kind: larksim.Hang, Next: 1})                  // no answer: it may have counted
	_, _ = c.Tables(t.Context(), testBase)
	_, _ = c.Tables(t.Context(), testBase)
	_, _ = c.UserIDs(t.Context(), []string{"an@example.com"}) // contacts do not count
	if used := b.Usage().Used; used != 2 {
		t.Errorf("%d counted", used)
	}
}

// Several processes add up what they spend, whatever the order, and a write that was
// not confirmed never makes it less.
func TestProcessesShareABudget(t *testing.T) {
	c := &clock{t: time.Date(2026, 8, 20, 0, 0, 0, 0, quotaZone)}
	var stored BudgetState
	spend := func(b *Budget, n int) {
		for range n {
			if _, ok := b.take(); ok {
				b.settle(true)
			}
		}
	}
	flush := func(b *Budget) {
		s := b.Merge(stored)
		stored = s
		b.Saved(s)
	}
	one, two := NewBudget(BudgetOptions{Monthly: 100, Now: c.now}), NewBudget(BudgetOptions{Monthly: 100, Now: c.now})
	spend(one, 10)
	flush(one)
	spend(two, 20)
	spend(one, 5)
	flush(two)
	flush(one)
	if stored.Used != 35 || one.Usage().Used != 35 || two.Usage().Used != 30 {
		t.Errorf("stored %d, one %d, two %d", stored.Used, one.Usage().Used, two.Usage().Used)
	}
	flush(two)
	if two.Usage().Used != 35 {
		t.Errorf("two knows %d", two.Usage().Used)
	}
	spend(two, 3)
	_ = two.Merge(stored) // offered, and the write lost the race
	spend(two, 1)
	flush(two)
	if stored.Used != 39 {
		t.Errorf("stored %d after a lost race", stored.Used)
	}
	// A restart goes on where it was; a month later, all begin again.
	three := NewBudget(BudgetOptions{Monthly: 100, Now: c.now})
	flush(three)
	if three.Usage().Used != 39 {
		t.Errorf("after a restart %d", three.Usage().Used)
	}
	c.add(31 * 24 * time.Hour)
	spend(three, 2)
	flush(three)
	flush(one)
	if stored.Used != 2 || stored.Month != "2026-09" || one.Usage().Used != 2 {
		t.Errorf("next month: %+v, one %d", stored, one.Usage().Used)
	}
	// Marks are told once by all of them together.
	marked := NewBudget(BudgetOptions{Monthly: 4, Now: c.now, OnMark: func(u Usage) { t.Errorf("told again at %d %%", u.Percent) }})
	marked.Merge(BudgetState{Month: "2026-09", Used: 2, Marked: 90})
	spend(marked, 2)
}

func TestForecast(t *testing.T) {
	c := &clock{t: time.Date(2026, 6, 11, 0, 0, 0, 0, quotaZone)}
	b := NewBudget(BudgetOptions{Monthly: 1000, Now: c.now})
	b.Merge(BudgetState{Month: "2026-06", Used: 500})
	u := b.Usage()
	if u.Forecast != 1500 || !u.RunsOut.Equal(time.Date(2026, 6, 21, 0, 0, 0, 0, quotaZone)) || u.Percent != 50 {
		t.Errorf("%+v", u)
	}
	if f := b.Findings("x"); f[0].Level != pipeline.Warn || !strings.Contains(f[0].What, "500 of 1000") {
		t.Errorf("%+v", f)
	}
	b = NewBudget(BudgetOptions{Monthly: 1000, Now: c.now})
	b.Merge(BudgetState{Month: "2026-06", Used: 100})
	if u := b.Usage(); u.Forecast != 300 || !u.RunsOut.IsZero() || b.Findings("x")[0].Level != pipeline.OK {
		t.Errorf("%+v", u)
	}
}

func TestABudgetAtOnce(t *testing.T) {
	b := NewBudget(BudgetOptions{Monthly: 100})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 10 {
				if _, ok := b.take(); ok {
					b.settle(true)
				}
				b.Pause()
				b.Saved(b.Merge(b.State()))
			}
		})
	}
	wg.Wait()
	if used := b.Usage().Used; used > 500 {
		t.Errorf("%d used", used)
	}
}
