package sheetsim

import (
	"slices"
	"unicode/utf8"
)

// metadata is one note of a program on the spreadsheet, a tab, a row or a column.
type metadata struct {
	id         int64
	key, value string
	visibility string
	at         anchor
}

// anchor is where metadata hangs: on the whole spreadsheet without a sheet, on a
// sheet without a dimension.
type anchor struct {
	sheet *sheet
	dim   dimension
	index int
}

func (a anchor) kind() string {
	switch {
	case a.sheet == nil:
		return "SPREADSHEET"
	case a.dim == rowsDim:
		return "ROW"
	case a.dim == columnsDim:
		return "COLUMN"
	}
	return "SHEET"
}

func (m *metadata) wire() metadataWire {
	w := metadataWire{ID: m.id, Key: m.key, Value: m.value, Visibility: m.visibility, Location: &locationWire{Type: m.at.kind()}}
	switch {
	case m.at.sheet == nil:
		w.Location.Spreadsheet = true
	case m.at.dim == "":
		id := m.at.sheet.id
		w.Location.SheetID = &id
	default:
		from, to := int64(m.at.index), int64(m.at.index+1)
		w.Location.Dimension = &dimensionRange{SheetID: m.at.sheet.id, Dimension: string(m.at.dim), Start: &from, End: &to}
	}
	return w
}

func (b *book) anchor(l *locationWire) (anchor, *failure) {
	if l == nil {
		return anchor{}, invalid("A location must be specified.")
	}
	switch {
	case l.Dimension != nil:
		s := b.sheet(l.Dimension.SheetID)
		if s == nil {
			return anchor{}, invalid("No grid with id: %d", l.Dimension.SheetID)
		}
		d, f := parseDimension(l.Dimension.Dimension)
		if f != nil {
			return anchor{}, f
		}
		var from, to int64
		if l.Dimension.Start != nil {
			from = *l.Dimension.Start
		}
		if l.Dimension.End != nil {
			to = *l.Dimension.End
		}
		size := s.rows
		if d == columnsDim {
			size = s.cols
		}
		if to != from+1 {
			return anchor{}, invalid("The dimensionRange must be a single row or column.")
		}
		if from < 0 || to > int64(size) {
			return anchor{}, invalid("The dimensionRange exceeds the grid: it ends at %d, there are %d %s.", to, size, d)
		}
		return anchor{s, d, int(from)}, nil
	case l.SheetID != nil:
		s := b.sheet(*l.SheetID)
		if s == nil {
			return anchor{}, invalid("No grid with id: %d", *l.SheetID)
		}
		return anchor{sheet: s}, nil
	case l.Spreadsheet:
		return anchor{}, nil
	}
	return anchor{}, invalid("A location must be specified.")
}

// metaRoom holds the metadata of a place against its limit: 30,000 characters on
// the spreadsheet itself and on each sheet with its rows and columns.
func (b *book) metaRoom(s *sheet) *failure {
	n := 0
	for _, m := range b.meta {
		if m.at.sheet == s {
			n += utf8.RuneCountInString(m.key) + utf8.RuneCountInString(m.value)
		}
	}
	if n > maxMeta {
		return invalid("Developer metadata exceeds the limit of %d characters.", maxMeta)
	}
	return nil
}

type createMetadata struct {
	Meta *metadataWire `json:"developerMetadata"`
}

func (q *createMetadata) run(e *edit) (any, *failure) {
	w := q.Meta
	if w == nil || w.Key == "" {
		return nil, invalid("metadataKey must be specified.")
	}
	if w.Visibility != "DOCUMENT" && w.Visibility != "PROJECT" {
		return nil, invalid("visibility must be specified.")
	}
	at, f := e.b.anchor(w.Location)
	if f != nil {
		return nil, f
	}
	exists := func(id int64) bool {
		return slices.ContainsFunc(e.b.meta, func(m *metadata) bool { return m.id == id })
	}
	id := w.ID
	if id < 0 {
		return nil, invalid("metadataId[%d] must be positive.", id)
	}
	// That a used id is refused is documented ("unique"), not verified (`sinks.md` §A5).
	if id != 0 && exists(id) {
		return nil, invalid("DeveloperMetadata with id %d already exists.", id)
	}
	for id == 0 || id != w.ID && exists(id) {
		id = 1 + e.s.rand.Int64N(1<<31-1)
	}
	m := &metadata{id: id, key: w.Key, value: w.Value, visibility: w.Visibility, at: at}
	touch(e.tx, &e.b.meta)
	e.b.meta = append(slices.Clone(e.b.meta), m)
	if f := e.b.metaRoom(at.sheet); f != nil {
		return nil, f
	}
	return map[string]any{"developerMetadata": m.wire()}, nil
}

type updateMetadata struct {
	Filters []dataFilter  `json:"dataFilters"`
	Meta    *metadataWire `json:"developerMetadata"`
	Fields  string        `json:"fields"`
}

func (q *updateMetadata) run(e *edit) (any, *failure) {
	m, f := parseMask(q.Fields, nil)
	if f != nil {
		return nil, f
	}
	if m.empty() {
		return nil, invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
	}
	found, f := e.b.match(q.Filters)
	if f != nil {
		return nil, f
	}
	w := q.Meta
	if w == nil {
		w = &metadataWire{}
	}
	out := []metadataWire{}
	for _, d := range found {
		touch(e.tx, d)
		if m.has("metadataKey") {
			if d.key = w.Key; w.Key == "" {
				return nil, invalid("metadataKey must be specified.")
			}
		}
		if m.has("metadataValue") {
			d.value = w.Value
		}
		if m.has("visibility") {
			d.visibility = w.Visibility
		}
		if m.sub["location"] != nil {
			if d.at, f = e.b.anchor(w.Location); f != nil {
				return nil, f
			}
		}
		if f := e.b.metaRoom(d.at.sheet); f != nil {
			return nil, f
		}
		out = append(out, d.wire())
	}
	return map[string]any{"developerMetadata": out}, nil
}

type deleteMetadata struct {
	Filter *dataFilter `json:"dataFilter"`
}

func (q *deleteMetadata) run(e *edit) (any, *failure) {
	if q.Filter == nil {
		return nil, invalid("dataFilter is required.")
	}
	found, f := e.b.match([]dataFilter{*q.Filter})
	if f != nil {
		return nil, f
	}
	out := []metadataWire{}
	touch(e.tx, &e.b.meta)
	for _, d := range found {
		out = append(out, d.wire())
	}
	e.b.meta = slices.DeleteFunc(slices.Clone(e.b.meta), func(m *metadata) bool { return slices.Contains(found, m) })
	return map[string]any{"deletedDeveloperMetadata": out}, nil
}
