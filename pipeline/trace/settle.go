package trace

import (
	"strings"

	"mekong/pipeline"
)

// settled is one thing that became of one entry, about to be written.
type settled struct {
	stage  string
	id     string
	state  State
	at     int64 // milliseconds since 1970
	took   int64 // milliseconds
	tries  int
	ref    string
	why    string
	grave  uint64 // in BURIED
	buried bool   // from BURIED itself, not from TRACE
}

func fromSettlement(s *Settlement, e *Settled) settled {
	out := settled{
		stage: s.Stage, id: e.ID, state: e.State, at: s.At.UnixMilli(), took: s.Took.Milliseconds(), tries: e.Attempts,
		ref: cut(e.Ref, maxRef), why: cut(e.Reason, maxWhy),
	}
	if e.State == unburied || e.State == Dropped {
		out.grave = e.Seq
		// What was sent through again carries a number behind its ID.
		if i := strings.LastIndex(out.id, ":r"); i > 0 && strings.Trim(out.id[i+2:], "0123456789") == "" {
			out.id = out.id[:i]
		}
	}
	return out
}

func fromBurial(seq uint64, b *Burial) settled {
	out := settled{stage: b.Stage, state: BuriedAt, at: b.At.UnixMilli(), tries: b.Attempts, why: cut(b.Reason, maxWhy), grave: seq, buried: true}
	switch {
	case b.Record != nil:
		out.id = b.Record.ID
	case b.Raw != nil:
		out.id = b.Raw.ID
	}
	return out
}

// sinkOf is the name under which a stage's outcomes are kept.
func sinkOf(stage string) string { return strings.TrimPrefix(stage, stagePrefix) }

// lacking are the IDs among ss that have no entry and need one: of deliveries that the
// transform settled without a record, and of what is buried, of which the streams may
// have nothing else any more.
func (w *writer) lacking(ss []settled) (map[string]bool, error) {
	var ids []string
	for i := range ss {
		without := ss[i].stage == stageTransform && (ss[i].state == Filtered || ss[i].state == BuriedAt)
		if ss[i].id != "" && (without || ss[i].buried) {
			ids = append(ids, ss[i].id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	there, err := w.find(ids)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, id := range ids {
		if _, ok := there[id]; !ok {
			out[id] = true
		}
	}
	return out, nil
}

// upsert keeps one outcome per entry and sink. TRACE is in order, so its last word
// stands; only where BURIED was read first, and knows something later than a settlement,
// the settlement is history. BURIED says what TRACE says too, and adds where the grave is.
const upsert = `ON CONFLICT (n, sink) DO UPDATE SET
	grave = CASE WHEN excluded.state <> 3 THEN NULL ELSE coalesce(excluded.grave, grave) END,
	state = excluded.state, at = excluded.at, took = excluded.took, tries = excluded.tries,
	base = excluded.base, ref = excluded.ref, why = excluded.why
	WHERE grave IS NULL OR excluded.at >= at`

const upsertBurial = `ON CONFLICT (n, sink) DO UPDATE SET
	grave = CASE WHEN excluded.at > at OR state = 3 THEN excluded.grave ELSE grave END,
	took = CASE WHEN excluded.at > at THEN 0 ELSE took END,
	tries = CASE WHEN excluded.at > at THEN excluded.tries ELSE tries END,
	base = CASE WHEN excluded.at > at THEN NULL ELSE base END,
	ref = CASE WHEN excluded.at > at THEN NULL ELSE ref END,
	why = CASE WHEN excluded.at > at THEN excluded.why ELSE why END,
	state = CASE WHEN excluded.at > at THEN 3 ELSE state END,
	at = max(excluded.at, at)`

const outcomeHead = `INSERT INTO outcome`

// settle writes what became of entries, in order. What is about an entry that is not
// there is left out: the streams have dropped it, or somebody asked to be forgotten.
func (w *writer) settle(ss []settled) error {
	ids := make([]string, 0, len(ss))
	for i := range ss {
		if ss[i].id != "" && ss[i].state != made {
			ids = append(ids, ss[i].id)
		}
	}
	there, err := w.find(ids)
	if err != nil {
		return err
	}
	var args []any
	done := map[int64][]int64{}
	end := ""
	flush := func(next string) error {
		var err error
		if len(args) > 0 && next != end {
			err = w.insert(outcomeHead, 10, end, args)
			args = args[:0]
		}
		end = next
		return err
	}
	for i := range ss {
		s := &ss[i]
		n, ok := there[s.id]
		if !ok || s.state == made {
			continue
		}
		sink, err := w.label(sinkOf(s.stage))
		if err != nil {
			return err
		}
		if s.state == unburied || s.state == Dropped {
			if err := flush(""); err != nil {
				return err
			}
			if err := w.lift(s, n, sink); err != nil {
				return err
			}
			continue
		}
		next := upsert
		if s.buried {
			next = upsertBurial
		}
		if err := flush(next); err != nil {
			return err
		}
		var base, ref, why, grave any
		if s.ref != "" {
			head, rest := splitRef(s.ref)
			if base, err = w.label(head); err != nil {
				return err
			}
			ref = rest
		}
		if s.why != "" {
			why = s.why
		}
		if s.grave > 0 {
			grave = int64(s.grave)
		}
		args = append(args, n, sink, stateNumbers[s.state], s.at-n/1000, s.took, s.tries, base, ref, why, grave)
		if no, ok := sink.(int64); ok {
			done[no] = append(done[no], n)
		}
	}
	if err := flush(""); err != nil {
		return err
	}
	return w.unexpect(done)
}

// lift writes down that a grave is empty.
func (w *writer) lift(s *settled, n int64, sink any) error {
	if s.state == Dropped {
		return w.exec(`UPDATE outcome SET state = ?, at = ?, grave = NULL WHERE n = ? AND sink = ? AND state = ?`,
			stateNumbers[Dropped], s.at-n/1000, n, sink, stateNumbers[BuriedAt])
	}
	if s.stage != stageTransform {
		// No outcome is waiting.
		if err := w.exec(`DELETE FROM outcome WHERE n = ? AND sink = ? AND state = ?`, n, sink, stateNumbers[BuriedAt]); err != nil {
			return err
		}
		return w.expectAgain(n)
	}
	// The entry of a delivery lasts until there is a record of it; that may be there.
	var raw, siblings int
	var id string
	if err := w.conn.QueryRowContext(background, `SELECT raw, id FROM record WHERE n = ?`, n).Scan(&raw, &id); err != nil {
		return err
	}
	if err := w.conn.QueryRowContext(background, `SELECT count(*) FROM ident WHERE h = ? AND n <> ?`, hash(id), n).Scan(&siblings); err != nil {
		return err
	}
	if raw == 1 && siblings > 0 {
		return w.remove([]any{n})
	}
	if raw == 0 {
		return w.exec(`DELETE FROM outcome WHERE n = ? AND sink = ? AND state = ?`, n, sink, stateNumbers[BuriedAt])
	}
	return w.exec(`UPDATE outcome SET state = ?, at = ?, grave = NULL, why = NULL WHERE n = ? AND sink = ?`,
		stateNumbers[Waiting], s.at-n/1000, n, sink)
}

// awaited are the deliveries whose grave was emptied and that are to become records, by
// ID.
func (w *writer) awaited() (map[string]int64, error) {
	out := map[string]int64{}
	err := w.each(`SELECT r.id, r.n FROM outcome o CROSS JOIN record r ON r.n = o.n
		WHERE o.sink = (SELECT no FROM label WHERE text = ?) AND o.state = 5 AND r.raw = 1`, []any{stageTransform},
		func(scan func(...any) error) error {
			var id string
			var n int64
			if err := scan(&id, &n); err != nil {
				return err
			}
			out[id] = n
			return nil
		})
	return out, err
}

// arrived takes away the entries of deliveries that have become the records rs.
func (w *writer) arrived(rs []Entry[pipeline.Record]) error {
	waiting, err := w.awaited()
	if err != nil || len(waiting) == 0 {
		return err
	}
	var ns []any
	for i := range rs {
		id := rs[i].Value.ID
		raw, ok := rawOf(id)
		for _, name := range []string{id, raw} {
			if n, there := waiting[name]; there && (name == id || ok) {
				ns = append(ns, n)
				delete(waiting, name)
			}
		}
	}
	return w.remove(ns)
}

// remove deletes entries with everything that is known of them.
func (w *writer) remove(ns []any) error {
	if len(ns) == 0 {
		return nil
	}
	var names []any
	err := w.in(`SELECT id, key FROM record WHERE n IN (…)`, ns, func(scan func(...any) error) error {
		var id string
		var key *string
		if err := scan(&id, &key); err != nil {
			return err
		}
		r := row{id: id}
		if key != nil {
			r.key = *key
		}
		for _, name := range r.names() {
			names = append(names, hash(name))
		}
		delete(w.ids, id)
		w.records--
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.unexpectAll(ns); err != nil {
		return err
	}
	for _, q := range []string{
		`DELETE FROM words WHERE rowid IN (…)`, `DELETE FROM outcome WHERE n IN (…)`, `DELETE FROM record WHERE n IN (…)`,
	} {
		if err := w.in(q, ns, nothing); err != nil {
			return err
		}
	}
	// Another entry's hash may be the same, if its key is: only what leads nowhere goes.
	return w.in(`DELETE FROM ident WHERE h IN (…) AND NOT EXISTS (SELECT 1 FROM record r WHERE r.n = ident.n)`, names, nothing)
}

// splitRef cuts a link into what it shares with others and what is its own.
func splitRef(ref string) (base, rest string) {
	i := strings.LastIndexAny(ref, "/=")
	return ref[:i+1], ref[i+1:]
}
