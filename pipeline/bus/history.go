package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"mekong/pipeline"
)

// History stores deliveries of the past, from a file, and tells how many of them
// were not there yet. Like [Bus.Emit] it stores the same ID once within 24 hours; as
// a file can come again later than that, what it stores is marked Again, so that
// destinations look before they write. After an error some may be stored; the same
// call again is safe.
func (b *Bus) History(ctx context.Context, raws []pipeline.Raw) (stored int, err error) {
	for len(raws) > 0 {
		if err := ctx.Err(); err != nil {
			return stored, err
		}
		if err := b.space(); err != nil {
			return stored, err
		}
		n := min(len(raws), groupMost)
		msgs := make([]*nats.Msg, n)
		for i, r := range raws[:n] {
			msgs[i] = rawMsg(r)
			msgs[i].Header[headerAgain] = []string{past}
		}
		for _, s := range b.pub.store(msgs) {
			if s.err != nil {
				return stored, s.err
			}
			if !s.known {
				stored++
			}
		}
		raws = raws[n:]
	}
	return stored, nil
}

// Backlog is how many messages the stage that is furthest behind has yet to finish,
// and which stage that is, of those that somebody works on. With none it is 0.
func (b *Bus) Backlog(ctx context.Context) (waiting uint64, stage string, err error) {
	for _, name := range []string{streamRaw, streamRecords} {
		s, err := b.js.Stream(ctx, name)
		if err != nil {
			return 0, "", fmt.Errorf("stream %s: %w", name, err)
		}
		list := s.ListConsumers(ctx)
		for info := range list.Info() {
			if info.Config.Durable == "" || info.NumWaiting == 0 && info.NumAckPending == 0 {
				continue // somebody who only looks, or a stage that nobody works on
			}
			if n := info.NumPending + uint64(info.NumAckPending); n >= waiting {
				waiting, stage = n, info.Name
			}
		}
		if err := list.Err(); err != nil {
			return 0, "", fmt.Errorf("the queues of %s: %w", name, err)
		}
	}
	return waiting, stage, nil
}
