package app

import (
	"context"

	"mekong/pipeline/bus/local"
)

// Standing keeps the embedded NATS server of one App for the next one in the process,
// which then need not read back what waits. One App at a time may have it. The zero
// value has nothing yet.
type Standing struct {
	server *local.Server
	as     local.Options
}

// Close stops what it kept, once no App has it.
func (s *Standing) Close() {
	if s.server != nil {
		s.server.Close()
		s.server = nil
	}
}

// nats is the server with these options: the one that runs, where it runs with the same
// and can store.
func (s *Standing) nats(ctx context.Context, o local.Options) (_ *local.Server, err error) {
	if s.server != nil && s.as == o && s.server.Healthy() == nil {
		return s.server, nil
	}
	s.Close()
	s.server, err = local.Start(ctx, o)
	s.as = o
	return s.server, err
}

// embeddedNATS starts the embedded server, or takes the one that was kept.
func (a *App) embeddedNATS(ctx context.Context, o local.Options) (err error) {
	if a.opts.Standing != nil {
		a.nats, err = a.opts.Standing.nats(ctx, o)
		return err
	}
	if a.nats, err = local.Start(ctx, o); err != nil {
		return err
	}
	a.later(a.nats.Close)
	return nil
}
