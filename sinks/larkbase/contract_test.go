package larkbase_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
	"mekong/sinks/sinktest"
)

// harness is a sink on a simulated Base.
type harness struct {
	*world
	sut *larkbase.Sink

	mu   sync.Mutex
	heal []func()
}

func (h *harness) Sink() pipeline.Sink     { return h.sut }
func (h *harness) Limits() pipeline.Limits { return h.sut.Limits() }
func (h *harness) Traits() sinktest.Traits { return sinktest.Traits{} }
func (h *harness) Secrets() []string       { return []string{secret} }

// Bad makes r one that no column takes: whatever else is wrong with a value costs
// the value and not the record.
func (h *harness) Bad(r pipeline.Record) pipeline.Record {
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	r.Fields["note"] = complex(1, 2)
	return r
}

func (h *harness) Rows(t testing.TB) []sinktest.Row {
	var out []sinktest.Row
	for _, r := range h.world.Rows(baseID, h.table) {
		row := sinktest.Row{Fields: map[string]any{}}
		for name, v := range r.Fields {
			switch name {
			case "Mekong ID":
				row.Key = v.(string)
			case "Mekong version", "Mekong notes":
			default:
				row.Fields[name] = v
			}
		}
		out = append(out, row)
	}
	return out
}

func (h *harness) Inject(t testing.TB, f sinktest.Fault) sinktest.Effect {
	arm := func(f larksim.Fault) *larksim.Armed {
		a := h.world.Inject(f)
		h.onHeal(a.Remove)
		return a
	}
	switch f {
	case sinktest.Outage:
		arm(larksim.Fault{Kind: larksim.Drop})
	case sinktest.Throttle:
		arm(larksim.Fault{Kind: larksim.Throttle, Delay: 7 * time.Second})
		return sinktest.Effect{Wait: 7 * time.Second}
	case sinktest.Forbidden:
		h.Grant(appID, baseID, larksim.NoRole)
		h.onHeal(func() { h.Grant(appID, baseID, larksim.CanEdit) })
	case sinktest.StaleToken:
		h.RevokeTenantToken(appID)
	case sinktest.LostReply:
		arm(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpBatchCreate, larksim.OpBatchUpdate}, Next: 1})
	case sinktest.BrokenSetting:
		// The Base is one that the app was never added to.
		h.Grant(appID, baseID, larksim.NoRole)
		h.onHeal(func() { h.Grant(appID, baseID, larksim.CanEdit) })
		return sinktest.Effect{Setting: "sinks.crm.larkbase.url"}
	case sinktest.Stall:
		a, reached := arm(larksim.Fault{Kind: larksim.Hang}), make(chan struct{})
		go func() {
			defer close(reached)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for deadline := time.Now().Add(20 * time.Second); a.Struck() == 0 && time.Now().Before(deadline); {
				<-tick.C
			}
		}()
		return sinktest.Effect{Reached: reached}
	default:
		t.Fatalf("no way to inject %q", f)
	}
	return sinktest.Effect{}
}

func (h *harness) onHeal(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heal = append(h.heal, f)
}

func (h *harness) Heal(testing.TB) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.heal {
		f()
	}
	h.heal = nil
}

// columnFor is a column for a field of the suite's.
func columnFor(name string) larksim.Field {
	switch name {
	case "score":
		return larksim.Field{Name: name, Type: larksim.Number}
	case "consent":
		return larksim.Field{Name: name, Type: larksim.Checkbox}
	case "tags":
		return larksim.Field{Name: name, Type: larksim.MultiSelect}
	}
	return larksim.Field{Name: name, Type: larksim.Text}
}

func TestContract(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		var fields []larksim.Field
		columns := map[string]string{}
		for _, name := range sinktest.FieldNames() {
			fields = append(fields, columnFor(name))
			columns[name] = name
		}
		w := newWorld(t, larksim.Options{}, fields...)
		return &harness{world: w, sut: w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.Columns = columns })}
	})
}

// TestContractWithColumnsByName finds the columns by the fields' names.
func TestContractWithColumnsByName(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		var fields []larksim.Field
		for _, name := range sinktest.FieldNames() {
			fields = append(fields, columnFor(name))
		}
		w := newWorld(t, larksim.Options{OldStatus: true}, fields...)
		return &harness{world: w, sut: w.sink(nil)}
	})
}

// TestContractWithColumnsMade begins with a table that has none of the columns.
func TestContractWithColumnsMade(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		// The platform's own first column, and one whose first value would make it a
		// number where the suite writes texts, too.
		w := newWorld(t, larksim.Options{}, larksim.Field{Name: "Text", Type: larksim.Text})
		return &harness{world: w, sut: w.sink(func(c *config.LarkBase, _ *larkbase.Options) { c.CreateColumns = true })}
	})
}
