package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mekong/cmd/internal/leads"
)

// traffic sends made-up leads at the door over HTTP, at fixed times whether or
// not earlier ones were answered, as visitors do: a slow door is not spared, and
// what it keeps waiting is counted from when it should have been sent.
type traffic struct {
	url, token string
	rate       int
	base       uint64 // number of the first lead; differs from run to run
	client     *http.Client
	watches    []*watch // of all who want to know when a lead was answered

	mu    sync.Mutex
	known lately[struct{}] // IDs that were answered
	sum   sent
	took  samples
}

// sent is what became of the traffic so far.
type sent struct {
	requests int64
	received int64 // answered 200
	distinct int64 // with an ID not answered before
	refused  int64 // answered anything else, or not at all
	unsent   int64 // meant to be sent, and not before time was up
	why      string
}

const (
	inFlight    = 256              // requests at once; past it the traffic is late
	answerWait  = 15 * time.Second // for one answer; the door itself gives up sooner
	repeatEvery = 50               // of so many submissions the last repeats an earlier one
)

func newTraffic(url, token string, rate int, w ...*watch) *traffic {
	return &traffic{
		url: url, token: token, rate: rate, watches: w, base: uint64(time.Now().UnixNano()),
		client: &http.Client{
			Timeout:   answerWait,
			Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight},
		},
	}
}

// run sends for the given time, 0 until ctx ends, and returns when the last
// request is answered. At most rate times length are sent.
func (t *traffic) run(ctx context.Context, length time.Duration) {
	start := time.Now()
	if length > 0 {
		var done context.CancelFunc
		ctx, done = context.WithDeadline(ctx, start.Add(length))
		defer done()
	}
	if t.rate == 0 {
		<-ctx.Done()
		return
	}
	most := int64(length.Seconds() * float64(t.rate))
	requests, _ := errgroup.WithContext(context.WithoutCancel(ctx)) // what is under way is waited for
	requests.SetLimit(inFlight)
	n := int64(0)
	for ; length == 0 || n < most; n++ {
		due := start.Add(time.Duration(float64(n) / float64(t.rate) * float64(time.Second)))
		if !until(ctx, due) {
			break
		}
		number := n
		requests.Go(func() error {
			t.send(context.WithoutCancel(ctx), number, due)
			return nil
		})
	}
	_ = requests.Wait() // none returns an error
	if length > 0 {
		<-ctx.Done() // the last was due a moment before time is up
		t.mu.Lock()
		t.sum.unsent = most - n
		t.mu.Unlock()
	}
}

// until waits for a moment; false when ctx ended first.
func until(ctx context.Context, due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// which lead is the n-th submission: its own, or, one time in repeatEvery, that
// of an earlier one, as after a double click or a failover.
func which(n int64) int64 {
	if n%repeatEvery == repeatEvery-1 {
		return n - 1 - n/repeatEvery%40
	}
	return n
}

func (t *traffic) send(ctx context.Context, n int64, due time.Time) {
	lead := which(n)
	ct, body := leads.Make(t.base + uint64(lead)).Encode(leads.Kinds[lead%int64(len(leads.Kinds))])
	id, _, err := post(ctx, t.client, t.url, t.token, parcel{"lead", ct, body})
	now := time.Now()
	t.mu.Lock()
	t.sum.requests++
	if err != nil {
		t.sum.refused++
		t.sum.why = err.Error()
		t.mu.Unlock()
		return
	}
	t.took.add(now.Sub(due))
	t.sum.received++
	first := !t.known.has(id)
	if first {
		t.known.put(id, struct{}{})
		t.sum.distinct++
	}
	t.mu.Unlock()
	if first {
		for _, w := range t.watches {
			w.acceptedAt(id, now)
		}
	}
}

// soFar may be asked at any time.
func (t *traffic) soFar() sent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum
}

// answered is how long answers took. It is asked once, at the end.
func (t *traffic) answered() spread {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.took.spread()
}

// close lets the connections go, so that the door need not wait for them.
func (t *traffic) close() { t.client.CloseIdleConnections() }
