package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"
)

// shot is one turn at one door.
type shot struct {
	rate     float64 // stored a second, counted in the stream
	p50, p99 float64 // ms
	flushes  float64 // of the device, per lead; not a number: not readable
	allocs   float64 // of the process, per lead
	bytes    float64 // the same
	cpu      float64 // µs of the process per lead; not a number: not readable
}

// aims of the door, by connections (anchors.md §6.4).
var doorAims = []struct {
	conns    int
	rate     *Aim
	p99      *Aim
	perFlush *Aim
}{
	{64, atLeast(1.7), atMost(0.65), atMost(0.5)},
	{256, atLeast(4), atMost(0.35), atMost(0.15)},
}

// measureDoor compares our door with the naive one: alone, and under load.
func measureDoor(ctx context.Context, r *run) ([]Line, error) {
	alone, err := r.lone(ctx)
	if err != nil {
		return nil, err
	}
	lines := alone
	for _, aim := range doorAims {
		got, err := r.doors(ctx, aim.conns, r.Leg, true)
		if err != nil {
			return nil, err
		}
		ours, first, again, none := got[0], got[1], got[2], got[3]
		with := func(what string) string { return fmt.Sprintf("%s, %d connections", what, aim.conns) }
		rate := func(s shot) float64 { return s.rate }
		p99 := func(s shot) float64 { return s.p99 }
		flushes := func(s shot) float64 { return s.flushes }
		lines = append(lines,
			ratioLine("door", with("accepted/s ÷ naive"), aim.rate, pick(ours, rate), pick(first, rate), pick(again, rate)),
			ratioLine("door", with("p99 ÷ naive p99"), aim.p99, pick(ours, p99), pick(first, p99), pick(again, p99)))
		if math.IsNaN(ours[0].flushes) {
			lines = append(lines, noLine("door", with("device flushes per lead"), unreadable))
		} else {
			lines = append(lines,
				plainLine("door", with("device flushes per lead"), "", aim.perFlush, pick(ours, flushes)),
				plainLine("door", with("device flushes per lead, naive"), "", nil, pick(first, flushes)))
		}
		lines = append(lines,
			plainLine("door", with("accepted"), "/s", nil, pick(ours, rate)),
			plainLine("door", with("accepted, naive"), "/s", nil, pick(first, rate)),
			plainLine("door", with("answered, no-op handler"), "/s", nil, pick(none, rate)),
			plainLine("door", with("accepted/s ÷ no-op handler"), "×", nil, over(ours, none, rate)),
			plainLine("door", with("p50"), "ms", nil, pick(ours, func(s shot) float64 { return s.p50 })),
			plainLine("door", with("p99"), "ms", nil, pick(ours, p99)),
			plainLine("door", with("p99, naive"), "ms", nil, pick(first, p99)),
			plainLine("door", with("allocations per lead, server included"), "", nil, beyond(ours, none, func(s shot) float64 { return s.allocs })),
			plainLine("door", with("bytes allocated per lead, server included"), "", nil, beyond(ours, none, func(s shot) float64 { return s.bytes })))
		if !math.IsNaN(ours[0].cpu) {
			cpu := func(s shot) float64 { return s.cpu }
			lines = append(lines,
				plainLine("door", with("processor time per lead, server included"), "µs", nil, beyond(ours, none, cpu)),
				plainLine("door", with("processor time per lead, naive"), "µs", nil, beyond(first, none, cpu)))
		}
	}
	return lines, nil
}

// lone compares what one sender waits for.
func (r *run) lone(ctx context.Context) ([]Line, error) {
	got, err := r.doors(ctx, 1, r.Leg/2, false)
	if err != nil {
		return nil, err
	}
	p50 := func(s shot) float64 { return s.p50 }
	ours, first, again := got[0], got[1], got[2]
	return []Line{
		ratioLine("door", "p50 of a lone request ÷ naive", atMost(1.2), pick(ours, p50), pick(first, p50), pick(again, p50)),
		plainLine("door", "p50 of a lone request", "ms", nil, pick(ours, p50)),
		plainLine("door", "p50 of a lone request, naive", "ms", nil, pick(first, p50)),
	}, nil
}

// over is a ÷ b round by round, beyond is a − b.
func over(a, b []shot, figure func(shot) float64) []float64 {
	out := pick(a, figure)
	for i := range out {
		out[i] /= figure(b[i])
	}
	return out
}

func beyond(a, b []shot, figure func(shot) float64) []float64 {
	out := pick(a, figure)
	for i := range out {
		out[i] -= figure(b[i])
	}
	return out
}

// doors measures ours, the naive one, that one again, and where asked the no-op
// handler, on one server.
func (r *run) doors(ctx context.Context, conns int, d time.Duration, noop bool) ([][]shot, error) {
	dir, remove, err := r.folder("door")
	if err != nil {
		return nil, err
	}
	defer remove()
	s, err := openStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ours, err := s.ourDoor()
	if err != nil {
		return nil, err
	}
	defer ours.close()
	naive, err := s.naiveDoor(ctx)
	if err != nil {
		return nil, err
	}
	defer naive.close()
	none, err := noDoor()
	if err != nil {
		return nil, err
	}
	defer none.close()
	m := newMint()
	for _, e := range []*entrance{ours, naive, none} { // what is made at the first request is made
		if _, err := fire(ctx, e.addr, m, min(conns, 8), d/20); err != nil {
			return nil, err
		}
	}
	at := func(e *entrance) leg[shot] {
		return func(ctx context.Context) (shot, error) { return r.shoot(ctx, s, e, m, conns, d) }
	}
	legs := []leg[shot]{at(naive), at(ours), at(naive), at(none)}
	if !noop {
		legs = legs[:3]
	}
	got, err := rounds(ctx, r, fmt.Sprintf("door, %s", plural(conns, "connection")), nil, legs...)
	if err != nil {
		return nil, err
	}
	got[0], got[1] = got[1], got[0] // ours first, for the caller; between the two others, for the clock
	return got, nil
}

// shoot fires at one door and counts what its stream then holds.
func (r *run) shoot(ctx context.Context, s *store, e *entrance, m *mint, conns int, d time.Duration) (shot, error) {
	var before uint64
	var err error
	if e.stream != "" {
		if before, _, err = s.state(ctx, e.stream); err != nil {
			return shot{}, err
		}
	}
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	flushes, readable := r.disk.count()
	busy, timed := processor()
	v, err := fire(ctx, e.addr, m, conns, d)
	if err != nil {
		return shot{}, err
	}
	flushed, _ := r.disk.count()
	busier, _ := processor()
	runtime.ReadMemStats(&m1)
	n := v.answered
	if e.stream != "" {
		if n, err = s.distinct(ctx, e.stream, before); err != nil {
			return shot{}, err
		}
		if n != v.answered {
			return shot{}, fmt.Errorf("%d leads were answered and %s holds %d of them", v.answered, e.stream, n)
		}
	}
	out := shot{
		rate: float64(n) / v.took.Seconds(),
		p50:  ms(v.p50), p99: ms(v.p99),
		flushes: math.NaN(), cpu: math.NaN(),
		allocs: float64(m1.Mallocs-m0.Mallocs) / float64(n),
		bytes:  float64(m1.TotalAlloc-m0.TotalAlloc) / float64(n),
	}
	if readable {
		out.flushes = float64(flushed-flushes) / float64(n)
	}
	if timed {
		out.cpu = ms(busier-busy) * 1000 / float64(n)
	}
	return out, nil
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
