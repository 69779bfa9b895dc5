package console

import (
	"context"
	"sync"
	"time"
)

const (
	sampleEvery = 10 * time.Second       // into the history
	watchEvery  = 500 * time.Millisecond // while somebody looks
	sampleLimit = 5 * time.Second        // for one reading
	rateOver    = 10 * time.Second       // what "now" means in a rate
)

// sampler asks how everything stands: for the history all the time, and oftener while
// somebody looks. Any number of lookers share one reading.
type sampler struct {
	ask func(context.Context) (Snapshot, error)
	now func() time.Time

	reading sync.Mutex // one at a time

	mu      sync.Mutex
	last    sight
	failed  error
	recent  []sight // over rateOver and one more
	history *history
	eyes    map[chan struct{}]bool
	wake    chan struct{} // somebody began to look
}

func newSampler(ask func(context.Context) (Snapshot, error), now func() time.Time) *sampler {
	return &sampler{ask: ask, now: now, history: newHistory(), eyes: map[chan struct{}]bool{}, wake: make(chan struct{}, 1)}
}

// follow reads until ctx ends.
func (s *sampler) follow(ctx context.Context) {
	kept := time.Time{}
	for ctx.Err() == nil {
		if err := s.read(ctx); err == nil && s.now().Sub(kept) >= sampleEvery {
			kept = s.now()
			s.keep()
		}
		wait := sampleEvery
		if s.watched() {
			wait = watchEvery
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-s.wake:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// read asks once, and tells who looks.
func (s *sampler) read(ctx context.Context) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	got, err := s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed = err; err == nil {
		s.enter(sight{Snapshot: got, At: s.now()})
	}
	for eye := range s.eyes {
		select {
		case eye <- struct{}{}:
		default: // it has not seen the last one yet
		}
	}
	return err
}

// enter works the rates out of what went before. It needs s.mu.
func (s *sampler) enter(n sight) {
	for len(s.recent) > 1 && n.At.Sub(s.recent[1].At) >= rateOver {
		s.recent = s.recent[1:]
	}
	n.Stored, n.Arrived = make([]float64, len(n.Sinks)), make([]float64, len(n.Sources))
	if len(s.recent) > 0 {
		before := s.recent[0]
		if took := n.At.Sub(before.At).Seconds(); took > 0 && len(before.Sinks) == len(n.Sinks) && len(before.Sources) == len(n.Sources) {
			for i := range n.Sinks {
				n.Stored[i] = perSecond(n.Sinks[i].Balance.Stored-before.Sinks[i].Balance.Stored, took)
			}
			for i := range n.Sources {
				n.Arrived[i] = perSecond(n.Sources[i].Accepted-before.Sources[i].Accepted, took)
			}
			n.In = perSecond(n.taken()-before.taken(), took)
		}
	}
	s.last = n
	s.recent = append(s.recent, n)
}

func perSecond(n int64, seconds float64) float64 { return max(0, float64(n)/seconds) }

// taken is how many were accepted in all; what the sinks were meant to get says it
// for every process together.
func (s Snapshot) taken() (n int64) {
	for _, one := range s.Sinks {
		n = max(n, one.Balance.Accepted)
	}
	if len(s.Sinks) == 0 {
		for _, one := range s.Sources {
			n += one.Accepted
		}
	}
	return n
}

// keep puts the last reading into the history.
func (s *sampler) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history.add(s.last)
}

// look gives a reading no older than a second.
func (s *sampler) look(ctx context.Context) (sight, error) {
	s.mu.Lock()
	fresh := s.now().Sub(s.last.At) < time.Second
	s.mu.Unlock()
	if !fresh {
		if err := s.read(ctx); err != nil {
			return sight{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, nil
}

// latest gives the last reading as it is, and whether the last try failed.
func (s *sampler) latest() (sight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.failed
}

func (s *sampler) watched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.eyes) > 0
}

// eyesMost bounds how many pages are kept current at once.
const eyesMost = 50

// watch has a channel told of every reading until stop is called; ok is false when
// too many look already.
func (s *sampler) watch() (eye <-chan struct{}, stop func(), ok bool) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.eyes) >= eyesMost {
		return nil, nil, false
	}
	s.eyes[ch] = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.eyes, ch)
	}, true
}
