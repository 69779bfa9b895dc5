package larkbase

import (
	"context"
	"time"

	"mekong/pipeline"
	"mekong/sinks/lark"
)

// A create whose answer was lost may have been carried out. Two things tell, and
// neither alone is enough: a search shows the rows, but not for some seconds after
// they were made (`lark.md` §2.4); and the same request with the same client_token
// is carried out once, but nobody says for how long (§2.3). So both are asked, in
// this order. If the search shows a row of the batch, all of it is there, for a
// batch is carried out whole or not at all. If it shows none, the very same request
// is sent again: within the seconds of a lag the platform still knows the token, and
// answers with the rows it made; when it has forgotten the token, the lag is over,
// and the search has told the truth. A request that is still under way when it is
// sent again is refused (1254608), and waited for.
//
// The token is made of the records and of chance. Made of the records alone it would
// also be that of a batch that was written, erased by a person, and replayed: the
// platform would answer with rows that are gone, and write nothing.
//
// As long as there is a doubt nothing else is written, so there is one at most.
type doubt struct {
	table string // id
	token string
	rows  []lark.Row
	keys  []string
	known []known // of each, if it was carried out; without ids
	since time.Time
	tries int
}

// settle finds out what became of the create in doubt. An error leaves the doubt.
func (s *Sink) settle(ctx context.Context, b *base) error {
	d := s.doubt
	if d == nil {
		return nil
	}
	t := b.table(d.table)
	if t == nil {
		s.doubt = nil // the table is no longer written to, so there is nothing to double
		return nil
	}
	n := min(len(d.keys), lark.MostFiltered)
	page, err := s.client.Search(ctx, b.link.AppToken, t.id, lark.Query{
		Filter: lark.AnyOf(t.key.field.Name, d.keys[:n]), FieldNames: []string{t.key.field.Name}, PageSize: n,
	})
	switch {
	case err != nil:
		return whole(advise(err))
	case len(page.Records) > 0:
		s.carriedOut(d, nil)
		return nil
	case d.rows == nil:
		// Of a doubt from before a restart only the keys are known.
		if s.now().Sub(d.since) < lag {
			return errLag
		}
		s.doubt = nil
		return nil
	}
	return s.repeat(ctx, b, t)
}

// repeat sends the create in doubt again.
func (s *Sink) repeat(ctx context.Context, b *base, t *table) error {
	d := s.doubt
	d.tries++
	if err := s.still(ctx); err != nil {
		return err
	}
	made, err := s.client.BatchCreate(ctx, b.link.AppToken, t.id, t.key.field.Name, d.rows, lark.WriteOptions{ClientToken: d.token, UserIDType: s.conf.UserIDType})
	if err == nil {
		s.carriedOut(d, idsOf(made, d.keys))
		return nil
	}
	// A search has shown nothing; once the lag is over that is the truth.
	sure := s.now().Sub(d.since) >= lag
	e := lark.As(err)
	switch {
	case isContext(err):
		return err
	case sure && e != nil && (e.Class == lark.Repeat || !e.Ambiguous && e.Class != lark.Throttled && e.Class != lark.Busy):
		// Refused for what it is, or for its token: it is planned anew.
		s.doubt = nil
		return nil
	case sure && e != nil && e.Shrink:
		// The platform chokes on it. Less of it may pass, and in the end one record
		// is left that it chokes on.
		s.doubt = nil
		s.most = max(1, len(d.rows)/2)
		return nil
	}
	return pipeline.Hold(lost{err}, max(waitOf(err), glance))
}

// carriedOut ends a doubt: the rows are there. ids are theirs, in the order of its keys,
// "" where one was not told; nil where none was.
func (s *Sink) carriedOut(d *doubt, ids []string) {
	now := s.now()
	for i, key := range d.keys {
		k := d.known[i]
		if ids != nil && ids[i] != "" {
			k.id, k.at = ids[i], now
		}
		s.fresh.put(key, k)
		s.seen.add(key)
	}
	s.index.made(d.keys)
	s.doubt = nil
}

// idsOf are the ids of rows that were made, in the order of keys: by the key that each
// echoes, and by their order where none does.
func idsOf(made []lark.Made, keys []string) []string {
	ids := make([]string, len(keys))
	var at map[string]int // of keys; mostly the rows come in their order
	for i, m := range made {
		switch {
		case i < len(keys) && m.OK && m.Cell == keys[i], !m.OK && len(made) == len(keys):
			ids[i] = m.ID
			continue
		case !m.OK:
			continue
		}
		if at == nil {
			at = make(map[string]int, len(keys))
			for n, key := range keys {
				at[key] = n
			}
		}
		if n, ok := at[m.Cell]; ok {
			ids[n] = m.ID
		}
	}
	return ids
}

// lost is a failure whose verdict is not the worker's to see: what is written to
// depends on whether the rows are there.
type lost struct{ err error }

func (l lost) Error() string {
	return l.err.Error() + "; whether the rows are there is looked up before they are written again"
}

func waitOf(err error) time.Duration {
	if e := lark.As(err); e != nil {
		return e.RetryAfter
	}
	return 0
}
