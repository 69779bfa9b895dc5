package larkbase

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mekong/sinks/columns"
	"mekong/sinks/lark"
)

// base is what was found behind the configured link.
type base struct {
	link   lark.Link // with its app_token
	family *family   // the tables in which rows may be; see rotate.go
	tables [2]*table // the one that new rows go to, and the one before it (nil: none)
	read   time.Time // when the columns were read
}

// How long columns are believed without a look. Whatever changes in between is seen
// when a write is refused; what is only added, such as a column that suits a field,
// is not. On a budget a look is dear.
const (
	believed         = 5 * time.Minute
	believedOnBudget = 6 * time.Hour
)

// locate finds the Base's app_token, once.
func (s *Sink) locate(ctx context.Context) (string, error) {
	if s.link.AppToken != "" {
		return s.link.AppToken, nil
	}
	l, err := s.client.Resolve(ctx, s.link)
	if err != nil {
		return "", advise(err)
	}
	s.link = l
	return l.AppToken, nil
}

// ready gives the base with its tables and columns, the sink's own among them. The
// caller holds the turn and the Base's gate.
func (s *Sink) ready(ctx context.Context) (*base, error) {
	keep := believed
	if s.budget != nil {
		keep = believedOnBudget
	}
	if s.base != nil && s.now().Sub(s.base.read) < keep && !s.turned(s.base) {
		return s.base, nil
	}
	b := &base{link: s.link}
	var err error
	if b.family, err = s.findTables(ctx, b.link.AppToken); err != nil {
		return nil, err
	}
	if s.conf.Rotate == "monthly" {
		if err = s.turnMonth(ctx, b); err != nil {
			return nil, err
		}
	}
	for i, t := range b.family.newest(len(b.tables)) {
		if b.tables[i], err = s.readTable(ctx, b, t, i == 0); err != nil {
			return nil, err
		}
	}
	b.read = s.now()
	s.base = b
	return b, nil
}

// findTables finds the configured table, and those that followed it. Without rotate
// a link that names its table costs no call.
func (s *Sink) findTables(ctx context.Context, app string) (*family, error) {
	want := s.conf.Table
	if want == "" {
		want = s.link.TableID
	}
	if strings.HasPrefix(want, "tbl") && s.conf.Rotate == "" {
		return &family{tables: []lark.Table{{ID: want}}}, nil
	}
	if want == "" {
		return nil, held("the link names no table", "click the table's tab and copy the link again, or set table to its name")
	}
	list, err := s.client.Tables(ctx, app)
	if err != nil {
		return nil, advise(err)
	}
	list = s.withBegun(list)
	for _, same := range []func(lark.Table) bool{
		func(t lark.Table) bool { return t.ID == want },
		func(t lark.Table) bool { return t.Name == want },
		func(t lark.Table) bool { return columns.Heading(t.Name) == columns.Heading(want) },
	} {
		if i := slices.IndexFunc(list, same); i >= 0 {
			return familyOf(list[i], list, s.conf.Rotate), nil
		}
	}
	return nil, held("the Base has no such table", "it has "+namesOf(list)+"; set table to one of these, or copy the link of the right table")
}

// namesOf lists tables for a message.
func namesOf(list []lark.Table) string {
	var names []string
	for _, t := range list {
		names = append(names, fmt.Sprintf("%q", t.Name))
	}
	const most = 10
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// readTable reads a table's columns and binds the sink's to them. In the table that
// new rows go to the sink's own columns are made where they are not there.
func (s *Sink) readTable(ctx context.Context, b *base, of lark.Table, present bool) (*table, error) {
	fields, err := s.client.Fields(ctx, b.link.AppToken, of.ID)
	if err != nil {
		return nil, advise(err)
	}
	t := newTable(of.ID, of.Name, s.withMade(of.ID, fields))
	if t.key, err = s.ownColumn(ctx, b, t, s.conf.KeyColumn); err != nil {
		return nil, err
	}
	if t.version, err = s.ownColumn(ctx, b, t, versionColumn); err != nil {
		return nil, err
	}
	if c := t.find(notesColumn); c != nil && c.kind == text {
		t.notes = c
	}
	if err := s.bind(t, present); err != nil {
		return nil, err
	}
	return t, nil
}

// The sink's own columns beside the key column.
const (
	versionColumn = "Mekong version"
	notesColumn   = "Mekong notes"
)

// ownColumn finds or makes a text column of the sink's.
func (s *Sink) ownColumn(ctx context.Context, b *base, t *table, name string) (*column, error) {
	c := s.remembered(t, name)
	if c == nil {
		c = t.find(name)
	}
	if c == nil {
		var err error
		if c, err = s.makeColumn(ctx, b, t, lark.Field{Name: name, Type: lark.TypeText}); err != nil {
			return nil, err
		}
	}
	if c.kind != text {
		return nil, held(fmt.Sprintf("the column %q is of type %s", name, c.kind), "the sink keeps text in it: change its type to Text, rename it, or choose another key_column")
	}
	s.remember(t, name, c)
	return c, nil
}
