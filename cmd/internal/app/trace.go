package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/trace"
)

// feed is the bus as pipeline/trace wants it: the same, in its words.
type feed struct{ bus *bus.Bus }

var _ trace.Feed = feed{}

func (f feed) Extent(ctx context.Context, s trace.Stream) (trace.Extent, error) {
	e, err := f.bus.Extent(ctx, bus.Log(s))
	return trace.Extent(e), err
}

func (f feed) NextStored(ctx context.Context, s trace.Stream, after uint64) (time.Time, bool, error) {
	return f.bus.NextStored(ctx, bus.Log(s), after)
}

func (f feed) Raws(ctx context.Context, after uint64, n int) ([]trace.Entry[pipeline.Raw], error) {
	es, err := f.bus.RawsAfter(ctx, after, n)
	return entries(es, err, func(r pipeline.Raw) pipeline.Raw { return r })
}

func (f feed) Records(ctx context.Context, after uint64, n int) ([]trace.Entry[pipeline.Record], error) {
	es, err := f.bus.RecordsAfter(ctx, after, n)
	return entries(es, err, func(r pipeline.Record) pipeline.Record { return r })
}

func (f feed) Burials(ctx context.Context, after uint64, n int) ([]trace.Entry[trace.Burial], error) {
	es, err := f.bus.BurialsAfter(ctx, after, n)
	return entries(es, err, func(b bus.Burial) trace.Burial {
		return trace.Burial{Stage: b.Stage, Origin: b.Origin, Raw: b.Raw, Record: b.Record, Reason: b.Reason, Attempts: b.Attempts, At: b.At}
	})
}

func (f feed) Settlements(ctx context.Context, after uint64, n int) ([]trace.Entry[trace.Settlement], error) {
	es, err := f.bus.SettlementsAfter(ctx, after, n)
	return entries(es, err, func(s bus.Settlement) trace.Settlement {
		out := trace.Settlement{Stage: s.Stage, At: s.At, Took: s.Took, Settled: make([]trace.Settled, len(s.Settled))}
		for i, e := range s.Settled {
			out.Settled[i] = trace.Settled{Seq: e.Seq, ID: e.ID, State: trace.State(e.State), Ref: e.Ref, Reason: e.Reason, Attempts: e.Attempts}
		}
		return out
	})
}

func (f feed) Raw(ctx context.Context, seq uint64) (trace.Entry[pipeline.Raw], bool, error) {
	e, ok, err := f.bus.RawAt(ctx, seq)
	return trace.Entry[pipeline.Raw](e), ok, err
}

func (f feed) Record(ctx context.Context, seq uint64) (trace.Entry[pipeline.Record], bool, error) {
	e, ok, err := f.bus.RecordAt(ctx, seq)
	return trace.Entry[pipeline.Record](e), ok, err
}

// entries passes messages on in other words.
func entries[A, B any](es []bus.Entry[A], err error, as func(A) B) ([]trace.Entry[B], error) {
	if err != nil {
		return nil, err
	}
	out := make([]trace.Entry[B], len(es))
	for i, e := range es {
		out[i] = trace.Entry[B]{Seq: e.Seq, Stored: e.Stored, Value: as(e.Value), Err: e.Err}
	}
	return out, nil
}

// TraceFile is the name of the index in data_dir.
const TraceFile = "trace.sqlite"

func (a *App) traceOptions() trace.Options {
	o := trace.Options{Path: filepath.Join(a.config.DataDir, TraceFile), Feed: feed{a.Bus}, Keep: a.config.NATS.Keep, Logger: a.log}
	for _, name := range a.config.SinkNames() {
		o.Sinks = append(o.Sinks, trace.Sink{Name: name, Accept: a.config.Sinks[name].Accept})
	}
	return o
}

// openTrace opens the index. Without it leads are taken in and delivered all the same, so
// a folder that cannot be written to is said, and stops nothing.
func (a *App) openTrace() {
	err := os.MkdirAll(a.config.DataDir, 0o700)
	if err == nil {
		a.Trace, err = trace.Open(a.traceOptions())
	}
	if err != nil {
		a.log.Warn("leads cannot be searched for", "error", err)
		return
	}
	a.later(func() { _ = a.Trace.Close() })
	a.registry.MustRegister(traced{a.Trace})
	if a.watchSilence() == nil {
		return
	}
	// A process that only shows has this to tell, and nothing else.
	if a.config.Notices.On() && a.notifier == nil {
		if a.notifier, err = openNotifier(a.config); err != nil {
			a.log.Warn("nobody is told of forms that go quiet", "error", err)
			return
		}
		a.later(a.notifier.Close)
	}
}

// traced exposes how far the index is behind, worked out when it is asked for.
type traced struct{ index *trace.Index }

var (
	traceLagDesc = prometheus.NewDesc("mekong_trace_lag_seconds",
		"Age of the oldest message of the stream that the index of leads has not read yet; 0 when there is none.", []string{"stream"}, nil)
	traceRecordsDesc = prometheus.NewDesc("mekong_trace_records", "Entries in the index of leads.", nil, nil)
)

// Describe implements prometheus.Collector.
func (t traced) Describe(ch chan<- *prometheus.Desc) {
	ch <- traceLagDesc
	ch <- traceRecordsDesc
}

// Collect implements prometheus.Collector.
func (t traced) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(traceRecordsDesc, prometheus.GaugeValue, float64(t.index.Records()))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lags, err := t.index.Lag(ctx)
	if err != nil {
		return // the server is away; its absence is what the metrics then show
	}
	for _, l := range lags {
		ch <- prometheus.MustNewConstMetric(traceLagDesc, prometheus.GaugeValue, l.Behind.Seconds(), string(l.Stream))
	}
}

// traceWait is how long a command waits for the mekong that keeps the index to catch up
// before it does so itself.
const traceWait = time.Second

// OpenTrace opens the index for a command, beside a mekong that may be running on the same
// configuration and is then reached through the data folder. Where nobody keeps the index
// up it is brought up first, in place; told hears how far that is, and may be nil. done
// closes what was opened.
func OpenTrace(ctx context.Context, c *config.Config, log *slog.Logger, told func(trace.Progress)) (x *trace.Index, done func(), err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a := &App{config: c, log: log}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if err := a.openBus(ctx); err != nil {
		if !natsInUse(err) {
			return nil, nil, err
		}
		if err := a.visitBus(ctx); err != nil {
			return nil, nil, err
		}
	}
	if x, err = a.visitTrace(ctx); err != nil {
		return nil, nil, err
	}
	if x != nil {
		return x, a.Close, nil
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data_dir cannot be made: %w", err)
	}
	if x, err = trace.Open(a.traceOptions()); err != nil {
		return nil, nil, err
	}
	a.later(func() { _ = x.Close() })
	if err := x.CatchUp(ctx, told); err != nil {
		return nil, nil, fmt.Errorf("the index cannot be brought up: %w", err)
	}
	return x, a.Close, nil
}

// visitTrace opens the index that another process keeps up, for reading; nil when there
// is none, or nobody keeps it up.
func (a *App) visitTrace(ctx context.Context) (*trace.Index, error) {
	o := a.traceOptions()
	o.ReadOnly = true
	x, err := trace.Open(o)
	if errors.Is(err, trace.ErrNoIndex) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(traceWait); ; {
		lags, err := x.Lag(ctx)
		if err != nil {
			_ = x.Close()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, nil // one that writes mends what is damaged
		}
		behind := uint64(0)
		for _, l := range lags {
			behind += l.Messages
		}
		if behind == 0 {
			a.later(func() { _ = x.Close() })
			return x, nil
		}
		if time.Now().After(deadline) {
			return nil, x.Close()
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), x.Close())
		}
	}
}
