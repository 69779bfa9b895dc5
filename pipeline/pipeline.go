// Package pipeline is the vocabulary of Mekong: the two envelopes, the three
// things that handle them, and what they may answer.
//
//	Source ──Raw──▶ (stored) ──Raw──▶ Transform ──Record──▶ (stored) ──Record──▶ Sink
//
// A [Raw] is what arrived, byte for byte. A [Record] is what it means. Sources
// make Raws, a [Transform] is the only road from Raw to Record, and a [Sink]
// sees only Records; the compiler guards the direction of flow.
//
// Everything imports this package and it imports only the standard library. It
// does not know what carries the envelopes (pipeline/bus), who retries
// (pipeline/worker), or any vendor.
package pipeline

import (
	"context"
	"time"
)

// Raw is one delivery exactly as the outside world sent it.
//
// It is immutable once emitted: whoever holds one may read it at any time, from
// any goroutine, and nobody writes to Meta or Body.
type Raw struct {
	ID       string            // same delivery, same ID, for ever; at most [MaxID] bytes
	Source   string            // its name in the configuration
	Format   string            // which transform understands Body, e.g. "ladipage.form"
	Received time.Time         // when the door took it, UTC
	Meta     map[string]string // request facts worth keeping: content type, origin, client address
	Body     []byte            // untouched
}

// MaxID is the longest Raw.ID or Record.ID, in bytes. Longer IDs are hashed by
// whoever makes them.
const MaxID = 200

// Record is what a [Transform] makes of a Raw, and all a [Sink] ever sees.
//
// Fields is flat. A value is a string, a bool, nil, a []string, or a float64,
// the last only where the configuration declared a number: an 18-digit ad ID is
// a string from end to end.
type Record struct {
	ID       string // Raw.ID, or Raw.ID/n when one Raw yields several
	Key      string // the row it belongs to; ID unless the transform says otherwise
	Kind     string // "lead", "turn", …: what sinks subscribe to
	Source   string
	Occurred time.Time // when it happened, by the sender's word where it gave one, else Received
	Received time.Time
	Fields   map[string]any
	Again    bool // an earlier try may already have reached the destination
}

// Emit hands deliveries to durable storage. Nil means that every raw is on disk
// and the sender may be answered; any error means that the sender must be told
// to try again, which is safe: the same ID is stored once.
//
// It may be called from any number of goroutines at once.
type Emit func(ctx context.Context, raws ...Raw) error

// Source brings deliveries in.
type Source interface {
	// Run emits what arrives until ctx ends, and returns once nothing it took
	// is still in its hands. A nil error means that ctx ended.
	Run(ctx context.Context, emit Emit) error
}

// Transform turns one Raw into records. It does no I/O, reads no clock and logs
// nothing: the same Raw gives the same records today and at replay. No records
// and a nil error means that a rule left the delivery out; see [Filtered] for
// naming the rule. It may be called from any number of goroutines at once.
type Transform func(Raw) ([]Record, error)

// Sink is one destination.
//
// The worker calls Write from as many goroutines as the sink's [Limits] allow;
// Forget and Check may be called at any time beside it. Close is called once,
// after the last Write has returned.
type Sink interface {
	// Write stores batch and returns one Outcome per record, in order.
	//
	// There is one row per Key: a later record updates the fields it carries and
	// clears none; an older Occurred never overwrites a newer one. A record
	// marked Again ends as one row whether or not the earlier try arrived. Write
	// itself never retries: it says whose fault a failure is ([Permanent],
	// [Hold], or a plain error) and the worker decides.
	Write(ctx context.Context, batch []Record) []Outcome
	// Forget erases the rows of keys. Unknown keys are fine, and so is calling
	// it twice.
	Forget(ctx context.Context, keys []string) error
	// Check says what an operator should know, from connection to column names.
	// It only reads.
	Check(ctx context.Context) []Finding
	Close() error
}

// Outcome is what became of one record.
type Outcome struct {
	Ref string // where the record now lives: a row, a record ID, a link; "" if unknown
	Err error  // nil: stored
}

// Limits is what a sink declares and the worker obeys.
type Limits struct {
	Batch   int           // records per Write, at least 1
	Wait    time.Duration // how long to fill a batch; 0 takes what is there
	Writers int           // Writes in flight over all processes; 1 = a single writer
}

// Level grades a [Finding].
type Level int

// The three grades. The zero value is OK.
const (
	OK   Level = iota
	Warn       // works, but somebody should look
	Fail       // does not work until somebody acts
)

func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	default:
		return "fail"
	}
}

// Finding is one thing a check found out, in an operator's words. It never
// holds a secret or a customer's data.
type Finding struct {
	Level   Level
	Setting string // path in the configuration, e.g. "sinks.archive.mongodb.uri"
	What    string // what is so
	Fix     string // what the operator does about it, with the link to click where there is one
}
