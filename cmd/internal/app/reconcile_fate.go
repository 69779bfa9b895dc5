package app

import (
	"context"
	"sort"
	"time"

	"mekong/pipeline/bus"
)

// What TRACE says of a message at a sink. The zero value is nothing.
const (
	wasStored uint8 = 1 + iota
	wasFiltered
	wasBuried
)

var fateOf = map[bus.State]uint8{bus.Stored: wasStored, bus.Filtered: wasFiltered, bus.Buried: wasBuried}

// reconciling is one run. One goroutine uses it.
type reconciling struct {
	o    *Operator
	how  ReconcileOptions
	book *accountBook
	gone *suppression

	began      time.Time
	stages     map[string]int    // of the sinks, by the name of the stage
	fates      [][]uint8         // by sink and place in the book
	floors     []uint64          // by sink: up to here everything is settled
	busy       []bool            // by sink: something waits for it
	buried     []map[uint64]bool // by sink: IDs of what is buried now
	fresh      []map[uint32]bool // by sink: rows written a moment ago
	lags       []time.Duration   // by sink: how long a read may not show what was written
	traced     uint64            // TRACE is read up to here
	later      map[uint64]bool   // hashes of the keys of what came in behind the book
	laterUntil uint64

	untransformed uint64
	unreadable    int
}

// larkLag is how long a Base may not show what was written to it (`lark.md` §2.4: a few
// seconds).
const larkLag = 5 * time.Second

// reconciling reads all that Mekong knows itself. The order matters: what is in the
// book was accepted before anything else is looked at, so that whatever is still on its
// way is seen to be.
func (o *Operator) reconciling(ctx context.Context, how ReconcileOptions, names []string) (*reconciling, error) {
	x := &reconciling{o: o, how: how, stages: map[string]int{}, began: time.Now(), later: map[uint64]bool{}}
	b := o.app.Bus
	var err error
	if x.gone, err = openSuppression(ctx, b, o.app.config.DataDir); err != nil {
		return nil, err
	}
	how.Tell("reading what was accepted")
	if x.book, err = readBook(ctx, b, how.Since, x.gone.Has); err != nil {
		return nil, err
	}
	x.laterUntil = x.book.until
	for i, name := range names {
		x.stages[bus.StageOf(name)] = i
		x.fates = append(x.fates, make([]uint8, len(x.book.list)))
		x.buried = append(x.buried, map[uint64]bool{})
		x.fresh = append(x.fresh, map[uint32]bool{})
		x.busy = append(x.busy, false)
		lag := time.Duration(0)
		if o.app.config.Sinks[name].LarkBase != nil {
			lag = larkLag
		}
		x.lags = append(x.lags, lag)
	}
	if x.traced, err = x.traceBefore(ctx, how.Since); err != nil {
		return nil, err
	}
	how.Tell("reading what became of it")
	if err := x.settle(ctx); err != nil {
		return nil, err
	}
	if err := x.origins(ctx, names); err != nil {
		return nil, err
	}
	for i, name := range names {
		floor, err := x.floor(ctx, i, name)
		if err != nil {
			return nil, err
		}
		x.floors = append(x.floors, floor)
	}
	// Whatever is below a floor was written down before it was acknowledged.
	if err := x.settle(ctx); err != nil {
		return nil, err
	}
	return x, x.front(ctx)
}

// traceBefore is the sequence of TRACE behind which everything stands that was written
// down at since or later.
func (x *reconciling) traceBefore(ctx context.Context, since time.Time) (uint64, error) {
	all, err := x.o.app.Bus.Extent(ctx, bus.LogTrace)
	if err != nil || all.Last == 0 {
		return 0, err
	}
	if since.IsZero() {
		return all.First - 1, nil
	}
	n := sort.Search(int(all.Last-all.First)+1, func(i int) bool {
		at, ok, e := x.o.app.Bus.NextStored(ctx, bus.LogTrace, all.First-1+uint64(i))
		if e != nil {
			err = e
		}
		return !ok || !at.Before(since)
	})
	return all.First - 1 + uint64(n), err
}

// traceRead is how many settlements are read at once.
const traceRead = 500

// settle reads what was written down since it was last called.
func (x *reconciling) settle(ctx context.Context) error {
	for {
		got, err := x.o.app.Bus.SettlementsAfter(ctx, x.traced, traceRead)
		if err != nil || len(got) == 0 {
			return err
		}
		for _, e := range got {
			x.traced = e.Seq
			if i, ok := x.stages[e.Value.Stage]; ok && e.Err == nil {
				x.enter(i, e.Value)
			}
		}
	}
}

func (x *reconciling) enter(i int, s bus.Settlement) {
	fresh := x.lags[i] > 0 && s.At.After(x.began.Add(-x.lags[i]))
	for _, e := range s.Settled {
		is, ok := fateOf[e.State]
		if !ok {
			continue // it is about another stream
		}
		from, _ := x.book.placeOf(e.Seq)
		for at := from; at < len(x.book.list) && x.book.list[at].seq <= max(e.Seq, e.To); at++ {
			x.fates[i][at] = is
			if fresh && is == wasStored {
				x.fresh[i][x.book.list[at].row] = true
			}
		}
	}
}

func (x *reconciling) accepts(name string, p posting) bool {
	kinds := x.o.app.config.Sinks[name].Accept
	for _, k := range kinds {
		if k == "*" || k == x.book.kinds[p.of].kind {
			return true
		}
	}
	return false
}

// origins marks those of the messages of which nothing is known at some sink that were
// stored for all sinks. The others were replayed to one sink, and are none of the rest.
func (x *reconciling) origins(ctx context.Context, names []string) error {
	first, last := -1, -1
	sources := map[string]bool{}
	for at, p := range x.book.list {
		for i, name := range names {
			if x.fates[i][at] == 0 && x.accepts(name, p) {
				if first < 0 {
					first = at
				}
				last = at
				sources[x.book.kinds[p.of].source] = true
				break
			}
		}
	}
	if first < 0 {
		return nil
	}
	span := bus.Span{After: x.book.list[first].seq - 1, Until: x.book.list[last].seq}
	for source := range sources {
		if span.Source = source; source == "" {
			span.Source = "_" // as a subject has it
		}
		err := x.o.app.Bus.Walk(ctx, bus.Records, span, func(k bus.Kept) error {
			if at, ok := x.book.placeOf(k.Seq); ok {
				x.book.list[at].marks |= markOriginal
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// floor is the sequence up to which a sink has settled everything.
func (x *reconciling) floor(ctx context.Context, i int, name string) (uint64, error) {
	waiting, begun, err := x.o.app.Bus.Behind(ctx, bus.StageOf(name))
	x.busy[i] = begun == "" || waiting > 0
	switch {
	case err != nil:
		return 0, err
	case begun == "":
		return 0, nil // it has yet to begin, so that all of it waits
	case waiting == 0:
		return x.book.until, nil
	}
	var open []uint64
	for at, p := range x.book.list {
		if x.fates[i][at] == 0 && p.marks&markOriginal != 0 && x.accepts(name, p) {
			open = append(open, p.seq)
		}
	}
	n := sort.Search(len(open), func(n int) bool {
		is, e := x.unfinished(ctx, open[n], bus.StageOf(name))
		if e != nil {
			err = e
		}
		return is
	})
	if err != nil {
		return 0, err
	}
	if n == len(open) {
		return x.book.until, nil
	}
	return open[n] - 1, nil
}

// unfinished reports whether a stage may have yet to settle a message.
func (x *reconciling) unfinished(ctx context.Context, seq uint64, stage string) (is bool, err error) {
	b := x.o.app.Bus
	walked := b.Walk(ctx, bus.Records, bus.Span{After: seq - 1, Until: seq}, func(k bus.Kept) error {
		var open []string
		if open, err = b.Unfinished(ctx, []bus.Kept{k}); err != nil {
			return err
		}
		for _, o := range open {
			is = is || o == stage
		}
		return nil
	})
	if walked != nil {
		return false, walked
	}
	return is, err
}
