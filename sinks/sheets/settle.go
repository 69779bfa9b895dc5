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
	got, err := s.fill(ctx, t.book.id, data)
	if err != nil {
		if e := As(err); e != nil && e.Ambiguous {
			s.doubt(t, d)
		}
		return nil, err
	}
	answered := answers(got)
	there = map[int64]bool{}
	for i := range rows {
		cells, ok := answered[rows[i].tag]
		there[rows[i].tag] = ok
		d.sure = d.sure || ok && !alike(rows[i].after(), cells)
	}
	if !d.sure {
		return there, nil
	}
	// Either the columns have moved, or a person has written beside at that moment.
	before := t.shape()
	s.doubt(t, d)
	if err := s.look(ctx, t); err != nil {
		return nil, err
	}
	if t.shape() == before {
		s.believe(d)
		return there, s.rebind(t)
	}
	d.during = t.columns
	if _, err := s.mend(ctx, t, d); err != nil {
		return nil, err
	}
	s.believe(d)
	return nil, errReshaped
}

// answers are the rows of an answer by their tags, as they are after it.
func answers(got *api.BatchUpdateValuesByDataFilterResponse) map[int64][]any {
	out := map[int64][]any{}
	for _, a := range got.Responses {
		if a == nil || a.UpdatedRange == "" || a.DataFilter == nil || a.DataFilter.DeveloperMetadataLookup == nil {
			continue
		}
		var cells []any
		if d := a.UpdatedData; d != nil && len(d.Values) > 0 {
			cells = d.Values[0]
		}
		out[a.DataFilter.DeveloperMetadataLookup.MetadataId] = cells
	}
	return out
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
		return !d.sure && d.book == t.book.id && d.gid == t.gid && (fence || d.rows[0].key == "")
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
		if d.during == nil {
			d.during = t.columns
		}
		mended, err := s.mend(ctx, t, d)
		if err != nil {
			return err
		}
		if mended {
			t.read, t.sure, t.end = false, false, -1
		}
		if mended || d.sure {
			s.believe(d)
		}
	}
	return nil
}

// mend puts right what went wrong with doubtful rows, and says whether anything had.
func (s *Sink) mend(ctx context.Context, t *tab, d *doubtful) (bool, error) {
	did := false
	for part := range slices.Chunk(slices.Clone(d.rows), mostTagged) {
		some, err := s.mendSome(ctx, t, d, part)
		did = did || some
		if err != nil {
			return did, err
		}
	}
	return did, nil
}

func (s *Sink) mendSome(ctx context.Context, t *tab, d *doubtful, rows []written) (bool, error) {
	find := s.getTagged
	if rows[0].key != "" {
		find = s.tagNew(d)
	}
	held, err := find(ctx, t, rows)
	if err != nil {
		return false, err
	}
	m := d.moves(t.columns) // as they were when held was read
	var mends []written
	for i := range rows {
		got, ok := held[rows[i].tag]
		if !ok {
			continue // it was deleted, or never made
		}
		if cells := rows[i].mending(m, got); len(cells) > 0 {
			mends = append(mends, written{tag: rows[i].tag, before: got, cells: cells})
		}
	}
	if len(mends) == 0 {
		return false, nil
	}
	// Should columns move again meanwhile, that is put right too.
	if _, err := s.fillRows(ctx, t, mends); err != nil && !errors.Is(err, errReshaped) {
		return true, err
	}
	return true, nil
}

// tagNew finds new rows by their keys, in the column where these went, and tags them.
func (s *Sink) tagNew(d *doubtful) func(context.Context, *tab, []written) (map[int64][]any, error) {
	return func(ctx context.Context, t *tab, rows []written) (map[int64][]any, error) {
		column := d.moves(t.columns).wrong[rows[0].cells[0].at]
		if column >= t.cols {
			return nil, nil
		}
		got, err := s.getValues(ctx, t.book.id, false, rowsOfColumn(t.title, column, 0, t.rows))
		if err != nil {
			return nil, err
		}
		at := map[string]int64{}
		for i, cells := range got[0] {
			if len(cells) > 0 && i > 0 {
				at[keyOf(cells[0])] = int64(i)
			}
		}
		reqs, ranges := []request{untagRows(t)}, []string{wholeRow(t.title, 0)}
		for i := range rows {
			if row, ok := at[rows[i].key]; ok {
				rows[i].tag = newID()
				reqs = append(reqs, rowTagged{t.gid, row, rows[i].tag})
				ranges = append(ranges, wholeRow(t.title, row))
			}
		}
		if len(reqs) == 1 {
			return nil, nil
		}
		t.anchored = true
		shown, err := s.update(ctx, t.book.id, reqs, ranges...)
		if err != nil {
			return nil, err
		}
		return tagged(shown.UpdatedSpreadsheet, t.gid), s.learn(t, shown.UpdatedSpreadsheet)
	}
}

// getTagged reads tagged rows, with the header as it is at the same moment.
func (s *Sink) getTagged(ctx context.Context, t *tab, rows []written) (map[int64][]any, error) {
	ask := &api.GetSpreadsheetByDataFilterRequest{DataFilters: []*api.DataFilter{{GridRange: &api.GridRange{SheetId: t.gid, EndRowIndex: 1, ForceSendFields: []string{"SheetId"}}}}}
	for i := range rows {
		ask.DataFilters = append(ask.DataFilters, &api.DataFilter{DeveloperMetadataLookup: &api.DeveloperMetadataLookup{MetadataId: rows[i].tag}})
	}
	got, err := call(ctx, s, t.book.id, false, func(ctx context.Context) (*api.Spreadsheet, error) {
		return s.api.Spreadsheets.GetByDataFilter(t.book.id, ask).Fields(gridFields).Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	return tagged(got, t.gid), s.learn(t, got)
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
