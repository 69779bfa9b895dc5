package appsscript

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
	errKey   = errors.New("appsscript: the record's key is empty, or not text that a cell can hold")
	errValue = errors.New("appsscript: a field's value is of a kind that no cell takes")
)

const (
	maxKey    = 2000    // bytes
	maxHeader = 200     // bytes
	maxFields = 300     // of one record
	maxRecord = 2 << 20 // bytes of its texts
)

// entry is one record of a batch.
type entry struct {
	at      int // its place in the batch
	record  *pipeline.Record
	version string
}

// newEntry looks at a record. An error is the record's fault.
func newEntry(at int, r *pipeline.Record) (*entry, error) {
	if r.Key == "" || len(r.Key) > maxKey || !utf8.ValidString(r.Key) || strings.TrimSpace(r.Key) != r.Key || strings.ContainsRune(r.Key, 0) {
		return nil, errKey
	}
	if len(r.Fields) > maxFields {
		return nil, errors.New("appsscript: the record has more fields than a sheet should have columns")
	}
	size := 0
	for _, v := range r.Fields {
		if !takable(v) {
			return nil, errValue
		}
		switch v := v.(type) {
		case string:
			size += min(len(v), 3*maxText)
		case []string:
			for _, item := range v {
				size += len(item)
			}
		}
	}
	if size > maxRecord {
		return nil, errors.New("appsscript: the record is longer than a request should be")
	}
	return &entry{at: at, record: r, version: version(r)}, nil
}

// value is a field of the record, or what a record has beside its fields.
func (e *entry) value(field string) any {
	if v, ok := e.record.Fields[field]; ok {
		return v
	}
	switch r := e.record; field {
	case "id":
		return r.ID
	case "key":
		return r.Key
	case "kind":
		return r.Kind
	case "source":
		return r.Source
	case "occurred":
		return r.Occurred
	case "received":
		return r.Received
	}
	return nil
}

// inOrder sorts entries as they are to be applied: the oldest first, of one key and
// over all, so that new rows stand in the order of time.
func inOrder(entries []*entry) {
	slices.SortStableFunc(entries, func(a, b *entry) int { return cmp.Compare(a.version, b.version) })
}

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
	return clamp(r.Occurred).Format(stamp) + " " + clamp(r.Received).Format(stamp) + " " + strings.ToValidUTF8(r.ID, "\uFFFD")
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
