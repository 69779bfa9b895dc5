package bus

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline"
)

// replayed is a record that was sent to one sink again: it counts as accepted
// there once more.
const replayed State = "replayed"

// Replay sends records to one sink again, and says of each what happened. They are
// marked Again and carry message IDs of their own, made of run: the duplicate window
// would swallow their old ones, and a run that was cut off and repeats itself stores
// each once. Whatever is stored when it returns is in the account of that sink.
func (b *Bus) Replay(ctx context.Context, sink, run string, records []pipeline.Record) []error {
	return b.ReplayTraced(ctx, sink, run, records, nil)
}

// ReplayTraced is [Bus.Replay], and each record takes along which trace its delivery
// was part of, by the record's ID. What happens to it now is another trace, with a
// link to that one.
func (b *Bus) ReplayTraced(ctx context.Context, sink, run string, records []pipeline.Record, before map[string]string) []error {
	errs := make([]error, len(records))
	done := make([]Settled, 0, len(records))
	for from := 0; from < len(records); {
		var msgs []*nats.Msg
		var where []int
		for size := 0; from < len(records) && len(msgs) < groupMost && size < groupMostBytes; from++ {
			m := replayMsg(sink, run, records[from])
			if t := traceOf(before[records[from].ID]); t != "" {
				m.Header.Set(headerTraceBefore, t)
			}
			if len(m.Data) > MaxRecord {
				errs[from] = pipeline.Permanent(fmt.Errorf("the record has %d bytes, more than the %d a message can hold", len(m.Data), MaxRecord))
				continue
			}
			size += len(m.Data)
			msgs, where = append(msgs, m), append(where, from)
		}
		err := errors.Join(ctx.Err(), b.space())
		for i, s := range b.storeUnless(err, msgs) {
			errs[where[i]] = s.err
			if s.err == nil {
				done = append(done, Settled{Seq: replayKey(msgs[i]), ID: records[where[i]].ID, State: replayed, Redo: true})
			}
		}
	}
	if len(done) == 0 {
		return errs
	}
	if err := b.Trace(Settlement{Stage: StageOf(sink), At: time.Now().UTC(), Settled: done}); err != nil {
		for i := range errs {
			errs[i] = errors.Join(errs[i], err)
		}
	}
	return errs
}

func (b *Bus) storeUnless(err error, msgs []*nats.Msg) []stored {
	if err == nil {
		return b.pub.store(msgs)
	}
	out := make([]stored, len(msgs))
	for i := range out {
		out[i].err = err
	}
	return out
}

func replayMsg(sink, run string, r pipeline.Record) *nats.Msg {
	r.Again = true
	m := recordMsg(r)
	m.Subject = "redo." + token(sink) + "." + m.Subject[len("rec."):]
	m.Header.Set(nats.MsgIdHdr, r.ID+":"+run+":"+token(sink))
	return m
}

// replayKey is a number for a replayed message in the account of its sink. The
// sequence in RECORDS is no such number: a repeat is not told it. It stays below
// what the ledger sets apart.
func replayKey(m *nats.Msg) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(m.Header.Get(nats.MsgIdHdr))) // it never fails
	return h.Sum64() >> 2
}

// Behind is how many messages the furthest behind of some stages has yet to finish,
// and which that is. A stage that has never begun has nothing to finish.
func (b *Bus) Behind(ctx context.Context, stages ...string) (waiting uint64, stage string, err error) {
	for _, name := range stages {
		stream := streamRecords
		if name == StageTransform {
			stream = streamRaw
		}
		c, err := b.js.Consumer(ctx, stream, name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if err != nil {
			return 0, "", fmt.Errorf("the queue %s: %w", name, err)
		}
		info := c.CachedInfo()
		if n := info.NumPending + uint64(info.NumAckPending); n >= waiting {
			waiting, stage = n, name
		}
	}
	return waiting, stage, nil
}
