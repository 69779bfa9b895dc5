package console

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mekong/pipeline/bus"
)

func TestStates(t *testing.T) {
	now := newClock().now()
	for _, c := range []struct {
		name string
		sink SinkNow
		rate float64
		want string
	}{
		{"nothing comes", SinkNow{Here: true}, 0, stateIdle},
		{"it comes and goes", SinkNow{Here: true}, 3, stateFlowing},
		{"it has just come", SinkNow{Here: true, Balance: bus.Balance{Waiting: 1, Oldest: now}}, 0, stateFlowing},
		{"it waits", SinkNow{Here: true, Balance: bus.Balance{Waiting: 1, Oldest: now.Add(-time.Minute)}}, 3, stateBehind},
		{"nobody fetches", SinkNow{Balance: bus.Balance{Waiting: 1, Oldest: now}}, 0, stateOff},
		{"another process fetches", SinkNow{Balance: bus.Balance{Waiting: 1, Oldest: now, Pulling: 1}}, 0, stateFlowing},
		{"another process is busy", SinkNow{Balance: bus.Balance{Waiting: 1, Oldest: now}}, 3, stateFlowing},
		{"held", SinkNow{Here: true, HeldSince: now, Balance: bus.Balance{Waiting: 1, Oldest: now.Add(-time.Minute)}}, 3, stateHeld},
		{"held by a person", SinkNow{ByHand: Hold{At: now}}, 0, statePaused},
		{"held by both", SinkNow{Here: true, HeldSince: now, ByHand: Hold{At: now}}, 3, statePaused},
	} {
		if got := c.sink.state(now, c.rate); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnImbalanceIsAnAlarm(t *testing.T) {
	l := tongue{code: "en", zone: time.UTC, now: newClock().now}
	text := func(missing int64) facts {
		s := sight{At: newClock().now(), Stored: []float64{0}}
		s.Sinks = []SinkNow{{Name: "crm", Here: true, Balance: bus.Balance{Accepted: 10, Stored: 8, Waiting: 2 - missing, Missing: missing}}}
		return l.facts(s)
	}
	if got := text(2).Text["sink.crm.missing"]; !strings.Contains(got, "2 cannot be found") {
		t.Errorf("two that are missing: %q", got)
	}
	// One that moved on while it was read was seen twice: that is no loss.
	f := text(-1)
	if f.Text["sink.crm.missing"] != "" || f.Text["sink.crm.waits"] != "2" {
		t.Errorf("one that was seen twice: %q, %s wait", f.Text["sink.crm.missing"], f.Text["sink.crm.waits"])
	}
}

func TestLiveTellsEveryReading(t *testing.T) {
	w := newWorld(t)
	b := w.viewer()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/api/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("it answers %d %s", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (event struct{ Text, State, Thick, Path map[string]string }) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &event); err != nil {
					t.Fatal(err)
				}
				return event
			}
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return event
	}
	first := next()
	if first.State["sink.crm"] != stateHeld || first.Text["sink.archive.stored"] != "1.204" || len(first.Path) == 0 || first.Thick["sink.crm"] == "" {
		t.Errorf("the first event says %+v", first)
	}
	// Signing out ends it.
	csrf := w.field(w.get(b, "/flow").body, "csrf")
	if a := w.do(b, http.MethodPost, "/logout", url.Values{"csrf": {csrf}}); a.status != http.StatusSeeOther {
		t.Fatal(a.status)
	}
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("after signing out the stream ends with %v", err)
	}
}

func TestOnlySoManyPagesAreKeptCurrent(t *testing.T) {
	s := newSampler(nil, time.Now)
	var stop func()
	for range eyesMost {
		_, end, ok := s.watch()
		if !ok {
			t.Fatal("one of the first is refused")
		}
		stop = end
	}
	if _, _, ok := s.watch(); ok {
		t.Error("one too many looks")
	}
	stop()
	if _, _, ok := s.watch(); !ok {
		t.Error("nobody can look after one has gone")
	}
}

func TestHistory(t *testing.T) {
	k := newClock()
	h := newHistory()
	took := func(stored, waiting int64) {
		h.add(sight{At: k.now(), Snapshot: Snapshot{Sinks: []SinkNow{{Balance: bus.Balance{Accepted: stored, Stored: stored, Waiting: waiting}}}}})
	}
	// Ten minutes at 2 a second, a gap of ten minutes, ten minutes at rest.
	for i := range int64(60) {
		took(20*i, 5)
		k.move(sampleEvery)
	}
	k.move(10 * time.Minute)
	for range 60 {
		took(1200, 0)
		k.move(sampleEvery)
	}
	k.move(-sampleEvery / 2)
	rates := h.rates(k.now(), 30*time.Minute, 3, func(r reading) int64 { return r.taken })
	if math.Abs(rates[0]-2) > 0.05 || !math.IsNaN(rates[1]) || rates[2] != 0 {
		t.Errorf("the rates are %v, want 2, nothing, 0", rates)
	}
	levels := h.levels(k.now(), 30*time.Minute, 3, func(r reading) int64 { return r.of(0).waiting })
	if levels[0] != 5 || !math.IsNaN(levels[1]) || levels[2] != 0 {
		t.Errorf("what waited is %v, want 5, nothing, 0", levels)
	}
	for range historyMost + 5 {
		took(1200, 0)
		k.move(sampleEvery)
	}
	last := time.Time{}
	h.each(func(r reading) {
		if !r.at.After(last) {
			t.Fatalf("%s comes after %s", r.at, last)
		}
		last = r.at
	})
	if len(h.ring) != historyMost {
		t.Errorf("it keeps %d readings", len(h.ring))
	}
}

func TestAPulseIsOfTheLastHour(t *testing.T) {
	clock := newClock()
	s := newSampler(nil, clock.now)
	for i := range int64(1000) { // two hours and more, one record with every reading
		s.last = sight{At: clock.now(), Snapshot: Snapshot{Sinks: []SinkNow{{Name: "crm", Balance: bus.Balance{Stored: i}}}}}
		s.keep()
		clock.move(sampleEvery)
	}
	p := s.pulses()["crm"]
	if p.Hour < 358 || p.Hour > 360 || p.Known < 59*time.Minute || p.Known > time.Hour || !strings.HasPrefix(p.Path, "M") {
		t.Errorf("one every ten seconds is told as %+v", p)
	}
	clock.move(2 * time.Hour)
	if p := s.pulses()["crm"]; p.Hour != 0 || p.Known != 0 {
		t.Errorf("when nobody has looked for an hour, it is told as %+v", p)
	}
}

// A look at the tables takes as long as it takes: the page is there meanwhile, and says
// that it waits.
func TestThePageDoesNotWaitForTheTables(t *testing.T) {
	looks, end := make(chan struct{}, 9), make(chan struct{})
	w := newWorld(t, func(o *Options) {
		o.Shapes = func(ctx context.Context) map[string]Shape {
			looks <- struct{}{}
			select {
			case <-end:
			case <-ctx.Done():
			}
			return map[string]Shape{"crm": {Title: "Khách hàng", Columns: []Column{{Name: "Số điện thoại", Field: "phone", State: ColumnFilled}}}}
		}
	})
	b := w.operator()
	began := time.Now()
	page := w.get(b, "/sinks").body
	if took := time.Since(began); took > 8*time.Second || !strings.Contains(page, "Đang xem các cột") || !strings.Contains(page, "chưa rõ") || !strings.Contains(page, "data-reload") || !strings.Contains(page, `http-equiv="refresh" content="3"`) {
		t.Errorf("after %s the page is %s", took, page)
	}
	close(end)
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(page, "được ghi") {
		if time.Now().After(deadline) {
			t.Fatalf("the columns are never shown: %s", page)
		}
		page = w.get(b, "/sinks").body
	}
	w.get(b, "/sinks")
	if len(looks) != 1 {
		t.Errorf("the tables were looked at %d times", len(looks))
	}
	// Asked for, they are looked at again, but not at every click.
	csrf := w.field(page, "csrf")
	for range 2 {
		w.clock.move(lookEvery + time.Second)
		for range 3 {
			if a := w.do(b, http.MethodPost, "/sinks/look", url.Values{"csrf": {csrf}}); a.status != http.StatusSeeOther {
				t.Fatalf("looking again answers %d", a.status)
			}
			w.get(b, "/sinks")
		}
	}
	if len(looks) != 3 {
		t.Errorf("asked for twice, the tables were looked at %d times", len(looks))
	}
}
