package larkbase

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"mekong/sinks/lark"
)

// bindings are the ids of columns by the name they were found under, by table.
type bindings map[string]map[string]string

// remembered is the column that name once was, whatever it is called now; nil when
// it never was or is gone.
func (s *Sink) remembered(t *table, name string) *column { return t.byID[s.bound[t.id][name]] }

func (s *Sink) remember(t *table, name string, c *column) {
	if s.bound[t.id][name] != c.field.ID {
		s.setBinding(t.id, name, c.field.ID)
	}
}

func (s *Sink) setBinding(table, name, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// bound is its writer's; ids is for everybody else.
	for _, b := range []bindings{s.bound, s.ids} {
		if b[table] == nil {
			b[table] = map[string]string{}
		}
		b[table][name] = id
	}
}

// binding is the id that name was bound to, "" for none. It may be called beside a
// Write.
func (s *Sink) binding(table, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[table][name]
}

// bind finds the configured columns. One that is missing is made later, when there
// is a value for it, or holds the sink.
func (s *Sink) bind(t *table, present bool) error {
	if len(s.conf.Columns) == 0 {
		return s.bindGuessed(t, present)
	}
	t.named = map[string][]*column{}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(s.conf.Columns)) {
		c := s.remembered(t, name)
		if c == nil {
			c = t.find(name)
		}
		if c == nil {
			missing = append(missing, name)
			continue
		}
		s.remember(t, name, c)
		// What cannot be written is Check's to tell.
		if field := s.conf.Columns[name]; c.kind.written() {
			t.named[field] = append(t.named[field], c)
		}
	}
	if len(missing) > 0 && present && !s.conf.CreateColumns {
		return s.vanished(missing)
	}
	return nil
}

// bindGuessed holds columns that were found by their names to what they were: a
// field does not change its column because one is renamed, and none is lost quietly.
func (s *Sink) bindGuessed(t *table, present bool) error {
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(s.bound[t.id])) {
		field, ok := strings.CutPrefix(key, guessed)
		if !ok {
			continue
		}
		id, how, _ := strings.Cut(s.bound[t.id][key], " ")
		c := t.byID[id]
		switch {
		case c != nil && c.kind.written():
			n, err := strconv.Atoi(how)
			if err != nil {
				n = 0
			}
			t.pinned[field] = guessed1(c, n)
		case t.guess(field).column != nil:
			// There is another one by now.
		case present && c == nil && !s.conf.CreateColumns:
			missing = append(missing, field)
		}
	}
	if len(missing) > 0 {
		return s.vanished(missing)
	}
	return nil
}

const (
	// guessed marks bindings of fields, in contrast to those of columns. Behind the
	// column's id stands how well its name suited.
	guessed  = "field "
	maxBound = 500
)

// learn remembers which columns the fields of entries go to. It makes those that are
// missing and may be made.
func (s *Sink) learn(ctx context.Context, b *base, t *table, entries []*entry) error {
	if s.conf.CreateColumns {
		if err := s.makeMissing(ctx, b, t, entries); err != nil {
			return err
		}
	}
	if t.named != nil {
		return nil
	}
	for _, e := range entries {
		for _, field := range e.names() {
			if t.learnt[field] {
				continue
			}
			g := t.guess(field)
			if g.column == nil || len(s.bound[t.id]) >= maxBound || len(field) > maxHeading {
				continue
			}
			t.learnt[field] = true
			if id := g.column.field.ID + " " + strconv.Itoa(g.rank); s.bound[t.id][guessed+field] != id {
				s.setBinding(t.id, guessed+field, id)
			}
		}
	}
	return nil
}

func (s *Sink) vanished(names []string) error {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	fix := "make it again in the table under that name, or change columns"
	if len(s.conf.Columns) == 0 {
		fix = "make a column of that name again, or write the ones that are wanted under columns"
	}
	return held("the table has no column for "+strings.Join(quoted, ", "), fix+"; with create_columns: true it is made by itself")
}

// madeColumn is a column that was made a moment ago: a list may not have it yet, and
// it must not be made twice.
type madeColumn struct {
	table string
	field lark.Field
	at    time.Time
}

// withMade adds what a list may not have yet.
func (s *Sink) withMade(table string, fields []lark.Field) []lark.Field {
	s.made = slices.DeleteFunc(s.made, func(m madeColumn) bool { return s.now().Sub(m.at) > lag })
	for _, m := range s.made {
		there := func(f lark.Field) bool { return f.ID == m.field.ID }
		if m.table == table && !slices.ContainsFunc(fields, there) {
			fields = append(fields, m.field)
		}
	}
	return fields
}

// makeColumn makes a column. The client_token is another one each time: a column
// that was made and deleted again must not be taken for made.
func (s *Sink) makeColumn(ctx context.Context, b *base, t *table, f lark.Field) (*column, error) {
	if err := s.still(ctx); err != nil {
		return nil, err
	}
	token := lark.UUIDv4("field", b.link.AppToken, t.id, f.Name, rand.Text())
	made, err := s.client.CreateField(ctx, b.link.AppToken, t.id, f, token)
	if err != nil {
		s.base = nil // it may be there all the same: look before the next try
		return nil, whole(advise(err))
	}
	if made.Name == "" {
		made.Name = f.Name
	}
	if made.Type == 0 {
		made.Type = f.Type
	}
	s.made = append(s.made, madeColumn{t.id, made, s.now()})
	return t.add(made), nil
}
