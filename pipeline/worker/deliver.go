package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// Deliver is the loop from RECORDS to one sink.
type Deliver struct {
	Bus    *bus.Bus
	Name   string // the sink's, in the configuration
	Sink   pipeline.Sink
	Limits pipeline.Limits
	Accept []string // kinds; "*" is all
	// Where says whether a record is for this sink; nil takes all. Records it
	// refuses are settled as filtered.
	Where func(pipeline.Record) (bool, error)
	// Pace is how long to wait before the next batch is fetched, for a sink whose
	// calls are numbered: what waits in the queue shares a call. Nil never waits.
	Pace        func() time.Duration
	MaxAttempts int           // tries of unknown outcome before a record is buried; 0: 5
	Grace       time.Duration // how long a write in flight may go on after a stop; 0: 20 s
	AckWait     time.Duration // 0: 60 s
	PinnedTTL   time.Duration // a single writer's silence before another takes over; 0: 90 s
	Pauses      Pauses
	Log         *slog.Logger
	Metrics     *Metrics // nil: not measured

	held   held
	buried buried
}

// Held tells since when the sink is held, and why; zero when it is not. It may
// be called at any time.
func (d *Deliver) Held() (since time.Time, why string) { return d.held.now() }

// Buried tells how many records this loop has buried since it began, and why the
// last of them was. It may be called at any time.
func (d *Deliver) Buried() (n int, why string) { return d.buried.now() }

// Run works until ctx ends, with as many writers as the sink allows. After that
// a write in flight has Grace to finish; what is left goes back at once and
// reaches the next worker marked Again.
func (d *Deliver) Run(ctx context.Context) error {
	d.defaults()
	q, err := d.Bus.Records(ctx, d.Name, d.Accept, d.queueOptions())
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	hard, cancel := linger(ctx, d.Grace)
	defer cancel()
	var wg sync.WaitGroup
	for range d.Limits.Writers {
		wg.Go(func() { d.writer(ctx, hard, q) })
	}
	wg.Wait()
	q.Leave()
	return nil
}

func (d *Deliver) defaults() {
	d.Log = orDiscard(d.Log).With("sink", d.Name)
	d.Limits.Batch = max(d.Limits.Batch, 1)
	d.Limits.Writers = max(d.Limits.Writers, 1)
	if d.MaxAttempts == 0 {
		d.MaxAttempts = 5
	}
	if d.Grace == 0 {
		d.Grace = 20 * time.Second
	}
	if d.AckWait == 0 {
		d.AckWait = time.Minute
	}
}

// queueOptions: a sink that wants one writer gets exactly its batch in flight
// and a pinned worker; one with several gets neither.
func (d *Deliver) queueOptions() bus.QueueOptions {
	o := bus.QueueOptions{AckWait: d.AckWait, PinnedTTL: d.PinnedTTL}
	if d.Limits.Writers == 1 {
		o.Single, o.Most = true, d.Limits.Batch
	} else {
		o.Most = max(1000, 4*d.Limits.Batch*d.Limits.Writers)
	}
	return o
}

// paceLook is how often a paced writer asks again. It stays far below the
// silence after which another worker takes a single writer's place.
const paceLook = 10 * time.Second

// writer fetches, writes and settles until soft ends.
func (d *Deliver) writer(soft, hard context.Context, q *bus.Queue[pipeline.Record]) {
	for tries := 0; soft.Err() == nil; {
		if d.Pace != nil {
			if wait := d.Pace(); wait > 0 {
				// Looked at again soon: a budget may be raised meanwhile.
				sleep(soft, min(wait, paceLook))
				continue
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
		if len(ds) > 0 {
			d.batch(soft, hard, ds)
		}
	}
}

// item is one delivery in hand.
type item struct {
	bus.Delivery[pipeline.Record]
	tries int // writes of unknown outcome so far
	state bus.State
	ref   string
	why   string
}

// batch keeps deliveries in hand until each is settled or the worker stops. A
// batch never leaves the hand to wait: a delayed nack would fill the queue's
// window and stall good records behind it.
func (d *Deliver) batch(soft, hard context.Context, ds []bus.Delivery[pipeline.Record]) {
	hand := &hand{items: make([]*item, len(ds))}
	for i := range ds {
		hand.items[i] = &item{Delivery: ds[i]}
	}
	stop := keepAlive(d.AckWait, hand.each)
	defer stop()

	d.screen(hand.items)
	for pause := 0; ; pause++ {
		began := time.Now()
		tried, hold := d.attempt(hard, hand.open())
		settledNow := d.settle(hard, hand, tried, began)
		left := hand.all()
		if len(left) == 0 {
			return
		}
		if settledNow > 0 && !hold.on {
			pause = 0
		}
		wait := d.Pauses.after(pause)
		if hold.on {
			wait = max(wait, hold.wait)
			d.held.set(hold.why)
			d.Log.Warn("the sink is held; its records wait and nothing is lost",
				"reason", hold.why, "records", len(left), "next_try_in", wait.Round(time.Millisecond))
		}
		if !sleep(soft, wait) {
			for _, it := range left {
				_ = it.Nak()
			}
			return
		}
	}
}

// screen decides what needs no sink: what cannot be read, and what a rule
// leaves out.
func (d *Deliver) screen(items []*item) {
	for _, it := range items {
		if it.Err != nil {
			it.state, it.why = bus.Buried, it.Err.Error()
			continue
		}
		it.Value.Again = it.Value.Again || it.Again
		if d.Where == nil {
			continue
		}
		switch ok, err := d.Where(it.Value); {
		case err != nil:
			// A rule that cannot be worked out must not swallow a lead.
			it.state, it.why = bus.Buried, "the rule sinks."+d.Name+".where failed: "+err.Error()
		case !ok:
			it.state, it.why = bus.Filtered, "sinks."+d.Name+".where"
		}
	}
}

// pauseFor says whether, how long and why the destination asks for a pause.
type pauseFor struct {
	on   bool
	wait time.Duration
	why  string
}

// attempt writes items once and notes the verdicts.
//
// After a first write of unknown outcome the batch is cut into parts of about
// its square root, and after a second into single records, so that a record
// that makes the sink fail for all takes nobody with it when its tries are used
// up.
func (d *Deliver) attempt(hard context.Context, items []*item) (tried []*item, hold pauseFor) {
	for len(items) > 0 && !hold.on && hard.Err() == nil {
		n := part(items, d.MaxAttempts)
		tried = append(tried, items[:n]...)
		d.Metrics.attempted(d.Name, n)
		h := d.write(hard, items[:n])
		if h.on {
			hold = h
		}
		items = items[n:]
	}
	if !hold.on && len(tried) > 0 {
		d.held.clear(d.Log)
	}
	return tried, hold
}

// part is how many of items, from the front, go into one write.
func part(items []*item, most int) int {
	n := len(items)
	switch tries := items[0].tries; {
	case tries == 0:
	case tries >= 2 || tries >= most-1:
		return 1
	default:
		n = min(n, int(math.Ceil(math.Sqrt(float64(n)))))
	}
	for i := range n {
		if items[i].tries != items[0].tries {
			return i
		}
	}
	return n
}

// write is one call of the sink, whatever it does.
func (d *Deliver) write(hard context.Context, items []*item) (hold pauseFor) {
	batch := make([]pipeline.Record, len(items))
	for i, it := range items {
		batch[i] = it.Value
		// Whatever comes of this write, the next one may find its traces.
		it.Value.Again = true
	}
	out := safely(hard, d.Sink, batch)
	for i, it := range items {
		err := out[i].Err
		wait, held := pipeline.IsHold(err)
		switch {
		case err == nil:
			it.state, it.ref = bus.Stored, out[i].Ref
		case hard.Err() != nil:
			// A write cut short by the stop says nothing about its records.
		case pipeline.IsPermanent(err):
			it.tries++
			it.state, it.why = bus.Buried, err.Error()
		case held:
			hold.on, hold.wait, hold.why = true, max(hold.wait, wait), err.Error()
		default:
			it.tries++
			it.why = err.Error()
			if it.tries >= d.MaxAttempts {
				it.state = bus.Buried
				it.why = fmt.Sprintf("given up after %d tries: %s", it.tries, it.why)
			}
		}
	}
	return hold
}

// safely calls the sink so that neither a panic nor an answer of the wrong
// length reaches further than this batch.
func safely(ctx context.Context, s pipeline.Sink, batch []pipeline.Record) (out []pipeline.Outcome) {
	n := len(batch)
	defer func() {
		if v := recover(); v != nil {
			out = pipeline.Outcomes(n, fmt.Errorf("the sink failed: %w", pipeline.Recovered(v)))
		}
	}()
	out = s.Write(ctx, batch)
	if len(out) != n {
		return pipeline.Outcomes(n, fmt.Errorf("the sink answered %d outcomes for %d records", len(out), n))
	}
	return out
}

// hand is a batch; the goroutine that asks for more time reads it beside the
// one that works.
type hand struct {
	mu    sync.Mutex
	items []*item
}

func (h *hand) each(yield func(*bus.Delivery[pipeline.Record]) bool) {
	for _, it := range h.all() {
		if !yield(&it.Delivery) {
			return
		}
	}
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
