package app

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/pipeline/console"
)

// sinkInfos tells the console of the destinations, by the configuration and what their
// clients told of their calls.
func (a *App) sinkInfos(ctx context.Context) ([]console.SinkInfo, error) {
	said := a.watched.said()
	var out []console.SinkInfo
	for _, name := range a.config.SinkNames() {
		conf := a.config.Sinks[name]
		info := console.SinkInfo{Name: name, Kind: blockOf(conf), Accept: conf.Accept, Where: conf.Where}
		mapped(&info, conf)
		if info.Monthly > 0 {
			info.Spent, _ = a.spent(ctx, name, time.Now())
		}
		for _, s := range a.Sinks {
			if s.Name == name {
				info.Batch, info.Writers = s.Limits.Batch, max(1, s.Limits.Writers)
			}
		}
		if v := said[name]; v != nil {
			info.Quota = v.quota
			for _, api := range slices.Sorted(maps.Keys(v.calls)) {
				info.Calls = append(info.Calls, *v.calls[api])
			}
			for _, what := range slices.Sorted(maps.Keys(v.ends)) {
				info.Credentials = append(info.Credentials, console.Credential{Name: what, Ends: v.ends[what]})
			}
		}
		out = append(out, info)
	}
	return out, nil
}

// consoleHolds has sinks held by the console's operators.
type consoleHolds struct{ *pauses }

var _ console.Holds = consoleHolds{}

// Hold implements console.Holds.
func (h consoleHolds) Hold(ctx context.Context, sink, who, why string) error {
	return asTold(h.hold(ctx, sink, who, why, time.Now()))
}

// Release implements console.Holds.
func (h consoleHolds) Release(ctx context.Context, sink, who string) error {
	return asTold(h.release(ctx, sink, who, time.Now()))
}

func asTold(err error) error {
	if errors.Is(err, errPaused) || errors.Is(err, errNotPaused) || errors.Is(err, bus.ErrChanged) {
		return console.ErrStands
	}
	return err
}

// mapped adds which column each field goes to, and where the table is.
func mapped(info *console.SinkInfo, conf config.Sink) {
	var columns map[string]string
	switch {
	case conf.LarkBase != nil:
		columns, info.Link, info.Monthly = conf.LarkBase.Columns, conf.LarkBase.URL, int64(conf.LarkBase.MonthlyCalls)
	case conf.Sheets != nil:
		columns, info.Link = conf.Sheets.Columns, conf.Sheets.Spreadsheet
	case conf.AppsScript != nil:
		columns = conf.AppsScript.Columns
	default:
		return
	}
	info.ByName = len(columns) == 0
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		info.Columns = append(info.Columns, console.Pair{Name: name, Value: columns[name]})
	}
}

// vendorSaid is what is known of one sink's vendor.
type vendorSaid struct {
	calls map[string]*console.Call
	quota int64
	ends  map[string]time.Time
}

// said reads the metrics of vendors back, by sink.
func (v *vendors) said() map[string]*vendorSaid {
	out := map[string]*vendorSaid{}
	if v == nil {
		return out
	}
	r := prometheus.NewRegistry()
	r.MustRegister(v.calls, v.quota, v)
	families, err := r.Gather()
	if err != nil {
		return out // what could be read all the same is not told apart
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			label := map[string]string{}
			for _, l := range m.GetLabel() {
				label[l.GetName()] = l.GetValue()
			}
			s := out[label["sink"]]
			if s == nil {
				s = &vendorSaid{calls: map[string]*console.Call{}, ends: map[string]time.Time{}}
				out[label["sink"]] = s
			}
			switch f.GetName() {
			case "mekong_vendor_calls_total":
				c := s.calls[label["api"]]
				if c == nil {
					c = &console.Call{Name: label["api"]}
					s.calls[label["api"]] = c
				}
				if n := int64(m.GetCounter().GetValue()); label["outcome"] == "failed" {
					c.Failed += n
				} else {
					c.OK += n
				}
			case "mekong_vendor_quota_calls_total":
				s.quota += int64(m.GetCounter().GetValue())
			case "mekong_credential_expires_timestamp_seconds":
				s.ends[label["credential"]] = time.Unix(int64(m.GetGauge().GetValue()), 0)
			}
		}
	}
	return out
}
