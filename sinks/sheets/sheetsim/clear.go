package sheetsim

// clear empties the values of an area; formats, notes and rules stay.
func (e *edit) clear(a area) (string, *failure) {
	if a.outside() {
		return "", a.tooFar()
	}
	a = a.clip()
	if f := e.writable(a.sheet, a.r0, a.r1, a.c0, a.c1); f != nil {
		return "", f
	}
	e.wipe(a.sheet, a.r0, a.r1, a.c0, a.c1, cellFields{value: true})
	a.sheet.edition++
	return a.String(), nil
}

// clearAll empties areas, all or none.
func (c *call) clearAll(find func(*book) ([]area, *failure)) (id string, ranges []string, f *failure) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return "", nil, f
	}
	areas, f := find(b)
	if f != nil {
		return "", nil, f
	}
	e := &edit{tx: s.begin(b), s: s, who: c.who.email}
	for _, a := range areas {
		text, f := e.clear(a)
		if f != nil {
			e.rollback()
			return "", nil, f
		}
		ranges = append(ranges, text)
	}
	return b.id, ranges, nil
}

func clearValues(c *call, _ any, _ *mask) (any, *failure) {
	id, ranges, f := c.clearAll(func(b *book) ([]area, *failure) {
		a, f := b.parse(c.arg)
		return []area{a}, f
	})
	if f != nil {
		return nil, f
	}
	return map[string]any{"spreadsheetId": id, "clearedRange": ranges[0]}, nil
}

type clearAsk struct {
	Ranges []string `json:"ranges"`
}

func batchClearValues(c *call, ask any, _ *mask) (any, *failure) {
	return c.clearedRanges(func(b *book) (out []area, f *failure) {
		for _, text := range ask.(*clearAsk).Ranges {
			a, f := b.parse(text)
			if f != nil {
				return nil, f
			}
			out = append(out, a)
		}
		return out, nil
	})
}

type clearAskBy struct {
	Filters []dataFilter `json:"dataFilters"`
}

func batchClearValuesBy(c *call, ask any, _ *mask) (any, *failure) {
	return c.clearedRanges(func(b *book) (out []area, f *failure) {
		for _, df := range ask.(*clearAskBy).Filters {
			list, f := b.areas(df)
			if f != nil {
				return nil, f
			}
			out = append(out, list...)
		}
		return out, nil
	})
}

func (c *call) clearedRanges(find func(*book) ([]area, *failure)) (any, *failure) {
	id, ranges, f := c.clearAll(find)
	if f != nil {
		return nil, f
	}
	return map[string]any{"spreadsheetId": id, "clearedRanges": ranges}, nil
}
