package trace

import (
	"context"
	"fmt"
	"os"
	"time"
)

const (
	removeAtOnce = 500    // entries in one transaction, so that a search waits for none
	labelsMost   = 50_000 // beyond these, those that nothing uses any more are looked for
)

// tidy drops what is older than Keep and is no longer in the streams. What is buried
// stays as long as it is.
func (x *Index) tidy(ctx context.Context) error {
	x.files.RLock()
	defer x.files.RUnlock()
	w := x.write
	if w == nil {
		return errReadOnly
	}
	raws, err := x.opts.Feed.Extent(ctx, Raws)
	if err != nil {
		return err
	}
	records, err := x.opts.Feed.Extent(ctx, Records)
	if err != nil {
		return err
	}
	before := time.Now().Add(-x.opts.Keep)
	dropped := 0
	for ctx.Err() == nil {
		n := 0
		err := w.transaction(func() error {
			var ns []any
			err := w.each(`SELECT n FROM record r WHERE n < ? AND seq < CASE raw WHEN 0 THEN ? ELSE ? END
				AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.n = r.n AND o.grave IS NOT NULL) LIMIT ?`,
				[]any{before.UnixMicro(), int64(records.First), int64(raws.First), removeAtOnce},
				func(scan func(...any) error) error {
					var one int64
					ns = append(ns, &one)
					return scan(&one)
				})
			if err != nil {
				return err
			}
			for i := range ns {
				ns[i] = *ns[i].(*int64)
			}
			n = len(ns)
			return w.remove(ns)
		})
		if err != nil {
			return err
		}
		dropped += n
		if n < removeAtOnce {
			break
		}
	}
	if dropped > 0 {
		x.log.Debug("the index has dropped what the streams have", "entries", dropped)
	}
	x.records.Store(w.recordsNow())
	return w.transaction(func() error {
		if err := w.exec(`DELETE FROM origin WHERE seq < ?`, int64(raws.First)); err != nil {
			return err
		}
		if err := w.exec(`DELETE FROM hour WHERE hour < ?`, hourOf(time.Now().Add(-hoursKept))); err != nil {
			return err
		}
		if err := w.exec(`DELETE FROM lexicon WHERE day < ?`, dayOf(before)-1); err != nil {
			return err
		}
		var labels int
		if err := w.conn.QueryRowContext(background, `SELECT count(*) FROM label`).Scan(&labels); err != nil || labels < labelsMost {
			return err
		}
		return w.dropLabels()
	})
}

// dropLabels deletes the texts that nothing uses.
func (w *writer) dropLabels() error {
	w.labels = map[string]int64{}
	return w.exec(`DELETE FROM label WHERE no NOT IN (
		SELECT kind FROM record WHERE kind IS NOT NULL UNION SELECT source FROM record WHERE source IS NOT NULL
		UNION SELECT form FROM record WHERE form IS NOT NULL UNION SELECT page FROM record WHERE page IS NOT NULL
		UNION SELECT flags FROM record WHERE flags IS NOT NULL
		UNION SELECT source FROM hour UNION SELECT kind FROM hour UNION SELECT form FROM hour
		UNION SELECT sink FROM pending UNION SELECT sink FROM outcome UNION SELECT base FROM outcome WHERE base IS NOT NULL)`)
}

// Forget erases the entries whose ID, delivery's ID or key is one of names, and tells how
// many there were. When it returns without an error nothing of them is in the file, nor
// in its log, nor in a damaged one that was put aside. At a million records it takes some
// seconds, in which nothing new is indexed.
//
// What the streams still hold of them comes back when the index is built anew, so they
// are erased there first.
func (x *Index) Forget(ctx context.Context, names ...string) (int, error) {
	x.files.RLock()
	defer x.files.RUnlock()
	w := x.write
	if w == nil {
		return 0, errReadOnly
	}
	n := 0
	err := w.transaction(func() error {
		var hashes []any
		wanted := map[string]bool{}
		for _, name := range names {
			wanted[name] = true
			hashes = append(hashes, hash(name))
		}
		var ns []any
		err := w.in(`SELECT r.n, r.id, r.key FROM ident i CROSS JOIN record r ON r.n = i.n WHERE i.h IN (…)`, hashes, func(scan func(...any) error) error {
			var at int64
			var r row
			var key *string
			if err := scan(&at, &r.id, &key); err != nil {
				return err
			}
			if key != nil {
				r.key = *key
			}
			for _, name := range r.names() {
				if wanted[name] {
					ns = append(ns, at)
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := w.uncount(ns); err != nil {
			return err
		}
		before := w.records
		if err := w.remove(ns); err != nil {
			return err
		}
		n = int(before - w.records)
		if err := w.in(`DELETE FROM origin WHERE h IN (…)`, hashes, nothing); err != nil {
			return err
		}
		// A word is only marked as deleted until the lists it is in are written anew.
		if err := w.exec(`INSERT INTO words (words) VALUES ('optimize')`); err != nil {
			return err
		}
		w.lexicon = map[string]int64{}
		if err := w.exec(`DELETE FROM lexicon WHERE NOT EXISTS (SELECT 1 FROM words WHERE words MATCH '"' || lexicon.w || '"')`); err != nil {
			return err
		}
		return w.dropLabels()
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting in the index: %w", err)
	}
	x.records.Store(w.recordsNow())
	// The log holds pages of before until it is cut off. A search under way can hold it
	// for a moment.
	for try := 0; ; try++ {
		var busy, pages, moved int
		w.mu.Lock()
		err := w.conn.QueryRowContext(background, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
		w.mu.Unlock()
		if err == nil && busy == 0 {
			break
		}
		if err == nil {
			err = fmt.Errorf("somebody is reading it")
		}
		if try == 50 || ctx.Err() != nil {
			return n, fmt.Errorf("forgetting in the index: its log cannot be cut off: %w", err)
		}
		pause(ctx, 100*time.Millisecond)
	}
	if err := gone(os.Remove(x.opts.Path + ".damaged")); err != nil {
		return n, fmt.Errorf("forgetting in the index: %w", err)
	}
	return n, nil
}

// pause waits d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
