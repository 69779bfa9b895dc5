package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/sources"
	"mekong/sources/chatlog"
)

// recallFor is how far back a source is told what it stored before a restart: the
// conversations that may still go on.
const recallFor = 24 * time.Hour

func (a *App) openSources(ctx context.Context) (err error) {
	a.Sources, err = sources.Open(a.config, sources.Options{
		Logger: a.log, Metrics: a.doorMetrics(), Listen: a.listenAs(RoleIntake), Refuse: a.Bus.Refuse, Positions: a.positions, Hear: a.hear,
	})
	if err != nil {
		return err
	}
	// Two windows back: what the doors remembered before this start.
	if err := a.Bus.RecentIDs(ctx, time.Now().Add(-2*longestWindow(a.config)), a.Sources.Warm); err != nil {
		return err
	}
	names := a.Sources.Recalls()
	slices.Sort(names)
	for _, name := range names {
		if err := a.Bus.RecentRaws(ctx, name, time.Now().Add(-recallFor), a.Sources.Recall); err != nil {
			return err
		}
	}
	if a.Sources.Door != nil {
		return a.Sources.Door.Listen()
	}
	return nil
}

// longestWindow is over how much time a source knows a repeat by its content.
func longestWindow(c *config.Config) (longest time.Duration) {
	for _, s := range c.Sources {
		if s.LadiPage != nil {
			longest = max(longest, s.LadiPage.Window)
		}
		if s.Webhook != nil {
			longest = max(longest, s.Webhook.Window)
		}
	}
	return longest
}

// positions is where a source keeps how far it has read its files: on this machine, as
// they are.
func (a *App) positions(source string) chatlog.Positions {
	dir := filepath.Join(a.config.DataDir, "tail")
	_ = os.MkdirAll(dir, 0o700) // else saving fails, and says so
	return chatlog.NewPositionFile(filepath.Join(dir, source+".json"))
}

// hear has the bus listen for a source. Several processes share one queue.
func (a *App) hear(source, subject string) chatlog.Hear {
	return func(ctx context.Context, handle func(context.Context, []chatlog.Heard) error) error {
		return a.Bus.Listen(ctx, subject, "mekong-"+source, func(ctx context.Context, got []bus.Heard) error {
			heard := make([]chatlog.Heard, len(got))
			for i, h := range got {
				heard[i] = chatlog.Heard(h)
			}
			return handle(ctx, heard)
		})
	}
}
