// Package mongodb stores records in MongoDB, one document per row.
//
//	{ _id: <key>, id, kind, source, occurred, received, version, revision, fields: { … } }
//
// _id is the record's Key. id, kind, source, occurred and received are those of
// the newest record the row has seen; version is its place in time, written so
// that text order is time order; revision counts changes. fields is what people
// look for. A field's name is kept as it is, save for what MongoDB could not
// address; see [FieldName].
//
// A batch is inserted first, unordered. Error 11000 on _id says that the row is
// there: from an earlier try, or because records share a Key. Those rows alone
// are read, the merge is worked out here, and what changes is written under the
// condition that the revision is still the one read. So a new row costs a share
// of one round trip, a repeated one costs no write, and neither a lost reply
// nor a second writer can double or undo anything. No operation relies on an
// error to tell it what matched, and no two of one command name one document.
// The price is two more round trips, per batch and not per record, for rows
// that exist.
//
// The package does not know what a record means, who retries, nor which server
// it talks to; a server that wants small commands is described by [Options].
package mongodb

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"mekong/config"
	"mekong/pipeline"
)

// Options adapt the sink to a server that is not a configured one.
type Options struct {
	URI        string // used in place of the configured address, when set
	MaxUpdates int    // documents read or updated in one command; 0: a whole batch
	Writers    int    // the most writes in flight the server bears; 0: as configured
	// Alone says that no other process can write to the server. What this one
	// read then still holds when it writes, so an update names its document by
	// _id alone, which a small server finds by an index.
	Alone bool
}

const (
	batchSize = 500                   // `sinks.md` §C1: 500 to 2,000 operations a call
	batchWait = 10 * time.Millisecond // short: a person may be waiting for the lead
)

// Sink writes to one collection. All methods may be called at once.
type Sink struct {
	name string
	conf config.MongoDB
	opts Options
	uri  string

	mu     sync.Mutex // guards client and closed
	client *mongo.Client
	closed bool

	// indexing and merging are locks that a context can stop waiting for: who
	// takes the token holds it. The indexes are made by one Write while others
	// wait, and rows of this process are merged by one Write at a time, so that
	// only other processes can be lost to in a race.
	indexing chan struct{}
	indexed  bool // guarded by indexing
	merging  chan struct{}
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink called name in the configuration. It opens no connection;
// what it refuses is a setting that can never work. Its errors do not quote the
// address, which may hold a password.
func New(name string, c config.MongoDB, o Options) (*Sink, error) {
	s := &Sink{
		name: name, conf: c, opts: o, uri: c.URI.Reveal(),
		indexing: make(chan struct{}, 1), merging: make(chan struct{}, 1),
	}
	if o.URI != "" {
		s.uri = o.URI
	}
	s.indexing <- struct{}{}
	s.merging <- struct{}{}
	if err := s.validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// Limits is what the worker is to obey.
func (s *Sink) Limits() pipeline.Limits {
	writers := max(s.conf.Writers, 1)
	if s.opts.Writers > 0 {
		writers = min(writers, s.opts.Writers)
	}
	return pipeline.Limits{Batch: batchSize, Wait: batchWait, Writers: writers}
}

// Close disconnects. A Write after it is a Hold.
func (s *Sink) Close() error {
	s.mu.Lock()
	client := s.client
	s.client, s.closed = nil, true
	s.mu.Unlock()
	if client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := client.Disconnect(ctx); err != nil {
		return explain(err).plain()
	}
	return nil
}

// collection connects on the first call, and gives the sink's collection.
func (s *Sink) collection() (*mongo.Collection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, mongo.ErrClientDisconnected
	}
	if s.client == nil {
		opts, err := s.clientOptions()
		if err != nil {
			return nil, err
		}
		if s.client, err = mongo.Connect(opts); err != nil {
			return nil, err
		}
	}
	return s.client.Database(s.conf.Database).Collection(s.conf.Collection), nil
}

// setting is the path of one of the sink's settings.
func (s *Sink) setting(name string) string {
	return "sinks." + s.name + ".mongodb." + name
}

// acquire takes a token, unless ctx ends first.
func acquire(ctx context.Context, token chan struct{}) error {
	select {
	case <-token:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
