package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

const (
	healthFresh = 30 * time.Second // a report is good for
	healthMost  = 2 * time.Minute  // an examination may take
	healthWait  = 2 * time.Second  // a page waits for one before it shows what there is
)

// examiner runs the doctor when somebody asks and the last report is old: one
// examination at a time, however many ask.
type examiner struct {
	run func(context.Context) doctor.Report
	now func() time.Time

	mu     sync.Mutex
	report doctor.Report
	at     time.Time     // of the report; zero: none yet
	busy   chan struct{} // closed when the examination under way is over; nil: none is
	asked  chan chan struct{}
}

// work examines what is asked for until ctx ends.
func (e *examiner) work(ctx context.Context) {
	asked := e.door()
	for {
		select {
		case done := <-asked:
			limited, cancel := context.WithTimeout(ctx, healthMost)
			report := e.run(limited)
			cancel()
			e.mu.Lock()
			e.report, e.at, e.busy = report, e.now(), nil
			e.mu.Unlock()
			close(done)
		case <-ctx.Done():
			return
		}
	}
}

func (e *examiner) door() chan chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked == nil {
		e.asked = make(chan chan struct{}, 1)
	}
	return e.asked
}

// ask begins an examination where one is due, and waits a little for it.
func (e *examiner) ask(ctx context.Context) (report doctor.Report, at time.Time, busy bool) {
	asked := e.door()
	e.mu.Lock()
	if e.busy == nil && (e.at.IsZero() || e.now().Sub(e.at) > healthFresh) {
		e.busy = make(chan struct{})
		asked <- e.busy // there is room: only one is ever under way
	}
	under := e.busy
	e.mu.Unlock()
	if under != nil {
		t := time.NewTimer(healthWait)
		defer t.Stop()
		select {
		case <-under:
		case <-t.C:
		case <-ctx.Done():
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.report, e.at, e.busy != nil
}

type healthView struct {
	At         time.Time
	Busy       bool
	Groups     []doctor.Group
	OK         int
	Warn, Fail int
}

// refresh: an examination under way is waited for.
func (h healthView) refresh() int {
	if h.Busy {
		return 3
	}
	return 0
}

func (c *Console) healthPage(w http.ResponseWriter, r *http.Request, v visitor) {
	report, at, busy := c.health.ask(r.Context())
	c.show(w, r, v, http.StatusOK, "health", healthView{At: at, Busy: busy, Groups: report.Groups,
		OK: report.Count(pipeline.OK), Warn: report.Count(pipeline.Warn), Fail: report.Count(pipeline.Fail)})
}
