package app

import (
	"context"
	"errors"
	"os"
	"slices"

	"mekong/config"
	"mekong/pipeline"
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

// shared opens once what the Lark sinks share, with a mekong that is running, too.
func (e *examination) shared(ctx context.Context) (*larks, error) {
	e.natsMu.Lock()
	defer e.natsMu.Unlock()
	err := e.startServer(ctx)
	if e.larks != nil || e.larksErr != nil {
		return e.larks, e.larksErr
	}
	switch {
	case natsInUse(err):
		err = e.app.visitBus(ctx)
	case err == nil:
		err = e.app.connectBus(ctx)
	}
	if err == nil {
		e.larks, err = peekLarks(ctx, e.c, e.app.Bus, e.c.SinkNames())
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
	case user && errors.Is(err, errNoNATS):
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: "nobody has signed in yet", Fix: "sign in: " + larkLogin(name)}}, false
	case user && ctx.Err() == nil:
		return []pipeline.Finding{{
			Level: pipeline.Warn, Setting: setting, What: "the sign-in cannot be looked at, so neither can what it may do: " + err.Error(), Fix: "mend that, and run the doctor again",
		}}, false
	case user:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: "the sign-in could not be read in time", Fix: "run the doctor again"}}, false
	case errors.Is(err, errNoNATS):
		return nil, true // there is nothing to remember
	default:
		return []pipeline.Finding{{
			Setting: config.Path("sinks", name, "larkbase", "columns"),
			What:    "looked at without what is remembered of renamed columns: " + err.Error(),
		}}, true
	}
	if s := l.sessions[name]; s != nil {
		found = s.Findings(ctx, setting, larkLogin(name))
	}
	broken := slices.ContainsFunc(found, func(f pipeline.Finding) bool { return f.Level == pipeline.Fail })
	return found, !broken
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
