package trace

import (
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sources/form"
)

// Bounds of what a row shows.
const (
	maxShown = 120 // bytes of a name, an address, a form
	maxPage  = 300
	maxRef   = 600
	maxWhy   = 400
)

// row is an entry about to be written.
type row struct {
	n        int64
	received int64 // microseconds
	late     int64 // microseconds from occurred to received
	id, key  string
	seq      uint64
	raw      bool // of a delivery there is no record of: seq is of RAW

	kind, source, form, page, flags string
	name, phone, email              string
	words                           []string
}

func rowOf(r *pipeline.Record, seq uint64) row {
	out := row{
		received: r.Received.UnixMicro(), id: r.ID, key: r.Key, seq: seq,
		kind: r.Kind, source: r.Source, form: cut(text(r, "form"), maxShown), page: cut(text(r, "page"), maxPage),
		name: cut(text(r, "name"), maxShown), email: cut(text(r, "email"), maxShown), words: wordsOf(r),
	}
	if !r.Occurred.IsZero() {
		out.late = out.received - r.Occurred.UnixMicro()
	}
	for _, field := range [...]string{"phone_local", "phone", "phone_raw"} {
		if out.phone = cut(text(r, field), maxShown); out.phone != "" {
			break
		}
	}
	if flags, ok := r.Fields["flags"].([]string); ok {
		out.flags = cut(strings.Join(flags, " "), maxPage)
	}
	if out.received < 0 {
		out.received = 0 // a record without a time
	}
	return out
}

// rowOfRaw is the entry of a delivery that the transform made no record of. What it can
// be found by is guessed from its body: words, and what looks like a phone or an address.
func rowOfRaw(r *pipeline.Raw, seq uint64) row {
	out := row{received: max(r.Received.UnixMicro(), 0), id: r.ID, key: r.ID, seq: seq, raw: true, source: r.Source}
	seen := pipeline.Record{Kind: "", Source: r.Source, Fields: map[string]any{}}
	out.words = wordsOf(&seen)
	add := func(w string) {
		if len(w) > 1 && len(out.words) < maxTokens {
			out.words = append(out.words, w)
		}
	}
	parsed, err := form.Parse(r.Meta["content_type"], r.Body)
	if err != nil {
		return out
	}
	for _, f := range parsed.Fields {
		for _, v := range f.Values {
			v = cut(v, maxShown)
			if w := tail(v); w != "" && len(digits(v))*2 > len(v) {
				add(w)
				if out.phone == "" {
					out.phone = v
				}
				continue
			}
			if strings.Contains(v, "@") && !strings.ContainsAny(v, " /") {
				add(token(ofEmail, v))
				if out.email == "" {
					out.email = v
				}
				continue
			}
			if strings.Contains(v, "://") {
				continue
			}
			for i, word := range strings.Fields(fold(v)) {
				if i == maxWords {
					break
				}
				named(token(ofName, word), add)
			}
		}
	}
	return out
}

// enter writes rows: new ones, and new versions of those that are there. rows are in the
// order of their stream.
func (w *writer) enter(rows []row, today int64) error {
	rows = latest(rows)
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].id
	}
	there, err := w.find(ids)
	if err != nil {
		return err
	}
	if err := w.number(rows, there); err != nil {
		return err
	}
	var old []any
	args := make([]any, 0, len(rows)*15)
	idents := make([]any, 0, len(rows)*3)
	words := make([]any, 0, len(rows)*2)
	for i := range rows {
		r := &rows[i]
		if _, ok := there[r.id]; ok {
			old = append(old, r.n)
		} else {
			w.records++
		}
		w.know(r.id, r.n)
		if args, err = w.recordArgs(args, r); err != nil {
			return err
		}
		for _, name := range r.names() {
			idents = append(idents, hash(name), r.n)
		}
		words = append(words, r.n, strings.Join(r.words, " "))
	}
	if err := w.in(`DELETE FROM words WHERE rowid IN (…)`, old, nothing); err != nil {
		return err
	}
	if err := w.insert(`INSERT OR REPLACE INTO record`, 15, "", args); err != nil {
		return err
	}
	if err := w.insert(`INSERT OR IGNORE INTO ident`, 2, "", idents); err != nil {
		return err
	}
	if err := w.insert(`INSERT INTO words (rowid, w)`, 2, "", words); err != nil {
		return err
	}
	if err := w.count(rows, there); err != nil {
		return err
	}
	if err := w.expect(rows, there); err != nil {
		return err
	}
	return w.learn(rows, today)
}

func nothing(func(...any) error) error { return nil }

// latest keeps the last of rows with one ID.
func latest(rows []row) []row {
	last := make(map[string]int, len(rows))
	for i := range rows {
		last[rows[i].id] = i
	}
	if len(last) == len(rows) {
		return rows
	}
	out := rows[:0]
	for i := range rows {
		if last[rows[i].id] == i {
			out = append(out, rows[i])
		}
	}
	return out
}

// names are what an entry is found by exactly: its ID, its delivery's, and its key.
func (r *row) names() []string {
	out := []string{r.id}
	if raw, ok := rawOf(r.id); ok && !r.raw {
		out = append(out, raw)
	}
	if r.key != "" && r.key != r.id {
		out = append(out, r.key)
	}
	return out
}

// rawOf is the ID of the delivery that a record named ID/n may be of. A delivery may be
// called so itself.
func rawOf(id string) (string, bool) {
	i := strings.LastIndexByte(id, '/')
	if i < 1 || i == len(id)-1 || len(id)-i > 7 {
		return "", false
	}
	for _, c := range id[i+1:] {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	return id[:i], true
}

func (w *writer) recordArgs(args []any, r *row) ([]any, error) {
	args = append(args, r.n, r.n-r.received, r.late, r.id)
	if r.key == r.id || r.key == "" {
		args = append(args, nil)
	} else {
		args = append(args, r.key)
	}
	raw := 0
	if r.raw {
		raw = 1
	}
	args = append(args, int64(r.seq), raw)
	for _, s := range [...]string{r.kind, r.source, r.form, r.page, r.flags} {
		no, err := w.label(s)
		if err != nil {
			return nil, err
		}
		args = append(args, no)
	}
	for _, s := range [...]string{r.name, r.phone, r.email} {
		if s == "" {
			args = append(args, nil)
		} else {
			args = append(args, s)
		}
	}
	return args, nil
}

// number gives each row its n: the one it has, or that of its time, or, where that is
// taken, the next free one in doubling steps, so that a file of a million rows with one
// time does not cost a million squared.
func (w *writer) number(rows []row, there map[string]int64) error {
	wish := make([]any, 0, len(rows))
	for i := range rows {
		if n, ok := there[rows[i].id]; ok {
			rows[i].n = n
		} else {
			wish = append(wish, rows[i].received)
		}
	}
	taken := map[int64]bool{}
	err := w.in(`SELECT n FROM record WHERE n IN (…)`, wish, func(scan func(...any) error) error {
		var n int64
		if err := scan(&n); err != nil {
			return err
		}
		taken[n] = true
		return nil
	})
	if err != nil {
		return err
	}
	next := map[int64]int64{} // by the time wished for: the last one given
	for i := range rows {
		r := &rows[i]
		if _, ok := there[r.id]; ok {
			continue
		}
		n, again := next[r.received]
		if again {
			n++
		} else {
			n = r.received
		}
		for step := int64(1); ; step *= 2 {
			if again || n != r.received {
				if !taken[n] {
					var one int
					if err := w.conn.QueryRowContext(background, `SELECT count(*) FROM record WHERE n = ?`, n).Scan(&one); err != nil {
						return err
					}
					taken[n] = one > 0
				}
			}
			if !taken[n] {
				break
			}
			n += step
		}
		r.n = n
		taken[n] = true
		next[r.received] = n
	}
	return nil
}

// learn keeps the words that a search may be the beginning of, and the day each was
// last used. Of names they are those that are not found by their beginnings.
func (w *writer) learn(rows []row, today int64) error {
	var args []any
	for i := range rows {
		for _, word := range rows[i].words {
			switch word[:1] {
			case ofName:
				if !isLong(word) {
					continue
				}
			case ofPage, ofUTM:
			default:
				continue
			}
			if w.lexicon[word] == today {
				continue
			}
			if len(w.lexicon) >= mostKnown {
				w.lexicon = map[string]int64{}
			}
			w.lexicon[word] = today
			args = append(args, word, today)
		}
	}
	return w.insert(`INSERT INTO lexicon`, 2, `ON CONFLICT (w) DO UPDATE SET day = excluded.day`, args)
}

// dayOf counts days since 1970.
func dayOf(t time.Time) int64 { return t.Unix() / 86400 }
