package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// ReplayDiff is what today's transform would make otherwise than what is kept.
type ReplayDiff struct {
	Read     int         // deliveries
	Same     int         // records that would be as they are
	Changed  int         // records that would not
	New      int         // records that are not kept: they were buried, or are older than nats.keep
	Gone     int         // kept records that would not be made any more
	Filtered int         // deliveries that a rule leaves out
	Refused  int         // that today's transform does not understand
	Fields   []FieldDiff // the most touched first
}

// FieldDiff is what would change in one field. What is no field has its name in
// brackets.
type FieldDiff struct {
	Name                    string
	Added, Changed, Removed int
	Samples                 []FieldSample
}

// FieldSample is one change, with the values in full: see [Masked].
type FieldSample struct {
	ID      string // of the record
	Was, Is any    // nil: not there
}

const (
	diffSamples = 3
	// diffAhead bounds how many kept records are in memory while their deliveries
	// come up: how far the transform was behind, at the most.
	diffAhead = 20_000
	// diffParts is how many records one delivery may have become.
	diffParts = 16
)

// Diff compares what today's transform makes of history with the records that are
// kept. It changes nothing. Records that a later replay sent are not looked at: the
// comparison is with what was made when the delivery came.
func (o *Operator) Diff(ctx context.Context, r ReplayOptions) (ReplayDiff, error) {
	of, err := transforms(o.app.config)
	if err != nil {
		return ReplayDiff{}, err
	}
	d := &differing{fields: map[string]*FieldDiff{}, kept: map[string]pastRecord{}}
	var failed error
	next, stop := iter.Pull(o.recordsOf(ctx, r, &failed))
	defer stop()
	d.next = next
	batch := make([]bus.Kept, 0, replayBatch)
	err = o.app.Bus.Walk(ctx, bus.Deliveries, bus.Span{Since: r.Since, Source: r.Source}, func(k bus.Kept) error {
		if !r.Until.IsZero() && !k.Stored.Before(r.Until) {
			return errEnough
		}
		if batch = append(batch, k); len(batch) == replayBatch {
			d.compare(of, batch)
			batch = batch[:0]
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return d.ReplayDiff, err
	}
	d.compare(of, batch)
	d.Fields = slices.SortedFunc(func(yield func(FieldDiff) bool) {
		for _, f := range d.fields {
			if !yield(*f) {
				return
			}
		}
	}, func(a, b FieldDiff) int {
		return cmp.Or(cmp.Compare(b.touched(), a.touched()), cmp.Compare(a.Name, b.Name))
	})
	return d.ReplayDiff, failed
}

func (f FieldDiff) touched() int { return f.Added + f.Changed + f.Removed }

// pastRecord is a record that is kept, and since when.
type pastRecord struct {
	record pipeline.Record
	stored time.Time
}

// recordsOf goes through the kept records of a source.
func (o *Operator) recordsOf(ctx context.Context, r ReplayOptions, failed *error) iter.Seq[pastRecord] {
	return func(yield func(pastRecord) bool) {
		err := o.app.Bus.Walk(ctx, bus.Records, bus.Span{Since: r.Since, Source: r.Source}, func(k bus.Kept) error {
			record, err := k.Record()
			if err != nil {
				return nil // whoever delivers it has said so
			}
			if !yield(pastRecord{record, k.Stored}) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			*failed = err
		}
	}
}

// differing is a comparison under way. Deliveries and records are in about the same
// order in their streams, so both are gone through side by side.
type differing struct {
	ReplayDiff
	fields map[string]*FieldDiff
	next   func() (pastRecord, bool)
	kept   map[string]pastRecord // read already, by ID
	last   string                // the ID that was read last
	ended  bool
}

func (d *differing) compare(of func(pipeline.Raw) pipeline.Transform, batch []bus.Kept) {
	if len(batch) == 0 {
		return
	}
	// No record is stored before its delivery is, so these belong to none to come.
	maps.DeleteFunc(d.kept, func(_ string, p pastRecord) bool { return p.stored.Before(batch[0].Stored) })
	for _, k := range batch {
		d.Read++
		raw, err := k.Raw()
		if err != nil {
			d.Refused++
			continue
		}
		rs, err := todays(of, raw)
		switch _, filtered := pipeline.IsFiltered(err); {
		case filtered, err == nil && len(rs) == 0:
			d.Filtered++
		case err != nil:
			d.Refused++
		}
		was := d.were(raw.ID)
		for _, is := range rs {
			if before, ok := was[is.ID]; ok {
				d.record(before, is)
				delete(was, is.ID)
			} else {
				d.New++
			}
		}
		d.Gone += len(was)
	}
}

// were are the kept records of a delivery.
func (d *differing) were(id string) map[string]pipeline.Record {
	for {
		out := map[string]pipeline.Record{}
		for part := -1; part < diffParts; part++ {
			name := id
			if part >= 0 {
				name = fmt.Sprintf("%s/%d", id, part)
			}
			if p, ok := d.kept[name]; ok {
				out[name] = p.record
			}
		}
		// Those of one delivery lie side by side: behind the last one there may be more.
		_, more := out[d.last]
		if len(out) > 0 && !more || d.ended || len(d.kept) >= diffAhead {
			for name := range out {
				delete(d.kept, name)
			}
			return out
		}
		d.ahead()
	}
}

// ahead reads some more records, so that all of one delivery are there at once.
func (d *differing) ahead() {
	for range replayBatch {
		p, ok := d.next()
		if !ok {
			d.ended = true
			return
		}
		d.kept[p.record.ID], d.last = p, p.record.ID
	}
}

func (d *differing) record(was, is pipeline.Record) {
	changed := false
	note := func(name string, a, b any) {
		if alikeValues(a, b) {
			return
		}
		changed = true
		f := d.fields[name]
		if f == nil {
			f = &FieldDiff{Name: name}
			d.fields[name] = f
		}
		switch {
		case a == nil:
			f.Added++
		case b == nil:
			f.Removed++
		default:
			f.Changed++
		}
		if len(f.Samples) < diffSamples {
			f.Samples = append(f.Samples, FieldSample{is.ID, a, b})
		}
	}
	note("(kind)", was.Kind, is.Kind)
	note("(key)", was.Key, is.Key)
	note("(occurred)", was.Occurred.UTC().Format(time.RFC3339Nano), is.Occurred.UTC().Format(time.RFC3339Nano))
	for name, v := range was.Fields {
		note(name, v, is.Fields[name])
	}
	for name, v := range is.Fields {
		if _, both := was.Fields[name]; !both {
			note(name, nil, v)
		}
	}
	if changed {
		d.Changed++
	} else {
		d.Same++
	}
}

// alikeValues compares by what would be written down.
func alikeValues(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
