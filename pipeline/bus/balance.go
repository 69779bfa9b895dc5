package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

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
		if standing[i].absent = errors.Is(err, jetstream.ErrConsumerNotFound); err != nil && !standing[i].absent {
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
		Accepted:   first - before.Unburied + made - l.sum.Raws - l.sum.Skipped[StageOf(s.Name)] + after.Replayed,
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
	if own.absent {
		// No worker has opened the queue yet, so everything meant for it waits.
		b.Waiting = b.Accepted - b.Stored - b.Buried - b.Filtered
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
