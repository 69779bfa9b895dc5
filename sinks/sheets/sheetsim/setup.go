package sheetsim

import (
	"fmt"
	"slices"
)

// Role is what an account may do with a spreadsheet.
type Role int

// The roles, each with all rights of the one before.
const (
	NoRole Role = iota
	Reader
	Commenter
	Writer
	Owner
)

// Anyone is the address under which a spreadsheet is shared with everybody who has the link.
const Anyone = "anyone"

// SheetOptions are the settings of a spreadsheet.
type SheetOptions struct {
	TimeZone string // default Asia/Ho_Chi_Minh
	Locale   string // default en_US: it decides how text is parsed and numbers are shown
	Office   bool   // really an .xlsx file: every call is refused with 400
}

// Tab is one tab of a spreadsheet that a test begins with.
type Tab struct {
	Title   string // default Sheet1, Sheet2, …
	GID     int64
	Rows    int     // default 1000
	Columns int     // default 26
	Values  [][]any // strings, numbers, bools, nil; stored as they are
	Hidden  bool
}

// AddSpreadsheet makes a spreadsheet, shared with nobody. Without tabs it has one,
// Sheet1 with gid 0, of 1000 rows and 26 columns. It panics on what no spreadsheet
// can be: two tabs with one title or gid, values outside the grid.
func (s *Sim) AddSpreadsheet(id, title string, o SheetOptions, tabs ...Tab) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.books[id] != nil {
		panic("sheetsim: spreadsheet " + id + " exists already")
	}
	b := &book{id: id, title: title, locale: o.Locale, zone: o.TimeZone, office: o.Office, roles: map[string]Role{}, apps: map[string]bool{}}
	if b.locale == "" {
		b.locale = "en_US"
	}
	if b.zone == "" {
		b.zone = "Asia/Ho_Chi_Minh"
	}
	s.addBook(b)
	if len(tabs) == 0 {
		tabs = []Tab{{}}
	}
	t := s.begin(b)
	for i, tab := range tabs {
		if tab.Title == "" {
			tab.Title = fmt.Sprintf("Sheet%d", i+1)
		}
		sh := newSheet(tab.GID, tab.Title, tab.Rows, tab.Columns)
		sh.hidden = tab.Hidden
		if b.titled(sh.title) != nil || b.sheet(sh.id) != nil {
			panic(fmt.Sprintf("sheetsim: two tabs are called %q or have gid %d", sh.title, sh.id))
		}
		b.sheets = append(b.sheets, sh)
		for r, line := range tab.Values {
			for c, v := range line {
				if r >= sh.rows || c >= sh.cols {
					panic(fmt.Sprintf("sheetsim: values of tab %q do not fit its grid", sh.title))
				}
				t.set(sh, r, c, plain(v), "")
			}
		}
	}
}

func (s *Sim) addBook(b *book) {
	s.books[b.id] = b
	s.order = append(s.order, b.id)
}

func newSheet(id int64, title string, rows, cols int) *sheet {
	if rows == 0 {
		rows = 1000
	}
	if cols == 0 {
		cols = 26
	}
	return &sheet{id: id, title: title, rows: rows, cols: cols, columns: make([]column, cols)}
}

// plain makes one of the four kinds of value of what a test wrote.
func plain(v any) any {
	switch v := v.(type) {
	case nil, string, bool, float64:
		if v == "" {
			return nil
		}
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	}
	panic(fmt.Sprintf("sheetsim: a cell cannot hold a %T", v))
}

// Share gives an account a role in a spreadsheet, in place of the one it had.
func (s *Sim) Share(id, email string, role Role) {
	s.set(func() { s.must(id).roles[email] = role })
}

// Unshare takes it away.
func (s *Sim) Unshare(id, email string) {
	s.set(func() { delete(s.must(id).roles, email) })
}

// OpenWith is a person who picks a spreadsheet in an app's dialogue: from then on
// the app's tokens with the scope drive.file open it. The app is an OAuth client
// or a service account's address.
func (s *Sim) OpenWith(id, app string) { s.set(func() { s.must(id).apps[app] = true }) }

// SetOffice makes a spreadsheet an .xlsx file, or a real one again.
func (s *Sim) SetOffice(id string, office bool) {
	s.set(func() { s.must(id).office = office })
}

// RemoveSpreadsheet deletes a spreadsheet for good: it is unknown from then on.
func (s *Sim) RemoveSpreadsheet(id string) {
	s.set(func() {
		s.must(id)
		delete(s.books, id)
		s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
	})
}

// DisableAPI turns the Sheets API off for a project, as it is until somebody enables it.
func (s *Sim) DisableAPI(project string) { s.set(func() { s.disabled[project] = true }) }

// EnableAPI turns it on.
func (s *Sim) EnableAPI(project string) { s.set(func() { delete(s.disabled, project) }) }

// must is the spreadsheet a test speaks of. The caller holds the lock.
func (s *Sim) must(id string) *book {
	b := s.books[id]
	if b == nil {
		panic("sheetsim: no spreadsheet " + id)
	}
	return b
}

func (s *Sim) mustTab(id string, gid int64) (*book, *sheet) {
	b := s.must(id)
	sh := b.sheet(gid)
	if sh == nil {
		panic(fmt.Sprintf("sheetsim: no tab %d in spreadsheet %s", gid, id))
	}
	return b, sh
}
