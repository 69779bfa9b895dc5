package app

import (
	"context"

	"mekong/sinks"
	"mekong/sinks/mongodb"
)

// openReader opens a sink for reading beside whoever writes to it, on the bus that is
// open already. done closes it.
func (o *Operator) openReader(ctx context.Context, name string) (s sinks.Opened, done func(), err error) {
	v := &App{config: o.app.config, log: o.app.log, Bus: o.app.Bus}
	defer func() {
		if err != nil {
			v.Close()
		}
	}()
	how := sinks.Options{LocalMongoDB: func() (mongodb.Options, error) { return v.visitMongoDB(ctx) }}
	switch conf := v.config.Sinks[name]; {
	case conf.LarkBase != nil:
		l, err := peekLarks(ctx, v.config, v.Bus, []string{name})
		if err != nil {
			return s, nil, err
		}
		v.later(func() { l.close(v.log) })
		how.LarkBase = l.base
	case conf.Sheets != nil:
		g, err := peekGoogles(ctx, v.config, v.Bus, []string{name})
		if err != nil {
			return s, nil, err
		}
		how.Sheets = g.sheets
	}
	opened, err := sinks.Open(v.config, []string{name}, how)
	if err != nil {
		return s, nil, err
	}
	v.later(func() { _ = opened[0].Sink.Close() })
	return opened[0], v.Close, nil
}
