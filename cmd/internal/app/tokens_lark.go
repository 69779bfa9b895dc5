package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/sinks"
	"mekong/sinks/lark"
	"mekong/sinks/larkbase"
	"mekong/sinks/larkchat"
	"mekong/sinks/token"
)

// LarkOAuth signs people in with the app of a Lark Base sink.
func LarkOAuth(l config.LarkBase) (*lark.OAuth, error) { return larkOAuth(l, nil) }

func larkOAuth(l config.LarkBase, onCall func(lark.Call)) (*lark.OAuth, error) {
	brand := l.Brand
	if link, err := lark.ParseLink(l.URL); brand == "" && err == nil {
		brand = link.Brand
	}
	return lark.NewOAuth(lark.Options{Brand: brand, Endpoint: l.Endpoint, AppID: l.AppID, AppSecret: l.AppSecret, OnCall: onCall})
}

// LarkSession is the name under which the sign-in for a sink is kept in the store of
// tokens.
func LarkSession(sink string) string { return "lark.user." + sink }

// larkLogin is the command that signs somebody in for a sink.
func larkLogin(sink string) string { return "mekong login lark " + sink }

// larks is what the Lark sinks of a process get from it: tokens that are shared with
// other processes and survive a restart, the sign-ins of people, and a memory in the
// bus.
type larks struct {
	store    *token.Store // nil when nothing is to be shared
	memory   *bus.KV
	lease    larkbase.Lease // of the Bases that are written to
	vendors  *vendors
	sessions map[string]*token.Session // by sink
	look     bool                      // nothing that a sink would remember is written
}

// openLarks makes it for the named sinks; those that are no Lark sinks are passed
// over.
func openLarks(ctx context.Context, c *config.Config, b *bus.Bus, names []string, v *vendors) (*larks, error) {
	store, err := TokenStore(ctx, b, c.DataDir)
	if err != nil {
		return nil, err
	}
	l := &larks{store: store, vendors: v}
	return l, l.open(ctx, c, b, names)
}

// peekLarks makes it for sinks that only look around. The store of tokens, and with it
// the key, is opened where a sink needs a sign-in.
func peekLarks(ctx context.Context, c *config.Config, b *bus.Bus, names []string) (*larks, error) {
	l := &larks{look: true}
	for _, name := range names {
		if base := c.Sinks[name].LarkBase; base != nil && base.Identity == config.IdentityUser && l.store == nil {
			store, err := TokenStore(ctx, b, c.DataDir)
			if err != nil {
				return nil, err
			}
			l.store = store
		}
	}
	return l, l.open(ctx, c, b, names)
}

func (l *larks) open(ctx context.Context, c *config.Config, b *bus.Bus, names []string) (err error) {
	if l.memory, err = b.KV(ctx, memoryTable, 0); err != nil {
		return err
	}
	leases, err := b.KV(ctx, writerTable, 0)
	if err != nil {
		return err
	}
	l.lease = newLease(leases)
	l.sessions = map[string]*token.Session{}
	for _, name := range names {
		base := c.Sinks[name].LarkBase
		if base == nil || base.Identity != config.IdentityUser {
			continue
		}
		oauth, err := larkOAuth(*base, l.vendors.call(name))
		if err != nil {
			return fmt.Errorf("sinks.%s.larkbase: %w", name, err)
		}
		s := oauth.Session(l.store, LarkSession(name), nil)
		l.sessions[name] = s
		l.vendors.person(name, s)
	}
	return nil
}

// openLarks gives the sinks of Lark what they share through the bus.
func (a *App) openLarks(ctx context.Context, o *sinks.Options) (err error) {
	names := a.opts.Sinks
	if len(names) == 0 {
		names = a.config.SinkNames()
	}
	if !slices.ContainsFunc(names, func(name string) bool {
		s := a.config.Sinks[name]
		return s.LarkBase != nil || s.LarkChat != nil && s.LarkChat.Hook.IsZero()
	}) {
		return nil
	}
	a.larks, err = openLarks(ctx, a.config, a.Bus, names, a.vendors())
	if err != nil {
		return err
	}
	a.later(func() { a.larks.close(a.log) })
	o.LarkBase, o.LarkChat = a.larks.base, a.larks.chat
	return nil
}

// base is for a sink that writes to a Base.
func (l *larks) base(sink string) larkbase.Options {
	o := larkbase.Options{
		Memory: memory{l.memory, "larkbase." + sink}, Lease: l.lease, OnToken: l.vendors.token(sink), OnCall: l.vendors.call(sink),
	}
	if s := l.sessions[sink]; s != nil {
		o.Tokens = s
	}
	if l.look {
		o.Memory = glance{o.Memory}
	} else {
		o.Share = l.store
	}
	return o
}

// chat is for a sink that notifies.
func (l *larks) chat(sink string) larkchat.Options {
	return larkchat.Options{Share: l.store, OnToken: l.vendors.token(sink), OnCall: l.vendors.call(sink)}
}

// How often sign-ins are renewed that nobody uses, which end after a week, and how
// soon again after a failure.
const (
	keepEvery = 24 * time.Hour
	keepAgain = time.Hour
)

// keep renews the sign-ins now and then, until ctx ends. A failure is logged when it
// begins, when it changes, and when it ends.
func (l *larks) keep(ctx context.Context, every, again time.Duration, log *slog.Logger) error {
	failing := map[string]string{}
	for {
		wait := every
		for _, sink := range slices.Sorted(maps.Keys(l.sessions)) {
			err := l.sessions[sink].Keep(ctx)
			was := failing[sink]
			switch {
			case ctx.Err() != nil:
				return nil
			case err == nil && was != "":
				delete(failing, sink)
				log.Info("the sign-in is good again", "sink", sink)
			case err != nil:
				wait, failing[sink] = again, err.Error()
				if failing[sink] != was {
					log.Warn("the sign-in cannot be renewed", "sink", sink, "error", err, "fix", larkLogin(sink))
				}
			}
		}
		next := time.NewTimer(wait)
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return nil
		}
	}
}

// closeLimit is for a renewal that is under way at a stop: an exchange and its save.
// Who ends before that loses the sign-in.
const closeLimit = 40 * time.Second

// close waits for renewals that are under way.
func (l *larks) close(log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	for sink, s := range l.sessions {
		if err := s.Close(ctx); err != nil {
			log.Error("a renewal of the sign-in did not end; it may be lost", "sink", sink, "error", err)
		}
	}
}
