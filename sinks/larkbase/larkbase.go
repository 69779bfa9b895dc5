// Package larkbase stores records as rows of one table of a Lark Base (Feishu
// Bitable), one row per key.
//
//	Mekong ID   Mekong version        Họ tên     Số điện thoại   …
//	<key>       <place in time>       <name>     <phone>
//
// The key column says which row a record belongs to, and the version column how
// new what the row holds is: a later record updates the cells it carries, an older
// one fills only those that are empty. Both are text columns that the sink makes
// when they are not there; hide them, but leave them. The columns of people are
// found by name once and remembered by id after that, so that a renamed column
// changes nothing. A column that is gone holds the sink, with what to do about it.
//
// A record that can have no row yet is created without a look: one call for up to
// 500 of them. Only where a row may exist (a record marked Again, one whose Key is
// not its ID, a key this process has written, and what another record may have
// overtaken before this process began) it is looked for, 50 keys a call; or, once it
// is cheaper, in an index of all keys, which is read at 500 rows a call and then
// spares the look-ups. The index is believed as long as nobody else makes rows: see
// index.go for what that takes. A create whose answer was lost is not repeated here:
// the batch is held, and before anything else is written the sink looks for it and,
// where it is not to be seen, sends the very same request with the same client_token.
// So neither a lost answer nor a replica that lags doubles a row; see doubt.go for
// the reasoning.
//
// A value is written in the shape its column's live type wants (`lark.md` §3.1). A
// value that has none is left out, never the record: what was left out stands in
// the text column "Mekong notes" where the table has one (with create_columns it is
// made), and is counted for [Sink.Check] in any case. A batch that is refused for
// one value is cut in halves until the value is found.
//
// Writes to one Base come one after the other: over all sinks of a process by
// [Gates], and over several processes by a [Lease]. Without one there may be two at
// once, which the platform answers with 1254291 and the worker waits out.
//
// The package does not know what a record means, who retries, or how a token is
// got (sinks/lark).
package larkbase

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark"
	"mekong/sinks/token"
)

// Options is what a sink needs of whoever runs it. The zero value works.
type Options struct {
	Gates    *Gates         // shared by the sinks of a process; nil: one of its own
	Lease    Lease          // shared by the sinks of a process; nil: no other process writes
	Location *time.Location // of days without a time and of months; nil: UTC
	Memory   Memory         // what should outlive the process; nil: nothing does
	// Budget is shared by the sinks of one tenant and kept by whoever made it; nil:
	// one of monthly_calls, if that is set, kept in Memory.
	Budget *lark.Budget

	Tokens  token.Provider // whose identity calls have; nil: the app's own
	Share   *token.Store   // where the app's token is shared with other processes
	OnToken func(token.Event)
	OnCall  func(lark.Call)
	HTTP    *http.Client
	Now     func() time.Time
}

// Memory keeps some kilobytes for a sink, 100 at most. Only the process that writes
// for the sink uses it.
type Memory interface {
	Load(ctx context.Context) ([]byte, error) // nil, nil: nothing was saved yet
	Save(ctx context.Context, state []byte) error
}

const (
	batchSize = lark.MostWritten
	// batchWait is how long a batch fills. A person looks at a Base in seconds, and
	// a call more a second is a call more of the month's.
	batchWait = time.Second
)

// Sink writes to one table. All methods may be called at once; writes wait for each
// other.
type Sink struct {
	name   string
	conf   config.LarkBase
	opts   Options
	link0  lark.Link // as configured
	client *lark.Client
	budget *lark.Budget // nil: no bound
	own    bool         // the budget is this sink's to keep
	now    func() time.Time
	loc    *time.Location

	turn chan struct{} // one Write or Forget at a time; who takes the token holds it

	// Guarded by turn.
	link   lark.Link    // with the app_token, once found
	base   *base        // nil: to be found at the next use
	bound  bindings     // columns by id, once found
	loaded bool         // Memory was read
	saved  string       // what Memory holds, as far as is known
	seen   seen         // keys that have a row
	index  index        // the keys of all rows, where that is worth it
	mixed  bool         // there are records whose Key is not their ID
	fresh  fresh        // rows written a moment ago
	doubt  *doubt       // a create of unknown outcome
	begun  *begun       // a table begun a moment ago
	app    string       // the Base that the lease is of, "" before there was one
	tenure uint64       // of the lease, when it was last had
	since  time.Time    // when somebody else may last have written for this sink
	made   []madeColumn // columns made a moment ago
	people people
	most   int // rows in one call, for now
	cap    int // rows in one call, as the platform has said

	mu     sync.Mutex // guards what follows
	closed bool
	left   map[string]int // values left out, by column
	ids    bindings       // a copy of bound, for Check
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink called name in the configuration. Nothing is sent yet; what it
// refuses is a setting that can never work.
func New(name string, c config.LarkBase, o Options) (*Sink, error) {
	s := &Sink{
		name: name, conf: c, opts: o, now: o.Now, loc: o.Location, budget: o.Budget,
		turn: make(chan struct{}, 1), most: batchSize, cap: batchSize, bound: bindings{}, ids: bindings{}, left: map[string]int{},
	}
	s.turn <- struct{}{}
	if s.now == nil {
		s.now = time.Now
	}
	if s.loc == nil {
		s.loc = time.UTC
	}
	if s.opts.Gates == nil {
		s.opts.Gates = NewGates()
	}
	var err error
	if s.link0, err = lark.ParseLink(c.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	s.link = s.link0
	if s.budget == nil && c.MonthlyCalls > 0 {
		s.budget, s.own = lark.NewBudget(lark.BudgetOptions{Monthly: c.MonthlyCalls, Now: s.now}), true
	}
	s.since = s.now()
	brand := c.Brand
	if brand == "" {
		brand = s.link0.Brand
	}
	s.client, err = lark.New(lark.Options{
		Brand: brand, Endpoint: c.Endpoint, AppID: c.AppID, AppSecret: c.AppSecret,
		Tokens: o.Tokens, Share: o.Share, OnToken: o.OnToken, OnCall: o.OnCall,
		HTTP: o.HTTP, Now: s.now, Budget: s.budget, Timeout: s.patience(),
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Limits is what the worker is to obey: one writer, for the platform takes one write
// at a time per Base (`lark.md` §2.4).
func (s *Sink) Limits() pipeline.Limits {
	return pipeline.Limits{Batch: batchSize, Wait: batchWait, Writers: 1}
}

// Client is the sink's client, for its token's state and for signing in.
func (s *Sink) Client() *lark.Client { return s.client }

// Budget is what counts the sink's calls; nil when nothing does.
func (s *Sink) Budget() *lark.Budget { return s.budget }

// patience is how long a call may take; 0: as long as the client thinks right.
func (s *Sink) patience() time.Duration {
	if s.opts.Lease == nil {
		return 0
	}
	return callTime
}

// Close ends the sink's use. A Write after it is a Hold; one that is under way gives
// the lease up when it is done.
func (s *Sink) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	select {
	case <-s.turn:
		s.release()
		s.turn <- struct{}{}
	default:
	}
	return nil
}

func (s *Sink) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// setting is the path of one of the sink's settings.
func (s *Sink) setting(name string) string {
	return config.Path("sinks", s.name, "larkbase", name)
}

// columnSetting is the path of one column's.
func (s *Sink) columnSetting(column string) string {
	return config.Path("sinks", s.name, "larkbase", "columns", column)
}
