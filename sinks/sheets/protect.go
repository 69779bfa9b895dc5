package sheets

import (
	"context"
	"fmt"

	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
	"mekong/sinks/columns"
)

const protectedFields = "sheets(properties(sheetId),protectedRanges(range,unprotectedRanges,warningOnly,requestingUserCanEdit))"

// protections are the protected ranges of a tab that the account may not edit.
func (s *Sink) protections(ctx context.Context, t *tab) (out []*api.ProtectedRange, err error) {
	got, err := call(ctx, s, t.book.id, false, func(ctx context.Context) (*api.Spreadsheet, error) {
		return s.api.Spreadsheets.Get(t.book.id).Fields(protectedFields).Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	for _, sh := range got.Sheets {
		if sh.Properties == nil || sh.Properties.SheetId != t.gid {
			continue
		}
		for _, p := range sh.ProtectedRanges {
			if p.Range != nil && !p.WarningOnly && !p.RequestingUserCanEdit {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// protected says which of them the sink would write into. It only warns: what
// Google tells of a protection is not what decides, a write is.
func (c *check) protected() bool {
	list, err := c.s.protections(c.ctx, c.t)
	if err != nil {
		return c.failed(err)
	}
	for _, p := range list {
		f := c.s.diagnose(&Error{Class: Protected, Status: 400})
		f.Level = pipeline.Warn
		switch names := c.inside(p.Range); {
		case p.Range.EndRowIndex == 1:
			f.What = "the header row is protected against the account: missing columns cannot be made"
		case len(p.UnprotectedRanges) > 0:
			f.What = "the tab is protected against the account but for parts of it; doctor --write shows whether rows can be written"
		case p.Range.StartColumnIndex == 0 && p.Range.EndColumnIndex == 0:
			f.What = "rows of the tab are protected against the account that writes: records for them will be held"
		case len(names) > 0:
			f.What = fmt.Sprintf("the column %q is protected against the account that writes: records for it will be held", names[0])
		default:
			continue // somebody else's columns, which are not written to
		}
		c.found = append(c.found, f)
	}
	return true
}

// inside are the columns of a range that the sink fills.
func (c *check) inside(r *api.GridRange) (names []string) {
	ours := map[*column]bool{c.t.find(c.s.conf.KeyColumn): true}
	for header := range c.s.conf.Columns {
		ours[c.t.find(header)] = true
	}
	if len(c.s.conf.Columns) == 0 {
		for _, field := range columns.Fields() {
			ours[c.t.guess(field)] = true
		}
	}
	for _, col := range c.t.columns {
		within := col.index >= r.StartColumnIndex && (r.EndColumnIndex == 0 || col.index < r.EndColumnIndex)
		if within && (ours[col] || len(col.tags) > 0) {
			names = append(names, col.header)
		}
	}
	return names
}
