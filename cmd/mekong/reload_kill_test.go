package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var reloadRounds = flag.Int("reload.rounds", 4, "how often TestKill9AmongReloads kills")

// TestKill9AmongReloads changes the configuration again and again, now and then to a
// wrong one, and kills the program somewhere among that, again and again over the same
// folder. Nobody is turned away by a change, every lead that was answered 200 is in
// every destination once, and nothing else is.
func TestKill9AmongReloads(t *testing.T) {
	const connections = 24
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := &reloads{dir: t.TempDir()}
	r.path = filepath.Join(r.dir, "mekong.yaml")
	right := []string{
		r.holding([]string{landing}, []string{archive, copies}),
		r.holding([]string{landing}, []string{archive}, graded),
		r.holding([]string{landing, former}, []string{archive, copies}, graded, "shutdown_grace: 1s"),
		r.holding([]string{former, landing}, []string{copies, archive}, "timezone: Europe/Paris"),
		"sources: [\n",
		r.holding([]string{landing}, []string{"archive: { mongdb: {} }"}),
	}
	wrong := right[4:]
	right = right[:4]
	s := &sending{ids: map[uint64]string{}}
	changed, amid, refused := 0, 0, 0
	for range *reloadRounds {
		r.write(t, right[random.IntN(len(right))])
		p := run(t, r.path)
		s.again(t, p.door)
		s.accepted, s.refused = 0, time.Time{}
		ctx, cancel := context.WithCancel(t.Context())
		var killed time.Time
		var about sync.WaitGroup
		about.Go(func() {
			defer cancel()
			for range 1 + random.IntN(6) {
				if random.IntN(5) == 0 {
					r.write(t, wrong[random.IntN(len(wrong))])
					refused++
				} else {
					r.write(t, right[random.IntN(len(right))])
				}
				_ = p.cmd.Process.Signal(syscall.SIGHUP) // it runs: nobody else ends it
				_ = pausing(t.Context(), time.Duration(random.IntN(700))*time.Millisecond)
			}
			killed = time.Now()
			_ = p.cmd.Process.Kill()
		})
		s.burst(ctx, p.door, connections)
		about.Wait()
		if code := p.exit(10 * time.Second); code != -1 {
			t.Fatalf("it ended with code %d before it was killed:\n%s", code, p.err)
		}
		if !s.refused.IsZero() && s.refused.Before(killed) {
			t.Errorf("somebody was turned away %s before it was killed:\n%s", killed.Sub(s.refused), p.err)
		}
		log := p.err.String()
		changed += strings.Count(log, inEffect)
		if strings.LastIndex(log, "has changed") > strings.LastIndex(log, "door open") {
			amid++
		}
	}
	t.Logf("%d changes were in effect, %d files were wrong, %d of %d kills came amid a change", changed, refused, amid, *reloadRounds)
	r.write(t, right[0])
	s.stored(t, r.path)
}
