package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// lane passes on one stream. It belongs to one goroutine, but for how it stands.
type lane struct {
	f    *Forward
	q    *Queue[struct{}]
	next uint64 // the number of the delivery that must come next
	size int    // messages that go at once

	fresh, known atomic.Uint64 // passed on

	mu    sync.Mutex
	since time.Time // the cluster has been taking nothing since; zero: it takes
	why   error
}

const (
	takeStep   = 64 // deliveries asked for at once: of the largest there are 64 MiB
	singlyMost = 64 // messages of a batch with a known ID that go singly at once
)

func (f *Forward) lane(stream, subjects string) *lane {
	q := &Queue[struct{}]{
		bus: f.edge, stream: stream, rewinds: true, redo: func(string) bool { return false },
		decode: func(nats.Header, []byte) (struct{}, error) { return struct{}{}, nil },
	}
	q.config = consumerConfig(stageForward, []string{subjects}, QueueOptions{AckWait: 30 * time.Second, Most: groupMost + takeStep})
	return &lane{f: f, q: q, size: groupMost}
}

// run passes on until ctx ends. What it holds then comes first at the next start.
func (l *lane) run(ctx context.Context) {
	for tries := 0; ctx.Err() == nil; {
		ds, err := l.take(ctx)
		if err == nil && len(ds) > 0 {
			err = l.pass(ctx, ds)
		}
		if err == nil {
			tries = 0
			continue
		}
		if ctx.Err() == nil {
			l.f.log.Warn("what is stored here cannot be passed on; it is tried again", "stream", l.q.stream, "error", err)
		}
		pause(ctx, min(forwardFirst<<min(tries, 8), 10*forwardMost))
		tries++
	}
}

// take gives what comes next, up to a batch.
func (l *lane) take(ctx context.Context) ([]Delivery[struct{}], error) {
	ds, err := l.q.Fetch(ctx, takeStep, 0)
	if err != nil || len(ds) == 0 {
		return nil, err
	}
	weight, counted := 0, 0
	for {
		for _, d := range ds[counted:] {
			weight += d.Size()
		}
		counted = len(ds)
		if counted%takeStep != 0 || counted+takeStep > groupMost || weight >= groupMostBytes {
			break
		}
		more := l.q.More(ctx, takeStep)
		if len(more) == 0 {
			break
		}
		ds = append(ds, more...)
	}
	return l.unbroken(ds)
}

var errGap = errors.New("deliveries were lost on the way; they are asked for again")

// unbroken sees that none is missing among what the server handed out, or what came
// later would be passed on first.
func (l *lane) unbroken(ds []Delivery[struct{}]) ([]Delivery[struct{}], error) {
	for i := range ds {
		meta, err := ds[i].msg.Metadata()
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", l.q.stream, err)
		}
		if i == 0 && meta.Sequence.Consumer == l.q.from { // the queue was opened for it
			l.next = l.q.from
		}
		if meta.Sequence.Consumer != l.next {
			l.q.distrust(errGap)
			return ds[:i], errGap
		}
		l.next++
	}
	return ds, nil
}

// pass ends when the cluster has all of them, or ctx has. Each is acknowledged once it
// does.
func (l *lane) pass(ctx context.Context, ds []Delivery[struct{}]) error {
	msgs := make([]*nats.Msg, len(ds))
	for i := range ds {
		msgs[i] = l.message(&ds[i])
	}
	for tries := 0; len(ds) > 0 && ctx.Err() == nil; {
		b, err := l.f.reach(ctx)
		n := 0
		if err == nil {
			n, err = l.put(b.pub, msgs)
		}
		if n > 0 {
			l.took()
			tries = 0
			if err := l.settle(ds[:n]); err != nil {
				return err
			}
			ds, msgs = ds[n:], msgs[n:]
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
		l.f.log.Warn("the cluster takes nothing; deliveries are kept here, and passed on once it does", "stream", l.q.stream, "error", err)
	}
}

// took notes that it did.
func (l *lane) took() {
	l.mu.Lock()
	since := l.since
	l.since, l.why = time.Time{}, nil
	l.mu.Unlock()
	if !since.IsZero() {
		l.f.log.Info("the cluster takes deliveries again", "stream", l.q.stream, "after", time.Since(since).Round(time.Millisecond))
	}
}

func (l *lane) state() (since time.Time, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since, l.why
}

// message is a delivery as the cluster gets it: the same, without what its first server
// was told by headers.
func (l *lane) message(d *Delivery[struct{}]) *nats.Msg {
	m := &nats.Msg{Subject: d.msg.Subject(), Header: nats.Header{}, Data: d.msg.Data()}
	for name, values := range d.msg.Headers() {
		if name == nats.MsgIdHdr || !strings.HasPrefix(name, "Nats-") {
			m.Header[name] = values
		}
	}
	if l.q.stream == streamRaw && m.Header.Get(headerAgain) == "" && time.Since(d.Stored) > l.f.late {
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

// settle acknowledges what was passed on. With the last one the server says that it has
// taken note of all, so that none of them is handed out once more.
func (l *lane) settle(ds []Delivery[struct{}]) error {
	last := len(ds) - 1
	for i := range ds[:last] {
		if err := ds[i].Ack(); err != nil {
			l.q.distrust(err)
			return fmt.Errorf("acknowledging: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.q.bus.opts.Timeout)
	defer cancel()
	if err := ds[last].msg.DoubleAck(ctx); err != nil {
		l.q.distrust(err)
		return fmt.Errorf("acknowledging: %w", err)
	}
	return nil
}
