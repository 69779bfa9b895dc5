package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/google"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// Lost answers, quotas, revoked tokens, two workers, one of them killed in the middle of
// a write, and a person at work in the same tab: one row for each key, and what is the
// person's stays as it is, where it is.
func TestSoakSheets(t *testing.T) {
	const book, email, speed = "1SoakAbCdEfGh", "soak@project.example.com", 40
	began := time.Now()
	// The clock of Google and of the sinks runs fast, so that a minute's quota, which is
	// the documented one, comes anew every second and a half.
	now := func() time.Time { return began.Add(time.Duration(float64(time.Since(began)) * speed)) }
	sim := sheetsim.New(sheetsim.Options{Seed: 5, Now: now, AnyTime: true})
	key := sim.AddAccount(email)
	sim.AddSpreadsheet(book, "Bán hàng", sheetsim.SheetOptions{})
	sim.Share(book, email, sheetsim.Writer)
	who := &hand{sim: sim, book: book, erased: map[string]bool{}, own: map[string]map[string]string{}, aside: map[string]bool{}}
	srv := httptest.NewServer(who.beside(sim))
	t.Cleanup(srv.Close)

	misfortunes := []*misfortune{
		{name: "committed, then 503", Fault: sheetsim.Fault{Kind: sheetsim.Unavailable, Applied: true, Writes: true, Chance: 0.05}, lost: true},
		{name: "committed, then reset", Fault: sheetsim.Fault{Kind: sheetsim.Reset, Applied: true, Writes: true, Chance: 0.05}, lost: true},
		{name: "committed, then hung", Fault: sheetsim.Fault{Kind: sheetsim.Hang, Applied: true, Writes: true, Chance: 0.05}, lost: true},
		{name: "429", Fault: sheetsim.Fault{Kind: sheetsim.RateLimited, Chance: 0.02}, lost: true},
		{name: "401", Fault: sheetsim.Fault{Kind: sheetsim.Unauthorized, Chance: 0.01}},
	}
	var calm atomic.Bool
	who.calm = func(on bool) {
		calm.Store(on)
		for _, m := range misfortunes {
			if m.lost {
				m.arm(sim, !on)
			}
		}
	}
	s := soak{records: 20_000, batch: 250, speed: speed}
	if testing.Short() {
		s.batch = 50 // there must be enough of them for one to die in
	}
	s.creates = func(r *http.Request) bool {
		if calm.Load() || !strings.HasSuffix(r.URL.Path, ":batchUpdate") || r.GetBody == nil {
			return false
		}
		body, err := r.GetBody()
		if err != nil {
			return false
		}
		text, err := io.ReadAll(body)
		return err == nil && bytes.Contains(text, []byte(`"insertDimension"`)) && bytes.Contains(text, []byte("lead-"))
	}
	s.open = func(t testing.TB, p *soaked) pipeline.Sink {
		// A call that is never answered is given up after a time that no other one takes.
		line := p.client(&whole{inner: &http.Transport{}, most: func() time.Duration {
			if calm.Load() {
				return time.Minute
			}
			return time.Second
		}}, 0)
		account := google.NewAccount(google.AccountOptions{JSON: config.NewSecret(string(key(srv.URL))), HTTP: line, Now: now})
		sink, err := sheets.New("soak", config.Sheets{
			Spreadsheet: "https://docs.google.com/spreadsheets/d/" + book + "/edit#gid=0", KeyColumn: "Mekong ID",
			CreateColumns: true, Rotate: "size", UserWrites: 60, UserReads: 60, Endpoint: srv.URL,
		}, sheets.Options{
			Tokens: account, Account: account.AccountID(), Email: account.Email, HTTP: line, Now: now,
			Memory: memory{p.table(p.bus, "memory"), "sheets.soak"},
			Wait:   func(ctx context.Context, d time.Duration) error { return pause(ctx, time.Duration(float64(d)/speed)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return sink
	}
	s.harm = func(ctx context.Context, t testing.TB) {
		for _, m := range misfortunes {
			m.arm(sim, true)
		}
		go who.work(ctx, 250*time.Millisecond)
	}
	// The rows of the person's own are counted too; what ends the test is the queue.
	s.count = func() int { return sim.Tabs(book)[0].Filled + who.deletions() }
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
		for _, m := range misfortunes {
			m.arm(sim, false)
			if m.struck == 0 && !testing.Short() {
				t.Errorf("the fault %q never struck", m.name)
			}
			t.Logf("%s: %d times", m.name, m.struck)
		}
		who.untouched(t)
		c := sim.Calls()
		t.Logf("%d writes, %d reads, refused by %v, %d by quota, %d fences left", c.Writes, c.Reads, c.Failed, sim.Quota429s(), sim.Tabs(book)[0].NamedRanges)
	}
	s.run(t)
}

// misfortune is a fault that can be taken away and brought back.
type misfortune struct {
	name string
	sheetsim.Fault
	lost bool // it loses answers

	armed  *sheetsim.Armed
	struck int
}

func (m *misfortune) arm(sim *sheetsim.Sim, on bool) {
	if m.armed != nil {
		m.struck += m.armed.Struck()
		m.armed.Remove()
		m.armed = nil
	}
	if on {
		m.armed = sim.Fault(m.Fault)
	}
}

// whole is a transport whose answers are whole when they are handed out, or broken where
// they break off, and which waits for them for a while only.
type whole struct {
	inner http.RoundTripper
	most  func() time.Duration
}

func (w *whole) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), w.most())
	defer cancel()
	resp, err := w.inner.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	var end io.Reader = bytes.NewReader(nil)
	if err != nil {
		end = snapped{err}
	}
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), end))
	return resp, nil
}

type snapped struct{ err error }

func (b snapped) Read([]byte) (int, error) { return 0, b.err }

// beside serves a spreadsheet so that a call comes before or after what the hand does,
// never between its looking and its doing.
func (h *hand) beside(sim http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.desk.RLock()
		defer h.desk.RUnlock()
		sim.ServeHTTP(w, r)
	})
}

// hand is a person who works in the tab that is written to.
type hand struct {
	sim  *sheetsim.Sim
	book string
	desk sync.RWMutex

	mu     sync.Mutex                   // guards what follows
	erased map[string]bool              // keys whose rows were deleted
	own    map[string]map[string]string // what stands in the person's own columns, by key and header
	heads  []string                     // of those
	aside  map[string]bool              // rows of the person's own, by their text
	done   map[string]int
	// calm lets every answer through, or none for sure. calmed is at which write that
	// began, negative once a column has been moved; 0: it is not calm.
	calm   func(on bool)
	calmed int
}
