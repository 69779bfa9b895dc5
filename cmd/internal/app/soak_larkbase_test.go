package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// Lost answers, conflicts, throttling, revoked tokens, two workers, one of them killed
// in the middle of a write: one row for each record.
func TestSoakLarkBase(t *testing.T) {
	const base, app, speed = "bascnSoak", "cli_soak", 30
	began := time.Now()
	// The clock of platform and sinks runs fast, so that a lag of seconds passes in
	// fractions of one.
	now := func() time.Time { return began.Add(time.Duration(float64(time.Since(began)) * speed)) }
	sim := larksim.New(larksim.Options{Seed: 5, Clock: now, ReplicaLag: 2 * time.Second, Latency: 2 * time.Millisecond, LogLength: 1})
	sim.AddApp(larksim.App{ID: app, Secret: "s", Scopes: []string{"bitable:app"}})
	sim.AddBase(base, "Bán hàng")
	sim.Grant(app, base, larksim.CanEdit)
	table := sim.AddTable(base, "Khách hàng", larksim.Field{Name: "name", Type: larksim.Text}, larksim.Field{Name: "phone", Type: larksim.Phone})

	pace := quickPace
	pace.good = larkbase.LeaseTime / speed
	var faults = map[string]*larksim.Armed{}
	s := soak{records: 20_000, batch: 80, speed: speed}
	s.creates = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/records/batch_create") }
	s.open = func(t testing.TB, p *soaked) pipeline.Sink {
		sink, err := larkbase.New("soak", config.LarkBase{
			URL: "https://example.larksuite.com/base/" + base + "?table=" + table, AppID: app, AppSecret: config.NewSecret("s"), KeyColumn: "Mekong ID",
		}, larkbase.Options{
			// A call that is never answered is given up after a time that no other one takes.
			HTTP: p.client(sim.Transport(), 250*time.Millisecond), Now: now,
			Lease: paced(p.table(p.bus, "leases"), pace), Memory: memory{p.table(p.bus, "memory"), "larkbase.soak"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return sink
	}
	s.harm = func(ctx context.Context, t testing.TB) {
		creates := []larksim.Op{larksim.OpBatchCreate, larksim.OpBatchUpdate}
		for name, f := range map[string]larksim.Fault{
			"applied, then 504":       {Kind: larksim.Timeout, Applied: true, On: creates, Chance: 0.05},
			"applied, then dropped":   {Kind: larksim.Drop, Applied: true, On: creates, Chance: 0.05},
			"applied, then timed out": {Kind: larksim.Hang, Applied: true, On: creates, Chance: 0.05},
			"throttled":               {Kind: larksim.Throttle, Delay: time.Second, Chance: 0.02},
			"another write":           {Kind: larksim.Answer, Code: 1254291, On: creates, Chance: 0.02},
			"refused":                 {Kind: larksim.Refuse, Chance: 0.01},
		} {
			faults[name] = sim.Inject(f)
		}
		go func() {
			tick := time.NewTicker(150 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if n%4 == 0 {
					sim.RevokeTenantToken(app)
				}
				// A person writes in the same Base for a moment.
				release := sim.HoldBase(base)
				_ = pause(ctx, 5*time.Millisecond)
				release()
			}
		}()
	}
	s.count = func() int { return sim.RowCount(base, table) }
	s.rows = func(testing.TB) map[string]int {
		out := map[string]int{}
		for _, r := range sim.Rows(base, table) {
			key, _ := r.Fields["Mekong ID"].(string)
			out[key]++
		}
		return out
	}
	s.newest = func(testing.TB) map[string]string {
		out := map[string]string{}
		for _, r := range sim.Rows(base, table) {
			key, _ := r.Fields["Mekong ID"].(string)
			out[key], _ = r.Fields["name"].(string)
		}
		return out
	}
	s.report = func(t testing.TB) {
		for name, f := range faults {
			if f.Struck() == 0 && !testing.Short() {
				t.Errorf("the fault %q never struck", name)
			}
			t.Logf("%s: %d times", name, f.Struck())
		}
		calls := sim.Calls()
		conflicts, total := 0, 0
		for op, c := range calls {
			total += c.Total
			conflicts += c.Codes[1254291]
			t.Logf("%s: %d calls, %d failed", op, c.Total, c.Failed)
		}
		t.Logf("%d calls, %d conflicts, %d overlaps", total, conflicts, sim.Overlaps(base))
	}
	s.run(t)
}
