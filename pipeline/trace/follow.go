package trace

import (
	"context"
	"errors"
	"maps"
	"time"

	"mekong/pipeline"
)

// How much one transaction takes of each stream. A settlement may be of a thousand
// records.
const (
	takeRaws        = 1000
	takeRecords     = 1000
	takeBurials     = 200
	takeSettlements = 8
)

// How often [Index.Run] looks.
const (
	lookEvery = 250 * time.Millisecond
	failWait  = 2 * time.Second
	tidyEvery = time.Hour
	statEvery = 2 * time.Second
)

// Run keeps the index up with the streams until ctx ends, which is the only nil error.
// Whatever goes wrong is logged and tried again: the index is a convenience and stops
// nothing. A damaged or deleted file is made anew.
func (x *Index) Run(ctx context.Context) error {
	var tidied, looked time.Time
	ill := false
	pace := newPace(time.Now())
	for ctx.Err() == nil {
		began := time.Now()
		wait := lookEvery
		more, err := false, error(nil)
		var ends uint64
		if began.Sub(looked) > statEvery {
			looked = began
			err = x.mend()
		}
		if err == nil {
			more, ends, err = x.round(ctx, pace.share)
		}
		if err == nil && !more && began.Sub(tidied) > tidyEvery {
			tidied = began
			err = x.tidy(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errMoved):
		case err != nil:
			if isDamage(err) {
				x.suspect.Store(true)
				looked = time.Time{}
			}
			if !ill {
				x.log.Warn("the index cannot be kept up; it is tried again, and nothing waits for it", "error", err)
			}
			wait = failWait
		default:
			now := time.Now()
			wait = pace.rest(now, now.Sub(began), ends, more)
		}
		ill = err != nil && !errors.Is(err, errMoved)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil
}

// Progress is how much of the streams is in the index.
type Progress struct{ Done, Total uint64 }

// CatchUp brings the index up to what the streams hold now, without a rest. told is
// called after each step; it may be nil.
func (x *Index) CatchUp(ctx context.Context, told func(Progress)) error {
	goals := map[Stream]Extent{}
	for _, s := range Streams {
		e, err := x.opts.Feed.Extent(ctx, s)
		if err != nil {
			return err
		}
		goals[s] = e
	}
	for {
		p, err := x.progress(goals)
		if err != nil {
			return err
		}
		if told != nil {
			told(p)
		}
		if p.Done >= p.Total {
			return nil
		}
		if _, _, err := x.round(ctx, 1); err != nil && !errors.Is(err, errMoved) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (x *Index) progress(goals map[Stream]Extent) (p Progress, err error) {
	places, err := x.placesNow()
	if err != nil {
		return p, err
	}
	for s, g := range goals {
		whole := g.Last + 1 - min(g.First, g.Last+1)
		p.Total += whole
		at := places[s]
		if at.made != g.Made.UnixNano() {
			continue
		}
		p.Done += whole - min(whole, g.Last-min(at.seq, g.Last))
	}
	return p, nil
}

func (x *Index) placesNow() (map[Stream]place, error) {
	x.files.RLock()
	defer x.files.RUnlock()
	if x.write == nil {
		return nil, errReadOnly
	}
	x.write.mu.Lock()
	defer x.write.mu.Unlock()
	return x.write.places, nil // never changed, only replaced
}

var errReadOnly = errors.New("the index is open for reading only")

// batch is what one round read.
type batch struct {
	extents     map[Stream]Extent
	raws        []Entry[pipeline.Raw]
	records     []Entry[pipeline.Record]
	burials     []Entry[Burial]
	settlements []Entry[Settlement]
}

// round reads a part of each stream and writes it in one transaction; share makes the
// part smaller. more says that there is more to read, and ends is how many messages the
// streams have ever had.
//
// TRACE is read before the end of RECORDS is looked at: then, once RECORDS is read to
// that end, every record that the settlements are about is in the index, or will never be.
func (x *Index) round(ctx context.Context, share int) (more bool, ends uint64, err error) {
	x.files.RLock()
	defer x.files.RUnlock()
	w := x.write
	if w == nil {
		return false, 0, errReadOnly
	}
	w.mu.Lock()
	places := w.places
	w.mu.Unlock()
	feed := x.opts.Feed
	b := batch{extents: map[Stream]Extent{}}
	for _, s := range Streams {
		if b.extents[s], err = feed.Extent(ctx, s); err != nil {
			return false, 0, err
		}
		p, known := places[s]
		e := b.extents[s]
		if known && (p.made != e.Made.UnixNano() || p.seq > e.Last) {
			x.log.Info("the streams are not those that the index was made of; it is built anew", "stream", s)
			return true, 0, w.transaction(w.clear)
		}
	}
	behind := func(s Stream) bool { return places[s].seq < b.extents[s].Last }
	if behind(Trace) {
		if b.settlements, err = feed.Settlements(ctx, places[Trace].seq, takeSettlements/share); err != nil {
			return false, 0, err
		}
		if b.extents[Records], err = feed.Extent(ctx, Records); err != nil {
			return false, 0, err
		}
	}
	if behind(Raws) {
		if b.raws, err = feed.Raws(ctx, places[Raws].seq, takeRaws/share); err != nil {
			return false, 0, err
		}
	}
	if behind(Records) {
		if b.records, err = feed.Records(ctx, places[Records].seq, takeRecords/share); err != nil {
			return false, 0, err
		}
	}
	if behind(Buried) {
		if b.burials, err = feed.Burials(ctx, places[Buried].seq, takeBurials/share); err != nil {
			return false, 0, err
		}
	}
	for _, e := range b.extents {
		ends += e.Last
	}
	more, err = x.take(ctx, w, places, &b)
	return more, ends, err
}

// take writes a batch that was read from places.
func (x *Index) take(ctx context.Context, w *writer, places map[Stream]place, b *batch) (more bool, err error) {
	recordsAt := reached(places[Records].seq, b.extents[Records].Last, b.records)
	all := recordsAt >= b.extents[Records].Last
	b.settlements = ready(b.settlements, recordsAt, all, &more)
	var ss []settled
	for i := range b.burials {
		ss = append(ss, fromBurial(b.burials[i].Seq, &b.burials[i].Value))
	}
	deliveries := map[string]uint64{}
	for i := range b.settlements {
		s := &b.settlements[i].Value
		for k := range s.Settled {
			e := fromSettlement(s, &s.Settled[k])
			if s.Stage == stageTransform && e.grave == 0 && e.id != "" {
				deliveries[e.id] = s.Settled[k].Seq
			}
			ss = append(ss, e)
		}
	}
	entries, err := x.entriesOf(ctx, w, b, ss, deliveries)
	if err != nil {
		return false, err
	}
	moved := false
	err = w.transaction(func() error {
		if !maps.Equal(w.places, places) {
			return errMoved // by another goroutine
		}
		today := dayOf(time.Now())
		if err := w.reckon(); err != nil {
			return err
		}
		if err := w.originate(b.raws); err != nil {
			return err
		}
		rows := make([]row, 0, len(b.records))
		for i := range b.records {
			if e := &b.records[i]; e.Err == nil {
				rows = append(rows, rowOf(&e.Value, e.Seq))
			}
		}
		if err := w.arrived(b.records); err != nil {
			return err
		}
		if err := w.enter(rows, today); err != nil {
			return err
		}
		// An entry of the same name may have come with this very batch.
		lacking, err := w.lacking(ss)
		if err != nil {
			return err
		}
		rows = rows[:0]
		for i := range entries {
			if lacking[entries[i].id] {
				rows = append(rows, entries[i])
			}
		}
		if err := w.enter(rows, today); err != nil {
			return err
		}
		if err := w.settle(ss); err != nil {
			return err
		}
		for s, e := range b.extents {
			p := place{made: e.Made.UnixNano()}
			was := places[s].seq
			switch s {
			case Raws:
				p.seq = reached(was, e.Last, b.raws)
			case Records:
				p.seq = recordsAt
			case Buried:
				p.seq = reached(was, e.Last, b.burials)
			case Trace:
				p.seq = was
				if n := len(b.settlements); n > 0 {
					p.seq = b.settlements[n-1].Seq
				} else if !more {
					p.seq = max(was, e.Last)
				}
			}
			more = more || p.seq < e.Last
			moved = moved || p.seq != was
			w.places[s] = p
		}
		return nil
	})
	x.records.Store(w.recordsNow())
	return more && moved, err
}

// reached is the place behind a read: its last message, or, where nothing was behind
// the place before, the end that the stream had.
func reached[T any](was, last uint64, es []Entry[T]) uint64 {
	if n := len(es); n > 0 {
		return es[n-1].Seq
	}
	return max(was, last)
}

// ready cuts settlements at the first one that is about a record further on than
// RECORDS was read.
func ready(es []Entry[Settlement], recordsAt uint64, all bool, more *bool) []Entry[Settlement] {
	if all {
		return es
	}
	for i := range es {
		s := &es[i].Value
		if s.Stage == stageTransform {
			continue
		}
		for k := range s.Settled {
			if e := &s.Settled[k]; e.Seq > recordsAt && e.State != unburied && e.State != Dropped {
				*more = true
				return es[:i]
			}
		}
	}
	return es
}

// entriesOf makes the entries of what is buried and of deliveries that the transform made
// no record of, where there are none yet: from BURIED, else from RAW.
func (x *Index) entriesOf(ctx context.Context, w *writer, b *batch, ss []settled, deliveries map[string]uint64) ([]row, error) {
	w.mu.Lock()
	lacking, err := w.lacking(ss)
	w.mu.Unlock()
	if err != nil || len(lacking) == 0 {
		return nil, err
	}
	var rows []row
	for i := range b.burials {
		switch o := &b.burials[i].Value; {
		case o.Record != nil && lacking[o.Record.ID]:
			rows = append(rows, rowOf(o.Record, o.Origin))
			delete(lacking, o.Record.ID)
		case o.Raw != nil && lacking[o.Raw.ID]:
			rows = append(rows, rowOfRaw(o.Raw, o.Origin))
			delete(lacking, o.Raw.ID)
		}
	}
	for id := range lacking {
		seq := deliveries[id]
		e, ok, err := x.opts.Feed.Raw(ctx, seq)
		if err != nil {
			return nil, err
		}
		if ok && e.Err == nil && e.Value.ID == id {
			rows = append(rows, rowOfRaw(&e.Value, seq))
		}
	}
	return rows, nil
}

// originate keeps where deliveries are.
func (w *writer) originate(raws []Entry[pipeline.Raw]) error {
	args := make([]any, 0, 2*len(raws))
	for i := range raws {
		if raws[i].Err == nil {
			args = append(args, hash(raws[i].Value.ID), int64(raws[i].Seq))
		}
	}
	return w.insert(`INSERT OR IGNORE INTO origin`, 2, "", args)
}

func (w *writer) recordsNow() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.records
}

// clear empties the index.
func (w *writer) clear() error {
	for _, t := range []string{"record", "outcome", "pending", "sink", "hour", "ident", "origin", "label", "lexicon", "place"} {
		if err := w.exec(`DELETE FROM ` + t); err != nil {
			return err
		}
	}
	if err := w.exec(`INSERT INTO words (words) VALUES ('delete-all')`); err != nil {
		return err
	}
	w.forgetCaches()
	w.places, w.records, w.reckoned = map[Stream]place{}, 0, false
	return nil
}
