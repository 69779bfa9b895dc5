package sheets

import (
	"context"
	"errors"

	"mekong/pipeline"
)

// Write stores batch; see [pipeline.Sink] and the package comment.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	entries := make([]entry, 0, len(batch))
	for i := range batch {
		e, err := newEntry(i, &batch[i])
		if err != nil {
			out[i].Err = pipeline.Permanent(err)
			continue
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return out
	}
	rows := rowsOf(entries)
	err := s.alone(ctx, func() error { return s.write(ctx, rows) })
	for _, r := range rows {
		o := pipeline.Outcome{Err: r.err}
		switch {
		case !r.done:
			o.Err = err
		case r.err == nil:
			o.Ref = s.ref(r.tab, r.at)
			s.shortened(r.cut)
		}
		for _, e := range r.entries {
			out[e.at] = o
		}
	}
	return out
}

// shortened counts cells that do not hold all of their text.
func (s *Sink) shortened(headers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range headers {
		s.cut[h]++
	}
}

// alone calls f with nobody else writing to the spreadsheet.
func (s *Sink) alone(ctx context.Context, f func() error) error {
	if err := acquire(ctx, s.turn); err != nil {
		return err
	}
	defer func() { s.turn <- struct{}{} }()
	if s.isClosed() {
		return errClosed
	}
	s.recall(ctx)
	leave, err := s.opts.Gates.enter(ctx, s.links[s.at].ID)
	if err != nil {
		return err
	}
	defer func() { leave() }()
	defer s.keep(ctx)
	err = f()
	s.forsake(err)
	return whole(err)
}

// forsake lets everything be found anew when err says that it is not what it was.
func (s *Sink) forsake(err error) {
	switch classOf(err) {
	case Denied, Missing, NoTab, Grid, Full, Wide, Office, Protected, Odd, Fenced:
		s.tabs = nil
	}
	if errors.Is(err, errReshaped) || errors.Is(err, errRaced) {
		s.tabs = nil
	}
}

// turns is how often a Write begins anew because rows, columns or the tab are not what
// they were, before it gives up for now.
const turns = 5

// write brings rows into the tab. Rows get their fates; an error is for those that
// have none.
func (s *Sink) write(ctx context.Context, rows []*row) error {
	var odd *Error
	for range turns {
		err := s.round(ctx, open(rows))
		if err == nil {
			return nil
		}
		again, err := s.mended(ctx, err, odd)
		if !again {
			return err
		}
		odd = As(err)
	}
	return pipeline.Hold(errRaced, 0)
}

// mended reports whether a reason to stop is out of the way by now, or may be: what
// was known of the tab is found anew.
func (s *Sink) mended(ctx context.Context, stop error, before *Error) (bool, error) {
	if _, held := pipeline.IsHold(stop); held {
		return false, stop
	}
	e := As(stop)
	switch {
	case errors.Is(stop, errReshaped), errors.Is(stop, errRaced):
		s.tabs = nil
		return true, stop
	case e == nil, e.Ambiguous, stopOf(stop) != nil:
		return false, stop
	}
	switch e.Class {
	case Full:
		return s.next(ctx, stop)
	case Fenced:
		s.tabs = nil
		return true, stop
	case NoTab, Grid:
		s.tabs = nil
		return before == nil, stop
	}
	return false, stop
}

// round looks where rows are, then changes those that are there and adds the others.
// It stops at what is in the way of all.
func (s *Sink) round(ctx context.Context, rows []*row) error {
	t, err := s.ready(ctx)
	if err != nil {
		return err
	}
	if err := s.refresh(ctx, t); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	var entries []*entry
	for _, r := range rows {
		entries = append(entries, r.entries...)
	}
	if err := s.shape(ctx, t, entries); err != nil {
		return err
	}
	if err := s.known(ctx); err != nil {
		return err
	}
	for _, old := range s.tabs {
		var there []*row
		for _, r := range open(rows) {
			if _, ok := old.index.of(r.id); ok {
				there = append(there, r)
			}
		}
		if err := s.change(ctx, old, there); err != nil {
			return err
		}
	}
	var fresh []*row
	for _, r := range open(rows) {
		if !s.isThere(r.id) {
			fresh = append(fresh, r)
		}
	}
	if err := s.add(ctx, t, fresh); err != nil {
		return err
	}
	if len(open(rows)) > 0 {
		return errRaced
	}
	return nil
}

func (s *Sink) isThere(key digest) bool {
	for _, t := range s.tabs {
		if _, ok := t.index.of(key); ok {
			return true
		}
	}
	return false
}

// refresh looks at a tab again after an answer was lost: at its fences, columns and
// size here, at its keys when they are needed.
func (s *Sink) refresh(ctx context.Context, t *tab) error {
	if !t.unseen {
		return nil
	}
	if err := s.look(ctx, t); err != nil {
		return err
	}
	t.unseen = false
	return s.rebind(t)
}

// known reads the keys of every tab that rows may be in, where they are not known.
func (s *Sink) known(ctx context.Context) error {
	for i, t := range s.tabs {
		if !t.read || i == 0 && t.end < 0 {
			if err := s.readKeys(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}
