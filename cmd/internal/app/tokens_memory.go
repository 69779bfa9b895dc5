package app

import (
	"context"
	"errors"

	"mekong/pipeline/bus"
	"mekong/sinks/larkbase"
)

// memoryTable is where sinks keep what should outlive their process, and writerTable
// where it stands which process writes to a destination that takes one at a time.
const (
	memoryTable = "mekong-sinks"
	writerTable = "mekong-writers"
)

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

// glance is a memory that is read and never written.
type glance struct{ larkbase.Memory }

// Save keeps nothing.
func (glance) Save(context.Context, []byte) error { return nil }
