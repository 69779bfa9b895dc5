package sinktest

import (
	"maps"
	"testing"

	"mekong/pipeline"
)

// MemoryHarness puts a Memory under the suite.
type MemoryHarness struct{ Memory *Memory }

var _ Harness = MemoryHarness{}

// Sink is the sink under test.
func (h MemoryHarness) Sink() pipeline.Sink { return h.Memory }

// Limits is what the sink declares.
func (h MemoryHarness) Limits() pipeline.Limits { return h.Memory.Limits() }

// Traits declares nothing: a map can show every fault.
func (h MemoryHarness) Traits() Traits { return Traits{} }

// Rows reads the map.
func (h MemoryHarness) Rows(testing.TB) []Row { return h.Memory.Rows() }

// Inject switches a fault on.
func (h MemoryHarness) Inject(_ testing.TB, f Fault) Effect { return h.Memory.Set(f) }

// Heal switches it off.
func (h MemoryHarness) Heal(testing.TB) { h.Memory.Clear() }

// Bad gives r the one field that is never taken.
func (h MemoryHarness) Bad(r pipeline.Record) pipeline.Record {
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	r.Fields[MemoryBad] = true
	return r
}

// Secrets are none.
func (h MemoryHarness) Secrets() []string { return nil }
