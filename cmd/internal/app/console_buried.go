package app

import (
	"context"
	"errors"

	"mekong/pipeline/bus"
	"mekong/pipeline/console"
)

// consoleBuried gives the console what an operator does with the buried.
type consoleBuried struct{ operator *Operator }

var _ console.Buried = consoleBuried{}

// Groups implements console.Buried.
func (b consoleBuried) Groups(ctx context.Context) ([]console.BuriedGroup, error) {
	groups, err := b.operator.BuriedGroups(ctx, BuriedFilter{})
	out := make([]console.BuriedGroup, len(groups))
	for i, g := range groups {
		out[i] = console.BuriedGroup(g)
	}
	return out, err
}

// One implements console.Buried.
func (b consoleBuried) One(ctx context.Context, seq uint64) (console.BuriedItem, error) {
	it, err := b.operator.BuriedOne(ctx, seq)
	return console.BuriedItem(it), err
}

// chosenMost is how many are moved by one act; the rest is still there.
const chosenMost = 20_000

// chosen are the numbers of what was chosen: of a group exactly those of its reason,
// though another reason may hold the same words.
func (b consoleBuried) chosen(ctx context.Context, which console.BuriedChoice) (seqs []uint64, err error) {
	if which.Seq > 0 {
		return []uint64{which.Seq}, nil
	}
	var f BuriedFilter
	if !which.All {
		f.Sink = which.Sink
	}
	err = b.operator.eachBuried(ctx, f, func(g bus.Grave) error {
		if which.All || alike(g.Reason) == which.Reason {
			seqs = append(seqs, g.Seq)
		}
		if len(seqs) >= chosenMost {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return seqs, err
}

// each does something to one after the other of what was chosen, until ctx ends. What
// somebody else has moved meanwhile is left out.
func (b consoleBuried) each(ctx context.Context, which console.BuriedChoice, do func(seq uint64) error) (n int, err error) {
	seqs, err := b.chosen(ctx, which)
	if err != nil {
		return 0, err
	}
	for _, seq := range seqs {
		err := do(seq)
		switch {
		case err == nil:
			n++
		case errors.Is(err, bus.ErrNoGrave) && which.Seq == 0:
		default:
			return n, err
		}
	}
	return n, nil
}

// Replay implements console.Buried.
func (b consoleBuried) Replay(ctx context.Context, which console.BuriedChoice) (int, error) {
	return b.each(ctx, which, func(seq uint64) error {
		_, err := b.operator.ReplayBuried(ctx, BuriedFilter{Seqs: []uint64{seq}}, false, nil)
		return err
	})
}

// Drop implements console.Buried.
func (b consoleBuried) Drop(ctx context.Context, which console.BuriedChoice, reason string) (int, error) {
	return b.each(ctx, which, func(seq uint64) error {
		_, err := b.operator.DropBuried(ctx, []uint64{seq}, reason)
		return err
	})
}
