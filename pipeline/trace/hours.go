package trace

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// hoursKept is how long it is remembered how many records came in an hour.
const hoursKept = 8*7*24*time.Hour + 24*time.Hour

// Hours are the records that one form, of one source, brought in each hour.
type Hours struct {
	Source string
	Kind   string
	Form   string    // "": the source names none
	Last   time.Time // when the last of them was received
	Counts []Hour    // in order of time; hours without a record are missing
}

// Hour is how many came in one hour.
type Hour struct {
	Hour    int64 // since 1970, UTC
	Records int
}

// Hours counts the records received since a time, by source, kind and form: at most forms
// of those that had the most, and none that had fewer than least. It remembers eight
// weeks, or, of an index that was built anew, what the streams still hold. Somebody who
// was forgotten is not counted.
func (x *Index) Hours(ctx context.Context, since time.Time, least, forms int) ([]Hours, error) {
	var out []Hours
	err := x.reading(ctx, func(c *sql.Conn) (err error) {
		out, err = hours(ctx, c, hourOf(since), least, forms)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("counting by the hour in the index: %w", err)
	}
	return out, nil
}

func hours(ctx context.Context, c *sql.Conn, since int64, least, forms int) ([]Hours, error) {
	rows, err := c.QueryContext(ctx, `WITH most AS MATERIALIZED (SELECT source, kind, form, sum(leads) AS many FROM hour WHERE hour >= ?1
			GROUP BY source, kind, form HAVING many >= ?2 ORDER BY many DESC LIMIT ?3)
		SELECT coalesce(s.text, ''), coalesce(k.text, ''), coalesce(f.text, ''), h.hour, h.leads, h.last
		FROM most m CROSS JOIN hour h ON h.source = m.source AND h.kind = m.kind AND h.form = m.form AND h.hour >= ?1
		LEFT JOIN label s ON s.no = m.source LEFT JOIN label k ON k.no = m.kind LEFT JOIN label f ON f.no = m.form
		ORDER BY m.many DESC, m.source, m.kind, m.form, h.hour`, since, least, forms)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Hours
	for rows.Next() {
		var h Hours
		var one Hour
		var last int64
		if err := rows.Scan(&h.Source, &h.Kind, &h.Form, &one.Hour, &one.Records, &last); err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || out[n-1].Source != h.Source || out[n-1].Kind != h.Kind || out[n-1].Form != h.Form {
			out = append(out, h)
		}
		at := &out[len(out)-1]
		at.Counts = append(at.Counts, one)
		if t := time.UnixMicro(last).UTC(); t.After(at.Last) {
			at.Last = t
		}
	}
	return out, rows.Err()
}

// hourOf counts hours since 1970.
func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

const microsecondsOfAnHour = 3600 * 1_000_000

// tally is where one record is counted.
type tally struct{ source, kind, form, hour int64 }

func (w *writer) tallyOf(r *row) (tally, error) {
	t := tally{hour: r.received / microsecondsOfAnHour}
	for _, l := range [...]struct {
		text string
		to   *int64
	}{{r.source, &t.source}, {r.kind, &t.kind}, {r.form, &t.form}} {
		no, err := w.label(l.text)
		if err != nil {
			return t, err
		}
		*l.to, _ = no.(int64) // 0 is ""
	}
	return t, nil
}

// count adds rows that were not there before to their hours.
func (w *writer) count(rows []row, there map[string]int64) error {
	type sum struct{ leads, last int64 }
	sums := map[tally]sum{}
	for i := range rows {
		r := &rows[i]
		if _, ok := there[r.id]; ok || r.raw {
			continue
		}
		t, err := w.tallyOf(r)
		if err != nil {
			return err
		}
		s := sums[t]
		sums[t] = sum{s.leads + 1, max(s.last, r.received)}
	}
	args := make([]any, 0, 6*len(sums))
	for t, s := range sums {
		args = append(args, t.source, t.kind, t.form, t.hour, s.leads, s.last)
	}
	return w.insert(`INSERT INTO hour`, 6, `ON CONFLICT (source, kind, form, hour) DO UPDATE SET
		leads = leads + excluded.leads, last = max(last, excluded.last)`, args)
}

// uncount takes entries out of their hours again.
func (w *writer) uncount(ns []any) error {
	text := `SELECT coalesce(source, 0), coalesce(kind, 0), coalesce(form, 0), (n - bump) / ` + fmt.Sprint(int64(microsecondsOfAnHour)) + `
		FROM record WHERE raw = 0 AND n IN (…)`
	var of []tally
	err := w.in(text, ns, func(scan func(...any) error) error {
		var t tally
		err := scan(&t.source, &t.kind, &t.form, &t.hour)
		of = append(of, t)
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range of {
		if err := w.exec(`UPDATE hour SET leads = leads - 1 WHERE source = ? AND kind = ? AND form = ? AND hour = ?`, t.source, t.kind, t.form, t.hour); err != nil {
			return err
		}
	}
	return w.exec(`DELETE FROM hour WHERE leads < 1`)
}
