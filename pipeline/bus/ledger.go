package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Ledger adds up what became of everything, from TRACE alone: it counts what
// the stages wrote down, not what the queues say, so that the two can be held
// against each other ([Ledger.Balance]). Any process may run one.
type Ledger struct {
	bus *Bus
	log *slog.Logger

	mu  sync.Mutex
	sum totals
	old map[string]*ring
}

// totals is the state of a ledger, kept in the KV so that a start reads only
// what is new.
type totals struct {
	Seq    uint64            `json:"seq"`  // the last of TRACE that is in
	Made   map[string]int64  `json:"made"` // records by kind.source
	Raws   int64             `json:"raws"` // deliveries those records were made of
	Stages map[string]*tally `json:"stages"`
	// Skipped is what had left RECORDS before a sink first looked, by stage.
	Skipped map[string]int64 `json:"skipped"`
}

type tally struct {
	Stored   int64            `json:"stored"`
	Buried   int64            `json:"buried"`
	Unburied int64            `json:"unburied"`
	Dropped  int64            `json:"dropped"`
	Replayed int64            `json:"replayed,omitempty"` // sent to the sink once more
	Filtered map[string]int64 `json:"filtered,omitempty"` // by rule
}

const (
	ledgerKey   = "ledger"
	ledgerEvery = 30 * time.Second // between snapshots
	// ledgerRewind is how many trace messages before a snapshot are read again
	// to know what was settled lately: a delivery in doubt at a crash was traced
	// within the last moments or never.
	ledgerRewind = 2000
)

// NewLedger makes a ledger; Run fills it.
func (b *Bus) NewLedger() *Ledger {
	return &Ledger{bus: b, log: b.log, sum: newTotals(), old: map[string]*ring{}}
}

func newTotals() totals {
	return totals{Made: map[string]int64{}, Stages: map[string]*tally{}, Skipped: map[string]int64{}}
}

// Run follows TRACE until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	if err := l.load(ctx); err != nil {
		return err
	}
	for {
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		l.log.Warn("the ledger lost its place and goes on from where it was", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Ledger) load(ctx context.Context) error {
	e, err := l.bus.state.Get(ctx, ledgerKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the ledger cannot be read: %w", err)
	}
	sum := newTotals()
	if err := json.Unmarshal(e.Value(), &sum); err != nil {
		return fmt.Errorf("the ledger cannot be read: %w", err)
	}
	l.mu.Lock()
	l.sum = sum
	l.mu.Unlock()
	return nil
}

func (l *Ledger) save(ctx context.Context) error {
	l.mu.Lock()
	data, err := json.Marshal(l.sum)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	// Two ledgers over the same prefix of TRACE hold the same sums, so whoever
	// writes last is right.
	_, err = l.bus.state.Put(ctx, ledgerKey, data)
	return err
}

func (l *Ledger) follow(ctx context.Context) error {
	l.mu.Lock()
	known := l.sum.Seq
	l.mu.Unlock()
	from := uint64(1)
	if known > ledgerRewind {
		from = known - ledgerRewind
	}
	c, err := l.bus.js.OrderedConsumer(ctx, streamTrace, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return err
	}
	it, err := c.Messages()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	defer it.Stop()
	saved := time.Now()
	for {
		m, err := it.Next()
		if err != nil {
			if ctx.Err() != nil {
				final, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
				defer cancel()
				_ = l.save(final) // the next start reads a little more
			}
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		var s Settlement
		if err := json.Unmarshal(m.Data(), &s); err != nil {
			l.log.Warn("a trace message cannot be read", "seq", meta.Sequence.Stream)
			continue
		}
		l.enter(meta.Sequence.Stream, s)
		if time.Since(saved) > ledgerEvery {
			saved = time.Now()
			if err := l.save(ctx); err != nil {
				l.log.Warn("the ledger cannot be kept; a start will read it from TRACE again", "error", err)
			}
		}
	}
}

// enter adds one settlement. What may have been settled before is looked up
// among the latest, and counted once.
func (l *Ledger) enter(seq uint64, s Settlement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := seq > l.sum.Seq
	if fresh {
		l.sum.Seq = seq
	}
	known := l.old[s.Stage]
	if known == nil {
		known = newRing()
		l.old[s.Stage] = known
	}
	t := l.sum.Stages[s.Stage]
	if t == nil {
		t = &tally{Filtered: map[string]int64{}}
		l.sum.Stages[s.Stage] = t
	}
	for _, e := range s.Settled {
		n := int64(1)
		if e.To > e.Seq {
			n = int64(e.To - e.Seq + 1)
		}
		key := e.Seq
		if e.State == unburied || e.State == dropped {
			key |= 1 << 63 // a sequence of BURIED, not of the stage's stream
		}
		if e.State == replayed {
			key |= 1 << 62 // no sequence at all
		}
		twice := known.add(key, n)
		if !fresh || twice {
			continue
		}
		switch e.State {
		case Stored:
			t.Stored += n
		case Buried:
			t.Buried += n
		case Filtered:
			if t.Filtered == nil {
				t.Filtered = map[string]int64{}
			}
			t.Filtered[e.Reason] += n
		case Made:
			l.sum.Raws += n
			for subject, k := range e.Made {
				l.sum.Made[subject] += int64(k)
			}
		case unburied:
			t.Unburied += n
		case replayed:
			t.Replayed += n
		case dropped:
			t.Dropped += n
		}
	}
}

const (
	unburied State = "unburied"
	dropped  State = "dropped"
)

// catchUp waits until the ledger has read what TRACE holds now.
func (l *Ledger) catchUp(ctx context.Context) error {
	s, err := l.bus.js.Stream(ctx, streamTrace)
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamTrace, err)
	}
	last := s.CachedInfo().State.LastSeq
	deadline := time.Now().Add(10 * time.Second)
	for {
		l.mu.Lock()
		at := l.sum.Seq
		l.mu.Unlock()
		if at >= last {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the ledger is %d trace messages behind", last-at)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
