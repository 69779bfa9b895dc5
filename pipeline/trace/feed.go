package trace

import (
	"context"
	"time"

	"mekong/pipeline"
)

// Stream is one of those the index is made of.
type Stream string

// The four streams, in the order things happen.
const (
	Raws    Stream = "RAW"
	Records Stream = "RECORDS"
	Buried  Stream = "BURIED"
	Trace   Stream = "TRACE"
)

// Streams are all of them.
var Streams = []Stream{Raws, Records, Buried, Trace}

// Feed is where the streams are read. A read begins behind a sequence, is oldest
// first, and may give fewer than there are; none means that there is nothing behind
// that sequence.
type Feed interface {
	Extent(ctx context.Context, s Stream) (Extent, error)
	// NextStored is when the first message behind a sequence was stored; false: none.
	NextStored(ctx context.Context, s Stream, after uint64) (time.Time, bool, error)

	Raws(ctx context.Context, after uint64, n int) ([]Entry[pipeline.Raw], error)
	Records(ctx context.Context, after uint64, n int) ([]Entry[pipeline.Record], error)
	Burials(ctx context.Context, after uint64, n int) ([]Entry[Burial], error)
	Settlements(ctx context.Context, after uint64, n int) ([]Entry[Settlement], error)

	// Raw and Record are one message each; false: it is no longer there.
	Raw(ctx context.Context, seq uint64) (Entry[pipeline.Raw], bool, error)
	Record(ctx context.Context, seq uint64) (Entry[pipeline.Record], bool, error)
}

// Extent is what a stream holds now.
type Extent struct {
	Made        time.Time // another time is another stream, with other sequences
	First, Last uint64    // First is Last+1 when it is empty
}

// Entry is one message.
type Entry[T any] struct {
	Seq    uint64
	Stored time.Time
	Value  T
	Err    error // it cannot be read; Value is empty
}

// Burial is one message of BURIED.
type Burial struct {
	Stage    string           // "transform", or "sink-" and the sink's name
	Origin   uint64           // its sequence in the stage's stream
	Raw      *pipeline.Raw    // what the transform could not take; nil if unreadable
	Record   *pipeline.Record // what a sink could not take; nil if unreadable
	Reason   string
	Attempts int
	At       time.Time
}

// Settlement is one message of TRACE: a batch that a stage is done with.
type Settlement struct {
	Stage   string
	At      time.Time
	Took    time.Duration
	Settled []Settled
}

// Settled is what became of one message, or of a run of them (then ID is empty).
type Settled struct {
	Seq      uint64 // in the stage's stream; of BURIED for unburied and dropped
	ID       string // the Raw's or Record's
	State    State
	Ref      string
	Reason   string
	Attempts int
}

// State is what became of a record at a sink, or of a delivery at the transform.
type State string

// The states. Whatever has none of the others is waiting.
const (
	Waiting  State = "waiting"
	Stored   State = "stored"
	Filtered State = "filtered" // a rule left it out
	BuriedAt State = "buried"   // kept aside, with a reason
	Dropped  State = "dropped"  // taken out of what is buried, by hand

	unburied State = "unburied" // sent through its stage again
	made     State = "made"     // the transform made records of it
)

// stageTransform is the stage before there are records; the others are sinks'.
const (
	stageTransform = "transform"
	stagePrefix    = "sink-"
)
