package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/google"
	"mekong/sinks/sheets"
	"mekong/transform"
)

// Google is a simulated Google Sheets that listens, made by whoever may know the
// simulator. Nothing is ever refused there for its number.
type Google struct {
	Endpoint string
	Key      string // file of a service account that may edit every spreadsheet
	// Book adds a spreadsheet with one empty tab, and gives its id and link.
	Book func() (id, link string)
	// Latency is how long each call takes from now on.
	Latency func(time.Duration)
	// Count tells the rows of a spreadsheet's first tab that have a key, how many
	// different keys those are, and the calls since the last Count.
	Count func(book, key string) (rows, keys, writes, reads int)
	Close func()
}

// SheetColumns are what both writers fill, by the field that goes there.
func SheetColumns() map[string]string { return BaseColumns() }

const (
	// sheetBatch is how many rows go into one call: about what a call of the size that
	// Google recommends carries.
	sheetBatch = 2000
	keyColumn  = "Mekong ID"
)

// measureSheets compares what the deliver loop and the sink store in a simulated
// spreadsheet, and what the sink does without a queue, with what Google's client does
// by itself: the same cells, appended in batches of the same size, one after the
// other. The quotas are off, and the sink waits at no gate: on the real service they
// are what decides, and every batch is as large as they make it.
func measureSheets(ctx context.Context, r *run) ([]Line, error) {
	const title = "sheets"
	if r.Google == nil {
		return []Line{noLine(title, "rows/s ÷ the client alone", "left out: there is no simulated spreadsheet")}, nil
	}
	dir, remove, err := r.folder(title)
	if err != nil {
		return nil, err
	}
	defer remove()
	lines, err := r.sheetMemory(ctx, filepath.Join(dir, "m"))
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, filepath.Join(dir, "n"))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b, err := r.openBooks(s)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	c := &contest{
		title: title, row: "row", client: "the client", batch: sheetBatch, fast: 10, slow: 8,
		latency: b.Latency, bare: b.bare, sink: b.sink, alone: b.alone,
		calls: func(sink []vendorLeg) []Line {
			return []Line{
				plainLine(title, "write calls per 1,000 new rows", "", nil, pick(sink, func(l vendorLeg) float64 { return l.calls })),
				plainLine(title, "reads ÷ writes, new rows only", "", nil, pick(sink, func(l vendorLeg) float64 { return l.reads })),
			}
		},
	}
	out, err := c.hold(ctx, r)
	return append(out, lines...), err
}

// books are simulated spreadsheets, and records for them.
type books struct {
	*Google
	store *store
	mint  *mint
	of    pipeline.Transform
}

func (r *run) openBooks(s *store) (*books, error) {
	of, err := transform.New("landing", nil, nil)
	if err != nil {
		return nil, err
	}
	g, err := r.Google()
	if err != nil {
		return nil, err
	}
	return &books{Google: g, store: s, mint: newMint(), of: of}, nil
}

func (b *books) records(n int) ([]pipeline.Record, error) {
	a := archive{mint: b.mint, of: b.of}
	return a.records(n)
}

// account is who writes.
func (b *books) account() *google.Account {
	return google.NewAccount(google.AccountOptions{JSON: config.NewSecret(b.Key)})
}

// open is the sink as `mekong run` makes it, on a new spreadsheet, but that it waits
// for no quota.
func (b *books) open() (sink *sheets.Sink, book string, err error) {
	book, link := b.Book()
	account := b.account()
	sink, err = sheets.New("sheet", config.Sheets{
		Spreadsheet: link, Endpoint: b.Endpoint, KeyColumn: keyColumn, CreateColumns: true, Rotate: "size",
		Columns: SheetColumns(), UserWrites: 1e9, UserReads: 1e9,
	}, sheets.Options{
		Tokens: account, Account: account.AccountID(), Email: account.Email,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	return sink, book, err
}

func sheetLimits() pipeline.Limits {
	return pipeline.Limits{Batch: sheetBatch, Wait: time.Second, Writers: 1}
}

// sink stores n records through the real loop and sink.
func (b *books) sink(ctx context.Context, n int) (vendorLeg, error) {
	sink, book, err := b.open()
	if err != nil {
		return vendorLeg{}, err
	}
	defer sink.Close()
	records, err := b.records(n + 1)
	if err != nil {
		return vendorLeg{}, err
	}
	var busy time.Duration
	took, err := b.store.through(ctx, "sheet", sink, sheetLimits(), records, func() {
		b.Count(book, keyColumn)
		busy = clean()
	})
	if err != nil {
		return vendorLeg{}, err
	}
	return b.counted(book, n, took, busy)
}

// alone stores n records through the sink, without the queue and its loop.
func (b *books) alone(ctx context.Context, n int) (vendorLeg, error) {
	sink, book, err := b.open()
	if err != nil {
		return vendorLeg{}, err
	}
	defer sink.Close()
	records, err := b.records(n + 1)
	if err != nil {
		return vendorLeg{}, err
	}
	if err := stored(sink.Write(ctx, records[:1])); err != nil { // it makes the header
		return vendorLeg{}, err
	}
	b.Count(book, keyColumn)
	busy := clean()
	began := time.Now()
	for batch := range slices.Chunk(records[1:], sheetBatch) {
		if err := stored(sink.Write(ctx, batch)); err != nil {
			return vendorLeg{}, err
		}
	}
	return b.counted(book, n, time.Since(began), busy)
}

// counted is n a second, once the tab is found to hold as many rows of as many keys,
// and the one of before.
func (b *books) counted(book string, n int, took, busy time.Duration) (vendorLeg, error) {
	cpu := spent(busy) // before the counting, which costs some
	rows, keys, writes, reads := b.Count(book, keyColumn)
	if rows != n+1 || keys != rows {
		return vendorLeg{}, fmt.Errorf("%d records should be in the tab, and there are %d rows of %d keys", n+1, rows, keys)
	}
	return newVendorLeg(n, took, cpu, writes, reads), nil
}

// sheetMemory looks at how large the process is with records waiting for a
// spreadsheet, and while they go there.
func (r *run) sheetMemory(ctx context.Context, dir string) ([]Line, error) {
	const title = "sheets"
	return r.backlog(ctx, title, "a spreadsheet", dir, func(s *store) (pipeline.Sink, pipeline.Limits, func(), error) {
		b, err := r.openBooks(s)
		if err != nil {
			return nil, pipeline.Limits{}, nil, err
		}
		sink, _, err := b.open()
		if err != nil {
			b.Close()
			return nil, pipeline.Limits{}, nil, err
		}
		return sink, sink.Limits(), b.Close, nil
	})
}

var errNoToken = errors.New("the simulated Google gave no token")
