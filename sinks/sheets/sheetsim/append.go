package sheetsim

// region is a table that was found for an append, good as long as its tab has the
// same edition: looking for a long table costs as much as the table is long.
type region struct {
	r0, r1, c0, c1 int
	edition        int
	known          bool
}

// tableIn is the last table that has a cell in the area: of the lowest row that
// has content, the rightmost cell and all that hangs together with it
// (`sinks.md` §A1).
func (s *sheet) tableIn(a area) (region, bool) {
	a = a.clip()
	for r := min(a.r1, len(s.data)) - 1; r >= a.r0; r-- {
		if !s.rowFilled(r, a.c0, a.c1) {
			continue
		}
		for c := a.c1 - 1; c >= a.c0; c-- {
			if s.at(r, c).filled() {
				if k := s.region; k.known && k.edition == s.edition && r >= k.r0 && r < k.r1 && c >= k.c0 && c < k.c1 {
					return k, true
				}
				return s.around(r, c), true
			}
		}
	}
	return region{}, false
}

// around grows a rectangle from one cell until nothing that touches it is filled.
func (s *sheet) around(r, c int) region {
	t := region{r0: r, r1: r + 1, c0: c, c1: c + 1, known: true}
	column := func(c int) bool {
		for r := max(t.r0-1, 0); c >= 0 && r <= t.r1 && r < len(s.data); r++ {
			if s.at(r, c).filled() {
				return true
			}
		}
		return false
	}
	for grown := true; grown; {
		grown = false
		for t.r0 > 0 && s.rowFilled(t.r0-1, t.c0-1, t.c1+1) {
			t.r0--
			grown = true
		}
		for s.rowFilled(t.r1, t.c0-1, t.c1+1) {
			t.r1++
			grown = true
		}
		for t.c0 > 0 && column(t.c0-1) {
			t.c0--
			grown = true
		}
		for t.c1 < s.cols && column(t.c1) {
			t.c1++
			grown = true
		}
	}
	return t
}

type appended struct {
	ID      string  `json:"spreadsheetId"`
	Table   string  `json:"tableRange,omitempty"`
	Updates updated `json:"updates"`
}

func appendValues(c *call, ask any, _ *mask) (any, *failure) {
	v := ask.(*valueRange)
	parse, f := inputOption(c.query.Get("valueInputOption"))
	if f != nil {
		return nil, f
	}
	insert := false
	switch o := c.query.Get("insertDataOption"); o {
	case "", "OVERWRITE":
	case "INSERT_ROWS":
		insert = true
	default:
		return nil, badNames([]violation{{"insert_data_option", "Invalid value at 'insert_data_option' (type.googleapis.com/google.apps.sheets.v4.AppendValuesRequest.InsertDataOption), \"" + o + "\""}})
	}
	lines, f := v.lines()
	if f != nil {
		return nil, f
	}
	options, f := c.responseOptions(v.MajorDimension)
	if f != nil {
		return nil, f
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	a, f := b.parse(c.arg)
	if f != nil {
		return nil, f
	}
	if a.outside() {
		return nil, a.tooFar()
	}
	sh := a.sheet
	t, found := sh.tableIn(a)
	if race := s.opts.AppendRace; race > 0 && !insert {
		// Between looking and writing somebody else may write: that is the race.
		s.mu.Unlock()
		s.wait(c.r, race)
		s.mu.Lock()
		if b, f = c.open(); f != nil {
			return nil, f
		}
		if b.sheet(sh.id) != sh {
			return nil, invalid("Unable to parse range: %s", c.arg)
		}
	}
	e := &edit{tx: s.begin(b), s: s, who: c.who.email}
	out, f := e.append(a, t, found, lines, parse, insert)
	if f == nil && options.include {
		if a, f = b.parse(out.Updates.Range); f == nil {
			f = c.echo(b, a, &out.Updates, options)
		}
	}
	if f != nil {
		e.rollback()
		return nil, f
	}
	return out, nil
}

func (e *edit) append(a area, t region, found bool, lines [][]any, parse, insert bool) (appended, *failure) {
	s := a.sheet
	out := appended{ID: e.b.id}
	at := area{sheet: s, r0: a.r0, c0: a.c0, r1: -1, c1: -1}
	if found {
		at.r0, at.c0 = t.r1, t.c0
		out.Table = area{sheet: s, r0: t.r0, r1: t.r1, c0: t.c0, c1: t.c1}.String()
	}
	width := 0
	for _, l := range lines {
		width = max(width, len(l))
	}
	if f := e.grow(s, columnsDim, at.c0+width-s.cols); f != nil {
		return out, f
	}
	if insert && found && len(lines) > 0 {
		if f := e.insert(s, rowsDim, at.r0, len(lines), at.r0 > 0); f != nil {
			return out, f
		}
	} else if f := e.grow(s, rowsDim, at.r0+len(lines)-s.rows); f != nil {
		return out, f
	}
	if at.r0 >= s.rows { // nothing to write, just after the last row
		at.r0 = s.rows - 1
	}
	u, f := e.write(at, lines, parse)
	if f != nil {
		return out, f
	}
	out.Updates = u
	if whole := found && filledAll(lines) && (insert || !s.rowFilled(at.r0+len(lines), t.c0-1, max(t.c1, at.c0+width)+1)); whole {
		s.region = region{r0: t.r0, r1: at.r0 + len(lines), c0: t.c0, c1: max(t.c1, at.c0+width), edition: s.edition, known: true}
		if s.region.c1 != t.c1 || insert && s.rowFilled(s.region.r1, s.region.c0-1, s.region.c1+1) {
			s.region.known = false
		}
	}
	return out, nil
}

// filledAll says whether each line begins with content, so that it surely hangs
// together with the table above it.
func filledAll(lines [][]any) bool {
	for _, l := range lines {
		if len(l) == 0 || l[0] == nil || l[0] == "" {
			return false
		}
	}
	return len(lines) > 0
}
