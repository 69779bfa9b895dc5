package sheetsim

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page.html
var pageHTML string

// pageTemplate is parsed once and never changed.
var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

const (
	shownRows    = 200 // the first row and the newest of the others
	shownColumns = 60
)

type pageView struct {
	Nonce, ID, Title string
	Revision         string
	Query            template.URL
	Tabs             []tabLink
	Columns          []headView
	Rows             []rowView
	Filled, Shown    int
	Stats            []statView
	Books            []bookLink
}

type (
	tabLink struct {
		Title string
		GID   int64
		Open  bool
	}
	headView struct{ Letter string }
	rowView  struct {
		N     int
		Cells []cellView
		Head  bool
		Gap   bool // rows before it are not shown
	}
	cellView struct {
		Text  string
		Right bool
		Mid   bool
		Bold  bool
	}
	statView struct{ Name, Value string }
	bookLink struct {
		ID, Title string
		Tabs      int
	}
)

// sheetPage is GET /spreadsheets/d/ID/edit, and …/grid, which the page polls.
func (s *Sim) sheetPage(r *http.Request) reply {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) > 2 && parts[1] == "u" {
		parts = append(parts[:1:1], parts[3:]...)
	}
	if len(parts) < 3 || parts[1] != "d" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return plainText(http.StatusNotFound, "not found")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.books[parts[2]]
	if b == nil {
		return plainText(http.StatusNotFound, "Sorry, the file you have requested does not exist.")
	}
	gid, err := strconv.ParseInt(r.URL.Query().Get("gid"), 10, 64)
	sh := b.sheet(gid)
	if err != nil || sh == nil {
		sh = b.firstVisible()
	}
	revision := fmt.Sprintf("%d-%d", b.edition, s.record.total())
	grid := len(parts) > 3 && parts[3] == "grid"
	if grid && r.URL.Query().Get("rev") == revision {
		return reply{status: http.StatusNoContent}
	}
	v := s.pageView(b, sh)
	v.Revision = revision
	v.Nonce = fmt.Sprintf("%016x", s.rand.Uint64())
	name := "page"
	if grid {
		name = "grid"
	}
	return s.rendered(name, v)
}

// indexPage lists the spreadsheets.
func (s *Sim) indexPage() reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := pageView{}
	for _, id := range s.order {
		v.Books = append(v.Books, bookLink{id, s.books[id].title, len(s.books[id].sheets)})
	}
	return s.rendered("index", v)
}

func (s *Sim) rendered(name string, v pageView) reply {
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, name, v); err != nil {
		panic("sheetsim: a page that cannot be shown: " + err.Error())
	}
	return reply{status: http.StatusOK, kind: "text/html; charset=utf-8", body: b.Bytes(), header: map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-" + v.Nonce +
			"'; connect-src 'self'; base-uri 'none'; form-action 'none'", "Cache-Control": "no-store"}}
}

func (s *Sim) pageView(b *book, open *sheet) pageView {
	v := pageView{ID: b.id, Title: b.title, Query: template.URL("gid=" + itoa(open.id)), Stats: s.stats(b)}
	for _, sh := range b.sheets {
		if !sh.hidden || sh == open {
			v.Tabs = append(v.Tabs, tabLink{sh.title, sh.id, sh == open})
		}
	}
	var shown []int
	for c := 0; c < open.cols && len(shown) < shownColumns; c++ {
		if !open.columns[c].hidden {
			shown = append(shown, c)
			v.Columns = append(v.Columns, headView{columnName(c)})
		}
	}
	v.Filled = open.lastFilled()
	head := max(open.frozenRows, 1)
	end := max(v.Filled, min(open.rows, 25)) // an empty sheet shows its lines too
	from := max(head, v.Filled-shownRows)
	for r := 0; r < end; r++ {
		if r == head {
			r = max(r, from)
			if r >= end {
				break
			}
		}
		if r < len(open.data) && open.data[r] != nil && open.data[r].hidden {
			continue
		}
		line := rowView{N: r + 1, Head: r < open.frozenRows, Gap: r == from && from > head}
		for _, c := range shown {
			line.Cells = append(line.Cells, b.cellView(open, r, c))
		}
		v.Rows = append(v.Rows, line)
		if r < v.Filled {
			v.Shown++
		}
	}
	return v
}

// cellView puts numbers to the right, truths in the middle, texts to the left.
func (b *book) cellView(s *sheet, r, c int) cellView {
	x := s.at(r, c)
	f := s.formatAt(r, c)
	v := cellView{Text: b.show(x.v, f)}
	switch x.v.(type) {
	case float64:
		v.Right = true
	case bool:
		v.Mid = true
	}
	text, _ := f["textFormat"].(object)
	v.Bold, _ = text["bold"].(bool)
	if h, _ := f["horizontalAlignment"].(string); h != "" {
		v.Right, v.Mid = h == "RIGHT", h == "CENTER"
	}
	if r == 0 && s.frozenRows == 0 {
		v.Bold = v.Bold && v.Text != ""
	}
	return v
}

func (s *Sim) stats(b *book) []statView {
	reads, writes := 0, 0
	for _, m := range s.record.byMinute {
		reads += m.Reads
		writes += m.Writes
	}
	failed := 0
	for _, n := range s.record.failed {
		failed += n
	}
	return []statView{{"Writes", fmt.Sprint(writes)}, {"Reads", fmt.Sprint(reads)}, {"At once, at most", fmt.Sprint(b.peak)},
		{"Over quota", fmt.Sprint(s.record.refused)}, {"Refused or lost", fmt.Sprint(failed)}, {"Faults armed", fmt.Sprint(len(s.faults))}}
}

// total changes with every call, so that the page's numbers follow.
func (l *ledger) total() int {
	n := 0
	for _, c := range l.byMethod {
		n += c
	}
	return n
}
