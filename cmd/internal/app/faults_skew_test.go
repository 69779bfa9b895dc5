//go:build unix

package app

import (
	"context"
	"flag"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

var faultsOther = flag.String("faults.other", "", "path of the mekong of another version, for TestVersionSkew")

// Processes of two versions work on one NATS, as in a rolling upgrade, and each is now of
// the one and now of the other, in any order: there and back. What was accepted is in every
// destination once.
//
//	go test ./cmd/internal/app -run TestVersionSkew -faults.for 2m -faults.other /path/of/the/other/mekong
func TestVersionSkew(t *testing.T) {
	if *faultsOther == "" {
		t.Skip("it needs the mekong of another version: -faults.other PATH")
	}
	most, seed := howLong(t, 15*time.Second)
	w := newWorld(t, 1, 6*time.Second, seed)
	all := append(append([]*proc(nil), w.doors...), w.workers...)
	for _, p := range all {
		p.other = *faultsOther
	}
	w.start()
	var swaps []*nemesis
	for _, p := range all {
		swaps = append(swaps, &nemesis{name: p.name + " replaced by the other version", do: func(ctx context.Context, _ *world, rnd *rand.Rand) {
			p.busy.Lock()
			defer p.busy.Unlock()
			p.end(syscall.SIGTERM)
			p.mu.Lock()
			if p.other == "" {
				p.other = *faultsOther
			} else {
				p.other = ""
			}
			p.mu.Unlock()
			p.start()
			_ = pause(ctx, time.Duration(rnd.IntN(2000))*time.Millisecond)
		}})
	}
	w.suffer(t, most, 80, swaps, 2*time.Second, seed)
	for _, n := range swaps {
		if n.n.Load() == 0 {
			t.Errorf("%s: never", n.name)
		}
	}
}
