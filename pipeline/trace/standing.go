package trace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// How entries in a state that have some words are found, by how many are in the state. Few
// are looked for in the lists of the words, which costs a part of a millisecond each. Of
// more, the lists are walked and compared with them. Beyond that each entry with the words
// is looked up, and those in the state are no longer far between.
const (
	probeFew  = 16
	probeMost = 5000
)

// span is a part of the index at_sink, or, with state 0, of the table pending: entries in
// the order of their numbers.
type span struct {
	sink  int64
	state int
}

func (s span) from() string {
	if s.state == 0 {
		return `pending WHERE sink = ` + strconv.FormatInt(s.sink, 10)
	}
	return `outcome INDEXED BY at_sink WHERE sink = ` + strconv.FormatInt(s.sink, 10) + ` AND state = ` + strconv.Itoa(s.state)
}

// spans are several; an entry may be in more than one. Nil is no condition; none is one
// that nothing fulfils.
type spans []span

// hold are the conditions that an entry, whose number is n, is in one of them.
func (ss spans) hold(n string) []string {
	if ss == nil {
		return nil
	}
	ors := make([]string, len(ss))
	for i, s := range ss {
		ors[i] = `EXISTS (SELECT 1 FROM ` + s.from() + ` AND n = ` + n + `)`
	}
	if len(ors) == 0 {
		return []string{`false`}
	}
	return []string{`(` + strings.Join(ors, ` OR `) + `)`}
}

func (x *Index) configured(sink string) bool {
	return slices.ContainsFunc(x.opts.Sinks, func(s Sink) bool { return s.Name == sink })
}

// accepted are the kinds that the sink asked for takes; nil is all.
func (q *query) accepted() []string {
	for _, s := range q.x.opts.Sinks {
		if s.Name == q.filter.Sink && !s.takes("*") {
			return s.Accept
		}
	}
	return nil
}

// kinds are the words of those kinds, where the sink is asked for without a state: it is
// what the sink takes.
func (q *query) kinds() (out []string) {
	if q.filter.Sink == "" || q.filter.State != "" || !q.x.configured(q.filter.Sink) {
		return nil
	}
	for _, k := range q.accepted() {
		out = append(out, word(token(ofKind, k)))
	}
	return out
}

// spans are where the filters by sink and state look; nil when there are none, or when
// kinds stands for them. A sink that is no longer configured still has what it settled.
func (q *query) spans() (spans, error) {
	f := &q.filter
	if f.State == "" && (f.Sink == "" || q.x.configured(f.Sink)) {
		return nil, nil
	}
	var states []int
	switch f.State {
	case "":
		states = []int{0, 1, 2, 3, 4, 5}
	case Waiting:
		// At the transform it is an outcome that a delivery waits.
		states = []int{0, stateNumbers[Waiting]}
	default:
		no, ok := stateNumbers[f.State]
		if !ok {
			return spans{}, nil
		}
		states = []int{no}
	}
	// The sinks that have anything, each found by a step in the index.
	text := `WITH RECURSIVE s(no) AS (SELECT min(sink) FROM outcome UNION ALL SELECT (SELECT min(sink) FROM outcome WHERE sink > s.no) FROM s WHERE s.no IS NOT NULL),
		p(no) AS (SELECT min(sink) FROM pending UNION ALL SELECT (SELECT min(sink) FROM pending WHERE sink > p.no) FROM p WHERE p.no IS NOT NULL)
		SELECT no FROM s WHERE no IS NOT NULL UNION SELECT no FROM p WHERE no IS NOT NULL`
	var args []any
	if f.Sink != "" {
		text, args = `SELECT no FROM label WHERE text = ?`, []any{f.Sink}
	}
	rows, err := q.conn.QueryContext(q.ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := spans{}
	for rows.Next() {
		var no int64
		if err := rows.Scan(&no); err != nil {
			return nil, err
		}
		for _, state := range states {
			out = append(out, span{no, state})
		}
	}
	return out, rows.Err()
}

// next are the newest entries of spans before a number, at most n, each once.
func (q *query) next(ss spans, before int64, n int) ([]int64, error) {
	var ns []int64
	// SQLite takes five hundred parts of a query at most.
	for part := range slices.Chunk(ss, 100) {
		texts := make([]string, len(part))
		for i, s := range part {
			texts[i] = `SELECT n FROM ` + s.from() + fmt.Sprintf(` AND n < %d`, before)
			if !q.filter.Since.IsZero() {
				texts[i] += fmt.Sprintf(` AND n >= %d`, q.filter.Since.UnixMicro())
			}
		}
		rows, err := q.conn.QueryContext(q.ctx, strings.Join(texts, ` UNION `)+` ORDER BY n DESC LIMIT `+strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var one int64
			if err = rows.Scan(&one); err != nil {
				break
			}
			ns = append(ns, one)
		}
		if err == nil {
			err = rows.Err()
		}
		_ = rows.Close()
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ns, func(a, b int64) int { return int(min(max(b-a, -1), 1)) })
	ns = slices.Compact(ns)
	return ns[:min(n, len(ns))], nil
}

// standing finds what is in one of spans, and has the words.
func (q *query) standing(words string, ss spans) ([]Entered, error) {
	match := q.match(words)
	most := probeMost
	if match == "" {
		most = q.limit
	}
	ns, err := q.next(ss, q.before(), most+1)
	switch {
	case err != nil || len(ns) == 0:
		return nil, err
	case match != "" && len(ns) > most:
		return q.entries(wordsFirst, append([]string{`words MATCH ?`}, ss.hold(`words.rowid`)...), []any{match}, false)
	case words == "":
		in, list := among(`r.n`, ns)
		return q.entries(`record r`, []string{in}, []any{list}, true)
	}
	// Source, form and kind are in the entries too, and have the longest lists.
	n := `words.rowid`
	if len(ns) > probeFew {
		n = `+` + n // not to be looked for, but compared
	}
	in, list := among(n, ns)
	return q.entries(wordsFirst, []string{`words MATCH ?`, in}, []any{words, list}, true)
}

// among is the condition that n is one of ns, and its argument. The least comes first: SQLite
// makes a tree of them, which it appends to many times faster than it inserts.
func among(n string, ns []int64) (condition string, arg any) {
	b := []byte{'['}
	for i, one := range slices.Sorted(slices.Values(ns)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, one, 10)
	}
	return n + ` IN (SELECT value FROM json_each(?))`, string(append(b, ']'))
}
