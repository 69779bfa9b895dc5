package sheets

import (
	"context"
	"maps"
	"slices"

	api "google.golang.org/api/sheets/v4"
)

// maxBody is the most one call carries, in bytes: Google recommends no more than 2 MB
// (`sinks.md` §A2).
const maxBody = 1_700_000

// add makes new rows, as many in one call as it carries.
func (s *Sink) add(ctx context.Context, t *tab, rows []*row) error {
	for _, r := range rows {
		s.plan(t, r)
	}
	for len(rows) > 0 {
		n := callful(rows, s.most)
		if err := s.narrow(ctx, t, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// callful is how many rows fit a call of most bytes, one at least. The last calls of
// a batch are made about equal.
func callful(rows []*row, most int) int {
	total := 0
	for _, r := range rows {
		total += r.size
	}
	calls := (total + most - 1) / most
	if calls <= 1 {
		return len(rows)
	}
	share, n, weight := total/calls+1, 0, 0
	for n < len(rows) && weight < share && (n == 0 || weight+rows[n].size <= most) {
		weight += rows[n].size
		n++
	}
	return n
}

// weight is about how many bytes r is on the line.
func (r *row) weight() int {
	w := 100 + len(r.key) + len(r.ver)
	for i := range r.cells {
		w += 43
		if s, ok := r.cells[i].v.(string); ok {
			w += textSize(s)
		} else {
			w += 12
		}
	}
	return w
}

// sizeOf is about how many bytes requests are on the line.
func sizeOf(requests []request) int {
	n := 1000
	for _, q := range requests {
		n += 300
		if c, ok := q.(cellsPut); ok {
			for _, r := range c.rows {
				n += r.size
			}
		}
	}
	return n
}

// narrow adds rows, and narrows a refusal that may be one row's fault down to it by
// halves. An error is one that stops everything.
func (s *Sink) narrow(ctx context.Context, t *tab, rows []*row) error {
	err := s.insert(ctx, t, rows)
	e := As(err)
	if e == nil || e.Class != Odd && e.Class != TooLong || e.Ambiguous {
		return err
	}
	if len(rows) == 1 {
		// Nobody knows whether it is the record's fault: it is tried again, counted,
		// and in the end buried.
		rows[0].refused(e)
		return nil
	}
	half := len(rows) / 2
	if err := s.narrow(ctx, t, rows[:half]); err != nil {
		return err
	}
	return s.narrow(ctx, t, rows[half:])
}

// insert adds rows in one call, below the last row that has a key.
func (s *Sink) insert(ctx context.Context, t *tab, rows []*row) error {
	if t.end < 0 {
		if err := s.readKeys(ctx, t); err != nil {
			return err
		}
		for _, r := range rows {
			if _, there := t.index.of(r.id); there {
				return errRaced // somebody else has brought it
			}
		}
	}
	at, n := max(t.end, 1), int64(len(rows))
	var reqs []request
	grown := int64(0)
	if at >= t.rows {
		// One blank row stays below, so that there is something to look at.
		grown = at - t.rows + 1
		reqs = append(reqs, appendRows(t, grown))
	}
	if t.book.cells()+(n+grown)*t.cols > mostCells {
		return &Error{Class: Full}
	}
	reqs = append(reqs, insertRows(t, at, n))
	reqs = append(reqs, cellsOf(t, at, rows)...)
	if t.anchored {
		reqs = append(reqs, s.untag(t))
	}
	got, err := s.commit(ctx, t, reqs, t.around(at, n)...)
	if err != nil {
		if e := As(err); e != nil && e.Ambiguous {
			s.doubt(t, anew(t, rows))
		}
		return err
	}
	t.anchored = false
	s.passed(t, true)
	return s.landed(ctx, t, got.UpdatedSpreadsheet, at, grown, rows)
}

// around are the ranges that show whether rows are where they were meant to be: the
// header, and the keys around the first and the last of them.
func (t *tab) around(at, n int64) []string {
	from, to, k := max(at-1, 1), at+n+1, t.key.index
	out := []string{wholeRow(t.title, 0)}
	if n <= 4 {
		return append(out, rowsOfColumn(t.title, k, from, to))
	}
	return append(out, rowsOfColumn(t.title, k, from, at+1), rowsOfColumn(t.title, k, to-2, to))
}

// landed compares what the answer shows with what was expected. The rows are there in
// any case; the question is what else has happened meanwhile.
func (s *Sink) landed(ctx context.Context, t *tab, got *api.Spreadsheet, at, grown int64, rows []*row) error {
	n := int64(len(rows))
	before, size := t.shape(), t.rows+n+grown
	was := *t
	if err := s.learn(t, got); err != nil {
		return err
	}
	if t.shape() != before {
		return s.replace(ctx, t, &was, rows)
	}
	if err := s.rebind(t); err != nil {
		return err
	}
	look := func(row int64) string { return keyOf(cellAt(got, t.gid, row, t.key.index)) }
	for i, r := range rows {
		t.index.put(r.id, at+int64(i))
		r.stored(t, at+int64(i))
	}
	above := at <= 1 || look(at-1) != ""
	t.end = at + n
	if t.rows != size || !above || look(at+n) != "" {
		t.read, t.end = false, -1
	}
	if t.rows != size || at > 1 && t.last != "" && look(at-1) != t.last {
		t.sure = false
	}
	t.last = rows[n-1].key
	return nil
}

// cellAt is a cell that an answer shows, nil if it is empty or not shown.
func cellAt(got *api.Spreadsheet, gid, row, col int64) any {
	for _, sh := range got.Sheets {
		if sh == nil || sh.Properties == nil || sh.Properties.SheetId != gid {
			continue
		}
		for _, d := range sh.Data {
			if d == nil || row < d.StartRow || row >= d.StartRow+int64(len(d.RowData)) || d.RowData[row-d.StartRow] == nil {
				continue
			}
			if cells := d.RowData[row-d.StartRow].Values; col >= d.StartColumn && col < d.StartColumn+int64(len(cells)) {
				if v := text(cells[col-d.StartColumn]); v != nil {
					return v
				}
			}
		}
	}
	return nil
}

// replace mends rows that were written just after a person has moved a column. They
// are found anew then, as any others.
func (s *Sink) replace(ctx context.Context, t, was *tab, rows []*row) error {
	d := anew(was, rows)
	d.sure = true
	s.doubt(t, d)
	t.read, t.sure, t.end = false, false, -1
	if _, err := s.mend(ctx, t, d); err != nil {
		return err
	}
	s.believe(d)
	return errReshaped
}

// anew are new rows as they were written to a tab.
func anew(t *tab, rows []*row) *doubtful {
	d := &doubtful{book: t.book.id, gid: t.gid, was: t.columns}
	for _, r := range rows {
		d.rows = append(d.rows, r.asNew(t))
	}
	return d
}

// cellsOf are the requests that fill new rows: one for each run of neighbouring
// columns, so that a person's own between them are not touched.
func cellsOf(t *tab, at int64, rows []*row) (reqs []request) {
	used := map[int64]bool{t.key.index: true, t.version.index: true}
	for _, r := range rows {
		for i := range r.cells {
			if c := r.cells[i].c.index; !used[c] {
				used[c] = true
			}
		}
	}
	where := slices.Sorted(maps.Keys(used))
	for len(where) > 0 {
		n := 1
		for n < len(where) && where[n] == where[n-1]+1 {
			n++
		}
		reqs = append(reqs, cellsPut{gid: t.gid, row: at, run: where[:n], key: t.key.index, version: t.version.index, rows: rows})
		where = where[n:]
	}
	return reqs
}
