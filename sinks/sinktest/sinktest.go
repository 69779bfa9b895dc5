// Package sinktest is the definition of a correct [pipeline.Sink]: one suite
// that every sink passes, against a destination that can be made to fail.
//
// It knows the contract and nothing else: no vendor, no wire, no worker. What
// it needs of a destination it asks of a [Harness], written beside the sink. A
// fault that a destination cannot show is declared there with its reason; no
// case is ever left out in silence.
//
// [Memory] is the suite's first customer: a sink in a map, with a switch for
// every fault. The suite's own tests run it against sinks that are wrong in one
// way each, and demand that it says so.
package sinktest

import (
	"slices"
	"testing"
	"time"

	"mekong/pipeline"
)

// Harness is one sink on one empty destination, and the handles to look inside
// and to do harm. It is used from one goroutine, save that Inject and Heal may
// run beside a Write.
type Harness interface {
	Sink() pipeline.Sink
	Limits() pipeline.Limits // as the worker will be told
	Traits() Traits

	// Rows reads the destination, past the sink. A row that is there twice is
	// listed twice.
	Rows(t testing.TB) []Row

	// Inject makes the destination behave as f says from now on, until Heal.
	// It is never called for a fault that Traits declares.
	Inject(t testing.TB, f Fault) Effect
	Heal(t testing.TB)

	// Bad makes r one that the destination will never take. Not called when
	// Traits declares BadRecord.
	Bad(r pipeline.Record) pipeline.Record

	// Secrets are the texts that must never appear in an error or a finding:
	// passwords, tokens, whole connection strings.
	Secrets() []string
}

// Row is one row as the destination holds it.
type Row struct {
	Key    string
	Fields map[string]any // by the record's field names
}

// Traits is what a destination says about itself.
type Traits struct {
	// Cannot lists the faults the destination cannot show, each with the
	// reason. A case that needs one is logged as declared.
	Cannot map[Fault]string
	// Keeps says why the destination can erase nothing: a message that was posted
	// stays posted. Forget must then refuse, rather than claim what it did not do.
	// "": it erases.
	Keeps string
	// MaxText is the longest text, in characters, a field can hold; 0 means at
	// least 100,000. What happens beyond it is the sink's own business.
	MaxText int
	// Show gives the value that reads back for a stored one, where they differ:
	// a destination of text cells shows every value as text. Nil is the
	// identity. What Show gives for nil also stands for a field that is absent.
	Show func(value any) any
}

// Effect is what a harness tells about a fault it injected.
type Effect struct {
	Wait    time.Duration   // Throttle: how long the destination asks us to wait; 0: it does not say
	Setting string          // BrokenSetting: the path Check must name
	Reached <-chan struct{} // Stall: closed once a request hangs in the destination
}

// Fault is one way in which a destination goes wrong.
type Fault string

// The faults. All but BadRecord are injected; StaleToken and LostReply
// happen once and then are over by themselves.
const (
	Outage        Fault = "outage"         // nothing is accepted and nothing answered
	Throttle      Fault = "throttle"       // every call is refused as one too many
	Forbidden     Fault = "forbidden"      // every call is refused for lack of rights
	StaleToken    Fault = "stale token"    // the token in hand is refused, a fresh one is taken
	LostReply     Fault = "lost reply"     // the next write is applied and its answer lost
	Stall         Fault = "stall"          // calls are accepted and never answered
	BadRecord     Fault = "bad record"     // one record the destination will never take
	BrokenSetting Fault = "broken setting" // something an operator set is wrong
)

// Faults is every fault there is.
func Faults() []Fault {
	return []Fault{Outage, Throttle, Forbidden, StaleToken, LostReply, Stall, BadRecord, BrokenSetting}
}

// FieldNames are the names of all fields the suite writes, for destinations
// whose columns are set up beforehand.
func FieldNames() []string {
	return slices.Clone(fieldNames)
}

// patience is how long a call may take before it counts as hung.
const patience = 30 * time.Second

// Run holds the sink that open gives against the contract, one subtest per
// clause. open is called for every subtest, and cleans up by t.Cleanup; the
// suite closes the sink.
func Run(t *testing.T, open func(t testing.TB) Harness) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.play(t, open, patience) })
	}
}

// contract is one clause and how it is tried.
type contract struct {
	name  string
	needs Fault // "": works on any destination
	try   func(x *trial)
}

// cases is the contract. Each clause stands alone, on an empty destination.
func cases() []contract {
	return slices.Concat(valueCases, rowCases, faultCases, careCases)
}

func (c contract) play(t testing.TB, open func(testing.TB) Harness, patience time.Duration) {
	h := open(t)
	x := &trial{t: t, h: h, traits: h.Traits(), patience: patience}
	x.checkTraits()
	if why, declared := x.traits.Cannot[c.needs]; declared {
		t.Logf("declared: this destination cannot show %q: %s", c.needs, why)
	} else {
		c.try(x)
	}
	x.close()
}
