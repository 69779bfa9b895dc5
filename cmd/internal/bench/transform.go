package bench

import (
	"context"
	"fmt"
	"time"

	"mekong/pipeline"
	"mekong/sources/identity"
	"mekong/sources/ladipage"
	"mekong/sources/request"
	"mekong/transform"
)

// stageBatch is how many deliveries a round of either loop takes.
const stageBatch = 500

// measureTransform compares the transform stage, from RAW to RECORDS, with a
// loop that fetches, publishes what it fetched, and acknowledges.
func measureTransform(ctx context.Context, r *run) ([]Line, error) {
	builtIn, err := transform.New("landing", nil, nil)
	if err != nil {
		return nil, err
	}
	dir, remove, err := r.folder("transform")
	if err != nil {
		return nil, err
	}
	defer remove()
	s, err := openStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	n := r.scaled(20_000, 1000)
	bare, err := s.newPasser(ctx, "BARE")
	if err != nil {
		return nil, err
	}
	again, err := s.newPasser(ctx, "AGAIN")
	if err != nil {
		return nil, err
	}
	stage := s.newStage(builtIn)
	defer stage.stop()
	m := newMint()
	// The three read the same deliveries, each with a place of its own.
	fill := func(ctx context.Context) error { return s.feed(ctx, m, n) }
	got, err := rounds(ctx, r, "transform", fill,
		func(ctx context.Context) (float64, error) { return bare.pass(ctx, n) },
		func(ctx context.Context) (float64, error) { return stage.pass(ctx, n) },
		func(ctx context.Context) (float64, error) { return again.pass(ctx, n) },
		func(context.Context) (float64, error) { return alone(builtIn, m, r.Leg/4) })
	if err != nil {
		return nil, err
	}
	return []Line{
		ratioLine("transform", "records/s ÷ a loop that only passes on", atLeast(0.6), got[1], got[0], got[2]),
		plainLine("transform", "records/s of the transform alone, one core", "/s", atLeast(150_000), got[3]),
		plainLine("transform", fmt.Sprintf("records, batches of %d", stageBatch), "/s", nil, got[1]),
		plainLine("transform", "passed on, bare", "/s", nil, got[0]),
	}, nil
}

// delivery is lead n as the door would have made it.
func delivery(m *mint, n uint64) pipeline.Raw {
	body := m.form(n)
	return pipeline.Raw{
		ID: identity.Hashed("landing", identity.Sum(body)), Source: "landing", Format: ladipage.Format,
		Received: time.Now().UTC(), Body: body,
		Meta: map[string]string{
			request.ContentType: "application/x-www-form-urlencoded", request.Origin: "https://khoahoc.example.vn",
			request.Referer: "https://khoahoc.example.vn/ielts", request.ClientIP: "127.0.0.1", request.Path: doorPath,
			request.UserAgent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36",
		},
	}
}

// feed puts n deliveries in RAW.
func (s *store) feed(ctx context.Context, m *mint, n int) error {
	for n > 0 {
		raws := make([]pipeline.Raw, min(n, stageBatch))
		first := m.numbers(len(raws))
		for i := range raws {
			raws[i] = delivery(m, first+uint64(i))
		}
		if err := s.Emit(ctx, raws...); err != nil {
			return err
		}
		n -= len(raws)
	}
	return nil
}
