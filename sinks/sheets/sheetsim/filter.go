package sheetsim

import (
	"slices"
	"strconv"
)

// match is the metadata that one of the filters selects, in the order it was made.
func (b *book) match(filters []dataFilter) ([]*metadata, *failure) {
	var out []*metadata
	tests := make([]func(*metadata) bool, 0, len(filters))
	for _, df := range filters {
		t, f := b.filter(df)
		if f != nil {
			return nil, f
		}
		tests = append(tests, t)
	}
	for _, m := range b.meta {
		if slices.ContainsFunc(tests, func(t func(*metadata) bool) bool { return t(m) }) {
			out = append(out, m)
		}
	}
	return out, nil
}

// filter is the test that one data filter stands for.
func (b *book) filter(df dataFilter) (func(*metadata) bool, *failure) {
	switch {
	case df.Lookup != nil:
		return b.lookup(*df.Lookup)
	case df.A1 != "" || df.Grid != nil:
		a, f := b.filterArea(df)
		if f != nil {
			return nil, f
		}
		return func(m *metadata) bool {
			switch {
			case m.at.sheet != a.sheet:
				return false
			case m.at.dim == rowsDim:
				return m.at.index >= a.r0 && (a.r1 < 0 || m.at.index < a.r1)
			case m.at.dim == columnsDim:
				return m.at.index >= a.c0 && (a.c1 < 0 || m.at.index < a.c1)
			}
			return a.whole
		}, nil
	}
	return nil, invalid("A dataFilter must have one of developerMetadataLookup, a1Range and gridRange.")
}

func (b *book) filterArea(df dataFilter) (area, *failure) {
	if df.Grid != nil {
		return b.grid(*df.Grid)
	}
	return b.parse(df.A1)
}

// lookup is true for metadata that agrees with every field that is set; an empty
// lookup takes all.
func (b *book) lookup(l metadataLookup) (func(*metadata) bool, *failure) {
	var at *anchor
	if l.Location != nil {
		a, f := b.anchor(l.Location)
		if f != nil {
			return nil, f
		}
		at = &a
	}
	return func(m *metadata) bool {
		if l.ID != 0 && m.id != l.ID || l.Key != "" && m.key != l.Key || l.Value != "" && m.value != l.Value || l.Visibility != "" && m.visibility != l.Visibility {
			return false
		}
		if l.LocationType != "" && m.at.kind() != l.LocationType {
			return false
		}
		if at == nil || *at == m.at {
			return true
		}
		// Unless it must be exact, a location takes what lies within it.
		return l.Matching != "EXACT_LOCATION" && l.LocationType != at.kind() && (at.sheet == nil || at.dim == "" && at.sheet == m.at.sheet)
	}, nil
}

// areaOf is the part of the grid that an anchor stands for.
func (b *book) areaOf(a anchor) (area, bool) {
	switch a.dim {
	case rowsDim:
		return area{sheet: a.sheet, r0: a.index, r1: a.index + 1, c1: -1}, true
	case columnsDim:
		return area{sheet: a.sheet, r1: -1, c0: a.index, c1: a.index + 1}, true
	}
	return area{sheet: a.sheet, r1: -1, c1: -1, whole: true}, a.sheet != nil
}

// areas is what a data filter of a values call stands for.
func (b *book) areas(df dataFilter) ([]area, *failure) {
	if df.Lookup == nil {
		if df.A1 == "" && df.Grid == nil {
			return nil, invalid("A dataFilter must have one of developerMetadataLookup, a1Range and gridRange.")
		}
		a, f := b.filterArea(df)
		return []area{a}, f
	}
	found, f := b.match([]dataFilter{df})
	if f != nil {
		return nil, f
	}
	var out []area
	for _, m := range found {
		if a, ok := b.areaOf(m.at); ok {
			out = append(out, a)
		}
	}
	return out, nil
}

type metadataSearch struct {
	Filters []dataFilter `json:"dataFilters"`
}

type matchedMetadata struct {
	Meta    metadataWire `json:"developerMetadata"`
	Filters []dataFilter `json:"dataFilters"`
}

func searchMetadata(c *call, ask any, _ *mask) (any, *failure) {
	a := ask.(*metadataSearch)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	if len(a.Filters) == 0 {
		return nil, invalid("At least one dataFilter must be specified.")
	}
	found, f := b.match(a.Filters)
	if f != nil {
		return nil, f
	}
	var out struct {
		Matched []matchedMetadata `json:"matchedDeveloperMetadata,omitempty"`
	}
	for _, m := range found {
		by := matchedMetadata{Meta: m.wire()}
		for _, df := range a.Filters {
			if t, f := b.filter(df); f == nil && t(m) {
				by.Filters = append(by.Filters, df)
			}
		}
		out.Matched = append(out.Matched, by)
	}
	return out, nil
}

func getMetadata(c *call, _ any, _ *mask) (any, *failure) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b, f := c.open()
	if f != nil {
		return nil, f
	}
	id, err := strconv.ParseInt(c.arg, 10, 32)
	if err != nil {
		return nil, badNames([]violation{{"metadata_id", "Invalid value at 'metadata_id' (TYPE_INT32)"}})
	}
	for _, m := range b.meta {
		if m.id == id {
			return m.wire(), nil
		}
	}
	return nil, notFound()
}
