package token

import (
	"context"
	"errors"
	"time"

	"mekong/pipeline"
)

// flight is one attempt to get a token, for everybody who wants one meanwhile.
type flight struct {
	done  chan struct{}
	token Token
	err   error
	since int // refusals when it began
}

// launch begins work beside its callers: none of them going away stops it, limit
// does. landed sees the result before any caller.
func launch(ctx context.Context, limit time.Duration, since int, work func(context.Context) (Token, error), landed func(*flight)) *flight {
	f := &flight{done: make(chan struct{}), since: since, err: errors.New("the attempt to get a token did not finish")}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		defer close(f.done)
		defer func() { landed(f) }()
		defer func() {
			if p := recover(); p != nil {
				f.token, f.err = Token{}, pipeline.Recovered(p)
			}
		}()
		f.token, f.err = work(ctx)
	}()
	return f
}

// wait returns what the flight brought, or ctx's error if that ends first.
func (f *flight) wait(ctx context.Context) (Token, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
}

// storm is a breaker: it counts attempts, successful ones too, and says when there
// were too many of them.
type storm struct {
	limit  int
	window time.Duration
}

// after is how long to wait before one more attempt after those at times, which are
// in order; 0: now.
func (s storm) after(times []time.Time, now time.Time) time.Duration {
	if len(times) < s.limit {
		return 0
	}
	oldest := times[len(times)-s.limit]
	return max(0, oldest.Add(s.window).Sub(now))
}

// add notes an attempt, and forgets those that no longer matter.
func (s storm) add(times []time.Time, now time.Time) []time.Time {
	times = append(times, now)
	if extra := len(times) - s.limit; extra > 0 {
		times = append(times[:0:0], times[extra:]...)
	}
	return times
}
