package sheets_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// lead is a record of ordinary size.
func lead(i int) pipeline.Record {
	return record(fmt.Sprintf("0199a7c2-%08x-%04x", i*2654435761, i%65536), map[string]any{
		"name": fmt.Sprintf("Nguyễn Thị Hồng %d", i), "phone": fmt.Sprintf("+849%08d", i), "email": fmt.Sprintf("khach%d@example.com", i),
		"note": strings.Repeat("Tôi muốn được tư vấn. ", 3), "product": "Gói tư vấn", "utm_source": "facebook", "ad_id": fmt.Sprintf("1202123456%08d", i), "page": "https://example.com/khuyen-mai",
	})
}

// deliver does what the worker does, on the world's clock.
func deliver(w *world, s *sheets.Sink, queue []pipeline.Record) {
	for len(queue) > 0 {
		if d := s.Pace(); d > 0 {
			w.Advance(d)
			continue
		}
		n := min(len(queue), s.Limits().Batch)
		hand := queue[:n]
		queue = queue[n:]
		for len(hand) > 0 {
			out := s.Write(context.Background(), hand)
			var left []pipeline.Record
			wait := time.Duration(0)
			for i, o := range out {
				if o.Err != nil {
					d, held := pipeline.IsHold(o.Err)
					if !held {
						w.t.Fatal(o.Err)
					}
					wait = max(wait, d, time.Second)
					left = append(left, again(hand[i])...)
				}
			}
			w.Advance(wait)
			hand = left
		}
	}
}

// TestBacklog writes 100,000 records within the documented quota.
func TestBacklog(t *testing.T) {
	const n = 100_000
	w := newWorld(t, sheetsim.Options{})
	size := 0
	s := w.sink(func(_ *config.Sheets, o *sheets.Options) {
		o.HTTP.Transport = weighed{o.HTTP.Transport, &size}
	})
	var queue []pipeline.Record
	for i := range n {
		queue = append(queue, lead(i))
	}
	began := w.Now()
	deliver(w, s, queue)
	took := w.Now().Sub(began)
	calls := w.Calls()
	// A call a second, which is also 60 a minute, of 1.5 MB each.
	least := time.Duration(float64(size) / 1.5e6 * float64(time.Second))
	t.Logf("%d rows, %.1f MB: %d writes (%.2f per 1,000 rows), %d reads, %s on the clock, at least %s", n, float64(size)/1e6, calls.Writes, float64(calls.Writes)*1000/n, calls.Reads, took, least)
	if took > least*115/100+3*time.Second { // the first looks at the spreadsheet are three
		t.Errorf("it took %s; %s would do", took, least)
	}
	if w.Quota429s() > 0 || w.Crowded(bookID) > 0 {
		t.Errorf("%d answers of 429; %d calls less than a second apart", w.Quota429s(), w.Crowded(bookID))
	}
	if got := w.Tabs(bookID)[0].Filled; got != n+1 {
		t.Errorf("%d rows", got-1)
	}
}

// TestFourWorkers share one account, each with a spreadsheet of its own.
func TestFourWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	gates, accounts := sheets.NewGates(), sheets.NewAccounts(w.Now)
	var sinks []*sheets.Sink
	var ids []string
	for i := range 4 {
		id := fmt.Sprintf("book%d", i)
		w.AddSpreadsheet(id, id, sheetsim.SheetOptions{})
		w.Share(id, email, sheetsim.Writer)
		ids = append(ids, id)
		conf, o := w.conf, w.options()
		conf.Spreadsheet = "https://docs.google.com/spreadsheets/d/" + id + "/edit"
		o.Gates, o.Accounts = gates, accounts
		s, err := sheets.New(id, conf, o)
		if err != nil {
			t.Fatal(err)
		}
		sinks = append(sinks, s)
	}
	// Each gets two leads a second, for five minutes, and writes whenever it may.
	waiting, next := make([][]pipeline.Record, 4), 0
	var waits []time.Duration
	for end := w.Now().Add(5 * time.Minute); w.Now().Before(end); w.Advance(500 * time.Millisecond) {
		for i, s := range sinks {
			r := lead(next)
			r.Received = w.Now()
			next++
			waiting[i] = append(waiting[i], r)
			if s.Pace() > 0 {
				continue
			}
			var left []pipeline.Record
			for j, o := range s.Write(t.Context(), waiting[i]) {
				if o.Err != nil {
					left = append(left, again(waiting[i][j])...)
				} else {
					waits = append(waits, w.Now().Sub(waiting[i][j].Received))
				}
			}
			waiting[i] = left
		}
	}
	total, calls := 0, w.Calls()
	for i, id := range ids {
		rows := len(w.rowsIn(id, 0))
		if rows == 0 || len(waiting[i]) > 200 {
			t.Errorf("sink %d: %d rows, %d wait", i, rows, len(waiting[i]))
		}
		total += rows
	}
	slices.Sort(waits)
	p95, worst := waits[len(waits)*95/100], waits[len(waits)-1]
	t.Logf("%d rows by %d writes and %d reads; waits: p50 %s, p95 %s, most %s", total, calls.Writes, calls.Reads, waits[len(waits)/2], p95, worst)
	if w.Quota429s() > 0 {
		t.Errorf("%d answers of 429", w.Quota429s())
	}
	if calls.Writes < 250 {
		t.Errorf("%d writes in five minutes: the budget is not used", calls.Writes)
	}
	if p95 > 15*time.Second || worst > time.Minute {
		t.Errorf("leads waited: p95 %s, most %s", p95, worst)
	}
}

type weighed struct {
	base http.RoundTripper
	size *int
}

func (h weighed) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, ":batchUpdate") {
		*h.size += int(r.ContentLength)
	}
	return h.base.RoundTrip(r)
}

// TestOneLeadASecond: the row is there within a second and a half of the lead, 95 times
// of 100, and nothing is read.
func TestOneLeadASecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(nil)
	store(t, s, lead(1_000_000))
	w.Advance(2 * time.Minute)
	w.ResetCalls()
	const latency, fill = 400 * time.Millisecond, 200 * time.Millisecond // a call of Google's, Limits.Wait
	var took []time.Duration
	began := w.Now()
	for next := 0; next < 300; {
		due := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) }
		if d := due(next).Sub(w.Now()); d > 0 {
			w.Advance(d)
		}
		if d := s.Pace(); d > 0 {
			w.Advance(d)
		}
		w.Advance(fill)
		first := next
		var batch []pipeline.Record
		for next < 300 && !due(next).After(w.Now()) {
			batch = append(batch, lead(next))
			next++
		}
		store(t, s, batch...)
		w.Advance(latency)
		for i := first; i < next; i++ {
			took = append(took, w.Now().Sub(due(i)))
		}
	}
	slices.Sort(took)
	calls := w.Calls()
	t.Logf("p50 %s, p95 %s, most %s; %d writes, %d reads", took[150], took[285], took[299], calls.Writes, calls.Reads)
	if took[285] > 1500*time.Millisecond {
		t.Errorf("p95 is %s", took[285])
	}
	if float64(calls.Reads) > 0.02*float64(calls.Writes) || w.Quota429s() > 0 {
		t.Errorf("%d reads for %d writes, %d answers of 429", calls.Reads, calls.Writes, w.Quota429s())
	}
}
