package app

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/appsscript/scriptsim"
)

// The same through the script of a spreadsheet: runs whose answers are lost, cut or
// never come, runs that happen twice, refusals, two workers of which one is killed, and
// a person who sorts, inserts, deletes and moves columns.
func TestSoakAppsScript(t *testing.T) {
	const secret, speed = "soak", 30
	began := time.Now()
	now := func() time.Time { return began.Add(time.Duration(float64(time.Since(began)) * speed)) }
	model := scriptsim.NewModel(scriptsim.ModelOptions{Secret: secret, Now: now})
	w := &weather{server: scriptsim.New(model), rnd: rand.New(rand.NewPCG(5, 9)), struck: map[scriptsim.Fault]int{}}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	who := &user{model: model, rnd: rand.New(rand.NewPCG(3, 5)), erased: map[string]bool{}, notes: map[string]string{}, aside: map[string]bool{}}

	s := soak{records: 20_000, batch: 80, speed: speed}
	s.creates = func(r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/exec") || r.GetBody == nil {
			return false
		}
		body, err := r.GetBody()
		if err != nil {
			return false
		}
		text, err := io.ReadAll(body)
		return err == nil && bytes.Contains(text, []byte("lead-"))
	}
	s.open = func(t testing.TB, p *soaked) pipeline.Sink {
		// A call that is never answered is given up after a time that no other one takes.
		line := p.client(&whole{inner: &http.Transport{}, most: func() time.Duration { return time.Second }}, 0)
		sink, err := appsscript.New("soak", config.AppsScript{
			URL: config.NewSecret("https://script.google.com/macros/s/AKfycb-soak/exec"), Secret: config.NewSecret(secret),
			KeyColumn: "Mekong ID", Timeout: time.Minute, Endpoint: srv.URL,
		}, appsscript.Options{Transport: line.Transport, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return sink
	}
	s.harm = func(ctx context.Context, _ testing.TB) {
		w.begin()
		go who.work(ctx, 150*time.Millisecond)
	}
	s.count = who.count
	s.erased = who.hasErased
	s.rows = func(testing.TB) map[string]int {
		out := map[string]int{}
		for _, r := range who.look() {
			if r.key != "" {
				out[r.key]++
			}
		}
		return out
	}
	s.newest = func(testing.TB) map[string]string {
		out := map[string]string{}
		for _, r := range who.look() {
			if r.key != "" {
				out[r.key] = r.name
			}
		}
		return out
	}
	s.report = func(t testing.TB) {
		for _, f := range weathers {
			if w.struck[f.Fault] == 0 && !testing.Short() {
				t.Errorf("the fault %q never struck", f.Fault)
			}
		}
		t.Logf("%d runs of the script, struck by %v", w.server.Runs(), w.struck)
		who.untouched(t)
	}
	s.run(t)
}

// weathers are the faults of a soak, and of how many calls in a hundred each strikes one.
var weathers = []struct {
	scriptsim.Fault
	percent int
}{
	{scriptsim.LostRedirect, 5}, {scriptsim.LateNotFound, 5}, {scriptsim.LateHang, 5},
	{scriptsim.LostEcho, 2}, {scriptsim.Truncated, 2}, {scriptsim.LateHTML, 2}, {scriptsim.Twice, 2}, {scriptsim.Unavailable, 2}, {scriptsim.TooMany, 2}, {scriptsim.Quota, 2},
}

// weather lets faults strike the runs of a script.
type weather struct {
	server *scriptsim.Server

	mu     sync.Mutex
	rnd    *rand.Rand
	on     bool
	struck map[scriptsim.Fault]int
}

func (w *weather) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = true
}

// ServeHTTP draws the fault of a run. The server has one at a time, and so has a run
// to begin before the next one draws; that it may meet its neighbour's does no harm.
func (w *weather) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/exec") {
		w.draw()
	}
	w.server.ServeHTTP(out, r)
}

func (w *weather) draw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.on {
		return
	}
	n := w.rnd.IntN(100)
	for _, f := range weathers {
		if n -= f.percent; n < 0 {
			w.server.Inject(f.Fault, 1)
			w.struck[f.Fault]++
			return
		}
	}
}
