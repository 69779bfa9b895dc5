package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/worker"
)

// A soak is many records, over the real bus and loop, into a destination that fails in
// every way it knows, with two workers of which one dies half-way. Each record must
// end as one row. What is the destination's own is in the fields; the rest is the
// same for all.
type soak struct {
	records int
	batch   int
	// speed is how many times as fast as the real one the clock of sink and destination
	// runs. What a sink asks the worker to wait is shortened as much.
	speed float64
	// open makes the sink as process p has it. Its calls must go through p's client,
	// so that they end with the process.
	open func(t testing.TB, p *soaked) pipeline.Sink
	// harm makes the destination fail from now on, until the test ends.
	harm func(ctx context.Context, t testing.TB)
	// count is how many rows the destination has, told at little cost.
	count func() int
	// rows counts the destination's rows by key.
	rows func(t testing.TB) map[string]int
	// newest is what the row of a key says of which record was last written to it.
	newest func(t testing.TB) map[string]string
	report func(t testing.TB)
	// erased reports whether a person has deleted the row of a key; nil: nobody has
	// deleted any. Such a row may be there again, after a later record or a repetition.
	erased func(key string) bool
	// creates tells the calls that make rows from others.
	creates func(*http.Request) bool

	doom atomic.Bool  // whichever process makes rows next dies of it
	died chan *soaked // which one that was
}

// soaked is one process of a soak: a connection to the bus, a sink, a loop.
type soaked struct {
	*server
	soak   *soak
	n      int
	bus    *bus.Bus
	sink   pipeline.Sink
	alive  context.Context
	cut    context.CancelFunc // of everything the process does outside
	ended  chan error
	finish context.CancelFunc
}

// client is an HTTP client over inner whose calls are cut when the process is killed.
func (p *soaked) client(inner http.RoundTripper, most time.Duration) *http.Client {
	return &http.Client{Timeout: most, Transport: tied{inner, p}}
}

// tied is a transport whose requests end with their process, and at which it dies.
type tied struct {
	inner http.RoundTripper
	*soaked
}

func (t tied) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.alive.Err(); err != nil {
		return nil, err
	}
	if t.soak.creates(r) && t.soak.doom.CompareAndSwap(true, false) {
		resp, err := t.inner.RoundTrip(r) // it is carried out, and nobody learns of it
		if err == nil {
			_ = resp.Body.Close()
		}
		t.kill()
		t.soak.died <- t.soaked
		return nil, t.alive.Err()
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(t.alive, cancel)
	defer stop()
	defer cancel() // the simulators' answers are whole when they are handed out
	return t.inner.RoundTrip(r.WithContext(ctx))
}

// hurried shortens what the sink asks to wait, and does nothing for the dead.
type hurried struct {
	pipeline.Sink
	speed float64
	alive context.Context
}

func (h hurried) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	if h.alive.Err() != nil {
		return pipeline.Outcomes(len(batch), h.alive.Err())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(h.alive, cancel)
	defer stop()
	out := h.Sink.Write(ctx, batch)
	for i, o := range out {
		if wait, held := pipeline.IsHold(o.Err); held {
			out[i].Err = pipeline.Hold(said{o.Err}, time.Duration(float64(wait)/h.speed))
		}
	}
	return out
}

// said is an error without the verdict that is in it.
type said struct{ err error }

func (s said) Error() string { return s.err.Error() }

// process starts one more.
func (s *soak) process(t testing.TB, on *server, n int) *soaked {
	t.Helper()
	p := &soaked{server: on, soak: s, n: n, bus: on.process(), ended: make(chan error, 1)}
	p.alive, p.cut = context.WithCancel(context.Background())
	p.sink = s.open(t, p)
	var ctx context.Context
	ctx, p.finish = context.WithCancel(context.Background())
	d := &worker.Deliver{
		Bus: p.bus, Name: "soak", Sink: hurried{p.sink, s.speed, p.alive}, Limits: pipeline.Limits{Batch: s.batch, Wait: 20 * time.Millisecond, Writers: 1},
		Accept: []string{"*"}, AckWait: 2 * time.Second, PinnedTTL: time.Second, Grace: 5 * time.Second, MaxAttempts: 1000,
		Pauses: worker.Pauses{First: 5 * time.Millisecond, Most: 50 * time.Millisecond},
	}
	if paced, ok := p.sink.(interface{ Pace() time.Duration }); ok {
		d.Pace = func() time.Duration { return time.Duration(float64(paced.Pace()) / s.speed) }
	}
	go func() { p.ended <- d.Run(ctx) }()
	return p
}

// kill ends a process as a power cut does: first its word to the bus, so that nothing
// is acknowledged, given back or remembered any more, then its calls.
func (p *soaked) kill() {
	p.bus.Close()
	p.cut()
	p.finish()
}

// stop ends it in an orderly way.
func (p *soaked) stop(t testing.TB) {
	t.Helper()
	p.finish()
	if err := <-p.ended; err != nil {
		t.Errorf("process %d ended with %v", p.n, err)
	}
	_ = p.sink.Close()
	p.cut()
}

// run soaks.
func (s *soak) run(t *testing.T) {
	if testing.Short() {
		s.records /= 10
	}
	began := time.Now()
	s.died = make(chan *soaked, 1)
	on := newServer(t)
	sender := on.process()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	first, second := s.process(t, on, 1), s.process(t, on, 2)
	s.harm(ctx, t)

	made := make(chan map[string]string, 1)
	go func() { made <- s.send(t, sender) }()
	poll(t, time.Minute, func() string {
		if n := s.count(); n < s.records*2/5 {
			return fmt.Sprintf("%d rows", n)
		}
		return ""
	})
	// Which of the two writes is the server's choice. The one that does is killed.
	s.doom.Store(true)
	var victim *soaked
	select {
	case victim = <-s.died:
	case <-time.After(time.Minute):
		t.Fatal("nobody makes rows any more")
	}
	other := first
	if victim == first {
		other = second
	}
	third := s.process(t, on, 3) // it is started anew
	want := <-made
	poll(t, 2*time.Minute, func() string {
		if n := s.count(); n < len(want) {
			return fmt.Sprintf("%d rows of %d", n, len(want))
		}
		st, err := sender.Records(t.Context(), "soak", []string{"*"}, bus.QueueOptions{Single: true, Most: s.batch, AckWait: 2 * time.Second, PinnedTTL: time.Second})
		if err != nil {
			return err.Error()
		}
		standing, err := st.Standing(t.Context())
		if err != nil {
			return err.Error()
		}
		if standing.Waiting > 0 {
			return fmt.Sprintf("%d records wait", standing.Waiting)
		}
		return ""
	})
	cancel()
	other.stop(t)
	third.stop(t)
	<-victim.ended

	rows, lost, doubled, gone := s.rows(t), 0, 0, 0
	for key := range want {
		switch {
		case rows[key] > 0:
		case s.erased != nil && s.erased(key):
			gone++
		default:
			lost++
		}
	}
	for key, n := range rows {
		if _, ok := want[key]; !ok {
			t.Errorf("there is a row of %q, which was never sent", key)
		}
		if n > 1 {
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("%d keys are lost, %d have several rows", lost, doubled)
	}
	stale := 0
	for key, id := range s.newest(t) {
		if want[key] != id {
			stale++
		}
	}
	if stale > 0 {
		t.Errorf("%d rows hold what an older record said", stale)
	}
	t.Logf("%d records, %d keys, %d of them deleted by a person, in %v", s.records, len(want), gone, time.Since(began).Round(time.Millisecond))
	if s.report != nil {
		s.report(t)
	}
}

// send publishes the records, some of them about rows of others, and gives for each
// key the newest record's ID.
func (s *soak) send(t *testing.T, b *bus.Bus) map[string]string {
	rnd := rand.New(rand.NewPCG(11, 13))
	began := time.Now().Add(-time.Hour)
	want := make(map[string]string, s.records)
	var keys []string
	for from := 0; from < s.records; {
		var batch []pipeline.Record
		for range min(100, s.records-from) {
			id := fmt.Sprintf("lead-%06d", from)
			r := pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: began.Add(time.Duration(from) * time.Millisecond),
				Fields: map[string]any{"name": id, "phone": fmt.Sprintf("09%08d", from)}}
			r.Received = r.Occurred
			if len(keys) > 0 && rnd.IntN(8) == 0 {
				r.Key = keys[rnd.IntN(len(keys))]
			} else {
				keys = append(keys, r.Key)
			}
			want[r.Key] = id // each happened after those before
			batch = append(batch, r)
			from++
		}
		for _, err := range b.Publish(batch) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	return want
}
