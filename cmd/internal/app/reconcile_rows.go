package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mekong/pipeline"
	"mekong/sinks"
)

// sight is what one reading of a destination showed.
type sight struct {
	found     []uint8 // by the place of a key: how many rows have it, 255 at most
	strangers []stranger
	older     []uint64 // hashes of keys from before what is kept
	copies    []copyOf // of the keys that a reading before has found more than once
}

// stranger is a row with a key of none of the records that are kept.
type stranger struct {
	key, id uint64 // hashes; id is 0 where the row tells none
	text    string // the key, as long as strangers are few
}

// copyOf is one of several rows with one key.
type copyOf struct {
	row uint32
	id  uint64
}

// namedStrangers is of how many strangers the key is kept as it stands.
const namedStrangers = 1000

// read looks at all rows of a destination that were received at since or later. Of
// earlier ones, which come along, it is noted only that they are there. before is the
// reading before this one; nil: this is the first.
func (x *reconciling) read(ctx context.Context, s sinks.Opened, since time.Time, before *sight) (*sight, error) {
	g := &sight{found: make([]uint8, len(x.book.rows))}
	horizon := x.book.oldest
	if horizon.IsZero() {
		horizon = x.began // nothing at all is kept
	}
	err := s.Read(ctx, since, func(r pipeline.Record) error {
		key := x.book.hash(r.Key)
		id := uint64(0)
		if r.ID != "" {
			id = x.book.hash(r.ID)
		}
		row, ours := x.book.rowOf(key)
		switch {
		case ours:
			if before != nil && before.found[row] > 1 {
				g.copies = append(g.copies, copyOf{row, id})
			}
			if g.found[row] < 255 {
				g.found[row]++
			}
		case !r.Received.IsZero() && r.Received.Before(x.how.Since):
		case !r.Received.IsZero() && x.book.cut && r.Received.Before(horizon):
			g.older = append(g.older, key)
		default:
			o := stranger{key: key, id: id}
			if len(g.strangers) < namedStrangers {
				o.text = r.Key
			}
			g.strangers = append(g.strangers, o)
		}
		return nil
	})
	return g, err
}

// surplus is how many keys stand in a list more than once.
func surplus(keys []uint64) (n int) {
	slices.Sort(keys)
	for from := 0; from < len(keys); {
		to := from + 1
		for to < len(keys) && keys[to] == keys[from] {
			to++
		}
		if to > from+1 {
			n++
		}
		from = to
	}
	return n
}

// compare reads a destination, and, where something seems to be wrong, once more: what
// is really missing or doubled is so both times.
func (x *reconciling) compare(ctx context.Context, s *SinkReconciliation, c *sinkCount, rows sinks.Opened) error {
	s.Rows.Expected = c.expected
	first, err := x.read(ctx, rows, x.how.Since, nil)
	if err != nil {
		return err
	}
	if err := x.cameLater(ctx); err != nil {
		return ourFault{err}
	}
	last := first
	if c.suspect(first) {
		x.how.Tell("looking again at what seems to be wrong in " + s.Sink)
		// All of it: a row whose newest record is an older one counts as well.
		if last, err = x.read(ctx, rows, time.Time{}, first); err != nil {
			return err
		}
		if err := x.cameLater(ctx); err != nil {
			return ourFault{err}
		}
	}
	x.strangers(s, c, last)
	x.doubles(s, c, first, last)
	missing := 0
	for row, is := range c.rows {
		switch expected := is&(rowExpected|rowForgotten) == rowExpected; {
		case expected && (first.found[row] > 0 || last.found[row] > 0):
			s.Rows.Found++
		case expected && is&rowRekeyed != 0:
			s.Rows.Rekeyed++
		case expected:
			missing++
			c.rows[row] |= rowMissing
		case last.found[row] > 0 && is&(rowOnTheWay|rowForgotten) == 0:
			s.Rows.Other++
		}
	}
	if missing > 0 {
		if err := x.missing(ctx, s, c); err != nil {
			return ourFault{err}
		}
	}
	if err := x.describe(ctx, s); err != nil {
		return ourFault{err}
	}
	return nil
}

// suspect reports whether something is worth a second look.
func (c *sinkCount) suspect(g *sight) bool {
	if surplus(g.older) > 0 {
		return true
	}
	for row, is := range c.rows {
		if g.found[row] > 1 || is&(rowExpected|rowForgotten) == rowExpected && g.found[row] == 0 {
			return true
		}
	}
	return false
}

// strangers sorts out the rows that have a key of none of ours. One that tells the
// record it came from, whose own row is not there, has lost its key: it must not be
// written a second time.
func (x *reconciling) strangers(s *SinkReconciliation, c *sinkCount, g *sight) {
	s.Rows.Older = len(g.older)
	for _, o := range g.strangers {
		if x.later[o.key] {
			continue // it came in meanwhile
		}
		if o.id != 0 {
			if places := x.book.recordOf(o.id); len(places) > 0 {
				at, is, ours := x.latest(c.sink, places)
				row := x.book.list[at].row
				if ours && is == wasStored && g.found[row] == 0 && c.rows[row]&(rowForgotten|rowRekeyed) == 0 {
					c.rows[row] |= rowRekeyed
					if len(s.Rekeyed) < x.how.Details {
						s.Rekeyed = append(s.Rekeyed, RowFinding{FoundKey: o.text, seq: x.book.list[at].seq})
					}
					continue
				}
			}
		}
		s.Rows.Unknown++
	}
}

// doubles counts the keys that more than one row has. A sink that begins a new table or
// tab now and then finds a row again only in the latest of them (its rotate setting), so
// that there a key may go on in another one, with a newer record.
func (x *reconciling) doubles(s *SinkReconciliation, c *sinkCount, first, last *sight) {
	conf := x.o.app.config.Sinks[s.Sink]
	rotates := conf.LarkBase != nil && conf.LarkBase.Rotate != "" || conf.Sheets != nil && conf.Sheets.Rotate == "monthly"
	slices.SortFunc(last.copies, func(a, b copyOf) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.id, b.id)) })
	for from := 0; from < len(last.copies); {
		row, to, same := last.copies[from].row, from+1, false
		for ; to < len(last.copies) && last.copies[to].row == row; to++ {
			same = same || last.copies[to].id == last.copies[to-1].id
		}
		n := to - from
		from = to
		if n < 2 || rotates && !same || c.rows[row]&rowForgotten != 0 {
			continue
		}
		s.Rows.Doubled++
		if len(s.Doubled) < x.how.Details {
			s.Doubled = append(s.Doubled, RowFinding{Rows: n, row: row})
		}
	}
	s.Rows.Doubled += min(surplus(first.older), surplus(last.older))
}
