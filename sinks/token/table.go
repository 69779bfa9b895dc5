package token

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrAbsent means that a table has no such entry.
var ErrAbsent = errors.New("there is no such entry")

// ErrChanged means that somebody else wrote the entry meanwhile.
var ErrChanged = errors.New("the entry was changed by somebody else")

// Table is a small durable table that processes share. Every write carries the
// revision it builds on, so two writers cannot undo each other. It is what the
// bus's KV offers, with these two errors in the place of its own; keys are made of
// letters, digits, "-", "_" and ".".
type Table interface {
	// Get reads an entry, or returns [ErrAbsent].
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Set writes an entry that must still be at revision, 0 meaning that it must
	// not exist, or returns [ErrChanged]. Nil means that it is on disk.
	Set(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// Delete removes an entry that must still be at revision, or returns
	// [ErrChanged].
	Delete(ctx context.Context, key string, revision uint64) error
}

// Memory is a [Table] in this process, for tests and for whoever has no bus. Its
// entries end with it.
type Memory struct {
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex
	last    uint64
	entries map[string]memory
}

type memory struct {
	value    []byte
	revision uint64
	written  time.Time
}

// NewMemory makes a table whose entries vanish ttl after they were last written; 0
// keeps them. now is its clock; nil is the real one.
func NewMemory(ttl time.Duration, now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{ttl: ttl, now: now, entries: map[string]memory{}}
}

// Get reads an entry.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	e, ok := m.find(key)
	if !ok {
		return nil, 0, ErrAbsent
	}
	return slices.Clone(e.value), e.revision, nil
}

// Set writes an entry.
func (m *Memory) Set(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if e, _ := m.find(key); e.revision != revision {
		return 0, ErrChanged
	}
	m.last++
	m.entries[key] = memory{value: slices.Clone(value), revision: m.last, written: m.now()}
	return m.last, nil
}

// Delete removes an entry.
func (m *Memory) Delete(ctx context.Context, key string, revision uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if e, _ := m.find(key); e.revision != revision {
		return ErrChanged
	}
	delete(m.entries, key)
	return nil
}

// find forgets what is too old. The caller holds the lock.
func (m *Memory) find(key string) (memory, bool) {
	e, ok := m.entries[key]
	if ok && m.ttl > 0 && m.now().Sub(e.written) >= m.ttl {
		delete(m.entries, key)
		return memory{}, false
	}
	return e, ok
}
