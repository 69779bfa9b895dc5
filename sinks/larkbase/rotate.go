package larkbase

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/sinks/lark"
)

// family is the configured table and those that followed it: "Leads", "Leads
// 2026-12", "Leads 2026-12 (2)", or "Leads 2", "Leads 3". Which there are is told by
// their names, so it survives a restart and another machine. The newest takes new
// rows; a row is looked for in the two newest.
type family struct {
	name   string
	tables []lark.Table // oldest first; the first is the configured one
}

// familyOf finds the followers of first among list.
func familyOf(first lark.Table, list []lark.Table, rotate string) *family {
	f := &family{name: first.Name, tables: []lark.Table{first}}
	if rotate == "" {
		return f
	}
	for _, t := range list {
		if _, ok := follower(f.name, t.Name, rotate); ok {
			f.tables = append(f.tables, t)
		}
	}
	slices.SortStableFunc(f.tables[1:], func(a, b lark.Table) int {
		x, _ := follower(f.name, a.Name, rotate)
		y, _ := follower(f.name, b.Name, rotate)
		return slices.Compare(x[:], y[:])
	})
	return f
}

// follower reads the name of a table that followed one called base: its month and
// its number.
func follower(base, name, rotate string) (place [2]int, ok bool) {
	rest, ok := strings.CutPrefix(name, base+" ")
	if !ok {
		return place, false
	}
	if rotate == "size" {
		n, err := strconv.Atoi(rest)
		return [2]int{0, n}, err == nil && n >= 2 && strconv.Itoa(n) == rest
	}
	month, n := rest, 1
	if before, after, two := strings.Cut(rest, " ("); two {
		var err error
		if n, err = strconv.Atoi(strings.TrimSuffix(after, ")")); err != nil || n < 2 || after != strconv.Itoa(n)+")" {
			return place, false
		}
		month = before
	}
	t, err := time.Parse("2006-01", month)
	return [2]int{t.Year()*12 + int(t.Month()), n}, err == nil
}

// newest are the n newest tables, newest first.
func (f *family) newest(n int) []lark.Table {
	out := slices.Clone(f.tables)
	slices.Reverse(out)
	return out[:min(n, len(out))]
}

// month is the month that a name of the present table would have.
func (s *Sink) month() string { return s.now().In(s.loc).Format("2006-01") }

// turned reports whether the month of the present table is over.
func (s *Sink) turned(b *base) bool {
	return s.conf.Rotate == "monthly" && !s.current(b.family)
}

// current reports whether the newest table is of this month, or of a later one, as
// a clock that was set back makes it.
func (s *Sink) current(f *family) bool {
	place, ok := follower(f.name, f.newest(1)[0].Name, "monthly")
	now, _ := follower(f.name, f.name+" "+s.month(), "monthly")
	return ok && place[0] >= now[0]
}

// turnMonth begins the month's table if there is none.
func (s *Sink) turnMonth(ctx context.Context, b *base) error {
	if s.current(b.family) {
		return nil
	}
	return s.begin(ctx, b, b.family.name+" "+s.month())
}

// nextTable begins a table because the present one is full.
func (s *Sink) nextTable(ctx context.Context, b *base) error {
	present := b.family.newest(1)[0].Name
	place, ok := follower(b.family.name, present, s.conf.Rotate)
	name := b.family.name + " 2"
	switch {
	case s.conf.Rotate == "size" && ok:
		name = fmt.Sprintf("%s %d", b.family.name, place[1]+1)
	case s.conf.Rotate == "monthly" && ok:
		month, _, _ := strings.Cut(strings.TrimPrefix(present, b.family.name+" "), " (")
		name = fmt.Sprintf("%s %s (%d)", b.family.name, month, place[1]+1)
	}
	s.base = nil // whatever comes of it, the tables are not what they were
	return s.begin(ctx, b, name)
}

// begun is a table that was made a moment ago, or may have been. To make one takes no
// client_token, so a lost answer is looked into before another try: a list that does
// not show the table is believed once the lag is over.
type begun struct {
	Name string    `json:"name"`
	ID   string    `json:"id,omitempty"` // "": no answer came
	At   time.Time `json:"at"`
}

// withBegun adds the table that a list may not have yet.
func (s *Sink) withBegun(list []lark.Table) []lark.Table {
	d := s.begun
	if d == nil {
		return list
	}
	there := slices.ContainsFunc(list, func(t lark.Table) bool { return t.Name == d.Name || t.ID == d.ID })
	switch {
	case there, s.now().Sub(d.At) >= lag:
		s.begun = nil
	case d.ID != "":
		list = append(list, lark.Table{ID: d.ID, Name: d.Name})
	}
	return list
}

// begin makes a table of that name with the columns of the newest one, unless there
// is one by now.
func (s *Sink) begin(ctx context.Context, b *base, name string) error {
	list, err := s.client.Tables(ctx, b.link.AppToken)
	if err != nil {
		return advise(err)
	}
	list = s.withBegun(list)
	if i := slices.IndexFunc(list, func(t lark.Table) bool { return t.Name == name }); i >= 0 {
		b.family.tables = append(b.family.tables, list[i])
		return nil
	}
	if s.begun != nil && s.begun.Name == name {
		return errLag
	}
	from := b.family.newest(1)[0]
	fields, err := s.client.Fields(ctx, b.link.AppToken, from.ID)
	if err != nil {
		return advise(err)
	}
	if err := s.still(ctx); err != nil {
		return err
	}
	at := s.now()
	id, err := s.client.CreateTable(ctx, b.link.AppToken, lark.NewTable{Name: name, Fields: copied(fields)})
	if err != nil {
		// A name that is taken is one of a table that the list does not show yet.
		if lark.IsAmbiguous(err) || lark.CodeOf(err) == 1254013 {
			s.begun = &begun{Name: name, At: at}
		}
		return whole(advise(err))
	}
	s.begun = &begun{Name: name, ID: id, At: at}
	b.family.tables = append(b.family.tables, lark.Table{ID: id, Name: name})
	return nil
}

// copied are columns as a new table can have them: those that the platform computes
// from others, and links to other tables, are a person's to make. The first column
// may be of few types only (`lark.md` §3.4).
func copied(fields []lark.Field) (out []lark.Field) {
	for _, f := range fields {
		switch k := kindOf(f); {
		case f.Type == lark.TypeCreatedTime || f.Type == lark.TypeModifiedTime || f.Type == lark.TypeAutoNumber:
			out = append(out, lark.Field{Name: f.Name, Type: f.Type})
		case k.written() || f.Type == lark.TypeAttachment:
			out = append(out, f)
		}
	}
	if i := slices.IndexFunc(out, func(f lark.Field) bool { return primary[f.Type] }); i > 0 {
		out[0], out[i] = out[i], out[0]
	}
	return out
}

var primary = map[int]bool{
	lark.TypeText: true, lark.TypeNumber: true, lark.TypeDateTime: true, lark.TypePhone: true, lark.TypeURL: true, lark.TypeLocation: true,
}
