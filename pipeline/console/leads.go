package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mekong/pipeline/table"
	"mekong/pipeline/trace"
)

// Leads finds records and what became of them.
type Leads interface {
	Search(ctx context.Context, term string, f trace.Filter, limit int) (trace.Page, error)
	Path(ctx context.Context, id string) (trace.Path, error)
	Lag(context.Context) ([]trace.Lag, error)
}

const (
	leadsPage   = 50
	searchMost  = 5 * time.Second
	exportMost  = 20_000 // rows of one file
	exportLimit = 25 * time.Second
)

// states are those that can be asked for.
var leadStates = []trace.State{trace.Waiting, trace.Stored, trace.Filtered, trace.BuriedAt, trace.Dropped}

type leadsView struct {
	Term           string
	Filter         trace.Filter
	Sources, Sinks []string
	States         []trace.State
	Entries        []trace.Entered
	More           string // address of what comes next
	Had            int64
	Behind         time.Duration // how far the index is behind the streams; 0: not
	Slow           bool          // it took too long to find all
}

// asked reads a search out of an address, which holds all of it.
func asked(q url.Values) (term string, f trace.Filter) {
	return oneLine(q.Get("q"), textMost), trace.Filter{
		Source: q.Get("source"), Form: q.Get("form"), Sink: q.Get("sink"), State: trace.State(q.Get("state")), After: q.Get("after"),
	}
}

// query is the address of a search, without where it goes on.
func query(term string, f trace.Filter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"q": term, "source": f.Source, "form": f.Form, "sink": f.Sink, "state": string(f.State)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// masked hides who an entry is about from those who may not know.
func masked(e trace.Entered, role Role) trace.Entered {
	if role < Operator {
		e.Name, e.Phone, e.Email = maskName(e.Name), maskPhone(e.Phone), maskEmail(e.Email)
		if e.Key != e.ID {
			e.Key = "***" // it may be made of a phone number
		}
		e.Page = maskField("page", e.Page)
	}
	return e
}

func (c *Console) leadsList(w http.ResponseWriter, r *http.Request, v visitor) {
	term, f := asked(r.URL.Query())
	out := leadsView{Term: term, Filter: f, States: leadStates}
	if c.flow != nil {
		s, err := c.flow.look(r.Context())
		if err == nil {
			out.Had = s.taken()
			for _, n := range s.Sources {
				out.Sources = append(out.Sources, n.Name)
			}
			for _, n := range s.Sinks {
				out.Sinks = append(out.Sinks, n.Name)
			}
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), searchMost)
	defer cancel()
	page, err := c.opts.Leads.Search(ctx, term, f, leadsPage)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		out.Slow = true
	case err != nil:
		c.log.Warn("leads cannot be searched", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.index")
		return
	}
	for _, e := range page.Entries {
		out.Entries = append(out.Entries, masked(e, v.role))
	}
	q := query(term, f)
	if page.Next != "" {
		q.Set("after", page.Next)
		out.More = "/leads?" + q.Encode()
	}
	if lag, err := c.opts.Leads.Lag(ctx); err == nil {
		for _, l := range lag {
			out.Behind = max(out.Behind, l.Behind)
		}
	}
	c.show(w, r, v, http.StatusOK, "leads", out)
}

type leadView struct {
	trace.Path
	Raw     string // what was sent; for operators
	Cut     bool
	Meta    []Pair
	Records []leadRecord
	Behind  time.Duration
}

type leadRecord struct {
	trace.Traced
	Fields []Pair
}

func (c *Console) leadPage(w http.ResponseWriter, r *http.Request, v visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), searchMost)
	defer cancel()
	path, err := c.opts.Leads.Path(ctx, oneLine(r.URL.Query().Get("id"), textMost))
	if errors.Is(err, trace.ErrUnknown) {
		c.fault(w, r, v, http.StatusNotFound, "fault.lead")
		return
	}
	if err != nil {
		c.log.Warn("the path of a lead cannot be shown", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.index")
		return
	}
	out := leadView{Path: path}
	for _, l := range path.Lag {
		out.Behind = max(out.Behind, l.Behind)
	}
	if got := path.Received; got != nil && v.role >= Operator {
		out.Raw, out.Cut = beginning(got.Raw.Body)
		for name, value := range got.Raw.Meta {
			out.Meta = append(out.Meta, Pair{name, value})
		}
		sortPairs(out.Meta)
	}
	for _, rec := range path.Records {
		one := leadRecord{Traced: rec, Fields: shownFields(rec.Record, v.role)}
		one.Entered = masked(rec.Entered, v.role)
		if v.role < Operator {
			one.Changes = nil
			for _, ch := range rec.Changes {
				ch.From, ch.To = maskField(ch.Field, ch.From), maskField(ch.Field, ch.To)
				one.Changes = append(one.Changes, ch)
			}
		}
		out.Records = append(out.Records, one)
	}
	c.show(w, r, v, http.StatusOK, "lead", out)
}

// export gives what a search finds as a file, to operators, and writes down who took
// how many.
func (c *Console) export(w http.ResponseWriter, r *http.Request, v visitor) {
	format, err := table.ParseFormat(r.PostFormValue("format"))
	if err != nil {
		c.fault(w, r, v, http.StatusBadRequest, "fault.form")
		return
	}
	term, f := asked(r.PostForm)
	f.After = ""
	ctx, cancel := context.WithTimeout(r.Context(), exportLimit)
	defer cancel()
	var all []trace.Entered
	for len(all) < exportMost {
		page, err := c.opts.Leads.Search(ctx, term, f, trace.MostEntries)
		if err != nil {
			c.log.Warn("leads cannot be exported", "error", err)
			c.fault(w, r, v, http.StatusServiceUnavailable, "fault.index")
			return
		}
		all = append(all, page.Entries...)
		if f.After = page.Next; f.After == "" {
			break
		}
	}
	c.note(Entry{Who: v.user, What: "exported", On: string(format), Count: len(all)})
	w.Header().Set("Content-Type", map[table.Format]string{table.CSV: "text/csv; charset=utf-8",
		table.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}[format])
	w.Header().Set("Content-Disposition", `attachment; filename="mekong-leads.`+string(format)+`"`)
	if err := c.writeLeads(w, format, all, v.tongue); err != nil {
		c.log.Warn("an export broke off", "error", err)
	}
}

func (c *Console) writeLeads(w http.ResponseWriter, format table.Format, all []trace.Entered, l tongue) error {
	columns := []string{l.say("lead.received"), l.say("lead.name"), l.say("lead.phone"), l.say("lead.email"), l.say("lead.form"),
		l.say("lead.page"), l.say("lead.source"), l.say("lead.kind"), "ID", l.say("lead.state")}
	out, err := table.NewWriter(w, format, columns, table.Options{Zone: c.opts.Zone})
	if err != nil {
		return err
	}
	for _, e := range all {
		var steps []string
		for _, s := range e.Steps {
			steps = append(steps, s.Sink+": "+l.say("step."+string(s.State)))
		}
		if err := out.Write([]any{e.Received, e.Name, e.Phone, e.Email, e.Form, e.Page, e.Source, e.Kind, e.ID, steps}); err != nil {
			return err
		}
	}
	return out.Close()
}

func sortPairs(list []Pair) {
	slices.SortFunc(list, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
}
