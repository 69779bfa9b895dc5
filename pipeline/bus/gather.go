package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// headerBefore names the message before in the same answer; 0 in the first.
const headerBefore = "Nats-Last-Sequence"

// gather reads messages of a stream without a queue, at most n, oldest first. None
// means that the server has said there is none. The library ends an answer that did
// not come in time as it ends a complete one; here the first is an error, or the part
// before what is missing, from which the caller goes on.
func (b *Bus) gather(ctx context.Context, stream string, n int, opts ...jetstreamext.GetBatchOpt) ([]*jetstream.RawStreamMsg, error) {
	// A batch whose last part was lost would otherwise be waited for as long as ctx lives.
	ctx, cancel := context.WithTimeout(ctx, 6*b.opts.Timeout)
	defer cancel()
	msgs, err := jetstreamext.GetBatch(ctx, b.js, stream, n, opts...)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	var out []*jetstream.RawStreamMsg
	before := uint64(0)
	for m, err := range msgs {
		switch {
		case errors.Is(err, jetstreamext.ErrNoMessages):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("stream %s: %w", stream, err)
		}
		if last, err := strconv.ParseUint(m.Header.Get(headerBefore), 10, 64); err == nil && last != before {
			break // a part is missing
		}
		before = m.Sequence
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("stream %s: %w", stream, errIncomplete)
	}
	return out, nil
}

var errIncomplete = errors.New("the server's answer did not come, or not whole")
