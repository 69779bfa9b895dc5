package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline/bus"
)

// sending is the senders' own account: what they sent and what they were told.
type sending struct {
	mu       sync.Mutex
	next     uint64
	ids      map[uint64]string // accepted, by lead
	unknown  []uint64          // sent in the last round, and not answered in full
	given    []uint64          // not answered in full, and not sent again
	accepted int               // in this round
	refused  time.Time         // when the first of this round was not answered; zero: all were

	look func(sink string, d app.Document) // at each that is stored; nil: not
}

// burst sends distinct leads over several connections until ctx ends. Nothing
// is sent twice.
func (s *sending) burst(ctx context.Context, door string, connections int) {
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				s.mu.Lock()
				n := s.next
				s.next++
				s.mu.Unlock()
				id, err := submit(context.WithoutCancel(ctx), door, n)
				s.mu.Lock()
				if err == nil {
					s.ids[n] = id
					s.accepted++
				} else {
					s.unknown = append(s.unknown, n)
					if s.refused.IsZero() {
						s.refused = time.Now()
					}
				}
				s.mu.Unlock()
				if err != nil {
					return // nobody is there any more
				}
			}
		})
	}
	wg.Wait()
}

// again sends every second of those that were not answered once more, the same
// to the byte. Who sent the others gives up.
func (s *sending) again(t *testing.T, door string) {
	t.Helper()
	for i, n := range s.unknown {
		if i%2 == 1 {
			s.given = append(s.given, n)
			continue
		}
		id, err := submit(t.Context(), door, n)
		if err != nil {
			t.Fatalf("a lead sent again: %v", err)
		}
		s.ids[n] = id
	}
	s.unknown = nil
}

// stored opens the folder in this process, waits until nothing waits, and holds
// what is in each MongoDB against what was sent.
func (s *sending) stored(t *testing.T, path string) {
	t.Helper()
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, app.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	began := time.Now()
	var lines []bus.Balance
	await(t, time.Minute, func() string {
		select {
		case err := <-ran:
			t.Fatalf("the app ended by itself: %v", err)
		default:
		}
		if lines, err = a.Balance(ctx); err != nil {
			return err.Error()
		}
		for _, line := range lines {
			if line.Waiting != 0 || line.Missing != 0 {
				return fmt.Sprintf("%+v", line)
			}
		}
		return ""
	})
	t.Logf("everything was stored %s after the last start: %+v", time.Since(began).Round(time.Millisecond), lines)
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	s.given = append(s.given, s.unknown...)
	s.unknown = nil
	for _, line := range lines {
		s.held(t, a, line)
	}
}

// held holds what is in the MongoDB of one sink against what was sent.
func (s *sending) held(t *testing.T, a *app.App, line bus.Balance) {
	t.Helper()
	far, err := a.FarEnd(line.Sink)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }() // it has only read
	docs, err := far.Recent(t.Context(), int(s.next)*2+10)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := far.Count(t.Context()); err != nil || n != int64(len(docs)) || n != line.Stored {
		t.Errorf("%s: %d documents (%v), %d were read, and the balance says %d", line.Sink, n, err, len(docs), line.Stored)
	}
	byMail := map[string]string{} // → ID
	for _, d := range docs {
		if s.look != nil {
			s.look(line.Sink, d)
		}
		address, _ := d.Fields["email"].(string)
		if other, twice := byMail[address]; twice {
			t.Errorf("%s: %s is stored twice, as %s and %s", line.Sink, address, other, d.ID)
		}
		byMail[address] = d.ID
	}
	lost := 0
	for n, id := range s.ids {
		address := fmt.Sprintf("lead%d@example.com", n)
		if byMail[address] != id {
			lost++
			t.Errorf("%s: lead %d was accepted as %s, and is stored as %q", line.Sink, n, id, byMail[address])
		}
		delete(byMail, address)
	}
	found := 0
	for _, n := range s.given {
		address := fmt.Sprintf("lead%d@example.com", n)
		if byMail[address] != "" {
			found++
		}
		delete(byMail, address)
	}
	for address := range byMail {
		t.Errorf("%s: %s is stored and was never sent", line.Sink, address)
	}
	t.Logf("%s: %d leads sent, %d accepted, %d lost; of %d never answered %d are stored", line.Sink, s.next, len(s.ids), lost, len(s.given), found)
}

// TestKill9 kills the program, without warning and under load, twenty times over
// the same folder. Every lead that was answered 200 is stored exactly once, and
// nothing but what was sent. Of the senders that got no answer half send the
// same again, and half give up.
func TestKill9(t *testing.T) {
	const rounds, connections = 20, 32
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := written(t, t.TempDir(), "")
	s := &sending{ids: map[uint64]string{}}
	for round := range rounds {
		began := time.Now()
		p := run(t, path)
		ready := time.Since(began)
		s.again(t, p.door)
		s.accepted = 0
		delay := time.Duration(20+random.IntN(700)) * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), delay)
		stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
		s.burst(ctx, p.door, connections)
		if stop() {
			t.Fatalf("all connections failed before the kill:\n%s", p.err)
		}
		cancel()
		if code := p.exit(10 * time.Second); code != -1 {
			t.Fatalf("it ended with code %d before it was killed:\n%s", code, p.err)
		}
		t.Logf("round %d: ready in %s, killed after %s, %d accepted", round, ready.Round(time.Millisecond), delay, s.accepted)
	}
	s.stored(t, path)
}
