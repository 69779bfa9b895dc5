package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/cmd/internal/leads"
	"mekong/pipeline"
)

// mail is the address that lead n alone has, by which it is found again.
func mail(n uint64) string { return fmt.Sprintf("lead%d@example.com", n) }

// traffic sends leads one by one and remembers which were accepted.
type traffic struct {
	*running
	next     uint64
	sent     map[string]bool // by mail; true: answered 200
	statuses map[int]int
}

func newTraffic(r *running) *traffic {
	return &traffic{running: r, sent: map[string]bool{}, statuses: map[int]int{}}
}

// one sends a new lead. What is not a 200 must be a 503 that says when to come
// again: a sender gives up on anything else.
func (f *traffic) one(more ...leads.Field) (accepted bool) {
	f.t.Helper()
	n := f.next
	f.next++
	contentType, body := append(leads.Make(n), more...).Encode(leads.Kinds[n%3])
	got := f.post(contentType, body)
	f.statuses[got.status]++
	accepted = got.status == http.StatusOK && got.ID != ""
	if !accepted && (got.status != http.StatusServiceUnavailable || got.wait == "") {
		f.t.Fatalf("answered %d, Retry-After %q: %s", got.status, got.wait, got.text)
	}
	f.sent[mail(n)] = accepted
	return accepted
}

// many sends n leads that must all be taken.
func (f *traffic) many(n int) {
	f.t.Helper()
	for range n {
		if !f.one() {
			f.t.Fatal("a lead was not accepted")
		}
	}
}

// refused sends n leads none of which may be taken.
func (f *traffic) refused(n int) {
	f.t.Helper()
	for range n {
		if f.one() {
			f.t.Fatal("a lead was accepted for which there is no room")
		}
	}
}

// complete holds what is stored somewhere, by mail, against what was sent.
func (f *traffic) complete(where string, stored map[string]int) {
	f.t.Helper()
	for address, ok := range f.sent {
		switch n := stored[address]; {
		case n > 1:
			f.t.Errorf("%s: %s is stored %d times", where, address, n)
		case ok && n == 0:
			f.t.Errorf("%s: %s was accepted and is not stored", where, address)
		}
	}
	for address := range stored {
		if _, ok := f.sent[address]; !ok {
			f.t.Errorf("%s: %q is stored and was never sent", where, address)
		}
	}
	f.t.Logf("%s: %d stored; answers were %v", where, len(stored), f.statuses)
}

// mails counts documents by the address in them.
func mails(docs []bson.D) map[string]int {
	out := map[string]int{}
	for _, d := range docs {
		address, _ := in(d, "fields", "email").(string)
		out[address]++
	}
	return out
}

// heavy is a field of n bytes that do not compress, or not by much.
func heavy(n int, seed uint64) leads.Field {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n/2)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return leads.Field{Name: "message", Value: fmt.Sprintf("%x", b)}
}

// gate stands before a sink, holds it back while it is shut, and notes what it
// says of the records it does not store.
type gate struct {
	pipeline.Sink
	mu     sync.Mutex
	shut   bool
	holds  map[string]int // the sink's own, by what they say
	others map[string]int // its other errors
}

func newGate() *gate { return &gate{holds: map[string]int{}, others: map[string]int{}} }

// before puts the gate before a sink; the one of an earlier start is done with.
func (g *gate) before(s pipeline.Sink) pipeline.Sink {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Sink = s
	return g
}

func (g *gate) shutter(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

func (g *gate) verdicts() (holds, others map[string]int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	holds, others = map[string]int{}, map[string]int{}
	for what, n := range g.holds {
		holds[what] = n
	}
	for what, n := range g.others {
		others[what] = n
	}
	return holds, others
}

func (g *gate) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	g.mu.Lock()
	shut, sink := g.shut, g.Sink
	g.mu.Unlock()
	if shut {
		return pipeline.Outcomes(len(batch), pipeline.Hold(errShut, 0))
	}
	out := sink.Write(ctx, batch)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range out {
		if o.Err == nil || ctx.Err() != nil {
			continue
		}
		if _, ok := pipeline.IsHold(o.Err); ok {
			g.holds[o.Err.Error()]++
		} else {
			g.others[o.Err.Error()]++
		}
	}
	return out
}

var errShut = fmt.Errorf("the test holds it")

// elsewhere is a destination that shares nothing with this machine's disk.
type elsewhere struct {
	mu   sync.Mutex
	rows map[string]string // key → mail
}

func (e *elsewhere) Write(_ context.Context, batch []pipeline.Record) []pipeline.Outcome {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range batch {
		e.rows[r.Key], _ = r.Fields["email"].(string)
	}
	return make([]pipeline.Outcome, len(batch))
}

func (e *elsewhere) mails() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]int{}
	for _, address := range e.rows {
		out[address]++
	}
	return out
}

func (e *elsewhere) Forget(context.Context, []string) error   { return nil }
func (e *elsewhere) Check(context.Context) []pipeline.Finding { return nil }
func (e *elsewhere) Close() error                             { return nil }
