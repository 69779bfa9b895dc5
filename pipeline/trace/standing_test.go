package trace

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever sinks and states are asked for, what is found is what the steps of all entries
// say, however the index was brought there.
func TestStandingIsWhatTheStepsSay(t *testing.T) {
	f := newStreams()
	people(f)
	grown := options(t, f)
	x := open(t, grown)
	n := 0
	eventful(f, func() {
		catchUp(t, x)
		if n++; n%7 == 0 {
			agree(t, x)
		}
	})
	agree(t, x)
	rebuilt := open(t, options(t, f))
	catchUp(t, rebuilt)
	agree(t, rebuilt)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	// A sink came, one went, one takes something else.
	grown.Sinks = []Sink{{Name: "crm", Accept: []string{"turn"}}, {Name: "sales", Accept: []string{"*"}}}
	x = open(t, grown)
	f.lead("late", start, nil)
	catchUp(t, x)
	agree(t, x)
	if got := search(t, x, "", Filter{Sink: "crm", State: Waiting}); len(got) != 3 {
		t.Errorf("waiting at the sink that takes turns now: %v", got)
	}
	if got := search(t, x, "", Filter{Sink: "archive"}); !slices.Equal(got, []string{"l-1"}) {
		t.Errorf("of a sink that is gone there is what it settled: %v", got)
	}
}

// agree compares each filter with what it should find.
func agree(t *testing.T, x *Index) {
	t.Helper()
	all, err := x.Search(t.Context(), "", Filter{}, MostEntries)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []State{"", Waiting, Stored, Filtered, BuriedAt, Dropped, "nonsense"} {
		for _, sink := range []string{"", "archive", "crm", "sales", stageTransform, "nowhere"} {
			if state == "" && (sink == "" || x.configured(sink)) {
				continue
			}
			for _, c := range []struct {
				term   string
				filter Filter
				has    func(Entered) bool
			}{
				{"", Filter{}, func(Entered) bool { return true }},
				{"hai", Filter{}, func(e Entered) bool { return e.Name == "Hai" }},
				{"", Filter{Kind: "turn"}, func(e Entered) bool { return e.Kind == "turn" }},
				{"l-2", Filter{}, func(e Entered) bool { return e.ID == "l-2" }},
				{"", Filter{Since: start.Add(90 * time.Minute)}, func(e Entered) bool { return !e.Received.Before(start.Add(90 * time.Minute)) }},
				{"", Filter{Until: start.Add(90 * time.Minute)}, func(e Entered) bool { return e.Received.Before(start.Add(90 * time.Minute)) }},
			} {
				want := []string{}
				for _, e := range all.Entries {
					in := slices.ContainsFunc(e.Steps, func(s Step) bool { return (sink == "" || s.Sink == sink) && (state == "" || s.State == state) })
					if in && c.has(e) {
						want = append(want, e.ID)
					}
				}
				c.filter.Sink, c.filter.State = sink, state
				if got := search(t, x, c.term, c.filter); !slices.Equal(got, want) {
					t.Errorf("%q at %q, %q and %+v: found %s, want %s", state, sink, c.term, c.filter, strings.Join(got, " "), strings.Join(want, " "))
				}
			}
		}
	}
}

// With more in a state than are looked at one by one, the words are walked.
func TestManyInAState(t *testing.T) {
	f := newStreams()
	var settled []Settled
	for i := range 2*probeMost + 10 {
		fields := map[string]any{"name": "An"}
		if i%(probeMost/2) == 3 {
			fields["name"] = "Bình"
		}
		id := "l" + strings.Repeat("x", i%3) + time.Duration(i).String()
		_, seq := f.lead(id, start.Add(time.Duration(i)*time.Second), fields)
		if i%2 == 1 {
			settled = append(settled, Settled{Seq: seq, ID: id, State: Filtered})
		}
	}
	f.settle("sink-crm", start, settled...)
	x := open(t, options(t, f))
	catchUp(t, x)
	for _, c := range []struct {
		state State
		n     int
	}{{Filtered, 5}, {Waiting, 5}} {
		if got := search(t, x, "binh", Filter{State: c.state}); len(got) != c.n {
			t.Errorf("%s: %v", c.state, got)
		}
	}
	seen := map[string]bool{}
	filter := Filter{State: Filtered, Sink: "crm"}
	for {
		p, err := x.Search(t.Context(), "an", filter, 300)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			seen[e.ID] = true
		}
		if filter.After = p.Next; p.Next == "" {
			break
		}
	}
	if len(seen) != probeMost {
		t.Errorf("the pages hold %d", len(seen))
	}
}
