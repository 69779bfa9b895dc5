package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"mekong/pipeline"
)

// Place is one of the streams that hold what people sent. TRACE is none of them:
// it holds IDs, places and reasons only.
type Place string

// The places, in the order in which a delivery passes them.
const (
	Refused    Place = streamRefused // what the door turned away
	Deliveries Place = streamRaw     // what was accepted, as it came
	Records    Place = streamRecords // what was made of it
	Graves     Place = streamBuried  // what could not go on
)

// Places are all of them.
var Places = []Place{Refused, Deliveries, Records, Graves}

// Kept is one message of a place.
type Kept struct {
	Place  Place
	Seq    uint64
	Stored time.Time // when the stream took it

	subject string
	header  nats.Header
	data    []byte
}

// Raw reads it as a delivery: those of RAW and REFUSED are, and those that the
// transform buried.
func (k Kept) Raw() (pipeline.Raw, error) { return decodeRaw(k.header, k.data) }

// Record reads it as a record: those of RECORDS are, and those that a sink buried.
func (k Kept) Record() (pipeline.Record, error) { return decodeRecord(k.header, k.data) }

// Data is the message's content. It must not be written to.
func (k Kept) Data() []byte { return k.data }

// Envelope is what a delivery has besides its content, as it is kept: a text that
// may hold personal data.
func (k Kept) Envelope() string { return k.header.Get(headerEnvelope) }

// Grave reads a message of BURIED.
func (k Kept) Grave() Grave {
	g := Grave{
		Seq: k.Seq, ID: k.header.Get(headerOrigin), Reason: k.header.Get(headerReason),
		Payload: k.data, subject: k.header.Get(headerSubject), header: k.header,
	}
	if k.Place == Graves {
		g.Stage = k.subject[len("buried."):]
	}
	g.Attempts, _ = strconv.Atoi(k.header.Get(headerAttempts))
	g.At, _ = time.Parse(time.RFC3339Nano, k.header.Get(headerAt))
	return g
}

// Raw reads what the transform buried.
func (g Grave) Raw() (pipeline.Raw, error) { return decodeRaw(g.header, g.Payload) }

// Record reads what a sink buried.
func (g Grave) Record() (pipeline.Record, error) { return decodeRecord(g.header, g.Payload) }

// Span says which messages of a place to look at. The zero value is all there are
// now.
type Span struct {
	After  uint64    // only those behind this sequence
	Until  uint64    // and up to this one; 0: up to the newest at the call
	Since  time.Time // only those stored at this time or later; not looked at with After
	Source string    // of a place by source: only this one's. RECORDS leaves out what was replayed
	Stage  string    // of BURIED: only this one's
}

func (s Span) subject(p Place) string {
	switch {
	case p == Graves && s.Stage != "":
		return "buried." + s.Stage
	case s.Source == "" || p == Graves:
		return ">"
	case p == Deliveries:
		return "raw." + token(s.Source)
	case p == Refused:
		return "refused." + token(s.Source)
	default:
		return "rec.*." + token(s.Source)
	}
}

// What one question to the server brings at most.
const (
	walkMost  = 500
	walkBytes = 8 << 20
)

// Walk calls each with the messages of a place, oldest first, until each returns an
// error, which Walk returns. It asks the server for some at a time and is no queue:
// nothing waits for it, and it waits for nobody.
func (b *Bus) Walk(ctx context.Context, p Place, s Span, each func(Kept) error) error {
	if s.Until == 0 {
		last, err := b.Newest(ctx, p)
		if err != nil {
			return err
		}
		s.Until = last
	}
	subject := s.subject(p)
	from := jetstreamext.GetBatchSeq(s.After + 1)
	if s.After == 0 && !s.Since.IsZero() {
		from = jetstreamext.GetBatchStartTime(s.Since)
	}
	for at := s.After; at < s.Until; {
		// All of it first: the server does not wait for whoever is slow to read.
		msgs, err := b.gather(ctx, string(p), walkMost, from, jetstreamext.GetBatchSubject(subject), jetstreamext.GetBatchMaxBytes(walkBytes))
		if err != nil {
			return err
		}
		var got []Kept
		for _, m := range msgs {
			got = append(got, Kept{p, m.Sequence, m.Time, m.Subject, m.Header, m.Data})
		}
		if len(got) == 0 {
			return nil
		}
		for _, k := range got {
			if at = k.Seq; at > s.Until {
				return nil
			}
			if err := each(k); err != nil {
				return err
			}
		}
		from = jetstreamext.GetBatchSeq(at + 1)
	}
	return nil
}

// Newest is the sequence of the last message that a place has taken; 0: none yet.
func (b *Bus) Newest(ctx context.Context, p Place) (uint64, error) {
	s, err := b.js.Stream(ctx, string(p))
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", p, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// ErrNoGrave means that nothing is buried under a number.
var ErrNoGrave = errors.New("nothing is buried under that number")

// Grave reads one buried message; [ErrNoGrave] when there is none.
func (b *Bus) Grave(ctx context.Context, seq uint64) (Grave, error) {
	var found Grave
	err := b.Walk(ctx, Graves, Span{After: seq - 1, Until: seq}, func(k Kept) error {
		found = k.Grave()
		return nil
	})
	if err == nil && found.Seq == 0 {
		err = ErrNoGrave
	}
	return found, err
}

// Bare is the message without its content: enough to erase it.
func (k Kept) Bare() Kept {
	k.data = nil
	h := nats.Header{}
	for _, name := range []string{nats.MsgIdHdr, headerOrigin} {
		if v := k.header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	k.header = h
	return k
}
