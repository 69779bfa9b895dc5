package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
)

// setup is a configuration with the files that it names, as they were when it was read:
// what an App is made of.
type setup struct {
	conf  *config.Config
	files map[string][sha256.Size]byte // of their contents, by setting; one that cannot be read is left out
}

// read reads the configuration. The error is the caller's mistake.
func (c *cli) read() (setup, error) {
	conf, err := config.Load(c.config)
	if err != nil {
		return setup{}, unreadable(err)
	}
	s := setup{conf, map[string][sha256.Size]byte{}}
	for setting, path := range beside(conf) {
		if text, err := os.ReadFile(path); err == nil {
			s.files[setting] = sha256.Sum256(text)
		}
	}
	return s, nil
}

// beside are the files that are read when an App is opened, by setting.
func beside(c *config.Config) map[string]string {
	files := map[string]string{"nats.credentials": c.NATS.Credentials, "nats.ca": c.NATS.CA, "nats.cert": c.NATS.Cert, "nats.key": c.NATS.Key}
	for name, s := range c.Sinks {
		if s.Sheets != nil {
			files[config.Path("sinks", name, "sheets", "credentials")] = s.Sheets.Credentials
		}
	}
	for setting, path := range files {
		if path == "" {
			delete(files, setting)
		}
	}
	return files
}

// runner runs one App after the other, for as long as the process lives.
type runner struct {
	*cli
	opts   app.Options
	log    *slog.Logger
	fronts *fronts

	accepted, duplicates uint64 // by those that have ended
}

// run runs what is in now, and with every hangup that brings something new that.
func (r *runner) run(ctx context.Context, now setup, hangups <-chan os.Signal) error {
	a, err := r.open(ctx, now)
	if err != nil {
		return err
	}
	for {
		r.announce(now.conf, a)
		next, err := r.until(ctx, a, now, hangups)
		n := a.Bus.Counts()
		r.accepted, r.duplicates = r.accepted+n.Accepted, r.duplicates+n.Duplicates
		began := time.Now()
		a.Close()
		if next == nil {
			return err
		}
		if a, now, err = r.exchange(ctx, now, *next, began); err != nil || a == nil {
			return err
		}
	}
}

// open makes an App that listens where the last one did, as far as it is to.
func (r *runner) open(ctx context.Context, s setup) (*app.App, error) {
	r.fronts.begin()
	a, err := app.New(ctx, s.conf, r.opts)
	if err == nil {
		r.fronts.end()
	}
	return a, err
}

// until runs a until ctx ends, until a fails, or until there is something new, which it
// returns.
func (r *runner) until(ctx context.Context, a *app.App, now setup, hangups <-chan os.Signal) (*setup, error) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(working) }()
	for {
		select {
		case err := <-ended:
			return nil, err
		case <-hangups:
		}
		next, ok := r.look(now, a)
		if !ok {
			continue
		}
		stop()
		if err := <-ended; err != nil {
			// It would have ended in any case; what is new may be what helps.
			r.log.Error("the old configuration ended with an error", "error", err)
		}
		if ctx.Err() != nil {
			return nil, nil
		}
		return &next, nil
	}
}

// exchange makes an App of what is new or, where that cannot be opened, of what is old
// once more. The last one has stopped at began. Nil without an error: the process is to
// end.
func (r *runner) exchange(ctx context.Context, old, next setup, began time.Time) (*app.App, setup, error) {
	a, err := r.open(ctx, next)
	if err == nil {
		r.log.Info("the new configuration is in effect", "took", time.Since(began).Round(time.Millisecond))
		return a, next, nil
	}
	if ctx.Err() != nil {
		return nil, setup{}, nil
	}
	r.log.Error("the new configuration cannot be started; the old one is started again", "error", err)
	a, err = r.open(ctx, old)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			a.Close()
		}
		return nil, setup{}, nil
	case err != nil:
		return nil, setup{}, fmt.Errorf("the old configuration cannot be started any more: %w", err)
	}
	return a, old, nil
}

// look reads the configuration again and says in the log what it finds; ok: it is
// another one, and nothing is known against it.
func (r *runner) look(now setup, a *app.App) (next setup, ok bool) {
	next, err := r.read()
	if err == nil {
		if problems := r.against(now, next, a); len(problems) > 0 {
			err = problems
		}
	}
	if err != nil {
		var problems config.Problems
		if errors.As(err, &problems) {
			for _, p := range problems {
				r.log.Error(p.Error())
			}
		} else {
			r.log.Error(err.Error())
		}
		r.log.Error("the old configuration keeps running", "problems", max(len(problems), 1))
		return next, false
	}
	all := changes(now, next)
	if len(all) == 0 {
		r.log.Info("the configuration is read again, and nothing in it has changed", "file", r.config)
		return next, false
	}
	for _, c := range all {
		r.log.Info("the configuration has changed", "section", c.section, "what", c.what)
	}
	return next, true
}
