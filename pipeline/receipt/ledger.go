package receipt

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Table is where the ledger's lines are kept. Every write carries the revision it
// builds on, so two writers cannot take one number. Its methods may be called from any
// number of goroutines.
type Table interface {
	// Get reads an entry and its revision; [ErrAbsent] when there is none.
	Get(ctx context.Context, name string) (value []byte, revision uint64, err error)
	// Set writes an entry that must still be at revision; 0: it must not exist.
	// [ErrTaken] when that is not so. When it returns nil, the entry is on disk.
	Set(ctx context.Context, name string, value []byte, revision uint64) (uint64, error)
}

// Errors of a [Table].
var (
	ErrAbsent = errors.New("there is no such entry")
	ErrTaken  = errors.New("the entry was written by somebody else")
)

// Ledger is the list of all receipts that were issued, over all processes. A line holds
// number, time, the receipt's head and the hash of the line before it, and nothing about
// the person; it is signed, so whoever can write to the table but has no key cannot make
// one up.
type Ledger struct{ table Table }

// NewLedger is the ledger that a table keeps.
func NewLedger(t Table) *Ledger { return &Ledger{t} }

// Line is a receipt in the ledger.
type Line struct {
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	Prev   string    `json:"prev"` // hash of the line before; of the first: 64 zeros
	Head   string    `json:"head"` // of the receipt
	Key    string    `json:"key"`
	Sig    string    `json:"sig,omitempty"` // of all the rest
}

// first is what the line before the first one hashes to.
var first Hash

// end is the place behind which the next line comes.
type end struct {
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
}

// endName is the entry that says about where the end is, so that it need not be looked
// for from the beginning. One that is behind costs time; one that is ahead leaves a gap,
// which shows.
const endName = "end"

func lineName(n uint64) string { return fmt.Sprintf("n%012d", n) }

// lineMost bounds what a line is taken for.
const lineMost = 4096

func hashLine(stored []byte) string { return Hash(sha256.Sum256(stored)).String() }

// last finds the last line.
func (l *Ledger) last(ctx context.Context) (end, uint64, error) {
	e := end{Hash: first.String()}
	value, revision, err := l.table.Get(ctx, endName)
	switch {
	case errors.Is(err, ErrAbsent):
	case err != nil:
		return e, 0, err
	default:
		var noted end
		var h Hash
		if json.Unmarshal(value, &noted) == nil && exactHex(h[:], noted.Hash) {
			e = noted
		}
	}
	for n := max(e.Number, 1); ; n++ {
		value, _, err := l.table.Get(ctx, lineName(n))
		if errors.Is(err, ErrAbsent) && n == e.Number {
			continue // it was removed; the list goes on behind the gap
		}
		if errors.Is(err, ErrAbsent) {
			return e, revision, nil
		}
		if err != nil {
			return e, 0, err
		}
		e = end{n, hashLine(value)}
	}
}

// add puts a receipt behind e. ErrTaken: somebody else was quicker.
func (l *Ledger) add(ctx context.Context, k *Key, e end, revision uint64, head Hash, at time.Time) error {
	line := Line{Number: e.Number + 1, At: at.UTC(), Prev: e.Hash, Head: head.String(), Key: k.Public().String()}
	text, err := canonical(line)
	if err != nil {
		return err
	}
	line.Sig = k.sign(signedLedger, text).String()
	if text, err = canonical(line); err != nil {
		return err
	}
	if _, err := l.table.Set(ctx, lineName(line.Number), text, 0); err != nil {
		return err
	}
	if text, err = canonical(end{line.Number, hashLine(text)}); err == nil {
		_, _ = l.table.Set(ctx, endName, text, revision) // whoever is next looks further
	}
	return nil
}

// Line reads one line; [ErrAbsent] when there is none of that number.
func (l *Ledger) Line(ctx context.Context, n uint64) (Line, error) {
	out, _, err := l.line(ctx, n)
	return out, err
}

func (l *Ledger) line(ctx context.Context, n uint64) (out Line, hash string, err error) {
	value, _, err := l.table.Get(ctx, lineName(n))
	if err != nil {
		return out, "", err
	}
	if len(value) > lineMost || json.Unmarshal(value, &out) != nil {
		out = Line{}
	}
	return out, hashLine(value), nil
}

// genuine reports whether the line was written by the key it names.
func (l Line) genuine() bool {
	var s signature
	key, err := ParsePublicKey(l.Key)
	if err != nil || !exactHex(s[:], l.Sig) {
		return false
	}
	l.Sig = ""
	text, err := canonical(l)
	return err == nil && key.signed(signedLedger, text, s)
}

// tries is how often a number is asked for, beside others who issue receipts.
const tries = 50

// Issue closes facts into a receipt, with the next number of the ledger, in which it is
// when Issue returns. at is now, with the offset that times are shown in; by is who
// issues it, and may be empty.
func Issue(ctx context.Context, l *Ledger, k *Key, at time.Time, by string, facts []Fact) (*Receipt, error) {
	for range tries {
		e, revision, err := l.last(ctx)
		if err != nil {
			return nil, fmt.Errorf("the ledger of receipts: %w", err)
		}
		closing := Fact{At: at, Issued: &Issued{Number: e.Number + 1, Prev: e.Hash, Facts: len(facts) + 1, By: by}}
		r := &Receipt{Number: e.Number + 1, Key: k.Public(), own: k}
		if r.lines, err = chain(append(facts[:len(facts):len(facts)], closing)); err != nil {
			return nil, err
		}
		// What is shown is what is in the lines, so that a file and what is read from it
		// are one.
		for _, line := range r.lines {
			var f Fact
			if err := json.Unmarshal(line.text, &f); err != nil {
				return nil, fmt.Errorf("a fact cannot be read back: %w", err)
			}
			r.Facts = append(r.Facts, f)
		}
		r.Head = r.lines[len(r.lines)-1].hash
		r.seal = k.sign(signedHead, r.Head[:])
		switch err := l.add(ctx, k, e, revision, r.Head, at); {
		case err == nil:
			return r, nil
		case !errors.Is(err, ErrTaken):
			return nil, fmt.Errorf("the ledger of receipts: %w", err)
		}
	}
	return nil, errors.New("the ledger of receipts: others take every number; try again")
}
