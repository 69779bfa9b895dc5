package lark

import (
	"fmt"
	"sync"
	"time"

	"mekong/pipeline"
)

// quotaZone is whose months the platform counts by: not documented; both brands'
// operators live there. Where it is wrong, the part of the budget that is not
// planned for covers the hours in between.
var quotaZone = time.FixedZone("UTC+8", 8*60*60)

// marks are the percentages of the month's calls that are told about.
var marks = [...]int{50, 70, 90}

// BudgetOptions make a [Budget].
type BudgetOptions struct {
	Monthly int // calls a month, for all processes and sinks of one tenant; at least 1
	// Plan is the part of Monthly that paced calls spend; the rest is for what cannot
	// wait, and for the tenant's other apps, which share the quota. 0: 0.9.
	Plan float64
	Zone *time.Location   // whose months; nil: UTC+8
	Now  func() time.Time // nil: the real clock
	// OnMark is told once a month when 50, 70 and 90 percent are spent; quick, from
	// any goroutine.
	OnMark func(Usage)
}

// Budget makes a month's calls last for the month (`lark.md` §7.3).
//
// It is a token bucket that is filled evenly over the month and carries over what is
// left: with a day's share or more in it, calls are not delayed at all; with less,
// they are spaced, up to the month's average distance when it is empty. So a few
// leads a day are written at once, and many share calls. Pacing is the writer's, who
// asks [Budget.Pause] before it writes; [Client] counts every call, and refuses one
// that is over the budget.
//
// It may be used from any number of goroutines, and by any number of clients of one
// tenant. What several processes spend is added up by [Budget.Merge].
type Budget struct {
	o BudgetOptions

	mu      sync.Mutex
	month   string
	shared  int // spent by all processes, as of the last Saved or Merge
	own     int // spent here since
	offered int // the part of own that is in the state Merge returned
	flying  int // calls under way
	last    time.Time
	marked  int
}

// NewBudget makes a budget with nothing spent.
func NewBudget(o BudgetOptions) *Budget {
	o.Monthly = max(1, o.Monthly)
	if o.Plan <= 0 || o.Plan > 1 {
		o.Plan = 0.9
	}
	if o.Zone == nil {
		o.Zone = quotaZone
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Budget{o: o}
}

// BudgetState is what processes share, and what survives a restart.
type BudgetState struct {
	Month  string `json:"month"` // "2006-01" in the budget's zone
	Used   int    `json:"used"`
	Marked int    `json:"marked"` // the last mark that was told
}

// Usage is how a month stands.
type Usage struct {
	Month    string
	Used     int
	Monthly  int
	Percent  int
	Forecast int       // calls by the end of the month if it goes on as so far
	RunsOut  time.Time // when the calls are spent if it goes on so; zero: not this month
	Ends     time.Time // the month
	Free     int       // calls that may be made now without spacing
}

// Pause is how long to wait before the next write, counted from now; 0: write. The
// longer it is, the more records should share the call.
func (b *Budget) Pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.turn()
	start, end := b.bounds(now)
	left := b.bucket(now, start, end)
	plan := b.plan()
	day := plan * float64(24*time.Hour) / float64(end.Sub(start))
	if left >= max(day, 1) || b.last.IsZero() && left >= 1 {
		return 0
	}
	average := time.Duration(float64(end.Sub(start)) / plan)
	if left < 1 {
		// Until there is one call's worth, or the next month's first.
		return min(time.Duration((1-left)*float64(average)), end.Sub(now))
	}
	spacing := time.Duration(float64(average) * (1 - left/day))
	return max(0, b.last.Add(spacing).Sub(now))
}

// bucket is how many planned calls are left for now: what the month has brought so
// far, less what is spent. It begins with a day's share in advance, which the rest of
// the month pays back evenly, so that its last day is no poorer than the others. The
// caller holds the lock.
func (b *Budget) bucket(now, start, end time.Time) float64 {
	month := float64(end.Sub(start))
	passed := float64(now.Sub(start)) / month
	head := float64(24*time.Hour) / month * (1 - passed)
	return b.plan()*(passed+head) - float64(b.used()+b.flying)
}

func (b *Budget) plan() float64 { return float64(b.o.Monthly) * b.o.Plan }

func (b *Budget) used() int { return b.shared + b.own }

// turn opens a new account when the month is over, and returns the time. The caller
// holds the lock.
func (b *Budget) turn() time.Time {
	now := b.o.Now().In(b.o.Zone)
	// A clock that is set back a little does not bring the old month back.
	if month := now.Format("2006-01"); month > b.month {
		b.month, b.shared, b.own, b.offered, b.marked = month, 0, 0, 0, 0
	}
	return now
}

func (b *Budget) bounds(now time.Time) (start, end time.Time) {
	start = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, b.o.Zone)
	return start, start.AddDate(0, 1, 0)
}

// take reserves a call. Not ok means that the budget is spent, and how long to wait
// before asking again: never more than an hour, since budgets are raised.
func (b *Budget) take() (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.turn()
	if b.used()+b.flying >= b.o.Monthly {
		_, end := b.bounds(now)
		return min(time.Hour, end.Sub(now)), false
	}
	b.flying++
	return 0, true
}

// settle ends a reserved call.
func (b *Budget) settle(counted bool) {
	b.mu.Lock()
	now := b.turn()
	b.flying--
	b.last = now
	if counted {
		b.own++
	}
	u, told := b.usage(now), false
	for _, m := range marks {
		if u.Percent >= m && b.marked < m {
			b.marked, told = m, true
		}
	}
	b.mu.Unlock()
	if told && b.o.OnMark != nil {
		b.o.OnMark(u)
	}
}

func (b *Budget) spent() string {
	return fmt.Sprintf("the budget of %d calls for this month is spent (monthly_calls)", b.o.Monthly)
}

// Usage tells how the month stands.
func (b *Budget) Usage() Usage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.usage(b.turn())
}

func (b *Budget) usage(now time.Time) Usage {
	start, end := b.bounds(now)
	used := b.used()
	u := Usage{Month: b.month, Used: used, Monthly: b.o.Monthly, Percent: used * 100 / b.o.Monthly, Ends: end, Forecast: used}
	u.Free = max(0, int(b.bucket(now, start, end)))
	if passed := now.Sub(start); passed >= time.Hour && used > 0 {
		perHour := float64(used) / passed.Hours()
		u.Forecast = used + int(perHour*end.Sub(now).Hours())
		if hours := float64(b.o.Monthly-used) / perHour; hours < end.Sub(now).Hours() {
			u.RunsOut = now.Add(time.Duration(max(0, hours) * float64(time.Hour))).Round(time.Minute)
		}
	}
	return u
}

// State is what this process knows, for showing it.
func (b *Budget) State() BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn()
	return BudgetState{Month: b.month, Used: b.used(), Marked: b.marked}
}

// Merge takes in what all processes had spent by the stored state, and returns the
// state to be stored in its place, with what was spent here added. When it is stored
// (under the revision that was read; see token.Table), [Budget.Saved] is called with
// it; until then the same calls are offered again. A write that got through and was
// not confirmed counts them twice, which errs on the safe side.
func (b *Budget) Merge(stored BudgetState) BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn()
	if stored.Month == b.month {
		b.shared = max(0, stored.Used)
		b.marked = max(b.marked, stored.Marked)
	} else {
		b.shared = 0 // the stored one is over
	}
	b.offered = b.own
	return BudgetState{Month: b.month, Used: b.used(), Marked: b.marked}
}

// Saved says that what [Budget.Merge] returned is stored.
func (b *Budget) Saved(s BudgetState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Month != b.month {
		return
	}
	b.shared, b.own, b.offered = s.Used, b.own-b.offered, 0
}

// Findings says in an operator's words how the month stands; setting is the path of
// monthly_calls.
func (b *Budget) Findings(setting string) []pipeline.Finding {
	u := b.Usage()
	f := pipeline.Finding{
		Setting: setting,
		What:    fmt.Sprintf("%d of %d calls spent this month (%d %%); about %d by its end", u.Used, u.Monthly, u.Percent, u.Forecast),
	}
	const fix = "records are written in larger batches meanwhile; raise monthly_calls if the plan allows more, or share fewer calls with other apps"
	switch {
	case u.Used >= u.Monthly:
		f.Level, f.Fix = pipeline.Fail, "nothing is written until "+u.Ends.Format("2 January")+"; upgrade the plan and raise monthly_calls"
	case u.Percent >= marks[len(marks)-1] || !u.RunsOut.IsZero():
		f.Level, f.Fix = pipeline.Warn, fix
	}
	return []pipeline.Finding{f}
}
