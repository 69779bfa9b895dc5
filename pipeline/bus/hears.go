package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Hears reports whether [Bus.Listen] could hear a subject, and which stream holds it;
// "" when none does. It takes no message from anybody and leaves nothing behind.
func (b *Bus) Hears(ctx context.Context, subject string) (stream string, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.opts.Timeout)
	defer cancel()
	switch stream, err = b.js.StreamNameBySubject(ctx, subject); {
	case err == nil:
		s, err := b.js.Stream(ctx, stream)
		if err == nil && s.CachedInfo().Config.Metadata["owner"] == owner {
			err = errOurs
		}
		if err != nil {
			return "", fmt.Errorf("stream %s: %w", stream, err)
		}
		return stream, nil
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return "", fmt.Errorf("which stream holds the subject cannot be asked: %w", err)
	}
	// A subscription beside the queue gets a copy. That it is forbidden is told later,
	// but before the answer to a flush.
	sub, err := b.nc.SubscribeSync(subject)
	if err != nil {
		return "", fmt.Errorf("subject %s: %w", subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone already
	if err := b.nc.FlushWithContext(ctx); err != nil {
		return "", fmt.Errorf("the server does not answer: %w", err)
	}
	if err := b.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return "", fmt.Errorf("subject %s: %w", subject, nats.ErrPermissionViolation)
	}
	return "", nil
}
