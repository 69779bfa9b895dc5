package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/synadia-io/orbit.go/jetstreamext"

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

// Refusal is one delivery that was turned away.
type Refusal struct {
	Seq   uint64 // its place in REFUSED
	Cause string
	At    time.Time
	Raw   pipeline.Raw
}

// Refusals lists what was turned away, oldest first, from the sequence after; at
// most n.
func (b *Bus) Refusals(ctx context.Context, after uint64, n int) ([]Refusal, error) {
	msgs, err := b.gather(ctx, streamRefused, n, jetstreamext.GetBatchSeq(after+1), jetstreamext.GetBatchSubject("refused.>"))
	if err != nil {
		return nil, fmt.Errorf("the refused cannot be listed: %w", err)
	}
	var out []Refusal
	for _, m := range msgs {
		r := Refusal{Seq: m.Sequence, Cause: m.Header.Get(headerReason)}
		r.At, _ = time.Parse(time.RFC3339Nano, m.Header.Get(headerAt))
		if r.Raw, err = decodeRaw(m.Header, m.Data); err != nil {
			return out, fmt.Errorf("the refused %d: %w", m.Sequence, err)
		}
		out = append(out, r)
	}
	return out, nil
}
