package sheets

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
)

// family are the configured tab and those that followed it by the month, "Leads
// 2026-12", oldest first. Which there are is told by their names, so it survives a
// restart and another machine. The newest takes new rows; a row is looked for in the
// two newest.
func family(b *book, first *api.SheetProperties, rotate string) []*api.SheetProperties {
	out := []*api.SheetProperties{first}
	if rotate != "monthly" {
		return out
	}
	for _, p := range b.sheets {
		if _, ok := monthOf(first.Title, p.Title); ok {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out[1:], func(x, y *api.SheetProperties) int {
		a, _ := monthOf(first.Title, x.Title)
		b, _ := monthOf(first.Title, y.Title)
		return a.Compare(b)
	})
	return out
}

const monthLayout = "2006-01"

// monthOf reads the month in the name of a tab that followed one called base.
func monthOf(base, name string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(name, base+" ")
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(monthLayout, rest)
	return t, err == nil
}

// turned reports whether the month of the present tab is over.
func (s *Sink) turned(t *tab) bool {
	if s.conf.Rotate != "monthly" || len(t.title) < len(monthLayout) {
		return false
	}
	end := t.title[len(t.title)-len(monthLayout):]
	_, err := time.Parse(monthLayout, end)
	return err == nil && end < s.month()
}

func (s *Sink) month() string { return s.now().In(s.opts.Location).Format(monthLayout) }

// turnMonth begins the month's tab if there is none yet. A clock that was set back
// begins none.
func (s *Sink) turnMonth(ctx context.Context, b *book, list []*api.SheetProperties) ([]*api.SheetProperties, error) {
	if s.conf.Rotate != "monthly" {
		return list, nil
	}
	first, newest := list[0], list[len(list)-1]
	if m, ok := monthOf(first.Title, newest.Title); ok && m.Format(monthLayout) >= s.month() {
		return list, nil
	}
	p, err := s.begin(ctx, b, newest, first.Title+" "+s.month(), first.Index+1)
	if err != nil {
		return nil, err
	}
	return append(list, p), nil
}

// begin makes a tab of that name with the header of another one, and its columns'
// tags and formats, right of the first of its family: that may be meant as the first
// of all. It is one call, which makes all of it or nothing.
func (s *Sink) begin(ctx context.Context, b *book, from *api.SheetProperties, name string, index int64) (*api.SheetProperties, error) {
	old, err := s.openTab(ctx, b, from)
	if err != nil {
		return nil, err
	}
	const rows = 100
	t := &tab{book: b, gid: newID(), title: name, rows: rows, cols: max(old.right()+2, 4)}
	if b.cells()+t.rows*t.cols > mostCells {
		return nil, &Error{Class: Full}
	}
	p := &api.SheetProperties{SheetId: t.gid, Title: name, Index: index,
		GridProperties: &api.GridProperties{RowCount: t.rows, ColumnCount: t.cols, FrozenRowCount: 1}}
	reqs := []request{&plain{AddSheet: &api.AddSheetRequest{Properties: p}}}
	for _, c := range old.columns {
		if c.header != "" {
			reqs = append(reqs, &plain{UpdateCells: &api.UpdateCellsRequest{
				Start: coordinate(t, 0, c.index), Fields: "userEnteredValue,userEnteredFormat.textFormat.bold",
				Rows: []*api.RowData{{Values: []*api.CellData{{
					UserEnteredValue:  &api.ExtendedValue{StringValue: &c.header},
					UserEnteredFormat: &api.CellFormat{TextFormat: &api.TextFormat{Bold: true}},
				}}}},
			}})
		}
		for _, tag := range c.tags {
			reqs = append(reqs, tagColumn(t, c.index, columnTag, tag))
		}
		if c.date {
			reqs = append(reqs, formatDates(t, c.index), tagColumn(t, c.index, dateTag, ""))
		}
		if c.tagged(forVersion) {
			reqs = append(reqs, &plain{UpdateDimensionProperties: &api.UpdateDimensionPropertiesRequest{
				Range: columnsOf(t, c.index, c.index+1), Properties: &api.DimensionProperties{HiddenByUser: true}, Fields: "hiddenByUser",
			}})
		}
	}
	if _, err := s.update(ctx, b.id, reqs); err != nil {
		// It may be there all the same; then the next try finds it by its name.
		return nil, err
	}
	b.sheets = append(b.sheets, p)
	return p, nil
}

// next goes on in the next spreadsheet because the present one is full. Where there is
// none the records wait, and the operator is told.
func (s *Sink) next(_ context.Context, stop error) (bool, error) {
	if s.at+1 >= len(s.links) {
		return false, stop
	}
	s.at++
	s.tabs = nil
	s.mu.Lock()
	s.where = s.links[s.at].ID
	s.mu.Unlock()
	return false, pipeline.Hold(fmt.Errorf("sheets: the spreadsheet is full; it goes on in the next one, number %s of new_spreadsheets", strconv.Itoa(s.at)), time.Second)
}
