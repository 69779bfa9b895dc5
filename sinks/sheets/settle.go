package sheets

import (
	"context"
	"errors"
	"slices"

	api "google.golang.org/api/sheets/v4"
)

// fillRows writes to tagged rows, and sees to it that the values are where they should
// be. It says which rows are still there, by tag. With errReshaped all was put right,
// but columns are no longer where they were.
func (s *Sink) fillRows(ctx context.Context, t *tab, rows []written) (there map[int64]bool, err error) {
	data := make([]filled, len(rows))
	for i := range rows {
		data[i] = rows[i].body()
	}
	d := &doubtful{book: t.book.id, gid: t.gid, was: t.columns, rows: rows}
	got, err := s.fill(ctx, t, data)
	if err != nil {
		if e := As(err); e != nil && e.Ambiguous {
			s.doubt(t, d)
		}
		return nil, err
	}
	answered, header := answers(got)
	there = map[int64]bool{}
	same := header != nil && t.headed(header)
	for i := range rows {
		cells, ok := answered[rows[i].tag]
		there[rows[i].tag] = ok
		same = same && (!ok || alike(rows[i].after(), cells))
	}
	if same {
		return there, nil
	}
	// Either columns have moved, or a person has written beside at that moment.
	d.sure = true
	before := t.shape()
	s.doubt(t, d)
	if err := s.look(ctx, t); err != nil {
		return nil, err
	}
	if t.shape() == before {
		s.believe(d)
		return there, s.rebind(t)
	}
	if _, err := s.mend(ctx, t, d); err != nil {
		return nil, err
	}
	s.believe(d)
	return nil, errReshaped
}

// headed reports whether a header row is as the tab's was when it was last seen. What
// lies where cannot be told from the rows: columns that have changed places are all the
// same where each was written to.
func (t *tab) headed(header []any) bool {
	for _, c := range t.columns {
		var is any
		if c.index < int64(len(header)) && header[c.index] != "" {
			is = header[c.index]
		}
		if is != c.raw {
			return false
		}
	}
	return true
}

// answers are the rows of an answer by their tags, as they are after it, and the
// header; nil: it is not shown.
func answers(got *api.BatchUpdateValuesByDataFilterResponse) (rows map[int64][]any, header []any) {
	rows = map[int64][]any{}
	for _, a := range got.Responses {
		if a == nil || a.DataFilter == nil {
			continue
		}
		var cells []any
		if d := a.UpdatedData; d != nil && len(d.Values) > 0 {
			cells = d.Values[0]
		}
		switch l := a.DataFilter.DeveloperMetadataLookup; {
		case l == nil:
			header = cells
		case a.UpdatedRange != "":
			rows[l.MetadataId] = cells
		}
	}
	return rows, header
}

// doubt keeps what may have been written into wrong columns until it was looked at.
func (s *Sink) doubt(t *tab, d *doubtful) {
	t.unseen = true
	s.doubtful = append(s.doubtful, d)
}

// believe drops what was looked at.
func (s *Sink) believe(d *doubtful) {
	s.doubtful = slices.DeleteFunc(s.doubtful, func(x *doubtful) bool { return x == d })
}

// passed drops what can no longer be carried out, now that another call was: changes
// of rows whose tags it has taken away, and with fence new rows behind the fence that
// it has passed.
func (s *Sink) passed(t *tab, fence bool) {
	s.doubtful = slices.DeleteFunc(s.doubtful, func(d *doubtful) bool {
		return !d.sure && d.book == t.book.id && d.gid == t.gid && (fence || !d.rows[0].fresh)
	})
}

// settle looks at what is in doubt, and mends it.
func (s *Sink) settle(ctx context.Context) error {
	for _, d := range slices.Clone(s.doubtful) {
		i := slices.IndexFunc(s.tabs, func(t *tab) bool { return t.book.id == d.book && t.gid == d.gid })
		if i < 0 {
			s.believe(d) // the tab is gone, or no longer written to
			continue
		}
		t := s.tabs[i]
		if err := s.refresh(ctx, t); err != nil {
			return err
		}
		if !d.sure && t.shape() == shapeOf(d.was) {
			continue
		}
		arrived, err := s.mend(ctx, t, d)
		if c := classOf(err); c == Odd || c == Grid {
			s.believe(d) // Google will not have it, now or later
		}
		if err != nil {
			return err
		}
		if arrived || d.sure {
			t.read, t.sure, t.end = false, false, -1
			s.believe(d)
		}
	}
	return nil
}

// mend puts right what went wrong with doubtful rows. It says whether they were written
// at all.
func (s *Sink) mend(ctx context.Context, t *tab, d *doubtful) (arrived bool, err error) {
	for part := range slices.Chunk(slices.Clone(d.rows), mostTagged) {
		some, err := s.mendSome(ctx, t, d, part)
		arrived = arrived || some
		if err != nil {
			return arrived, err
		}
	}
	return arrived, nil
}

func (s *Sink) mendSome(ctx context.Context, t *tab, d *doubtful, rows []written) (arrived bool, err error) {
	for range turns {
		held, err := s.holding(ctx, t, d, rows)
		if errors.Is(err, errRaced) {
			continue
		}
		if err != nil {
			return arrived, err
		}
		m := d.moves(t) // as they were when held was read
		var mends []written
		for i := range rows {
			w := &rows[i]
			got, ok := held[w.tag]
			if !ok {
				continue // it was deleted, or never made
			}
			cells, was := w.mending(m, got)
			arrived = arrived || was
			if len(cells) > 0 {
				mends = append(mends, written{key: w.key, ver: w.ver, tag: w.tag, before: got, cells: cells})
			}
		}
		if len(mends) == 0 {
			return arrived, nil
		}
		there, err := s.fillRows(ctx, t, mends)
		switch {
		case errors.Is(err, errReshaped): // columns have moved again, and that was put right, too
		case err != nil:
			return true, err
		case !slices.ContainsFunc(mends, func(w written) bool { return !there[w.tag] }):
			return true, nil
		}
		// Another writer may have taken the tags away, or a person the rows.
	}
	return arrived, errRaced
}

// holding is what rows hold, by their tags. A change may have hit the key itself, so
// that a row is looked for by its tag first; but another writer may have taken the tags
// away, and then it is found by its key.
func (s *Sink) holding(ctx context.Context, t *tab, d *doubtful, rows []written) (map[int64][]any, error) {
	if !rows[0].fresh {
		held, err := s.getTagged(ctx, t, rows)
		if err != nil || len(held) > 0 {
			return held, err
		}
	}
	return s.tagAgain(ctx, t, d, rows)
}

// mostSearched is how many cells a tab may have for its rows to be looked for in all of
// its columns, which may have been moved more than once.
const mostSearched = 500_000

// tagAgain finds rows by their keys, and tags them. With errRaced they were moved just
// then.
func (s *Sink) tagAgain(ctx context.Context, t *tab, d *doubtful, rows []written) (map[int64][]any, error) {
	right := int64(-1)
	if key := t.byTag(forKey); key != nil {
		right = key.index
	}
	lines, whole, err := s.lines(ctx, t, right, rows)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	reqs, ranges := []request{s.untag(t)}, []string{wholeRow(t.title, 0)}
	keys := map[int64]string{}
	at := search(lines, whole, right, rows)
	for i := range rows {
		w := &rows[i]
		w.tag = newID()
		if row, ok := at[i]; ok {
			keys[w.tag] = w.key
			reqs = append(reqs, rowTagged{t.gid, row, w.tag, s.mark})
			ranges = append(ranges, wholeRow(t.title, row))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	shown, err := s.update(ctx, t.book.id, reqs, ranges...)
	if err != nil {
		return nil, err
	}
	held := tagged(shown.UpdatedSpreadsheet, t.gid)
	for tag, key := range keys {
		if !slices.Contains(held[tag], any(key)) {
			return nil, errRaced
		}
	}
	return held, s.learn(t, shown.UpdatedSpreadsheet)
}

// lines reads the cells in which the keys of rows may stand: those of the key column,
// and for new rows of that in which their keys were put, or of all: then lines are whole.
func (s *Sink) lines(ctx context.Context, t *tab, right int64, rows []written) (lines [][]any, whole bool, err error) {
	var areas []string
	switch put := rows[0].cells[0].at; {
	case !rows[0].fresh:
	case t.rows*t.cols <= mostSearched:
		whole = true
		areas = []string{quoted(t.title) + "A1:" + columnName(t.cols-1) + itoa(t.rows)}
	case put < t.cols && put != right:
		areas = append(areas, rowsOfColumn(t.title, put, 0, t.rows))
	}
	if right >= 0 && !whole {
		areas = append(areas, rowsOfColumn(t.title, right, 0, t.rows))
	}
	if len(areas) == 0 {
		return nil, false, nil
	}
	got, err := s.getValues(ctx, t.book.id, false, areas...)
	if err != nil {
		return nil, false, err
	}
	if whole {
		return got[0], true, nil
	}
	for n, area := range got {
		column := right
		if n < len(got)-1 || right < 0 {
			column = rows[0].cells[0].at
		}
		for i, cells := range area {
			for len(lines) <= i {
				lines = append(lines, nil)
			}
			for int64(len(lines[i])) <= column {
				lines[i] = append(lines[i], nil)
			}
			if len(cells) > 0 {
				lines[i][column] = cells[0]
			}
		}
	}
	return lines, false, nil
}

// search says in which line each of rows is. Of a new one whose key stands in the key
// column of another line, that is its twin.
func search(lines [][]any, whole bool, right int64, rows []written) map[int]int64 {
	which := map[string]int{}
	for i := range rows {
		which[rows[i].key], rows[i].twin = i, false
	}
	keyed, other := map[int]int64{}, map[int]int64{}
	for n, line := range lines {
		if n == 0 {
			continue
		}
		for c, v := range line {
			i, ok := which[keyOf(v)]
			switch {
			case !ok:
			case int64(c) == right:
				keyed[i] = int64(n)
			case rows[i].fresh && (!whole || slices.Contains(line, any(rows[i].ver))):
				other[i] = int64(n)
			}
		}
	}
	for i, n := range other {
		if at, ok := keyed[i]; !ok {
			keyed[i] = n
		} else if at != n {
			keyed[i], rows[i].twin = n, true
		}
	}
	return keyed
}

// tagged are the tagged rows that an answer shows.
func tagged(got *api.Spreadsheet, gid int64) map[int64][]any {
	out := map[int64][]any{}
	sh := tabOf(got, gid)
	if sh == nil {
		return out
	}
	for _, d := range sh.Data {
		if d == nil {
			continue
		}
		for i, p := range d.RowMetadata {
			if p == nil {
				continue
			}
			for _, m := range p.DeveloperMetadata {
				if m != nil && m.MetadataKey == rowTag {
					out[m.MetadataId] = cellsIn(d, i)
				}
			}
		}
	}
	return out
}
