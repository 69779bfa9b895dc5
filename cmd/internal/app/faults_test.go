//go:build unix

package app

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline/bus"
)

var (
	faultsFor  = flag.Duration("faults.for", 0, "how long TestFaults goes on; 0: as long as CI has time for")
	faultsOnly = flag.String("faults.only", "", "what happens in TestFaults: all that has this in its name")
	faultsPace = flag.Duration("faults.every", 700*time.Millisecond, "how often something happens in TestFaults, for each of two who see to it")
	faultsSeed = flag.Uint64("faults.seed", 0, "what TestFaults does, and when; 0: something new")
)

// howLong is how long a test goes on, usually or as the flags say, and the seed of what
// happens in it.
func howLong(t *testing.T, usually time.Duration) (most time.Duration, seed uint64) {
	t.Helper()
	most, seed = *faultsFor, *faultsSeed
	if most == 0 {
		most = usually
	}
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("the seed is %d", seed)
	return most, seed
}

// Everything that can be killed, stopped, revoked, refused or taken away is, in an order
// that the seed decides, with leads coming in all the time and the vendors losing one
// answer in ten. What was accepted is in every destination once.
func TestFaults(t *testing.T) {
	most, seed := howLong(t, 15*time.Second)
	all := slices.DeleteFunc(nemeses(), func(n *nemesis) bool { return !strings.Contains(n.name, *faultsOnly) })
	w := newWorld(t, 1, 6*time.Second, seed)
	w.start()
	w.suffer(t, most, 80, all, *faultsPace, seed)
}

// suffer sends leads for that long while nemeses are about, waits until what was
// accepted has arrived, and holds everything against everything.
func (w *world) suffer(t *testing.T, most time.Duration, rate int, all []*nemesis, every time.Duration, seed uint64) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	faults := w.arm()
	s := newSenders(w.addrs)
	poll(t, time.Minute, func() string {
		w.revive()
		if !s.insist(ctx, "/in/people", "application/x-www-form-urlencoded", []byte("name=A&phone=0910000000&message=0&email="+personMail(0))) {
			return "no door takes a lead"
		}
		return ""
	})
	var about sync.WaitGroup
	for i := range uint64(2) {
		about.Go(func() { w.torment(ctx, all, rand.New(rand.NewPCG(seed, i)), every) })
	}
	stored := w.watch(ctx)
	s.at = time.Now()
	s.run(ctx, rate, rand.New(rand.NewPCG(seed, 2)))
	about.Wait()
	for _, f := range faults {
		f.remove()
	}
	w.revive()

	w.drain(t, s)
	drained := time.Since(began) - most
	// Whatever would be written twice has the time to be.
	b := w.open(10 * time.Second)
	defer b.Close()
	poll(t, 2*time.Minute, func() string { w.revive(); return w.waiting(t, b) })
	held := w.all()

	var table strings.Builder
	row := func(what string, v any) { fmt.Fprintf(&table, "%-36s %v\n", what, v) }
	for _, n := range all {
		row(n.name, n.n.Load())
	}
	for _, f := range faults {
		row(f.name, f.struck())
	}
	row("requests that were not answered 200", s.fails)
	row("accepted", s.saved)
	for _, where := range []string{"archive", "crm", "sales"} {
		stored, lost, doubled := s.check(t, where, held[where])
		row(where, fmt.Sprintf("%d rows, lost %d, doubled %d", stored, lost, doubled))
	}
	graves, err := b.Graves(t.Context(), "", 0, 1000)
	if err != nil {
		t.Error(err)
	}
	row("buried", len(graves))
	for _, g := range graves {
		t.Errorf("buried at %s: %s", g.Stage, g.Reason)
	}
	row("longest time that nothing was accepted", s.gap.Round(time.Millisecond))
	row("longest time that the Base got no row", (<-stored).Round(time.Millisecond))
	row("everything stored after the end", drained.Round(time.Millisecond))
	for _, p := range append(append([]*proc(nil), w.doors...), w.workers...) {
		p.end(syscall.SIGTERM)
		row(p.name, fmt.Sprintf("%d MiB at most, ended by itself %d times", p.most>>20, p.crashes))
		if p.most > 1<<30 {
			t.Errorf("%s took %d MiB", p.name, p.most>>20)
		}
		p.said(t)
	}
	t.Logf("seed %d, %s\n%s", seed, most, &table)
}

// drain waits until every destination has what was accepted, for as long as what is
// missing becomes less. To look costs the machine more the more there is.
func (w *world) drain(t *testing.T, s *senders) {
	t.Helper()
	least, since := math.MaxInt, time.Now()
	for {
		began := time.Now()
		w.revive()
		missing, where := 0, ""
		for name, r := range w.all() {
			if n := s.missing(r); n > 0 {
				missing, where = missing+n, fmt.Sprintf("%s, %d in %s", where, n, name)
			}
		}
		switch {
		case missing == 0:
			return
		case missing < least:
			least, since = missing, time.Now()
		case time.Since(since) > 3*time.Minute:
			t.Fatalf("for %s no less is missing%s", time.Since(since).Round(time.Second), where)
		}
		_ = pause(t.Context(), 500*time.Millisecond+4*time.Since(began))
	}
}

// watch measures, until ctx ends, the longest time that the Base got no row.
func (w *world) watch(ctx context.Context) <-chan time.Duration {
	out := make(chan time.Duration, 1)
	go func() {
		var longest time.Duration
		n, at := w.base.RowCount(worldBase, w.table), time.Now()
		for pause(ctx, 20*time.Millisecond) == nil {
			if now := w.base.RowCount(worldBase, w.table); now > n {
				longest = max(longest, time.Since(at))
				n, at = now, time.Now()
			}
		}
		out <- longest
	}()
	return out
}

// said looks through what a process wrote for what must never be there, and tells why
// it ended by itself.
func (p *proc) said(t testing.TB) {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(text)) {
		for _, bad := range []string{"panic:", "fatal error:", "does not add up"} {
			if strings.Contains(line, bad) {
				t.Errorf("%s: %s", p.name, line)
			}
		}
		if strings.HasPrefix(line, p.kind+":") {
			t.Logf("%s ended: %s", p.name, strings.TrimSpace(line))
		}
	}
}

// waiting says which queue is not empty; "" when all are.
func (w *world) waiting(t testing.TB, b *bus.Bus) string {
	l := b.NewLedger()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { _ = l.Run(ctx) }() // it ends with ctx
	lines, err := l.Balance(ctx, []bus.SinkAccept{{Name: "archive", Accept: []string{"lead"}}, {Name: "crm", Accept: []string{"lead"}}, {Name: "sales", Accept: []string{"lead"}}})
	if err != nil {
		return err.Error()
	}
	for _, l := range lines {
		if l.Waiting != 0 || l.Missing != 0 {
			return fmt.Sprintf("%+v", l)
		}
	}
	return ""
}

// Three servers that keep everything three times, and the one that leads the stream of
// what came in is killed every ten seconds.
func TestCluster(t *testing.T) {
	if *faultsFor == 0 {
		t.Skip("it takes minutes: go test ./cmd/internal/app -run TestCluster -faults.for 3m")
	}
	most, seed := howLong(t, 0)
	w := newWorld(t, 3, 6*time.Second, seed)
	w.start()
	leader := leaderKilled()
	w.suffer(t, most, 80, []*nemesis{leader}, 10*time.Second, seed)
	if leader.n.Load() == 0 {
		t.Error("no leader was ever killed")
	}
}

func leaderKilled() *nemesis {
	return &nemesis{name: "kill -9 of the leader", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
		killed(ctx, w.leader(ctx), rnd)
	}}
}

// leader is the server that leads RAW.
func (w *world) leader(ctx context.Context) *proc {
	c, err := nats.Connect(w.urls, nats.Token(worldToken))
	if err != nil {
		return w.servers[0] // it may be gone, which is asked again next time
	}
	defer c.Close()
	js, err := jetstream.New(c)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var s jetstream.Stream
		if s, err = js.Stream(ctx, "RAW"); err == nil {
			for _, p := range w.servers {
				if i := s.CachedInfo().Cluster; i != nil && "nats"+i.Leader[1:] == p.name {
					return p
				}
			}
		}
	}
	w.t.Logf("the leader is not known: %v", err)
	return w.servers[0]
}
