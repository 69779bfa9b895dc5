package app

import (
	"context"
	"path/filepath"

	"mekong/pipeline/bus"
	"mekong/pipeline/bus/local"
)

func (a *App) openBus(ctx context.Context) error {
	if err := a.startNATS(ctx, a.config.NATS.Listen); err != nil {
		return err
	}
	return a.connectBus(ctx)
}

// startNATS starts the embedded server, unless there is an external one. listen is
// where others may reach it; "": nowhere.
func (a *App) startNATS(ctx context.Context, listen string) (err error) {
	n := a.config.NATS
	if n.URL != "" {
		return nil
	}
	return a.embeddedNATS(ctx, local.Options{Dir: a.natsDir(), Listen: listen, Token: n.Token.Reveal(), Logger: a.log})
}

func (a *App) natsDir() string { return filepath.Join(a.config.DataDir, "nats") }

// connectBus opens the bus on the embedded server that was started, or on the
// external one.
func (a *App) connectBus(ctx context.Context) (err error) {
	o := a.clusterOptions()
	if o.URL == "" {
		o.Server, o.Dir, o.Token = a.nats, a.natsDir(), a.nats.Token()
	}
	if a.Bus, err = bus.Open(ctx, o); err != nil {
		return err
	}
	a.later(a.Bus.Close)
	return nil
}

// clusterOptions are those of the bus on the servers of nats.url.
func (a *App) clusterOptions() bus.Options {
	n := a.config.NATS
	return bus.Options{
		URL: n.URL, Token: n.Token.Reveal(), Credentials: n.Credentials, CA: n.CA, Cert: n.Cert, Key: n.Key, Monitor: n.Monitor,
		Replicas: n.Replicas, MaxBytes: int64(n.MaxBytes), Keep: n.Keep, Reserve: n.Reserve, Logger: a.log,
	}
}
