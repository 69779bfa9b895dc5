package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	Unmapped   []Unmapped
}

// Unmapped is a field that came of late and that no mapping names: it is kept as it is.
type Unmapped struct {
	Form, Field string
	Count       int
	Last        time.Time
	Example     string // a value that came, for operators
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
	// Test posts a made-up delivery at a source through its real door, and says under
	// which ID it was taken in; "" where the answer has none.
	Test(ctx context.Context, source string) (id string, err error)
}

type sourcesView struct {
	Sources []SourceInfo
	Failed  string // the source whose test failed
	Why     string // what its door said
}

func (c *Console) sourcesPage(w http.ResponseWriter, r *http.Request, v visitor) {
	infos, err := c.opts.Sources.Sources(r.Context())
	if err != nil {
		c.log.Warn("the sources cannot be told of", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	}
	c.show(w, r, v, http.StatusOK, "sources", sourcesView{Sources: seenBy(infos, v.role)})
}

// seenBy leaves the values out that somebody of that role must not see.
func seenBy(infos []SourceInfo, role Role) []SourceInfo {
	out := slices.Clone(infos)
	for i := range out {
		out[i].Unmapped = slices.Clone(out[i].Unmapped)
		for j := range out[i].Unmapped {
			u := &out[i].Unmapped[j]
			if u.Example = oneLine(u.Example, exampleMost); role < Operator {
				u.Example = ""
			}
		}
	}
	return out
}

const (
	exampleMost = 60 // letters of an example
	testMost    = 15 * time.Second
)

// test sends a made-up delivery, and leads to what becomes of it.
func (c *Console) test(w http.ResponseWriter, r *http.Request, v visitor) {
	name := r.PathValue("name")
	infos, err := c.opts.Sources.Sources(r.Context())
	i := slices.IndexFunc(infos, func(s SourceInfo) bool { return s.Name == name && s.URL != "" })
	switch {
	case err != nil:
		c.log.Warn("a source cannot be tested", "source", name, "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.flow")
		return
	case i < 0:
		c.nowhere(w, r, v)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), testMost)
	defer cancel()
	id, err := c.opts.Sources.Test(ctx, name)
	if err != nil {
		// It is the answer to the person's question, and nothing that is wrong here.
		c.show(w, r, v, http.StatusBadGateway, "sources", sourcesView{Sources: seenBy(infos, v.role), Failed: name, Why: oneLine(err.Error(), 1000)})
		return
	}
	c.note(Entry{Who: v.user, What: "tested", On: name})
	if id == "" || c.opts.Leads == nil {
		http.Redirect(w, r, "/sources/"+url.PathEscape(name)+"/watch", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/lead?"+url.Values{"id": {id}, "sent": {strconv.FormatInt(c.opts.Now().Unix(), 10)}}.Encode(), http.StatusSeeOther)
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
