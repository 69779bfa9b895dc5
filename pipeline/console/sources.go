package console

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// SourceInfo is what an operator should know of one way in.
type SourceInfo struct {
	Name, Kind string
	URL        string // to paste where the sender asks for it; empty: nobody posts here
	Secret     string // path in the configuration of what the sender must show; empty: nothing
	Here       bool   // it runs in this process, whose counts these are
	Taken      int64
	Refused    []Cause
	Last       time.Time // of the latest delivery among the recent ones; zero: none
	Forms      []FormSeen
}

// Cause is how many requests were turned away for one reason.
type Cause struct {
	Name  string
	Count int64
}

// FormSeen is a form or a page among the recent records.
type FormSeen struct {
	Form, Page string
	Last       time.Time
	Count      int
}

// Request is one that came to a source, taken or turned away.
type Request struct {
	At    time.Time
	ID    string
	Cause string // why it was turned away; empty: it was taken
	Meta  []Pair
	Body  string
	Cut   bool // Body is only its beginning
}

// Sources tells of the ways in.
type Sources interface {
	Sources(context.Context) ([]SourceInfo, error)
	// Latest are the last n requests of a source, newest first.
	Latest(ctx context.Context, source string, n int) ([]Request, error)
}

func (c *Console) sourcesPage(w http.ResponseWriter, r *http.Request, v visitor) {
	infos, err := c.opts.Sources.Sources(r.Context())
	if err != nil {
		c.log.Warn("the sources cannot be told of", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	c.show(w, r, v, http.StatusOK, "sources", infos)
}

// watchMost is how many requests a watch shows.
const watchMost = 20

type watchView struct {
	Source   string
	Had      int64 // requests counted before these were read
	Requests []Request
}

// refresh is for browsers without JavaScript.
func (watchView) refresh() int { return 10 }

// watchPage shows what arrives at a source as it came: that is people's data, and for
// operators only.
func (c *Console) watchPage(w http.ResponseWriter, r *http.Request, v visitor) {
	name := r.PathValue("name")
	infos, err := c.opts.Sources.Sources(r.Context())
	i := slices.IndexFunc(infos, func(s SourceInfo) bool { return s.Name == name })
	if err == nil && i < 0 {
		c.nowhere(w, r, v)
		return
	}
	out := watchView{Source: name}
	if err == nil {
		out.Had = infos[i].counted()
		out.Requests, err = c.opts.Sources.Latest(r.Context(), name, watchMost)
	}
	if err != nil {
		c.log.Warn("a source cannot be watched", "source", name, "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	c.show(w, r, v, http.StatusOK, "watch", out)
}

func (s SourceInfo) counted() int64 {
	n := s.Taken
	for _, c := range s.Refused {
		n += c.Count
	}
	return n
}
