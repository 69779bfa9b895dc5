package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// ReplayOptions say which deliveries go through today's transform again, to which
// sinks, and how fast at most.
type ReplayOptions struct {
	Source string
	Since  time.Time // taken in at this time or later
	Until  time.Time // and before this one; zero: up to now
	Sinks  []string  // none: all that hold rows
	Rate   int       // records a second at most, over all sinks; 0: as fast as it goes
	Lag    int       // it waits while the slowest of its stages has more than this to do; 0: no bound
	// Name is what a run is known by, so that the same command goes on where it was
	// stopped. "": the other options.
	Name    string
	Restart bool // from the beginning, though an earlier run got further
	// Tell is told how far it is, after every batch. Nil: nobody.
	Tell func(ReplayState)
}

// ReplayState is how far a replay is.
type ReplayState struct {
	At, Of    uint64 // of the stream of deliveries, this source's or not
	Read      int    // deliveries of the source, with those of earlier runs
	Sent      int    // records sent to sinks, with those of earlier runs
	Filtered  int    // deliveries that a rule leaves out
	Refused   int    // that today's transform does not understand, or whose record is too large
	Forgotten int    // of people who asked to be forgotten
	Waiting   string // the stage that is waited for; "": none
	Resumed   bool   // an earlier run had begun
	Finished  bool   // an earlier run had come to the end, and nothing was done
	Left      []string
	Sinks     []string
}

const (
	replayBatch = 100 // deliveries between two writings of the position
	jobTable    = "mekong-jobs"
)

// replayJob is what is remembered of a run.
type replayJob struct {
	Run       string    `json:"run"`
	Since     time.Time `json:"since"`
	After     uint64    `json:"after"` // done up to here
	First     uint64    `json:"first"`
	Until     uint64    `json:"until"`
	Before    time.Time `json:"before"`
	Read      int       `json:"read"`
	Sent      int       `json:"sent"`
	Filtered  int       `json:"filtered"`
	Refused   int       `json:"refused"`
	Forgotten int       `json:"forgotten"`
	Done      bool      `json:"done"`
}

// Replay sends what today's transform makes of history to the sinks again. Records
// are marked Again, so a row is brought up to date and not doubled. It may be stopped
// and called again with the same options; what is sent twice around a stop is stored
// once.
func (o *Operator) Replay(ctx context.Context, r ReplayOptions) (ReplayState, error) {
	sinks, left, err := o.replayed(r.Sinks)
	if err != nil {
		return ReplayState{}, err
	}
	of, err := transforms(o.app.config)
	if err != nil {
		return ReplayState{}, err
	}
	kv, err := o.app.Bus.KV(ctx, jobTable, 0)
	if err != nil {
		return ReplayState{}, err
	}
	gone, err := openSuppression(ctx, o.app.Bus, o.app.config.DataDir)
	if err != nil {
		return ReplayState{}, err
	}
	run := &replaying{o: o, r: r, sinks: sinks, of: of, kv: kv, gone: gone, key: r.key(sinks), left: left}
	if err := run.begin(ctx); err != nil {
		return ReplayState{}, err
	}
	if run.job.Done {
		st := run.state("")
		st.Finished = true
		return st, nil
	}
	if r.Rate > 0 {
		run.limit = rate.NewLimiter(rate.Limit(r.Rate), max(1, min(r.Rate, replayBatch)))
	}
	before := run.job.Sent
	err = run.all(ctx)
	if sent := run.job.Sent - before; sent > 0 {
		err = errors.Join(err, o.acts.note("replayed history", r.Source+" → "+strings.Join(sinks, ", "), sent, ""))
	}
	return run.state(""), err
}

// key is under which the run is remembered.
func (r ReplayOptions) key(sinks []string) string {
	name := r.Name
	if name == "" {
		name = r.Since.UTC().Format(time.RFC3339Nano) + " " + r.Until.UTC().Format(time.RFC3339Nano)
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{r.Source, name}, sinks...), "\n")))
	return "replay-" + hex.EncodeToString(sum[:12])
}

// replayed are the sinks that a replay goes to. Those that talk to people are left out
// unless they are named: an old message would be sent again.
func (o *Operator) replayed(named []string) (sinks, left []string, err error) {
	c := o.app.config
	for _, name := range named {
		if _, ok := c.Sinks[name]; !ok {
			return nil, nil, fmt.Errorf("there is no sink %q; there are: %s", name, strings.Join(c.SinkNames(), ", "))
		}
	}
	if len(named) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(named))), nil, nil
	}
	for _, name := range c.SinkNames() {
		if c.Sinks[name].LarkChat != nil {
			left = append(left, name)
			continue
		}
		sinks = append(sinks, name)
	}
	if len(sinks) == 0 {
		return nil, nil, errors.New("there is no sink to replay to: name one")
	}
	return sinks, left, nil
}

// replaying is a run at work. One goroutine uses it.
type replaying struct {
	o        *Operator
	r        ReplayOptions
	sinks    []string
	left     []string
	of       func(pipeline.Raw) pipeline.Transform
	kv       *bus.KV
	gone     *suppression
	limit    *rate.Limiter // nil: no bound
	key      string
	job      replayJob
	revision uint64
	resumed  bool
}

// begin takes up an earlier run, or notes a new one.
func (p *replaying) begin(ctx context.Context) error {
	value, revision, err := p.kv.Get(ctx, p.key)
	if err != nil && !errors.Is(err, bus.ErrAbsent) {
		return err
	}
	p.revision = revision
	if revision != 0 && !p.r.Restart && json.Unmarshal(value, &p.job) == nil && p.job.Run != "" {
		p.resumed = true
		return nil
	}
	last, err := p.o.app.Bus.Newest(ctx, bus.Deliveries)
	if err != nil {
		return err
	}
	p.job = replayJob{Run: rand.Text(), Since: p.r.Since, Until: last, Before: p.r.Until}
	err = p.o.app.Bus.Walk(ctx, bus.Deliveries, bus.Span{Since: p.r.Since, Until: last}, func(k bus.Kept) error {
		p.job.First = k.Seq - 1
		return errEnough
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if err == nil {
		p.job.First = last // nothing is that young
	}
	p.job.After = p.job.First
	return p.save(ctx)
}

func (p *replaying) save(ctx context.Context) error {
	value, err := json.Marshal(p.job)
	if err != nil {
		return err
	}
	next, err := p.kv.Set(ctx, p.key, value, p.revision)
	if errors.Is(err, bus.ErrChanged) {
		return errors.New("the same replay is at work in another process")
	}
	if err == nil {
		p.revision = next
	}
	return err
}

func (p *replaying) state(waiting string) ReplayState {
	j := p.job
	return ReplayState{At: j.After - j.First, Of: j.Until - j.First, Read: j.Read, Sent: j.Sent, Filtered: j.Filtered, Refused: j.Refused,
		Forgotten: j.Forgotten, Waiting: waiting, Resumed: p.resumed, Left: p.left, Sinks: p.sinks}
}

// all goes through what is left, batch by batch.
func (p *replaying) all(ctx context.Context) error {
	if p.job.After < p.job.Until {
		batch := make([]bus.Kept, 0, replayBatch)
		err := p.o.app.Bus.Walk(ctx, bus.Deliveries, bus.Span{After: p.job.After, Until: p.job.Until, Source: p.r.Source}, func(k bus.Kept) error {
			if !p.job.Before.IsZero() && !k.Stored.Before(p.job.Before) {
				return errEnough
			}
			if batch = append(batch, k); len(batch) < replayBatch {
				return nil
			}
			defer func() { batch = batch[:0] }()
			return p.send(ctx, batch, k.Seq)
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if err := p.send(ctx, batch, p.job.Until); err != nil {
			return err
		}
	}
	p.job.Done = true
	return p.save(ctx)
}

// send makes records of a batch, sends them, and notes that everything up to a
// sequence is done.
func (p *replaying) send(ctx context.Context, batch []bus.Kept, upTo uint64) error {
	next := p.job
	var records []pipeline.Record
	before := map[string]string{} // record → the trace that its delivery was part of
	for _, k := range batch {
		next.Read++
		raw, err := k.Raw()
		if err != nil {
			next.Refused++
			continue
		}
		rs, err := todays(p.of, raw)
		switch _, filtered := pipeline.IsFiltered(err); {
		case filtered, err == nil && len(rs) == 0:
			next.Filtered++
		case err != nil:
			next.Refused++
		case slices.ContainsFunc(rs, p.gone.Has):
			next.Forgotten++
		default:
			records = append(records, rs...)
			if t := k.Trace(); t != "" {
				for _, r := range rs {
					before[r.ID] = t
				}
			}
		}
	}
	for _, sink := range p.sinks {
		accepted := accepted(p.o.app.config.Sinks[sink], records)
		for part := range slices.Chunk(accepted, replayBatch) {
			if err := p.patience(ctx, len(part)); err != nil {
				return err
			}
			for _, err := range p.o.app.Bus.ReplayTraced(ctx, sink, p.job.Run, part, before) {
				switch {
				case err == nil:
					next.Sent++
				case pipeline.IsPermanent(err):
					next.Refused++
				default:
					return err
				}
			}
		}
	}
	next.After = upTo
	p.job = next
	if err := p.save(ctx); err != nil {
		return err
	}
	p.tell("")
	return nil
}

func (p *replaying) tell(waiting string) {
	if p.r.Tell != nil {
		p.r.Tell(p.state(waiting))
	}
}

// patience waits for the rate, and for stages that are behind.
func (p *replaying) patience(ctx context.Context, n int) error {
	for n > 0 && p.limit != nil {
		part := min(n, p.limit.Burst())
		if err := p.limit.WaitN(ctx, part); err != nil {
			return err
		}
		n -= part
	}
	if p.r.Lag <= 0 || !p.o.Running {
		return ctx.Err()
	}
	stages := []string{bus.StageTransform}
	for _, s := range p.sinks {
		stages = append(stages, bus.StageOf(s))
	}
	for {
		behind, stage, err := p.o.app.Bus.Behind(ctx, stages...)
		if err != nil || behind <= uint64(p.r.Lag) {
			return err
		}
		p.tell(p.o.sinkOf(stage))
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// todays is what today's transform makes of a delivery.
func todays(of func(pipeline.Raw) pipeline.Transform, raw pipeline.Raw) (rs []pipeline.Record, err error) {
	f := of(raw)
	if f == nil {
		return nil, fmt.Errorf("no transform understands the format %q", raw.Format)
	}
	defer func() {
		if v := recover(); v != nil {
			rs, err = nil, fmt.Errorf("the transform failed: %w", pipeline.Recovered(v))
		}
	}()
	return f(raw)
}

// accepted are the records of the kinds that a sink takes; its where is looked at when
// they are delivered.
func accepted(s config.Sink, records []pipeline.Record) []pipeline.Record {
	var out []pipeline.Record
	for _, r := range records {
		if slices.Contains(s.Accept, "*") || slices.Contains(s.Accept, r.Kind) {
			out = append(out, r)
		}
	}
	return out
}
