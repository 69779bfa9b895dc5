package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// lane passes on one stream. It belongs to one goroutine, but for how it stands.
//
// It reads the stream itself and keeps how far it has come, where a stage has a
// consumer: after a crash a consumer hands out what is new before what was in somebody's
// hand, and the order would be lost.
type lane struct {
	f      *Forward
	stream string
	idle   time.Duration // between two looks at a stream with nothing new
	seq    uint64        // the last that the cluster has
	link   int           // the connection that seq was last compared with the stream on; -1: none
	size   int           // messages that go at once

	fresh, known atomic.Uint64 // passed on

	mu    sync.Mutex
	since time.Time // the cluster has been taking nothing since; zero: it takes
	why   error
}

// singlyMost is how many messages of a batch with a known ID go singly at once. If the
// cluster goes away just then, some of them may be there before one that comes again.
const singlyMost = 64

// run passes on until ctx ends. What it has in hand then comes first at the next start.
func (l *lane) run(ctx context.Context) {
	l.link, l.size = -1, groupMost
	for tries := 0; ctx.Err() == nil; {
		msgs, err := l.take(ctx)
		if err == nil && len(msgs) > 0 {
			err = l.pass(ctx, msgs)
		} else if err == nil {
			pause(ctx, l.idle)
		}
		if err == nil {
			tries = 0
			continue
		}
		if ctx.Err() == nil {
			l.f.log.Warn("what is stored here cannot be passed on; it is tried again", "stream", l.stream, "error", err)
		}
		pause(ctx, min(forwardFirst<<min(tries, 8), 10*forwardMost))
		tries++
	}
}

// take gives what comes next, up to a batch.
func (l *lane) take(ctx context.Context) ([]*jetstream.RawStreamMsg, error) {
	b := l.f.edge
	if link, _ := b.links.now(); link != l.link {
		// The server may be another one over the same files, or over none.
		seq, err := b.passed(ctx, l.stream)
		if err != nil {
			return nil, err
		}
		l.seq, l.link = seq, link
	}
	return b.gather(ctx, l.stream, groupMost, jetstreamext.GetBatchSeq(l.seq+1), jetstreamext.GetBatchSubject(">"), jetstreamext.GetBatchMaxBytes(groupMostBytes))
}

// pass ends when the cluster has all of them, or ctx has. What it has is written down.
func (l *lane) pass(ctx context.Context, got []*jetstream.RawStreamMsg) error {
	msgs := make([]*nats.Msg, len(got))
	for i, m := range got {
		msgs[i] = l.message(m)
	}
	for tries := 0; len(got) > 0 && ctx.Err() == nil; {
		b, err := l.f.reach(ctx)
		n := 0
		if err == nil {
			n, err = l.put(b.pub, msgs)
		}
		if n > 0 {
			l.took()
			tries = 0
			l.seq = got[n-1].Sequence
			got, msgs = got[n:], msgs[n:]
			if err := l.f.edge.note(l.stream, l.seq); err != nil {
				l.f.log.Warn("how far deliveries were passed on cannot be written down; a start would pass some on again, which the cluster knows", "stream", l.stream, "error", err)
			}
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			l.failed(err)
		}
		if tries++; tries%forwardAnew == 0 && b != nil && b.Connected() {
			l.f.drop(b)
		}
		l.f.wait(ctx, tries-1)
	}
	return nil
}

// failed notes that the cluster took nothing.
func (l *lane) failed(err error) {
	l.mu.Lock()
	first := l.since.IsZero()
	if first {
		l.since = time.Now()
	}
	l.why = err
	l.mu.Unlock()
	if first {
		l.f.log.Warn("the cluster takes nothing; deliveries are kept here, and passed on once it does", "stream", l.stream, "error", err)
	}
}

// took notes that it did.
func (l *lane) took() {
	l.mu.Lock()
	since := l.since
	l.since, l.why = time.Time{}, nil
	l.mu.Unlock()
	if !since.IsZero() {
		l.f.log.Info("the cluster takes deliveries again", "stream", l.stream, "after", time.Since(since).Round(time.Millisecond))
	}
}

func (l *lane) state() (since time.Time, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since, l.why
}

// message is a delivery as the cluster gets it: the same, without what its first server
// was told by headers.
func (l *lane) message(kept *jetstream.RawStreamMsg) *nats.Msg {
	m := &nats.Msg{Subject: kept.Subject, Header: nats.Header{}, Data: kept.Data}
	for name, values := range kept.Header {
		if name == nats.MsgIdHdr || !strings.HasPrefix(name, "Nats-") {
			m.Header[name] = values
		}
	}
	if l.stream == streamRaw && m.Header.Get(headerAgain) == "" && time.Since(kept.Time) > l.f.late {
		m.Header[headerAgain] = []string{late}
	}
	return m
}

// put stores messages in the cluster in their order. The first n of them are, and err
// says why the next one is not.
func (l *lane) put(p *publisher, msgs []*nats.Msg) (n int, err error) {
	for n < len(msgs) {
		some := msgs[n:min(n+l.size, len(msgs))]
		stored, err := l.group(p, some)
		n += stored
		if err != nil {
			l.size = 1 // until it is known to take some again
			return n, err
		}
		l.size = min(4*l.size, groupMost)
	}
	return n, nil
}

// group stores messages all or none, where it can.
func (l *lane) group(p *publisher, msgs []*nats.Msg) (n int, err error) {
	if len(msgs) >= groupFrom {
		err := p.batch(msgs)
		if err == nil {
			l.fresh.Add(uint64(len(msgs)))
			return len(msgs), nil
		}
		p.unbatch(msgs)
		if !isCode(err, codeDuplicateInBatch) {
			return 0, explain(err)
		}
	}
	for n < len(msgs) {
		some := msgs[n:min(n+singlyMost, len(msgs))]
		results := make([]stored, len(some))
		p.singly(some, results)
		for _, r := range results {
			if r.err != nil {
				return n, explain(r.err)
			}
			if n++; r.known {
				l.known.Add(1)
			} else {
				l.fresh.Add(1)
			}
		}
	}
	return n, nil
}

// progress is how far a stream was passed on, in the table of the edge.
type progress struct {
	Made time.Time `json:"made"` // when the stream was: another one begins anew
	Seq  uint64    `json:"seq"`
}

func forwardKey(stream string) string { return "forward." + stream }

// note writes down that the cluster has everything up to seq.
func (b *Bus) note(stream string, seq uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), b.opts.Timeout)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", stream, err)
	}
	data, err := json.Marshal(progress{s.CachedInfo().Created, seq})
	if err != nil {
		return err
	}
	_, err = b.state.Put(ctx, forwardKey(stream), data)
	return err
}

// passed reads what note has written; 0: nothing of the stream that is there now.
func (b *Bus) passed(ctx context.Context, stream string) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	e, err := b.state.Get(ctx, forwardKey(stream))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("how far %s was passed on cannot be read: %w", stream, err)
	}
	var p progress
	if err := json.Unmarshal(e.Value(), &p); err != nil || !p.Made.Equal(s.CachedInfo().Created) {
		return 0, nil // what comes twice for it is known to the cluster
	}
	return min(p.Seq, s.CachedInfo().State.LastSeq), nil
}
