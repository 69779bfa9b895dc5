package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
	"mekong/sinks"
	"mekong/sinks/mongodb"
	mongolocal "mekong/sinks/mongodb/local"
)

// DoctorOptions says what to look at.
type DoctorOptions struct {
	Sinks  []string // only these; empty: all of them, the sources, NATS and the machine
	Write  bool     // prove that a sink can be written to, where the adapter knows how
	Logger *slog.Logger
}

// How long checks may take that do more than ask a question.
const (
	natsTimeout  = 45 * time.Second // a large store takes seconds to read back
	proveTimeout = time.Minute
	mongoTimeout = 30 * time.Second // the embedded one is started for it
	// scriptTimeout is for one run of a script, which waits for those of others.
	scriptTimeout = 45 * time.Second
)

// examination is what the checks of one run share.
type examination struct {
	c   *config.Config
	log *slog.Logger

	mu     sync.Mutex
	mongo  *mongolocal.Server
	closed bool

	natsMu    sync.Mutex
	app       *App // has NATS, once it was looked for
	serverErr error
	busTried  bool
	busErr    error
	larks     *larks
	larksErr  error
	googles   *googles
	googleErr error
	over      bool
}

// Checks makes the checks of a configuration that is in order (see [Compile]); done
// closes what they share, once they have run. The workers are not started, so a
// mekong may be running on the same configuration; what only one process can have
// open is then told of and left out.
func Checks(c *config.Config, o DoctorOptions) (checks []doctor.Check, done func(), err error) {
	for _, name := range o.Sinks {
		if _, ok := c.Sinks[name]; !ok {
			return nil, nil, fmt.Errorf("there is no sink %q in the configuration", name)
		}
	}
	e := &examination{c: c, log: o.Logger}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	names := slices.Compact(slices.Sorted(slices.Values(o.Sinks)))
	if len(names) == 0 {
		names = c.SinkNames()
		checks = append(checks,
			doctor.Check{Group: "machine", Setting: "data_dir", Run: e.folder},
			doctor.Check{Group: "machine", Setting: "clock", Run: e.clock},
			doctor.Check{Group: "nats", Setting: "nats", Timeout: natsTimeout, Run: e.nats})
		if len(c.Sources) == 0 {
			checks = append(checks, nothing("sources", "there is no source, so nothing can come in", "mekong init writes one; mekong config example shows all there are"))
		}
		if len(c.Sinks) == 0 && !c.NATS.Gateway {
			checks = append(checks, nothing("sinks", "there is no sink, so nothing goes anywhere", "write one under sinks, or: mekong connect lark URL"))
		}
		if c.Notices.On() {
			checks = append(checks, doctor.Check{Group: "notices", Setting: "notices", Run: e.notices})
		}
		for _, name := range c.SourceNames() {
			checks = append(checks, doctor.Check{
				Group: "source " + name, Setting: config.Path("sources", name),
				Run: func(ctx context.Context) []pipeline.Finding { return e.source(ctx, name) },
			})
		}
	}
	for _, name := range names {
		check := doctor.Check{
			Group: "sink " + name, Setting: config.Path("sinks", name),
			Run: func(ctx context.Context) []pipeline.Finding { return e.sink(ctx, name, o.Write) },
		}
		switch s := c.Sinks[name]; {
		case s.MongoDB != nil:
			check.Timeout = mongoTimeout
		case s.LarkBase != nil, s.Sheets != nil:
			check.Timeout = natsTimeout
		case s.AppsScript != nil:
			check.Timeout = scriptTimeout
		}
		if o.Write {
			check.Timeout = proveTimeout
		}
		checks = append(checks, check)
	}
	return checks, e.close, nil
}

func nothing(setting, what, fix string) doctor.Check {
	return doctor.Check{Group: setting, Setting: setting, Run: func(context.Context) []pipeline.Finding {
		return []pipeline.Finding{{Level: pipeline.Warn, Setting: setting, What: what, Fix: fix}}
	}}
}

// Why the embedded MongoDB is not looked at.
var (
	errNotYet = errors.New("the embedded MongoDB is made at the first start")
	errBusy   = errors.New("a mekong is running and has the embedded MongoDB open, which only one process can")
)

// sink asks a sink, opened for it alone, what it has to say.
func (e *examination) sink(ctx context.Context, name string, write bool) []pipeline.Finding {
	setting := config.Path("sinks", name)
	o := sinks.Options{LocalMongoDB: func() (mongodb.Options, error) { return e.localMongoDB(ctx) }}
	var found []pipeline.Finding
	goOn := true
	switch s := e.c.Sinks[name]; {
	case s.LarkBase != nil:
		found, goOn = e.larkBase(ctx, name, &o)
	case s.Sheets != nil:
		found, goOn = e.sheets(ctx, name, &o)
	}
	if !goOn {
		return found
	}
	opened, err := sinks.Open(e.c, []string{name}, o)
	switch {
	case errors.Is(err, errNotYet), errors.Is(err, errBusy):
		why := errNotYet
		if errors.Is(err, errBusy) {
			why = errBusy
		}
		return []pipeline.Finding{{Setting: setting, What: why.Error()}}
	case err != nil:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: err.Error(), Fix: "correct the setting that is named"}}
	}
	s := opened[0]
	defer func() { _ = s.Sink.Close() }() // nothing was written that could be lost
	found = once(found, s.Sink.Check(ctx))
	if !write {
		return found
	}
	return append(found, prove(ctx, s, setting, found)...)
}

// once adds findings. What is under the path of the sink's block, the clock, may have
// been told already by who gets the tokens.
func once(found, more []pipeline.Finding) []pipeline.Finding {
	told := len(found)
	for _, f := range more {
		same := func(o pipeline.Finding) bool {
			return o.Setting == f.Setting && o.Level == f.Level && f.Level == pipeline.Warn
		}
		if !slices.ContainsFunc(found[:told], same) {
			found = append(found, f)
		}
	}
	return found
}

// localMongoDB starts the embedded server once, for whichever sinks are looked at,
// where it was made before and nobody has it open.
func (e *examination) localMongoDB(ctx context.Context) (mongodb.Options, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	dir := filepath.Join(e.c.DataDir, "mongodb")
	switch _, err := os.Stat(dir); {
	case e.closed:
		return mongodb.Options{}, context.Canceled
	case errors.Is(err, os.ErrNotExist):
		return mongodb.Options{}, errNotYet
	}
	if e.mongo == nil {
		s, err := mongolocal.Start(ctx, dir)
		if errors.Is(err, mongolocal.ErrInUse) {
			return mongodb.Options{}, errBusy
		}
		if err != nil {
			return mongodb.Options{}, err
		}
		e.mongo = s
	}
	return mongodb.Options{URI: e.mongo.URI(), MaxUpdates: mongolocal.MaxUpdates, Writers: mongolocal.Writers, Alone: true}, nil
}

func (e *examination) close() {
	e.closeNATS()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.mongo != nil {
		_ = e.mongo.Close()
		e.mongo = nil
	}
}
