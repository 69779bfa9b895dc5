package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"mekong/pipeline"
	"mekong/pipeline/worker"
)

// stage is the real loop from RAW to RECORDS. Between its turns it is held at
// the first delivery it has fetched, so that it is at work before the deliveries
// of a round arrive: what was there before a worker came is marked as possibly
// handled, which is dearer to write down and not what a worker meets all day.
type stage struct {
	store *store
	held  sync.RWMutex // for writing between turns
	end   context.CancelFunc
	ended chan error
}

func (s *store) newStage(of pipeline.Transform) *stage {
	ctx, cancel := context.WithCancel(context.Background())
	st := &stage{store: s, end: cancel, ended: make(chan error, 1)}
	st.held.Lock()
	t := &worker.Transform{Bus: s.Bus, Batch: stageBatch, Of: func(pipeline.Raw) pipeline.Transform {
		st.held.RLock()
		defer st.held.RUnlock()
		return of
	}}
	go func() { st.ended <- t.Run(ctx) }()
	return st
}

func (st *stage) stop() {
	st.end()
	st.held.Unlock()
	<-st.ended
}

// pass lets n deliveries through and gives how many a second it made into
// distinct records.
func (st *stage) pass(ctx context.Context, n int) (float64, error) {
	before, _, err := st.store.state(ctx, streamRecords)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	st.held.Unlock()
	at, err := st.store.grown(ctx, streamRecords, before, n)
	st.held.Lock()
	if err != nil {
		return 0, err
	}
	return st.store.counted(ctx, streamRecords, before, n, at.Sub(began))
}

// counted is n a second, once the stream is found to hold n distinct IDs.
func (s *store) counted(ctx context.Context, stream string, before uint64, n int, took time.Duration) (float64, error) {
	got, err := s.distinct(ctx, stream, before)
	if err != nil {
		return 0, err
	}
	if got != n {
		return 0, fmt.Errorf("%d deliveries went in and %s holds %d", n, stream, got)
	}
	return float64(n) / took.Seconds(), nil
}

// passer is the least that moves deliveries from one stream to another safely:
// fetch, publish the same bytes as one atomic batch, acknowledge.
type passer struct {
	store *store
	name  string // of its stream
	cons  jetstream.Consumer
}

func (s *store) newPasser(ctx context.Context, name string) (*passer, error) {
	if err := s.like(ctx, streamRecords, name, name+".>"); err != nil {
		return nil, err
	}
	c, err := s.js.CreateConsumer(ctx, streamRaw, jetstream.ConsumerConfig{
		Durable: name, AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Minute, MaxAckPending: 4 * stageBatch})
	return &passer{s, name, c}, err
}

func (p *passer) pass(ctx context.Context, n int) (float64, error) {
	before, _, err := p.store.state(ctx, p.name)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	for done := 0; done < n; {
		batch, err := p.cons.FetchNoWait(stageBatch)
		if err != nil {
			return 0, err
		}
		var in []jetstream.Msg
		var out []*nats.Msg
		for m := range batch.Messages() {
			in = append(in, m)
			out = append(out, &nats.Msg{Subject: p.name + ".lead", Header: m.Headers(), Data: m.Data()})
		}
		if err := batch.Error(); err != nil && !errors.Is(err, jetstream.ErrNoMessages) {
			return 0, err
		}
		if len(in) == 0 {
			return 0, fmt.Errorf("only %d of %d deliveries came", done, n)
		}
		if _, err := jetstreamext.PublishMsgBatch(ctx, p.store.js, out, jetstreamext.BatchFlowControl{AckFirst: false}); err != nil {
			return 0, err
		}
		for _, m := range in {
			if err := m.Ack(); err != nil {
				return 0, err
			}
		}
		done += len(in)
	}
	at, err := p.store.grown(ctx, p.name, before, n)
	if err != nil {
		return 0, err
	}
	return p.store.counted(ctx, p.name, before, n, at.Sub(began))
}

// alone is how many records a second one core makes, with nothing around it.
func alone(of pipeline.Transform, m *mint, d time.Duration) (float64, error) {
	raws := make([]pipeline.Raw, 256)
	for i := range raws {
		raws[i] = delivery(m, uint64(i))
	}
	made := 0
	began := time.Now()
	for time.Since(began) < d {
		for _, raw := range raws {
			rs, err := of(raw)
			if err != nil {
				return 0, err
			}
			made += len(rs)
		}
	}
	took := time.Since(began)
	runtime.KeepAlive(raws)
	return float64(made) / took.Seconds(), nil
}
