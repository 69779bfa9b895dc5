package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/receipt"
	"mekong/pipeline/trace"
)

// gathering collects the facts of a receipt. It belongs to one goroutine.
type gathering struct {
	r         *Receipts
	gone      *suppression
	paths     []trace.Path
	forgotten []receipt.Fact
}

// path adds a delivery. Of somebody who asked to be forgotten after it came, nothing
// but that is taken, also where the erasing is not done yet.
func (g *gathering) path(ctx context.Context, id string) error {
	p, err := g.r.index.Path(ctx, strings.TrimSpace(id))
	if errors.Is(err, trace.ErrUnknown) {
		return ErrNothing
	}
	if err != nil || slices.ContainsFunc(g.paths, func(have trace.Path) bool { return have.ID == p.ID }) {
		return err
	}
	if p.Received == nil && len(p.Records) > 0 {
		// That something is no longer kept is not said because the index does not know.
		at := p.Records[0].Received
		raw, ok, err := g.r.app.lookForSent(ctx, p.ID, p.Records[0].Source, at.Add(-sentSlack), at.Add(storedWithin))
		if err != nil {
			return err
		}
		if ok {
			p.Received = &trace.Received{Seq: raw.Seq, Stored: raw.Stored, Raw: raw.Value}
		}
	}
	who, err := newSought()
	if err != nil {
		return err
	}
	for _, t := range p.Records {
		if t.Record != nil {
			who.learnFrom(*t.Record)
			continue
		}
		who.learn(t.Phone)
		who.learn(t.Email)
	}
	marks, at, err := g.gone.since(ctx, who)
	if err != nil {
		return err
	}
	if len(marks) == 0 {
		g.paths = append(g.paths, p)
		return nil
	}
	again := !at.IsZero() && receivedAt(p).After(at)
	g.forget(marks, at, again)
	if again {
		g.paths = append(g.paths, p)
	}
	return nil
}

// nobody adds that a person is forgotten, where that is so.
func (g *gathering) nobody(ctx context.Context, term string) error {
	who, err := newSought()
	if err != nil {
		return err
	}
	if !who.learn(term) {
		return ErrNothing
	}
	marks, at, err := g.gone.since(ctx, who)
	if err == nil && len(marks) > 0 {
		g.forget(marks, at, false)
	}
	return err
}

func (g *gathering) forget(marks []string, at time.Time, again bool) {
	same := func(f receipt.Fact) bool {
		return slices.Equal(f.Forgotten.Marks, marks) && f.Forgotten.Since == again
	}
	if !slices.ContainsFunc(g.forgotten, same) {
		g.forgotten = append(g.forgotten, receipt.Fact{At: g.zoned(at), Forgotten: &receipt.Forgotten{Marks: marks, Since: again}})
	}
}

// since tells which marks of a person are in the list, and when the last of them came
// there; no marks: the person has not asked to be forgotten. A zero time: it cannot be
// read.
func (s *suppression) since(ctx context.Context, p sought) (marks []string, at time.Time, err error) {
	for _, mark := range s.marksOf(p) {
		value, _, err := s.kv.Get(ctx, mark)
		if errors.Is(err, bus.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, at, err
		}
		var e suppressed
		if json.Unmarshal(value, &e) == nil && e.At.After(at) {
			at = e.At
		}
		marks = append(marks, mark)
	}
	return marks, at, nil
}

func receivedAt(p trace.Path) time.Time {
	if p.Received != nil {
		return p.Received.Raw.Received
	}
	if len(p.Records) > 0 {
		return p.Records[0].Received
	}
	return time.Time{}
}

func (g *gathering) zoned(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(g.r.zone)
}

// facts puts everything in order: delivery by delivery, the oldest first.
func (g *gathering) facts(ctx context.Context) ([]receipt.Fact, error) {
	slices.SortStableFunc(g.paths, func(a, b trace.Path) int { return receivedAt(a).Compare(receivedAt(b)) })
	h, err := g.history(ctx)
	if err != nil {
		return nil, err
	}
	out := g.forgotten
	for _, p := range g.paths {
		out = append(out, g.received(p), g.consent(p))
		for _, t := range p.Records {
			f, err := g.record(ctx, p, t)
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
		out = append(out, h.outcomes(g, p)...)
	}
	return out, nil
}

func (g *gathering) received(p trace.Path) receipt.Fact {
	f := receipt.Fact{At: g.zoned(receivedAt(p)), Lead: p.ID, Received: &receipt.Received{}}
	got := p.Received
	if got == nil {
		if len(p.Records) > 0 {
			f.Received.Source = p.Records[0].Source
		}
		return f
	}
	sum := sha256.Sum256(got.Raw.Body)
	*f.Received = receipt.Received{Source: got.Raw.Source, Format: got.Raw.Format, Bytes: len(got.Raw.Body), SHA256: hex.EncodeToString(sum[:]),
		Number: got.Seq, Stored: g.zoned(got.Stored), Facts: got.Raw.Meta}
	return f
}

func (g *gathering) consent(p trace.Path) receipt.Fact {
	var raw *pipeline.Raw
	if p.Received != nil {
		raw = &p.Received.Raw
	}
	var records []*pipeline.Record
	for i := range p.Records {
		if p.Records[i].Record != nil {
			records = append(records, p.Records[i].Record)
		}
	}
	return receipt.Fact{At: g.zoned(receivedAt(p)), Lead: p.ID, Consent: consentOf(raw, records)}
}

func (g *gathering) record(ctx context.Context, p trace.Path, t trace.Traced) (receipt.Fact, error) {
	f := receipt.Fact{Lead: p.ID, Record: &receipt.Record{ID: t.ID, Key: t.Key, Kind: t.Kind, Source: t.Source,
		Occurred: g.zoned(t.Occurred), Name: t.Name, Phone: t.Phone, Email: t.Email}}
	made, ok, err := g.r.app.Bus.RecordAt(ctx, t.Seq)
	if err != nil {
		return f, err
	}
	if t.Record == nil {
		f.At = g.zoned(t.Received)
		return f, nil
	}
	if ok {
		f.At = g.zoned(made.Stored)
	}
	f.Record.Key, f.Record.Occurred = t.Record.Key, g.zoned(t.Record.Occurred)
	f.Record.Fields = bounded(t.Record.Fields)
	// The index cuts long ones.
	for name, into := range map[string]*string{"name": &f.Record.Name, "email": &f.Record.Email} {
		if v, ok := t.Record.Fields[name].(string); ok && v != "" {
			*into = v
		}
	}
	return f, nil
}

// fieldMost is how much of a field is put into a receipt; of a longer one its hash is.
const fieldMost = 32 << 10

func bounded(fields map[string]any) map[string]any {
	out := maps.Clone(fields)
	if out == nil {
		out = map[string]any{} // nil would say that the record is not kept
	}
	for name, v := range out {
		if text, ok := v.(string); ok && len(text) > fieldMost {
			sum := sha256.Sum256([]byte(text))
			out[name] = fmt.Sprintf("%s… (%d bytes, SHA-256 %x)", strings.ToValidUTF8(text[:fieldMost], ""), len(text), sum)
		}
	}
	return out
}
