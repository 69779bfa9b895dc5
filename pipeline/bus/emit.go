package bus

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"mekong/pipeline"
)

// Emit stores raws and returns nil when each is on disk. The same ID is stored
// once, however often it comes within 24 hours. It is a [pipeline.Emit].
//
// Concurrent calls share flushes: one goroutine takes whatever is waiting, and
// while that is being flushed the next group gathers. There is no timer, so a
// lone delivery waits for nobody.
func (b *Bus) Emit(ctx context.Context, raws ...pipeline.Raw) error {
	for len(raws) > 0 {
		n := min(len(raws), groupMost)
		msgs := make([]*nats.Msg, n)
		for i, r := range raws[:n] {
			msgs[i] = rawMsg(r)
		}
		if err := b.commit.do(ctx, msgs); err != nil {
			return err
		}
		raws = raws[n:]
	}
	return nil
}

// Counts is what Emit has done since the process started.
type Counts struct {
	Accepted   uint64 // stored for the first time
	Duplicates uint64 // known already, answered without storing
	Refused    uint64 // not stored; the sender was told so
	Groups     uint64 // commits; Accepted ÷ Groups is the mean group
}

// Counts may be read at any time.
func (b *Bus) Counts() Counts {
	c := b.commit
	return Counts{
		Accepted: c.accepted.Load(), Duplicates: c.duplicates.Load(),
		Refused: c.refused.Load(), Groups: c.groups.Load(),
	}
}

// committer is the one goroutine that writes to RAW.
type committer struct {
	pub   *publisher
	space func() error
	queue chan *request
	done  chan struct{}
	stop  sync.Once

	recent recent // of the goroutine alone

	accepted, duplicates, refused, groups atomic.Uint64
}

type request struct {
	msgs []*nats.Msg
	err  chan error // buffered: the committer never waits for a caller
}

// queueDepth bounds the callers waiting; past it the door says 503 at once,
// which a sender handles better than a growing delay.
const queueDepth = 4096

func newCommitter(pub *publisher, space func() error) *committer {
	c := &committer{pub: pub, space: space, queue: make(chan *request, queueDepth), done: make(chan struct{})}
	go c.run()
	return c
}

// close ends the goroutine after what is queued. No do may follow.
func (c *committer) close() {
	c.stop.Do(func() { close(c.queue) })
	<-c.done
}

func (c *committer) do(ctx context.Context, msgs []*nats.Msg) error {
	r := &request{msgs: msgs, err: make(chan error, 1)}
	select {
	case c.queue <- r:
	default:
		c.refused.Add(uint64(len(msgs)))
		return ErrBusy
	}
	select {
	case err := <-r.err:
		return err
	case <-ctx.Done():
		// It may still be stored, which the sender's retry will find.
		return ctx.Err()
	}
}

func (c *committer) run() {
	defer close(c.done)
	for first := range c.queue {
		c.flush(c.gather(first))
	}
}

// gather takes what is waiting now, up to one batch.
func (c *committer) gather(first *request) []*request {
	group := []*request{first}
	n, size := len(first.msgs), weight(first)
	for n < groupMost && size < groupMostBytes {
		select {
		case r, ok := <-c.queue:
			if !ok {
				return group
			}
			group = append(group, r)
			n, size = n+len(r.msgs), size+weight(r)
		default:
			return group
		}
	}
	return group
}

func weight(r *request) int {
	n := 0
	for _, m := range r.msgs {
		n += len(m.Data)
	}
	return n
}

func (c *committer) flush(group []*request) {
	c.groups.Add(1)
	if err := c.space(); err != nil {
		for _, r := range group {
			c.refused.Add(uint64(len(r.msgs)))
			r.err <- err
		}
		return
	}
	// A known ID would make the server refuse the whole batch without saying
	// which it was, so what this process has stored lately is left out here,
	// and the same ID twice in one group is published once.
	var msgs []*nats.Msg
	index := make(map[string]int) // ID → position in msgs
	for _, r := range group {
		for _, m := range r.msgs {
			id := m.Header[nats.MsgIdHdr][0]
			if _, twice := index[id]; twice || c.recent.has(id) {
				c.duplicates.Add(1)
				continue
			}
			index[id] = len(msgs)
			msgs = append(msgs, m)
		}
	}
	results := make([]stored, 0, len(msgs))
	for rest := msgs; len(rest) > 0; {
		n := min(len(rest), groupMost)
		results = append(results, c.pub.store(rest[:n])...)
		rest = rest[n:]
	}
	for i, m := range msgs {
		switch s := results[i]; {
		case s.err != nil:
			c.refused.Add(1)
			continue
		case s.known:
			c.duplicates.Add(1)
		default:
			c.accepted.Add(1)
		}
		c.recent.add(m.Header[nats.MsgIdHdr][0])
	}
	for _, r := range group {
		var err error
		for _, m := range r.msgs {
			if i, ok := index[m.Header[nats.MsgIdHdr][0]]; ok && results[i].err != nil {
				err = results[i].err
				break
			}
		}
		r.err <- err
	}
}

// recent remembers the last 32 to 64 thousand IDs that are on disk.
type recent struct {
	young, old map[string]struct{}
}

const recentHalf = 1 << 15

func (r *recent) has(id string) bool {
	if _, ok := r.young[id]; ok {
		return true
	}
	_, ok := r.old[id]
	return ok
}

func (r *recent) add(id string) {
	if r.young == nil || len(r.young) >= recentHalf {
		r.old, r.young = r.young, make(map[string]struct{}, 1024)
	}
	r.young[id] = struct{}{}
}
