package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/pipeline/bus"
)

// Balance adds up, per sink, what was accepted against what became of it. It
// needs Run, which fills the ledger.
func (a *App) Balance(ctx context.Context) ([]bus.Balance, error) {
	return a.Ledger.Balance(ctx, a.accepts())
}

// BalanceAtRest is the balance before Run or after it, when nothing moves: what
// it says and what a destination holds can be compared to the last record.
func (a *App) BalanceAtRest(ctx context.Context) ([]bus.Balance, error) {
	ctx, cancel := context.WithCancel(ctx)
	ledger := a.Bus.NewLedger()
	ran := make(chan error, 1)
	go func() { ran <- ledger.Run(ctx) }()
	lines, err := ledger.Balance(ctx, a.accepts())
	cancel()
	if stopped := <-ran; err != nil {
		return nil, errors.Join(err, stopped)
	}
	return lines, nil // that the ledger was stopped is no fault
}

func (a *App) accepts() []bus.SinkAccept {
	names := make([]bus.SinkAccept, len(a.Sinks))
	for i, s := range a.Sinks {
		names[i] = bus.SinkAccept{Name: s.Name, Accept: s.Config.Accept}
	}
	return names
}

// Held tells since when a sink's records are held, and why; zero when they are
// not.
func (a *App) Held(sink string) (since time.Time, why string) {
	for _, d := range a.delivers {
		if d.Name == sink {
			return d.Held()
		}
	}
	return time.Time{}, ""
}

// reportBalance writes the balance to the log once a minute while it changes,
// and at once, as an error, when it does not add up.
func (a *App) reportBalance(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	last := map[string]int64{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		lines, err := a.Balance(ctx)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Warn("the balance cannot be made", "error", err)
			}
			continue
		}
		for _, b := range lines {
			level := slog.LevelInfo
			switch moved := b.Accepted + b.Stored + b.Buried; {
			case b.Missing > 0:
				level = slog.LevelError
			case moved == last[b.Sink]:
				continue
			default:
				last[b.Sink] = moved
			}
			a.log.Log(ctx, level, "balance", "sink", b.Sink, "accepted", b.Accepted, "stored", b.Stored,
				"waiting", b.Waiting, "buried", b.Buried, "filtered", b.Filtered, "missing", b.Missing, "oldest", age(b.Oldest))
		}
	}
}

func age(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return time.Since(t).Round(time.Second)
}

// watchBalance exposes the balance and the door's counts as metrics, worked out
// when they are asked for.
func (a *App) watchBalance() { a.registry.MustRegister(balances{a}) }

type balances struct{ app *App }

var (
	balanceDesc = prometheus.NewDesc("mekong_balance_records",
		"What was accepted and what became of it, per sink; accepted = stored + waiting + buried + filtered + missing, and missing must be 0.",
		[]string{"sink", "state"}, nil)
	oldestDesc = prometheus.NewDesc("mekong_sink_oldest_seconds",
		"Age of the oldest record waiting for the sink.", []string{"sink"}, nil)
	emittedDesc = prometheus.NewDesc("mekong_emitted_total",
		"Deliveries handed to the store by this process, by outcome.", []string{"outcome"}, nil)
)

// Describe implements prometheus.Collector.
func (b balances) Describe(ch chan<- *prometheus.Desc) {
	ch <- balanceDesc
	ch <- oldestDesc
	ch <- emittedDesc
}

// Collect implements prometheus.Collector.
func (b balances) Collect(ch chan<- prometheus.Metric) {
	b.app.collectEmitted(ch)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lines, err := b.app.Balance(ctx)
	if err != nil {
		return // the server is away; its absence is what the metrics then show
	}
	for _, l := range lines {
		for state, n := range map[string]int64{"accepted": l.Accepted, "stored": l.Stored, "waiting": l.Waiting,
			"buried": l.Buried, "filtered": l.Filtered, "missing": l.Missing} {
			ch <- prometheus.MustNewConstMetric(balanceDesc, prometheus.GaugeValue, float64(n), l.Sink, state)
		}
		var old float64
		if !l.Oldest.IsZero() {
			old = time.Since(l.Oldest).Seconds()
		}
		ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, old, l.Sink)
	}
}

// collectEmitted gives what this process has handed to the store.
func (a *App) collectEmitted(ch chan<- prometheus.Metric) {
	c := a.Bus.Counts()
	for outcome, n := range map[string]uint64{"accepted": c.Accepted, "duplicate": c.Duplicates, "refused": c.Refused} {
		ch <- prometheus.MustNewConstMetric(emittedDesc, prometheus.CounterValue, float64(n), outcome)
	}
}
