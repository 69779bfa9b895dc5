// Package trace answers "where is my lead?": an index of records and of what became
// of them, in one SQLite file, and the whole path of one delivery.
//
// The index is made of the streams alone and holds nothing else: it can be deleted at
// any time and is built again ([Index.Run], [Index.CatchUp]). How far each stream was
// read is kept in the transaction that wrote what was read, so that a crash neither
// loses nor doubles anything. It reads with positions of its own and acknowledges
// nothing: nobody waits for it, and how far it is behind is said ([Index.Lag]). What the
// streams have dropped, it drops.
//
// It holds what a search needs and no more; a body, or all fields of a record, are
// fetched from the streams when somebody asks for one path. It does hold personal data:
// names, numbers, addresses of mail.
//
// The package does not know what carries the streams ([Feed]), how a delivery becomes a
// record, or who looks at it.
package trace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options of [Open].
type Options struct {
	Path string // the file; its folder must exist
	Feed Feed
	// Keep is how long the streams keep what is settled; what is younger is never
	// dropped.
	Keep time.Duration
	// Sinks are those configured: a record that one of them accepts and has not settled
	// is waiting there.
	Sinks []Sink
	// ReadOnly opens a file that another process writes; Run, CatchUp and Forget then
	// fail. Without a usable file, Open fails with [ErrNoIndex].
	ReadOnly bool
	Logger   *slog.Logger // nil: discarded
}

// Sink is a destination's name and the kinds it takes ("*" is all).
type Sink struct {
	Name   string
	Accept []string
}

func (s Sink) takes(kind string) bool {
	for _, k := range s.Accept {
		if k == "*" || k == kind {
			return true
		}
	}
	return false
}

// ErrNoIndex means that there is no file to read, or not one of this version.
var ErrNoIndex = errors.New("there is no index yet")

// Index is an open index. Its methods may be called from any number of goroutines.
type Index struct {
	opts Options
	log  *slog.Logger

	// files guards the handles, which are exchanged when the file is damaged or gone:
	// whoever uses them holds it for reading.
	files  sync.RWMutex
	read   *sql.DB
	write  *writer // nil when read-only
	closed bool

	suspect atomic.Bool // a reader found the file damaged
	records atomic.Int64
}

// Open opens the index and makes the file where there is none. A damaged file, or one
// of another version, is put aside and an empty one takes its place.
func Open(o Options) (*Index, error) {
	x := &Index{opts: o, log: o.Logger}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	if o.ReadOnly {
		if err := x.openReadOnly(); err != nil {
			return nil, err
		}
		return x, nil
	}
	if err := x.openAnew(); err != nil {
		return nil, fmt.Errorf("the index: %w", err)
	}
	return x, nil
}

// openAnew opens the file, or an empty one in the place of one that cannot be used. The
// caller holds files, or is alone.
func (x *Index) openAnew() error {
	err := x.open()
	if isDamage(err) {
		x.log.Warn("the index was damaged or of another version; it is built anew from the streams", "error", err)
		if err = x.putAside(); err == nil {
			err = x.open()
		}
	}
	if err != nil {
		return errors.Join(err, x.close())
	}
	return nil
}

// Close closes the file. It may be called more than once.
func (x *Index) Close() error {
	x.files.Lock()
	defer x.files.Unlock()
	x.closed = true
	return x.close()
}

func (x *Index) close() (err error) {
	if x.read != nil {
		err = x.read.Close()
		x.read = nil
	}
	if x.write != nil {
		err = errors.Join(err, x.write.close())
		x.write = nil
	}
	return err
}

// Records is how many entries the index holds, as far as this process knows.
func (x *Index) Records() int64 { return x.records.Load() }

var errClosed = errors.New("the index is closed")

// reading runs f on a connection that only reads. What f meets of damage is mended by
// Run.
func (x *Index) reading(ctx context.Context, f func(*sql.Conn) error) error {
	x.files.RLock()
	defer x.files.RUnlock()
	if x.read == nil {
		return errClosed
	}
	conn, err := x.read.Conn(ctx)
	if err == nil {
		err = f(conn)
		_ = conn.Close() // back to the pool
	}
	if isDamage(err) {
		x.suspect.Store(true)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
