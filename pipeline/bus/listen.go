package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Heard is one message that somebody else published.
type Heard struct {
	Subject string
	Place   string // its stream and sequence; "" when no stream holds it
	Data    []byte
}

const (
	heardAtOnce = 64               // messages handed over together
	heardWait   = time.Second      // for the first of them to come
	heardAgain  = time.Second      // before what could not be handled is handed over again
	heardAck    = 60 * time.Second // silence after which a stream's messages go to another process
)

// Listen hands over what others publish on subject, until ctx ends; that is the
// only nil error. Of several processes with one queue name each message goes to
// one.
//
// Where a stream holds the subject, a durable consumer of the queue's name reads
// it from its first message on, so that nothing is missed while nobody listens,
// and handle is called again, later, with what it returned an error for. Without
// a stream what is published while nobody listens is gone; a message that asks
// for a reply gets {"ok":true} once handle returned nil, and
// {"ok":false} until then, so its sender knows to send it again; one that does
// not ask is handed over until it is handled.
func (b *Bus) Listen(ctx context.Context, subject, queue string, handle func(context.Context, []Heard) error) error {
	for ctx.Err() == nil {
		name, err := b.js.StreamNameBySubject(ctx, subject)
		switch {
		case err == nil:
			err = b.listenStream(ctx, name, subject, queue, handle)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			err = b.listenCore(ctx, subject, queue, handle)
		}
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errOurs) {
			return err
		}
		b.log.Warn("the subject cannot be heard; trying again", "subject", subject, "error", err)
		pause(ctx, heardAgain)
	}
	return nil
}

var errOurs = errors.New("the subject is one of Mekong's own streams")

func (b *Bus) listenStream(ctx context.Context, name, subject, queue string, handle func(context.Context, []Heard) error) error {
	stream, err := b.js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	if stream.CachedInfo().Config.Metadata["owner"] == owner {
		return fmt.Errorf("subject %s: %w", subject, errOurs)
	}
	cons, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "mekong-" + token(queue), FilterSubject: subject, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait: heardAck, MaxDeliver: -1, MaxAckPending: 4 * heardAtOnce,
	})
	if err != nil {
		return fmt.Errorf("a consumer on stream %s: %w", name, err)
	}
	for ctx.Err() == nil {
		batch, err := cons.Fetch(heardAtOnce, jetstream.FetchMaxWait(heardWait))
		if err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		var msgs []jetstream.Msg
		var heard []Heard
		for m := range batch.Messages() {
			place := ""
			if meta, err := m.Metadata(); err == nil {
				place = name + ":" + strconv.FormatUint(meta.Sequence.Stream, 10)
			}
			msgs = append(msgs, m)
			heard = append(heard, Heard{m.Subject(), place, m.Data()})
		}
		if err := batch.Error(); err != nil && len(msgs) == 0 && !errors.Is(err, nats.ErrTimeout) {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		if len(msgs) == 0 {
			continue
		}
		failed := handle(ctx, heard)
		for _, m := range msgs {
			if failed == nil {
				err = m.Ack()
			} else {
				err = m.NakWithDelay(heardAgain)
			}
			if err != nil {
				return fmt.Errorf("stream %s: %w", name, err) // they come again
			}
		}
	}
	return nil
}

func (b *Bus) listenCore(ctx context.Context, subject, queue string, handle func(context.Context, []Heard) error) error {
	sub, err := b.nc.QueueSubscribeSync(subject, "mekong-"+token(queue))
	if err != nil {
		return fmt.Errorf("subject %s: %w", subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone already
	for {
		first, err := sub.NextMsgWithContext(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, nats.ErrSlowConsumer) {
			return fmt.Errorf("subject %s: %w", subject, err)
		}
		if err != nil {
			b.log.Warn("messages on the subject were lost: they came faster than they could be stored; put a stream over it", "subject", subject)
			continue
		}
		msgs := []*nats.Msg{first}
		for len(msgs) < heardAtOnce {
			m, err := sub.NextMsg(time.Microsecond)
			if err != nil {
				break
			}
			msgs = append(msgs, m)
		}
		b.settleCore(ctx, msgs, handle)
	}
}

// settleCore hands messages over until they are handled. Those that asked for a
// reply are told at the first failure and left to their senders.
func (b *Bus) settleCore(ctx context.Context, msgs []*nats.Msg, handle func(context.Context, []Heard) error) {
	for len(msgs) > 0 && ctx.Err() == nil {
		heard := make([]Heard, len(msgs))
		for i, m := range msgs {
			heard[i] = Heard{Subject: m.Subject, Data: m.Data}
		}
		err := handle(ctx, heard)
		var left []*nats.Msg
		for _, m := range msgs {
			switch {
			case m.Reply == "" || strings.HasPrefix(m.Reply, "$JS."):
				if err != nil {
					left = append(left, m)
				}
			case err == nil:
				_ = m.Respond([]byte(`{"ok":true}`)) // a sender that is gone is told nothing
			default:
				_ = m.Respond([]byte(`{"ok":false}`))
			}
		}
		if msgs = left; len(msgs) > 0 {
			pause(ctx, heardAgain)
		}
	}
}

// pause waits d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
