package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
	"mekong/pipeline/console"
)

// gatewayMark is a file beside what a gateway keeps: whoever takes nats.gateway away is
// told of what may be waiting there.
const gatewayMark = "gateway"

// gatewayProblems is what speaks against a gateway with these roles.
func gatewayProblems(c *config.Config, o Options) (out config.Problems) {
	if c.NATS.Gateway && !slices.Equal(slices.Compact(slices.Sorted(slices.Values(o.Only))), []string{RoleIntake}) {
		out = append(out, c.Problem("nats.gateway", "a gateway only takes in: transform, deliver and console need the servers of nats.url themselves",
			"start it with --only "+RoleIntake+", and the other roles with a configuration without nats.gateway"))
	}
	return out
}

// openGateway starts a NATS of this process's own and takes in over it; what is stored
// there is passed on to the cluster, which is not needed for anything here. What the
// door needs besides, it finds there: the repeats that it knows, and conversations that
// go on, of the last day.
func (a *App) openGateway(ctx context.Context) (err error) {
	if err = a.startEdge(ctx); err != nil {
		return err
	}
	if err = a.connectEdge(ctx, a.nats); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.natsDir(), gatewayMark), []byte("What a gateway has not passed on to the servers of nats.url yet is in this folder.\n"), 0o600); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if a.forward, err = a.Bus.NewForward(a.clusterOptions()); err != nil {
		return err
	}
	a.registry.MustRegister(gatewayMetrics{a})
	a.log.Info("this is a gateway: deliveries are kept here, and passed on to the servers of nats.url", "url", a.config.NATS.URL)
	return nil
}

func (a *App) startEdge(ctx context.Context) error {
	return a.embeddedNATS(ctx, local.Options{Dir: a.natsDir(), Logger: a.log})
}

// connectEdge opens the bus that deliveries wait in. What was passed on stays as long as
// its repeats are to be known after a restart.
func (a *App) connectEdge(ctx context.Context, s bus.InProcess) (err error) {
	a.Bus, err = bus.Open(ctx, bus.Options{
		Server: s, Dir: a.natsDir(), Edge: true, Reserve: a.config.NATS.Reserve,
		Keep: max(recallFor, 2*longestWindow(a.config)), Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.later(a.Bus.Close)
	return nil
}

// openProbes lets the gateway be asked how it stands, where the console would be: there
// is nobody else to ask. It takes leads in without, too.
func (a *App) openProbes() {
	probes, err := console.New(console.Options{Addr: a.config.HTTP.Console, Listen: a.listenAs(RoleConsole), Metrics: a.registry, Ready: a.Ready, Logger: a.log})
	if err != nil {
		a.log.Warn("nobody can ask this gateway how it stands: it goes on without /metrics and /readyz", "error", err)
		return
	}
	a.Console = probes
	a.later(func() { _ = probes.Close() })
}

// Gateway reports whether this process is one.
func (a *App) Gateway() bool { return a.forward != nil }

// Passages is how the passing on stands, of a gateway.
func (a *App) Passages(ctx context.Context) ([]bus.Passage, error) { return a.forward.Standing(ctx) }

// leftByGateway says where something may be waiting that nobody passes on any more.
func (a *App) leftByGateway() string {
	if n := a.config.NATS; n.URL == "" || n.Gateway {
		return "" // the embedded server refuses the folder
	}
	if _, err := os.Stat(filepath.Join(a.natsDir(), gatewayMark)); err != nil {
		return ""
	}
	return a.natsDir()
}

// gatewayMetrics tell how the passing on stands, when they are asked for.
type gatewayMetrics struct{ app *App }

var (
	gatewayWaiting = prometheus.NewDesc("mekong_gateway_waiting",
		"Messages that wait at this gateway for the cluster, by stream.", []string{"stream"}, nil)
	gatewayOldest = prometheus.NewDesc("mekong_gateway_oldest_timestamp_seconds",
		"When the oldest of them was stored here, in seconds since 1970; missing while none waits.", []string{"stream"}, nil)
	gatewayAway = prometheus.NewDesc("mekong_gateway_away_seconds",
		"How long the cluster has been taking nothing from this gateway; 0: it takes.", []string{"stream"}, nil)
	gatewayPassed = prometheus.NewDesc("mekong_gateway_passed_total",
		"Messages passed on to the cluster by this process: fresh, or known there already.", []string{"outcome"}, nil)
)

// Describe implements prometheus.Collector.
func (gatewayMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{emittedDesc, gatewayWaiting, gatewayOldest, gatewayAway, gatewayPassed} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gatewayMetrics) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, label string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, label)
	}
	g.app.collectEmitted(ch)
	fresh, known := g.app.forward.Passed()
	send(gatewayPassed, prometheus.CounterValue, float64(fresh), "fresh")
	send(gatewayPassed, prometheus.CounterValue, float64(known), "known")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := g.app.Passages(ctx)
	if err != nil {
		return // the absence is what the metrics then show
	}
	for _, p := range all {
		send(gatewayWaiting, prometheus.GaugeValue, float64(p.Waiting), p.Stream)
		if !p.Oldest.IsZero() {
			send(gatewayOldest, prometheus.GaugeValue, float64(p.Oldest.UnixMilli())/1000, p.Stream)
		}
		away := 0.0
		if !p.Away.IsZero() {
			away = time.Since(p.Away).Seconds()
		}
		send(gatewayAway, prometheus.GaugeValue, away, p.Stream)
	}
}

// gateway sees how much waits on this machine, and whether the cluster can be reached.
// A gateway may be running meanwhile.
func (e *examination) gateway(ctx context.Context) []pipeline.Finding {
	found := []pipeline.Finding{e.edge(ctx)}
	for _, f := range e.externalNATS(ctx) {
		if f.Level == pipeline.Fail {
			f.What += "; until it can, deliveries are kept on this machine"
		}
		found = append(found, f)
	}
	return found
}

func (e *examination) edge(ctx context.Context) pipeline.Finding {
	f := pipeline.Finding{Setting: "nats.gateway"}
	a := &App{config: e.c, log: e.log}
	defer a.Close()
	all, err := a.peekEdge(ctx)
	if errors.Is(err, errNoNATS) {
		f.What = "where the gateway keeps deliveries is made at the first start"
		return f
	}
	if err != nil {
		f.Level, f.What, f.Fix = pipeline.Fail, "what the gateway keeps cannot be looked at: "+err.Error(), "see that this is run as the user that Mekong runs as, and what the log of mekong run says"
		return f
	}
	raws, refused := all[0], all[1]
	if raws.Waiting+refused.Waiting == 0 {
		f.What = "nothing waits here: the cluster has everything that was taken in"
		return f
	}
	oldest := raws.Oldest
	if oldest.IsZero() {
		oldest = refused.Oldest
	}
	f.What = fmt.Sprintf("%d deliveries and %d refused ones wait here for the cluster, the oldest since %s", raws.Waiting, refused.Waiting, oldest.Local().Format("2006-01-02 15:04:05"))
	if time.Since(oldest) > time.Minute {
		f.Level, f.Fix = pipeline.Warn, "see what is said of nats.url, and the log of mekong run; nothing is lost while there is room on this machine"
	}
	return f
}

// peekEdge looks at what a gateway keeps in data_dir, whether one runs there or not.
func (a *App) peekEdge(ctx context.Context) ([]bus.Passage, error) {
	if _, err := os.Stat(a.natsDir()); errors.Is(err, os.ErrNotExist) {
		return nil, errNoNATS
	}
	err := a.startEdge(ctx)
	switch {
	case err == nil:
		err = a.connectEdge(ctx, a.nats)
	case natsInUse(err):
		err = a.connectEdge(ctx, local.Running{Dir: a.natsDir()})
	}
	if err != nil {
		return nil, err
	}
	return a.Bus.Passages(ctx)
}
