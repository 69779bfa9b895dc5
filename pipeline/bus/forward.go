package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Forward passes on what an edge has stored (see [Options.Edge]) to the same streams
// of a cluster, which may be away, for as long as it takes.
//
// Each message is stored there with the ID and headers that it has here, in their
// order, and only then done with here. So a crash of either side, or an answer that is
// lost, makes it come again, and the cluster knows it: nothing is lost, and within the
// duplicate window nothing doubled. What an edge could pass on only later than
// [lateAfter] is marked, and destinations look before they write it, since the cluster
// may have had its repeat, over another way, longer ago than it remembers. REFUSED has a
// window of two minutes: what the door turned away may stand there twice after a longer
// silence, and becomes one delivery all the same when it is replayed.
//
// It knows nothing of what it carries.
type Forward struct {
	edge  *Bus
	to    Options
	log   *slog.Logger
	late  time.Duration // lateAfter, outside tests
	lanes []*lane

	opening sync.Mutex // one at a time

	mu      sync.Mutex
	cluster *Bus // nil: not reached yet
}

const (
	// lateAfter is how long a delivery may wait at the edge and still be as good as new.
	// What was sent elsewhere before it is known for 24 hours less this.
	lateAfter = time.Hour
	// forwardPings finds out within seconds that a line is cut.
	forwardPings = 5 * time.Second
	forwardFirst = 100 * time.Millisecond // the pause before a second try,
	forwardMost  = 2 * time.Second        // and before each later one at most
	// forwardAnew is after how many tries in a row, over a connection that stands, it
	// is made from the start: the streams of the cluster may be others by then.
	forwardAnew = 30
	openWait    = 30 * time.Second
)

// NewForward makes one from an edge to the cluster that the options name. Nothing is
// connected before Run.
func (b *Bus) NewForward(to Options) (*Forward, error) {
	if !b.opts.Edge || to.Server != nil {
		return nil, errors.New("only an edge has something to pass on, and only to other servers")
	}
	to.Logger, to.pings = b.log.With("nats", "cluster"), forwardPings
	f := &Forward{edge: b, to: to, log: b.log, late: lateAfter}
	f.lanes = []*lane{{f: f, stream: streamRaw, idle: 25 * time.Millisecond}, {f: f, stream: streamRefused, idle: 250 * time.Millisecond}}
	return f, nil
}

// Run passes on until ctx ends; that is its only end.
func (f *Forward) Run(ctx context.Context) error {
	defer f.drop(nil)
	var all sync.WaitGroup
	for _, l := range f.lanes {
		all.Go(func() { l.run(ctx) })
	}
	all.Go(func() { f.greet(ctx) })
	all.Go(func() { f.report(ctx, time.Minute) })
	all.Wait()
	return nil
}

// greet connects before there is anything to pass on, so that a wrong address or login
// shows at the start.
func (f *Forward) greet(ctx context.Context) {
	for tries := 0; ctx.Err() == nil; tries++ {
		if _, err := f.reach(ctx); err == nil {
			f.lanes[0].took()
			return
		} else if ctx.Err() == nil {
			f.lanes[0].failed(err)
		}
		f.wait(ctx, tries)
	}
}

// reach gives the cluster, connected to if it was not.
func (f *Forward) reach(ctx context.Context) (*Bus, error) {
	f.opening.Lock()
	defer f.opening.Unlock()
	f.mu.Lock()
	b := f.cluster
	f.mu.Unlock()
	if b != nil {
		return b, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	b, err := Open(ctx, f.to)
	if err != nil {
		return nil, err
	}
	f.log.Info("the cluster is reached", "durability", b.Durability().String())
	f.mu.Lock()
	f.cluster = b
	f.mu.Unlock()
	return b, nil
}

// drop closes the connection b to the cluster, whichever it is for nil.
func (f *Forward) drop(b *Bus) {
	f.mu.Lock()
	was := f.cluster
	if b == nil || was == b {
		f.cluster = nil
	} else {
		was = nil // somebody was quicker
	}
	f.mu.Unlock()
	if was != nil {
		was.Close()
	}
}

// Passage is how the passing on of one stream stands.
type Passage struct {
	Stream  string
	Waiting uint64    // messages that the cluster does not have yet
	Oldest  time.Time // when the oldest of them was stored; zero: none waits
	// Away is since when the cluster has been taking nothing, and Why the reason; zero
	// while it does, and where another process passes on.
	Away time.Time
	Why  error
}

// Standing is how all of it stands: what was accepted first, what was refused second.
func (f *Forward) Standing(ctx context.Context) ([]Passage, error) {
	all, err := f.edge.Passages(ctx)
	for i := range all {
		all[i].Away, all[i].Why = f.lanes[i].state()
	}
	return all, err
}

// Passages is what [Forward.Standing] says of an edge from which another process may
// be passing on.
func (b *Bus) Passages(ctx context.Context) ([]Passage, error) {
	var out []Passage
	for _, name := range []string{streamRaw, streamRefused} {
		seq, err := b.passed(ctx, name)
		if err != nil {
			return nil, err
		}
		s, err := b.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
		state := s.CachedInfo().State
		p := Passage{Stream: name, Waiting: state.LastSeq - min(seq, state.LastSeq)}
		if p.Waiting = min(p.Waiting, state.Msgs); p.Waiting > 0 {
			p.Oldest, _ = b.firstAfter(ctx, name, ">", seq+1)
		}
		out = append(out, p)
	}
	return out, nil
}

// Passed counts what was passed on since the process started; known are those that the
// cluster had already. Messages of a batch that another try had stored count as such.
func (f *Forward) Passed() (fresh, known uint64) {
	for _, l := range f.lanes {
		fresh, known = fresh+l.fresh.Load(), known+l.known.Load()
	}
	return fresh, known
}

// report writes to the log how many wait, while any do.
func (f *Forward) report(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	waited := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		all, err := f.Standing(ctx)
		if err != nil {
			if ctx.Err() == nil {
				f.log.Warn("how many deliveries wait for the cluster is not known", "error", err)
			}
			continue
		}
		raws, refused := all[0], all[1]
		switch {
		case !raws.Away.IsZero():
			f.log.Warn("deliveries wait here for the cluster", "waiting", raws.Waiting, "refused", refused.Waiting, "oldest", stamp(raws.Oldest), "away", time.Since(raws.Away).Round(time.Second), "error", raws.Why)
			waited = true
		case raws.Waiting > 0 && time.Since(raws.Oldest) > every/2:
			f.log.Info("deliveries are passed on to the cluster", "waiting", raws.Waiting, "oldest", stamp(raws.Oldest))
			waited = true
		case waited:
			f.log.Info("everything that waited was passed on to the cluster")
			waited = false
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// wait lets a pause pass, or less when the connection to the cluster comes back.
func (f *Forward) wait(ctx context.Context, tries int) {
	d := forwardMost
	if tries < 8 {
		d = min(d, forwardFirst<<tries)
	}
	f.mu.Lock()
	b := f.cluster
	f.mu.Unlock()
	var back <-chan struct{} // never, without a connection that could
	if b != nil && !b.Connected() {
		_, back = b.links.now()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-back:
	case <-ctx.Done():
	}
}
