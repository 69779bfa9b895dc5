package receipt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mekong/pipeline"
)

// Audit is what is wrong with a ledger, from its first line to its last.
type Audit struct {
	Count    uint64 // the number of its last line
	Findings []pipeline.Finding
}

// auditMost is how many faults are told.
const auditMost = 20

// Audit reads the whole ledger: whether a line is missing, was altered, was written
// without one of the keys, or is dated before the one in front of it. With no key given
// it is not looked at whose the lines are.
func (l *Ledger) Audit(ctx context.Context, keys ...PublicKey) (Audit, error) {
	e, _, err := l.last(ctx)
	if err != nil {
		return Audit{}, fmt.Errorf("the ledger of receipts: %w", err)
	}
	a := Audit{Count: e.Number}
	prev, at, whole := first.String(), time.Time{}, true
	for n := uint64(1); n <= e.Number && len(a.Findings) < auditMost; n++ {
		line, hash, err := l.line(ctx, n)
		if errors.Is(err, ErrAbsent) {
			a.fault(n, "is missing: it was removed")
			whole = false
			continue
		}
		if err != nil {
			return a, fmt.Errorf("the ledger of receipts: %w", err)
		}
		switch {
		case line.Number != n || !line.genuine():
			a.fault(n, "was altered, or not written by Mekong")
		case len(keys) > 0 && !known(line.Key, keys):
			a.fault(n, "was written with another key")
		case whole && line.Prev != prev:
			a.fault(n, "does not fit the one before it: that one was exchanged")
		case line.At.Before(at):
			a.Findings = append(a.Findings, pipeline.Finding{Level: pipeline.Warn, Setting: "ledger",
				What: fmt.Sprintf("receipt %d is dated before receipt %d", n, n-1), Fix: "see that this machine's clock is right, and was"})
		}
		prev, at, whole = hash, line.At, true
	}
	return a, nil
}

func (a *Audit) fault(n uint64, what string) {
	a.Findings = append(a.Findings, pipeline.Finding{Level: pipeline.Fail, Setting: "ledger", What: fmt.Sprintf("receipt %d %s", n, what)})
}

func known(key string, keys []PublicKey) bool {
	for _, k := range keys {
		if k.String() == key {
			return true
		}
	}
	return false
}

// Vouch says what the ledger knows of a receipt that was verified.
func (l *Ledger) Vouch(ctx context.Context, r *Receipt, keys ...PublicKey) ([]pipeline.Finding, error) {
	a, err := l.Audit(ctx, keys...)
	if err != nil {
		return nil, err
	}
	say := func(level pipeline.Level, format string, v ...any) []pipeline.Finding {
		f := pipeline.Finding{Level: level, Setting: "ledger", What: fmt.Sprintf(format, v...)}
		return append([]pipeline.Finding{f}, a.Findings...)
	}
	line, err := l.Line(ctx, r.Number)
	switch {
	case errors.Is(err, ErrAbsent) && r.Number > a.Count:
		return say(pipeline.Fail, "the ledger here ends at receipt %d and does not know number %d: its end was cut off, or the receipt is not from here", a.Count, r.Number), nil
	case errors.Is(err, ErrAbsent):
		return say(pipeline.Fail, "the ledger here does not hold receipt %d any more", r.Number), nil
	case err != nil:
		return nil, fmt.Errorf("the ledger of receipts: %w", err)
	case line.Head != r.Head.String():
		return say(pipeline.Fail, "under number %d the ledger here holds another receipt", r.Number), nil
	case line.Prev != r.Issued().Prev || !line.At.Equal(r.At()):
		return say(pipeline.Fail, "the ledger here tells another time or place of receipt %d", r.Number), nil
	}
	return say(pipeline.OK, "it is receipt %d of %d in the ledger here", r.Number, a.Count), nil
}
