package larksim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

// A fault that strikes before leaves nothing behind; one that strikes after leaves
// the row.
func TestFaults(t *testing.T) {
	for _, applied := range []bool{false, true} {
		for _, c := range []struct {
			name   string
			fault  larksim.Fault
			status int
			code   int
			lost   bool // no readable answer
		}{
			{"504", larksim.Fault{Kind: larksim.Timeout}, 504, 1255040, false},
			{"drop", larksim.Fault{Kind: larksim.Drop}, 0, 0, true},
			{"hang", larksim.Fault{Kind: larksim.Hang}, 0, 0, true},
			{"5xx", larksim.Fault{Kind: larksim.HTTPError, Status: 503}, 503, 0, true},
			{"page", larksim.Fault{Kind: larksim.Page}, 502, 0, true},
			{"cut", larksim.Fault{Kind: larksim.Cut}, 200, 0, true},
			{"short", larksim.Fault{Kind: larksim.Short}, 200, 0, true},
			{"throttle", larksim.Fault{Kind: larksim.Throttle, Delay: 52 * time.Second}, 429, 99991400, false},
			{"too many", larksim.Fault{Kind: larksim.Answer, Code: 1254290}, 400, 1254290, false},
			{"not ready", larksim.Fault{Kind: larksim.Answer, Code: 1254607}, 500, 1254607, false},
			{"status of its own", larksim.Fault{Kind: larksim.Answer, Code: 1254002, Status: 418}, 418, 1254002, false},
		} {
			name := c.name + " before"
			if applied {
				name = c.name + " after"
			}
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, larksim.Options{})
				c.fault.Applied, c.fault.Next, c.fault.On = applied, 1, []larksim.Op{larksim.OpBatchCreate}
				f := w.Inject(c.fault)
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				if c.name != "hang" {
					ctx, cancel = context.WithCancel(context.Background())
				}
				defer cancel()
				a := w.as(ctx, w.token, "POST", w.records("/batch_create"), batch(2))
				if (a.err != nil) != c.lost || a.status != c.status || a.Code != c.code {
					t.Errorf("status %d, code %d, error %v", a.status, a.Code, a.err)
				}
				rows := 0
				if applied {
					rows = 2
				}
				if n := w.RowCount(baseID, "Leads"); n != rows {
					t.Errorf("%d rows, want %d", n, rows)
				}
				if c.name == "throttle" && (a.header.Get("X-Ogw-Ratelimit-Limit") != "50" || a.header.Get("X-Ogw-Ratelimit-Reset") != "52") {
					t.Errorf("headers %v", a.header)
				}
				w.do("POST", w.records("/batch_create"), batch(1)).want(t, 0)
				if f.Struck() != 1 {
					t.Errorf("struck %d times", f.Struck())
				}
				calls := w.Calls()[larksim.OpBatchCreate]
				if calls.Total != 2 || calls.OK != 1 || calls.Failed != 1 || calls.Codes[c.code] != 1 {
					t.Errorf("counted %+v", calls)
				}
				log := w.Requests()
				if r := log[len(log)-2]; r.Applied != applied || !r.Fault || r.App != appID || r.Table != w.table || r.Status != c.status {
					t.Errorf("logged %+v", r)
				}
			})
		}
	}
}

func TestMoreFaults(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.Inject(larksim.Fault{Kind: larksim.Refuse, Next: 1})
	w.do("POST", w.records("/search"), nil).want(t, 99991663)
	w.do("POST", w.records("/search"), nil).want(t, 0)

	w.create(map[string]any{"Tên": "a"})
	blank := w.Inject(larksim.Fault{Kind: larksim.Blank, On: []larksim.Op{larksim.OpSearch}})
	if a := w.do("POST", w.records("/search"), nil); !strings.Contains(string(a.Data), `"items":[]`) {
		t.Errorf("a blank read shows %s", a.Data)
	}
	blank.Remove()
	if a := w.do("POST", w.records("/search"), nil); strings.Contains(string(a.Data), `"items":[]`) {
		t.Error("the fault was removed")
	}

	// A fault that waits for a call that succeeds is not spent on one that does not.
	f := w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, Next: 1})
	w.do("POST", w.records(""), `{"fields":{"Số":"x"}}`).want(t, 1254061)
	if f.Struck() != 0 {
		t.Error("spent on a refused call")
	}
	w.do("POST", w.records(""), `{"fields":{}}`).want(t, 1255040)
	w.do("POST", w.records(""), `{"fields":{}}`).want(t, 0)
	w.Inject(larksim.Fault{Kind: larksim.Answer, Code: 91402, Base: baseID})
	w.do("POST", w.records(""), `{"fields":{}}`).want(t, 91402)
	w.ClearFaults()
	slow := w.Inject(larksim.Fault{Kind: larksim.Slow, Delay: time.Millisecond, App: appID})
	w.do("POST", w.records(""), `{"fields":{}}`).want(t, 0)
	if slow.Struck() != 1 {
		t.Error("not slowed down")
	}
}

// The same seed strikes the same calls.
func TestChanceIsSeeded(t *testing.T) {
	run := func(seed uint64) string {
		w := newWorld(t, larksim.Options{Seed: seed})
		w.Inject(larksim.Fault{Kind: larksim.Answer, Code: 1254290, Chance: 0.3})
		var b strings.Builder
		for range 200 {
			if w.do("POST", w.records(""), `{"fields":{}}`).Code == 0 {
				b.WriteByte('.')
			} else {
				b.WriteByte('x')
			}
		}
		return b.String()
	}
	one, two, other := run(1), run(1), run(2)
	if one != two || one == other {
		t.Errorf("seed 1 twice equal: %v; seeds 1 and 2 equal: %v", one == two, one == other)
	}
	if n := strings.Count(one, "x"); n < 35 || n > 90 {
		t.Errorf("%d of 200 struck with chance 0.3", n)
	}
}

// Over a real connection the faults are what they are without one.
func TestFaultsOverTheWire(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	srv := httptest.NewServer(w.Sim)
	defer srv.Close()
	send := func() ([]byte, error) {
		req, err := http.NewRequest("POST", srv.URL+w.records(""), strings.NewReader(`{"fields":{}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.token)
		resp, err := srv.Client().Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
	w.Inject(larksim.Fault{Kind: larksim.Drop, Applied: true, Next: 1})
	if _, err := send(); err == nil {
		t.Error("a dropped connection gave an answer")
	}
	w.Inject(larksim.Fault{Kind: larksim.Short, Applied: true, Next: 1})
	if _, err := send(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a short body gave %v", err)
	}
	// Nothing is done, and the server lets go when the caller leaves: Close would wait for it.
	w.Inject(larksim.Fault{Kind: larksim.Hang, Next: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", srv.URL+w.records(""), strings.NewReader(`{"fields":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	if resp, err := srv.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Error("a call that hangs gave an answer")
	}
	if b, err := send(); err != nil || !bytes.Contains(b, []byte(`"code":0`)) {
		t.Errorf("%s %v", b, err)
	}
	if n := w.RowCount(baseID, "Leads"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}
