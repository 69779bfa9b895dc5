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
	"mekong/pipeline/serve"
	"mekong/sources/chatlog"
	"mekong/sources/intake"
)

// Options is what the adapters share.
type Options struct {
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	// Listen opens where the door is; nil: a listener of its own.
	Listen func(addr string) (serve.Entrance, error)
	// Refuse keeps what the door turned away.
	Refuse func(ctx context.Context, cause string, raw pipeline.Raw) error
	// Positions is where a source keeps how far it has read its files. Nil: files
	// cannot be followed.
	Positions func(source string) chatlog.Positions
	// Hear gives what others publish on a NATS subject. Nil: nobody can be heard.
	Hear func(source, subject string) chatlog.Hear
}

// Running is a source that is not posted to: it goes and gets what there is.
type Running struct {
	Name string // in the configuration
	pipeline.Source
}

// Opened is the sources of one configuration, ready to run.
type Opened struct {
	Door *intake.Intake // all sources that are posted to; nil when there is none
	Runs []Running      // the others; one source can be both

	routes []intake.Route
	warm   map[string]func(id string, received time.Time)
	recall map[string]func(pipeline.Raw)
}

// Open makes the sources. Nothing listens yet.
func Open(c *config.Config, o Options) (*Opened, error) {
	opened := &Opened{warm: map[string]func(string, time.Time){}, recall: map[string]func(pipeline.Raw){}}
	for _, name := range c.SourceNames() {
		var err error
		switch s := c.Sources[name]; {
		case s.LadiPage != nil:
			err = opened.ladipage(name, *s.LadiPage)
		case s.ChatLog != nil:
			err = opened.chatlog(name, *s.ChatLog, c.Timezone, o)
		case s.LarkBot != nil:
			err = opened.larkbot(name, *s.LarkBot, o)
		case s.Webhook != nil:
			err = opened.webhook(name, *s.Webhook)
		default:
			err = fmt.Errorf("it has no adapter")
		}
		if err != nil {
			return nil, fmt.Errorf("sources.%s: %w", name, err)
		}
	}
	if len(opened.routes) == 0 {
		return opened, nil
	}
	proxies, err := intake.ParseProxies(c.HTTP.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("http.trusted_proxies: %w", err)
	}
	opened.Door, err = intake.New(intake.Options{
		Addr: c.HTTP.Intake, TrustedProxies: proxies, Logger: o.Logger, Metrics: o.Metrics,
		Grace: c.ShutdownGrace, Listen: o.Listen, Refuse: o.Refuse,
	}, opened.routes...)
	return opened, err
}

// Warm tells a source of a delivery that was stored before this process
// started, so that its repeat is known.
func (o *Opened) Warm(source, id string, received time.Time) {
	if f := o.warm[source]; f != nil {
		f(id, received)
	}
}

// Recalls are the sources that want to be told what they stored lately, for
// [Opened.Recall].
func (o *Opened) Recalls() (names []string) {
	for name := range o.recall {
		names = append(names, name)
	}
	return names
}

// Recall tells a source of a delivery that was stored before this process started,
// oldest first, so that what belongs to it goes on.
func (o *Opened) Recall(raw pipeline.Raw) {
	if f := o.recall[raw.Source]; f != nil {
		f(raw)
	}
}
