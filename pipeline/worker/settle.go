package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"mekong/pipeline/bus"
)

// settle buries what must be buried, writes down what became of the batch,
// acknowledges, and takes it out of the hand; in that order, so that nothing is
// let go before the next place has it. What cannot be buried, or written down,
// stays in hand.
func (d *Deliver) settle(ctx context.Context, h *hand) int {
	began := h.began
	var done, left []*item
	for _, it := range h.all() {
		if it.state == bus.Buried {
			if err := bus.Bury(d.Bus, bus.StageOf(d.Name), it.Delivery, it.why, it.tries); err != nil {
				d.Log.Error("a record that must be buried cannot be; it stays in hand", "error", err)
				left = append(left, it)
				continue
			}
		}
		if it.state == "" {
			left = append(left, it)
		} else {
			done = append(done, it)
		}
	}
	if len(done) == 0 {
		h.keep(left)
		return 0
	}
	now := time.Now()
	s := bus.Settlement{Stage: bus.StageOf(d.Name), At: now.UTC(), Took: now.Sub(began), Settled: make([]bus.Settled, len(done))}
	counts := map[bus.State]int{}
	attempt := 0
	for i, it := range done {
		counts[it.state]++
		attempt = max(attempt, it.tries)
		s.Settled[i] = bus.Settled{Seq: it.Seq, ID: it.Value.ID, State: it.state, Ref: it.ref, Reason: it.why,
			Attempts: it.tries, Again: it.Again}
		if it.state == bus.Stored {
			s.Settled[i].Reason = ""
		}
	}
	if err := d.Bus.Trace(s); err != nil {
		// The records are where they belong, but letting them go now would leave
		// a gap in the account for good. They are not written again, unless this
		// worker stops first.
		d.Log.Error("what became of a batch cannot be written down; it stays in hand", "records", len(done), "error", err)
		return 0
	}
	for _, it := range done {
		it.traced.settled(it)
		switch it.state {
		case bus.Buried:
			d.buried.add(it.why)
		case bus.Stored:
			d.Metrics.storedAfter(d.Name, now.Sub(it.Value.Received))
		}
		if err := it.Ack(); err != nil {
			d.Log.Warn("an acknowledgement was not sent; the record is written once more, onto itself", "id", it.Value.ID, "error", err)
		}
	}
	h.keep(left)
	d.Metrics.settled(d.Name, counts[bus.Stored], counts[bus.Filtered], counts[bus.Buried], now.Sub(began))
	level := slog.LevelDebug
	if counts[bus.Buried] > 0 {
		level = slog.LevelWarn
	}
	d.Log.Log(ctx, level, "settled", "records", h.tried, "stored", counts[bus.Stored], "filtered", counts[bus.Filtered],
		"buried", counts[bus.Buried], "left", len(left), "attempt", attempt, "took", now.Sub(began))
	return len(done)
}

// held is a sink's pause, seen by several writers and by whoever asks.
type held struct {
	mu    sync.Mutex
	since time.Time
	why   string
}

func (h *held) set(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		h.since = time.Now()
	}
	h.why = why
}

func (h *held) clear(log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.since.IsZero() {
		log.Info("the sink takes records again", "held_for", time.Since(h.since).Round(time.Millisecond))
		h.since, h.why = time.Time{}, ""
	}
}

func (h *held) now() (time.Time, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since, h.why
}

// buried counts what a loop buried, for whoever asks.
type buried struct {
	mu  sync.Mutex
	n   int
	why string // of the last
}

func (b *buried) add(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	b.why = why
}

func (b *buried) now() (int, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n, b.why
}
