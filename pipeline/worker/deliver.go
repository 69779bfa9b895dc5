package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

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
	// Pace is how long to wait before the next write, for a sink whose calls are
	// numbered: what comes meanwhile shares a call. Nil never waits.
	Pace func() time.Duration
	// Paused says why a person holds the sink; empty, or nil: nobody does. Records
	// wait as they do when the destination is at fault. It is asked every second.
	Paused      func() (why string)
	MaxAttempts int           // tries of unknown outcome before a record is buried; 0: 5
	Grace       time.Duration // how long a write in flight may go on after a stop; 0: 20 s
	AckWait     time.Duration // 0: 60 s
	PinnedTTL   time.Duration // a single writer's silence before another takes over; 0: 90 s
	Pauses      Pauses
	Log         *slog.Logger
	Metrics     *Metrics     // nil: not measured
	Tracer      trace.Tracer // nil: not traced

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

// queueOptions: a sink that wants one writer gets exactly the two batches
// that it writes and fetches ahead in flight, and a pinned worker; one with several
// gets neither.
func (d *Deliver) queueOptions() bus.QueueOptions {
	o := bus.QueueOptions{AckWait: d.AckWait, PinnedTTL: d.PinnedTTL}
	if d.Limits.Writers == 1 {
		o.Single, o.Most = true, 2*d.Limits.Batch
	} else {
		o.Most = max(1000, 4*d.Limits.Batch*d.Limits.Writers)
	}
	return o
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
	span := d.writing(items)
	defer func() { wrote(span, items, hold) }()
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
			it.traced.hold(it.tries, reason(hold.why))
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
