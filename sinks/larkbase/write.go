package larkbase

import (
	"context"
	"errors"
	"time"

	"mekong/pipeline"
	"mekong/sinks/lark"
)

// Write stores batch; see [pipeline.Sink] and the package comment.
func (s *Sink) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := make([]pipeline.Outcome, len(batch))
	var entries []*entry
	for i := range batch {
		e, err := newEntry(i, &batch[i], s.loc)
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
	err := s.alone(ctx, s.pace, func(b *base) error {
		if err := s.write(ctx, b, rows); err != nil {
			return err
		}
		return s.singles(ctx, rows)
	})
	for _, r := range rows {
		r.tell(s, err, out)
	}
	return out
}

// tell writes the row's fate to the places of its records; stopped is why it may
// have none.
func (r *row) tell(s *Sink, stopped error, out []pipeline.Outcome) {
	if r.parts != nil {
		for _, p := range r.parts {
			p.tell(s, stopped, out)
		}
		return
	}
	o := pipeline.Outcome{Err: r.err}
	switch {
	case !r.done:
		o.Err = stopped
	case r.err == nil:
		o.Ref = s.ref(r.at, r.id)
		s.missing(r.missed)
	}
	for _, e := range r.entries {
		out[e.at] = o
	}
}

// missing counts values that were left out.
func (s *Sink) missing(columns []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range columns {
		s.left[name]++
	}
}

// alone calls f with the base ready and nobody else writing to it, after what was in
// doubt is settled; may can refuse it before any call is spent.
func (s *Sink) alone(ctx context.Context, may func() error, f func(*base) error) error {
	if err := acquire(ctx, s.turn); err != nil {
		return err
	}
	defer func() { s.turn <- struct{}{} }()
	if s.isClosed() {
		return errClosed
	}
	s.recall(ctx)
	if err := may(); err != nil {
		return err
	}
	app, err := s.locate(ctx)
	if err != nil {
		return whole(err)
	}
	leave, err := s.opts.Gates.enter(ctx, app)
	if err != nil {
		return err
	}
	defer leave()
	done, err := s.leased(ctx, app)
	if err != nil {
		return err
	}
	defer done()
	s.recall(ctx) // again, if another process had the lease
	defer s.keep(ctx)
	s.fresh.prune(s.now())
	b, err := s.ready(ctx)
	if err != nil {
		return whole(err)
	}
	s.opts.Gates.writes(s, b.tables[0].id)
	if err = s.settle(ctx, b); err == nil {
		err = f(b)
	}
	s.forsake(err)
	return err
}

// Pace is how long to wait before records are fetched for the next Write; 0: now. It
// is what makes monthly_calls last for the month: records that wait in the queue
// share a call. It may be called at any time.
func (s *Sink) Pace() time.Duration {
	if s.budget == nil {
		return 0
	}
	return s.budget.Pause()
}

// pace holds a write that comes before its time. It is the second best way: a record
// that was held is marked Again, and looked up before it is written, which is a call.
func (s *Sink) pace() error {
	if wait := s.Pace(); wait > 0 {
		return pipeline.Hold(errPaced, wait)
	}
	return nil
}

var errPaced = errors.New("larkbase: waiting to share a call with more records, so that monthly_calls last for the month")

// job is one Write at work.
type job struct {
	s      *Sink
	b      *base
	spoilt map[kind]int
	turn   int  // counts what changes plans
	reread bool // the columns were read again in this job
	turned int  // tables begun in this job

	// What one record brings, by the column's place; see gather.
	cells []any
	ranks []int
}

// write brings rows into the base. Rows get their fates; an error is for those that
// have none.
func (s *Sink) write(ctx context.Context, b *base, rows []*row) error {
	j := &job{s: s, b: b, spoilt: map[kind]int{}, turn: 1}
	for {
		err := j.pass(ctx, open(rows))
		if err == nil {
			return nil
		}
		again, err := j.mended(ctx, err)
		if !again {
			return err
		}
		for _, r := range rows {
			r.found, r.planned = nil, 0
		}
	}
}

// mended reports whether a reason to stop is out of the way by now: columns were
// renamed, or the table is full and another one begun. Else it gives the error.
func (j *job) mended(ctx context.Context, stop error) (bool, error) {
	code := lark.CodeOf(stop)
	switch {
	case isContext(stop):
		return false, stop
	case errors.Is(stop, errReshaped), lark.ClassOf(stop) == lark.Shape && code != 1254041:
		if j.reread {
			return false, whole(stop)
		}
		j.reread = true
		before := j.b.tables[0].shape()
		j.s.base = nil
		b, err := j.s.ready(ctx)
		if err != nil {
			return false, whole(err)
		}
		j.b = b
		return errors.Is(stop, errReshaped) || b.tables[0].shape() != before, stop
	case code == 1254103 && j.s.conf.Rotate != "" && j.turned < 2:
		j.turned++
		if err := j.s.nextTable(ctx, j.b); err != nil {
			return false, whole(err)
		}
		b, err := j.s.ready(ctx)
		if err != nil {
			return false, whole(err)
		}
		j.b = b
		return true, nil
	}
	return false, stop
}

// forsake lets the base be found anew when err says that it is not what it was.
func (s *Sink) forsake(err error) {
	switch lark.ClassOf(err) {
	case lark.Setup, lark.Shape, lark.Full:
		s.base = nil
	}
}

// pass looks where it must, then updates and creates. It stops at what is in the way
// of all.
func (j *job) pass(ctx context.Context, rows []*row) error {
	t := j.b.tables[0]
	var entries []*entry
	var may []*row
	for _, r := range rows {
		entries = append(entries, r.entries...)
		if j.s.mayExist(r) {
			may = append(may, r)
		}
	}
	if err := j.s.learn(ctx, j.b, t, entries); err != nil {
		return err
	}
	j.s.meet(ctx, t, entries)
	if err := j.look(ctx, may); err != nil {
		return err
	}
	for _, at := range j.b.tables {
		var there []*row
		for _, r := range open(may) {
			if r.found != nil && r.found.table == at {
				there = append(there, r)
			}
		}
		if err := j.send(ctx, at, there, j.update); err != nil {
			return err
		}
	}
	return j.send(ctx, t, absent(open(rows)), j.create)
}

func absent(rows []*row) (out []*row) {
	for _, r := range rows {
		if r.found == nil {
			out = append(out, r)
		}
	}
	return out
}

// send plans rows, cuts them into calls and sends them.
func (j *job) send(ctx context.Context, t *table, rows []*row, how func(context.Context, *table, []*row) error) error {
	if len(rows) == 0 {
		return nil
	}
	if err := j.replan(ctx, t, rows); err != nil {
		return err
	}
	for part := range j.parts(rows) {
		if err := j.narrow(ctx, t, part, how); err != nil {
			return err
		}
	}
	return nil
}

// singles tries the records of rows that were refused one at a time, in turn: those
// of one key were sent as one row, and a bad one among them must stand alone.
func (s *Sink) singles(ctx context.Context, rows []*row) error {
	var rounds [][]*row
	for _, r := range rows {
		if len(r.entries) == 1 || !pipeline.IsPermanent(r.err) {
			continue
		}
		for i, e := range r.entries {
			if i == len(rounds) {
				rounds = append(rounds, nil)
			}
			p := &row{key: r.key, entries: []*entry{e}, drop: map[kind]bool{}}
			r.parts = append(r.parts, p)
			rounds[i] = append(rounds[i], p)
		}
	}
	for _, round := range rounds {
		b, err := s.ready(ctx)
		if err != nil {
			return whole(err)
		}
		if err := s.write(ctx, b, round); err != nil {
			return err
		}
	}
	return nil
}
