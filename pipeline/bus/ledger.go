package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
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
		case dropped:
			t.Dropped += n
		}
	}
}

const (
	unburied State = "unburied"
	dropped  State = "dropped"
)

// ring remembers the last hundred thousand sequences that were settled.
type ring struct {
	set  map[uint64]struct{}
	line []uint64
	next int
}

const ringSize = 100_000

func newRing() *ring { return &ring{set: map[uint64]struct{}{}} }

// add notes n sequences from seq on and reports whether the first was there.
// Runs are made of first deliveries only, so one look is enough.
func (r *ring) add(seq uint64, n int64) bool {
	if _, ok := r.set[seq]; ok {
		return true
	}
	for i := range uint64(n) {
		if len(r.line) < ringSize {
			r.line = append(r.line, seq+i)
		} else {
			delete(r.set, r.line[r.next])
			r.line[r.next] = seq + i
			r.next = (r.next + 1) % ringSize
		}
		r.set[seq+i] = struct{}{}
	}
	return false
}

// SinkAccept names a sink and the kinds it takes.
type SinkAccept struct {
	Name   string
	Accept []string
}

// Balance is the one line that must add up: Accepted = Stored + Waiting +
// Buried + Filtered + Missing, with Missing zero.
type Balance struct {
	Sink       string
	Accepted   int64
	Stored     int64
	Waiting    int64
	Buried     int64
	Filtered   int64
	FilteredBy map[string]int64 // rule → count
	// Missing is what is in none of the four. It is an alarm, not a rounding
	// error: more than zero and something accepted cannot be found, less and
	// something was counted twice.
	Missing int64
	Oldest  time.Time // when the oldest waiting one came in; zero: none waits
	Pulling int       // workers that are asking for more
}

// Balance adds up, for each sink, what was accepted against what became of it.
// While deliveries move between two readings one may be seen twice, so it reads
// again, some tenths of a second at most, until a reading adds up.
func (l *Ledger) Balance(ctx context.Context, sinks []SinkAccept) ([]Balance, error) {
	var best []Balance
	for try := 0; ; try++ {
		got, err := l.reading(ctx, sinks)
		if err != nil {
			return nil, err
		}
		if best == nil || gap(got) < gap(best) {
			best = got
		}
		if gap(best) == 0 || try == 4 {
			return best, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return best, nil
		}
	}
}

func gap(bs []Balance) (sum int64) {
	for _, b := range bs {
		sum += max(b.Missing, -b.Missing)
	}
	return sum
}

// reading follows the flow: first what came in, then the queues from front to
// back, the ledger last. A delivery that moves on meanwhile is seen at its next
// place, so it may be counted twice but never missed.
func (l *Ledger) reading(ctx context.Context, sinks []SinkAccept) ([]Balance, error) {
	raw, err := l.bus.js.Stream(ctx, streamRaw)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", streamRaw, err)
	}
	first := int64(raw.CachedInfo().State.LastSeq)
	front, err := l.bus.standing(ctx, streamRaw, StageTransform)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		front.Waiting, err = uint64(first), nil
	}
	if err != nil {
		return nil, fmt.Errorf("the transform queue: %w", err)
	}
	records, err := l.bus.js.Stream(ctx, streamRecords)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", streamRecords, err)
	}
	purged := records.CachedInfo().State.FirstSeq > 1
	standing := make([]Standing, len(sinks))
	for i, s := range sinks {
		standing[i], err = l.bus.standing(ctx, streamRecords, StageOf(s.Name))
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, fmt.Errorf("the queue of sink %s: %w", s.Name, err)
		}
	}
	if err := l.catchUp(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Balance, len(sinks))
	for i, s := range sinks {
		out[i] = l.line(s, first, front, standing[i])
		if stage := StageOf(s.Name); purged && l.sum.Stages[stage] == nil && l.sum.Skipped[stage] < out[i].Missing {
			l.sum.Skipped[stage] = out[i].Missing
			out[i] = l.line(s, first, front, standing[i])
		}
	}
	return out, nil
}

// line needs l.mu.
func (l *Ledger) line(s SinkAccept, first int64, front, own Standing) Balance {
	before := l.sum.Stages[StageTransform]
	if before == nil {
		before = &tally{}
	}
	after := l.sum.Stages[StageOf(s.Name)]
	if after == nil {
		after = &tally{}
	}
	var made, refusedKind int64
	for subject, n := range l.sum.Made {
		made += n
		if kind, _, _ := strings.Cut(subject, "."); !accepts(s.Accept, kind) {
			refusedKind += n
		}
	}
	b := Balance{
		Sink: s.Name,
		// An unburied delivery came in once, though RAW holds it twice.
		Accepted:   first - before.Unburied + made - l.sum.Raws - l.sum.Skipped[StageOf(s.Name)],
		Stored:     after.Stored,
		Waiting:    int64(front.Waiting + own.Waiting),
		Buried:     before.Buried - before.Unburied - before.Dropped + after.Buried - after.Unburied - after.Dropped,
		FilteredBy: map[string]int64{},
		Oldest:     front.Oldest,
		Pulling:    own.Pulling,
	}
	if b.Oldest.IsZero() || !own.Oldest.IsZero() && own.Oldest.Before(b.Oldest) {
		b.Oldest = own.Oldest
	}
	maps.Copy(b.FilteredBy, before.Filtered)
	for rule, n := range after.Filtered {
		b.FilteredBy[rule] += n
	}
	for rule, n := range map[string]int64{
		"sinks." + s.Name + ".accept": refusedKind,
		"dropped by hand":             before.Dropped + after.Dropped,
	} {
		if n > 0 {
			b.FilteredBy[rule] += n
		}
	}
	for _, n := range b.FilteredBy {
		b.Filtered += n
	}
	b.Missing = b.Accepted - b.Stored - b.Waiting - b.Buried - b.Filtered
	return b
}

func accepts(kinds []string, kind string) bool {
	for _, k := range kinds {
		if k == "*" || token(k) == kind {
			return true
		}
	}
	return false
}

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
