package console

import (
	"net/http"
	"slices"
	"time"
)

// SinkInfo is what an operator should know of one destination, besides how it stands.
type SinkInfo struct {
	Name, Kind  string
	Accept      []string
	Where       string // the rule of what it takes; empty: all of those kinds
	Link        string // of the table or the spreadsheet; empty: none to open
	Columns     []Pair // column, field
	ByName      bool   // without Columns: each field goes to the column of its name
	Batch       int    // records in one write
	Writers     int    // writes at once; 0: it does not run in this process
	Calls       []Call // since this process began
	Quota       int64  // of those, what counts against a month's quota
	Spent       int64  // calls of this month, by every process, where Monthly is set
	Monthly     int64  // calls it may spend in a month; 0: no limit
	Credentials []Credential
}

// Pair is a name and what belongs to it.
type Pair struct{ Name, Value string }

// Call is how often one of a vendor's calls was made.
type Call struct {
	Name       string
	OK, Failed int64
}

// Credential is something that ends.
type Credential struct {
	Name string
	Ends time.Time // 1970: somebody has to sign in again
}

// Over says that it has ended for good.
func (c Credential) Over() bool { return c.Ends.Unix() <= 0 }

// Part is how much of the month's calls is spent, in percent.
func (s SinkInfo) Part() int64 {
	if s.Monthly <= 0 {
		return 0
	}
	return s.Spent * 100 / s.Monthly
}

type sinksView struct {
	facts
	Pulses   map[string]pulse
	Shapes   map[string]Shape
	Looked   time.Time // when the tables were looked at; zero: not yet
	Looking  bool
	Sinks    []SinkInfo
	Hands    map[string]bool // sinks that people hold
	Waiting  map[string]int64
	May      bool   // this visitor may hold a sink
	Done, On string // what was just done, and to which sink
}

// refresh: a look under way is waited for.
func (v sinksView) refresh() int {
	if v.Looking && v.Looked.IsZero() {
		return 3
	}
	return 0
}

func (c *Console) sinksPage(w http.ResponseWriter, r *http.Request, v visitor) {
	infos, err := c.opts.Sinks(r.Context())
	if err != nil {
		c.log.Warn("the sinks cannot be told of", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	out := sinksView{Sinks: infos, Hands: map[string]bool{}, Waiting: map[string]int64{}, May: c.opts.Holds != nil && v.role >= Operator}
	if done := r.URL.Query().Get("done"); slices.Contains([]string{"held", "released", "stands"}, done) {
		out.Done, out.On = done, r.URL.Query().Get("sink")
	}
	if c.flow != nil {
		s, err := c.flow.look(r.Context())
		if err != nil {
			c.log.Warn("how everything stands cannot be told", "error", err)
			c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
			return
		}
		out.facts, out.Pulses = v.tongue.facts(s), c.flow.pulses()
		for _, n := range s.Sinks {
			out.Waiting[n.Name] = n.Balance.Waiting
			if !n.ByHand.At.IsZero() {
				out.Hands[n.Name] = true
			}
		}
	}
	if c.shapes != nil {
		out.Shapes, out.Looked, out.Looking = c.shapes.ask(r.Context())
	}
	c.show(w, r, v, http.StatusOK, "sinks", out)
}
