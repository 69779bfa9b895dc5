package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"mekong/pipeline"
)

// Refuse keeps a delivery that the door turned away, with the cause, so that a
// wrong token does not cost a lead. The stream is bounded and drops its oldest:
// refused requests can be anybody's, and must not push out accepted ones.
func (b *Bus) Refuse(_ context.Context, cause string, raw pipeline.Raw) error {
	m := &nats.Msg{
		Subject: "refused." + token(raw.Source),
		Header: nats.Header{
			nats.MsgIdHdr:  {nuid.Next()},
			headerEnvelope: {envelopeOf(raw)},
			headerReason:   {cause},
			headerAt:       {time.Now().UTC().Format(time.RFC3339Nano)},
		},
		Data: raw.Body,
	}
	return b.pub.store([]*nats.Msg{m})[0].err
}
