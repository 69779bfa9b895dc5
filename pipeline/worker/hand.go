package worker

import (
	"sync"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// item is one delivery in hand.
type item struct {
	bus.Delivery[pipeline.Record]
	tries  int // writes of unknown outcome so far
	state  bus.State
	ref    string
	why    string
	traced *traced // nil: it is not
}

// hand is a batch from the moment it is fetched until all of it is settled or
// given back. The goroutine that asks for more time reads it beside the one that
// works.
type hand struct {
	mu    sync.Mutex
	items []*item
	alive time.Time // when more time was last asked for
	doubt bool      // it was silent for so long that another worker may have been given it
	wait  time.Duration
	stop  func() // ends the asking

	// Of the last attempt, for whoever settles.
	tried int
	began time.Time
}

// newHand takes ds in hand and asks for more time until it is let go.
func newHand(ds []bus.Delivery[pipeline.Record], ackWait time.Duration) *hand {
	h := &hand{alive: time.Now(), wait: ackWait}
	h.add(ds)
	h.stop = keepAlive(ackWait, h.each)
	return h
}

func (h *hand) add(ds []bus.Delivery[pipeline.Record]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range ds {
		h.items = append(h.items, &item{Delivery: ds[i]})
	}
}

// back gives what is left to the next worker.
func (h *hand) back() {
	for _, it := range h.all() {
		_ = it.Nak()
		it.traced.returned(it.tries)
	}
}

func (h *hand) each(yield func(*bus.Delivery[pipeline.Record]) bool) {
	h.mark()
	for _, it := range h.all() {
		if !yield(&it.Delivery) {
			return
		}
	}
}

// mark notes that the process is awake, and whether it was not for a while. A
// process that was stopped, or a machine that slept, wakes with a batch that
// another worker may have written meanwhile. The wall clock is asked too: the
// other one does not count a machine's sleep. A clock that was set costs a look-up.
func (h *hand) mark() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if gap := max(now.Sub(h.alive), now.Round(0).Sub(h.alive.Round(0))); gap > h.wait*2/3 {
		h.doubt = true
	}
	h.alive = now
}

// doubted reports whether another worker may have been given the batch.
func (h *hand) doubted() bool {
	h.mark()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.doubt
}

func (h *hand) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.items)
}

func (h *hand) all() []*item {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*item(nil), h.items...)
}

// open is what has no fate yet.
func (h *hand) open() (out []*item) {
	for _, it := range h.all() {
		if it.state == "" {
			out = append(out, it)
		}
	}
	return out
}

func (h *hand) keep(items []*item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.items = items
}
