package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVerdictsAreFoundThroughWrapping(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		err       error
		permanent bool
		hold      bool
		wait      time.Duration
		rule      string
	}{
		{err: cause},
		{err: Permanent(cause), permanent: true},
		{err: fmt.Errorf("tab: %w", Permanent(cause)), permanent: true},
		{err: Hold(cause, 3*time.Second), hold: true, wait: 3 * time.Second},
		{err: fmt.Errorf("tab: %w", Hold(cause, 0)), hold: true},
		{err: Filtered("transform.x.where"), rule: "transform.x.where"},
	} {
		if got := IsPermanent(c.err); got != c.permanent {
			t.Errorf("%v: permanent %v", c.err, got)
		}
		if wait, ok := IsHold(c.err); ok != c.hold || wait != c.wait {
			t.Errorf("%v: hold %v for %v", c.err, ok, wait)
		}
		if rule, ok := IsFiltered(c.err); rule != c.rule || ok != (c.rule != "") {
			t.Errorf("%v: filtered by %q, %v", c.err, rule, ok)
		}
		if c.rule == "" && !errors.Is(c.err, cause) {
			t.Errorf("%v hides its cause", c.err)
		}
	}
	if Permanent(nil) != nil || Hold(nil, time.Second) != nil {
		t.Error("a verdict on no error is an error")
	}
}

// destination takes all of a batch or nothing.
type destination struct {
	bad    []string
	down   bool
	rows   []string
	writes int
}

func (d *destination) write(_ context.Context, batch []Record) ([]string, error) {
	d.writes++
	if d.down {
		return nil, Hold(errors.New("down"), time.Second)
	}
	refs := make([]string, len(batch))
	for i, r := range batch {
		if slices.Contains(d.bad, r.ID) {
			return nil, Permanent(errors.New("bad value"))
		}
		refs[i] = "row " + r.ID
	}
	for _, r := range batch {
		d.rows = append(d.rows, r.ID)
	}
	return refs, nil
}

func batch(n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i].ID = fmt.Sprint("r", i)
	}
	return out
}

func TestSplitIsolatesTheRecordsAtFault(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 64, 500} {
		for _, bad := range [][]string{nil, {"r0"}, {"r3", "r6"}, {"r63"}, {"r1", "r2", "r3"}} {
			d := &destination{bad: bad}
			rs := batch(n)
			out := Split(t.Context(), rs, d.write)
			if len(out) != n {
				t.Fatalf("%d outcomes for %d records", len(out), n)
			}
			faults := 0
			for i, o := range out {
				if slices.Contains(bad, rs[i].ID) {
					faults++
					if !IsPermanent(o.Err) || o.Ref != "" {
						t.Errorf("n=%d: %s ends as %+v", n, rs[i].ID, o)
					}
				} else if o.Err != nil || o.Ref != "row "+rs[i].ID {
					t.Errorf("n=%d: %s ends as %+v", n, rs[i].ID, o)
				}
			}
			if len(d.rows) != n-faults {
				t.Errorf("n=%d: %d rows, want %d", n, len(d.rows), n-faults)
			}
			if most := 1 + faults*2*bits.Len(uint(n)); d.writes > most {
				t.Errorf("n=%d with %d at fault took %d writes, more than %d", n, faults, d.writes, most)
			}
		}
	}
}

func TestSplitStopsWhereTheDestinationIsInTheWay(t *testing.T) {
	d := &destination{bad: []string{"r1"}}
	calls := 0
	out := Split(t.Context(), batch(8), func(ctx context.Context, b []Record) ([]string, error) {
		calls++
		d.down = calls >= 4
		return d.write(ctx, b)
	})
	held := 0
	for _, o := range out {
		if _, ok := IsHold(o.Err); ok {
			held++
		}
	}
	if held == 0 || calls > 4 {
		t.Errorf("%d records held after %d calls; the outage should have ended it", held, calls)
	}
}

func TestSplitMindsTheContextAndOddAnswers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &destination{}
	for _, o := range Split(ctx, batch(3), d.write) {
		if !errors.Is(o.Err, context.Canceled) || IsPermanent(o.Err) {
			t.Errorf("after a stop: %+v", o)
		}
	}
	out := Split(t.Context(), batch(3), func(context.Context, []Record) ([]string, error) { return []string{"one"}, nil })
	for _, o := range out {
		if o.Err != nil || o.Ref != "" {
			t.Errorf("refs of the wrong number: %+v", o)
		}
	}
}

func TestRecoveredQuotesNobody(t *testing.T) {
	try := func(f func()) (err error) {
		defer func() { err = Recovered(recover()) }()
		f()
		return nil
	}
	for _, f := range []func(){
		func() { panic("0900000000") },
		func() { panic(errors.New("a@example.com")) },
		func() { panic(fmt.Sprintf("%v", Record{ID: "0900000000"})) },
	} {
		if err := try(f); err == nil || strings.Contains(err.Error(), "0900000000") || strings.Contains(err.Error(), "example") {
			t.Errorf("it says %v", err)
		}
	}
	var empty []int
	if err := try(func() { _ = empty[len(empty)] }); err == nil || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("a runtime error says %v", err)
	}
}
