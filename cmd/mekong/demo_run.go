package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"mekong/cmd/internal/app"
	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// demoRun is a demo while it runs.
type demoRun struct {
	opts    demoOptions
	app     *app.App
	far     *app.FarEnd
	lark    *simulatedBase
	watch   *watch // of MongoDB's sink
	inBase  *watch // of the Base's
	traffic *traffic
	page    *demoPage
	screen  *screen
	before  reading
}

const (
	// seedMost bounds the collection whose latest rows the page shows at start:
	// the embedded server reads all of it to find them.
	seedMost = 20_000
	// countWait bounds the last count, of some millions of documents.
	countWait = 10 * time.Minute
)

// runDemo opens everything, runs it, and closes it again.
func runDemo(ctx context.Context, o demoOptions, dir string, log *slog.Logger, screen *screen) (*account, error) {
	d := &demoRun{opts: o, watch: newWatch(), inBase: newWatch(), screen: screen}
	screen.hint("starting …")
	page, err := listen(o.page, "page")
	if err != nil {
		return nil, err
	}
	defer page.Close()
	if d.lark, err = openLark(o.lark); err != nil {
		return nil, err
	}
	defer d.lark.close()
	conf, err := demoConfig(dir, o, d.lark)
	if err != nil {
		return nil, err
	}
	d.app, err = app.New(ctx, conf, app.Options{Logger: log, Wrap: d.wrap})
	if err != nil {
		return nil, o.explain(err)
	}
	defer d.app.Close()
	if d.far, err = d.app.FarEnd(demoSink); err != nil {
		return nil, err
	}
	defer func() { _ = d.far.Close() }() // it has only read
	if d.before, err = d.read(ctx); err != nil {
		return nil, err
	}
	if n := d.before.documents; n > 0 && n <= seedMost {
		old, err := d.far.Recent(ctx, recentMost)
		if err != nil {
			return nil, err
		}
		for i := range old {
			d.watch.remember(old[len(old)-1-i].Key)
		}
	}
	l := conf.Sources[demoSource].LadiPage
	door := d.app.Sources.Door.Addr()
	d.traffic = newTraffic("http://"+reachable(door.String())+l.Path, l.Token.Reveal(), o.rate, d.watch, d.inBase)
	d.page = &demoPage{listener: page, door: door, path: l.Path, base: d.lark.listener.Addr(), basePath: d.lark.path(), token: l.Token.Reveal(), run: d, log: log}
	d.announce(dir)
	return d.run(ctx)
}

// run sends, waits until nothing is waiting, stops everything, and reads what
// has become of it while nothing moves.
func (d *demoRun) run(ctx context.Context) (*account, error) {
	// A stop must not cut off what is in hand, so the parts live until all has
	// been settled.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, life := errgroup.WithContext(life)
	g.Go(func() error { return d.app.Run(life) })
	g.Go(func() error { return d.page.serve(life) })
	g.Go(func() error { return d.lark.watch(life) })
	g.Go(func() error { d.report(life); return nil })

	sending, halt := context.WithCancel(ctx)
	defer halt()
	defer context.AfterFunc(life, halt)() // a part that fails ends the demo
	d.traffic.run(sending, d.opts.length)
	limit := d.opts.drain
	if ctx.Err() != nil {
		limit = min(limit, 5*time.Second) // somebody is waiting at the keyboard
	}
	d.screen.phase("waiting until everything is stored")
	d.drain(life, limit)
	_, held := d.app.Held(demoSink)
	_, heldBase := d.app.Held(demoBase)
	d.traffic.close()
	d.screen.phase("stopping")
	stop()
	if err := g.Wait(); err != nil {
		return nil, err
	}
	// The run is over, and what it left must be counted whoever hangs up.
	d.screen.hint("counting the documents …")
	rest, done := context.WithTimeout(context.WithoutCancel(ctx), countWait)
	defer done()
	after, err := d.read(rest)
	if err != nil {
		return nil, err
	}
	return d.settle(after, held, heldBase), nil
}

// drain returns once nothing waits, or after limit.
func (d *demoRun) drain(ctx context.Context, limit time.Duration) {
	ctx, done := context.WithTimeout(ctx, limit)
	defer done()
	for {
		lines, err := d.app.Balance(ctx)
		unsettled := func(b bus.Balance) bool { return b.Waiting != 0 || b.Missing != 0 }
		if err == nil && !slices.ContainsFunc(lines, unsettled) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// wrap watches a sink, and in a test disturbs it.
func (d *demoRun) wrap(name string, s pipeline.Sink) pipeline.Sink {
	if d.opts.wrap != nil {
		s = d.opts.wrap(name, s)
	}
	if name == demoBase {
		return watched{s, d.inBase}
	}
	return watched{s, d.watch}
}
