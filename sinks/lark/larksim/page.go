package larksim

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
)

//go:embed page.html
var pageHTML string

// pageTemplate is parsed once and never changed.
var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// shownRows is how many rows of a table the page shows, the newest first.
const shownRows = 200

// pageView is what the page shows: every Base by name, one table of one of them.
type pageView struct {
	Nonce    string
	Query    template.URL // base and table, for the polling
	Revision string
	Bases    []baseView
	Name     string
	Table    string
	Columns  []columnView
	Rows     []rowView
	Total    int
	Shown    int
	Stats    []statView
	Switches []switchView
}

type baseView struct {
	Token, Name string
	Tables      []tableView
}

type tableView struct {
	ID, Name string
	Rows     int
	Open     bool
}

type columnView struct {
	Name, Icon string
	Wide       bool
	Right      bool
}

type rowView struct {
	ID    string
	N     int
	Meant bool // the address is one of this record
	Cells []cellView
}

type statView struct{ Name, Value string }

// showPage is GET /sim, and GET /base/:app_token as a link to a Base has it.
func showPage(c *call) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	v := c.pageView()
	v.Nonce = c.logID[len(c.logID)-16:]
	m := rendered("page", v)
	m.header = map[string]string{"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-" + v.Nonce +
		"'; connect-src 'self'; base-uri 'none'; form-action 'none'", "Cache-Control": "no-store"}
	return m, nil
}

// showGrid is what the page polls: the part that changes, or nothing new.
func showGrid(c *call) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if rev := c.query.Get("rev"); rev != "" && rev == c.s.pageRevision() {
		return markup{status: http.StatusNoContent}, nil
	}
	m := rendered("grid", c.pageView())
	m.header = map[string]string{"Cache-Control": "no-store"}
	return m, nil
}

func rendered(name string, v pageView) markup {
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, name, v); err != nil {
		panic("larksim: a page that cannot be shown: " + err.Error())
	}
	return markup{status: http.StatusOK, page: b.Bytes()}
}

// pageRevision changes whenever the page would.
func (s *Sim) pageRevision() string {
	n := 0
	for _, b := range s.bases {
		n += b.revision
	}
	return fmt.Sprintf("%d-%d-%d-%d", n, s.record.total, len(s.baseOrder), s.board.turned)
}

func (c *call) pageView() pageView {
	s := c.s
	v := pageView{Revision: s.pageRevision(), Switches: s.switchViews()}
	token := c.vars["app_token"]
	if token == "" {
		token = c.query.Get("base")
	}
	if s.bases[token] == nil && len(s.baseOrder) > 0 {
		token = s.baseOrder[0]
	}
	var open *table
	for _, t := range s.baseOrder {
		b := s.bases[t]
		bv := baseView{Token: b.token, Name: b.name}
		if t == token && len(b.tables) > 0 {
			if open = b.table(c.query.Get("table")); open == nil {
				open = b.tables[0]
			}
		}
		for _, tb := range b.tables {
			bv.Tables = append(bv.Tables, tableView{ID: tb.id, Name: tb.name, Rows: len(tb.rows), Open: tb == open})
		}
		v.Bases = append(v.Bases, bv)
	}
	v.Stats = s.stats(s.bases[token])
	if open == nil {
		return v
	}
	v.Name, v.Table = open.base.name, open.name
	v.Query = template.URL("base=" + template.URLQueryEscaper(token) + "&table=" + template.URLQueryEscaper(open.id))
	if id := c.query.Get("record"); plausible(id, "rec") {
		v.Query += template.URL("&record=" + template.URLQueryEscaper(id))
	}
	shown := slices.DeleteFunc(slices.Clone(open.fields), func(f *field) bool { return f.hidden })
	for _, f := range shown {
		v.Columns = append(v.Columns, columnView{Name: f.name, Icon: icon(f), Right: f.kind == Number && f.ui != "Rating", Wide: f.kind == Text && f.ui == "Text"})
	}
	v.Total, v.Shown = len(open.rows), min(len(open.rows), shownRows)
	for _, r := range slices.Backward(open.rows[v.Total-v.Shown:]) {
		row := rowView{ID: r.id, N: r.number, Meant: r.id == c.query.Get("record")}
		for _, f := range shown {
			row.Cells = append(row.Cells, s.cellView(open, f, r))
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func (s *Sim) stats(b *base) []statView {
	s.turn(s.now())
	calls := fmt.Sprint(s.spent.calls)
	if s.opts.Quota > 0 {
		calls += fmt.Sprintf(" of %d", s.opts.Quota)
	}
	out := []statView{{"Calls this month", calls}}
	if b != nil {
		out = append(out, statView{"Writes", fmt.Sprint(b.writes)}, statView{"At once, at most", fmt.Sprint(b.peak)}, statView{"Overlaps", fmt.Sprint(b.overlaps)})
	}
	failed := 0
	for _, n := range s.record.calls {
		failed += n.Failed
	}
	return append(out, statView{"Refused or lost", fmt.Sprint(failed)}, statView{"Faults armed", fmt.Sprint(len(s.faults))})
}
