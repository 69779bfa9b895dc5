package sheets

import (
	"context"
	"slices"

	"mekong/sinks/columns"
)

// A row is written to by its tag, but its cells by the places of the columns: nothing
// in the API addresses both. A person who moves or inserts a column in the second
// between gets values into columns that they are not for. The answer shows the rows as
// they are afterwards, so that this is seen, and every cell is put back: what it held
// is known from the call before.

// outcome is one written row: what it should hold and what it holds.
type outcome struct {
	row       *row
	want, got []any // by column, as it was before and as it is now
}

// put is want with what was written.
func (r *row) put(t *tab) []any {
	want := slices.Clone(r.found.values)
	set := func(i int64, v any) {
		for int64(len(want)) <= i {
			want = append(want, nil)
		}
		want[i] = v
	}
	for _, p := range r.cells {
		set(p.c.index, p.v)
	}
	set(t.version.index, r.ver)
	return want
}

// verify compares written rows with what they should hold, and mends them if columns
// have moved. A cell that only a person has changed meanwhile is the person's.
func (s *Sink) verify(ctx context.Context, t *tab, done []outcome, tags map[*row]int64) error {
	if !slices.ContainsFunc(done, func(o outcome) bool { return !alike(o.want, o.got) }) {
		return nil
	}
	was := *t
	got, err := s.getGrid(ctx, t.book.id, wholeRow(t.title, 0))
	if err != nil {
		return err
	}
	if err := s.learn(t, got); err != nil {
		return err
	}
	if t.shape() == was.shape() {
		return s.rebind(t)
	}
	to := movedTo(&was, t)
	var data []filled
	for _, o := range done {
		if cells := mending(o, to); cells != nil {
			data = append(data, filled{tags[o.row], cells})
		}
	}
	if len(data) > 0 {
		if _, err := s.fill(ctx, t.book.id, data); err != nil {
			return err
		}
	}
	return errReshaped
}

// movedTo says where each column of before is now: found by its tags, or its header.
func movedTo(before, now *tab) map[int64]int64 {
	to, taken := map[int64]int64{}, map[int64]bool{}
	for _, old := range before.columns {
		for _, c := range now.columns {
			same := len(old.tags) > 0 && slices.Equal(old.tags, c.tags) ||
				len(old.tags) == 0 && len(c.tags) == 0 && columns.Heading(old.header) == columns.Heading(c.header)
			if same && !taken[c.index] {
				to[old.index], taken[c.index] = c.index, true
				break
			}
		}
	}
	return to
}

// mending are the cells that put a row right, nil for none. What was written into a
// column that was not there before is taken out.
func mending(o outcome, to map[int64]int64) []any {
	should := map[int64]any{}
	for i, v := range o.want {
		if at, ok := to[int64(i)]; ok {
			should[at] = v
		}
		if _, known := should[int64(i)]; !known && i < len(o.got) && o.got[i] == v && v != nil {
			should[int64(i)] = nil
		}
	}
	for i, v := range o.want { // a column that is known goes before one that is not
		if at, ok := to[int64(i)]; ok {
			should[at] = v
		}
	}
	var cells []any
	for at, v := range should {
		var is any
		if at < int64(len(o.got)) {
			is = o.got[at]
		}
		if is == v {
			continue
		}
		for int64(len(cells)) <= at {
			cells = append(cells, nil)
		}
		if cells[at] = v; v == nil {
			cells[at] = ""
		}
	}
	return cells
}

func alike(a, b []any) bool {
	for i := range max(len(a), len(b)) {
		var x, y any
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return false
		}
	}
	return true
}
