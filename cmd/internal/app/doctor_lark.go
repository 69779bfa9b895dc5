package app

import (
	"context"
	"errors"
	"os"
	"slices"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/sinks"
)

// errNoNATS means that there is nothing to read yet.
var errNoNATS = errors.New("the embedded NATS is made at the first start")

// server starts the embedded NATS once, for whatever is looked at, where it was made
// before and nobody has it open. With an external one it does nothing.
func (e *examination) server(ctx context.Context) error {
	e.natsMu.Lock()
	defer e.natsMu.Unlock()
	return e.startServer(ctx)
}

func (e *examination) startServer(ctx context.Context) error {
	switch {
	case e.over:
		return context.Canceled
	case e.app != nil:
		return e.serverErr
	}
	e.app = &App{config: e.c, log: e.log}
	if e.c.NATS.URL == "" {
		if _, err := os.Stat(e.app.natsDir()); errors.Is(err, os.ErrNotExist) {
			e.serverErr = errNoNATS
			return e.serverErr
		}
	}
	e.serverErr = e.app.startNATS(ctx, "") // no listener: nobody is to come in
	return e.serverErr
}

// bus opens the bus once, with a mekong that is running, too. The caller holds natsMu.
func (e *examination) bus(ctx context.Context) (*bus.Bus, error) {
	err := e.startServer(ctx)
	switch {
	case e.over:
		return nil, err
	case e.busTried:
		return e.app.Bus, e.busErr
	case natsInUse(err):
		err = e.app.visitBus(ctx)
	case err == nil:
		err = e.app.connectBus(ctx)
	}
	e.busTried, e.busErr = true, err
	return e.app.Bus, err
}

// shared opens once what the Lark sinks share.
func (e *examination) shared(ctx context.Context) (*larks, error) {
	e.natsMu.Lock()
	defer e.natsMu.Unlock()
	if e.larks != nil || e.larksErr != nil {
		return e.larks, e.larksErr
	}
	b, err := e.bus(ctx)
	if err == nil {
		e.larks, err = peekLarks(ctx, e.c, b, e.c.SinkNames())
	}
	e.larksErr = err
	return e.larks, err
}

func (e *examination) closeNATS() {
	e.natsMu.Lock()
	defer e.natsMu.Unlock()
	e.over = true
	if e.larks != nil {
		e.larks.close(e.log)
		e.larks = nil
	}
	if e.app != nil {
		e.app.Close()
	}
}

// larkBase fills o with what a sink that writes to a Base is looked at with: what it
// remembers of its columns, and the sign-in of the person it writes as. goOn is false
// when nothing more can be told of the sink than found.
func (e *examination) larkBase(ctx context.Context, name string, o *sinks.Options) (found []pipeline.Finding, goOn bool) {
	user := e.c.Sinks[name].LarkBase.Identity == config.IdentityUser
	setting := identitySetting(name)
	l, err := e.shared(ctx)
	switch {
	case err == nil:
		o.LarkBase = l.base
	case user:
		return []pipeline.Finding{unseen(ctx, err, setting, larkLogin(name))}, false
	default:
		return forgotten(err, config.Path("sinks", name, "larkbase", "columns"), "what is remembered of renamed columns"), true
	}
	if s := l.sessions[name]; s != nil {
		found = s.Findings(ctx, setting, larkLogin(name))
	}
	return found, !broken(found)
}

// unseen is for a sign-in that could not be looked at.
func unseen(ctx context.Context, err error, setting, login string) pipeline.Finding {
	switch {
	case errors.Is(err, errNoNATS):
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "nobody has signed in yet", Fix: "sign in: " + login}
	case ctx.Err() != nil:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the sign-in could not be read in time", Fix: "run the doctor again"}
	}
	return pipeline.Finding{
		Level: pipeline.Warn, Setting: setting, What: "the sign-in cannot be looked at, so neither can what it may do: " + err.Error(), Fix: "mend that, and run the doctor again",
	}
}

// forgotten is for a memory that could not be read. One that nobody has made yet
// lacks nothing.
func forgotten(err error, setting, what string) []pipeline.Finding {
	if errors.Is(err, errNoNATS) {
		return nil
	}
	return []pipeline.Finding{{Setting: setting, What: "looked at without " + what + ": " + err.Error()}}
}

func broken(found []pipeline.Finding) bool {
	return slices.ContainsFunc(found, func(f pipeline.Finding) bool { return f.Level == pipeline.Fail })
}

// notices sees whether the group where operators are told can be reached.
func (e *examination) notices(ctx context.Context) []pipeline.Finding {
	n, err := openNotifier(e.c)
	if err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "notices", What: err.Error(), Fix: "correct the setting that is named"}}
	}
	defer n.Close()
	return n.Check(ctx)
}
