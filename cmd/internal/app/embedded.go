package app

import (
	"context"
	"time"
)

// heal restarts the embedded NATS server when its store is broken, as it stays
// after its disk was full even when there is room again (jetstream.md §6). It
// looks every two seconds and acts at the third bad look in a row.
func (a *App) heal(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	bad := 0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		err := a.nats.Healthy()
		if err == nil {
			bad = 0
			continue
		}
		if bad++; bad < 3 {
			continue
		}
		if full := a.Bus.Room(); full != nil {
			if bad == 3 {
				a.log.Error("the embedded NATS server cannot store; it is started anew once there is room", "error", err, "room", full)
			}
			continue
		}
		a.log.Warn("the embedded NATS server is started anew; nothing accepted is lost", "error", err)
		if err := a.nats.Heal(ctx); err != nil {
			a.log.Error("the embedded NATS server does not start; it is tried again", "error", err)
			continue
		}
		bad = 0
	}
}

// indexMongoDB gives the embedded server the index that its look-ups need, which
// must be there before the first write.
func (a *App) indexMongoDB(ctx context.Context) error {
	if a.mongo == nil {
		return nil
	}
	for _, s := range a.Sinks {
		m := s.Config.MongoDB
		if m == nil || !m.URI.IsZero() {
			continue
		}
		if err := a.mongo.EnsureIndex(ctx, m.Database, m.Collection); err != nil {
			return err
		}
	}
	return nil
}
