package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"mekong/pipeline"
)

// watched is a sink with somebody looking on. What it is told is what the
// worker is told, and at the same moment.
type watched struct {
	pipeline.Sink
	watch *watch
}

func (w watched) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := w.Sink.Write(ctx, batch)
	now := time.Now()
	for i := range min(len(batch), len(out)) {
		if out[i].Err == nil {
			w.watch.storedAt(batch[i].ID, batch[i].Key, now)
		}
	}
	return out
}

// watch follows single leads from the moment their sender has the answer to the
// moment the sink says that they are stored, and remembers which came last. It
// may be used from any number of goroutines. What it holds is bounded.
type watch struct {
	mu       sync.Mutex
	accepted lately[time.Time] // answered and not yet stored, by ID
	stored   lately[time.Time] // stored and not yet answered
	count    int64
	took     samples
	recent   []string // keys, oldest first
}

// recentMost is how many rows the landing page shows.
const recentMost = 12

func newWatch() *watch { return &watch{} }

// acceptedAt notes the first 200 for a lead. One that is stored before its
// sender has read the answer took no time at all.
func (w *watch) acceptedAt(id string, t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.stored.take(id); ok {
		w.took.add(max(0, s.Sub(t)))
		return
	}
	w.accepted.put(id, t)
}

func (w *watch) storedAt(id, key string, t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	w.note(key)
	if a, ok := w.accepted.take(id); ok {
		w.took.add(max(0, t.Sub(a)))
		return
	}
	w.stored.put(id, t)
}

// remember puts a row among the latest.
func (w *watch) remember(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(key)
}

func (w *watch) note(key string) {
	if slices.Contains(w.recent, key) {
		return
	}
	if len(w.recent) == recentMost {
		w.recent = slices.Delete(w.recent, 0, 1)
	}
	w.recent = append(w.recent, key)
}

// latest are the keys of the latest rows, newest first.
func (w *watch) latest() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Clone(w.recent)
	slices.Reverse(out)
	return out
}

// writes is how many records the sink has said were stored.
func (w *watch) writes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

func (w *watch) latency() spread {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.took.spread()
}

// lately is a map that forgets its oldest half when it is full: what a stranger
// sends, or what is never answered, must not fill the memory.
type lately[V any] struct{ young, old map[string]V }

const latelyHalf = 1 << 17

func (l *lately[V]) put(k string, v V) {
	if l.young == nil || len(l.young) >= latelyHalf {
		l.old, l.young = l.young, map[string]V{}
	}
	l.young[k] = v
}

func (l *lately[V]) has(k string) bool {
	_, young := l.young[k]
	_, old := l.old[k]
	return young || old
}

func (l *lately[V]) take(k string) (V, bool) {
	v, ok := l.young[k]
	if ok {
		delete(l.young, k)
		return v, true
	}
	if v, ok = l.old[k]; ok {
		delete(l.old, k)
	}
	return v, ok
}

// samples are measured times; of more than samplesMost the latest.
type samples struct {
	list []time.Duration
	next int
}

const samplesMost = 1 << 20

func (s *samples) add(d time.Duration) {
	if len(s.list) < samplesMost {
		s.list = append(s.list, d)
		return
	}
	s.list[s.next] = d
	s.next = (s.next + 1) % samplesMost
}

// spread is the middle and the tail of what was measured.
type spread struct {
	n        int
	p50, p99 time.Duration
}

func (s *samples) spread() spread {
	n := len(s.list)
	if n == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(s.list))
	// The nearest rank: the smallest value that so many are not above.
	rank := func(percent int) time.Duration { return sorted[(n*percent+99)/100-1] }
	return spread{n, rank(50), rank(99)}
}
