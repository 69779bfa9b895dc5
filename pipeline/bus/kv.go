package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// KV is a small durable table that all processes of one Mekong share. Every
// write carries the revision it builds on, so two writers cannot undo each
// other. Values are stored as given: secrets are encrypted before they come
// here.
type KV struct{ kv jetstream.KeyValue }

// ErrChanged means that somebody else wrote the key meanwhile: read it again.
var ErrChanged = errors.New("the entry was changed by somebody else")

// ErrAbsent means that there is no such entry.
var ErrAbsent = errors.New("there is no such entry")

// KV opens or makes a table. With a ttl every entry vanishes that long after it
// was last written, which makes a lease of it; 0 keeps entries for good.
func (b *Bus) KV(ctx context.Context, name string, ttl time.Duration) (*KV, error) {
	kv, err := b.bucket(ctx, name, ttl)
	if err != nil {
		return nil, err
	}
	return &KV{kv}, nil
}

func (b *Bus) bucket(ctx context.Context, name string, ttl time.Duration) (jetstream.KeyValue, error) {
	kv, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: name, History: 5, TTL: ttl, Storage: jetstream.FileStorage, Replicas: b.opts.Replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("the table %s cannot be opened: %w", name, err)
	}
	return kv, nil
}

// Get reads an entry and its revision.
func (k *KV) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	e, err := k.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, ErrAbsent
	}
	if err != nil {
		return nil, 0, fmt.Errorf("entry %s: %w", key, err)
	}
	return e.Value(), e.Revision(), nil
}

// Set writes an entry that must still be at revision; 0 means that it must not
// exist. It returns the new revision when the entry is on disk.
func (k *KV) Set(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	var next uint64
	var err error
	if revision == 0 {
		next, err = k.kv.Create(ctx, key, value)
	} else {
		next, err = k.kv.Update(ctx, key, value, revision)
	}
	// A replicated stream says the same in other numbers (jetstream.md §2).
	if errors.Is(err, jetstream.ErrKeyExists) || isCode(err, 10071) || isCode(err, 10164) {
		return 0, ErrChanged
	}
	if err != nil {
		return 0, fmt.Errorf("entry %s: %w", key, err)
	}
	return next, nil
}

// Delete removes an entry that must still be at revision.
func (k *KV) Delete(ctx context.Context, key string, revision uint64) error {
	err := k.kv.Delete(ctx, key, jetstream.LastRevision(revision))
	if isCode(err, 10071) || isCode(err, 10164) {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("entry %s: %w", key, err)
	}
	return nil
}
