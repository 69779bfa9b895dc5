package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A verdict is named by who is at fault. An error that carries none is of
// unknown cause: it is tried again, counted, and finally buried.

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks err as the record's own fault: the destination will never
// take it as it is. The worker buries the record at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err is the record's fault.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type holdError struct {
	err  error
	wait time.Duration
}

func (e *holdError) Error() string { return e.err.Error() }
func (e *holdError) Unwrap() error { return e.err }

// Hold marks err as the destination's fault: it is down, throttling, or set up
// wrongly. The worker keeps the record in hand, pauses the sink and does not
// count the attempt. wait is the destination's own hint (Retry-After); 0 leaves
// the pause to the worker. Hold(nil, …) is nil.
func Hold(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return &holdError{err, wait}
}

// IsHold reports whether err is the destination's fault, and how long the
// destination asked us to wait (0: it did not say).
func IsHold(err error) (wait time.Duration, ok bool) {
	var h *holdError
	if errors.As(err, &h) {
		return h.wait, true
	}
	return 0, false
}

type filteredError struct{ rule string }

func (e *filteredError) Error() string { return "left out by rule " + e.rule }

// Filtered is what a [Transform] returns, and the worker understands, when a
// rule of the configuration leaves a delivery out. It is no failure: the
// delivery is settled as filtered, under the rule's name.
func Filtered(rule string) error { return &filteredError{rule} }

// IsFiltered reports whether a rule left the delivery out, and which.
func IsFiltered(err error) (rule string, ok bool) {
	var f *filteredError
	if errors.As(err, &f) {
		return f.rule, true
	}
	return "", false
}

// Split writes batch to a destination that takes all of it or nothing, and
// narrows a refusal down to the records at fault: a write that fails with
// [Permanent] is cut in halves, each written alone, until single records
// remain. One bad record in n costs about 2·log2(n) more writes.
//
// Any other error says nothing about single records, so all of that part gets
// it, and nothing more is written: the destination, not a record, is in the way.
// write returns one Ref per record, or nil when it knows none.
func Split(ctx context.Context, batch []Record, write func(context.Context, []Record) ([]string, error)) []Outcome {
	out := make([]Outcome, len(batch))
	split(ctx, batch, out, write)
	return out
}

// split fills out and reports the error that stopped it, nil to go on.
func split(ctx context.Context, batch []Record, out []Outcome, write func(context.Context, []Record) ([]string, error)) error {
	if len(batch) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		fill(out, err)
		return err
	}
	refs, err := write(ctx, batch)
	if err == nil && refs != nil && len(refs) != len(batch) {
		// The rows are there, but which is whose is unknown. Saying "stored"
		// without a Ref is true; guessing a Ref would not be.
		refs = nil
	}
	switch {
	case err == nil:
		for i := range refs {
			out[i].Ref = refs[i]
		}
		return nil
	case !IsPermanent(err):
		fill(out, err)
		return err
	case len(batch) == 1:
		out[0].Err = err
		return nil
	}
	half := len(batch) / 2
	if err := split(ctx, batch[:half], out[:half], write); err != nil {
		fill(out[half:], err)
		return err
	}
	return split(ctx, batch[half:], out[half:], write)
}

func fill(out []Outcome, err error) {
	for i := range out {
		out[i] = Outcome{Err: err}
	}
}

// Outcomes returns n outcomes that all carry err: a whole batch with one fate.
func Outcomes(n int, err error) []Outcome {
	out := make([]Outcome, n)
	fill(out, err)
	return out
}

// Recovered turns what recover returned into an error that names no value: a
// panic message may quote a customer's data.
func Recovered(v any) error {
	if err, ok := v.(interface{ RuntimeError() }); ok {
		// Runtime errors quote indexes and types, never contents.
		return fmt.Errorf("panic: %v", err)
	}
	return fmt.Errorf("panic of type %T", v)
}
