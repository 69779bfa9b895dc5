package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"mekong/config"
	"mekong/sinks"
	"mekong/sinks/mongodb"
	mongolocal "mekong/sinks/mongodb/local"
)

// Visit opens one sink for a command that reads from it, beside a mekong that may be
// running on the same configuration. done closes it.
func Visit(ctx context.Context, c *config.Config, sink string) (s sinks.Opened, done func(), err error) {
	if _, ok := c.Sinks[sink]; !ok {
		return s, nil, fmt.Errorf("there is no sink %q; there are: %s", sink, strings.Join(c.SinkNames(), ", "))
	}
	v := &App{config: c}
	opened, err := sinks.Open(c, []string{sink}, sinks.Options{LocalMongoDB: func() (mongodb.Options, error) { return v.visitMongoDB(ctx) }})
	if err != nil {
		v.Close()
		return s, nil, err
	}
	v.later(func() { _ = opened[0].Sink.Close() })
	return opened[0], v.Close, nil
}

// visitMongoDB is the embedded server: this process's own where none runs, else that
// of the process that does.
func (a *App) visitMongoDB(ctx context.Context) (mongodb.Options, error) {
	o, err := a.localMongoDB(ctx)
	if !errors.Is(err, mongolocal.ErrInUse) {
		return o, err
	}
	uri := mongolocal.Running(filepath.Join(a.config.DataDir, "mongodb"))
	if uri == "" {
		return o, err
	}
	return mongodb.Options{URI: uri, MaxUpdates: mongolocal.MaxUpdates, Writers: 1}, nil
}
