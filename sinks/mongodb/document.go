package mongodb

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

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
	return at(r.Occurred).Format(stamp) + " " + at(r.Received).Format(stamp) + " " + strings.ToValidUTF8(r.ID, "\uFFFD")
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

// marshal writes a new document, and weighs it. It is written by hand: this is
// all the work there is for most records, and reflection made three of it.
func marshal(r *pipeline.Record, version string, fields []field) (bson.Raw, error) {
	weight := 256 + len(r.Key) + 2*len(r.ID)
	for _, f := range fields {
		weight += len(f.name) + len(f.value.Value) + 2
	}
	start, doc := bsoncore.AppendDocumentStart(make([]byte, 0, weight))
	doc = bsoncore.AppendStringElement(doc, "_id", r.Key)
	for _, c := range columns(r, version) {
		doc = appendValue(doc, c.Key, c.Value.(bson.RawValue))
	}
	doc = bsoncore.AppendInt64Element(doc, "revision", 1)
	inner, doc := bsoncore.AppendDocumentElementStart(doc, "fields")
	for _, f := range fields {
		doc = appendValue(doc, f.name, f.value)
	}
	doc = bsoncore.UpdateLength(append(doc, 0), inner, int32(len(doc)+1-int(inner)))
	doc = bsoncore.UpdateLength(append(doc, 0), start, int32(len(doc)+1-int(start)))
	if len(doc) > maxDocument {
		return nil, errHeavy
	}
	return doc, nil
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
		{Key: "id", Value: text(r.ID)}, {Key: "kind", Value: text(r.Kind)}, {Key: "source", Value: text(r.Source)},
		{Key: "occurred", Value: date(r.Occurred)}, {Key: "received", Value: date(r.Received)}, {Key: "version", Value: text(version)},
	}
}
