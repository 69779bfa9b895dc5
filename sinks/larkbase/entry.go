package larkbase

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mekong/pipeline"
)

// Refusals of a record before it is sent. They quote no value: the error goes into
// logs.
var (
	errKey   = errors.New("larkbase: the record's key is empty, or not text that a cell can hold")
	errValue = errors.New("larkbase: a field's value is of a kind that no column takes")
)

// entry is one record of a batch.
type entry struct {
	at      int // its place in the batch
	record  *pipeline.Record
	version string
	loc     *time.Location
	list    []string // see names
}

// newEntry looks at a record. An error is the record's fault.
func newEntry(at int, r *pipeline.Record, loc *time.Location) (*entry, error) {
	if r.Key == "" || len(r.Key) > maxKey || !utf8.ValidString(r.Key) || strings.TrimSpace(r.Key) != r.Key || strings.ContainsRune(r.Key, 0) {
		return nil, errKey
	}
	for _, v := range r.Fields {
		if !takable(v) {
			return nil, errValue
		}
	}
	return &entry{at: at, record: r, version: version(r), loc: loc}, nil
}

// maxKey is far beyond any key, and short enough for fifty of them in a filter.
const maxKey = 2000

// names are those of the record's fields that carry something, in their order, and
// then of what a record has beside them, where no field has that name.
func (e *entry) names() []string {
	if e.list != nil {
		return e.list
	}
	e.list = make([]string, 0, len(e.record.Fields)+len(ofRecord))
	for name, v := range e.record.Fields {
		if !empty(v) {
			e.list = append(e.list, name)
		}
	}
	slices.Sort(e.list)
	for _, name := range ofRecord {
		if _, taken := e.record.Fields[name]; !taken {
			e.list = append(e.list, name)
		}
	}
	return e.list
}

// fields are the names with their values.
func (e *entry) fields() func(yield func(string, any) bool) {
	return func(yield func(string, any) bool) {
		for _, name := range e.names() {
			if !yield(name, e.value(name)) {
				return
			}
		}
	}
}

// value is what the record has under one of its names.
func (e *entry) value(name string) any {
	if v, ok := e.record.Fields[name]; ok {
		return v
	}
	return e.of(name)
}

func (e *entry) of(name string) any {
	switch r := e.record; name {
	case "id":
		return r.ID
	case "key":
		return r.Key
	case "kind":
		return r.Kind
	case "source":
		return r.Source
	case "occurred":
		return clamp(r.Occurred).In(e.loc).Format(time.RFC3339)
	default:
		return clamp(r.Received).In(e.loc).Format(time.RFC3339)
	}
}

// row is the part of a batch that has one key, in order of version.
type row struct {
	key     string
	entries []*entry
	drop    map[kind]bool // columns of these kinds are left out: a cell was refused

	found *found // the row that is there; nil: none, as far as is known

	// What is to be written, by [job.plan].
	planned int      // the job's turn at which it was worked out
	target  *table   // and the table for which
	cells   []any    // by the column's place in the table; nil: nothing is written
	ver     string   // of the row when this is written
	filed   []bool   // by place: whether the column is then not empty
	missed  []string // columns for which a value is left out

	parts []*row // each record alone, after all together were refused

	done bool // it has its fate: err, or stored at id
	err  error
	id   string
	at   *table
}

// rowsOf sorts entries into rows, in the order of their first.
func rowsOf(entries []*entry) []*row {
	var rows []*row
	byKey := make(map[string]*row, len(entries))
	for _, e := range entries {
		r := byKey[e.record.Key]
		if r == nil {
			r = &row{key: e.record.Key, drop: map[kind]bool{}}
			byKey[r.key] = r
			rows = append(rows, r)
		}
		r.entries = append(r.entries, e)
	}
	for _, r := range rows {
		slices.SortStableFunc(r.entries, func(a, b *entry) int { return cmp.Compare(a.version, b.version) })
	}
	return rows
}

// stored settles a row.
func (r *row) stored(at *table, id string) { r.done, r.err, r.at, r.id = true, nil, at, id }

// refused settles a row that the table will not take.
func (r *row) refused(err error) { r.done, r.err = true, err }

// open are the rows without a fate.
func open(rows []*row) (out []*row) {
	for _, r := range rows {
		if !r.done {
			out = append(out, r)
		}
	}
	return out
}
