// Package sinks joins the configuration to the sink adapters: one switch, so
// that a sink is found, and added, in one place.
//
// It does not know what an adapter does with its settings.
package sinks

import (
	"context"
	"fmt"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/larkbase"
	"mekong/sinks/larkchat"
	"mekong/sinks/mongodb"
	"mekong/sinks/sheets"
	"mekong/sinks/webhook"
)

// Options is what some adapters need from whoever runs them.
type Options struct {
	// LocalMongoDB gives the embedded server, starting it at the first call: its
	// address, and how gently it wants to be written to. Nil: there is none.
	LocalMongoDB func() (mongodb.Options, error)
	// LarkBase gives what a sink of that name needs beside its configuration: where
	// it keeps what should outlive the process, whose token it uses, who counts its
	// calls. Nil: nothing. Gates and Location are filled here.
	LarkBase func(sink string) larkbase.Options
	// Sheets gives what a Google Sheets sink of that name needs beside its
	// configuration: who it writes as, above all. Gates, Accounts and Location are
	// filled here. Nil: such a sink cannot be opened.
	Sheets func(sink string) (sheets.Options, error)
	// LarkChat gives the same for a sink that notifies; nil: nothing. Location is
	// filled here.
	LarkChat func(sink string) larkchat.Options
}

// shared is what the sinks of one process go through together: two of them may write
// to one Base, one spreadsheet, or on one account.
type shared struct {
	bases    *larkbase.Gates
	sheets   *sheets.Gates
	accounts *sheets.Accounts
	scripts  *appsscript.Gates
}

// Opened is one sink, ready to be written to.
type Opened struct {
	Name   string
	Config config.Sink
	Limits pipeline.Limits // the adapter's, with the configuration's batch
	Sink   pipeline.Sink
	// Prove writes one marked row, looks at it and removes it; nil: the adapter has
	// no way to.
	Prove func(ctx context.Context) []pipeline.Finding
	// Read gives the rows that the destination holds, of records received at since or
	// later; nil: the adapter has no way to.
	Read func(ctx context.Context, since time.Time, each func(pipeline.Record) error) error
	// Pace is how long to wait before the next Write, where a month's calls are to
	// last; nil: never.
	Pace func() time.Duration
}

// CanRead reports whether what a sink has written can be read back: whether Open gives
// it a Read.
func CanRead(s config.Sink) bool { return s.MongoDB != nil || s.LarkBase != nil || s.Sheets != nil }

// Open makes the named sinks of the configuration; none named is all. Nothing
// is connected yet. What was opened before an error is closed.
func Open(c *config.Config, only []string, o Options) (opened []Opened, err error) {
	defer func() {
		if err != nil {
			for _, s := range opened {
				_ = s.Sink.Close()
			}
			opened = nil
		}
	}()
	names := c.SinkNames()
	if len(only) > 0 {
		for _, name := range only {
			if _, ok := c.Sinks[name]; !ok {
				return nil, fmt.Errorf("there is no sink %q in the configuration", name)
			}
		}
		names = only
	}
	all := shared{larkbase.NewGates(), sheets.NewGates(), sheets.NewAccounts(nil), appsscript.NewGates()}
	for _, name := range names {
		conf := c.Sinks[name]
		s := Opened{Name: name, Config: conf}
		switch {
		case conf.MongoDB != nil:
			var m *mongodb.Sink
			if m, err = openMongoDB(name, *conf.MongoDB, o); err == nil {
				s.Sink, s.Limits, s.Read = m, m.Limits(), m.Read
			}
		case conf.Webhook != nil:
			var w *webhook.Sink
			if w, err = webhook.New(name, *conf.Webhook, webhook.Options{}); err == nil {
				s.Sink, s.Limits = w, w.Limits()
			}
		case conf.LarkBase != nil:
			var l *larkbase.Sink
			if l, err = openLarkBase(name, *conf.LarkBase, c.Timezone, all, o); err == nil {
				s.Sink, s.Limits, s.Prove, s.Read, s.Pace = l, l.Limits(), l.Prove, l.Read, l.Pace
			}
		case conf.Sheets != nil:
			var g *sheets.Sink
			if g, err = openSheets(name, *conf.Sheets, c.Timezone, all, o); err == nil {
				s.Sink, s.Limits, s.Prove, s.Read, s.Pace = g, g.Limits(), g.Prove, g.Read, g.Pace
			}
		case conf.AppsScript != nil:
			var a *appsscript.Sink
			if a, err = openAppsScript(name, *conf.AppsScript, c.Timezone, all); err == nil {
				s.Sink, s.Limits, s.Prove = a, a.Limits(), a.Prove
			}
		case conf.LarkChat != nil:
			s.Sink, s.Limits, err = openLarkChat(name, *conf.LarkChat, c.Timezone, o)
		default:
			err = fmt.Errorf("it has no adapter")
		}
		if err != nil {
			return opened, fmt.Errorf("sinks.%s: %w", name, err)
		}
		if conf.Batch.Size > 0 {
			s.Limits.Batch = conf.Batch.Size
		}
		if conf.Batch.Wait > 0 {
			s.Limits.Wait = conf.Batch.Wait
		}
		opened = append(opened, s)
	}
	return opened, nil
}
