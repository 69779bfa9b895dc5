package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Names lists the entries of a table, in no order.
func (k *KV) Names(ctx context.Context) ([]string, error) {
	list, err := k.kv.ListKeys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the entries of %s: %w", k.kv.Bucket(), err)
	}
	var out []string
	for name := range list.Keys() {
		out = append(out, name)
	}
	return out, ctx.Err()
}

// Follow calls each with the names of entries as they are written or deleted, from
// those there are on, until ctx ends. Any other end is an error; whoever goes on calls
// it again.
func (k *KV) Follow(ctx context.Context, each func(name string, there bool)) error {
	w, err := k.kv.WatchAll(ctx, jetstream.MetaOnly())
	if err != nil {
		return fmt.Errorf("the entries of %s: %w", k.kv.Bucket(), err)
	}
	defer func() { _ = w.Stop() }() // it has ended either way
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok {
				return errors.Join(ctx.Err(), fmt.Errorf("the entries of %s are not told any more", k.kv.Bucket()))
			}
			if e != nil { // nil: all there were have been told
				each(e.Key(), e.Operation() == jetstream.KeyValuePut)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
