package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline"
)

// RecentIDs calls each with the IDs of the deliveries stored since, oldest
// first, and when each was received: what a door needs to know a repeat after a
// restart.
func (b *Bus) RecentIDs(ctx context.Context, since time.Time, each func(source, id string, received time.Time)) error {
	return b.recent(ctx, since, "raw.>", true, func(r pipeline.Raw) { each(r.Source, r.ID, r.Received) })
}

// RecentRaws calls each with the deliveries of one source stored since, oldest
// first.
func (b *Bus) RecentRaws(ctx context.Context, source string, since time.Time, each func(pipeline.Raw)) error {
	return b.recent(ctx, since, "raw."+token(source), false, each)
}

func (b *Bus) recent(ctx context.Context, since time.Time, subject string, headersOnly bool, each func(pipeline.Raw)) error {
	s, err := b.js.Stream(ctx, streamRaw)
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamRaw, err)
	}
	last := s.CachedInfo().State.LastSeq
	c, err := b.js.OrderedConsumer(ctx, streamRaw, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since, HeadersOnly: headersOnly, FilterSubjects: []string{subject},
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamRaw, err)
	}
	for {
		batch, err := c.FetchNoWait(500)
		if err != nil {
			return fmt.Errorf("stream %s: %w", streamRaw, err)
		}
		n := 0
		for m := range batch.Messages() {
			n++
			if r, err := decodeRaw(m.Headers(), m.Data()); err == nil {
				each(r)
			}
			if meta, err := m.Metadata(); err == nil && meta.Sequence.Stream >= last {
				return nil
			}
		}
		if n == 0 {
			return nil
		}
	}
}
