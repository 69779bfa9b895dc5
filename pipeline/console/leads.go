package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	First, More    string // addresses of the beginning, and of what comes next
	Had            int64
	Behind         time.Duration // how far the index is behind the streams; 0: not
	Slow           bool          // it took too long to find all
	Lost           bool          // what was searched for is not known any more
}

// filterOf reads what a search is narrowed to out of an address or a form.
func filterOf(q url.Values) trace.Filter {
	return trace.Filter{Source: q.Get("source"), Form: q.Get("form"), Sink: q.Get("sink"), State: trace.State(q.Get("state")), After: q.Get("after")}
}

// termOf is what somebody typed to search for.
func termOf(q url.Values) string { return oneLine(q.Get("q"), textMost) }

// searchAt is the address of a search from its beginning. What was searched for stands
// in it only as a handle.
func searchAt(handle string, f trace.Filter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"s": handle, "source": f.Source, "form": f.Form, "sink": f.Sink, "state": string(f.State)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func leadsAt(q url.Values) string {
	if len(q) == 0 {
		return "/leads"
	}
	return "/leads?" + q.Encode()
}

// leadsFind takes a search, and sends to its address.
func (c *Console) leadsFind(w http.ResponseWriter, r *http.Request, v visitor) {
	http.Redirect(w, r, leadsAt(searchAt(v.searches.keep(termOf(r.PostForm)), filterOf(r.PostForm))), http.StatusSeeOther)
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
	asked := r.URL.Query()
	f := filterOf(asked)
	if term := termOf(asked); term != "" {
		// Somebody wrote an address by hand. It goes on without the term, at least here.
		http.Redirect(w, r, leadsAt(searchAt(v.searches.keep(term), f)), http.StatusSeeOther)
		return
	}
	handle := asked.Get("s")
	first := searchAt(handle, f)
	out := leadsView{Filter: f, States: leadStates, First: leadsAt(first)}
	if handle != "" {
		var known bool
		if out.Term, known = v.searches.term(handle); !known {
			out.Lost = true
		}
	}
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
	var page trace.Page
	var err error
	if !out.Lost { // else everybody would be shown as found
		page, err = c.opts.Leads.Search(ctx, out.Term, f, leadsPage)
	}
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
	if page.Next != "" {
		first.Set("after", page.Next)
		out.More = leadsAt(first)
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
	Receipt bool // one can be issued
	Forget  bool // who it is can be forgotten from here
	Follow  bool // it was sent a moment ago, and is followed until it is everywhere
}

// refresh is for browsers without JavaScript.
func (l leadView) refresh() int {
	if l.Follow {
		return 2
	}
	return 0
}

// followMost is how long a test is followed: a sink that is held may hold it for days.
const followMost = time.Minute

// justSent says whether the address is that of a test which was sent a moment ago.
func (c *Console) justSent(r *http.Request) bool {
	at, err := strconv.ParseInt(r.URL.Query().Get("sent"), 10, 64)
	if err != nil {
		return false
	}
	age := c.opts.Now().Sub(time.Unix(at, 0))
	return age > -followMost && age < followMost
}

// underWay says whether something of a lead is still on its way.
func underWay(p trace.Path) bool {
	for _, rec := range p.Records {
		if slices.ContainsFunc(rec.Steps, func(s trace.Step) bool { return s.State == trace.Waiting }) {
			return true
		}
	}
	return len(p.Records) == 0 && (p.Step == nil || p.Step.State == trace.Waiting)
}

type leadRecord struct {
	trace.Traced
	Fields []Pair
}

func (c *Console) leadPage(w http.ResponseWriter, r *http.Request, v visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), searchMost)
	defer cancel()
	id := oneLine(r.URL.Query().Get("id"), textMost)
	path, err := c.opts.Leads.Path(ctx, id)
	if errors.Is(err, trace.ErrUnknown) && c.justSent(r) {
		c.show(w, r, v, http.StatusOK, "lead", leadView{Path: trace.Path{ID: id}, Follow: true}) // the index is a moment behind
		return
	}
	if errors.Is(err, trace.ErrUnknown) {
		c.fault(w, r, v, http.StatusNotFound, "fault.lead")
		return
	}
	if err != nil {
		c.log.Warn("the path of a lead cannot be shown", "error", err)
		c.fault(w, r, v, http.StatusServiceUnavailable, "fault.index")
		return
	}
	out := leadView{Path: path, Receipt: c.opts.Receipt != nil, Forget: c.cases != nil, Follow: underWay(path) && c.justSent(r)}
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
	term, f := termOf(r.PostForm), filterOf(r.PostForm)
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
