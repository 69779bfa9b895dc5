package console

import (
	"net/http"
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

type sinksView struct {
	facts
	Sinks []SinkInfo
}

func (c *Console) sinksPage(w http.ResponseWriter, r *http.Request, v visitor) {
	infos, err := c.opts.Sinks(r.Context())
	if err != nil {
		c.log.Warn("the sinks cannot be told of", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	out := sinksView{Sinks: infos}
	if c.flow != nil {
		s, err := c.flow.look(r.Context())
		if err != nil {
			c.log.Warn("how everything stands cannot be told", "error", err)
			c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
			return
		}
		out.facts = v.tongue.facts(s)
	}
	c.show(w, r, v, http.StatusOK, "sinks", out)
}
