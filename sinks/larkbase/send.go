package larkbase

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"mekong/pipeline"
	"mekong/sinks/lark"
)

// maxBody is the most one call carries, in bytes. What the platform takes is not
// documented; too much comes back as one of many codes (`lark.md` §2).
const maxBody = 4 << 20

// parts cuts rows into calls.
func (j *job) parts(rows []*row) func(yield func([]*row) bool) {
	return func(yield func([]*row) bool) {
		for len(rows) > 0 {
			n, weight := 0, 0
			for n < len(rows) && n < min(j.s.most, j.s.cap) {
				w := rows[n].weight()
				if n > 0 && weight+w > maxBody {
					break
				}
				weight += w
				n++
			}
			if !yield(rows[:n]) {
				return
			}
			rows = rows[n:]
		}
	}
}

// weight is about how many bytes r is on the wire.
func (r *row) weight() int {
	w := 200 + len(r.key) + len(r.ver)
	for _, cell := range r.cells {
		if cell == nil {
			continue
		}
		w += 30
		switch v := cell.(type) {
		case string:
			w += len(v)
		case []string:
			for _, s := range v {
				w += len(s) + 4
			}
		default:
			w += 50
		}
	}
	return w
}

// narrow sends rows, and narrows a refusal that is a record's fault down to it by
// halves, as [pipeline.Split] does. An error is one that stops everything.
func (j *job) narrow(ctx context.Context, t *table, rows []*row, send func(context.Context, *table, []*row) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows = open(rows)
	if len(rows) == 0 {
		return nil
	}
	err := send(ctx, t, rows)
	switch {
	case err == nil:
		return nil
	case !pipeline.IsPermanent(err):
		return err
	}
	e := lark.As(err)
	if e != nil && e.Code == 1254104 {
		j.s.cap = max(1, len(rows)/2)
	}
	if e != nil && e.Class == lark.Data && !j.reread && j.s.now().Sub(j.b.read) >= time.Minute {
		// The column may have changed its type since it was looked at.
		return errReshaped
	}
	if len(rows) == 1 {
		return j.mend(ctx, t, rows[0], err, send)
	}
	half := len(rows) / 2
	if err := j.narrow(ctx, t, rows[:half], send); err != nil {
		return err
	}
	return j.narrow(ctx, t, rows[half:], send)
}

// spoilt is how many single cells of a kind may be refused before all of that kind
// are left out of this batch: then it is the column that is at odds, and to find
// out so 500 times costs thousands of calls.
const spoilt = 3

// mend leaves out the cells that a refusal may be about, and tries again as long as
// there are such. Only a row that is refused without them is.
func (j *job) mend(ctx context.Context, t *table, r *row, err error, send func(context.Context, *table, []*row) error) error {
	for pipeline.IsPermanent(err) {
		k, ok := r.suspect(t, lark.As(err))
		if !ok {
			r.refused(err)
			return nil
		}
		r.drop[k] = true
		j.spoilt[k]++
		j.turn++
		if err := j.replan(ctx, t, []*row{r}); err != nil {
			return err
		}
		err = send(ctx, t, []*row{r})
	}
	return err
}

// suspect is the kind of cell of r's that a refusal is about, as far as that can be
// told, of those that are not left out already.
func (r *row) suspect(t *table, e *lark.Error) (kind, bool) {
	if e == nil || e.Class != lark.Data {
		return 0, false
	}
	has := map[kind]bool{}
	for at, cell := range r.cells {
		if c := t.live[at]; cell != nil && !r.drop[c.kind] {
			has[c.kind] = true
		}
	}
	for _, k := range suspects(e.Code) {
		if has[k] {
			return k, true
		}
	}
	return 0, false
}

// create makes new rows in one call.
func (j *job) create(ctx context.Context, t *table, rows []*row) error {
	s := j.s
	if err := j.replan(ctx, t, rows); err != nil {
		return err
	}
	n := len(rows)
	d := &doubt{table: t.id, since: s.now(), rows: make([]lark.Row, 0, n), keys: make([]string, 0, n), known: make([]known, 0, n)}
	parts := append(make([]string, 0, 4+2*n), "create", j.b.link.AppToken, t.id, rand.Text())
	for _, r := range rows {
		d.rows = append(d.rows, r.row(t))
		d.keys = append(d.keys, r.key)
		d.known = append(d.known, known{table: t.id, version: r.ver, filled: t.set(r.filed), at: d.since})
		parts = append(parts, r.key, r.ver)
	}
	d.token = lark.UUIDv4(parts...)
	if err := s.still(ctx); err != nil {
		return err
	}
	made, err := s.client.BatchCreate(ctx, j.b.link.AppToken, t.id, t.key.field.Name, d.rows, lark.WriteOptions{ClientToken: d.token, UserIDType: s.conf.UserIDType})
	if err == nil {
		ids := idsOf(made, d.keys)
		s.carriedOut(d, ids)
		for i, r := range rows {
			r.stored(t, ids[i])
		}
		s.most = min(batchSize, s.most*2)
		return nil
	}
	return j.failed(err, len(rows), d)
}

// update changes rows that are there, in one call.
func (j *job) update(ctx context.Context, t *table, rows []*row) error {
	s := j.s
	if err := j.replan(ctx, t, rows); err != nil {
		return err
	}
	var send []lark.Row
	for _, r := range rows {
		if r.changed() {
			send = append(send, r.row(t))
		}
	}
	if len(send) > 0 {
		if err := s.still(ctx); err != nil {
			return err
		}
		if err := s.client.BatchUpdate(ctx, j.b.link.AppToken, t.id, send, lark.WriteOptions{UserIDType: s.conf.UserIDType}); err != nil {
			if lark.ClassOf(err) == lark.Gone {
				for _, r := range rows {
					delete(s.fresh.rows, r.key)
				}
				return pipeline.Hold(errGone, time.Second)
			}
			return j.failed(err, len(rows), nil)
		}
		s.most = min(batchSize, s.most*2)
	}
	for _, r := range rows {
		s.fresh.put(r.key, known{table: t.id, id: r.found.id, version: r.ver, filled: t.set(r.filed), at: s.now()})
		s.seen.add(r.key)
		r.stored(t, r.found.id)
	}
	return nil
}

// failed is the verdict on a write of n rows. d is what is in doubt if it was
// ambiguous; nil for a write that does no harm when it is repeated.
func (j *job) failed(err error, n int, d *doubt) error {
	e := lark.As(err)
	if e == nil {
		return err
	}
	if e.Shrink && !pipeline.IsPermanent(err) && (d == nil || !e.Ambiguous) {
		j.s.most = max(1, n/2)
	}
	if d != nil && e.Ambiguous {
		j.s.doubt = d
		if isContext(err) {
			return err
		}
		if e.Class != lark.Unknown || n > 1 {
			return pipeline.Hold(lost{e}, max(e.RetryAfter, glance))
		}
		// One record that the platform fails on: it is counted against it.
		return errors.New(lost{e}.Error())
	}
	return advise(err)
}

// replan works out what rows lack, where that is not known: what is left out may
// have changed, and so may there be a column for notes by now.
func (j *job) replan(ctx context.Context, t *table, rows []*row) error {
	noted := false
	for _, r := range rows {
		j.plan(r, t)
		noted = noted || len(r.missed) > 0
	}
	if !noted || t.notes != nil || !j.s.conf.CreateColumns {
		return nil
	}
	if err := j.s.makeNotes(ctx, j.b, t); err != nil || t.notes == nil {
		return err
	}
	j.turn++
	for _, r := range rows {
		j.plan(r, t)
	}
	return nil
}

var errReshaped = errors.New("larkbase: the table's columns have changed")
