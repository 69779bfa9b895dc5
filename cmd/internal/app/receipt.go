package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/pipeline/receipt"
	"mekong/pipeline/trace"
)

// The key that receipts are sealed with, in data_dir, and the table that holds the
// ledger of them. Processes on several machines need copies of one key file.
const (
	receiptKeyFile = "receipt.key"
	receiptTable   = "mekong-receipts"
)

// receiptLines is the bus's KV as pipeline/receipt wants it: the same, with its errors.
type receiptLines struct{ kv *bus.KV }

var _ receipt.Table = receiptLines{}

func (t receiptLines) Get(ctx context.Context, name string) ([]byte, uint64, error) {
	value, revision, err := t.kv.Get(ctx, name)
	if errors.Is(err, bus.ErrAbsent) {
		err = receipt.ErrAbsent
	}
	return value, revision, err
}

func (t receiptLines) Set(ctx context.Context, name string, value []byte, revision uint64) (uint64, error) {
	next, err := t.kv.Set(ctx, name, value, revision)
	if errors.Is(err, bus.ErrChanged) {
		err = receipt.ErrTaken
	}
	return next, err
}

// Receipts finds leads and issues receipts of them. Its methods may be called from
// several goroutines.
type Receipts struct {
	app   *App
	index *trace.Index
	zone  *time.Location
	acts  *acts // who issues them by a command; nil: somebody else writes it down
}

// Receipts are those of a process that runs; without an index of leads there are none.
func (a *App) Receipts() (*Receipts, error) {
	if a.Trace == nil {
		return nil, errors.New("there is no index of leads in this process")
	}
	return newReceipts(a, a.Trace)
}

func newReceipts(a *App, x *trace.Index) (*Receipts, error) {
	zone, err := time.LoadLocation(a.config.Timezone)
	if err != nil {
		return nil, fmt.Errorf("timezone: %w", err)
	}
	return &Receipts{app: a, index: x, zone: zone}, nil
}

// OpenReceipts opens what a command needs to issue receipts, beside a mekong that may be
// running. Where nobody keeps the index of leads up it is brought up first; told hears
// how far that is, and may be nil. done closes what was opened.
func OpenReceipts(ctx context.Context, c *config.Config, log *slog.Logger, told func(trace.Progress)) (r *Receipts, done func(), err error) {
	a, _, err := beside(ctx, c, log)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	x, err := a.visitTrace(ctx)
	if err != nil {
		return nil, nil, err
	}
	if x == nil {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, nil, fmt.Errorf("data_dir cannot be made: %w", err)
		}
		if x, err = trace.Open(a.traceOptions()); err != nil {
			return nil, nil, err
		}
		a.later(func() { _ = x.Close() })
		if err := x.CatchUp(ctx, told); err != nil {
			return nil, nil, fmt.Errorf("the index cannot be brought up: %w", err)
		}
	}
	if r, err = newReceipts(a, x); err != nil {
		return nil, nil, err
	}
	r.acts, err = openActs(c)
	return r, a.Close, err
}

// ReceiptKey is the public key of this installation; the key is made when there is none.
func ReceiptKey(c *config.Config) (receipt.PublicKey, error) {
	k, err := receipt.LoadOrCreateKey(filepath.Join(c.DataDir, receiptKeyFile))
	if err != nil {
		return receipt.PublicKey{}, err
	}
	return k.Public(), nil
}

// Find looks for leads as [trace.Index.Search] does, and gives each delivery once: the
// newest of the records that were made of it. more: there are others. A delivery that
// nothing was made of yet is found by its ID.
func (r *Receipts) Find(ctx context.Context, term string, most int) (found []trace.Entered, more bool, err error) {
	seen := map[string]bool{}
	for f := (trace.Filter{}); ; {
		page, err := r.index.Search(ctx, term, f, trace.MostEntries)
		if err != nil {
			return nil, false, err
		}
		for _, e := range page.Entries {
			id := deliveryOf(e.ID)
			switch {
			case seen[id]:
			case len(found) == most:
				return found, true, nil
			default:
				seen[id] = true
				found = append(found, e)
			}
		}
		if f.After = page.Next; f.After == "" {
			break
		}
	}
	if len(found) > 0 {
		return found, false, nil
	}
	path, err := r.index.Path(ctx, strings.TrimSpace(term))
	if errors.Is(err, trace.ErrUnknown) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	e := trace.Entered{ID: path.ID, Key: path.ID}
	if path.Received != nil {
		e.Source, e.Received = path.Received.Raw.Source, path.Received.Raw.Received
	}
	return []trace.Entered{e}, false, nil
}

// deliveryOf is the ID of the delivery that a record was made of, as far as the record's
// own ID tells.
func deliveryOf(id string) string {
	if base, n, ok := cutLast(id, "/"); ok && base != "" && n != "" && len(n) < 7 && strings.Trim(n, "0123456789") == "" {
		return base
	}
	return id
}

// ReceiptMost is how many deliveries one receipt may be about.
const ReceiptMost = 200

// OfPerson gives the IDs of all deliveries of one person, who is named by a phone, an
// address, or the ID of a record that has one. A delivery of somebody else, who merely
// has the same last digits, is none of them.
func (r *Receipts) OfPerson(ctx context.Context, term string) ([]string, error) {
	p, err := newSought()
	if err != nil {
		return nil, err
	}
	if !p.learn(term) {
		if err := r.learnFromID(ctx, p, term); err != nil {
			return nil, err
		}
	}
	if !p.known() {
		return nil, fmt.Errorf("%q is no phone, no address, and no record of that ID with one is kept", term)
	}
	var ids []string
	for _, name := range append(p.sortedPhones(), p.sortedEmails()...) {
		found, more, err := r.Find(ctx, name, ReceiptMost)
		if err != nil {
			return nil, err
		}
		if more {
			return nil, receipt.ErrLarge
		}
		for _, e := range found {
			path, err := r.index.Path(ctx, e.ID)
			if err != nil && !errors.Is(err, trace.ErrUnknown) {
				return nil, err
			}
			if r.names(p, path) && !slices.Contains(ids, path.ID) {
				ids = append(ids, path.ID)
			}
		}
	}
	if len(ids) > ReceiptMost {
		return nil, receipt.ErrLarge
	}
	return ids, nil
}

func (r *Receipts) learnFromID(ctx context.Context, p sought, id string) error {
	path, err := r.index.Path(ctx, strings.TrimSpace(id))
	if errors.Is(err, trace.ErrUnknown) {
		return nil
	}
	for _, t := range path.Records {
		if t.Record != nil {
			p.learnFrom(*t.Record)
		}
	}
	return err
}

// names reports whether a delivery is about the person.
func (r *Receipts) names(p sought, path trace.Path) bool {
	if path.Received != nil && len(path.Records) == 0 {
		return p.inBody(path.Received.Raw.Body)
	}
	for _, t := range path.Records {
		if t.Record != nil && p.inRecord(*t.Record) || t.Record == nil && (p.in(t.Phone) || p.in(t.Email)) {
			return true
		}
	}
	return false
}

// ReceiptOptions say what is put into a receipt.
type ReceiptOptions struct {
	IDs []string // of deliveries, or of records made of them
	// Of is a phone or an address of whom nothing is kept. The receipt then says that the
	// person is forgotten, where that is so.
	Of  string
	By  string    // who issues it; may be empty
	Now time.Time // when
}

// ErrNothing means that there is nothing to issue a receipt of.
var ErrNothing = errors.New("nothing is known of that")

// Issue makes a receipt and puts it into the ledger.
func (r *Receipts) Issue(ctx context.Context, o ReceiptOptions) (*receipt.Receipt, error) {
	gone, err := openSuppression(ctx, r.app.Bus, r.app.config.DataDir)
	if err != nil {
		return nil, err
	}
	g := &gathering{r: r, gone: gone}
	for _, id := range o.IDs {
		if err := g.path(ctx, id); err != nil {
			return nil, err
		}
	}
	if o.Of != "" {
		if err := g.nobody(ctx, o.Of); err != nil {
			return nil, err
		}
	}
	facts, err := g.facts(ctx)
	if err != nil {
		return nil, err
	}
	if len(facts) == 0 {
		return nil, ErrNothing
	}
	key, err := receipt.LoadOrCreateKey(filepath.Join(r.app.config.DataDir, receiptKeyFile))
	if err != nil {
		return nil, err
	}
	ledger, err := receiptLedger(ctx, r.app.Bus)
	if err != nil {
		return nil, err
	}
	issued, err := receipt.Issue(ctx, ledger, key, o.Now.In(r.zone), o.By, facts)
	if err != nil {
		return nil, err
	}
	// The data leave the house with it.
	return issued, r.acts.note("exported", fmt.Sprint("receipt ", issued.Number), len(g.paths), "")
}

func receiptLedger(ctx context.Context, b *bus.Bus) (*receipt.Ledger, error) {
	kv, err := b.KV(ctx, receiptTable, 0)
	if err != nil {
		return nil, err
	}
	return receipt.NewLedger(receiptLines{kv}), nil
}
