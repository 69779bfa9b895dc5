package app

import (
	"context"
	"log/slog"

	"mekong/config"
	"mekong/pipeline/bus"
)

// Beside opens the bus for a command: that of a mekong which is running on the data
// folder, the embedded one where none is, or the external one. running is whether the
// first, so that what is stored is worked on at once; of an external one that is not
// known, and taken to be so. done closes what was opened.
func Beside(ctx context.Context, c *config.Config, log *slog.Logger) (b *bus.Bus, running bool, done func(), err error) {
	a, running, err := beside(ctx, c, log)
	if err != nil {
		return nil, false, nil, err
	}
	return a.Bus, running, a.Close, nil
}

// beside makes an app of nothing but the bus. After an error nothing stays open.
func beside(ctx context.Context, c *config.Config, log *slog.Logger) (a *App, running bool, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a = &App{config: c, log: log}
	running = c.NATS.URL != ""
	if err = a.openBus(ctx); natsInUse(err) {
		running = true
		err = a.visitBus(ctx)
	}
	if err != nil {
		a.Close()
		return nil, false, err
	}
	return a, running, nil
}
