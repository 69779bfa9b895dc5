package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
)

// The streams of pipeline/bus that are counted.
const (
	streamRaw     = "RAW"
	streamRecords = "RECORDS"
)

// store is an embedded NATS server with Mekong's streams on it, and a second
// connection for the bare ceilings and the counting.
type store struct {
	*bus.Bus
	server *local.Server
	nc     *nats.Conn
	js     jetstream.JetStream
}

// maxBytes bounds what a measure can put on the disk: millions of records wait in one.
const maxBytes = 64 << 30

func openStore(ctx context.Context, dir string) (_ *store, err error) {
	s := &store{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.server, err = local.Start(ctx, local.Options{Dir: dir}); err != nil {
		return nil, err
	}
	if s.Bus, err = bus.Open(ctx, bus.Options{Server: s.server, Dir: dir, MaxBytes: maxBytes, Timeout: patience}); err != nil {
		return nil, err
	}
	if s.nc, err = nats.Connect("", nats.InProcessServer(s.server)); err != nil {
		return nil, err
	}
	s.js, err = jetstream.New(s.nc)
	return s, err
}

// Close stops what runs.
func (s *store) Close() {
	if s.nc != nil {
		s.nc.Close()
	}
	if s.Bus != nil {
		s.Bus.Close()
	}
	if s.server != nil {
		s.server.Close()
	}
}

// like makes a stream that is as like is, under another name.
func (s *store) like(ctx context.Context, like, name, subjects string) error {
	have, err := s.js.Stream(ctx, like)
	if err != nil {
		return err
	}
	c := have.CachedInfo().Config
	c.Name, c.Subjects = name, []string{subjects}
	_, err = s.js.CreateStream(ctx, c)
	return err
}

// state is the last sequence of a stream, and when it was stored.
func (s *store) state(ctx context.Context, stream string) (last uint64, at time.Time, err error) {
	have, err := s.js.Stream(ctx, stream)
	if err != nil {
		return 0, time.Time{}, err
	}
	st := have.CachedInfo().State
	return st.LastSeq, st.LastTime, nil
}

// grown waits until a stream has n more messages than before, and gives when
// the last was stored.
func (s *store) grown(ctx context.Context, stream string, before uint64, n int) (time.Time, error) {
	for {
		last, at, err := s.state(ctx, stream)
		if err != nil {
			return at, err
		}
		if last >= before+uint64(n) {
			return at, nil
		}
		select {
		case <-time.After(2 * time.Millisecond): // asking costs the server a little
		case <-ctx.Done():
			return at, fmt.Errorf("stream %s took %d of %d: %w", stream, last-before, n, ctx.Err())
		}
	}
}

// distinct counts the distinct IDs that a stream stored after a sequence.
func (s *store) distinct(ctx context.Context, stream string, after uint64) (int, error) {
	last, _, err := s.state(ctx, stream)
	if err != nil || last <= after {
		return 0, err
	}
	c, err := s.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, HeadersOnly: true,
	})
	if err != nil {
		return 0, err
	}
	it, err := c.Messages(jetstream.PullMaxMessages(4000))
	if err != nil {
		return 0, err
	}
	defer it.Stop()
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	ids := make(map[string]struct{}, last-after)
	for {
		m, err := it.Next()
		if err != nil {
			return 0, fmt.Errorf("stream %s cannot be counted: %w", stream, err)
		}
		ids[m.Headers().Get(nats.MsgIdHdr)] = struct{}{}
		if meta, err := m.Metadata(); err != nil {
			return 0, err
		} else if meta.Sequence.Stream >= last {
			return len(ids), nil
		}
	}
}
