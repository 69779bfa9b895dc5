package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"mekong/pipeline"
)

// Log is a stream that can be read from a sequence on, by whoever keeps its own
// position. Such a reader has no consumer: the server remembers nothing of it,
// nothing waits for it, and it acknowledges nothing.
type Log string

// The streams that can be followed.
const (
	LogRaw     Log = streamRaw
	LogRecords Log = streamRecords
	LogBuried  Log = streamBuried
	LogTrace   Log = streamTrace
)

// Extent is what a stream holds now.
type Extent struct {
	Made        time.Time // when the stream was made: another time, another stream, other sequences
	First, Last uint64    // of the sequences; First is Last+1 when it is empty
}

// Entry is one message of a [Log].
type Entry[T any] struct {
	Seq    uint64
	Stored time.Time // when the stream took it
	Value  T
	Err    error // the message cannot be read; Value is empty
}

// Burial is one message of BURIED. Of Raw and Record it has the one that the stage
// works on, nil where that cannot be read.
type Burial struct {
	Stage    string
	Origin   uint64 // the sequence, in the stage's own stream, of what was buried
	Reason   string
	Attempts int
	At       time.Time
	Raw      *pipeline.Raw
	Record   *pipeline.Record
}

// followBytes is about how much is read at once; one message may be larger.
const followBytes = 4 << 20

// Extent says what a stream holds.
func (b *Bus) Extent(ctx context.Context, l Log) (Extent, error) {
	s, err := b.js.Stream(ctx, string(l))
	if err != nil {
		return Extent{}, fmt.Errorf("stream %s: %w", l, err)
	}
	info := s.CachedInfo()
	return Extent{Made: info.Created, First: info.State.FirstSeq, Last: info.State.LastSeq}, nil
}

// NextStored is when the first message behind a sequence was stored; false when there
// is none.
func (b *Bus) NextStored(ctx context.Context, l Log, after uint64) (time.Time, bool, error) {
	m, ok, err := b.next(ctx, string(l), jetstreamext.GetBatchSeq(after+1), jetstreamext.GetBatchSubject(">"))
	if err != nil || !ok {
		return time.Time{}, false, err
	}
	return m.Time, true, nil
}

// RawsAfter reads deliveries behind a sequence, oldest first, at most n.
func (b *Bus) RawsAfter(ctx context.Context, after uint64, n int) ([]Entry[pipeline.Raw], error) {
	return readAfter(ctx, b, LogRaw, after, n, func(m *jetstream.RawStreamMsg) (pipeline.Raw, error) {
		return decodeRaw(m.Header, m.Data)
	})
}

// RecordsAfter reads records behind a sequence, also those replayed to one sink;
// oldest first, at most n.
func (b *Bus) RecordsAfter(ctx context.Context, after uint64, n int) ([]Entry[pipeline.Record], error) {
	return readAfter(ctx, b, LogRecords, after, n, func(m *jetstream.RawStreamMsg) (pipeline.Record, error) {
		return decodeRecord(m.Header, m.Data)
	})
}

// BurialsAfter reads what was buried behind a sequence of BURIED, oldest first, at
// most n.
func (b *Bus) BurialsAfter(ctx context.Context, after uint64, n int) ([]Entry[Burial], error) {
	return readAfter(ctx, b, LogBuried, after, n, func(m *jetstream.RawStreamMsg) (Burial, error) {
		g := grave(m)
		o := Burial{Stage: g.Stage, Reason: g.Reason, Attempts: g.Attempts, At: g.At}
		o.Origin, _ = strconv.ParseUint(m.Header.Get(headerSeq), 10, 64)
		if g.Stage == StageTransform {
			if r, err := decodeRaw(m.Header, m.Data); err == nil {
				o.Raw = &r
			}
		} else if r, err := decodeRecord(m.Header, m.Data); err == nil {
			o.Record = &r
		}
		return o, nil
	})
}

// SettlementsAfter reads what the stages wrote down behind a sequence of TRACE, oldest
// first, at most n.
func (b *Bus) SettlementsAfter(ctx context.Context, after uint64, n int) ([]Entry[Settlement], error) {
	return readAfter(ctx, b, LogTrace, after, n, func(m *jetstream.RawStreamMsg) (s Settlement, err error) {
		if json.Unmarshal(m.Data, &s) != nil {
			err = errors.New("the message is no settlement")
		}
		return s, err
	})
}

// RawAt is the delivery at a sequence of RAW; false when it is no longer there.
func (b *Bus) RawAt(ctx context.Context, seq uint64) (Entry[pipeline.Raw], bool, error) {
	return at(ctx, seq, b.RawsAfter)
}

// RecordAt is the record at a sequence of RECORDS; false when it is no longer there.
func (b *Bus) RecordAt(ctx context.Context, seq uint64) (Entry[pipeline.Record], bool, error) {
	return at(ctx, seq, b.RecordsAfter)
}

func at[T any](ctx context.Context, seq uint64, after func(context.Context, uint64, int) ([]Entry[T], error)) (Entry[T], bool, error) {
	if seq == 0 {
		return Entry[T]{}, false, nil
	}
	es, err := after(ctx, seq-1, 1)
	if err != nil || len(es) == 0 || es[0].Seq != seq {
		return Entry[T]{}, false, err
	}
	return es[0], true, nil
}

func readAfter[T any](ctx context.Context, b *Bus, l Log, after uint64, n int, decode func(*jetstream.RawStreamMsg) (T, error)) ([]Entry[T], error) {
	msgs, err := b.gather(ctx, string(l), n, jetstreamext.GetBatchSeq(after+1), jetstreamext.GetBatchSubject(">"), jetstreamext.GetBatchMaxBytes(followBytes))
	if err != nil {
		return nil, err
	}
	var out []Entry[T]
	for _, m := range msgs {
		e := Entry[T]{Seq: m.Sequence, Stored: m.Time}
		e.Value, e.Err = decode(m)
		out = append(out, e)
	}
	return out, nil
}
