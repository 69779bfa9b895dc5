package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// Transform is the loop from RAW to RECORDS. Several may run, here and in other
// processes.
type Transform struct {
	Bus *bus.Bus
	// Of finds the transform of a delivery; nil when there is none.
	Of func(pipeline.Raw) pipeline.Transform
	// Forgotten says of a record whether it is of somebody who asked to be forgotten;
	// nil: nobody has. Such a delivery of the past, out of a file or from what was
	// buried, is filtered and erased. One that the person sends now goes on, with the
	// flag forgotten_before: it is a new consent, or a mistake that somebody has to
	// look at, and no lead is lost over it.
	Forgotten func(pipeline.Record) bool
	Batch     int           // deliveries per round; 0: 500
	AckWait   time.Duration // 0: 30 s
	Pauses    Pauses
	Log       *slog.Logger
	Metrics   *TransformMetrics // nil: not measured
	Tracer    trace.Tracer      // nil: not traced

	buried buried
}

// Buried tells how many deliveries this loop has buried since it began, and why the
// last of them was. It may be called at any time.
func (t *Transform) Buried() (n int, why string) { return t.buried.now() }

// Run works until ctx ends. What it holds then was either passed on or will be
// handed to another worker, which makes the same records of it.
func (t *Transform) Run(ctx context.Context) error {
	log := orDiscard(t.Log)
	batch, wait := t.Batch, t.AckWait
	if batch == 0 {
		batch = 500
	}
	if wait == 0 {
		wait = 30 * time.Second
	}
	q, err := t.Bus.Raws(ctx, bus.QueueOptions{AckWait: wait, Most: 4 * batch})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	for tries := 0; ctx.Err() == nil; {
		ds, err := q.Fetch(ctx, batch, 0)
		if err == nil && len(ds) > 0 {
			err = t.round(ctx, wait, ds, log)
		}
		if err == nil {
			tries = 0
			continue
		}
		log.Warn("the transform stage waits; nothing is lost", "error", err)
		if !sleep(ctx, t.Pauses.after(tries)) {
			break
		}
		tries++
	}
	return nil
}

// round turns deliveries into records, passes them on, writes down what
// happened, and only then lets the deliveries go. A round that fails halfway is
// done again by whoever gets them next; the records' IDs make that harmless.
func (t *Transform) round(ctx context.Context, wait time.Duration, ds []bus.Delivery[pipeline.Raw], log *slog.Logger) (err error) {
	began := time.Now()
	stop := keepAlive(wait, func(yield func(*bus.Delivery[pipeline.Raw]) bool) {
		for i := range ds {
			if !yield(&ds[i]) {
				return
			}
		}
	})
	defer stop()
	tr := newRound(t.Tracer, len(ds))
	defer func() { tr.end(err) }()

	records := make([]pipeline.Record, 0, len(ds))
	owner := make([]int, 0, len(ds)) // record → delivery
	fate := make([]error, len(ds))
	made := make([]int, len(ds))
	for i := range ds {
		along := tr.begin(i, &ds[i])
		rs, err := t.one(ds[i])
		if err == nil {
			err = t.remember(rs, ds[i].Past())
		}
		if err != nil {
			fate[i] = err
			continue
		}
		for k := range rs {
			rs[k].Again = rs[k].Again || ds[i].Again
			owner = append(owner, i)
		}
		made[i] = len(rs)
		tr.made(len(rs), along)
		records = append(records, rs...)
	}
	for k, err := range t.Bus.PublishTraced(records, tr.along()) {
		if err == nil {
			continue
		}
		if !pipeline.IsPermanent(err) {
			giveBack(ds)
			return err
		}
		fate[owner[k]] = err
	}

	var settled []bus.Settled
	counts := map[bus.State]int{}
	next := 0 // first record of delivery i
	for i := range ds {
		rs := records[next : next+made[i]]
		next += made[i]
		s := bus.Settled{Seq: ds[i].Seq, ID: ds[i].Value.ID, Again: ds[i].Again, State: bus.Made}
		rule, filtered := pipeline.IsFiltered(fate[i])
		switch {
		case filtered:
			s.State, s.Reason = bus.Filtered, rule
		case fate[i] != nil:
			s.State, s.Reason = bus.Buried, fate[i].Error()
			if err := bus.Bury(t.Bus, bus.StageTransform, ds[i], s.Reason, 1); err != nil {
				giveBack(ds)
				return err
			}
		case made[i] == 0:
			s.State, s.Reason = bus.Filtered, "transform."+ds[i].Value.Source
		default:
			s.ID = "" // the records name it
		}
		counts[s.State]++
		tr.settled(i, s, made[i])
		settled = join(settled, s, rs)
	}
	took := time.Since(began)
	if err := t.Bus.Trace(bus.Settlement{Stage: bus.StageTransform, At: time.Now().UTC(), Took: took, Settled: settled}); err != nil {
		giveBack(ds)
		return err
	}
	for _, s := range settled {
		if s.State == bus.Buried {
			t.buried.add(s.Reason)
		}
	}
	for i := range ds {
		if rule, ok := pipeline.IsFiltered(fate[i]); ok && rule == forgotten {
			// Before it is acknowledged: nobody else would erase it.
			if err := t.Bus.EraseRaw(ctx, ds[i].Seq); err != nil {
				giveBack(ds)
				return err
			}
		}
	}
	for i := range ds {
		if err := ds[i].Ack(); err != nil {
			return fmt.Errorf("acknowledging: %w", err)
		}
	}
	t.Metrics.round(len(ds), len(records), counts[bus.Filtered], counts[bus.Buried], took)
	log.Debug("transformed", "deliveries", len(ds), "records", len(records),
		"filtered", counts[bus.Filtered], "buried", counts[bus.Buried], "took", took)
	if n := counts[bus.Buried]; n > 0 {
		log.Warn("deliveries were buried by the transform; they can be seen and replayed", "buried", n)
	}
	return nil
}

// one runs the transform. It is a pure function: what fails today fails again,
// so every failure is the delivery's own.
func (t *Transform) one(d bus.Delivery[pipeline.Raw]) (rs []pipeline.Record, err error) {
	if d.Err != nil {
		return nil, d.Err
	}
	f := t.Of(d.Value)
	if f == nil {
		return nil, fmt.Errorf("no transform understands the format %q of source %q", d.Value.Format, d.Value.Source)
	}
	defer func() {
		if v := recover(); v != nil {
			rs, err = nil, fmt.Errorf("the transform failed: %w", pipeline.Recovered(v))
		}
	}()
	rs, err = f(d.Value)
	for _, r := range rs {
		if err == nil && (r.ID == "" || r.Key == "" || r.Kind == "" || len(r.ID) > pipeline.MaxID) {
			return nil, errors.New("the transform made a record without an ID, key or kind")
		}
	}
	return rs, err
}

const (
	forgotten       = "forgotten"        // the rule that leaves out what must not come back
	forgottenBefore = "forgotten_before" // the flag of what comes anew
)

// remember looks whether a delivery is of somebody who asked to be forgotten. That of
// the past is left out; what is new is flagged.
func (t *Transform) remember(rs []pipeline.Record, past bool) error {
	if t.Forgotten == nil || !slices.ContainsFunc(rs, t.Forgotten) {
		return nil
	}
	if past {
		return pipeline.Filtered(forgotten)
	}
	for i := range rs {
		if rs[i].Fields == nil {
			rs[i].Fields = map[string]any{}
		}
		flags, _ := rs[i].Fields["flags"].([]string)
		rs[i].Fields["flags"] = append(slices.Clone(flags), forgottenBefore)
	}
	return nil
}

// join lengthens the last run when s has the same fate and follows it, so that
// a batch of ordinary leads is one line in TRACE. made are the records of s.
func join(all []bus.Settled, s bus.Settled, made []pipeline.Record) []bus.Settled {
	if s.State != bus.Made {
		return append(all, s)
	}
	if n := len(all); n == 0 || s.Again || !follows(&all[n-1], s.Seq) {
		s.Made = map[string]int{}
		all = append(all, s)
	}
	last := &all[len(all)-1]
	if last.Seq != s.Seq {
		last.To = s.Seq
	}
	for i := range made {
		last.Made[made[i].Kind+"."+made[i].Source]++
	}
	return all
}

// follows reports whether seq can lengthen run.
func follows(run *bus.Settled, seq uint64) bool {
	return run.State == bus.Made && !run.Again && max(run.Seq, run.To)+1 == seq
}

func giveBack[T any](ds []bus.Delivery[T]) {
	for i := range ds {
		_ = ds[i].Nak() // if it is lost, AckWait brings the delivery back
	}
}
