//go:build unix

package app

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mekong/pipeline/bus"
)

// Under load the cluster is killed again and again, so that answers are lost, and the
// gateway is. What was accepted becomes one record.
func TestGatewayUnderFire(t *testing.T) {
	most, seed := howLong(t, 0)
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBeyond(t)
	addr := b.free()
	process := func(name, addr, role string, gateway bool) *proc {
		conf := b.file(name+".yaml", b.conf(name, addr, gateway))
		return newProc(t, b.logs, name, "mekong", []string{"MEKONG_TEST_SILENCE=" + b.silence.String()}, conf, role)
	}
	gateway, worker := process("gateway", addr, RoleIntake, true), process("worker", "127.0.0.1:0", RoleTransform, false)
	gateway.start()
	s := newSenders([]string{addr})
	poll(t, time.Minute, func() string {
		gateway.again()
		resp, err := http.Get("http://" + addr + "/healthz")
		if err != nil {
			return err.Error()
		}
		_ = resp.Body.Close()
		return ""
	})
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 12 {
		load.Go(func() {
			for ctx.Err() == nil {
				s.lead(ctx)
			}
		})
	}
	kills := map[string]int{}
	began := time.Now()
	for round := 0; round < 6 || time.Since(began) < most; round++ {
		b.servers[0].start()
		if round == 0 {
			b.open(30 * time.Second).Close()
			worker.start()
		}
		_ = pause(ctx, 300*time.Millisecond+time.Duration(rnd.IntN(1200))*time.Millisecond)
		if round%2 == 1 {
			gateway.end(syscall.SIGKILL)
			kills["gateway"]++
			gateway.start()
			_ = pause(ctx, time.Duration(rnd.IntN(800))*time.Millisecond)
		}
		b.servers[0].end(syscall.SIGKILL)
		kills["cluster"]++
		_ = pause(ctx, time.Duration(rnd.IntN(1000))*time.Millisecond)
		worker.again()
	}
	cancel()
	load.Wait()
	b.servers[0].start()
	worker.again()
	far := b.open(30 * time.Second)
	defer far.Close()
	var held rows
	deadline := time.Now().Add(2 * time.Minute)
	for {
		worker.again()
		gateway.again()
		held = rows{}
		err := far.Walk(t.Context(), bus.Records, bus.Span{}, func(k bus.Kept) error {
			r, err := k.Record()
			address, _ := r.Fields["email"].(string)
			held[address] = append(held[address], r.ID)
			return err
		})
		if n := s.missing(held); n == 0 && err == nil {
			t.Logf("everything was a record %s after the last start", time.Since(deadline.Add(-2*time.Minute)).Round(time.Millisecond))
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d are missing (%v)", n, err)
		}
		_ = pause(t.Context(), 200*time.Millisecond)
	}
	stored, lost, doubled := s.check(t, "RECORDS", held)
	t.Logf("killed %v, accepted %d, records %d, lost %d, doubled %d, requests that failed %d", kills, s.saved, stored, lost, doubled, s.fails)
	gateway.end(syscall.SIGTERM)
	gateway.said(t)
	// The cluster has them in the order of the gateway.
	c := b.config("gateway", true)
	edge := &App{config: c, log: slog.New(slog.DiscardHandler)}
	defer edge.Close()
	if all, err := edge.peekEdge(t.Context()); err != nil || all[0].Waiting != 0 {
		t.Errorf("the gateway stands at %+v (%v)", all, err)
	}
	place := map[string]int{}
	err := edge.Bus.Walk(t.Context(), bus.Deliveries, bus.Span{}, func(k bus.Kept) error {
		r, err := k.Raw()
		place[r.ID] = len(place)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, id := range b.deliveries(bus.Deliveries) {
		if place[id] != n {
			t.Fatalf("%s is at place %d of %d in the cluster, and was at %d", id, n, len(place), place[id])
		}
		n++
	}
	if graves, err := far.Graves(t.Context(), "", 0, 10); err != nil || len(graves) > 0 {
		t.Errorf("buried: %v (%v)", graves, err)
	}
}

// TestGateway is TestFaults with gateways for doors: they take in whatever happens to
// the servers.
func TestGateway(t *testing.T) {
	most, seed := howLong(t, 10*time.Second)
	w := newWorld(t, 1, 6*time.Second, seed)
	w.gateways()
	w.start()
	w.suffer(t, most, 80, nemeses(), *faultsPace, seed)
}

// TestGatewayCluster is TestCluster with gateways for doors, and with all servers away
// now and then.
func TestGatewayCluster(t *testing.T) {
	if *faultsFor == 0 {
		t.Skip("it takes minutes: go test ./cmd/internal/app -run TestGatewayCluster -faults.for 3m")
	}
	most, seed := howLong(t, 0)
	w := newWorld(t, 3, 6*time.Second, seed)
	w.gateways()
	w.start()
	all := &nemesis{name: "kill -9 of all servers", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
		for _, p := range w.servers {
			p.busy.Lock()
			defer p.busy.Unlock()
			p.end(syscall.SIGKILL)
		}
		_ = pause(ctx, time.Duration(rnd.IntN(5000))*time.Millisecond)
		for _, p := range w.servers {
			p.start()
		}
	}}
	door := &nemesis{name: "kill -9 of a gateway", do: func(ctx context.Context, w *world, rnd *rand.Rand) { killed(ctx, some(rnd, w.doors), rnd) }}
	w.suffer(t, most, 80, []*nemesis{leaderKilled(), all, door}, 8*time.Second, seed)
}

// gateways makes the doors gateways, each with a folder of its own.
func (w *world) gateways() {
	w.t.Helper()
	for i, p := range w.doors {
		text, err := os.ReadFile(p.args[0])
		if err != nil {
			w.t.Fatal(err)
		}
		was := fmt.Sprintf("data_dir: %q", filepath.Join(w.dir, "data"))
		conf := strings.Replace(string(text), was, fmt.Sprintf("data_dir: %q", filepath.Join(w.dir, fmt.Sprint("gateway", i))), 1)
		conf = strings.Replace(conf, "nats: { url:", "nats: { gateway: true, url:", 1)
		if err := os.WriteFile(p.args[0], []byte(conf), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}
