package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/receipt"
)

// VerifyReceipt judges a file by itself, and where it is called beside the data also by
// what is kept: whether what was sent is still there with the hash that the receipt
// says, and what the ledger says. With no key given, that of the data folder is asked
// for, and none is made. c may be nil: there are no data here.
func VerifyReceipt(ctx context.Context, c *config.Config, log *slog.Logger, file []byte, keys []receipt.PublicKey) (receipt.Verdict, error) {
	if c != nil && len(keys) == 0 {
		own, err := receipt.LoadKey(filepath.Join(c.DataDir, receiptKeyFile))
		switch {
		case err == nil:
			keys = append(keys, own.Public())
		case !errors.Is(err, os.ErrNotExist):
			return receipt.Verdict{}, err
		}
	}
	v := receipt.Verify(file, keys...)
	if c == nil || !v.Sealed {
		return v, nil
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a := &App{config: c, log: log}
	defer a.Close()
	switch err := a.peekBus(ctx); {
	case errors.Is(err, errNoNATS):
		v.Add(pipeline.Finding{Level: pipeline.Warn, Setting: "data", What: "nothing was ever kept in data_dir here, so it is not looked at what was sent, nor at the ledger",
			Fix: "call this where the receipt was issued, with -c"})
		return v, nil
	case err != nil:
		return v, err
	}
	fs, err := a.stillSent(ctx, v.Receipt)
	if err != nil {
		return v, err
	}
	v.Add(fs...)
	ledger, err := receiptLedger(ctx, a.Bus)
	if err != nil {
		return v, err
	}
	fs, err = ledger.Vouch(ctx, v.Receipt, keys...)
	v.Add(fs...)
	return v, err
}

// stillSent compares the hashes of a receipt with what is kept.
func (a *App) stillSent(ctx context.Context, r *receipt.Receipt) (out []pipeline.Finding, err error) {
	kept, gone := 0, 0
	for i, f := range r.Facts {
		if f.Received == nil || f.Received.SHA256 == "" {
			continue
		}
		raw, ok, err := a.sentAs(ctx, f)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw.Body)
		switch {
		case !ok:
			gone++
		case hex.EncodeToString(sum[:]) != f.Received.SHA256:
			out = append(out, pipeline.Finding{Level: pipeline.Fail, Setting: "sent", What: fmt.Sprintf("what is kept here of the delivery of entry %d is not what the receipt says", i+1)})
		default:
			kept++
		}
	}
	if kept > 0 {
		out = append(out, pipeline.Finding{Setting: "sent", What: fmt.Sprintf("what was sent is still kept here, with the hash of the receipt (%s)", deliveries(kept))})
	}
	if gone > 0 {
		out = append(out, pipeline.Finding{Level: pipeline.Warn, Setting: "sent", What: fmt.Sprintf("what was sent is not kept here any more (%s): nats.keep is over, or the person is forgotten", deliveries(gone))})
	}
	return out, nil
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}

// How far from its time a delivery is looked for that is not where it should be,
// because the stream was restored into another, say; and how soon after a delivery was
// received it is on disk, where that time is not known.
const (
	sentSlack    = time.Second
	storedWithin = time.Minute
)

// sentAs finds a delivery where a receipt says that it is.
func (a *App) sentAs(ctx context.Context, f receipt.Fact) (pipeline.Raw, bool, error) {
	e, ok, err := a.Bus.RawAt(ctx, f.Received.Number)
	if err != nil || ok && e.Err == nil && e.Value.ID == f.Lead {
		return e.Value, ok, err
	}
	e, ok, err = a.lookForSent(ctx, f.Lead, f.Received.Source, f.Received.Stored.Add(-sentSlack), f.Received.Stored.Add(sentSlack))
	return e.Value, ok, err
}

// lookForSent looks for a delivery among those that were stored between two times.
func (a *App) lookForSent(ctx context.Context, id, source string, from, to time.Time) (out bus.Entry[pipeline.Raw], ok bool, err error) {
	err = a.Bus.Walk(ctx, bus.Deliveries, bus.Span{Since: from, Source: source}, func(k bus.Kept) error {
		if k.Stored.After(to) {
			return errEnough
		}
		if raw, err := k.Raw(); err == nil && raw.ID == id {
			out, ok = bus.Entry[pipeline.Raw]{Seq: k.Seq, Stored: k.Stored, Value: raw}, true
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, ok, err
}
