package mongodb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/pipeline"
)

// maxDocument is the most a document may weigh. The driver does not look, and a
// heavier one can fail the command that carries it (`sinks.md` §C1).
const maxDocument = 16 << 20

// Refusals of a record before it is sent. They quote no value: the error goes
// into logs.
var (
	errKey   = errors.New("the record's key is empty, or holds bytes that no document's _id can have")
	errHeavy = errors.New("the document would weigh more than MongoDB's 16 MiB")
)

// entry is one record, ready to be stored.
type entry struct {
	at      int // its place in the batch
	record  *pipeline.Record
	version string
	fields  []field // sorted by name
	doc     bson.Raw
}

// field is one value under the name it is stored by.
type field struct {
	name  string
	value bson.RawValue
}

// newEntry prepares a record. An error is the record's fault.
func newEntry(at int, r *pipeline.Record) (*entry, error) {
	if r.Key == "" || !utf8.ValidString(r.Key) || strings.IndexByte(r.Key, 0) >= 0 {
		return nil, errKey
	}
	e := &entry{at: at, record: r, version: version(r), fields: make([]field, 0, len(r.Fields))}
	weight := 0
	for name, v := range r.Fields {
		value, err := encode(v)
		if err != nil {
			return nil, err
		}
		e.fields = append(e.fields, field{FieldName(name), value})
		weight += len(name) + len(value.Value)
	}
	if weight > maxDocument {
		return nil, errHeavy
	}
	slices.SortFunc(e.fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	var err error
	e.doc, err = marshal(r, e.version, e.fields)
	return e, err
}

// stamp has one width for every time a record may have, so that text order is
// time order.
const stamp = "2006-01-02T15:04:05.000000000Z"

var (
	earliest = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
)

// version orders the records of one key: by when they happened, then by when
// they were received, then by ID. The same record has the same version.
func version(r *pipeline.Record) string {
	return at(r.Occurred).Format(stamp) + " " + at(r.Received).Format(stamp) + " " + r.ID
}

// at is t in UTC, no earlier and no later than a stamp can say.
func at(t time.Time) time.Time {
	t = t.UTC()
	if t.Before(earliest) {
		return earliest
	}
	if t.After(latest) {
		return latest
	}
	return t
}

// encode turns a value into BSON. Numbers that are none are kept as text: they
// come from an expression gone wrong, the lead is good, and a column of numbers
// with a NaN in it cannot be added up.
func encode(v any) (bson.RawValue, error) {
	switch w := v.(type) {
	case string:
		v = strings.ToValidUTF8(w, "\uFFFD")
	case float64:
		if math.IsNaN(w) || math.IsInf(w, 0) {
			v = strconv.FormatFloat(w, 'g', -1, 64)
		}
	case nil:
		return bson.RawValue{Type: bson.TypeNull}, nil
	case bool, int, int64:
	case []string:
		list := make(bson.A, len(w))
		for i, s := range w {
			list[i] = strings.ToValidUTF8(s, "\uFFFD")
		}
		v = list
	default:
		return bson.RawValue{}, fmt.Errorf("a field holds a %T, which no record should", v)
	}
	t, b, err := bson.MarshalValue(v)
	if err != nil {
		return bson.RawValue{}, fmt.Errorf("a field's %T has no form in BSON", v)
	}
	return bson.RawValue{Type: t, Value: b}, nil
}

// state is a row: what is stored of it, or would be.
type state struct {
	version string
	head    *pipeline.Record // the record that version is of; nil: the stored one
	fields  map[string]bson.RawValue
	changed map[string]bool
}

// apply merges a record into the row. An equal version is the same record
// written again, perhaps by a corrected transform.
func (s *state) apply(e *entry) {
	newer := e.version >= s.version
	if newer {
		s.version, s.head = e.version, e.record
	}
	for _, f := range e.fields {
		old, there := s.fields[f.name]
		if there && f.value.Type == bson.TypeNull {
			continue // nil carries nothing
		}
		if there && !newer && old.Type != bson.TypeNull {
			continue // an older record adds what is lacking, no more
		}
		if there && same(old, f.value) {
			continue
		}
		s.fields[f.name] = f.value
		s.changed[f.name] = true
	}
}

func same(a, b bson.RawValue) bool {
	return a.Type == b.Type && bytes.Equal(a.Value, b.Value)
}

func newState() *state {
	return &state{fields: map[string]bson.RawValue{}, changed: map[string]bool{}}
}

// document is a new row of these entries, applied in their order.
func document(entries []*entry) (bson.Raw, error) {
	if len(entries) == 1 {
		return entries[0].doc, nil
	}
	s := newState()
	for _, e := range entries {
		s.apply(e)
	}
	return marshal(s.head, s.version, s.sorted())
}

// marshal writes a new document, and weighs it.
func marshal(r *pipeline.Record, version string, fields []field) (bson.Raw, error) {
	list := make(bson.D, len(fields))
	for i, f := range fields {
		list[i] = bson.E{Key: f.name, Value: f.value}
	}
	doc := append(bson.D{{Key: "_id", Value: r.Key}}, columns(r, version)...)
	doc = append(doc, bson.E{Key: "revision", Value: int64(1)}, bson.E{Key: "fields", Value: list})
	raw, err := bson.Marshal(doc)
	if err != nil {
		return nil, errors.New("the record has no form in BSON")
	}
	if len(raw) > maxDocument {
		return nil, errHeavy
	}
	return raw, nil
}

// sorted lists the row's fields by name.
func (s *state) sorted() []field {
	fields := make([]field, 0, len(s.fields))
	for name, v := range s.fields {
		fields = append(fields, field{name, v})
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return fields
}

// columns are the parts of a document that tell of its newest record.
func columns(r *pipeline.Record, version string) bson.D {
	return bson.D{
		{Key: "id", Value: r.ID}, {Key: "kind", Value: r.Kind}, {Key: "source", Value: r.Source},
		{Key: "occurred", Value: bson.NewDateTimeFromTime(at(r.Occurred))},
		{Key: "received", Value: bson.NewDateTimeFromTime(at(r.Received))},
		{Key: "version", Value: version},
	}
}
