package app

import (
	"context"
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/console"
	"mekong/pipeline/doctor"
)

// flow is how everything stands, for every sink of the configuration: a console may
// run in a process that delivers to none.
func (a *App) flow(ctx context.Context) (console.Snapshot, error) {
	names := a.config.SinkNames()
	accepts := make([]bus.SinkAccept, len(names))
	for i, name := range names {
		accepts[i] = bus.SinkAccept{Name: name, Accept: a.config.Sinks[name].Accept}
	}
	lines, err := a.Ledger.Balance(ctx, accepts)
	if err != nil {
		return console.Snapshot{}, err
	}
	s := console.Snapshot{Durability: a.Bus.Durability().String()}
	if err := a.Ready(ctx); err != nil {
		s.Trouble = err.Error()
	}
	accepted, refused := a.doorCounts()
	turnedAway := func(source string) (n int64) {
		for _, count := range refused[source] {
			n += count
		}
		return n
	}
	for _, name := range a.config.SourceNames() {
		s.Sources = append(s.Sources, console.SourceNow{Name: name, Kind: blockOf(a.config.Sources[name]),
			Here: a.Sources != nil, Accepted: accepted[name], Refused: turnedAway(name)})
	}
	for i, name := range names {
		n := console.SinkNow{Name: name, Kind: blockOf(a.config.Sinks[name]), Accept: accepts[i].Accept, Balance: lines[i]}
		for _, d := range a.delivers {
			if d.Name == name {
				n.Here = true
				n.HeldSince, n.HeldWhy = d.Held()
			}
		}
		one := a.pauses.now(name)
		if one.on() {
			n.ByHand = console.Hold{By: one.By, Why: one.Why, At: one.At}
		}
		if n.HeldWhy == one.String() {
			// The worker says so until its first write after a person let it go on: the
			// destination refuses nothing.
			n.HeldSince, n.HeldWhy = time.Time{}, ""
		}
		s.Sinks = append(s.Sinks, n)
	}
	return s, nil
}

// blockOf is the name of the adapter block that a source or a sink has.
func blockOf[T config.Source | config.Sink](of T) string {
	v := reflect.ValueOf(of)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			return v.Type().Field(i).Tag.Get("yaml")
		}
	}
	return ""
}

// doorRegistry is a registry of the door's metrics alone, beside the one of all: to
// read a few counts must not work out everything there is to tell.
type doorRegistry struct {
	prometheus.Registerer
	own *prometheus.Registry
}

// Register implements prometheus.Registerer.
func (d doorRegistry) Register(c prometheus.Collector) error {
	if err := d.Registerer.Register(c); err != nil {
		return err
	}
	return d.own.Register(c)
}

// doorMetrics is what the sources register their metrics with.
func (a *App) doorMetrics() prometheus.Registerer {
	a.door = prometheus.NewRegistry()
	return doorRegistry{a.registry, a.door}
}

// doorCounts are the requests that the door took and turned away in this process, by
// source, the latter by cause.
func (a *App) doorCounts() (accepted map[string]int64, refused map[string]map[string]int64) {
	accepted, refused = map[string]int64{}, map[string]map[string]int64{}
	if a.door == nil {
		return accepted, refused
	}
	families, err := a.door.Gather()
	if err != nil {
		return accepted, refused
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			label := map[string]string{}
			for _, l := range m.GetLabel() {
				label[l.GetName()] = l.GetValue()
			}
			switch n := int64(m.GetCounter().GetValue()); {
			case f.GetName() == "mekong_intake_requests_total" && label["code"] == "200":
				accepted[label["source"]] += n
			case f.GetName() == "mekong_intake_refused_total":
				if refused[label["source"]] == nil {
					refused[label["source"]] = map[string]int64{}
				}
				refused[label["source"]][label["cause"]] += n
			}
		}
	}
	return accepted, refused
}

// examine is the doctor from within. What this process has open is asked itself;
// opening it a second time would find it taken.
func (a *App) examine(ctx context.Context) doctor.Report {
	c := *a.config
	c.HTTP.Console = a.Console.Addr().String()
	if a.Sources != nil && a.Sources.Door != nil {
		c.HTTP.Intake = a.Sources.Door.Addr().String() // port 0 has become one
	}
	checks, done, err := Checks(&c, DoctorOptions{Logger: a.log})
	if err != nil {
		return doctor.Report{Groups: []doctor.Group{{Name: "doctor", Findings: []pipeline.Finding{{Level: pipeline.Fail, What: err.Error()}}}}}
	}
	defer done()
	for i := range checks {
		check := &checks[i]
		if check.Setting == "nats" {
			check.Run = a.natsFrom
		}
		for _, s := range a.Sinks {
			if check.Setting == config.Path("sinks", s.Name) {
				check.Run = s.Sink.Check
			}
		}
	}
	return doctor.Run(ctx, checks)
}

// natsFrom is what there is to say about NATS from within.
func (a *App) natsFrom(ctx context.Context) []pipeline.Finding {
	if err := a.Ready(ctx); err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "nats", What: err.Error(), Fix: "leads are refused with 503 meanwhile, and their senders try again; see the log, and whether there is room on the disk"}}
	}
	return []pipeline.Finding{judgeDurability(a.Bus.Durability())}
}
