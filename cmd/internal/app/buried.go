package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// Operator does what people do with what is kept: look at the buried, send them or
// history again, forget a person. Commands and the console stand on it. Its methods may
// be called from several goroutines.
type Operator struct {
	app *App
	// Running: somebody works on what is stored. False only where it is known that
	// nobody does.
	Running bool
	acts    *acts // who does it by a command; nil: somebody else writes it down
}

// Operate opens the bus for an operator, beside a mekong that may be running. done
// closes it.
func Operate(ctx context.Context, c *config.Config, log *slog.Logger) (o *Operator, done func(), err error) {
	a, running, err := beside(ctx, c, log)
	if err != nil {
		return nil, nil, err
	}
	acts, err := openActs(c)
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return &Operator{app: a, Running: running, acts: acts}, a.Close, nil
}

// Operator is the one of a process that runs.
func (a *App) Operator() *Operator { return &Operator{app: a, Running: true} }

// TransformStage is what stands for the name of a sink where the transform is meant.
const TransformStage = bus.StageTransform

// BuriedFilter says which of the buried are meant. The zero value is all.
type BuriedFilter struct {
	Sink   string   // a sink's name, or [TransformStage]; "": everywhere
	Reason string   // part of the reason, in any case; "": whatever it is
	Seqs   []uint64 // these; none: all
}

// BuriedGroup is what is buried at one place for one reason.
type BuriedGroup struct {
	Sink   string // or [TransformStage]
	Reason string // with a … where those of a group differ in a number
	Fix    string // what to do about it
	Count  int
	Oldest time.Time
	Seqs   []uint64 // of the first few
}

// BuriedItem is one of the buried.
type BuriedItem struct {
	Seq      uint64
	Sink     string // or [TransformStage]
	Reason   string
	Attempts int
	At       time.Time
	Record   *pipeline.Record // what a sink would not take; nil at the transform
	Raw      *pipeline.Raw    // the delivery; of a record only where it was asked for and is still kept
}

// groupSeqs is how many of a group are named.
const groupSeqs = 5

// BuriedGroups adds up the buried, the largest groups first.
func (o *Operator) BuriedGroups(ctx context.Context, f BuriedFilter) ([]BuriedGroup, error) {
	type id struct{ sink, reason string }
	groups := map[id]*BuriedGroup{}
	err := o.eachBuried(ctx, f, func(g bus.Grave) error {
		k := id{o.sinkOf(g.Stage), alike(g.Reason)}
		group := groups[k]
		if group == nil {
			group = &BuriedGroup{Sink: k.sink, Reason: k.reason, Fix: mending(k.sink, g), Oldest: g.At}
			groups[k] = group
		}
		group.Count++
		if g.At.Before(group.Oldest) {
			group.Oldest = g.At
		}
		if len(group.Seqs) < groupSeqs {
			group.Seqs = append(group.Seqs, g.Seq)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]BuriedGroup, 0, len(groups))
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b BuriedGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Sink, b.Sink), cmp.Compare(a.Reason, b.Reason))
	})
	return out, nil
}

// Buried lists the buried, oldest first, limit at most.
func (o *Operator) Buried(ctx context.Context, f BuriedFilter, limit int) ([]BuriedItem, error) {
	var out []BuriedItem
	err := o.eachBuried(ctx, f, func(g bus.Grave) error {
		if len(out) >= limit {
			return errEnough
		}
		out = append(out, o.item(g))
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

var errEnough = errors.New("enough")

// BuriedOne gives one of the buried with the delivery that it came from, where that is
// still kept.
func (o *Operator) BuriedOne(ctx context.Context, seq uint64) (BuriedItem, error) {
	g, err := o.grave(ctx, seq)
	if err != nil {
		return BuriedItem{}, err
	}
	it := o.item(g)
	if it.Raw == nil && it.Record != nil {
		it.Raw, err = o.deliveryOf(ctx, *it.Record)
	}
	return it, err
}

func (o *Operator) grave(ctx context.Context, seq uint64) (bus.Grave, error) {
	if seq == 0 {
		return bus.Grave{}, bus.ErrNoGrave
	}
	g, err := o.app.Bus.Grave(ctx, seq)
	if err != nil {
		return g, fmt.Errorf("%d: %w", seq, err)
	}
	return g, nil
}

func (o *Operator) item(g bus.Grave) BuriedItem {
	it := BuriedItem{Seq: g.Seq, Sink: o.sinkOf(g.Stage), Reason: g.Reason, Attempts: g.Attempts, At: g.At}
	if g.Stage == bus.StageTransform {
		if r, err := g.Raw(); err == nil {
			it.Raw = &r
		}
	} else if r, err := g.Record(); err == nil {
		it.Record = &r
	}
	return it
}

// ReplayBuried sends the buried through their stages again and says how many; with dry
// it only counts. What is buried meanwhile is left for the next time. tell, which may
// be nil, is told the count.
func (o *Operator) ReplayBuried(ctx context.Context, f BuriedFilter, dry bool, tell func(n int)) (n int, err error) {
	err = o.eachBuried(ctx, f, func(g bus.Grave) error {
		if !dry {
			if err := o.app.Bus.Unbury(ctx, g.Seq); err != nil {
				return fmt.Errorf("%d: %w", g.Seq, err)
			}
		}
		if n++; tell != nil {
			tell(n)
		}
		return nil
	})
	if n > 0 && !dry {
		err = errors.Join(err, o.acts.note("replayed", f.what(), n, ""))
	}
	return n, err
}

// what names the buried that a filter means, for who did what.
func (f BuriedFilter) what() string {
	switch {
	case len(f.Seqs) == 1:
		return fmt.Sprint("#", f.Seqs[0])
	case f.Sink != "":
		return f.Sink
	}
	return "*"
}

// DropBuried takes some of the buried out for good, each with the reason.
func (o *Operator) DropBuried(ctx context.Context, seqs []uint64, reason string) (n int, err error) {
	defer func() {
		if n > 0 {
			err = errors.Join(err, o.acts.note("dropped", BuriedFilter{Seqs: seqs}.what(), n, reason))
		}
	}()
	for _, seq := range seqs {
		if err := o.app.Bus.DropBecause(ctx, seq, reason); err != nil {
			return n, fmt.Errorf("%d: %w", seq, err)
		}
		n++
	}
	return n, nil
}

// eachBuried calls each with what the filter means. Numbers that nothing is buried
// under are an error, before anything is done.
func (o *Operator) eachBuried(ctx context.Context, f BuriedFilter, each func(bus.Grave) error) error {
	wanted := strings.ToLower(f.Reason)
	fits := func(g bus.Grave) bool {
		return (f.Sink == "" || g.Stage == stageOf(f.Sink)) && (wanted == "" || strings.Contains(strings.ToLower(alike(g.Reason)), wanted) ||
			strings.Contains(strings.ToLower(g.Reason), wanted))
	}
	if len(f.Seqs) > 0 {
		graves := make([]bus.Grave, len(f.Seqs))
		for i, seq := range f.Seqs {
			var err error
			if graves[i], err = o.grave(ctx, seq); err != nil {
				return err
			}
		}
		for _, g := range graves {
			if !fits(g) {
				continue
			}
			if err := each(g); err != nil {
				return err
			}
		}
		return nil
	}
	span := bus.Span{}
	if f.Sink != "" {
		span.Stage = stageOf(f.Sink)
	}
	return o.app.Bus.Walk(ctx, bus.Graves, span, func(k bus.Kept) error {
		if g := k.Grave(); fits(g) {
			return each(g)
		}
		return nil
	})
}

func stageOf(sink string) string {
	if sink == TransformStage {
		return bus.StageTransform
	}
	return bus.StageOf(sink)
}

// sinkOf is the sink that a stage belongs to, as it is called in the configuration
// where it is there.
func (o *Operator) sinkOf(stage string) string {
	if stage == bus.StageTransform {
		return TransformStage
	}
	for _, name := range o.app.config.SinkNames() {
		if bus.StageOf(name) == stage {
			return name
		}
	}
	return strings.TrimPrefix(stage, "sink-")
}

// alike makes reasons that differ in a number one.
func alike(reason string) string {
	var b strings.Builder
	in := false
	for _, r := range reason {
		digit := r >= '0' && r <= '9'
		switch {
		case digit && !in:
			b.WriteString("…")
		case !digit:
			b.WriteRune(r)
		}
		in = digit
	}
	return b.String()
}

// near is how long after it came in a delivery is in the stream, at the latest, unless
// it is of the past.
const near = 10 * time.Minute

// deliveryOf finds the delivery that a record was made of; nil when it is no longer
// kept.
func (o *Operator) deliveryOf(ctx context.Context, r pipeline.Record) (*pipeline.Raw, error) {
	var found *pipeline.Raw
	look := func(s bus.Span, until time.Time) error {
		err := o.app.Bus.Walk(ctx, bus.Deliveries, s, func(k bus.Kept) error {
			if !until.IsZero() && k.Stored.After(until) {
				return errEnough
			}
			if raw, err := k.Raw(); err == nil && raw.ID == deliveryID(r.ID, raw.ID) {
				found = &raw
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			err = nil
		}
		return err
	}
	err := look(bus.Span{Source: r.Source, Since: r.Received.Add(-time.Minute)}, r.Received.Add(near))
	if err == nil && found == nil {
		err = look(bus.Span{Source: r.Source}, time.Time{})
	}
	return found, err
}

// deliveryID is raw where a record of that ID can have been made of it, "" else.
func deliveryID(record, raw string) string {
	if rest, ok := strings.CutPrefix(record, raw); ok && (rest == "" || rest[0] == '/') {
		return raw
	}
	return ""
}
