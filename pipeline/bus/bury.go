package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

const (
	headerSubject  = "Mekong-Subject"
	headerSeq      = "Mekong-Seq"
	headerReason   = "Mekong-Reason"
	headerAttempts = "Mekong-Attempts"
	headerAt       = "Mekong-At"
)

// Bury keeps the message aside with the reason, and returns when that is on
// disk; only then may it be acknowledged. Burying the same message twice keeps
// one. reason holds no personal data.
func Bury[T any](b *Bus, stage string, d Delivery[T], reason string, attempts int) error {
	// Only our own headers go along: the server's would make this message part
	// of a batch that is long over.
	h := nats.Header{}
	for _, k := range []string{headerEnvelope, headerAgain, headerTrace, headerTraceBefore} {
		if v := d.msg.Headers().Get(k); v != "" {
			h.Set(k, v)
		}
	}
	h.Set(nats.MsgIdHdr, fmt.Sprintf("%s:%d", stage, d.Seq))
	h.Set(headerSubject, d.msg.Subject())
	h.Set(headerSeq, strconv.FormatUint(d.Seq, 10))
	h.Set(headerReason, reason)
	h.Set(headerAttempts, strconv.Itoa(attempts))
	h.Set(headerAt, time.Now().UTC().Format(time.RFC3339Nano))
	if id := d.msg.Headers().Get(nats.MsgIdHdr); id != "" {
		h.Set(headerOrigin, id)
	}
	m := &nats.Msg{Subject: "buried." + stage, Header: h, Data: d.msg.Data()}
	if s := b.pub.store([]*nats.Msg{m})[0]; s.err != nil {
		return fmt.Errorf("burying: %w", s.err)
	}
	return nil
}

const headerOrigin = "Mekong-Origin"

// Grave is one buried message.
type Grave struct {
	Seq      uint64 // its place in BURIED: what Unbury and Drop take
	Stage    string
	ID       string // the Raw's or Record's
	Reason   string
	Attempts int
	At       time.Time
	Payload  []byte // the original message
	subject  string
	header   nats.Header
}

// Graves lists what is buried at stage ("" is everywhere), oldest first, from
// the sequence after; at most n.
func (b *Bus) Graves(ctx context.Context, stage string, after uint64, n int) ([]Grave, error) {
	subject := "buried.>"
	if stage != "" {
		subject = "buried." + stage
	}
	msgs, err := b.gather(ctx, streamBuried, n, jetstreamext.GetBatchSeq(after+1), jetstreamext.GetBatchSubject(subject))
	if err != nil {
		return nil, fmt.Errorf("the buried cannot be listed: %w", err)
	}
	var out []Grave
	for _, m := range msgs {
		out = append(out, grave(m))
	}
	return out, nil
}

func grave(m *jetstream.RawStreamMsg) Grave {
	g := Grave{
		Seq: m.Sequence, Stage: m.Subject[len("buried."):], ID: m.Header.Get(headerOrigin),
		Reason: m.Header.Get(headerReason), Payload: m.Data,
		subject: m.Header.Get(headerSubject), header: m.Header,
	}
	g.Attempts, _ = strconv.Atoi(m.Header.Get(headerAttempts))
	g.At, _ = time.Parse(time.RFC3339Nano, m.Header.Get(headerAt))
	return g
}

// Unbury sends a buried message through its stage again, to that stage alone,
// and then takes it out of BURIED. It carries a fresh message ID, because the
// duplicate window would swallow the old one, and is marked Again.
func (b *Bus) Unbury(ctx context.Context, seq uint64) error {
	s, err := b.js.Stream(ctx, streamBuried)
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamBuried, err)
	}
	raw, err := s.GetMsg(ctx, seq)
	if err != nil {
		return fmt.Errorf("nothing is buried under %d: %w", seq, err)
	}
	g := grave(raw)
	subject, err := redoSubject(g)
	if err != nil {
		return err
	}
	h := nats.Header{headerAgain: {past}}
	if e := g.header.Get(headerEnvelope); e != "" {
		h.Set(headerEnvelope, e)
	}
	if t := lastTrace(g.header); t != "" {
		h.Set(headerTraceBefore, t)
	}
	h.Set(nats.MsgIdHdr, fmt.Sprintf("%s:r%d", g.ID, seq))
	if r := b.pub.store([]*nats.Msg{{Subject: subject, Header: h, Data: g.Payload}})[0]; r.err != nil {
		return r.err
	}
	return b.lift(ctx, s, g, "unburied")
}

// Drop takes a buried message out for good, on a person's word.
func (b *Bus) Drop(ctx context.Context, seq uint64) error {
	s, err := b.js.Stream(ctx, streamBuried)
	if err != nil {
		return fmt.Errorf("stream %s: %w", streamBuried, err)
	}
	raw, err := s.GetMsg(ctx, seq)
	if err != nil {
		return fmt.Errorf("nothing is buried under %d: %w", seq, err)
	}
	return b.lift(ctx, s, grave(raw), "dropped")
}

// lift deletes the grave and writes down that it is gone. The trace comes
// first: deleting twice is harmless, counting a grave that is gone is not.
func (b *Bus) lift(ctx context.Context, s jetstream.Stream, g Grave, why State) error {
	err := b.Trace(Settlement{Stage: g.Stage, At: time.Now().UTC(),
		Settled: []Settled{{Seq: g.Seq, ID: g.ID, State: why}}})
	if err != nil {
		return err
	}
	if err := s.SecureDeleteMsg(ctx, g.Seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("the buried %d cannot be taken out: %w", g.Seq, err)
	}
	return nil
}

func redoSubject(g Grave) (string, error) {
	switch {
	case g.Stage == StageTransform:
		return g.subject, nil
	case len(g.Stage) > 5 && g.Stage[:5] == "sink-":
		rest, ok := cutKind(g.subject)
		if !ok {
			return "", fmt.Errorf("the buried %d has no subject to go back to", g.Seq)
		}
		return "redo." + g.Stage[5:] + "." + rest, nil
	}
	return "", fmt.Errorf("the buried %d is of an unknown stage", g.Seq)
}

// cutKind gives kind.source of a record's subject.
func cutKind(subject string) (string, bool) {
	switch {
	case len(subject) > 4 && subject[:4] == "rec.":
		return subject[4:], true
	case isRedo(subject):
		rest := subject[5:]
		for i := 0; i < len(rest); i++ {
			if rest[i] == '.' {
				return rest[i+1:], true
			}
		}
	}
	return "", false
}
