package app

import (
	"context"
	"errors"

	"mekong/pipeline/bus"
	"mekong/sinks/larkbase"
)

// memoryTable is where sinks keep what should outlive their process.
const memoryTable = "mekong-sinks"

// memory is one sink's entry. The process that writes for the sink is the only one
// that uses it, so whoever comes later wins.
type memory struct {
	kv  *bus.KV
	key string
}

var _ larkbase.Memory = memory{}

// Load returns nil when nothing was saved yet.
func (m memory) Load(ctx context.Context) ([]byte, error) {
	value, _, err := m.kv.Get(ctx, m.key)
	if errors.Is(err, bus.ErrAbsent) {
		return nil, nil
	}
	return value, err
}

// Save writes over whatever is there. A process that took over meanwhile shows as
// [bus.ErrChanged], which the sink tries again after its next write.
func (m memory) Save(ctx context.Context, state []byte) error {
	_, revision, err := m.kv.Get(ctx, m.key)
	if err != nil && !errors.Is(err, bus.ErrAbsent) {
		return err
	}
	_, err = m.kv.Set(ctx, m.key, state, revision)
	return err
}

// LarkOptions is what the Lark Base sinks of a process get from it: tokens that are
// shared with other processes and survive a restart, and a memory in the bus.
func LarkOptions(ctx context.Context, b *bus.Bus, dataDir string) (func(sink string) larkbase.Options, error) {
	store, err := TokenStore(ctx, b, dataDir)
	if err != nil {
		return nil, err
	}
	kv, err := b.KV(ctx, memoryTable, 0)
	if err != nil {
		return nil, err
	}
	return func(sink string) larkbase.Options {
		return larkbase.Options{Share: store, Memory: memory{kv, "larkbase." + sink}}
	}, nil
}
