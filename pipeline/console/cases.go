package console

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNobody means that a term is no phone, no address, and no ID of a record.
var ErrNobody = errors.New("that is nobody's")

func nobody(err error) bool { return errors.Is(err, ErrNobody) }

const (
	casesMost = 20               // remembered at once
	caseLife  = time.Hour        // since the last thing happened
	caseLimit = 15 * time.Minute // for one look, or one erasing
)

// The states of a case.
const (
	caseFinding = "finding"
	caseFound   = "found"
	caseFailed  = "failed" // it could not be looked for
	caseErasing = "erasing"
	caseErased  = "erased" // completely or not: the proof says so
)

// forgetting is one person who is looked for, found, and erased, by one operator. What
// it is called by tells nobody anything.
type forgetting struct {
	id, user string
	term     string // until somebody was found
	touched  time.Time

	State  string
	Nobody bool   // the term was nothing to look for
	Why    string // why it failed, or came to no end
	Step   string // what is done now
	Person *Person
	Proof  *Proof
	byHand []string
}

// ID is what it is called by.
func (f forgetting) ID() string { return f.id }

// Working says that something is under way.
func (f forgetting) Working() bool { return f.State == caseFinding || f.State == caseErasing }

// Most is how many rows one may have that is erased here.
func (f forgetting) Most() int { return mostRows }

// refresh is for browsers without JavaScript.
func (f forgetting) refresh() int {
	if f.Working() {
		return 2
	}
	return 0
}

// about is what the log calls it.
func (f forgetting) about() string {
	if f.Proof != nil && len(f.Proof.Marks) > 0 {
		return short(f.Proof.Marks[0])
	}
	if f.Person != nil && len(f.Person.Requests) > 0 {
		return short(f.Person.Requests[0].Mark)
	}
	return ""
}

// cases are those of a console. One is worked on at a time: each look reads all that is
// kept.
type cases struct {
	do   Forget
	now  func() time.Time
	note func(Entry)

	mu   sync.Mutex
	all  map[string]*forgetting
	work chan *forgetting // holds the one that waits to be worked on
	one  *forgetting      // which is worked on, or waits; nil: none
}

func newCases(do Forget, now func() time.Time, note func(Entry)) *cases {
	return &cases{do: do, now: now, note: note, all: map[string]*forgetting{}, work: make(chan *forgetting, 1)}
}

func (c *cases) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.one != nil
}

// begin looks for somebody; false: another is worked on.
func (c *cases) begin(user, term string) (forgetting, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.one != nil {
		return forgetting{}, false
	}
	c.tidy()
	one := &forgetting{id: secret()[:22], user: user, term: term, State: caseFinding}
	c.all[one.id] = one
	c.start(one)
	return *one, true
}

// start has one worked on. It needs c.mu, and that none is.
func (c *cases) start(one *forgetting) {
	one.touched = c.now()
	c.one = one
	c.work <- one // there is room: only one is ever under way
}

// tidy forgets what nobody looks at any more. It needs c.mu, and that none is worked on.
func (c *cases) tidy() {
	var oldest *forgetting
	for id, one := range c.all {
		if c.now().Sub(one.touched) > caseLife {
			delete(c.all, id)
		} else if oldest == nil || one.touched.Before(oldest.touched) {
			oldest = one
		}
	}
	if len(c.all) >= casesMost {
		delete(c.all, oldest.id)
	}
}

// get gives one as it is now, to whom it belongs.
func (c *cases) get(id, user string) (forgetting, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, ok := c.all[id]
	if !ok || one.user != user || c.one != one && c.now().Sub(one.touched) > caseLife {
		return forgetting{}, false
	}
	return *one, true
}

// erase begins to erase one that was found; false: it cannot be now.
func (c *cases) erase(id string, byHand []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[id]
	if c.one != nil || one == nil || one.Person == nil || one.Proof != nil && one.Proof.Complete {
		return false
	}
	one.State, one.byHand, one.Why, one.Step = caseErasing, byHand, "", ""
	c.start(one)
	return true
}

// run works on what was begun until ctx ends.
func (c *cases) run(ctx context.Context) {
	for {
		select {
		case one := <-c.work:
			limited, cancel := context.WithTimeout(ctx, caseLimit)
			if c.state(one) == caseFinding {
				c.find(limited, one)
			} else {
				c.erasing(limited, one)
			}
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

func (c *cases) state(one *forgetting) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return one.State
}

// end notes what became of one, and makes room for the next.
func (c *cases) end(one *forgetting, how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how()
	one.touched, c.one = c.now(), nil
}

func (c *cases) find(ctx context.Context, one *forgetting) {
	p, err := c.do.Find(ctx, one.term)
	c.end(one, func() {
		one.term = ""
		switch {
		case err != nil:
			one.State, one.Nobody, one.Why = caseFailed, nobody(err), err.Error()
		default:
			one.State, one.Person = caseFound, &p
		}
	})
}

func (c *cases) erasing(ctx context.Context, one *forgetting) {
	p, err := one.Person.Forget(ctx, one.byHand, func(step string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		one.Step = step
	})
	rows := 0
	for _, r := range p.Rows {
		rows = max(rows, r.N)
	}
	// It is written down before it is said to be done.
	outcome := "complete"
	if !p.Complete {
		outcome = "not complete: to be done again"
	}
	if len(p.Marks) > 0 {
		c.note(Entry{Who: one.user, What: "forgot", On: short(p.Marks[0]), Count: rows, Reason: outcome})
	}
	c.end(one, func() {
		one.State, one.Proof = caseErased, &p
		if err != nil {
			one.Why = err.Error()
		}
	})
}
