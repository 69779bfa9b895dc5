package sinktest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"mekong/pipeline"
)

// Memory is a sink in a map, with a switch for every fault. It passes the
// suite, and is what the tests of a worker write to.
//
// All methods may be called at once.
type Memory struct {
	mu      sync.Mutex
	rows    map[string]*memoryRow
	fault   Fault
	reached chan struct{}
	healed  chan struct{}
	writes  int
	closed  bool
}

// memoryRow keeps, for every field, where its value came from.
type memoryRow struct {
	version string
	fields  map[string]any
}

var _ pipeline.Sink = (*Memory)(nil)

// The wait that a throttled Memory asks for, and the field that no Memory takes.
const (
	MemoryWait = 7 * time.Second
	MemoryBad  = "\x00bad"
)

// NewMemory returns an empty sink without faults.
func NewMemory() *Memory {
	return &Memory{rows: map[string]*memoryRow{}, healed: make(chan struct{})}
}

// Set switches a fault on. BadRecord does nothing: a record is bad when it has
// a field named [MemoryBad].
func (m *Memory) Set(f Fault) Effect {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
	m.reached = make(chan struct{})
	m.healed = make(chan struct{})
	return Effect{Wait: map[Fault]time.Duration{Throttle: MemoryWait}[f], Setting: "sinks.memory.switch", Reached: m.reached}
}

// Clear switches the fault off.
func (m *Memory) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault == Stall {
		close(m.healed)
	}
	m.fault = ""
}

// Rows returns a copy of what is stored.
func (m *Memory) Rows() []Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []Row
	for key, r := range m.rows {
		rows = append(rows, Row{Key: key, Fields: maps.Clone(r.fields)})
	}
	return rows
}

// Writes counts the calls of Write so far.
func (m *Memory) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// Limits lets several writers in.
func (m *Memory) Limits() pipeline.Limits {
	return pipeline.Limits{Batch: 100, Writers: 4}
}

// Write stores batch; see [pipeline.Sink].
func (m *Memory) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	if err := m.enter(ctx); err != nil {
		return pipeline.Outcomes(len(batch), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	out := make([]pipeline.Outcome, len(batch))
	for _, i := range inOrder(batch) {
		out[i] = m.put(batch[i])
	}
	if m.fault == LostReply {
		m.fault = ""
		return pipeline.Outcomes(len(batch), errors.New("the answer was lost"))
	}
	return out
}

// put stores one record. The caller holds the lock.
func (m *Memory) put(r pipeline.Record) pipeline.Outcome {
	if _, bad := r.Fields[MemoryBad]; bad {
		return pipeline.Outcome{Err: pipeline.Permanent(errors.New("the record is bad"))}
	}
	row, ok := m.rows[r.Key]
	if !ok {
		row = &memoryRow{fields: map[string]any{}}
		m.rows[r.Key] = row
	}
	version := memoryVersion(r)
	for name, v := range r.Fields {
		if old := row.fields[name]; v != nil && (old == nil || version >= row.version) {
			row.fields[name] = v
		}
	}
	row.version = max(row.version, version)
	return pipeline.Outcome{Ref: "memory:" + r.Key}
}

// enter is the way in for every call: it applies the fault that is on.
func (m *Memory) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	fault, reached, healed := m.fault, m.reached, m.healed
	switch fault {
	case StaleToken:
		m.fault = "" // a fresh token was fetched, and nobody saw it
	case Stall:
		select {
		case <-reached:
		default:
			close(reached)
		}
	}
	m.mu.Unlock()
	switch fault {
	case Outage:
		return pipeline.Hold(errors.New("the map is out of reach"), 0)
	case Throttle:
		return pipeline.Hold(errors.New("too many calls"), MemoryWait)
	case Forbidden, BrokenSetting:
		return pipeline.Hold(errors.New("the map may not be written"), 0)
	case Stall:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-healed:
		}
	}
	return nil
}

// Forget erases the rows of keys.
func (m *Memory) Forget(ctx context.Context, keys []string) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		delete(m.rows, key)
	}
	return nil
}

// Check reports the fault that is on.
func (m *Memory) Check(context.Context) []pipeline.Finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault == "" {
		return []pipeline.Finding{{Level: pipeline.OK, What: fmt.Sprintf("%d rows in memory", len(m.rows))}}
	}
	return []pipeline.Finding{{
		Level: pipeline.Fail, Setting: "sinks.memory.switch",
		What: "a fault is switched on: " + string(m.fault), Fix: "switch it off",
	}}
}

// Close marks the sink closed; see [Memory.Closed].
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Closed reports whether Close was called.
func (m *Memory) Closed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// memoryVersion orders records of one key as text.
func memoryVersion(r pipeline.Record) string {
	return fmt.Sprintf("%020d.%09d %020d.%09d %s",
		r.Occurred.Unix()+1<<40, r.Occurred.Nanosecond(), r.Received.Unix()+1<<40, r.Received.Nanosecond(), r.ID)
}

// inOrder gives the places of batch in the order the records are to be applied.
func inOrder(batch []pipeline.Record) []int {
	places := make([]int, len(batch))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int {
		return cmp.Compare(memoryVersion(batch[a]), memoryVersion(batch[b]))
	})
	return places
}
