package chatlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"mekong/pipeline"
	"mekong/sources/request"
)

// Heard is one message from a subject.
type Heard struct {
	Subject string
	Place   string // where a stream holds it, for ever the same; "" when no stream does
	Data    []byte
}

// Hear hands over what comes on a subject until ctx ends, some messages at a
// time. What handle returned nil for is done with; after an error the same
// messages are handed over again, later. A nil error means that ctx ended.
type Hear func(ctx context.Context, handle func(context.Context, []Heard) error) error

// Listener takes what a chatbot publishes on NATS as it takes HTTP.
type Listener struct {
	r      *Receiver
	hear   Hear
	refuse func(ctx context.Context, cause string, raw pipeline.Raw) error
	log    *slog.Logger
}

var _ pipeline.Source = (*Listener)(nil)

// NewListener hears for r. refuse keeps what no shape fits, with its cause; nil
// keeps nothing. A nil log logs nothing.
func NewListener(r *Receiver, hear Hear, refuse func(context.Context, string, pipeline.Raw) error, log *slog.Logger) (*Listener, error) {
	if hear == nil {
		return nil, errors.New("a listener needs something to hear")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Listener{r: r, hear: hear, refuse: refuse, log: log}, nil
}

// Run listens until ctx ends. Who may publish is the NATS server's business.
func (l *Listener) Run(ctx context.Context, emit pipeline.Emit) error {
	return l.hear(ctx, func(ctx context.Context, heard []Heard) error {
		var raws []pipeline.Raw
		for _, m := range heard {
			meta := map[string]string{"subject": strings.ToValidUTF8(m.Subject, "\uFFFD")}
			made, _, err := l.r.read(m.Data, meta, m.Place, l.r.now().UTC(), true)
			if err == nil {
				raws = append(raws, made...)
				continue
			}
			cause := request.CauseMalformed
			if why := request.AsRefusal(err); why != nil {
				cause = why.Cause
			}
			l.log.Warn("a message of a chatbot was not understood; it is kept", "cause", cause, "why", err)
			if l.refuse != nil && len(m.Data) > 0 {
				if err := l.refuse(ctx, cause, l.r.whole(meta, m.Data, l.r.now().UTC())); err != nil {
					return fmt.Errorf("keeping a refused message: %w", err)
				}
			}
		}
		if len(raws) == 0 {
			return nil
		}
		return emit(ctx, raws...)
	})
}
