package sheets

import (
	"context"
	"fmt"

	api "google.golang.org/api/sheets/v4"

	"mekong/sinks/columns"
)

// ready finds the tab that is written to, and the one before it, which rows may be in
// as well.
func (s *Sink) ready(ctx context.Context) (*tab, error) {
	if len(s.tabs) > 0 && !s.turned(s.tabs[0]) {
		return s.tabs[0], nil
	}
	s.tabs = nil
	b, list, err := s.openFamily(ctx, s.at)
	if err != nil {
		return nil, err
	}
	if list, err = s.turnMonth(ctx, b, list); err != nil {
		return nil, err
	}
	t, err := s.openForKeys(ctx, b, list[len(list)-1])
	if err != nil {
		return nil, err
	}
	tabs := []*tab{t}
	switch {
	case len(list) > 1:
		old, err := s.openForKeys(ctx, b, list[len(list)-2])
		if err != nil {
			return nil, err
		}
		tabs = append(tabs, old)
	case s.at > 0:
		before, list, err := s.openFamily(ctx, s.at-1)
		if err != nil {
			return nil, err
		}
		old, err := s.openForKeys(ctx, before, list[len(list)-1])
		if err != nil {
			return nil, err
		}
		tabs = append(tabs, old)
	}
	for i, old := range tabs {
		if i > 0 && (old.key == nil || old.version == nil || s.rebindOld(old) != nil) {
			continue // it has no rows of ours
		}
		s.tabs = append(s.tabs, old)
	}
	return t, nil
}

// rebindOld binds a tab that no new rows go to.
func (s *Sink) rebindOld(t *tab) error { return s.rebind(t) }

// openFamily reads a spreadsheet and finds the configured tab in it, with those that
// followed it, oldest first.
func (s *Sink) openFamily(ctx context.Context, at int) (*book, []*api.SheetProperties, error) {
	b, err := s.openBook(ctx, s.links[at].ID)
	if err != nil {
		return nil, nil, err
	}
	l := s.links[at]
	p := s.configured(b, l)
	if p == nil {
		what := "the spreadsheet has no tab that can be seen"
		switch {
		case s.conf.Tab != "":
			what = fmt.Sprintf("the spreadsheet has no tab %q", s.conf.Tab)
		case l.HasGID:
			what = fmt.Sprintf("the spreadsheet has no tab with gid %d", l.GID)
		}
		return nil, nil, held(what, "it has "+b.names()+": make the tab again, or correct tab or the link")
	}
	return b, family(b, p, s.conf.Rotate), nil
}

// openForKeys reads a tab's header and its keys.
func (s *Sink) openForKeys(ctx context.Context, b *book, p *api.SheetProperties) (*tab, error) {
	t, err := s.openTab(ctx, b, p)
	if err != nil {
		return nil, err
	}
	if t.key == nil {
		for _, c := range t.columns {
			if columns.Heading(c.header) == columns.Heading(s.conf.KeyColumn) {
				t.key = c
				break
			}
		}
	}
	return t, s.readKeys(ctx, t)
}

// restoreHeader writes the header again where a person has deleted its row, or emptied
// its cells. What a column was renamed to is not known any more; it gets the name that
// it was found, or made, by.
func (s *Sink) restoreHeader(ctx context.Context, t *tab) error {
	gone := t.version != nil && isVersion(t.version.header)
	var cells []*column
	for _, c := range t.columns {
		if len(c.tags) > 0 && (gone || c.header == "") {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		return nil
	}
	var reqs []request
	if gone {
		reqs = append(reqs, insertRows(t, 0, 1))
	}
	for _, c := range cells {
		name := s.original(c)
		reqs = append(reqs, &plain{UpdateCells: &api.UpdateCellsRequest{
			Start: coordinate(t, 0, c.index), Fields: "userEnteredValue,userEnteredFormat.textFormat.bold",
			Rows: []*api.RowData{{Values: []*api.CellData{{
				UserEnteredValue:  &api.ExtendedValue{StringValue: &name},
				UserEnteredFormat: &api.CellFormat{TextFormat: &api.TextFormat{Bold: true}},
			}}}},
		}})
	}
	got, err := s.commit(ctx, t, reqs, wholeRow(t.title, 0))
	if err != nil {
		return err
	}
	if err := s.learn(t, got.UpdatedSpreadsheet); err != nil {
		return err
	}
	if gone {
		t.frozen = false // a frozen row may have been the one that was deleted
		return s.readKeys(ctx, t)
	}
	return nil
}

// original is the header that a column was bound by.
func (s *Sink) original(c *column) string {
	for _, tag := range c.tags {
		switch {
		case tag == forKey:
			return s.conf.KeyColumn
		case tag == forVersion:
			return versionHeader
		case len(tag) > len(forHeader) && tag[:len(forHeader)] == forHeader:
			return tag[len(forHeader):]
		case len(tag) > len(forField) && tag[:len(forField)] == forField:
			return columns.Heading(tag[len(forField):])
		}
	}
	return "Mekong"
}
