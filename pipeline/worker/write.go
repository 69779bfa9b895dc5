package worker

import (
	"context"
	"sync"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// writer works until soft ends. There is one write at a time; while it is under
// way, the batch before it is written down and the one after it is fetched, so
// that the destination never waits for this side. With several writers they
// fill each other's gaps, and nobody fetches ahead: a record would wait in one's
// hand while another has nothing to do.
func (d *Deliver) writer(soft, hard context.Context, q *bus.Queue[pipeline.Record]) {
	free := make(chan struct{}, 1) // the writing hand is empty
	fetched, written := make(chan *hand), make(chan *hand)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(fetched)
		d.fetch(soft, q, free, fetched)
	})
	wg.Go(func() {
		for h := range written {
			d.finish(soft, hard, h)
		}
	})
	for {
		free <- struct{}{}
		h, ok := <-fetched
		if !ok {
			break
		}
		if d.batch(soft, hard, h) {
			written <- h
		}
	}
	close(written)
	wg.Wait()
}

// fetch hands batches to the writer. A batch that had to wait, for the writer or
// for the sink's pace, is filled up first, so that few records that came early do
// not make a small write.
func (d *Deliver) fetch(soft context.Context, q *bus.Queue[pipeline.Record], free <-chan struct{}, fetched chan<- *hand) {
	ahead := d.Limits.Writers == 1
	mine := false // free was taken
	for tries := 0; soft.Err() == nil; {
		if !ahead && !mine {
			if mine = taken(soft, free); !mine {
				return
			}
		}
		ds, err := q.Fetch(soft, d.Limits.Batch, d.Limits.Wait)
		if err != nil {
			d.Log.Warn("the sink's queue does not answer; nothing is lost", "error", err)
			if !sleep(soft, d.Pauses.after(tries)) {
				return
			}
			tries++
			continue
		}
		tries = 0
		if len(ds) == 0 {
			continue
		}
		h := newHand(ds, d.AckWait)
		waited := false
		if !mine {
			select {
			case <-free:
			default:
				waited = true
				taken(soft, free) // or the end came, which pace sees too
			}
		}
		if paced, ok := d.pace(soft); !ok {
			h.stop()
			h.back()
			return
		} else if n := d.Limits.Batch - len(ds); n > 0 && (waited || paced) {
			h.add(q.More(soft, n))
		}
		mine = false
		fetched <- h
	}
}

// pace waits until the sink's budget allows a write; false: the end came first.
func (d *Deliver) pace(soft context.Context) (waited, ok bool) {
	for soft.Err() == nil {
		if d.Pace == nil {
			return waited, true
		}
		wait := d.Pace()
		if wait <= 0 {
			return waited, true
		}
		waited = true
		// Looked at again soon: a budget may be raised meanwhile.
		sleep(soft, min(wait, 10*time.Second))
	}
	return waited, false
}

// taken waits until the writer can take a batch; false: the end came first.
func taken(soft context.Context, free <-chan struct{}) bool {
	select {
	case <-free:
		return true
	case <-soft.Done():
		return false
	}
}

// batch writes until everything in hand has a fate, and reports whether it is
// left to be settled; else it was given back. A batch never leaves the hand to
// wait: a delayed nack would fill the queue's window and stall good records
// behind it.
func (d *Deliver) batch(soft, hard context.Context, h *hand) bool {
	d.trace(h.all())
	d.screen(h.all())
	for pause := 0; ; pause++ {
		if !d.standBy(soft, h) {
			break
		}
		if h.doubted() {
			for _, it := range h.all() {
				it.Value.Again = true
			}
		}
		h.began = time.Now()
		tried, hold := d.attempt(hard, h.open())
		h.tried = len(tried)
		if len(h.open()) == 0 {
			return true
		}
		if d.settle(hard, h) > 0 && !hold.on {
			pause = 0
		}
		wait := d.Pauses.after(pause)
		if hold.on {
			wait = max(wait, hold.wait)
			d.held.set(hold.why)
			d.Log.Warn("the sink is held; its records wait and nothing is lost",
				"reason", hold.why, "records", h.len(), "next_try_in", wait.Round(time.Millisecond))
		}
		if !sleep(soft, wait) {
			break
		}
	}
	h.stop()
	h.back()
	return false
}

// standBy waits for as long as a person holds the sink; false: the end came
// first.
func (d *Deliver) standBy(soft context.Context, h *hand) bool {
	if d.Paused == nil || len(h.open()) == 0 {
		return true
	}
	for said := ""; ; {
		why := d.Paused()
		if why == "" {
			return true
		}
		d.held.set(why)
		if why != said {
			said = why
			for _, it := range h.open() {
				it.traced.hold(it.tries, reason("held by a person"))
			}
			d.Log.Warn("the sink is held by a person; its records wait and nothing is lost", "records", h.len())
		}
		if !sleep(soft, time.Second) {
			return false
		}
	}
}

// finish settles what the writer is done with, while it writes the next batch.
func (d *Deliver) finish(soft, hard context.Context, h *hand) {
	defer h.stop()
	for pause := 0; ; pause++ {
		d.settle(hard, h)
		if h.len() == 0 {
			return
		}
		if !sleep(soft, d.Pauses.after(pause)) {
			h.back()
			return
		}
	}
}
