package bus

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"mekong/pipeline"
)

// Publish stores records in RECORDS as few flushes as it can, and says of each
// what happened. A record that is there already counts as stored.
func (b *Bus) Publish(records []pipeline.Record) []error { return b.PublishTraced(records, nil) }

// PublishTraced is [Bus.Publish], and each record takes along which trace it is part
// of; "" is none. traces has one for each record, or is nil.
//
// What goes to the server at once is bounded in bytes too: a few hundred large
// records in one batch would cost gigabytes of memory and more time than a
// publish has, and one that is larger than the room left would be refused as a
// whole, again and again.
func (b *Bus) PublishTraced(records []pipeline.Record, traces []string) []error {
	errs := make([]error, len(records))
	first := make(map[string]int, len(records)) // ID → position
	var twice []int
	msgs := make([]*nats.Msg, 0, min(len(records), groupMost))
	where := make([]int, 0, cap(msgs))
	size := 0
	store := func() {
		if len(msgs) > 0 {
			for i, s := range b.pub.store(msgs) {
				errs[where[i]] = s.err
			}
		}
		msgs, where, size = msgs[:0], where[:0], 0
	}
	for i, r := range records {
		if _, there := first[r.ID]; there {
			twice = append(twice, i) // the same delivery twice in one batch
			continue
		}
		first[r.ID] = i
		m := recordMsg(r)
		if traces != nil && traceOf(traces[i]) != "" {
			m.Header[headerTrace] = traces[i : i+1 : i+1]
		}
		if len(m.Data) > MaxRecord {
			errs[i] = pipeline.Permanent(fmt.Errorf("the record has %d bytes, more than the %d a message can hold", len(m.Data), MaxRecord))
			continue
		}
		if len(msgs) == groupMost || size+len(m.Data) > groupMostBytes {
			store()
		}
		msgs, where, size = append(msgs, m), append(where, i), size+len(m.Data)
	}
	store()
	for _, i := range twice {
		errs[i] = errs[first[records[i].ID]]
	}
	return errs
}

// MaxRecord is the largest record, in bytes of its JSON: the server's largest
// message less room for headers.
const MaxRecord = 1<<20 - 8<<10
