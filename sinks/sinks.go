// Package sinks joins the configuration to the sink adapters: one switch, so
// that a sink is found, and added, in one place.
//
// It does not know what an adapter does with its settings.
package sinks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/larkbase"
	"mekong/sinks/larkchat"
	"mekong/sinks/mongodb"
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
	// LarkChat gives the same for a sink that notifies; nil: nothing. Location is
	// filled here.
	LarkChat func(sink string) larkchat.Options
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
	// Pace is how long to wait before records are fetched for the next Write, where
	// a month's calls are to last; nil: never.
	Pace func() time.Duration
}

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
	gates := larkbase.NewGates() // two sinks may write to one Base
	for _, name := range names {
		conf := c.Sinks[name]
		s := Opened{Name: name, Config: conf}
		switch {
		case conf.MongoDB != nil:
			s.Sink, s.Limits, err = openMongoDB(name, *conf.MongoDB, o)
		case conf.Webhook != nil:
			var w *webhook.Sink
			if w, err = webhook.New(name, *conf.Webhook, webhook.Options{}); err == nil {
				s.Sink, s.Limits = w, w.Limits()
			}
		case conf.LarkBase != nil:
			var l *larkbase.Sink
			if l, err = openLarkBase(name, *conf.LarkBase, c.Timezone, gates, o); err == nil {
				s.Sink, s.Limits, s.Prove, s.Pace = l, l.Limits(), l.Prove, l.Pace
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

func openMongoDB(name string, c config.MongoDB, o Options) (pipeline.Sink, pipeline.Limits, error) {
	var how mongodb.Options
	if c.URI.IsZero() {
		if o.LocalMongoDB == nil {
			return nil, pipeline.Limits{}, fmt.Errorf("mongodb has no uri, and there is no embedded server here; write the uri of a MongoDB server")
		}
		var err error
		if how, err = o.LocalMongoDB(); err != nil {
			return nil, pipeline.Limits{}, err
		}
	}
	s, err := mongodb.New(name, c, how)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	return s, s.Limits(), nil
}

func openLarkBase(name string, c config.LarkBase, timezone string, gates *larkbase.Gates, o Options) (*larkbase.Sink, error) {
	var how larkbase.Options
	if o.LarkBase != nil {
		how = o.LarkBase(name)
	}
	if c.Identity == config.IdentityUser && how.Tokens == nil {
		// Never as the app instead: rows would be somebody else's.
		return nil, errors.New("larkbase: identity: there is no sign-in here to write with")
	}
	how.Gates = gates
	if how.Location == nil {
		loc, err := time.LoadLocation(timezone)
		if err != nil {
			return nil, fmt.Errorf("timezone: %w", err)
		}
		how.Location = loc
	}
	s, err := larkbase.New(name, c, how)
	if err != nil {
		return nil, fmt.Errorf("larkbase: %w", err)
	}
	return s, nil
}

func openLarkChat(name string, c config.LarkChat, timezone string, o Options) (pipeline.Sink, pipeline.Limits, error) {
	var how larkchat.Options
	if o.LarkChat != nil {
		how = o.LarkChat(name)
	}
	var err error
	if how.Location, err = time.LoadLocation(timezone); err != nil {
		return nil, pipeline.Limits{}, fmt.Errorf("timezone: %w", err)
	}
	s, err := larkchat.New(name, c, how)
	if err != nil {
		return nil, pipeline.Limits{}, err
	}
	return s, s.Limits(), nil
}
