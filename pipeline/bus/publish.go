package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

const (
	// groupFrom is where one atomic batch, about six flushes and a millisecond,
	// becomes cheaper than a flush per message (jetstream.md §1).
	groupFrom = 12
	// groupMost bounds one batch; the server takes at most 1000 (ADR-50).
	groupMost      = 500
	groupMostBytes = 4 << 20

	codeDuplicateInBatch = 10201
)

// publisher stores messages and says of each whether it was new.
type publisher struct {
	js      jetstream.JetStream
	timeout time.Duration
	// grouped: batches save flushes. On a replicated stream Raft groups them by
	// itself, and without sync-always a batch only costs.
	grouped bool
}

// stored is what became of one message.
type stored struct {
	known bool // the same ID was stored before
	err   error
}

// store returns when every message is on disk or known not to be. Each carries
// a message ID, which makes repeating it safe. len(msgs) ≤ groupMost.
func (p *publisher) store(msgs []*nats.Msg) []stored {
	out := make([]stored, len(msgs))
	if p.grouped && len(msgs) >= groupFrom {
		err := p.batch(msgs)
		if err == nil {
			return out
		}
		if definite(err) && !isCode(err, codeDuplicateInBatch) {
			err = explain(err)
			for i := range out {
				out[i].err = err
			}
			return out
		}
		// The batch holds a known ID and was refused as a whole, or its answer
		// was lost. Singly, each message is stored or found to be there.
		p.unbatch(msgs)
	}
	p.singly(msgs, out)
	retry := make([]*nats.Msg, 0)
	where := make([]int, 0)
	for i := range out {
		if out[i].err != nil && !definite(out[i].err) {
			retry, where = append(retry, msgs[i]), append(where, i)
		}
	}
	if len(retry) > 0 {
		again := make([]stored, len(retry))
		p.singly(retry, again)
		for k, i := range where {
			out[i] = again[k]
		}
	}
	for i := range out {
		if out[i].err != nil {
			out[i].err = explain(out[i].err)
		}
	}
	return out
}

func (p *publisher) batch(msgs []*nats.Msg) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	_, err := jetstreamext.PublishMsgBatch(ctx, p.js, msgs, jetstreamext.BatchFlowControl{AckFirst: false})
	return err
}

// unbatch takes off what made a batch of messages.
func (p *publisher) unbatch(msgs []*nats.Msg) {
	for _, m := range msgs {
		m.Header.Del(jetstreamext.BatchIDHeader)
		m.Header.Del(jetstreamext.BatchSeqHeader)
		m.Header.Del(jetstreamext.BatchCommitHeader)
	}
}

// singly publishes all at once and then waits, so that the server sees them
// back to back.
func (p *publisher) singly(msgs []*nats.Msg, out []stored) {
	futures := make([]jetstream.PubAckFuture, len(msgs))
	for i, m := range msgs {
		m.Reply = ""
		futures[i], out[i].err = p.js.PublishMsgAsync(m)
	}
	for i, f := range futures {
		if f == nil {
			continue
		}
		select {
		case ack := <-f.Ok():
			out[i] = stored{known: ack.Duplicate}
		case err := <-f.Err():
			out[i] = stored{err: err}
		}
	}
}

// definite reports whether the server itself said no. Everything else, above
// all a time-out, leaves open whether the message was stored.
func definite(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api)
}

func isCode(err error, code jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == code
}

// explain names the refusals that have a remedy.
func explain(err error) error {
	switch {
	case isCode(err, 10077), isCode(err, 10122), isCode(err, 10023), isCode(err, 10047):
		return fmt.Errorf("%w: %w; settled messages are dropped after nats.keep, or raise nats.max_bytes", ErrFull, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("the NATS server takes no message of this size: %w; set its max_payload to 1MB or more", err)
	default:
		return fmt.Errorf("the store did not confirm: %w", err)
	}
}
