package bench

import (
	"context"
	"fmt"
	"math"
	"time"
)

// vendorLeg is one turn at a simulated vendor.
type vendorLeg struct {
	rate  float64 // rows a second, counted over there
	calls float64 // that write, per 1,000 rows
	reads float64 // calls per write
	cpu   float64 // µs of the process per row; not a number: not readable
}

// newVendorLeg is what became of n rows, for which so much was spent.
func newVendorLeg(n int, took time.Duration, spent float64, writes, reads int) vendorLeg {
	return vendorLeg{rate: float64(n) / took.Seconds(), calls: float64(writes) * 1000 / float64(n), reads: float64(reads) / float64(writes), cpu: spent / float64(n)}
}

// spent is the processor time in µs that the process has used since clean gave busy; not
// a number: not readable.
func spent(busy time.Duration) float64 {
	busier, timed := processor()
	if !timed {
		return math.NaN()
	}
	return ms(busier-busy) * 1000
}

// contest is what stores rows at a vendor: the vendor's own client, the loop with the
// sink, and the sink alone. Each takes how many rows.
type contest struct {
	title, row, client string // row and client as they are called
	batch              int
	fast, slow         int // batches of a turn of two seconds, of calls of no time and of others
	latency            func(time.Duration)
	bare, sink, alone  func(context.Context, int) (vendorLeg, error)
	calls              func(sink []vendorLeg) []Line // what is told of the calls
}

// hold takes the turns: with calls of no time, where the processor decides and the
// simulator, which is in this process, takes its share of it from both sides; and with
// calls that take about as long as on the real platforms.
func (c *contest) hold(ctx context.Context, r *run) (out []Line, err error) {
	const call = 150 * time.Millisecond
	for _, pace := range []struct {
		with    string
		latency time.Duration
		n       int
	}{
		{"calls of no time", 0, r.scaled(c.fast, 2) * c.batch},
		{fmt.Sprintf("calls of %d ms", call.Milliseconds()), call, r.scaled(c.slow, 1) * c.batch},
	} {
		c.latency(pace.latency)
		of := func(f func(context.Context, int) (vendorLeg, error)) leg[vendorLeg] {
			return func(ctx context.Context) (vendorLeg, error) { return f(ctx, pace.n) }
		}
		got, err := rounds(ctx, r, c.title+", "+pace.with, nil, of(c.bare), of(c.sink), of(c.alone), of(c.bare))
		if err != nil {
			return nil, err
		}
		bare, sink, alone, again := got[0], got[1], got[2], got[3]
		rate := func(l vendorLeg) float64 { return l.rate }
		out = append(out,
			ratioLine(c.title, c.row+"s/s ÷ "+c.client+" alone, "+pace.with, atLeast(0.9), pick(sink, rate), pick(bare, rate), pick(again, rate)),
			ratioLine(c.title, c.row+"s/s, the sink without queue and loop ÷ "+c.client+" alone, "+pace.with, atLeast(0.9), pick(alone, rate), pick(bare, rate), pick(again, rate)),
			plainLine(c.title, fmt.Sprintf("%ss, batches of %d, %s", c.row, c.batch, pace.with), "/s", nil, pick(sink, rate)),
			plainLine(c.title, c.row+"s, "+c.client+" alone, "+pace.with, "/s", nil, pick(bare, rate)))
		if pace.latency != 0 {
			continue
		}
		out = append(out, c.calls(sink)...)
		if cpu := func(l vendorLeg) float64 { return l.cpu }; !math.IsNaN(bare[0].cpu) {
			per := "processor time per " + c.row + ", "
			out = append(out,
				plainLine(c.title, per+"queue and simulator included", "µs", nil, pick(sink, cpu)),
				plainLine(c.title, per+"the sink without queue and loop, simulator included", "µs", nil, pick(alone, cpu)),
				plainLine(c.title, per+c.client+" alone, simulator included", "µs", nil, pick(bare, cpu)))
		}
	}
	return out, nil
}
