package main

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// demoRun is a demo while it runs.
type demoRun struct {
	opts  demoOptions
	app   *app.App
	began time.Time
	far   *app.FarEnd // leads in MongoDB

	farChats *app.FarEnd // and what was said
	lark     *simulatedBase
	google   *simulatedSheet
	places   []place
	watch    *watch // of MongoDB's sink of leads
	inBase   *watch // of the Base's
	inSheet  *watch // of the spreadsheet's
	traffic  *traffic
	chats    *chatLog
	chatter  *chatter
	desk     *chatDesk
	page     *demoPage
	screen   *screen
	before   reading
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
	d := &demoRun{opts: o, began: time.Now(), watch: newWatch(), inBase: newWatch(), inSheet: newWatch(), screen: screen}
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
	if d.google, err = openGoogle(o.google, o.data != ""); err != nil {
		return nil, err
	}
	defer d.google.close()
	conf, err := demoConfig(dir, o, d.lark, d.google, page.Addr())
	if err != nil {
		return nil, err
	}
	d.chats = newChatLog(conf.Sources[demoChat].ChatLog.Token.Reveal())
	d.desk = newChatDesk(d.chats)
	d.app, err = app.New(ctx, conf, app.Options{Logger: log, Wrap: d.wrap})
	if err != nil {
		return nil, o.explain(err)
	}
	defer d.app.Close()
	if d.far, err = d.app.FarEnd(demoSink); err != nil {
		return nil, err
	}
	defer func() { _ = d.far.Close() }() // it has only read
	if d.farChats, err = d.app.FarEnd(demoChats); err != nil {
		return nil, err
	}
	defer func() { _ = d.farChats.Close() }()
	d.openPlaces()
	if d.before, err = d.read(ctx); err != nil {
		return nil, err
	}
	if n := d.before[demoSink].rows; n > 0 && n <= seedMost {
		old, err := d.far.Recent(ctx, recentMost)
		if err != nil {
			return nil, err
		}
		for i := range old {
			d.watch.remember(old[len(old)-1-i].Key)
		}
	}
	d.connect(conf, page, log)
	d.announce(dir)
	return d.run(ctx)
}

// connect tells everybody where the door turned out to be.
func (d *demoRun) connect(conf *config.Config, page net.Listener, log *slog.Logger) {
	l, bot := conf.Sources[demoSource].LadiPage, conf.Sources[demoBot].LarkBot
	addr := d.app.Sources.Door.Addr()
	door := "http://" + reachable(addr.String())
	d.traffic = newTraffic(door+l.Path, l.Token.Reveal(), d.opts.rate, d.watch, d.inBase, d.inSheet)
	d.chats.url = door + conf.Sources[demoChat].ChatLog.Path
	d.desk.far = d.farChats
	d.chatter = newChatter(d.chats, d.opts.rate)
	d.lark.openChat(door+bot.Path, bot.VerificationToken.Reveal(), bot.EncryptKey.Reveal())
	d.page = &demoPage{listener: page, door: addr, lark: d.lark, google: d.google, desk: d.desk, path: l.Path, token: l.Token.Reveal(), run: d, log: log}
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
	g.Go(func() error { return d.google.watch(life) })
	g.Go(func() error { d.report(life); return nil })

	sending, halt := context.WithCancel(ctx)
	defer halt()
	defer context.AfterFunc(life, halt)() // a part that fails ends the demo
	var talking sync.WaitGroup
	talking.Go(func() { d.chatter.run(sending, d.opts.length) })
	d.traffic.run(sending, d.opts.length)
	halt()
	talking.Wait()
	limit := d.opts.drain
	if ctx.Err() != nil {
		limit = min(limit, 5*time.Second) // somebody is waiting at the keyboard
	}
	d.screen.phase("waiting until everything is stored")
	d.drain(life, limit)
	held := map[string]string{}
	for _, p := range d.places {
		_, held[p.sink] = d.app.Held(p.sink)
	}
	d.traffic.close()
	d.chats.client.CloseIdleConnections()
	d.screen.phase("stopping")
	stop()
	if err := g.Wait(); err != nil {
		return nil, err
	}
	// The run is over, and what it left must be counted whoever hangs up.
	d.screen.hint("counting the documents …")
	rest, done := context.WithTimeout(context.WithoutCancel(ctx), countWait)
	defer done()
	return d.settle(rest, held)
}

// drain returns once nothing waits, no answer of the chatbot either, or after limit.
func (d *demoRun) drain(ctx context.Context, limit time.Duration) {
	ctx, done := context.WithTimeout(ctx, limit)
	defer done()
	for {
		lines, err := d.app.Balance(ctx)
		unsettled := func(b bus.Balance) bool { return b.Waiting != 0 || b.Missing != 0 }
		if err == nil && !slices.ContainsFunc(lines, unsettled) {
			if n, _, err := d.app.Bus.Backlog(ctx); err == nil && n == 0 {
				return
			}
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
	switch name {
	case demoSink:
		return watched{s, d.watch}
	case demoBase:
		return watched{s, d.inBase}
	case demoSheet:
		return watched{s, d.inSheet}
	case demoChats:
		return overheard{s, d.desk}
	}
	return s
}
