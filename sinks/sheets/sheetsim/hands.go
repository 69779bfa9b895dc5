package sheetsim

import "fmt"

// by makes a change with a person's hands. A person who does what cannot be done
// is a mistake in a test: it panics.
func (s *Sim) by(id string, gid int64, change func(e *edit, sh *sheet) *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, sh := s.mustTab(id, gid)
	e := &edit{tx: s.begin(b), s: s}
	if f := change(e, sh); f != nil {
		e.rollback()
		panic("sheetsim: " + f.message)
	}
	sh.edition++
}

// SortRows sorts a tab's rows by a column, from zero, as a person does with the
// menu: frozen rows stay, without any the first row does.
func (s *Sim) SortRows(id string, gid int64, column int, ascending bool) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		order := "DESCENDING"
		if ascending {
			order = "ASCENDING"
		}
		e.sort(area{sheet: sh, r0: max(sh.frozenRows, 1), r1: sh.rows, c1: sh.cols}, []sortSpec{{int64(column), order}})
		return nil
	})
}

// InsertRows makes n empty rows before the row at, from zero.
func (s *Sim) InsertRows(id string, gid int64, at, n int) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure { return e.insert(sh, rowsDim, at, n, at > 0) })
}

// DeleteRows deletes n rows from the row at on.
func (s *Sim) DeleteRows(id string, gid int64, at, n int) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure { return e.remove(sh, rowsDim, at, at+n) })
}

// MoveRows takes n rows from the row at on and puts them before the row dest.
func (s *Sim) MoveRows(id string, gid int64, at, n, dest int) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure { e.move(sh, rowsDim, at, at+n, dest); return nil })
}

// InsertColumn makes a column before the column at, with a header unless it is empty.
func (s *Sim) InsertColumn(id string, gid int64, at int, header string) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		if f := e.insert(sh, columnsDim, at, 1, at > 0); f != nil {
			return f
		}
		e.set(sh, 0, at, plain(header), "")
		return nil
	})
}

// DeleteColumn deletes a column.
func (s *Sim) DeleteColumn(id string, gid int64, at int) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure { return e.remove(sh, columnsDim, at, at+1) })
}

// MoveColumn takes a column and puts it before the column dest.
func (s *Sim) MoveColumn(id string, gid int64, at, dest int) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure { e.move(sh, columnsDim, at, at+1, dest); return nil })
}

// HideColumn hides a column, or shows it.
func (s *Sim) HideColumn(id string, gid int64, at int, hidden bool) {
	s.by(id, gid, func(_ *edit, sh *sheet) *failure { sh.columns[at].hidden = hidden; return nil })
}

// RenameHeader writes a column's cell in the first row.
func (s *Sim) RenameHeader(id string, gid int64, at int, header string) {
	s.SetCell(id, gid, 0, at, header)
}

// SetCell writes one cell: a string, number, bool or nil, stored as it is; a
// string that begins with "=" is a formula, as it would be for a person.
func (s *Sim) SetCell(id string, gid int64, r, c int, v any) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		e.hand(sh, r, c, v)
		return nil
	})
}

func (e *edit) hand(sh *sheet, r, c int, v any) {
	if r >= sh.rows || c >= sh.cols {
		panic(fmt.Sprintf("sheetsim: cell %d, %d is outside tab %q", r, c, sh.title))
	}
	if text, ok := v.(string); ok && len(text) > 1 && text[0] == '=' {
		e.set(sh, r, c, evaluate(text), text)
		return
	}
	e.set(sh, r, c, plain(v), "")
}

// AddColumnValues writes a column downwards from its header on: what a person
// keeps beside the data. The column must be in the grid.
func (s *Sim) AddColumnValues(id string, gid int64, at int, header string, values ...any) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		e.hand(sh, 0, at, header)
		for i, v := range values {
			e.hand(sh, i+1, at, v)
		}
		return nil
	})
}

// SetNote puts a note on a cell.
func (s *Sim) SetNote(id string, gid int64, r, c int, note string) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		return e.put(sh, r, c, &cellData{Note: note}, cellFields{note: true})
	})
}

// AddTab makes one more tab, the last.
func (s *Sim) AddTab(id string, tab Tab) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(id)
	e := &edit{tx: s.begin(b), s: s}
	props := &sheetProps{ID: &tab.GID, Title: tab.Title, Hidden: tab.Hidden, Grid: &gridProps{Rows: int64(tab.Rows), Columns: int64(tab.Columns)}}
	if _, f := (&addSheet{Props: props}).run(e); f != nil {
		panic("sheetsim: " + f.message)
	}
	sh := b.sheet(tab.GID)
	for r, line := range tab.Values {
		for c, v := range line {
			e.hand(sh, r, c, v)
		}
	}
}

// DeleteTab deletes a tab.
func (s *Sim) DeleteTab(id string, gid int64) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure { _, f := (&deleteSheet{SheetID: sh.id}).run(e); return f })
}

// RenameTab gives a tab another name.
func (s *Sim) RenameTab(id string, gid int64, title string) {
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		_, f := (&updateSheet{Props: &sheetProps{ID: &gid, Title: title}, Fields: "title"}).run(e)
		return f
	})
}

// HideTab hides a tab, or shows it.
func (s *Sim) HideTab(id string, gid int64, hidden bool) {
	s.by(id, gid, func(_ *edit, sh *sheet) *failure { sh.hidden = hidden; return nil })
}

// FreezeRows freezes the first n rows.
func (s *Sim) FreezeRows(id string, gid int64, n int) {
	s.by(id, gid, func(_ *edit, sh *sheet) *failure { sh.frozenRows = n; return nil })
}

// ProtectRange protects a rectangle, rows [r0, r1) and columns [c0, c1) with -1
// for an open end, from everybody but the editors. It returns the protection's id.
func (s *Sim) ProtectRange(id string, gid int64, r0, r1, c0, c1 int, editors ...string) int64 {
	var made int64
	s.by(id, gid, func(e *edit, sh *sheet) *failure {
		made = 1 + s.rand.Int64N(1<<31-1)
		e.b.protected = append(e.b.protected, &protectedRange{id: made, at: area{sheet: sh, r0: r0, r1: r1, c0: c0, c1: c1}, editors: editors})
		return nil
	})
	return made
}

// Unprotect takes a protection away.
func (s *Sim) Unprotect(id string, protection int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.must(id)
	if _, f := (&deleteProtected{ID: protection}).run(&edit{tx: s.begin(b), s: s}); f != nil {
		panic("sheetsim: " + f.message)
	}
}
