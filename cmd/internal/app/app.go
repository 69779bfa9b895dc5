// Package app wires everything together and runs it: configuration to sources,
// transforms, sinks, streams and listeners. It decides nothing about a record.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
	"mekong/pipeline/console"
	"mekong/pipeline/serve"
	"mekong/pipeline/trace"
	"mekong/pipeline/worker"
	"mekong/sinks"
	"mekong/sinks/larkchat"
	"mekong/sinks/mongodb"
	mongolocal "mekong/sinks/mongodb/local"
	"mekong/sources"
	"mekong/transform"
)

// The roles a process may take; none named is all of them.
const (
	RoleIntake    = "intake"
	RoleTransform = "transform"
	RoleDeliver   = "deliver"
	RoleConsole   = "console"
)

// Roles are all of them.
var Roles = []string{RoleIntake, RoleTransform, RoleDeliver, RoleConsole}

// Options says which part of a configuration this process runs.
type Options struct {
	Only       []string // roles; empty: all
	Sinks      []string // sinks that the deliver role serves; empty: all
	Production bool     // refuse what is only fit for trying out
	Logger     *slog.Logger
	// Silence is how long a worker that says nothing keeps what it holds, and a single
	// writer its place, before another takes over; 0: 60 and 90 seconds, beside an
	// embedded NATS 10.
	Silence time.Duration
	// Listen opens where a role listens, [RoleIntake] or [RoleConsole]; nil: listeners that
	// end with the App. Whoever gives entrances that outlive it wants nobody turned away
	// at a stop: door and console then go on until nothing else holds it up.
	Listen func(role, addr string) (serve.Entrance, error)
	// Standing keeps the embedded NATS server for the next App of the process; nil: it
	// ends with this one.
	Standing *Standing
	// MongoDB is an embedded server that another process runs, for sinks without an
	// address; nil starts one in this process.
	MongoDB *mongodb.Options
	// Wrap puts something around a sink, for whoever wants to watch or disturb
	// what it does; nil leaves all as they are.
	Wrap func(name string, s pipeline.Sink) pipeline.Sink
}

// App is one process of Mekong. Make it with New, run it once with Run, and
// close it in any case.
type App struct {
	Bus     *bus.Bus
	Ledger  *bus.Ledger
	Sinks   []sinks.Opened
	Sources *sources.Opened
	Console *console.Console // nil without the role
	Trace   *trace.Index     // nil without the role console

	config   *config.Config
	opts     Options
	log      *slog.Logger
	registry *prometheus.Registry
	nats     *local.Server      // nil with an external one, but for a gateway
	forward  *bus.Forward       // nil but for a gateway
	mongo    *mongolocal.Server // nil until a sink wants it
	delivers []*worker.Deliver
	measured *worker.Metrics      // of all delivers; nil without the role
	pauses   *pauses              // nil without the roles deliver and console
	larks    *larks               // nil without a sink of Lark
	watched  *vendors             // nil without a sink that has a vendor
	notifier *larkchat.Notifier   // nil when nobody is to be told
	door     *prometheus.Registry // of the door's metrics alone; nil without the role
	tracing  *tracing             // nil when nothing is traced
	link     link                 // into the console
	undo     []func()             // in order of making; Close runs it backwards
}

// New opens everything but starts nothing. After an error nothing stays open.
func New(ctx context.Context, c *config.Config, o Options) (a *App, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, role := range o.Only {
		if !slices.Contains(Roles, role) {
			return nil, fmt.Errorf("there is no role %q; the roles are %s", role, strings.Join(Roles, ", "))
		}
	}
	a = &App{config: c, opts: o, log: o.Logger, registry: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			a.Close()
			a = nil
		}
	}()
	if problems := Compile(c); len(problems) > 0 {
		return a, problems
	}
	if o.Production {
		if err := fitForProduction(c); err != nil {
			return a, err
		}
	}
	if problems := gatewayProblems(c, o); len(problems) > 0 {
		return a, problems
	}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := a.openTracing(ctx); err != nil {
		return a, err
	}
	openBus := a.openBus
	if c.NATS.Gateway {
		openBus = a.openGateway
	}
	if err := openBus(ctx); err != nil {
		return a, err
	}
	if dir := a.leftByGateway(); dir != "" {
		a.log.Warn("this was a gateway: what it did not pass on waits, and nobody passes it on; set nats.gateway again until mekong doctor says that nothing waits, then delete the folder", "folder", dir)
	}
	a.Ledger = a.Bus.NewLedger()
	if a.has(RoleDeliver) || a.has(RoleConsole) {
		if a.pauses, err = openPauses(ctx, a.Bus); err != nil {
			return a, err
		}
	}
	if a.has(RoleIntake) {
		if err := a.openSources(ctx); err != nil {
			return a, err
		}
	}
	if a.has(RoleDeliver) {
		if err := a.openSinks(ctx); err != nil {
			return a, err
		}
		if len(o.Sinks) == 0 {
			if err := a.openAnswers(ctx); err != nil {
				return a, err
			}
		}
	}
	a.traceAll()
	if c.Notices.On() && (a.has(RoleDeliver) || a.has(RoleTransform)) {
		if a.notifier, err = openNotifier(c); err != nil {
			return a, err
		}
		a.later(a.notifier.Close)
	}
	if a.has(RoleConsole) {
		a.openTrace()
		if err := a.openConsole(); err != nil {
			return a, err
		}
	}
	if a.forward != nil {
		a.openProbes()
	}
	return a, nil
}

func (a *App) has(role string) bool {
	return len(a.opts.Only) == 0 || slices.Contains(a.opts.Only, role)
}

// listenAs is how a role listens; nil: as whoever listens likes.
func (a *App) listenAs(role string) func(addr string) (serve.Entrance, error) {
	if a.opts.Listen == nil {
		return nil
	}
	return func(addr string) (serve.Entrance, error) { return a.opts.Listen(role, addr) }
}

// later registers a clean-up.
func (a *App) later(f func()) { a.undo = append(a.undo, f) }

// Close undoes New, last things first. It may be called more than once.
func (a *App) Close() {
	for len(a.undo) > 0 {
		last := len(a.undo) - 1
		f := a.undo[last]
		a.undo = a.undo[:last]
		f()
	}
}

func (a *App) openSinks(ctx context.Context) (err error) {
	o := sinks.Options{LocalMongoDB: func() (mongodb.Options, error) { return a.localMongoDB(ctx) }}
	if err := a.openLarks(ctx, &o); err != nil {
		return err
	}
	if err := a.openGoogles(ctx, &o); err != nil {
		return err
	}
	a.Sinks, err = sinks.Open(a.config, a.opts.Sinks, o)
	if err != nil {
		return err
	}
	for i := range a.Sinks {
		s := &a.Sinks[i]
		if a.opts.Wrap != nil {
			s.Sink = a.opts.Wrap(s.Name, s.Sink)
		}
		a.later(func() { _ = s.Sink.Close() })
	}
	if err := a.indexMongoDB(ctx); err != nil {
		return err
	}
	a.measured = worker.NewMetrics(a.registry)
	for _, s := range a.Sinks {
		d := &worker.Deliver{
			Bus: a.Bus, Name: s.Name, Sink: s.Sink, Limits: s.Limits, Accept: s.Config.Accept, Pace: s.Pace, Paused: a.pauses.of(s.Name),
			MaxAttempts: s.Config.MaxAttempts, Grace: a.config.ShutdownGrace, AckWait: a.ackWait(), PinnedTTL: a.opts.Silence, Log: a.log, Metrics: a.measured,
		}
		if s.Config.Where != "" {
			where, err := transform.Where(s.Config.Where)
			if err != nil {
				return fmt.Errorf("sinks.%s.where: %w", s.Name, err)
			}
			d.Where = where
		}
		a.measured.Watch(d)
		a.delivers = append(a.delivers, d)
	}
	a.watchBalance()
	return nil
}

// localMongoDB starts the embedded server once, for whichever sinks want it.
func (a *App) localMongoDB(ctx context.Context) (mongodb.Options, error) {
	if a.opts.MongoDB != nil {
		return *a.opts.MongoDB, nil
	}
	if a.mongo == nil {
		s, err := mongolocal.Start(ctx, filepath.Join(a.config.DataDir, "mongodb"))
		if err != nil {
			return mongodb.Options{}, err
		}
		a.mongo = s
		a.later(func() { _ = s.Close() })
	}
	return mongodb.Options{URI: a.mongo.URI(), MaxUpdates: mongolocal.MaxUpdates, Writers: mongolocal.Writers, Alone: true}, nil
}

// Run works until ctx ends or a part fails for good. A stop lets what is in
// hand finish, for shutdown_grace at most.
func (a *App) Run(ctx context.Context) error {
	a.log.Info("Mekong is running", "durability", a.Bus.Durability().String())
	var gone *suppression
	if a.has(RoleTransform) {
		var err error
		if gone, err = openSuppression(ctx, a.Bus, a.config.DataDir); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	a.tracing.stopped(ctx)
	if a.forward != nil {
		g.Go(func() error { return a.forward.Run(ctx) })
	} else {
		g.Go(func() error { return a.Ledger.Run(ctx) })
	}
	g.Go(func() error { return a.Bus.Janitor(ctx) })
	if a.nats != nil {
		g.Go(func() error { return a.heal(ctx) })
	}
	if a.pauses != nil {
		g.Go(func() error { return a.pauses.follow(ctx, a.log) })
	}
	var working sync.WaitGroup
	work := func(run func(context.Context) error) {
		working.Add(1)
		g.Go(func() error { defer working.Done(); return run(ctx) })
	}
	var t *worker.Transform
	if a.has(RoleTransform) {
		of, err := transforms(a.config)
		if err != nil {
			return err
		}
		g.Go(func() error { return gone.follow(ctx, a.log) })
		t = &worker.Transform{Bus: a.Bus, Of: of, AckWait: a.ackWait(), Log: a.log, Metrics: worker.NewTransformMetrics(a.registry), Forgotten: gone.Has, Tracer: a.tracer()}
		work(t.Run)
	}
	for _, d := range a.delivers {
		work(d.Run)
	}
	open := ctx // for whom leads and operators come to
	if a.opts.Listen != nil {
		var shut context.CancelFunc
		open, shut = context.WithCancel(context.WithoutCancel(ctx))
		g.Go(func() error { <-ctx.Done(); working.Wait(); shut(); return nil })
	}
	if a.larks != nil && len(a.larks.sessions) > 0 {
		g.Go(func() error { return a.larks.keep(ctx, keepEvery, keepAgain, a.log) })
	}
	if a.notifier != nil {
		n := a.newNotices(t)
		g.Go(func() error { return n.run(ctx, noticesEvery) })
	}
	if a.Sources != nil && a.Sources.Door != nil {
		g.Go(func() error { return a.Sources.Door.Run(open, a.Bus.Emit) })
	}
	if a.Sources != nil {
		for _, s := range a.Sources.Runs {
			g.Go(func() error { return s.Run(ctx, a.Bus.Emit) })
		}
	}
	if a.Console != nil {
		g.Go(func() error { return a.Console.Run(open) })
	}
	if a.Trace != nil {
		g.Go(func() error { return a.Trace.Run(ctx) })
	}
	if len(a.Sinks) > 0 {
		g.Go(func() error { return a.reportBalance(ctx) })
	}
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// ackWait is how long a queue waits for a silent worker; 0 is the worker's own
// choice. With the embedded NATS there are no workers but ours. What they are
// silent about was lost with a crash or a connection, and need not wait long.
func (a *App) ackWait() time.Duration {
	if a.opts.Silence > 0 {
		return a.opts.Silence
	}
	if a.nats != nil {
		return 10 * time.Second
	}
	return 0
}

// Ready says what keeps this process from taking leads in.
func (a *App) Ready(context.Context) error {
	if !a.Bus.Connected() {
		return errors.New("NATS is not connected")
	}
	if a.nats != nil {
		if err := a.nats.Healthy(); err != nil {
			return err
		}
	}
	return a.Bus.Room()
}

// transforms finds the transform of a delivery: its source's, or, where the
// source is no longer configured, the built-in one of its format.
func transforms(c *config.Config) (func(pipeline.Raw) pipeline.Transform, error) {
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return nil, fmt.Errorf("timezone: %w", err)
	}
	bySource := map[string]pipeline.Transform{}
	for _, name := range c.SourceNames() {
		var m *config.Mapping
		if conf, ok := c.Transform[name]; ok {
			m = &conf
		}
		if bySource[name], err = transform.New(name, m, zone); err != nil {
			return nil, fmt.Errorf("transform.%s: %w", name, err)
		}
	}
	builtIn, err := transform.New("", nil, zone)
	if err != nil {
		return nil, err
	}
	return func(r pipeline.Raw) pipeline.Transform {
		if t, ok := bySource[r.Source]; ok {
			return t
		}
		return builtIn
	}, nil
}
