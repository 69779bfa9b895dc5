package sheets

import (
	"context"
	"slices"

	api "google.golang.org/api/sheets/v4"
)

// Forget erases the rows of keys from every tab and spreadsheet they may be in.
func (s *Sink) Forget(ctx context.Context, keys []string) error {
	wanted := map[string]bool{}
	for _, k := range keys {
		if k != "" && len(k) <= maxKey {
			wanted[k] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return s.alone(ctx, func() error {
		_, err := s.ready(ctx)
		if err != nil {
			return err
		}
		defer func() { s.tabs = nil }() // rows have moved
		for at := range s.at + 1 {
			b, list, err := s.openFamily(ctx, at)
			if err != nil {
				return err
			}
			for _, p := range list {
				if err := s.forgetIn(ctx, b, p, wanted); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// forgetIn erases the rows of keys from one tab, copies that a person has made of them
// too. They are tagged and emptied by their tags first, so that a person who sorts at
// the same moment loses nothing; then the empty rows go.
func (s *Sink) forgetIn(ctx context.Context, b *book, p *api.SheetProperties, wanted map[string]bool) error {
	for range turns {
		t, err := s.openTab(ctx, b, p)
		if err != nil {
			return err
		}
		if t.key == nil {
			return nil // nothing of ours
		}
		got, err := s.getValues(ctx, b.id, false, rowsOfColumn(t.title, t.key.index, 0, t.rows))
		if err != nil {
			return err
		}
		var at []int64
		for i, cells := range got[0] {
			if i > 0 && len(cells) > 0 && wanted[keyOf(cells[0])] {
				at = append(at, int64(i))
			}
		}
		if len(at) == 0 {
			return nil
		}
		if err := s.eraseRows(ctx, t, at[:min(len(at), mostTagged)], wanted); err != nil {
			return err
		}
		if len(at) > mostTagged {
			return s.forgetIn(ctx, b, p, wanted)
		}
	}
	return errRaced
}

// eraseRows empties rows and takes them out. One that has moved meanwhile is left for
// the next look.
func (s *Sink) eraseRows(ctx context.Context, t *tab, at []int64, wanted map[string]bool) error {
	reqs := []request{s.untag(t)}
	var ranges []string
	ids := make([]int64, len(at))
	for i, row := range at {
		ids[i] = newID()
		reqs = append(reqs, rowTagged{t.gid, row, ids[i], s.mark})
		ranges = append(ranges, wholeRow(t.title, row))
	}
	got, err := s.update(ctx, t.book.id, reqs, ranges...)
	if err != nil {
		return err
	}
	var clear []*api.DataFilter
	var rows []int64
	for i, row := range at {
		if wanted[keyOf(cellAt(got.UpdatedSpreadsheet, t.gid, row, t.key.index))] {
			clear = append(clear, &api.DataFilter{DeveloperMetadataLookup: &api.DeveloperMetadataLookup{MetadataId: ids[i]}})
			rows = append(rows, row)
		}
	}
	if len(clear) == 0 {
		return nil
	}
	_, err = call(ctx, s, t.book.id, true, func(ctx context.Context) (*api.BatchClearValuesByDataFilterResponse, error) {
		return s.api.Spreadsheets.Values.BatchClearByDataFilter(t.book.id, &api.BatchClearValuesByDataFilterRequest{DataFilters: clear}).Context(ctx).Do()
	})
	if err != nil {
		return err
	}
	return s.dropRows(ctx, t, rows)
}

// dropRows takes emptied rows out of sight: they are moved behind the last row, not
// deleted, so that nothing is lost should another row be there by now. The answer
// shows whether one was; then it is moved back to the top.
func (s *Sink) dropRows(ctx context.Context, t *tab, rows []int64) error {
	slices.Sort(rows)
	reqs := []request{s.untag(t)}
	// From the last up, each is moved to the end; so none moves another that waits.
	for _, row := range slices.Backward(rows) {
		reqs = append(reqs, moveRow(t, row, t.rows))
	}
	first := t.rows - int64(len(rows))
	got, err := s.commit(ctx, t, reqs, quoted(t.title)+"A"+itoa(first+1)+":"+columnName(t.cols-1)+itoa(t.rows))
	if err != nil {
		return err
	}
	var back []request
	for i := range rows {
		row := first + int64(i)
		if anyAt(got.UpdatedSpreadsheet, t.gid, row) {
			// Those above have not moved, as long as the lower ones are moved later.
			back = append(back, moveRow(t, row, 1))
		}
	}
	if len(back) == 0 {
		return nil
	}
	_, err = s.commit(ctx, t, back)
	return err
}
