package sheets_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// TestSoak writes through every ambiguous fault, while a person sorts, inserts and
// deletes rows, and while a second process takes over and the first does not stop at
// once. Every key ends as one row with the newest values, and a person's own cells
// stay with their rows.
func TestSoak(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			soak(t, seed, 250)
		})
	}
}

// slowLine holds back the requests that hold picks.
type slowLine struct {
	base   http.RoundTripper
	hold   func(r *http.Request) bool
	before func(r *http.Request)
}

func (l slowLine) RoundTrip(r *http.Request) (*http.Response, error) {
	l.before(r)
	if l.hold(r) {
		return nil, io.ErrUnexpectedEOF
	}
	return l.base.RoundTrip(r)
}

// copied is a request that can be sent after its sender is gone.
func copied(t testing.TB, r *http.Request) *http.Request {
	body, err := r.GetBody()
	if err != nil {
		t.Error(err)
	}
	out := r.Clone(context.WithoutCancel(r.Context()))
	out.Body = body
	return out
}

func soak(t *testing.T, seed uint64, rounds int) {
	rnd := rand.New(rand.NewPCG(seed, 11))
	w := newWorld(t, sheetsim.Options{Seed: seed, NoQuotas: true})
	for _, k := range []sheetsim.Kind{sheetsim.Unavailable, sheetsim.Reset, sheetsim.Short, sheetsim.Page, sheetsim.Cut} {
		for _, applied := range []bool{false, true} {
			w.Fault(sheetsim.Fault{Kind: k, Applied: applied, Chance: 0.01})
		}
	}
	// Some requests are held back by the line: their sender gets no answer, and they
	// arrive when others have long been sent.
	var late []*http.Request
	arrive := func(n int) {
		for ; n > 0 && len(late) > 0; n-- {
			if resp, err := w.Transport().RoundTrip(late[0]); err == nil {
				_ = resp.Body.Close()
			}
			late = late[1:]
		}
	}
	deleted := map[string]bool{}
	calls := 0
	open := func() *sheets.Sink {
		return w.sink(func(c *config.Sheets, o *sheets.Options) {
			c.UserWrites, c.UserReads = 100_000, 100_000
			o.HTTP = &http.Client{Transport: slowLine{w.Transport(), func(r *http.Request) bool {
				if calls > 20 && strings.Contains(r.URL.Path, "atchUpdate") && rnd.IntN(25) == 0 {
					late = append(late, copied(t, r))
					return true
				}
				return false
			}, func(r *http.Request) {
				if calls++; calls < 20 || !strings.Contains(r.URL.Path, "atchUpdate") {
					return
				}
				values := w.Values(bookID, gid)
				switch at := 1 + rnd.IntN(max(1, len(values)-1)); rnd.IntN(30) {
				case 0:
					w.SortRows(bookID, gid, header(values, "phone"), rnd.IntN(2) == 0)
				case 1:
					w.InsertRows(bookID, gid, at, 1+rnd.IntN(2))
				case 2:
					key := ""
					if at < len(values) && len(values[at]) > 0 {
						key, _ = values[at][header(values, "Mekong ID")].(string)
					}
					if key != "" {
						w.DeleteRows(bookID, gid, at, 1)
						deleted[key] = true
					}
				case 3, 4:
					arrive(1)
				}
			}}}
		})
	}
	a, b := open(), open()
	want := map[string]map[string]any{}
	n := 0
	for round := range rounds {
		s := a
		if rnd.IntN(8) == 0 {
			s = b // the other process believes that it is its turn
		}
		if rnd.IntN(25) == 0 {
			a = open() // killed, and begun again
		}
		var batch []pipeline.Record
		for range 1 + rnd.IntN(6) {
			id := fmt.Sprintf("%04d", n)
			n++
			r := record(id, map[string]any{"phone": fmt.Sprintf("09%08d", rnd.IntN(100000000)), "name": "Khách " + id})
			r.Occurred = start.Add(time.Duration(n) * time.Second)
			if n > 10 && rnd.IntN(4) == 0 {
				r.Key = fmt.Sprintf("%04d", rnd.IntN(n-1))
			}
			if want[r.Key] == nil {
				want[r.Key] = map[string]any{}
			}
			for f, v := range r.Fields {
				want[r.Key][f] = v
			}
			batch = append(batch, r)
		}
		for try := 0; len(batch) > 0; try++ {
			if try > 200 {
				t.Fatal("it does not end")
			}
			var left []pipeline.Record
			for i, o := range s.Write(t.Context(), batch) {
				if o.Err != nil {
					if pipeline.IsPermanent(o.Err) {
						t.Fatal(o.Err)
					}
					left = append(left, again(batch[i])...)
				}
			}
			w.Advance(time.Second)
			if len(left) > 0 && rnd.IntN(3) == 0 {
				s = map[bool]*sheets.Sink{true: a, false: b}[s == b]
			}
			batch = left
		}
		if round == 20 {
			w.ClearFaults()
			w.mark()
			for _, k := range []sheetsim.Kind{sheetsim.Unavailable, sheetsim.Reset, sheetsim.Short} {
				w.Fault(sheetsim.Fault{Kind: k, Applied: true, Chance: 0.02})
				w.Fault(sheetsim.Fault{Kind: k, Chance: 0.01})
			}
		}
	}
	arrive(len(late))
	got := w.rows()
	for key, fields := range want {
		row, ok := got[key]
		if !ok {
			if !deleted[key] {
				t.Errorf("key %s has no row", key)
			}
			continue
		}
		for f, v := range fields {
			if row[f] != v && !deleted[key] {
				t.Errorf("key %s: %s is %v, want %v", key, f, row[f], v)
			}
		}
		if mine, ok := row[own].(string); ok && mine != "của "+key {
			t.Errorf("key %s: the person's own cell is %q", key, mine)
		}
	}
	if len(got) > len(want) {
		t.Errorf("%d rows for %d keys", len(got), len(want))
	}
	if f := w.Tabs(bookID)[0].NamedRanges; f > 200 {
		t.Errorf("%d fences are left", f)
	}
	t.Logf("%d keys, %d deleted by hand, %d calls, %d fences left", len(want), len(deleted), calls, w.Tabs(bookID)[0].NamedRanges)
}
