package sheets

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	api "google.golang.org/api/sheets/v4"

	"mekong/sinks/columns"
)

// book is a spreadsheet as it was last seen.
type book struct {
	id     string
	title  string
	locale string
	zone   *time.Location
	sheets []*api.SheetProperties // in their order
	named  []*api.NamedRange
}

// mostCells is what a spreadsheet holds, over all tabs (`sinks.md` §A2).
const mostCells = 10_000_000

// cells counts the cells of all tabs, empty ones too, as Google does.
func (b *book) cells() (n int64) {
	for _, p := range b.sheets {
		if p.GridProperties != nil {
			n += p.GridProperties.RowCount * p.GridProperties.ColumnCount
		}
	}
	return n
}

func (b *book) names() string {
	var out []string
	for _, p := range b.sheets {
		out = append(out, fmt.Sprintf("%q", p.Title))
	}
	return strings.Join(out, ", ")
}

// seen takes in what an answer says of the spreadsheet's tabs.
func (b *book) seen(got *api.Spreadsheet) {
	b.sheets, b.named = nil, got.NamedRanges
	for _, sh := range got.Sheets {
		if sh != nil && sh.Properties != nil {
			b.sheets = append(b.sheets, sh.Properties)
		}
	}
	slices.SortStableFunc(b.sheets, func(x, y *api.SheetProperties) int { return int(x.Index - y.Index) })
}

// openBook reads what spreadsheet link leads to.
func (s *Sink) openBook(ctx context.Context, id string) (*book, error) {
	got, err := s.getBook(ctx, id)
	if err != nil {
		return nil, err
	}
	b := &book{id: id, zone: s.opts.Location}
	if p := got.Properties; p != nil {
		b.title, b.locale, b.zone = p.Title, p.Locale, zoneOf(p.TimeZone, s.opts.Location)
	}
	b.seen(got)
	return b, nil
}

// configured is the tab that the configuration means; nil: there is none. The default
// name of a tab depends on the language (`sinks.md` §A7), so none is assumed.
func (s *Sink) configured(b *book, l Link) *api.SheetProperties {
	grid := func(p *api.SheetProperties) bool { return p.SheetType == "" || p.SheetType == "GRID" }
	for _, means := range []func(*api.SheetProperties) bool{
		func(p *api.SheetProperties) bool { return s.conf.Tab != "" && p.Title == s.conf.Tab },
		func(p *api.SheetProperties) bool {
			return s.conf.Tab != "" && columns.Heading(p.Title) == columns.Heading(s.conf.Tab)
		},
		func(p *api.SheetProperties) bool { return s.conf.Tab == "" && l.HasGID && p.SheetId == l.GID },
		func(p *api.SheetProperties) bool { return s.conf.Tab == "" && !l.HasGID && !p.Hidden },
	} {
		for _, p := range b.sheets {
			if grid(p) && means(p) {
				return p
			}
		}
	}
	return nil
}

// openTab reads the header of a tab that is to be written to.
func (s *Sink) openTab(ctx context.Context, b *book, p *api.SheetProperties) (*tab, error) {
	t, got, err := s.readTab(ctx, b, p)
	if err != nil {
		return nil, err
	}
	return t, s.learn(t, got)
}

// viewTab reads the header of a tab for whoever only looks. The fences are a writer's:
// had a look told them of a newer one, the writer would pass the next on what it knew
// before.
func (s *Sink) viewTab(ctx context.Context, b *book, p *api.SheetProperties) (*tab, error) {
	t, got, err := s.readTab(ctx, b, p)
	if err != nil {
		return nil, err
	}
	return t, t.take(got)
}

func (s *Sink) readTab(ctx context.Context, b *book, p *api.SheetProperties) (*tab, *api.Spreadsheet, error) {
	t := &tab{book: b, gid: p.SheetId, title: p.Title, end: -1, anchored: true, index: index{}, goals: map[string]*goal{}}
	got, err := s.getGrid(ctx, b.id, wholeRow(t.title, 0))
	return t, got, err
}

// learn takes in what an answer shows of a tab: its size, its columns and its fences.
// It reports a tab that is gone.
func (s *Sink) learn(t *tab, got *api.Spreadsheet) error {
	if s.fencesOf(t.book.id, t.gid).seen(t.gid, got.NamedRanges) {
		// The next fence must not be passed on what was known before this one.
		t.read, t.sure, t.end = false, false, -1
	}
	return t.take(got)
}

// take takes in the tab's size and columns, and reports a tab that is gone.
func (t *tab) take(got *api.Spreadsheet) error {
	t.book.seen(got)
	for _, sh := range got.Sheets {
		if sh == nil || sh.Properties == nil || sh.Properties.SheetId != t.gid {
			continue
		}
		t.title = sh.Properties.Title
		if g := sh.Properties.GridProperties; g != nil {
			t.rows, t.cols, t.frozen = g.RowCount, g.ColumnCount, g.FrozenRowCount > 0
		}
		if d := dataAt(sh, 0); d != nil {
			t.layout(d)
		}
		return nil
	}
	return &Error{Class: NoTab, Status: 200}
}

// dataAt is the part of an answer that begins with a row, nil if there is none.
func dataAt(sh *api.Sheet, row int64) *api.GridData {
	for _, d := range sh.Data {
		if d != nil && d.StartRow == row {
			return d
		}
	}
	return nil
}

// readKeys reads which row each key is in. Of two rows of one key the upper counts:
// a person has copied it.
func (s *Sink) readKeys(ctx context.Context, t *tab) error {
	t.index, t.read, t.sure, t.last = index{}, false, false, ""
	switch {
	case t.key != nil:
		return s.readColumn(ctx, t)
	case t.virgin:
		t.end, t.read, t.sure = 1, true, true
		return nil
	}
	return s.readBottom(ctx, t)
}

func (s *Sink) readColumn(ctx context.Context, t *tab) error {
	got, err := s.getValues(ctx, t.book.id, false, rowsOfColumn(t.title, t.key.index, 0, t.rows))
	if err != nil {
		return err
	}
	t.end = 1
	for i, cells := range got[0] {
		if len(cells) == 0 || i == 0 {
			continue
		}
		key := keyOf(cells[0])
		if key == "" {
			continue
		}
		if id := digestOf(key); !t.index.has(id) {
			t.index.put(id, int64(i))
		}
		t.end, t.last = int64(i)+1, key
	}
	if len(t.index) == 0 {
		// A person's rows may stand where no key is yet.
		return s.readBottom(ctx, t)
	}
	t.read, t.sure = true, true
	return nil
}

// readBottom finds the first row below all that a person has written, in a tab that
// has no record yet. Formulas and boxes to tick are often filled in beforehand, down
// to the last row, and do not count.
func (s *Sink) readBottom(ctx context.Context, t *tab) error {
	got, err := s.getValues(ctx, t.book.id, true, quoted(t.title)+"A1:"+columnName(t.cols-1)+fmt.Sprint(t.rows))
	if err != nil {
		return err
	}
	t.end = 1
	for i, cells := range got[0] {
		for _, v := range cells {
			text, isText := v.(string)
			_, isBool := v.(bool)
			if v != nil && !isBool && (!isText || text != "" && !strings.HasPrefix(text, "=")) {
				t.end = int64(i) + 1
			}
		}
	}
	t.virgin = len(t.columns) == 0 && len(got[0]) == 0
	t.end = max(t.end, 1)
	t.read, t.sure, t.last = true, true, ""
	return nil
}
