package sheets

import (
	"cmp"
	"context"
	"slices"

	api "google.golang.org/api/sheets/v4"
)

const (
	// mostTagged is how many rows are changed at a time. Their tags are a small part of
	// the 30,000 characters of metadata that a tab has (`sinks.md` §A2).
	mostTagged = 400
	// mostLooked is how many rows are read at a time.
	mostLooked = 2000
)

// change updates rows that are there. A row that is not, after all, is left open, and
// is no longer in the index.
func (s *Sink) change(ctx context.Context, t *tab, rows []*row) error {
	for part := range slices.Chunk(rows, mostLooked) {
		if err := s.retell(ctx, t, part); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(open(rows), mostTagged) {
		for range turns {
			left := t.indexed(open(part))
			if len(left) == 0 {
				break
			}
			if err := s.changeSome(ctx, t, left); err != nil {
				return err
			}
		}
		if len(t.indexed(open(part))) > 0 {
			return errRaced
		}
	}
	return nil
}

// indexed are the rows that the tab has, as far as is known.
func (t *tab) indexed(rows []*row) (out []*row) {
	for _, r := range rows {
		if _, ok := t.index.of(r.id); ok {
			out = append(out, r)
		}
	}
	return out
}

// retell reads the rows of records that may have arrived before. Mostly they have, and
// nothing is left to do.
func (s *Sink) retell(ctx context.Context, t *tab, rows []*row) error {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r *row) bool { return !r.again })
	if len(rows) == 0 {
		return nil
	}
	if !t.sure {
		if err := s.readKeys(ctx, t); err != nil {
			return err
		}
	}
	rows = t.indexed(rows)
	if len(rows) == 0 {
		return nil
	}
	place := func(r *row) int64 { n, _ := t.index.of(r.id); return n }
	slices.SortFunc(rows, func(a, b *row) int { return cmp.Compare(place(a), place(b)) })
	var runs [][2]int64
	for _, r := range rows {
		at := place(r)
		if n := len(runs); n > 0 && at-runs[n-1][1] < 3 {
			runs[n-1][1] = at + 1
		} else {
			runs = append(runs, [2]int64{at, at + 1})
		}
	}
	before := t.shape()
	got, err := s.getRows(ctx, t, runs)
	if err != nil {
		return err
	}
	if t.shape() != before {
		return errReshaped
	}
	if err := s.rebind(t); err != nil {
		return err
	}
	for _, r := range rows {
		at := place(r)
		f := &found{values: got[at]}
		if !f.read(t, r.key) {
			t.sure = false // it has moved; the tags will find it
			continue
		}
		if r.found = f; !s.lacks(t, r) {
			r.stored(t, at)
		}
	}
	return nil
}

// lacks works out what r needs, and reports whether that is anything.
func (s *Sink) lacks(t *tab, r *row) bool {
	s.plan(t, r)
	return r.changed()
}

// read reports whether the cells are those of the row of key.
func (f *found) read(t *tab, key string) bool {
	for i, v := range f.values {
		if v == "" {
			f.values[i] = nil
		}
	}
	f.version, _ = f.at(t.version.index).(string)
	return keyOf(f.at(t.key.index)) == key
}

// changeSome tags rows, sees from the answer what they hold, and writes to them by
// their tags.
func (s *Sink) changeSome(ctx context.Context, t *tab, rows []*row) error {
	if !t.sure {
		if err := s.readKeys(ctx, t); err != nil {
			return err
		}
		if rows = t.indexed(rows); len(rows) == 0 {
			return nil
		}
	}
	var reqs []request
	if t.anchored {
		reqs = append(reqs, s.untag(t))
	}
	ranges := []string{wholeRow(t.title, 0)}
	tags := map[*row]int64{}
	for _, r := range rows {
		r.at, _ = t.index.of(r.id)
		tags[r] = newID()
		reqs = append(reqs, rowTagged{t.gid, r.at, tags[r], s.mark})
		ranges = append(ranges, wholeRow(t.title, r.at))
	}
	untagged := t.anchored
	t.anchored = true
	got, err := s.update(ctx, t.book.id, reqs, ranges...)
	if err != nil {
		if c := classOf(err); c == Grid || c == NoTab || c == Odd {
			// The rows may be fewer than they were.
			s.tabs = nil
			return errRaced
		}
		return err
	}
	if untagged {
		s.passed(t, false)
	}
	before := t.shape()
	if err := s.learn(t, got.UpdatedSpreadsheet); err != nil {
		return err
	}
	if t.shape() != before {
		return errReshaped
	}
	if err := s.rebind(t); err != nil {
		return err
	}
	var change []*row
	for _, r := range rows {
		f := &found{values: valuesAt(got.UpdatedSpreadsheet, t.gid, r.at)}
		if !f.read(t, r.key) {
			t.sure = false
			continue
		}
		r.found = f
		if s.lacks(t, r) {
			change = append(change, r)
		} else {
			r.stored(t, r.at)
		}
	}
	for len(change) > 0 {
		n := callful(change, s.most)
		if err := s.fillTagged(ctx, t, change[:n], tags); err != nil {
			return err
		}
		change = change[n:]
	}
	return nil
}

// valuesAt is a whole row that an answer shows.
func valuesAt(got *api.Spreadsheet, gid, row int64) []any {
	sh := tabOf(got, gid)
	if sh == nil {
		return nil
	}
	for _, d := range sh.Data {
		if d != nil && d.StartRow == row && len(d.RowData) > 0 {
			return cellsIn(d, 0)
		}
	}
	return nil
}

// cellsIn are the cells of one row of an answer's part, by column.
func cellsIn(d *api.GridData, i int) []any {
	if i >= len(d.RowData) || d.RowData[i] == nil {
		return nil
	}
	out := make([]any, d.StartColumn, d.StartColumn+int64(len(d.RowData[i].Values)))
	for _, c := range d.RowData[i].Values {
		out = append(out, text(c))
	}
	return out
}

// fillTagged writes to tagged rows, wherever they are by now. One whose tag is gone was
// deleted, and is left open.
func (s *Sink) fillTagged(ctx context.Context, t *tab, rows []*row, tags map[*row]int64) error {
	list := make([]written, len(rows))
	for i, r := range rows {
		list[i] = r.asChange(t, tags[r])
	}
	there, err := s.fillRows(ctx, t, list)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if there[tags[r]] {
			r.stored(t, r.at)
		} else {
			t.sure = false
		}
	}
	return nil
}
