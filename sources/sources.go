// Package sources joins the configuration to the source adapters: one switch,
// so that a source is found, and added, in one place.
//
// It does not know what an adapter does with its settings.
package sources

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/intake"
	"mekong/sources/ladipage"
)

// Options is what the adapters share.
type Options struct {
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	// Refuse keeps what the door turned away.
	Refuse func(ctx context.Context, cause string, raw pipeline.Raw) error
}

// Opened is the sources of one configuration, ready to run.
type Opened struct {
	Door *intake.Intake // all sources that are posted to; nil when there is none

	warm map[string]func(id string, received time.Time)
}

// Open makes the sources. Nothing listens yet.
func Open(c *config.Config, o Options) (*Opened, error) {
	opened := &Opened{warm: map[string]func(string, time.Time){}}
	var routes []intake.Route
	for _, name := range c.SourceNames() {
		switch s := c.Sources[name]; {
		case s.LadiPage != nil:
			r, err := ladipage.New(name, *s.LadiPage, time.Now)
			if err != nil {
				return nil, fmt.Errorf("sources.%s: %w", name, err)
			}
			opened.warm[name] = r.Warm
			routes = append(routes, intake.Route{
				Source: name, Path: s.LadiPage.Path, PathToken: true, Format: ladipage.Format,
				MaxBody: int64(s.LadiPage.MaxBody), Headers: ladipage.Headers(), Origins: s.LadiPage.Origins, Receiver: r,
			})
		default:
			return nil, fmt.Errorf("sources.%s has no adapter", name)
		}
	}
	if len(routes) == 0 {
		return opened, nil
	}
	proxies, err := intake.ParseProxies(c.HTTP.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("http.trusted_proxies: %w", err)
	}
	opened.Door, err = intake.New(intake.Options{
		Addr: c.HTTP.Intake, TrustedProxies: proxies, Logger: o.Logger, Metrics: o.Metrics,
		Grace: c.ShutdownGrace, Refuse: o.Refuse,
	}, routes...)
	return opened, err
}

// Warm tells a source of a delivery that was stored before this process
// started, so that its repeat is known.
func (o *Opened) Warm(source, id string, received time.Time) {
	if f := o.warm[source]; f != nil {
		f(id, received)
	}
}
