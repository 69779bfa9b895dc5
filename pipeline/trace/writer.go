package trace

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// writer is the one connection that writes. Another process may have one too: each
// transaction looks whether the places are still those it knows.
type writer struct {
	mu   sync.Mutex // held for a transaction
	db   *sql.DB
	conn *sql.Conn
	file os.FileInfo // of the open file, to see when another one takes its place

	places   map[Stream]place
	records  int64
	sinks    []Sink // those configured
	reckoned bool   // what waits is written down for just these

	// Of the transaction under way: what may wait when it ends, by sink, and what it
	// entered. See expect.
	waits   map[int64][]int64
	entered map[int64]bool

	// What was looked up lately. All three are dropped when a transaction fails.
	labels  map[string]int64
	ids     map[string]int64
	lexicon map[string]int64

	texts map[string]string // statements of many rows
	json  []byte            // of the last of them
}

// place is how far a stream was read.
type place struct {
	made int64 // when the stream was made, nanoseconds since 1970
	seq  uint64
}

// mostKnown is how many entries a cache holds.
const mostKnown = 20_000

// background is what statements run under: a context that can end costs a goroutine for
// each. What they do is bounded instead.
var background = context.Background()

func newWriter(db *sql.DB, path string, sinks []Sink) (w *writer, err error) {
	db.SetMaxOpenConns(1)
	w = &writer{db: db, sinks: sinks, texts: map[string]string{}}
	w.forgetCaches()
	w.forgetWaits()
	defer func() {
		if err != nil {
			_ = w.close()
			w = nil
		}
	}()
	if w.conn, err = db.Conn(background); err != nil {
		return w, err
	}
	if err = prepare(background, w.conn); err != nil {
		return w, err
	}
	if w.file, err = os.Stat(path); err != nil {
		return w, err
	}
	return w, w.load()
}

func (w *writer) close() (err error) {
	if w.conn != nil {
		err = w.conn.Close()
	}
	return errors.Join(err, w.db.Close())
}

func (w *writer) forgetCaches() {
	w.labels, w.ids, w.lexicon = map[string]int64{}, map[string]int64{}, map[string]int64{}
}

// load reads how far the streams were read.
func (w *writer) load() error {
	places := map[Stream]place{}
	err := w.each(`SELECT stream, made, seq FROM place`, nil, func(scan func(...any) error) error {
		var s string
		var made, seq int64
		if err := scan(&s, &made, &seq); err != nil {
			return err
		}
		places[Stream(s)] = place{made, uint64(seq)}
		return nil
	})
	if err != nil {
		return err
	}
	w.places = places
	return w.conn.QueryRowContext(background, `SELECT n FROM tally WHERE what = 'records'`).Scan(&w.records)
}

// errMoved means that another process wrote meanwhile; what was read is read again.
var errMoved = errors.New("another process writes the index too")

// transaction runs f and commits what it wrote together with the places it moved to.
func (w *writer) transaction(f func() error) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	before := w.places
	records := w.records
	defer func() {
		if err == nil {
			err = w.exec(`COMMIT`)
		}
		if err != nil {
			_ = w.exec(`ROLLBACK`) // fails only where nothing is open any more
			w.places, w.records = before, records
			w.forgetCaches()
			w.reckoned = false
			if errors.Is(err, errMoved) {
				err = errors.Join(err, w.load())
			}
		}
	}()
	w.forgetWaits()
	if err := w.unmoved(); err != nil {
		return err
	}
	places := map[Stream]place{}
	for s, p := range w.places {
		places[s] = p
	}
	w.places = places
	if err := f(); err != nil {
		return err
	}
	if err := w.expected(); err != nil {
		return err
	}
	for _, s := range Streams {
		if p := w.places[s]; p != before[s] {
			if err := w.exec(`INSERT OR REPLACE INTO place VALUES (?, ?, ?)`, string(s), p.made, int64(p.seq)); err != nil {
				return err
			}
		}
	}
	if w.records != records {
		return w.exec(`UPDATE tally SET n = ? WHERE what = 'records'`, w.records)
	}
	return nil
}

// unmoved fails with errMoved when the file is further than this process knows.
func (w *writer) unmoved() error {
	n := 0
	err := w.each(`SELECT stream, made, seq FROM place`, nil, func(scan func(...any) error) error {
		var s string
		var made, seq int64
		if err := scan(&s, &made, &seq); err != nil {
			return err
		}
		n++
		if w.places[Stream(s)] != (place{made, uint64(seq)}) {
			return errMoved
		}
		return nil
	})
	if err == nil && n != len(w.places) {
		err = errMoved
	}
	return err
}

func (w *writer) exec(q string, args ...any) error {
	_, err := w.conn.ExecContext(background, q, args...)
	return err
}

// each runs a query and hands over its rows.
func (w *writer) each(q string, args []any, row func(scan func(...any) error) error) error {
	rows, err := w.conn.QueryContext(background, q, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// insert writes rows of width values each, all in one statement: head, the rows, and end
// behind them. The rows go in as one JSON text, because the driver prepares a statement
// anew each time, and one with many parameters costs several times what its rows do.
func (w *writer) insert(head string, width int, end string, args []any) error {
	if len(args) == 0 {
		return nil
	}
	key := head + end
	q, ok := w.texts[key]
	if !ok {
		columns := make([]string, width)
		for i := range columns {
			columns[i] = fmt.Sprintf("value->>%d", i)
		}
		// Without a condition the parser would take ON CONFLICT for a join.
		q = head + " SELECT " + strings.Join(columns, ", ") + " FROM json_each(?) WHERE true " + end
		w.texts[key] = q
	}
	w.json = append(w.json[:0], '[')
	for i := range args {
		switch {
		case i%width == 0 && i > 0:
			w.json = append(w.json, "],["...)
		case i%width == 0:
			w.json = append(w.json, '[')
		default:
			w.json = append(w.json, ',')
		}
		w.json = appendJSON(w.json, args[i])
	}
	return w.exec(q, string(append(w.json, "]]"...)))
}

// in runs a query with a list of values where it says (…).
func (w *writer) in(q string, values []any, row func(scan func(...any) error) error) error {
	if len(values) == 0 {
		return nil
	}
	w.json = append(w.json[:0], '[')
	for i, v := range values {
		if i > 0 {
			w.json = append(w.json, ',')
		}
		w.json = appendJSON(w.json, v)
	}
	q = strings.Replace(q, "(…)", "(SELECT value FROM json_each(?))", 1)
	return w.each(q, []any{string(append(w.json, ']'))}, row)
}

// appendJSON writes a value of a row: text, a number, or nil.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		for i := range len(v) {
			if c := v[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
				text, _ := json.Marshal(v) // a string always can be
				return append(b, text...)
			}
		}
		return append(append(append(b, '"'), v...), '"')
	default:
		panic(fmt.Sprintf("trace: a row holds a %T", v))
	}
}

// label is the number of a text that many rows share; nil of "".
func (w *writer) label(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	if no, ok := w.labels[text]; ok {
		return no, nil
	}
	var no int64
	err := w.conn.QueryRowContext(background, `SELECT no FROM label WHERE text = ?`, text).Scan(&no)
	if errors.Is(err, sql.ErrNoRows) {
		err = w.conn.QueryRowContext(background, `INSERT INTO label (text) VALUES (?) RETURNING no`, text).Scan(&no)
	}
	if err != nil {
		return nil, err
	}
	if len(w.labels) >= mostKnown {
		w.labels = map[string]int64{}
	}
	w.labels[text] = no
	return no, nil
}

// find gives the entries of IDs, by ID; those that are not there are missing.
func (w *writer) find(ids []string) (map[string]int64, error) {
	found := make(map[string]int64, len(ids))
	var hashes []any
	wanted := map[string]bool{}
	for _, id := range ids {
		if n, ok := w.ids[id]; ok {
			found[id] = n
		} else if !wanted[id] {
			wanted[id] = true
			hashes = append(hashes, hash(id))
		}
	}
	err := w.in(`SELECT r.id, r.n FROM ident i CROSS JOIN record r ON r.n = i.n WHERE i.h IN (…)`, hashes, func(scan func(...any) error) error {
		var id string
		var n int64
		if err := scan(&id, &n); err != nil {
			return err
		}
		if wanted[id] {
			found[id] = n
			w.know(id, n)
		}
		return nil
	})
	return found, err
}

func (w *writer) know(id string, n int64) {
	if len(w.ids) >= mostKnown {
		w.ids = map[string]int64{}
	}
	w.ids[id] = n
}

// hash is what an ID is looked up by.
func hash(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}
