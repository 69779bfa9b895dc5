package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/worker"
	"mekong/sinks/mongodb/local"
	"mekong/transform"
)

// measureMemory looks at how large the process is: with everything open and
// nothing to do, with many leads waiting, and while it moves them.
func measureMemory(ctx context.Context, r *run) ([]Line, error) {
	const title = "memory"
	n := r.scaled(50_000, 1000)
	dir, remove, err := r.folder(title)
	if err != nil {
		return nil, err
	}
	defer remove()
	r.Say("memory: an empty start")
	_, readable := resident()
	var empty, waiting, peak float64
	if _, err := r.start(ctx, dir, func(context.Context, *system) error {
		empty = idleSize()
		return nil
	}); err != nil {
		return nil, err
	}
	if _, err := r.start(ctx, dir, func(ctx context.Context, s *system) error {
		r.Say(fmt.Sprintf("memory: filling with %d leads", n))
		return s.store.feed(ctx, newMint(), n)
	}); err != nil {
		return nil, err
	}
	r.Say("memory: starting with them, and moving them")
	took, err := r.start(ctx, dir, func(ctx context.Context, s *system) error {
		waiting = idleSize()
		resetPeak()
		err := s.work(ctx, n, 4*r.Leg)
		peak, _ = peakResident()
		return err
	})
	if err != nil {
		return nil, err
	}
	with := fmt.Sprintf(", %s leads waiting", number(float64(n)))
	lines := []Line{plainLine(title, "start to accepting"+with, "s", atMost(10), []float64{took.Seconds()})}
	if !readable {
		return append(lines, noLine(title, "resident memory", unreadable)), nil
	}
	return append(lines,
		plainLine(title, "resident, idle", "MiB", atMost(80), []float64{empty}),
		plainLine(title, "resident, idle"+with, "MiB", nil, []float64{waiting}),
		plainLine(title, "most resident while they are delivered", "MiB", nil, []float64{peak})), nil
}

// system is everything that `mekong run` opens, without the console.
type system struct {
	store   *store
	door    *entrance
	archive *archive
}

// start opens everything over dir, as `mekong run` does, and closes it after do.
// It says how long it took until a lead could come in.
func (r *run) start(ctx context.Context, dir string, do func(context.Context, *system) error) (_ time.Duration, err error) {
	began := time.Now()
	s := &system{}
	if s.store, err = openStore(ctx, filepath.Join(dir, "n")); err != nil {
		return 0, err
	}
	defer s.store.Close()
	if s.door, err = s.store.ourDoor(); err != nil {
		return 0, err
	}
	defer s.door.close()
	if err := s.store.RecentIDs(ctx, began.Add(-20*time.Minute), func(_, id string, at time.Time) { s.door.warm(id, at) }); err != nil {
		return 0, err
	}
	s.archive, err = openArchive(ctx, filepath.Join(dir, "m"))
	if err == nil {
		defer s.archive.close()
	} else if !errors.Is(err, local.ErrLeftOut) {
		return 0, err
	}
	return time.Since(began), do(ctx, s)
}

// work moves what waits into the archive, or into nothing where there is none,
// until n records are there or the time is up.
func (s *system) work(ctx context.Context, n int, most time.Duration) error {
	of, err := transform.New("landing", nil, nil)
	if err != nil {
		return err
	}
	var sink pipeline.Sink = newTally(n, nil)
	if s.archive != nil {
		coll, err := s.archive.next(ctx)
		if err != nil {
			return err
		}
		if sink, err = s.archive.open(coll); err != nil {
			return err
		}
	}
	defer sink.Close()
	w := &watched{Sink: sink, want: n, done: make(chan struct{}), settled: make(map[string]struct{}, n)}
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &worker.Transform{Bus: s.store.Bus, Of: func(pipeline.Raw) pipeline.Transform { return of }}
	ended := make(chan error, 1)
	go func() { ended <- t.Run(working) }()
	stop := s.store.deliver("archive", w, sinkLimits)
	select {
	case <-w.done:
	case <-time.After(most):
	case <-ctx.Done():
	}
	cancel()
	return errors.Join(ctx.Err(), <-ended, stop())
}

// idleSize is the size once the garbage is gone and its memory given back, which
// Go does by itself within minutes.
func idleSize() float64 {
	debug.FreeOSMemory()
	mib, _ := resident()
	return mib
}

// resident and peakResident read the size of this process, in MiB, from the
// kernel; false where it does not tell.
func resident() (mib float64, ok bool)     { return procStatus("VmRSS:") }
func peakResident() (mib float64, ok bool) { return procStatus("VmHWM:") }

func procStatus(field string) (mib float64, ok bool) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == field {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1024, err == nil
		}
	}
	return 0, false
}

// resetPeak makes the kernel forget the peak of what was measured before (proc(5),
// clear_refs). Where it will not, the peak is that of the process so far.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
