package trace

import (
	"slices"
	"strconv"
	"strings"
)

// What waits at a sink is written down, so that it is found without looking at all that
// does not: at a million leads nobody else knows quickly that nothing waits.

// expect notes that rows wait at each sink that takes them; expected writes it down at the
// end of the transaction, where nothing has settled them meanwhile. A row that was there
// before may have become of another kind.
func (w *writer) expect(rows []row, there map[string]int64) error {
	var old []any
	for i := range rows {
		r := &rows[i]
		if _, ok := there[r.id]; ok {
			old = append(old, r.n)
		}
		w.entered[r.n] = true
		if r.raw {
			continue
		}
		for _, s := range w.sinks {
			if !s.takes(r.kind) {
				continue
			}
			no, err := w.label(s.Name)
			if err != nil {
				return err
			}
			w.waits[no.(int64)] = append(w.waits[no.(int64)], r.n)
		}
	}
	return w.unexpectAll(old)
}

// expectAgain notes where an entry waits now that an outcome of it is gone.
func (w *writer) expectAgain(n int64) error {
	r := row{n: n}
	err := w.each(`SELECT r.raw, coalesce(k.text, '') FROM record r LEFT JOIN label k ON k.no = r.kind WHERE r.n = ?`, []any{n},
		func(scan func(...any) error) error { return scan(&r.raw, &r.kind) })
	if err != nil {
		return err
	}
	return w.expect([]row{r}, nil)
}

func (w *writer) expected() error {
	for sink, ns := range w.waits {
		slices.Sort(ns) // see among
		if err := w.exec(`INSERT OR IGNORE INTO pending SELECT ?1, value FROM json_each(?2)
			WHERE NOT EXISTS (SELECT 1 FROM outcome o WHERE o.n = value AND o.sink = ?1)`, sink, w.list(ns)); err != nil {
			return err
		}
	}
	w.forgetWaits()
	return nil
}

func (w *writer) forgetWaits() {
	w.waits, w.entered = map[int64][]int64{}, map[int64]bool{}
}

// unexpect takes out what was settled, by sink. What was entered in the same transaction
// is not in yet.
func (w *writer) unexpect(done map[int64][]int64) error {
	for sink, ns := range done {
		ns = slices.DeleteFunc(ns, func(n int64) bool { return w.entered[n] })
		if len(ns) == 0 {
			continue
		}
		slices.Sort(ns)
		if err := w.exec(`DELETE FROM pending WHERE sink = ? AND n IN (SELECT value FROM json_each(?))`, sink, w.list(ns)); err != nil {
			return err
		}
	}
	return nil
}

// unexpectAll takes entries out at every sink.
func (w *writer) unexpectAll(ns []any) error {
	if len(ns) == 0 {
		return nil
	}
	return w.in(`DELETE FROM pending WHERE (sink, n) IN (SELECT s.no, j.value FROM json_each(?) j
		JOIN (SELECT l.no FROM sink s JOIN label l ON l.text = s.name) s)`, ns, nothing)
}

// list writes numbers as JSON.
func (w *writer) list(ns []int64) string {
	w.json = append(w.json[:0], '[')
	for i, n := range ns {
		if i > 0 {
			w.json = append(w.json, ',')
		}
		w.json = strconv.AppendInt(w.json, n, 10)
	}
	return string(append(w.json, ']'))
}

// reckon works out what waits anew for sinks that came, went, or take something else
// than they did. At a million records that takes a second for each.
func (w *writer) reckon() error {
	if w.reckoned {
		return nil
	}
	had := map[string]string{}
	err := w.each(`SELECT name, accept FROM sink`, nil, func(scan func(...any) error) error {
		var name, accept string
		err := scan(&name, &accept)
		had[name] = accept
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range w.sinks {
		accept := strings.Join(slices.Sorted(slices.Values(s.Accept)), " ")
		was, ok := had[s.Name]
		delete(had, s.Name)
		if ok && was == accept {
			continue
		}
		if err := w.reckonSink(s, accept); err != nil {
			return err
		}
	}
	for name := range had {
		if err := w.exec(`DELETE FROM pending WHERE sink = (SELECT no FROM label WHERE text = ?)`, name); err != nil {
			return err
		}
		if err := w.exec(`DELETE FROM sink WHERE name = ?`, name); err != nil {
			return err
		}
	}
	w.reckoned = true
	return nil
}

func (w *writer) reckonSink(s Sink, accept string) error {
	no, err := w.label(s.Name)
	if err != nil {
		return err
	}
	if err := w.exec(`INSERT OR REPLACE INTO sink VALUES (?, ?)`, s.Name, accept); err != nil {
		return err
	}
	if err := w.exec(`DELETE FROM pending WHERE sink = ?`, no); err != nil {
		return err
	}
	text := `INSERT INTO pending SELECT ?1, r.n FROM record r WHERE r.raw = 0
		AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.n = r.n AND o.sink = ?1)`
	args := []any{no}
	if !s.takes("*") {
		text += ` AND r.kind IN (SELECT no FROM label WHERE text IN (` + strings.TrimSuffix(strings.Repeat("?,", len(s.Accept)), ",") + `))`
		for _, k := range s.Accept {
			args = append(args, k)
		}
	}
	return w.exec(text, args...)
}
