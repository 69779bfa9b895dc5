//go:build unix

package app

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"

	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

// nemesis is something that happens to a world now and then.
type nemesis struct {
	name string
	do   func(ctx context.Context, w *world, rnd *rand.Rand)
	n    atomic.Int64 // how often it happened
}

func some(rnd *rand.Rand, ps []*proc) *proc { return ps[rnd.IntN(len(ps))] }

// killed ends p at once, and starts it a moment later.
func killed(ctx context.Context, p *proc, rnd *rand.Rand) {
	p.busy.Lock()
	defer p.busy.Unlock()
	p.end(syscall.SIGKILL)
	_ = pause(ctx, time.Duration(rnd.IntN(300))*time.Millisecond)
	p.start()
}

// frozen stops p for a while, as a machine that sleeps or swaps does.
func frozen(ctx context.Context, p *proc, d time.Duration) {
	p.busy.Lock()
	defer p.busy.Unlock()
	p.signal(syscall.SIGSTOP)
	_ = pause(ctx, d)
	p.signal(syscall.SIGCONT)
}

// nemeses are all of them. A freeze of a worker lasts longer than its place is kept.
func nemeses() []*nemesis {
	return []*nemesis{
		{name: "kill -9 of a door", do: func(ctx context.Context, w *world, rnd *rand.Rand) { killed(ctx, some(rnd, w.doors), rnd) }},
		{name: "kill -9 of a worker", do: func(ctx context.Context, w *world, rnd *rand.Rand) { killed(ctx, some(rnd, w.workers), rnd) }},
		{name: "kill -9 of all workers", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
			for _, p := range w.workers {
				p.busy.Lock()
				defer p.busy.Unlock()
			}
			for _, p := range w.workers {
				p.end(syscall.SIGKILL)
			}
			for _, p := range w.workers {
				p.start()
			}
		}},
		{name: "kill -9 of a NATS server", do: func(ctx context.Context, w *world, rnd *rand.Rand) { killed(ctx, some(rnd, w.servers), rnd) }},
		{name: "a NATS server stands still", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
			frozen(ctx, some(rnd, w.servers), 500*time.Millisecond+time.Duration(rnd.IntN(3000))*time.Millisecond)
		}},
		{name: "a NATS server is away", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
			p := some(rnd, w.servers)
			p.busy.Lock()
			defer p.busy.Unlock()
			p.end(syscall.SIGTERM)
			_ = pause(ctx, time.Second+time.Duration(rnd.IntN(2000))*time.Millisecond)
			p.start()
		}},
		{name: "a worker stands still", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
			frozen(ctx, some(rnd, w.workers), w.silence*3/2)
		}},
		{name: "a door stands still", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
			frozen(ctx, some(rnd, w.doors), 2*time.Second)
		}},
		{name: "rolling restart", do: func(ctx context.Context, w *world, rnd *rand.Rand) {
			for _, p := range append(append([]*proc(nil), w.doors...), w.workers...) {
				p.busy.Lock()
				p.end(syscall.SIGTERM)
				p.start()
				p.busy.Unlock()
				_ = pause(ctx, 200*time.Millisecond)
			}
		}},
		{name: "tokens revoked", do: func(_ context.Context, w *world, _ *rand.Rand) {
			w.base.RevokeTenantToken(worldApp)
			w.book.ExpireTokens()
		}},
		{name: "somebody writes in the Base", do: func(ctx context.Context, w *world, _ *rand.Rand) {
			release := w.base.HoldBase(worldBase)
			_ = pause(ctx, 200*time.Millisecond)
			release()
		}},
		{name: "the Base is not allowed", do: func(ctx context.Context, w *world, _ *rand.Rand) {
			w.base.Grant(worldApp, worldBase, larksim.CanView)
			_ = pause(ctx, time.Second)
			w.base.Grant(worldApp, worldBase, larksim.CanEdit)
		}},
		{name: "somebody sorts the sheet", do: func(_ context.Context, w *world, rnd *rand.Rand) {
			w.book.SortRows(worldBook, 0, rnd.IntN(3), rnd.IntN(2) == 0)
		}},
	}
}

// armed is a vendor's fault: what it did so far, and its end.
type armed struct {
	name   string
	struck func() int
	remove func()
}

// arm makes one in ten writes of both vendors be carried out without an answer, and
// some others fail.
func (w *world) arm() []armed {
	creates := []larksim.Op{larksim.OpBatchCreate, larksim.OpBatchUpdate}
	var out []armed
	for _, f := range []struct {
		name string
		larksim.Fault
	}{
		{"Lark: applied, then 504", larksim.Fault{Kind: larksim.Timeout, Applied: true, On: creates, Chance: 0.05}},
		{"Lark: applied, then dropped", larksim.Fault{Kind: larksim.Drop, Applied: true, On: creates, Chance: 0.05}},
		{"Lark: throttled", larksim.Fault{Kind: larksim.Throttle, Delay: time.Second, Chance: 0.02}},
		{"Lark: another write", larksim.Fault{Kind: larksim.Answer, Code: 1254291, On: creates, Chance: 0.02}},
		{"Lark: token refused", larksim.Fault{Kind: larksim.Refuse, Chance: 0.01}},
		{"Lark: a proxy's page", larksim.Fault{Kind: larksim.Page, Chance: 0.01}},
	} {
		a := w.base.Inject(f.Fault)
		out = append(out, armed{f.name, a.Struck, a.Remove})
	}
	for _, f := range []struct {
		name string
		sheetsim.Fault
	}{
		{"Google: committed, then 503", sheetsim.Fault{Kind: sheetsim.Unavailable, Applied: true, Writes: true, Chance: 0.05}},
		{"Google: committed, then reset", sheetsim.Fault{Kind: sheetsim.Reset, Applied: true, Writes: true, Chance: 0.05}},
		{"Google: 429", sheetsim.Fault{Kind: sheetsim.RateLimited, Chance: 0.02}},
		{"Google: 401", sheetsim.Fault{Kind: sheetsim.Unauthorized, Chance: 0.01}},
		{"Google: 500", sheetsim.Fault{Kind: sheetsim.Internal, Chance: 0.02}},
	} {
		a := w.book.Fault(f.Fault)
		out = append(out, armed{f.name, a.Struck, a.Remove})
	}
	return out
}

// torment does one thing after the other until ctx ends, and leaves everything running.
// What ended by itself is started again, as a supervisor would. Several may be about.
func (w *world) torment(ctx context.Context, all []*nemesis, rnd *rand.Rand, every time.Duration) {
	for next := rnd.Perm(len(all)); ; next = rnd.Perm(len(all)) {
		for _, i := range next {
			if pause(ctx, every/2+time.Duration(rnd.Int64N(int64(every)))) != nil {
				return
			}
			all[i].do(context.WithoutCancel(ctx), w, rnd)
			all[i].n.Add(1)
			w.revive()
		}
	}
}

// revive starts what ended by itself.
func (w *world) revive() {
	for _, ps := range [][]*proc{w.servers, w.doors, w.workers} {
		for _, p := range ps {
			p.again()
		}
	}
}
