package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mekong/pipeline"
	"mekong/transform"
)

// lostRow is a row that is missing: the messages of RECORDS that it is made of, oldest
// first.
type lostRow struct {
	seqs     []uint64
	received time.Time // of the newest
}

// missing looks at what is not there, record by record: what was erased meanwhile, is
// of somebody who asked to be forgotten, would not be let in today, or has more on its
// way, is not missing.
func (x *reconciling) missing(ctx context.Context, s *SinkReconciliation, c *sinkCount) error {
	// Whoever asked to be forgotten meanwhile is known to, before a row is erased.
	gone, err := openSuppression(ctx, x.o.app.Bus, x.o.app.config.DataDir)
	if err != nil {
		return err
	}
	wanted := func(pipeline.Record) (bool, error) { return true, nil }
	if where := x.o.app.config.Sinks[s.Sink].Where; where != "" {
		if wanted, err = transform.Where(where); err != nil {
			return err
		}
	}
	type part struct {
		row uint32
		seq uint64
	}
	var parts []part
	x.book.records(func(places []uint32) {
		at, is, ours := x.latest(c.sink, places)
		if p := x.book.list[at]; ours && (is == wasStored || is == 0) && c.rows[p.row]&rowMissing != 0 {
			parts = append(parts, part{p.row, p.seq})
		}
	})
	seqs := make([]uint64, len(parts))
	for i, p := range parts {
		seqs[i] = p.seq
	}
	slices.Sort(seqs)
	type about struct {
		there, wanted, forgotten bool
		received                 time.Time
	}
	seen := make(map[uint32]*about)
	err = fetch(ctx, x.o.app.Bus, seqs, func(seq uint64, r pipeline.Record) {
		at, ok := x.book.placeOf(seq)
		if !ok {
			return
		}
		row := x.book.list[at].row
		a := seen[row]
		if a == nil {
			a = &about{}
			seen[row] = a
		}
		a.there = true
		a.forgotten = a.forgotten || gone.Has(r)
		in, err := wanted(r)
		a.wanted = a.wanted || in || err != nil
		if r.Received.After(a.received) {
			a.received = r.Received
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.seq, b.seq)) })
	for from := 0; from < len(parts); {
		row, to := parts[from].row, from
		for to < len(parts) && parts[to].row == row {
			to++
		}
		of := parts[from:to]
		from = to
		switch a := seen[row]; {
		case a == nil || !a.there: // erased meanwhile
			s.Rows.Expected--
		case a.forgotten:
			s.Rows.Expected--
			s.Rows.Forgotten++
		case c.rows[row]&rowOnTheWay != 0 || x.later[x.book.rows[row]]:
			s.Rows.InFlight++
		case x.fresh[c.sink][row]:
			s.Rows.TooFresh++
		case !a.wanted:
			s.Rows.Unwanted++
		default:
			lost := lostRow{received: a.received}
			for _, p := range of {
				lost.seqs = append(lost.seqs, p.seq)
			}
			s.lost = append(s.lost, lost)
		}
	}
	s.Rows.Missing = len(s.lost)
	slices.SortFunc(s.lost, func(a, b lostRow) int { return b.received.Compare(a.received) })
	for _, l := range s.lost[:min(len(s.lost), x.how.Details)] {
		s.Missing = append(s.Missing, RowFinding{Records: len(l.seqs), seq: l.seqs[len(l.seqs)-1]})
	}
	return nil
}

// describe fills in what may be shown of the rows that are named one by one.
func (x *reconciling) describe(ctx context.Context, s *SinkReconciliation) error {
	of := map[uint64][]*RowFinding{}
	rows := map[uint32]*RowFinding{}
	for _, list := range [][]RowFinding{s.Missing, s.Doubled, s.Rekeyed} {
		for i := range list {
			if list[i].seq == 0 {
				rows[list[i].row] = &list[i]
			} else {
				of[list[i].seq] = append(of[list[i].seq], &list[i])
			}
		}
	}
	if len(rows) > 0 {
		for _, p := range x.book.list {
			if f := rows[p.row]; f != nil {
				f.seq = p.seq
			}
		}
		for _, f := range rows {
			of[f.seq] = append(of[f.seq], f)
		}
	}
	var seqs []uint64
	for seq := range of {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return fetch(ctx, x.o.app.Bus, seqs, func(seq uint64, r pipeline.Record) {
		for _, f := range of[seq] {
			f.Key, f.Record, f.Kind, f.Source, f.Received = r.Key, r.ID, r.Kind, r.Source, r.Received
			if phone, ok := r.Fields["phone"].(string); ok {
				f.Phone = MaskedText(phone)
			}
		}
	})
}

// cameLater notes the keys of what was stored behind the book, so that rows of live
// traffic are no strangers.
func (x *reconciling) cameLater(ctx context.Context) error {
	for {
		got, err := x.o.app.Bus.RecordsAfter(ctx, x.laterUntil, traceRead)
		if err != nil || len(got) == 0 {
			return err
		}
		for _, e := range got {
			x.laterUntil = e.Seq
			if e.Err == nil {
				x.later[x.book.hash(e.Value.Key)] = true
			}
		}
	}
}
