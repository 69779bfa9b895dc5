package app

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
	"mekong/pipeline"
	"mekong/pipeline/trace"
)

var (
	besideRounds = flag.Int("beside.rounds", 12, "pairs of rounds of BenchmarkIndexBeside")
	besideLeads  = flag.Int("beside.leads", 6000, "leads in one round of BenchmarkIndexBeside")
)

// eager is a sink that takes everything at once, so that what is measured is the pipeline.
type eager struct{ taken atomic.Int64 }

func (e *eager) Write(_ context.Context, batch []pipeline.Record) []pipeline.Outcome {
	e.taken.Add(int64(len(batch)))
	return make([]pipeline.Outcome, len(batch))
}
func (e *eager) Forget(context.Context, []string) error         { return nil }
func (e *eager) Check(context.Context) []pipeline.Finding       { return nil }
func (e *eager) Close() error                                   { return nil }
func (e *eager) around(_ string, s pipeline.Sink) pipeline.Sink { _ = s.Close(); return e }

// BenchmarkIndexBeside is what the index costs the pipeline: leads through the door, the
// transform and a sink, until each is settled in TRACE, with the index following in the
// same process and without, in turns. What the index has left at the end of a round it
// catches up with before the next, which nobody's time counts.
//
//	go test ./cmd/internal/app -run XXX -bench IndexBeside -benchtime 1x
func BenchmarkIndexBeside(b *testing.B) {
	sink := &eager{}
	c := configured(b, b.TempDir(), oneSink)
	r := start(b, c, Options{Only: []string{RoleIntake, RoleTransform, RoleDeliver}, Wrap: sink.around})
	x, err := trace.Open(trace.Options{Path: filepath.Join(b.TempDir(), TraceFile), Feed: feed{r.Bus}, Keep: time.Hour * 24 * 30,
		Sinks: []trace.Sink{{Name: "archive", Accept: []string{"*"}}}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = x.Close() }()
	next := uint64(0)
	round := func(with bool) (rate, behind float64) {
		if err := x.CatchUp(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		var following sync.WaitGroup
		if with {
			following.Go(func() { _ = x.Run(ctx) })
		}
		began := time.Now()
		r.volley(64, *besideLeads, &next)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			e, err := r.Bus.Extent(b.Context(), "RECORDS")
			if err != nil || time.Now().After(deadline) {
				b.Fatalf("%d of %d leads arrived: %v", sink.taken.Load(), next, err)
			}
			if e.Last >= next && uint64(sink.taken.Load()) >= next {
				break
			}
		}
		took := time.Since(began)
		lags, err := x.Lag(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		cancel()
		following.Wait()
		for _, l := range lags {
			if l.Stream == trace.Records {
				behind = float64(l.Messages)
			}
		}
		return float64(*besideLeads) / took.Seconds(), behind
	}
	round(true) // what is made at the first use is made
	var ratios, withs, withouts, left []float64
	for i := range *besideRounds {
		var with, without, behind float64
		if i%2 == 0 {
			without, _ = round(false)
			with, behind = round(true)
		} else {
			with, behind = round(true)
			without, _ = round(false)
		}
		ratios, withs, withouts, left = append(ratios, with/without), append(withs, with), append(withouts, without), append(left, behind)
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(withouts), "leads/s-without")
	b.ReportMetric(middle(withs), "leads/s-with")
	b.ReportMetric(middle(ratios), "with÷without")
	b.ReportMetric(slices.Min(ratios), "least")
	b.ReportMetric(slices.Max(ratios), "most")
	b.ReportMetric(middle(left), "records-behind")
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// volley sends n new leads over so many connections, all of which must be taken.
func (r *running) volley(conns, n int, next *uint64) {
	var wg sync.WaitGroup
	from, sent := *next, atomic.Int64{}
	for range conns {
		wg.Go(func() {
			for i := sent.Add(1); i <= int64(n); i = sent.Add(1) {
				contentType, body := leads.Make(from + uint64(i)).Encode(leads.URLEncoded)
				got, err := send(r.t.Context(), r.door, body, map[string]string{"Content-Type": contentType, "Token": secretToken})
				if err == nil && got.status != http.StatusOK {
					err = fmt.Errorf("answered %d", got.status)
				}
				if err != nil {
					r.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	*next += uint64(n)
}
