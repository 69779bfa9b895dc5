package larkbase

import (
	"slices"
	"sync"

	"mekong/sinks/columns"
	"mekong/sinks/lark"
)

// column is one live column that the sink fills.
type column struct {
	field lark.Field
	kind  kind
	at    int               // its place in table.live
	known map[string]string // options of a select, by their folded name
}

func newColumn(f lark.Field) *column {
	c := &column{field: f, kind: kindOf(f)}
	if c.kind == single || c.kind == multi {
		c.known = optionsOf(f.Property)
	}
	return c
}

// table is one table as it was last seen.
type table struct {
	id, name string
	live     []*column // all columns, in their order
	byID     map[string]*column

	key, version *column
	notes        *column // nil: there is none

	named   map[string][]*column // explicit: columns by the field that goes there
	pinned  map[string]guess     // otherwise: columns that fields have gone to before
	guesses map[string]guess     // and what their names say of the others
	learnt  map[string]bool      // fields whose columns are remembered

	sets map[string][]string // see [table.set]

	once sync.Once // of url, which a batch asks for beside the next one
	url  string
}

// guess is the column that a field goes to by its name.
type guess struct {
	column *column // nil: none
	rank   int
	list   []*column // the column, if there is one
}

func guessed1(c *column, rank int) guess { return guess{c, rank, []*column{c}} }

// maxGuesses bounds what is remembered of names that strangers choose.
const maxGuesses = 2000

func newTable(id, name string, fields []lark.Field) *table {
	t := &table{id: id, name: name, byID: map[string]*column{}, pinned: map[string]guess{}}
	t.anew()
	for _, f := range fields {
		t.add(f)
	}
	return t
}

func (t *table) add(f lark.Field) *column {
	c := newColumn(f)
	c.at = len(t.live)
	t.live = append(t.live, c)
	t.byID[f.ID] = c
	t.anew()
	return c
}

// anew forgets what was concluded from the columns there were.
func (t *table) anew() {
	t.guesses, t.learnt, t.sets = map[string]guess{}, map[string]bool{}, map[string][]string{}
}

// set gives the ids of columns that are marked in filed, by their place. Rows are much
// alike, so that a batch's have one such list, or a few: it must not be changed.
func (t *table) set(filed []bool) []string {
	var room [64]byte
	marks := room[:0]
	for _, is := range filed {
		b := byte('0')
		if is {
			b = '1'
		}
		marks = append(marks, b)
	}
	if ids, ok := t.sets[string(marks)]; ok {
		return ids
	}
	ids := []string{}
	for i, is := range filed {
		if is {
			ids = append(ids, t.live[i].field.ID)
		}
	}
	if len(t.sets) >= maxSets {
		clear(t.sets)
	}
	t.sets[string(marks)] = ids
	return ids
}

// maxSets bounds what is remembered of which columns rows fill.
const maxSets = 500

// find is the column of that name: exactly, or as a person reads it.
func (t *table) find(name string) *column {
	for _, same := range []func(string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return columns.Heading(s) == columns.Heading(name) },
	} {
		if i := slices.IndexFunc(t.live, func(c *column) bool { return same(c.field.Name) }); i >= 0 {
			return t.live[i]
		}
	}
	return nil
}

// of are the columns a field of a record goes to.
func (t *table) of(field string) []*column {
	if t.named != nil {
		return t.named[field]
	}
	return t.guess(field).list
}

// guess finds the column whose name suits field best; of several equal ones the
// first.
func (t *table) guess(field string) guess {
	if g, ok := t.pinned[field]; ok {
		return g
	}
	if g, ok := t.guesses[field]; ok {
		return g
	}
	g := guess{rank: columns.No}
	for _, c := range t.live {
		if c == t.key || c == t.version || c == t.notes || !c.kind.written() {
			continue
		}
		if r := columns.Rank(field, c.field.Name); r < g.rank {
			g = guessed1(c, r)
		}
	}
	if len(t.guesses) >= maxGuesses {
		clear(t.guesses)
	}
	t.guesses[field] = g
	return g
}

func (t *table) hasPeople() bool {
	return slices.ContainsFunc(t.live, func(c *column) bool { return c.kind == person })
}

// shape is what a row is written by: if it is the same after a reload, a refusal
// had another reason.
func (t *table) shape() string {
	s := t.id
	for _, c := range t.live {
		s += "\x00" + c.field.ID + "\x00" + c.field.Name + "\x00" + c.kind.String()
	}
	return s
}
