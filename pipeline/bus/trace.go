package bus

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// State is what became of a message at a stage.
type State string

// The states a message ends in. Whatever has none of them is waiting.
const (
	Stored   State = "stored"   // a sink has it
	Made     State = "made"     // the transform made records of it
	Filtered State = "filtered" // a rule left it out; Reason names the rule
	Buried   State = "buried"   // kept aside; Reason says why
)

// Settled is one message that a stage is done with, or a run of them with the
// same fate.
type Settled struct {
	Seq      uint64         `json:"seq"`
	To       uint64         `json:"to,omitempty"` // last of a run; 0: only Seq
	ID       string         `json:"id,omitempty"`
	State    State          `json:"state"`
	Ref      string         `json:"ref,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Attempts int            `json:"attempts,omitempty"`
	Again    bool           `json:"again,omitempty"` // may have been settled before
	Redo     bool           `json:"redo,omitempty"`
	Made     map[string]int `json:"made,omitempty"` // records by kind.source, over the whole run
}

// Settlement is one batch that a stage is done with.
type Settlement struct {
	Stage   string        `json:"stage"`
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took"` // nanoseconds
	Settled []Settled     `json:"settled"`
}

// Trace writes down what became of a batch, and returns when that is on disk.
// It is called before the batch is acknowledged, so that whatever is
// acknowledged is accounted for. After an error part of it may have been
// written; to write it again is harmless.
func (b *Bus) Trace(s Settlement) error {
	// The largest message is 1 MiB; a long batch becomes several.
	const most = 1000
	for first := true; first || len(s.Settled) > 0; first = false {
		part := s
		n := min(len(s.Settled), most)
		part.Settled, s.Settled = s.Settled[:n], s.Settled[n:]
		data, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("trace: %w", err)
		}
		m := &nats.Msg{Subject: "trace." + s.Stage, Header: nats.Header{nats.MsgIdHdr: {nuid.Next()}}, Data: data}
		if r := b.pub.store([]*nats.Msg{m}); r[0].err != nil {
			return fmt.Errorf("trace: %w", r[0].err)
		}
	}
	return nil
}
