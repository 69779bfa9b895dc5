package console

import (
	"net/http"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

const (
	healthFresh = 30 * time.Second // a report is good for
	healthMost  = 2 * time.Minute  // an examination may take
	healthWait  = 2 * time.Second  // a page waits for one before it shows what there is
)

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
