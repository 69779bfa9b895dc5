package receipt

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// Policy is the Content-Security-Policy under which the page works: its own style and
// nothing else. It is in the page too; whoever serves one may send it along.
func Policy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// WriteHTML writes the receipt as a page by itself: no script, nothing from elsewhere,
// in which everything that anybody sent is text, fit to be printed on A4.
func WriteHTML(w io.Writer, r *Receipt, lang Lang) error { return r.WriteHTML(w, lang) }

// WriteHTML is the function of that name.
func (r *Receipt) WriteHTML(w io.Writer, lang Lang) error {
	if r.own == nil {
		return errForeign
	}
	t := tongue{lang}
	page, err := template.New("page").Funcs(template.FuncMap{"t": t.say, "moment": t.moment, "link": link}).Parse(pageText)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := page.Execute(&file, t.view(r)); err != nil {
		return err
	}
	return r.send(w, file.Bytes())
}

// link is a place that can be opened in a browser; "" if it is none.
func link(ref string) string {
	if strings.HasPrefix(ref, "https://") || strings.HasPrefix(ref, "http://") {
		return ref
	}
	return ""
}

// view is what the page shows.
type view struct {
	Lang      Lang
	Policy    string
	Style     template.CSS
	Title     string
	Receipt   *Receipt
	Issued    Issued
	Leads     []*leadView
	Forgotten []section
	Chain     []chainRow
	Seal      string
	Person    bool // it holds personal data
	Data      template.HTML
	File      string
}

// leadView is one delivery.
type leadView struct {
	ID       string
	Who      []string
	Received []section
	Consents []consentView
	Records  []section
	Outcomes []outcomeView
}

type section struct {
	Title string
	Items []Pair
}

type consentView struct {
	Says    string
	Wording string
	Items   []Pair
}

type outcomeView struct {
	Outcome
	At, Sink, State, Took string
	Record                string // only where there are several
	Class                 string
}

type chainRow struct {
	N          int
	What, Hash string
}

func (t tongue) view(r *Receipt) view {
	v := view{Lang: t.lang, Policy: Policy(), Style: template.CSS(pageStyle), Title: t.say("title", number(r.Number)), Receipt: r, Issued: r.Issued(),
		Seal: r.seal.String(), File: fileWord + noSignature}
	v.Issued.By = visible(v.Issued.By)
	var data strings.Builder
	data.WriteString(pageBegin)
	by := map[string]*leadView{}
	for i := range r.Facts {
		f := &r.Facts[i]
		title, items := t.tell(f)
		data.WriteString(r.lines[i].carried(i+1) + "\n")
		v.Chain = append(v.Chain, chainRow{i + 1, title, r.lines[i].hash.String()})
		if f.Forgotten != nil {
			v.Forgotten = append(v.Forgotten, section{t.say(f.Forgotten.words()), items[1:]})
		}
		if f.Lead == "" {
			continue
		}
		v.Person = true
		l := by[f.Lead]
		if l == nil {
			l = &leadView{ID: visible(f.Lead)}
			by[f.Lead] = l
			v.Leads = append(v.Leads, l)
		}
		l.add(t, f, title, items)
	}
	for _, l := range v.Leads {
		l.tidy()
	}
	data.WriteString(r.carriedSeal() + pageEnd)
	// There is no sign of HTML in a line: see canonical.
	v.Data = template.HTML(data.String())
	return v
}

func (l *leadView) add(t tongue, f *Fact, title string, items []Pair) {
	switch {
	case f.Received != nil:
		l.Received = append(l.Received, section{title, items})
	case f.Consent != nil:
		items = items[1:] // said in the sentence
		if f.Consent.Wording != "" {
			items = items[1:] // and quoted
		}
		l.Consents = append(l.Consents, consentView{t.say(f.Consent.words()), t.cut(visible(f.Consent.Wording)), items})
	case f.Record != nil:
		l.Records = append(l.Records, section{title, items})
		for _, s := range []string{f.Record.Name, f.Record.Phone, f.Record.Email} {
			if s = t.cut(visible(s)); s != "" && !slices.Contains(l.Who, s) {
				l.Who = append(l.Who, s)
			}
		}
	case f.Outcome != nil:
		o := *f.Outcome
		o.Ref, o.Why = visible(o.Ref), visible(o.Why)
		l.Outcomes = append(l.Outcomes, outcomeView{o, t.moment(f.At), visible(t.sink(&o)), t.state(o.State), took(o.Took), visible(o.Record), o.State.class()})
	}
}

// class is what the style calls a state.
func (s State) class() string {
	if _, ok := words["state."+string(s)]; ok {
		return string(s)
	}
	return ""
}

// tidy leaves the record out of outcomes where there is only one.
func (l *leadView) tidy() {
	if len(l.Records) > 1 {
		return
	}
	for i := range l.Outcomes {
		l.Outcomes[i].Record = ""
	}
}
