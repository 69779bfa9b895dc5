package larkbase

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"mekong/sinks/lark"
)

// index is the keys that the tables in use hold: all of them, once it is complete.
// With it a record that may have a row need not be looked for when its key is not
// there. To read it costs a call for 500 rows, and a look-up one for 50 keys: it is
// read when as many calls have been spent on look-ups as reading would cost, so that
// the two together are never more than twice the cheaper way.
//
// That a key is absent holds only as long as nobody else makes rows. Another process
// cannot, under the [Lease]; without one the index is not used. When the lease has
// been another's, the index is not believed until the other's rows must be seen, and
// then only if the table has as many rows as it should have. Two sinks of this
// process on one table are told apart by [Gates], and use no index. People are not
// held off: rows that they add by hand have no key, and those that they copy have one
// that is known. What would escape is a key that somebody types into a row, or rows
// that are brought back after the index was read; it is noticed by the number of
// rows, which is looked at when the columns would be.
//
// Keys are kept as hashes of 64 bits. Two that collide cost a look-up.
type index struct {
	tables   string // ids of the tables it is about
	keys     map[uint64]struct{}
	complete bool
	// least and most are how many rows the tables should have. They differ by rows
	// that may not have been seen when they were counted.
	least, most int
	at          time.Time // when that was last found so
	since       time.Time // somebody else may have written until then; zero: nobody has
	spent       int       // look-ups paid for while there was no index
	pages       int       // what it would cost to read it, as far as is known
	seed        maphash.Seed
}

// indexMost bounds the index: two megabytes or three, and 200 calls to read it.
const indexMost = 100_000

func (x *index) hash(key string) uint64 {
	if x.seed == (maphash.Seed{}) {
		x.seed = maphash.MakeSeed()
	}
	return maphash.String(x.seed, key)
}

func (x *index) has(key string) bool {
	_, ok := x.keys[x.hash(key)]
	return ok
}

// made notes rows that this sink has made.
func (x *index) made(keys []string) {
	if !x.complete {
		return
	}
	if len(x.keys)+len(keys) > indexMost {
		x.lose()
		return
	}
	for _, key := range keys {
		x.keys[x.hash(key)] = struct{}{}
	}
	x.least += len(keys)
	x.most += len(keys)
}

// erased notes rows that this sink has erased. Their keys stay: one too many costs a
// look-up.
func (x *index) erased(n int) { x.least, x.most = x.least-n, x.most-n }

// doubted notes that somebody else may have written until now.
func (x *index) doubted(now time.Time) { x.since, x.at = now, time.Time{} }

// lose gives the index up.
func (x *index) lose() {
	since := x.since
	*x = index{since: since, seed: x.seed}
}

// unknown are those of rows that must be looked for: the index is read if that is
// worth it, and those that it shows to be absent are left out.
func (j *job) unknown(ctx context.Context, rows []*row) ([]*row, error) {
	s, x := j.s, &j.s.index
	calls := (len(rows) + lark.MostFiltered - 1) / lark.MostFiltered
	if s.opts.Lease == nil || calls == 0 || s.opts.Gates.shared(j.b.tables[0].id) {
		return rows, nil
	}
	var ids []string
	for _, t := range j.b.tables {
		if t != nil {
			ids = append(ids, t.id)
		}
	}
	if tables := strings.Join(ids, " "); x.tables != tables {
		x.lose()
		x.tables = tables
	}
	ok, err := j.indexed(ctx, ids, calls*len(ids))
	if err != nil || !ok {
		return rows, err
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r *row) bool { return !x.has(r.key) && !s.seen.has(r.key) }), nil
}

// indexed reports whether the index can be believed. It is counted again, or read, if
// that is due and no dearer than calls look-ups and those spent before.
func (j *job) indexed(ctx context.Context, ids []string, calls int) (bool, error) {
	s, x := j.s, &j.s.index
	now := s.now()
	if !x.since.IsZero() && now.Sub(x.since) < lag {
		return false, nil
	}
	keep := believed
	if s.budget != nil {
		keep = believedOnBudget
	}
	if x.complete && now.Sub(x.at) < keep {
		return true, nil
	}
	if x.complete {
		switch ok, err := j.counted(ctx, ids); {
		case err != nil:
			return false, err
		case ok:
			x.at, x.since = now, time.Time{}
			return true, nil
		}
		x.complete, x.keys, x.spent = false, nil, 0
	}
	if x.spent+calls < x.pages || x.pages > indexMost/lark.MostSearched {
		x.spent += calls
		return false, nil
	}
	ok, err := j.readIndex(ctx, ids, x.spent+calls)
	if err != nil {
		return false, err
	}
	if !ok {
		x.spent += calls
		return false, nil
	}
	x.spent, x.at, x.since = 0, now, time.Time{}
	return true, nil
}

// recent is how many rows may not be seen yet.
func (j *job) recent() (n int) {
	for _, k := range j.s.fresh.rows {
		if j.s.now().Sub(k.at) < lag {
			n++
		}
	}
	return n
}

// counted looks whether the tables have as many rows as they should.
func (j *job) counted(ctx context.Context, ids []string) (bool, error) {
	x, total := &j.s.index, 0
	for _, id := range ids {
		page, err := j.page(ctx, id, "", 1)
		if err != nil {
			return false, err
		}
		total += page.Total
	}
	n := j.recent()
	ok := total >= x.least-n && total <= x.most
	if ok && n == 0 {
		x.least, x.most = total, total
	}
	return ok, nil
}

// readIndex reads all keys, unless that takes more than most calls. What it has read
// then still tells how many it takes.
func (j *job) readIndex(ctx context.Context, ids []string, most int) (bool, error) {
	x := &j.s.index
	keys := map[uint64]struct{}{}
	total, pages, calls, keyed := 0, 0, 0, 0
	for _, id := range ids {
		rows, read := 0, 0
		for next := ""; ; {
			page, err := j.page(ctx, id, next, lark.MostSearched)
			if err != nil {
				return false, err
			}
			calls++
			if next == "" {
				rows = page.Total
				total += rows
				pages += max(1, (rows+lark.MostSearched-1)/lark.MostSearched)
				if x.pages = pages; pages > most || total > indexMost {
					return false, nil
				}
			}
			name := j.b.table(id).key.field.Name
			for _, rec := range page.Records {
				if key, ok := lark.Text(rec.Fields[name]); ok && key != "" {
					keys[x.hash(key)] = struct{}{}
					keyed++
				}
			}
			read += len(page.Records)
			if page.Total != rows || calls > pages {
				return false, nil // rows come and go meanwhile: one may have been missed
			}
			if !page.More || page.Next == "" || page.Next == next {
				break
			}
			next = page.Next
		}
		if read != rows {
			return false, nil
		}
	}
	if keyed == 0 {
		return false, nil // the tables are empty, or what is in them is not shown
	}
	for key := range j.s.fresh.rows {
		keys[x.hash(key)] = struct{}{}
	}
	x.keys, x.complete, x.least, x.most = keys, true, total, total+j.recent()
	return true, nil
}

// page reads the keys of some rows.
func (j *job) page(ctx context.Context, table, next string, n int) (lark.Page, error) {
	page, err := j.s.client.Search(ctx, j.b.link.AppToken, table, lark.Query{
		FieldNames: []string{j.b.table(table).key.field.Name}, PageToken: next, PageSize: n,
	})
	if err != nil {
		return page, whole(advise(err))
	}
	return page, nil
}
