// Package sheets stores records as rows of one tab of a Google spreadsheet, one row
// per key.
//
//	Mekong ID   received            name       phone        …   Mekong version (hidden)
//	<key>       2026-03-03 09:30    <name>     0900000000
//
// # Columns
//
// The key column says which row a record belongs to, and the version column how new
// what the row holds is: a later record updates the cells it carries, an older one
// fills only those that are empty. Every column that the sink fills carries developer
// metadata, which stays with the column: it may be moved and renamed. Until then it is
// found by its header. A person's own columns are never written to. Values are typed
// and never parsed: texts keep their zeros, and a formula is a text.
//
// # New rows
//
// New rows are one atomic batchUpdate. It inserts rows below the last one that has a
// key, rather than writing to an address: whatever a person does at the same moment,
// nothing is overwritten. Its answer shows the rows around the new ones and the header,
// so that an insertion, a deletion, a sort or a moved column by a person's hand is seen
// without a read; only then the keys are read anew. A batch is one
// call of a few megabytes at most, see maxBody.
//
// # The fence
//
// Sheets knows no key of idempotency. Each batchUpdate that makes rows or columns
// therefore also makes a named range, Mekong_<gid>_<n>, with an id that is told by the
// number n, and takes the one before it away. Google refuses an id that is there
// already, and the whole batch with it. So a batch is carried out only on the state
// that its writer has seen: of two writers in two processes one is refused and looks
// again, and a batch whose answer was lost can no longer arrive once another one has.
// After a lost answer the records are held; before anything else is written the keys
// are read, which says whether it has arrived. A person who deletes the named range
// costs one call. See fence.go.
//
// # Changed rows
//
// A row that is there may move while it is written to. It is tagged first, with
// metadata of the row, in a call whose answer shows what the row holds; then it is
// written to by its tag, wherever it is by then. So a person may sort in between.
//
// # Moved columns
//
// Nothing addresses a cell by the tags of its row and its column, so a person who moves
// or inserts a column in the second between our look and our call gets values into
// columns that they are not for. The answer shows it, and every cell is put back; where
// the answer is lost or that is refused, what was written is remembered until it was
// looked at (repair.go, settle.go). What a person has written since stays. Two windows
// are left. A cell of the person's own that is written to in the very second between
// our look at the row and a change that hits it, because a column has moved, gets back
// what we saw there, and a formula comes back as its text: the API has no condition on
// what a cell holds. And where the process dies before it could look, values stay where
// they are.
//
// # Quota
//
// A call a second goes to a spreadsheet, and the account's calls of a minute are
// shared by all sinks that use it ([Accounts]). [Sink.Pace] tells the worker when to
// fetch, so that records wait in the queue and share a call. A call that is early waits
// at its gate, some seconds at most, and is sent once; beyond that records are held.
//
// What a cell does not hold (50,000 characters) is cut, noted in the cell, and counted
// for [Sink.Check]. A spreadsheet that is full is followed by the next one of
// new_spreadsheets, and with rotate: monthly every month has a tab; see rotate.go.
//
// The package does not know what a record means, who retries, or how a token is got
// (sinks/google). Over several processes the queue lets one write; where two overlap
// all the same, the fence makes that harmless.
package sheets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"google.golang.org/api/option"
	api "google.golang.org/api/sheets/v4"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/token"
)

// Options is what a sink needs of whoever runs it. Tokens is needed.
type Options struct {
	Tokens token.Provider
	// Account is what Accounts knows the minute budget by; "": one of the sink's own.
	Account string
	// Email is whom the spreadsheet is to be shared with, "" while that is not known;
	// nil: it never is.
	Email func() string
	// Explain says what an error of Tokens means; nil: its own words are all there is.
	Explain func(error) pipeline.Finding

	Gates    *Gates         // shared by the sinks of a process; nil: one of its own
	Accounts *Accounts      // likewise
	Location *time.Location // of months, and of dates where the spreadsheet does not say; nil: UTC
	Memory   Memory         // what should outlive the process; nil: nothing does

	OnCall func(Call)
	HTTP   *http.Client // its Transport is what calls go through; nil: the default one
	Now    func() time.Time
	// Wait waits for a call's turn; nil: in real time. A test moves its clock instead.
	Wait func(ctx context.Context, d time.Duration) error
}

// Memory keeps some kilobytes for a sink. Only the process that writes for the sink
// uses it.
type Memory interface {
	Load(ctx context.Context) ([]byte, error) // nil, nil: nothing was saved yet
	Save(ctx context.Context, state []byte) error
}

const (
	// batchSize is how many records wait for one Write: some calls' worth, so that the
	// last one of them is not mostly empty.
	batchSize = 10_000
	// batchWait is how long a batch fills. A person looks at a sheet in seconds.
	batchWait = 200 * time.Millisecond
)

// Sink writes to one tab. All methods may be called at once; writes wait for each
// other.
type Sink struct {
	name    string
	conf    config.Sheets
	opts    Options
	links   []Link // the spreadsheet, and those to go on in
	api     *api.Service
	line    *http.Client // what api sends through
	account *account
	now     func() time.Time

	mark string        // on the tags of rows, to tell them from another process's
	turn chan struct{} // one Write or Forget at a time; who takes the token holds it

	// Guarded by turn.
	at       int    // which of links is written to
	tabs     []*tab // newest first: the first is written to; nil: to be found at the next use
	fences   map[string]*fences
	loaded   bool   // Memory was read
	saved    string // what Memory holds, as far as is known
	most     int    // bytes in one call, for now
	doubtful []*doubtful
	blind    bool            // the header cannot be seen in the answer to a change
	swept    map[string]bool // tabs whose rows had their old tags taken away
	refused  *refusal
	unfenced bool // Google does not take our fences

	mu     sync.Mutex // guards what follows
	closed bool
	cut    map[string]int // cells that do not hold all of their text, by header
	skew   time.Duration  // Google's clock less ours
	where  string         // the spreadsheet that is written to, for Pace
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink called name in the configuration. Nothing is sent yet; what it
// refuses is a setting that can never work.
func New(name string, c config.Sheets, o Options) (*Sink, error) {
	if o.Tokens == nil {
		return nil, errors.New("there is nothing to get access tokens from")
	}
	s := &Sink{name: name, conf: c, now: o.Now, turn: make(chan struct{}, 1), fences: map[string]*fences{}, most: maxBody, cut: map[string]int{}, swept: map[string]bool{}, mark: strconv.FormatInt(newID(), 36)}
	s.turn <- struct{}{}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Gates == nil {
		o.Gates = NewGates()
	}
	if o.Accounts == nil {
		o.Accounts = NewAccounts(s.now)
	}
	if o.Wait == nil {
		o.Wait = pass
	}
	s.opts = o
	for i, text := range append([]string{c.Spreadsheet}, c.NewSpreadsheets...) {
		l, err := ParseLink(text)
		if err != nil {
			if i == 0 {
				return nil, fmt.Errorf("spreadsheet: %w", err)
			}
			return nil, fmt.Errorf("new_spreadsheets: %w", err)
		}
		s.links = append(s.links, l)
	}
	s.where = s.links[0].ID
	if s.conf.UserWrites <= 0 {
		s.conf.UserWrites = 60
	}
	if s.conf.UserReads <= 0 {
		s.conf.UserReads = 60
	}
	who := o.Account
	if who == "" {
		who = "sink " + name // of nobody else's, as far as is known
	}
	s.account = o.Accounts.of(who, s.conf.UserWrites, s.conf.UserReads)

	base := http.DefaultTransport
	if o.HTTP != nil && o.HTTP.Transport != nil {
		base = o.HTTP.Transport
	}
	s.line = &http.Client{
		Transport: &transport{base: base, tokens: o.Tokens, date: s.dated, now: s.now},
		// A redirect would take the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	how := []option.ClientOption{option.WithHTTPClient(s.line)}
	if c.Endpoint != "" {
		how = append(how, option.WithEndpoint(c.Endpoint))
	}
	var err error
	if s.api, err = api.NewService(context.Background(), how...); err != nil {
		return nil, errors.New("the client cannot be made with this endpoint")
	}
	return s, nil
}

// Limits is what the worker is to obey: one writer, and batches of as much as a few
// calls hold.
func (s *Sink) Limits() pipeline.Limits {
	return pipeline.Limits{Batch: batchSize, Wait: batchWait, Writers: 1}
}

// Pace is how long to wait before records are fetched for the next Write; 0: now. It
// is what makes batches grow in place of waiting: records that wait in the queue share
// a call. It may be called at any time.
func (s *Sink) Pace() time.Duration {
	s.mu.Lock()
	where := s.where
	s.mu.Unlock()
	return max(s.opts.Gates.pause(where, s.now()), s.account.pause(s.name))
}

// Close ends the sink's use. A Write after it is a Hold.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *Sink) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// dated learns how far our clock is from Google's.
func (s *Sink) dated(server, sent, got time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = server.Sub(sent.Add(got.Sub(sent) / 2))
}

// email is whom the spreadsheet is to be shared with, "" if that is not known.
func (s *Sink) email() string {
	if s.opts.Email == nil {
		return ""
	}
	return s.opts.Email()
}

// setting is the path of one of the sink's settings.
func (s *Sink) setting(name string) string {
	return config.Path("sinks", s.name, "sheets", name)
}

// columnSetting is the path of one column's.
func (s *Sink) columnSetting(column string) string {
	return config.Path("sinks", s.name, "sheets", "columns", column)
}
