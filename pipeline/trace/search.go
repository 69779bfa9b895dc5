package trace

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Filter narrows a search; zero values narrow nothing.
type Filter struct {
	Source, Form, Kind string
	Sink               string // only what this sink takes
	State              State  // at Sink, or at any sink without one
	Since, Until       time.Time
	After              string // a [Page.Next]: go on behind that page
}

// Page is a part of what was found, the newest first.
type Page struct {
	Entries []Entered `json:"entries"`
	Next    string    `json:"next,omitempty"` // for [Filter.After]; "" when there is no more
}

// Entered is what the index knows of one record, or of a delivery that no record was
// made of (then Kind is "").
type Entered struct {
	ID       string    `json:"id"`
	Key      string    `json:"key"`
	Kind     string    `json:"kind,omitempty"`
	Source   string    `json:"source"`
	Received time.Time `json:"received"`
	Occurred time.Time `json:"occurred"`
	Name     string    `json:"name,omitempty"`
	Phone    string    `json:"phone,omitempty"` // as people write it
	Email    string    `json:"email,omitempty"`
	Form     string    `json:"form,omitempty"`
	Page     string    `json:"page,omitempty"`
	Flags    []string  `json:"flags,omitempty"`
	Steps    []Step    `json:"steps"` // by name of the sink

	n   int64
	seq uint64
	raw bool
}

// Step is what became of an entry at a sink, or at the transform.
type Step struct {
	Sink     string        `json:"sink"` // "transform" is the stage before the sinks
	State    State         `json:"state"`
	At       time.Time     `json:"at,omitzero"`
	Took     time.Duration `json:"took,omitempty"`     // of the whole batch
	Attempts int           `json:"attempts,omitempty"` // tries that failed and were counted
	Ref      string        `json:"ref,omitempty"`
	Why      string        `json:"why,omitempty"`
	Grave    uint64        `json:"grave,omitempty"` // where it is in BURIED
}

// MostEntries is the largest page.
const MostEntries = 1000

// Search finds entries by a phone number in any spelling or its last digits (three at
// least), by words of a name with or without diacritics (the beginnings of words are
// enough), by e-mail, by the ID of a record or delivery or the key of a row, by page or by
// a value of utm_*. An empty term finds all. limit is at most [MostEntries].
//
// The beginning of a value of utm_* is enough where not more than some dozens begin so. At
// a million records a search takes some ten milliseconds; only a frequent name together
// with a state that many, but not most, are in takes longer, so give it a deadline.
func (x *Index) Search(ctx context.Context, term string, f Filter, limit int) (Page, error) {
	limit = min(max(limit, 1), MostEntries)
	var page Page
	after, err := cursor(f.After)
	if err != nil {
		return page, err
	}
	err = x.reading(ctx, func(c *sql.Conn) error {
		q := &query{x: x, conn: c, ctx: ctx, filter: f, after: after, limit: limit + 1}
		es, err := q.run(strings.TrimSpace(cut(term, 400)))
		if err != nil {
			return err
		}
		if len(es) > limit {
			es = es[:limit]
			page.Next = strconv.FormatInt(es[limit-1].n, 36)
		}
		page.Entries = es
		return x.addSteps(ctx, c, es)
	})
	if err != nil {
		return Page{}, fmt.Errorf("searching the index: %w", err)
	}
	return page, nil
}

func cursor(s string) (int64, error) {
	if s == "" {
		return 1<<63 - 1, nil
	}
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no place to go on from", cut(s, 40))
	}
	return n, nil
}

// query is one search.
type query struct {
	x      *Index
	conn   *sql.Conn
	ctx    context.Context
	filter Filter
	after  int64
	limit  int
}

// before is the number that what is searched for is below.
func (q *query) before() int64 {
	if q.filter.Until.IsZero() {
		return q.after
	}
	return min(q.after, q.filter.Until.UnixMicro())
}

func (q *query) run(term string) ([]Entered, error) {
	if term != "" {
		// An ID is exact; whatever has one is meant.
		ns, err := q.x.named(q.ctx, q.conn, term)
		if err != nil {
			return nil, err
		}
		if len(ns) > 0 {
			ss, err := q.spans()
			if err != nil {
				return nil, err
			}
			in, list := among(`r.n`, ns)
			return q.entries(`record r`, append([]string{in}, ss.hold(`r.n`)...), []any{list}, true)
		}
	}
	words, possible, err := q.words(term)
	if err != nil || !possible {
		return nil, err
	}
	ss, err := q.spans()
	if err != nil {
		return nil, err
	}
	if ss != nil {
		return q.standing(words, ss)
	}
	if match := q.match(words); match != "" {
		return q.entries(wordsFirst, []string{`words MATCH ?`}, []any{match}, false)
	}
	return q.entries(`record r`, nil, nil, true)
}

// wordsFirst walks the list of what has the words.
const wordsFirst = `words CROSS JOIN record r ON r.n = words.rowid`

// entries runs the query over a table and its conditions, with the filters added. tokens
// says that source, form and kind are not in the match and must be compared.
func (q *query) entries(from string, where []string, args []any, compare bool) ([]Entered, error) {
	n := `r.n`
	if strings.HasPrefix(from, "words") {
		n = `words.rowid` // so that the list of documents is walked, not sorted
	}
	// One bound: of two, SQLite walks to the one and compares with the other.
	where, args = append(where, n+` < ?`), append(args, q.before())
	f := &q.filter
	if !f.Since.IsZero() {
		where, args = append(where, n+` >= ?`), append(args, f.Since.UnixMicro())
	}
	if compare {
		for _, c := range [...]struct{ column, value string }{{"source", f.Source}, {"form", f.Form}, {"kind", f.Kind}} {
			if c.value != "" {
				where = append(where, `r.`+c.column+` = (SELECT no FROM label WHERE text = ?)`)
				args = append(args, c.value)
			}
		}
	}
	if f.Sink != "" && f.State == "" && q.x.configured(f.Sink) {
		where = append(where, `r.raw = 0`)
		if kinds := q.accepted(); compare && kinds != nil {
			where = append(where, `r.kind IN (SELECT no FROM label WHERE text IN (`+strings.TrimSuffix(strings.Repeat("?,", len(kinds)), ",")+`))`)
			for _, k := range kinds {
				args = append(args, k)
			}
		}
	}
	text := `SELECT r.n, r.bump, r.late, r.id, r.key, r.seq, r.raw, k.text, s.text, f.text, p.text, g.text, r.name, r.phone, r.email
		FROM ` + from + `
		LEFT JOIN label k ON k.no = r.kind LEFT JOIN label s ON s.no = r.source LEFT JOIN label f ON f.no = r.form
		LEFT JOIN label p ON p.no = r.page LEFT JOIN label g ON g.no = r.flags
		WHERE ` + strings.Join(where, ` AND `) + ` ORDER BY ` + n + ` DESC LIMIT ` + strconv.Itoa(q.limit)
	rows, err := q.conn.QueryContext(q.ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Entered
	for rows.Next() {
		var e Entered
		var bump, late, seq int64
		var t [9]sql.NullString
		if err := rows.Scan(&e.n, &bump, &late, &e.ID, &t[8], &seq, &e.raw, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]); err != nil {
			return nil, err
		}
		e.seq = uint64(seq)
		e.Received = time.UnixMicro(e.n - bump).UTC()
		e.Occurred = time.UnixMicro(e.n - bump - late).UTC()
		e.Kind, e.Source, e.Form, e.Page = t[0].String, t[1].String, t[2].String, t[3].String
		e.Flags = strings.Fields(t[4].String)
		e.Name, e.Phone, e.Email, e.Key = t[5].String, t[6].String, t[7].String, t[8].String
		if e.Key == "" {
			e.Key = e.ID
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// named are the entries that have an ID, a delivery's ID or a key exactly.
func (x *Index) named(ctx context.Context, c *sql.Conn, name string) ([]int64, error) {
	rows, err := c.QueryContext(ctx, `SELECT r.n, r.id, r.key FROM ident i CROSS JOIN record r ON r.n = i.n WHERE i.h = ? ORDER BY r.n DESC LIMIT ?`,
		hash(name), MostEntries)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []int64
	for rows.Next() {
		var n int64
		var r row
		var key sql.NullString
		if err := rows.Scan(&n, &r.id, &key); err != nil {
			return nil, err
		}
		r.key = key.String
		for _, have := range r.names() {
			if have == name {
				out = append(out, n)
				break
			}
		}
	}
	return out, rows.Err()
}

// addSteps adds what became of entries, and where they wait.
func (x *Index) addSteps(ctx context.Context, c *sql.Conn, es []Entered) error {
	if len(es) == 0 {
		return nil
	}
	at := map[int64]*Entered{}
	list := make([]string, len(es))
	for i := range es {
		at[es[i].n] = &es[i]
		list[i] = strconv.FormatInt(es[i].n, 10)
	}
	rows, err := c.QueryContext(ctx, `SELECT o.n, s.text, o.state, o.at, o.took, o.tries, b.text, o.ref, o.why, o.grave FROM outcome o
		LEFT JOIN label s ON s.no = o.sink LEFT JOIN label b ON b.no = o.base WHERE o.n IN (`+strings.Join(list, ",")+`)`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n, when, took, grave sql.NullInt64
		var state int
		var s Step
		var base, ref, why sql.NullString
		if err := rows.Scan(&n, &s.Sink, &state, &when, &took, &s.Attempts, &base, &ref, &why, &grave); err != nil {
			return err
		}
		s.State, s.At, s.Took = stateName(state), time.UnixMilli(when.Int64+n.Int64/1000).UTC(), time.Duration(took.Int64)*time.Millisecond
		s.Ref, s.Why, s.Grave = base.String+ref.String, why.String, uint64(grave.Int64)
		at[n.Int64].Steps = append(at[n.Int64].Steps, s)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i := range es {
		x.wait(&es[i])
	}
	return nil
}
