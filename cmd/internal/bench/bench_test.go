package bench

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// tiny runs a measure for a fraction of a second. That what was sent is found at
// the far end is for Run to see to: it fails otherwise.
func tiny(t *testing.T, name string) []Line {
	t.Helper()
	dir := t.TempDir()
	r, err := Run(t.Context(), Options{Dir: dir, Only: []string{name}, Rounds: 2, Leg: 60 * time.Millisecond, Lark: simulated, Google: simulatedGoogle, Waiting: []int{1000, 3000}})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return r.Lines
}

// Nothing here looks at how fast anything is: no test fails on a clock.
func TestMeasures(t *testing.T) {
	aims := map[string]int{"door": 7, "transform": 2, "mongodb": 2, "larkbase": 5, "sheets": 2, "bot": 1, "isolation": 1, "memory": 2, Asked: 1}
	for _, name := range append(slices.Clone(Names), Asked) {
		t.Run(name, func(t *testing.T) {
			aimed := 0
			for _, l := range tiny(t, name) {
				if l.Measure != name || l.What == "" {
					t.Errorf("a line of %s is %+v", name, l)
				}
				if strings.HasPrefix(l.Note, "left out") {
					return // this program was built without what would be measured
				}
				if l.Note == unreadable {
					aimed++
					continue
				}
				// What is left of a figure when another is taken off may be
				// anything, on a machine that is busy.
				if math.IsNaN(l.Median) || math.IsInf(l.Median, 0) || l.Median <= 0 && (l.Aim != nil || l.AA != nil) {
					t.Errorf("%s is %g", l.What, l.Median)
				}
				if l.Rounds.Least > l.Median || l.Rounds.Most < l.Median {
					t.Errorf("%s: median %g outside %+v", l.What, l.Median, l.Rounds)
				}
				if l.AA != nil && !(l.AA.Least > 0 && l.AA.Most >= l.AA.Least) {
					t.Errorf("%s: A/A %+v", l.What, *l.AA)
				}
				if l.Aim != nil {
					aimed++
					if l.Verdict == "" {
						t.Errorf("%s has an aim and no verdict", l.What)
					}
				}
			}
			if aimed < aims[name] {
				t.Errorf("%d lines with an aim, want %d", aimed, aims[name])
			}
		})
	}
}

// What is counted is what arrived: a door that answers and keeps nothing, or
// keeps some of it twice, yields no figure.
func TestAnAnswerIsNotAStoredLead(t *testing.T) {
	r := &run{Options: Options{Rounds: 1}}
	s, err := openStore(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.like(t.Context(), streamRaw, naive, "naive.>"); err != nil {
		t.Fatal(err)
	}
	forgets, err := serve(naive, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(w, "x") }))
	if err != nil {
		t.Fatal(err)
	}
	defer forgets.close()
	_, err = r.shoot(t.Context(), s, forgets, newMint(), 2, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "NAIVE holds 0") {
		t.Errorf("the error is %v", err)
	}
}

func TestALoadStopsAtARefusal(t *testing.T) {
	full, err := serve("", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "full", http.StatusServiceUnavailable)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer full.close()
	if _, err := fire(t.Context(), full.addr, newMint(), 2, time.Minute); err == nil || !strings.Contains(err.Error(), "answered 503") {
		t.Errorf("the error is %v", err)
	}
}

func TestAStoppedRunSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Dir: t.TempDir(), Only: []string{"isolation"}, Rounds: 50, Leg: time.Second}
	o.Say = func(string) { cancel() }
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestUnknownMeasuresAreNamed(t *testing.T) {
	if err := Known(Names); err != nil {
		t.Error(err)
	}
	if err := Known([]string{"door", "gate"}); err == nil || !strings.Contains(err.Error(), `"gate"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestRoundsChangeTheirOrder(t *testing.T) {
	var order []string
	say := func(s string) leg[int] {
		return func(context.Context) (int, error) { order = append(order, s); return len(order), nil }
	}
	r := &run{Options: Options{Rounds: 3, Say: func(string) {}}}
	filled := func(context.Context) error { order = append(order, "-"); return nil }
	got, err := rounds(t.Context(), r, "test", filled, say("a"), say("b"), say("c"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "- a b c - c b a - a b c"; strings.Join(order, " ") != want {
		t.Errorf("the order was %v, want %s", order, want)
	}
	if want := []int{2, 8, 10}; !slices.Equal(got[0], want) {
		t.Errorf("a gave %v, want %v", got[0], want)
	}
}
