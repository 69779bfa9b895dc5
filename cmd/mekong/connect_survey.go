package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
	"mekong/sinks/lark"
)

// surveyTimeout bounds finding the table, over all calls.
const surveyTimeout = time.Minute

// survey is what was found behind a link.
type survey struct {
	base    lark.Base
	table   lark.Table
	columns []lark.Field
	report  doctor.Report // what is wrong, if something is
}

// survey finds the Base, the table and its columns, and stops at the first thing that
// is wrong, with what to do about it.
func (con *connection) survey(ctx context.Context) (survey, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var s survey
	brand := con.o.brand
	if brand == "" {
		brand = con.link.Brand
	}
	client, err := lark.New(lark.Options{Brand: brand, Endpoint: con.o.endpoint, AppID: con.o.appID, AppSecret: config.NewSecret(con.secret)})
	if err != nil {
		return s, usageError{err}
	}
	where := lark.Where{Setting: config.Path("sinks", con.o.name, "larkbase"), Brand: client.Brand(), AppID: con.o.appID, Link: con.link}
	wrong := func(f pipeline.Finding) (survey, error) {
		s.report.Groups = []doctor.Group{{Name: "sink " + con.o.name, Findings: []pipeline.Finding{f}}}
		return s, nil
	}
	if con.link.Brand != "" && con.link.Brand != client.Brand() && con.o.endpoint == "" {
		return wrong(lark.OtherBrand.Finding(where))
	}
	if err := client.Authenticate(ctx); err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	link, err := client.Resolve(ctx, con.link)
	if err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	where.Link = link
	if s.base, err = client.Base(ctx, link.AppToken); err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	tables, err := client.Tables(ctx, link.AppToken)
	if err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	var f *pipeline.Finding
	if s.table, f = con.pick(tables, s.base, where); f != nil {
		return wrong(*f)
	}
	where.Link.TableID = s.table.ID
	if s.columns, err = client.Fields(ctx, link.AppToken, s.table.ID); err != nil {
		return wrong(lark.Diagnose(err, where))
	}
	if len(s.columns) == 0 {
		return wrong(lark.EmptyReads.Finding(where))
	}
	return s, nil
}

// pick finds the table that is meant: by --table, by the link, or the only one.
func (con *connection) pick(tables []lark.Table, base lark.Base, where lark.Where) (lark.Table, *pipeline.Finding) {
	want := con.o.table
	if want == "" {
		want = con.link.TableID
	}
	var known []string
	for _, t := range tables {
		if t.ID == want || want != "" && strings.TrimSpace(t.Name) == strings.TrimSpace(want) {
			return t, nil
		}
		known = append(known, fmt.Sprintf("%q (%s)", t.Name, t.ID))
	}
	slices.Sort(known)
	f := pipeline.Finding{Level: pipeline.Fail, Setting: where.Setting + ".url", Fix: "click the table's tab and copy the link again, or name it with --table; there are: " + strings.Join(known, ", ")}
	switch {
	case len(tables) == 0:
		f := lark.EmptyReads.Finding(where)
		return lark.Table{}, &f
	case want == "" && len(tables) == 1:
		return tables[0], nil
	case want == "":
		f.What = fmt.Sprintf("the link does not say which table of the Base %q is meant", base.Name)
	default:
		f.What = fmt.Sprintf("there is no table %q in the Base %q: it was deleted, or the link is to another Base", want, base.Name)
	}
	return lark.Table{}, &f
}

// tellColumns shows the live columns with what is proposed for each.
func (c *cli) tellColumns(s survey, mapped []proposal) {
	fmt.Fprintf(c.out, "Base %q, table %q, %d columns:\n\n", tame(s.base.Name), tame(s.table.Name), len(mapped))
	name, kind, field := len("Column"), len("Type"), len("Field")
	for _, p := range mapped {
		name = max(name, utf8.RuneCountInString(tame(p.Column.Name)))
		kind = max(kind, len(typeName(p.Column)))
		field = max(field, len(p.Field))
	}
	row := func(a, b, arrow, d, e string) {
		fmt.Fprintln(c.out, strings.TrimRight(fmt.Sprintf("  %s  %-*s  %s %-*s  %s", padded(a, name), kind, b, arrow, field, d, e), " "))
	}
	row("Column", "Type", " ", "Field", "")
	for _, p := range mapped {
		arrow := "←"
		if p.Field == "" {
			arrow = " "
		}
		row(tame(p.Column.Name), typeName(p.Column), arrow, p.Field, p.Word)
	}
	fmt.Fprintln(c.out)
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// tame takes control characters out of a name that others chose.
func tame(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, s)
}
