package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"mekong/config"
	"mekong/sinks"
	"mekong/sinks/mongodb"
	mongolocal "mekong/sinks/mongodb/local"
)

// Visit opens one sink for a command that reads from it, beside a mekong that may be
// running on the same configuration. done closes it.
func Visit(ctx context.Context, c *config.Config, sink string) (s sinks.Opened, done func(), err error) {
	if _, ok := c.Sinks[sink]; !ok {
		return s, nil, fmt.Errorf("there is no sink %q; there are: %s", sink, strings.Join(c.SinkNames(), ", "))
	}
	v := &App{config: c, log: slog.New(slog.DiscardHandler)}
	o := sinks.Options{LocalMongoDB: func() (mongodb.Options, error) { return v.visitMongoDB(ctx) }}
	if err = v.peek(ctx, sink, &o); err != nil {
		v.Close()
		return s, nil, err
	}
	opened, err := sinks.Open(c, []string{sink}, o)
	if err != nil {
		v.Close()
		return s, nil, err
	}
	v.later(func() { _ = opened[0].Sink.Close() })
	return opened[0], v.Close, nil
}

// peek fills o with what a sink has in the bus, which is read and not written to: what
// it remembers, and a person's sign-in.
func (a *App) peek(ctx context.Context, sink string, o *sinks.Options) error {
	conf := a.config.Sinks[sink]
	if conf.LarkBase == nil && conf.Sheets == nil {
		return nil
	}
	err := a.peekBus(ctx)
	switch {
	case errors.Is(err, errNoNATS) && conf.LarkBase != nil:
		if conf.LarkBase.Identity == config.IdentityUser {
			return fmt.Errorf("nobody has signed in for sink %q yet: %s", sink, larkLogin(sink))
		}
		return nil // there is nothing to remember
	case errors.Is(err, errNoNATS) && conf.Sheets.Identity == config.IdentityUser:
		return fmt.Errorf("nobody has signed in for sink %q yet: %s", sink, GoogleLogin(sink))
	case err != nil && !errors.Is(err, errNoNATS):
		return err
	}
	if conf.LarkBase != nil {
		l, err := peekLarks(ctx, a.config, a.Bus, []string{sink})
		if err != nil {
			return err
		}
		a.later(func() { l.close(a.log) })
		o.LarkBase = l.base
		return nil
	}
	g, err := peekGoogles(ctx, a.config, a.Bus, []string{sink})
	if err != nil {
		return err
	}
	o.Sheets = g.sheets
	return nil
}

// peekBus opens the bus for a command that only looks, beside a mekong that may be
// running. errNoNATS: nothing was ever kept there.
func (a *App) peekBus(ctx context.Context) error {
	if a.config.NATS.URL == "" {
		if _, err := os.Stat(a.natsDir()); errors.Is(err, os.ErrNotExist) {
			return errNoNATS
		}
	}
	switch err := a.startNATS(ctx, ""); { // no listener: nobody is to come in
	case natsInUse(err):
		return a.visitBus(ctx)
	case err != nil:
		return err
	}
	return a.connectBus(ctx)
}

// visitMongoDB is the embedded server: this process's own where none runs, else that
// of the process that does.
func (a *App) visitMongoDB(ctx context.Context) (mongodb.Options, error) {
	o, err := a.localMongoDB(ctx)
	if !errors.Is(err, mongolocal.ErrInUse) {
		return o, err
	}
	uri := mongolocal.Running(filepath.Join(a.config.DataDir, "mongodb"))
	if uri == "" {
		return o, err
	}
	return mongodb.Options{URI: uri, MaxUpdates: mongolocal.MaxUpdates, Writers: 1}, nil
}
