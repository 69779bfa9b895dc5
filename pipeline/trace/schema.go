package trace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// version is that of the schema. A file of another one is built anew.
const version = 2

// What the columns hold is chosen for their size: a million records should be a file
// of some hundred megabytes.
//
// record.n is the time of receipt in microseconds since 1970, or, where that is taken,
// the next free number in doubling steps (bump is how many steps were taken in all). So
// the newest come first by walking backwards, a page goes on from a number, a span of
// time is a span of numbers, and words needs no column to be put in order by.
//
// ident finds records by hashes of their ID, their delivery's ID and their key; origin
// finds deliveries in RAW by a hash of their ID. Both are checked against what they lead
// to.
//
// words holds, for each record, what it can be found by (see words.go); only the list of
// documents is kept of each, not the text.
//
// at_sink and pending give what is in a state at a sink, the newest first: pending has
// what a sink takes and has not settled, for the sinks and kinds that sink names. hour
// counts the records that came in each hour, by source, kind and form; what it counts it
// keeps for longer than the records themselves, and it holds nobody's data.
const schema = `
CREATE TABLE place (stream TEXT PRIMARY KEY, made INTEGER NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE label (no INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE record (
	n INTEGER PRIMARY KEY, bump INTEGER NOT NULL, late INTEGER NOT NULL,
	id TEXT NOT NULL, key TEXT, seq INTEGER NOT NULL, raw INTEGER NOT NULL,
	kind INTEGER, source INTEGER, form INTEGER, page INTEGER, flags INTEGER,
	name TEXT, phone TEXT, email TEXT
);
CREATE TABLE outcome (
	n INTEGER NOT NULL, sink INTEGER NOT NULL, state INTEGER NOT NULL,
	at INTEGER NOT NULL, took INTEGER NOT NULL, tries INTEGER NOT NULL,
	base INTEGER, ref TEXT, why TEXT, grave INTEGER,
	PRIMARY KEY (n, sink)
) WITHOUT ROWID;
CREATE INDEX at_sink ON outcome (sink, state, n);
CREATE TABLE pending (sink INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (sink, n)) WITHOUT ROWID;
CREATE TABLE sink (name TEXT PRIMARY KEY, accept TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE hour (
	source INTEGER NOT NULL, kind INTEGER NOT NULL, form INTEGER NOT NULL, hour INTEGER NOT NULL,
	leads INTEGER NOT NULL, last INTEGER NOT NULL,
	PRIMARY KEY (source, kind, form, hour)
) WITHOUT ROWID;
CREATE TABLE ident (h INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (h, n)) WITHOUT ROWID;
CREATE TABLE origin (h INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (h, seq)) WITHOUT ROWID;
CREATE TABLE lexicon (w TEXT PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tally (what TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO tally VALUES ('records', 0);
CREATE VIRTUAL TABLE words USING fts5(w, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars '` + tokenMarks + `'");
INSERT INTO words(words, rank) VALUES ('automerge', 8);
`

// Numbers of the states in the file.
var stateNumbers = map[State]int{Stored: 1, Filtered: 2, BuriedAt: 3, Dropped: 4, Waiting: 5}

var stateNames = [...]State{"", Stored, Filtered, BuriedAt, Dropped, Waiting}

func stateName(n int) State {
	if n < 0 || n >= len(stateNames) {
		return ""
	}
	return stateNames[n]
}

// dsn is the address of the file. Synchronous is normal: after a power failure some of
// the last transactions may be gone, whole, and are made again from the streams. The log
// grows to 16 MB before it is copied: pages are then copied once that were written many
// times, and the disk is flushed seldom, which everybody else waits for too.
// Deleted rows are overwritten: they were people's data.
func dsn(path, extra string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), OmitHost: true}
	u.RawQuery = "_pragma=busy_timeout(10000)" + extra
	return u.String()
}

func (x *Index) open() error {
	abs, err := filepath.Abs(x.opts.Path)
	if err != nil {
		return err
	}
	// Nobody else reads people's data: not even for the moment before a chmod.
	f, err := os.OpenFile(abs, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(abs, "&_pragma=journal_mode(WAL)&_pragma=synchronous(1)&_pragma=wal_autocheckpoint(4000)&_pragma=secure_delete(1)&_pragma=cache_size(-32000)&_pragma=temp_store(2)"))
	if err != nil {
		return err
	}
	if x.write, err = newWriter(db, abs, x.opts.Sinks); err != nil {
		return err
	}
	if x.read, err = openReading(abs); err != nil {
		return err
	}
	x.records.Store(x.write.records)
	return nil
}

func (x *Index) openReadOnly() error {
	abs, err := filepath.Abs(x.opts.Path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(abs); err != nil {
		return ErrNoIndex
	}
	db, err := openReading(abs)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoIndex, err)
	}
	var v int
	var n int64
	err = db.QueryRow(`PRAGMA user_version`).Scan(&v)
	if err == nil && v != version {
		err = errVersion
	}
	if err == nil {
		err = db.QueryRow(`SELECT n FROM tally WHERE what = 'records'`).Scan(&n)
	}
	if err != nil {
		_ = db.Close()
		return fmt.Errorf("%w: %w", ErrNoIndex, err)
	}
	x.read = db
	x.records.Store(n)
	return nil
}

func openReading(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, "&mode=ro&_pragma=query_only(1)&_pragma=cache_size(-16000)&_pragma=temp_store(2)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(2)
	return db, nil
}

var errVersion = errors.New("the file is of another version")

// prepare makes the tables in an empty file, and refuses one of another version.
func prepare(ctx context.Context, conn *sql.Conn) error {
	var v, objects int
	if err := conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&v); err != nil {
		return err
	}
	if v == version {
		return nil
	}
	if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&objects); err != nil {
		return err
	}
	if v != 0 || objects > 0 {
		return errVersion
	}
	_, err := conn.ExecContext(ctx, schema+fmt.Sprintf(`PRAGMA user_version = %d;`, version))
	return err
}

// isDamage reports whether only a new file helps.
func isDamage(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
			return true
		}
	}
	return errors.Is(err, errVersion)
}

// putAside closes the handles and moves the file away; the one that was put aside
// before is deleted. The caller holds files, or is alone.
func (x *Index) putAside() error {
	_ = x.close() // what it could not write is made again
	return errors.Join(
		move(x.opts.Path, x.opts.Path+".damaged"),
		gone(os.Remove(x.opts.Path+"-wal")), gone(os.Remove(x.opts.Path+"-shm")))
}

func move(from, to string) error { return gone(os.Rename(from, to)) }

// gone takes what is not there as gone.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
