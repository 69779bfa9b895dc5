package sheets

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mekong/pipeline"
	"mekong/sinks/columns"
)

// Refusals of a record before it is sent. They quote no value: the error goes into
// logs.
var (
	errKey   = errors.New("sheets: the record's key is empty, or not text that a cell can hold")
	errValue = errors.New("sheets: a field's value is of a kind that no cell takes")
)

// maxKey is far beyond any key.
const maxKey = 2000

// stamp has one width for every time a record may have, so that text order is time
// order.
const stamp = "2006-01-02T15:04:05.000000000Z"

var (
	earliest = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
)

// version orders the records of one key: by when they happened, then by when they
// were received, then by ID. The same record has the same version.
func version(r *pipeline.Record) string {
	b := make([]byte, 0, 2*len(stamp)+2+len(r.ID))
	b = append(clamp(r.Occurred).AppendFormat(b, stamp), ' ')
	b = append(clamp(r.Received).AppendFormat(b, stamp), ' ')
	return string(append(b, strings.ToValidUTF8(r.ID, "\uFFFD")...))
}

// clamp is t in UTC, no earlier and no later than a stamp can say.
func clamp(t time.Time) time.Time {
	switch t = t.UTC(); {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}

// isVersion reports whether a text is one that [version] made.
func isVersion(s string) bool {
	a, rest, ok := strings.Cut(s, " ")
	if !ok {
		return false
	}
	b, _, ok := strings.Cut(rest, " ")
	if _, err := time.Parse(stamp, a); err != nil || !ok {
		return false
	}
	_, err := time.Parse(stamp, b)
	return err == nil
}

// entry is one record of a batch.
type entry struct {
	at      int // its place in the batch
	record  *pipeline.Record
	version string
}

// newEntry looks at a record. An error is the record's fault.
func newEntry(at int, r *pipeline.Record) (entry, error) {
	if r.Key == "" || len(r.Key) > maxKey || !utf8.ValidString(r.Key) || strings.TrimSpace(r.Key) != r.Key || strings.ContainsRune(r.Key, 0) {
		return entry{}, errKey
	}
	for _, v := range r.Fields {
		if !takable(v) {
			return entry{}, errValue
		}
	}
	return entry{at: at, record: r, version: version(r)}, nil
}

// value is a field of a record by its name.
type value struct {
	name string
	v    any
	own  bool // one of the record's fields; else what a record has beside them
}

// ofRecord are the names of what a record has beside its fields.
var ofRecord = columns.OfRecord()

// beside is what a record has under a name beside its fields; ok is false where one
// of the fields is called so.
func (e *entry) beside(name string) (v any, ok bool) {
	if _, taken := e.record.Fields[name]; taken {
		return nil, false
	}
	switch r := e.record; name {
	case "id":
		return r.ID, true
	case "key":
		return r.Key, true
	case "kind":
		return r.Kind, true
	case "source":
		return r.Source, true
	case "occurred":
		return clamp(r.Occurred), true
	default:
		return clamp(r.Received), true
	}
}

// row is the part of a batch that has one key, in order of version.
type row struct {
	key     string
	id      digest // of key
	entries []*entry
	again   bool // one of them may have arrived before

	found *found   // what is there; nil: nothing, or it was not looked at
	cells []placed // what is to be written, from the left
	ver   string   // of the row when that is written
	cut   []string // headers of cells that do not hold all of their text
	size  int      // about how many bytes that is on the line

	done bool // it has its fate: err, or stored at number
	err  error
	tab  *tab
	at   int64 // its row, counted from 0; -1: not known
}

// placed is a value for a column.
type placed struct {
	c *column
	v any
	// Whose it is, to compare with what else would go there.
	by   *entry
	name string
	rank int
}

// found is a row as it is in the tab.
type found struct {
	version string
	values  []any // by column; nil: empty
}

// rowsOf sorts entries into rows, in the order of their first.
func rowsOf(entries []entry) []*row {
	rows := make([]*row, 0, len(entries))
	byKey := make(map[string]*row, len(entries))
	for i := range entries {
		e := &entries[i]
		r := byKey[e.record.Key]
		if r == nil {
			r = &row{key: e.record.Key, id: digestOf(e.record.Key)}
			byKey[r.key] = r
			rows = append(rows, r)
		}
		r.entries = append(r.entries, e)
		r.again = r.again || e.record.Again
	}
	for _, r := range rows {
		if len(r.entries) > 1 {
			slices.SortStableFunc(r.entries, func(a, b *entry) int { return strings.Compare(a.version, b.version) })
		}
	}
	return rows
}

func (r *row) stored(t *tab, at int64) { r.done, r.err, r.tab, r.at = true, nil, t, at }

// refused settles a row that the tab will not take.
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
