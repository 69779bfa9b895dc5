package bus

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"mekong/pipeline"
)

// Publish stores records in RECORDS as few flushes as it can, and says of each
// what happened. A record that is there already counts as stored.
func (b *Bus) Publish(records []pipeline.Record) []error {
	errs := make([]error, len(records))
	for at := 0; at < len(records); at += groupMost {
		part := records[at:min(at+groupMost, len(records))]
		msgs := make([]*nats.Msg, 0, len(part))
		where := make([]int, 0, len(part))
		seen := make(map[string]bool, len(part))
		for i, r := range part {
			if seen[r.ID] {
				continue // the same delivery twice in one batch
			}
			seen[r.ID] = true
			m := recordMsg(r)
			if len(m.Data) > MaxRecord {
				errs[at+i] = pipeline.Permanent(fmt.Errorf("the record has %d bytes, more than the %d a message can hold", len(m.Data), MaxRecord))
				continue
			}
			msgs, where = append(msgs, m), append(where, at+i)
		}
		if len(msgs) == 0 {
			continue
		}
		for i, s := range b.pub.store(msgs) {
			errs[where[i]] = s.err
		}
	}
	return errs
}

// MaxRecord is the largest record, in bytes of its JSON: the server's largest
// message less room for headers.
const MaxRecord = 1<<20 - 8<<10
