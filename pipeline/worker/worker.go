// Package worker holds the two loops that move things on: [Transform], from RAW
// to RECORDS, and [Deliver], from RECORDS to one sink. Retrying, batching,
// measuring and burying live here and nowhere else; adapters contain none of it.
//
// It does not know which adapters exist or how a stream is kept.
package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"mekong/pipeline/bus"
)

// Pauses are the waits between tries. The zero value is 500 ms doubling to one
// minute.
type Pauses struct {
	First, Most time.Duration
}

// after is the wait before try n+1 (n from 0): exponential with full jitter, so
// that many workers do not come back at once.
func (p Pauses) after(n int) time.Duration {
	if p.First == 0 {
		p.First = 500 * time.Millisecond
	}
	if p.Most == 0 {
		p.Most = time.Minute
	}
	top := p.Most
	if n < 16 && p.First<<n < p.Most {
		top = p.First << n
	}
	return top/2 + rand.N(top/2+1)
}

// sleep waits and reports whether ctx is still live.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepAlive asks for more time every third of wait for what is still in hand,
// until the returned function is called.
func keepAlive[T any](wait time.Duration, inHand func(yield func(*bus.Delivery[T]) bool)) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(wait / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				for d := range inHand {
					_ = d.InProgress() // a lost ping at worst brings a second delivery
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// linger gives work that was begun before ctx ended another grace to end well.
func linger(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-hard.Done():
		}
	})
	return hard, func() { stop(); cancel() }
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
