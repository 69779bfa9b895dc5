// Package doctor runs checks side by side and puts what they found in an order in
// which somebody can act on it.
//
// It does not know what a check looks at: checks are functions that bring
// findings, made by whoever knows the configuration.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"mekong/pipeline"
)

// DefaultTimeout is how long a check may take that does not say so itself.
const DefaultTimeout = 15 * time.Second

// Check is one thing to look at.
type Check struct {
	Group   string        // under which heading its findings stand, e.g. "sink crm"
	Setting string        // path in the configuration that a failure of the check itself is told under
	Timeout time.Duration // 0: [DefaultTimeout]
	// Run brings what it found. It should end with its context; when it does not, it
	// is left behind and told of.
	Run func(ctx context.Context) []pipeline.Finding
}

// Group is the findings under one heading: Fail first, then Warn, then OK, each
// sorted by setting.
type Group struct {
	Name     string
	Findings []pipeline.Finding
}

// Worst is the highest level in the group.
func (g Group) Worst() pipeline.Level {
	worst := pipeline.OK
	for _, f := range g.Findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// Report is what all checks found: the groups with the worst first, then by name.
type Report struct{ Groups []Group }

// Worst is the highest level of all.
func (r Report) Worst() pipeline.Level {
	worst := pipeline.OK
	for _, g := range r.Groups {
		worst = max(worst, g.Worst())
	}
	return worst
}

// Count is how many findings have the level.
func (r Report) Count(l pipeline.Level) (n int) {
	for _, g := range r.Groups {
		for _, f := range g.Findings {
			if f.Level == l {
				n++
			}
		}
	}
	return n
}

// Run runs all checks at once and returns when each has ended or its time is up;
// so it takes as long as the slowest, and at most the longest time-out. A check that
// hangs, panics or brings nothing is a Fail that names it. When ctx ends early the
// checks under way are told of as having been cut off.
func Run(ctx context.Context, checks []Check) Report {
	type answer struct {
		n        int
		findings []pipeline.Finding
	}
	answers := make(chan answer, len(checks))
	for i, c := range checks {
		go func() { answers <- answer{i, one(ctx, c)} }()
	}
	found := make([][]pipeline.Finding, len(checks))
	for range checks {
		a := <-answers
		found[a.n] = a.findings
	}
	var r Report
	for i, c := range checks {
		at := slices.IndexFunc(r.Groups, func(g Group) bool { return g.Name == c.Group })
		if at < 0 {
			at = len(r.Groups)
			r.Groups = append(r.Groups, Group{Name: c.Group})
		}
		r.Groups[at].Findings = append(r.Groups[at].Findings, found[i]...)
	}
	r.sort()
	return r
}

func (r Report) sort() {
	for _, g := range r.Groups {
		slices.SortStableFunc(g.Findings, func(a, b pipeline.Finding) int {
			return cmp.Or(cmp.Compare(b.Level, a.Level), strings.Compare(a.Setting, b.Setting))
		})
	}
	slices.SortStableFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Worst(), a.Worst()), strings.Compare(a.Name, b.Name))
	})
}

// one runs one check within its time.
func one(ctx context.Context, c Check) []pipeline.Finding {
	limit := c.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []pipeline.Finding, 1) // a check that is left behind can still end
	go func() { done <- careful(ctx, c) }()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
	}
	// Both may be ready: what was found in time counts.
	select {
	case f := <-done:
		return f
	default:
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault(c, "the check was cut off", "run the doctor again, and let it finish")
	}
	return fault(c, fmt.Sprintf("the check had not ended after %s", limit), "see whether what it asks can be reached from this machine, and how slowly it answers")
}

// careful makes a finding of a panic. What a panic says is not shown unless it is
// the runtime's: it may hold anything.
func careful(ctx context.Context, c Check) (found []pipeline.Finding) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		what := fmt.Sprintf("the check broke off (%T)", v)
		if err, ok := v.(runtime.Error); ok {
			what = "the check broke off: " + err.Error()
		}
		found = fault(c, what, "this is a fault of the program: report it with this line")
	}()
	if found = c.Run(ctx); len(found) == 0 {
		return fault(c, "the check found nothing, not even that all is well", "this is a fault of the program: report it with this line")
	}
	return found
}

func fault(c Check, what, fix string) []pipeline.Finding {
	return []pipeline.Finding{{Level: pipeline.Fail, Setting: c.Setting, What: what, Fix: fix}}
}
