package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// JanitorEvery is how often Janitor looks.
const JanitorEvery = time.Minute

// Janitor deletes what every queue has finished and is older than Keep, once a
// minute until ctx ends. A server's own MaxAge would delete leads that nobody
// has stored yet.
func (b *Bus) Janitor(ctx context.Context) error {
	tick := time.NewTicker(JanitorEvery)
	defer tick.Stop()
	for {
		if err := b.Tidy(ctx, time.Now().Add(-b.opts.Keep)); err != nil && ctx.Err() == nil {
			b.log.Warn("tidying up the streams failed; it is tried again", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Tidy deletes what is finished and was stored before the given time.
func (b *Bus) Tidy(ctx context.Context, before time.Time) error {
	worked := []string{streamRaw, streamRecords}
	if b.opts.Edge {
		worked = []string{streamRaw, streamRefused} // the one stage there is passes both on
	}
	for _, name := range worked {
		floor, err := b.floor(ctx, name)
		if err != nil {
			return err
		}
		if err := b.purge(ctx, name, floor, before); err != nil {
			return err
		}
	}
	if b.opts.Edge {
		return nil
	}
	// TRACE is an account of the two; it has no readers to wait for.
	return b.purge(ctx, streamTrace, ^uint64(0), before)
}

// floor is the last sequence that every queue of the stream is done with. A
// stream without queues keeps everything: the role that reads it has not
// started yet.
func (b *Bus) floor(ctx context.Context, name string) (uint64, error) {
	s, err := b.js.Stream(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", name, err)
	}
	// Read before the queues: a queue with nothing left is done with this much.
	last := s.CachedInfo().State.LastSeq
	floor, queues := last, 0
	list := s.ListConsumers(ctx)
	for info := range list.Info() {
		if info.Config.Durable == "" {
			continue // somebody is only looking
		}
		queues++
		if info.NumPending > 0 || info.NumAckPending > 0 {
			floor = min(floor, info.AckFloor.Stream)
		}
	}
	if err := list.Err(); err != nil {
		return 0, fmt.Errorf("the queues of stream %s: %w", name, err)
	}
	if b.opts.Edge { // it has no queues; what passes on keeps its place itself
		passed, err := b.passed(ctx, name)
		return min(floor, passed), err
	}
	if queues == 0 {
		return 0, nil
	}
	return floor, nil
}

func (b *Bus) purge(ctx context.Context, name string, floor uint64, before time.Time) error {
	s, err := b.js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 || state.FirstTime.After(before) {
		return nil
	}
	keepFrom := state.LastSeq + 1
	if m, ok, err := b.next(ctx, name, jetstreamext.GetBatchStartTime(before)); err != nil {
		return err
	} else if ok {
		keepFrom = m.Sequence
	}
	if floor != ^uint64(0) {
		keepFrom = min(keepFrom, floor+1)
	}
	if keepFrom <= state.FirstSeq {
		return nil
	}
	if err := s.Purge(ctx, jetstream.WithPurgeSequence(keepFrom)); err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	return nil
}

// next is the first message that the options select.
func (b *Bus) next(ctx context.Context, stream string, opts ...jetstreamext.GetBatchOpt) (*jetstream.RawStreamMsg, bool, error) {
	msgs, err := b.gather(ctx, stream, 1, opts...)
	if err != nil || len(msgs) == 0 {
		return nil, false, err
	}
	return msgs[0], true, nil
}

// firstAfter is when the first message of a filter at or after seq was stored.
func (b *Bus) firstAfter(ctx context.Context, stream, filter string, seq uint64) (time.Time, bool) {
	m, ok, err := b.next(ctx, stream, jetstreamext.GetBatchSeq(seq), jetstreamext.GetBatchSubject(filter))
	if err != nil || !ok {
		return time.Time{}, false
	}
	return m.Time, true
}
