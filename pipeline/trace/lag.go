package trace

import (
	"context"
	"database/sql"
	"time"
)

// Lag is how far the index is behind one stream.
type Lag struct {
	Stream   Stream
	Messages uint64        // behind; some of them may be deleted already
	Behind   time.Duration // since the first of them was stored; 0: none
}

// Lag says how far the index is behind each stream, by what is in the file and what the
// streams hold now.
func (x *Index) Lag(ctx context.Context) ([]Lag, error) {
	places := map[Stream]place{}
	err := x.reading(ctx, func(c *sql.Conn) error {
		rows, err := c.QueryContext(ctx, `SELECT stream, made, seq FROM place`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var s string
			var made, seq int64
			if err := rows.Scan(&s, &made, &seq); err != nil {
				return err
			}
			places[Stream(s)] = place{made, uint64(seq)}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	var out []Lag
	for _, s := range Streams {
		e, err := x.opts.Feed.Extent(ctx, s)
		if err != nil {
			return nil, err
		}
		at := places[s]
		if at.made != e.Made.UnixNano() || at.seq > e.Last {
			at.seq = 0 // of another stream: all of this one is to be read
		}
		l := Lag{Stream: s}
		if from := max(at.seq+1, e.First); e.Last >= from {
			l.Messages = e.Last - from + 1
			t, ok, err := x.opts.Feed.NextStored(ctx, s, at.seq)
			if err != nil {
				return nil, err
			}
			if ok {
				l.Behind = max(time.Since(t), time.Millisecond)
			} else {
				l.Messages = 0 // all deleted
			}
		}
		out = append(out, l)
	}
	return out, nil
}
