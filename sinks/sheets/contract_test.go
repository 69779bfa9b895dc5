package sheets_test

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
	"mekong/sinks/sinktest"
)

// harness is a sink on a simulated spreadsheet.
type harness struct {
	*world
	sut   *sheets.Sink
	batch int // configured; 0: as the sink declares

	mu   sync.Mutex
	heal []func()
}

func (h *harness) Sink() pipeline.Sink { return h.sut }
func (h *harness) Limits() pipeline.Limits {
	l := h.sut.Limits()
	if h.batch > 0 {
		l.Batch = h.batch
	}
	return l
}
func (h *harness) Secrets() []string {
	tok, err := h.tokens().Token(h.t.Context())
	if err != nil {
		return []string{"PRIVATE KEY"}
	}
	return []string{"PRIVATE KEY", tok.Value.Reveal()}
}

// Traits: cells hold lists as texts, and no more than 50,000 characters.
func (h *harness) Traits() sinktest.Traits {
	return sinktest.Traits{MaxText: 50_000, Show: func(v any) any {
		if list, ok := v.([]string); ok {
			return strings.Join(list, ", ")
		}
		return v
	}}
}

// Bad makes r one that no cell takes.
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
	for _, r := range h.list(bookID, gid) {
		row := sinktest.Row{Fields: map[string]any{}}
		for name, v := range r {
			switch name {
			case "Mekong ID":
				row.Key, _ = v.(string)
			case "Mekong version", "received":
			default:
				row.Fields[name] = v
			}
		}
		if row.Key != "" || len(row.Fields) > 0 {
			out = append(out, row)
		}
	}
	return out
}

func (h *harness) Inject(t testing.TB, f sinktest.Fault) sinktest.Effect {
	arm := func(f sheetsim.Fault) *sheetsim.Armed {
		a := h.world.Fault(f)
		h.onHeal(a.Remove)
		return a
	}
	unshare := func() {
		h.Unshare(bookID, email)
		h.onHeal(func() { h.Share(bookID, email, sheetsim.Writer) })
	}
	switch f {
	case sinktest.Outage:
		arm(sheetsim.Fault{Kind: sheetsim.Reset})
	case sinktest.Throttle:
		h.Advance(h.Now().Truncate(time.Minute).Add(time.Minute).Sub(h.Now()) + 20*time.Second)
		arm(sheetsim.Fault{Kind: sheetsim.RateLimited})
		h.onHeal(func() { h.Advance(time.Minute) })
		return sinktest.Effect{Wait: 40 * time.Second}
	case sinktest.Forbidden:
		unshare()
	case sinktest.StaleToken:
		h.ExpireTokens()
	case sinktest.LostReply:
		arm(sheetsim.Fault{Kind: sheetsim.Reset, Applied: true, Writes: true, Next: 1})
	case sinktest.BrokenSetting:
		unshare()
		return sinktest.Effect{Setting: "sinks.sales.sheets.spreadsheet"}
	case sinktest.Stall:
		a, reached := arm(sheetsim.Fault{Kind: sheetsim.Hang}), make(chan struct{})
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

// TestContract begins with an empty spreadsheet.
func TestContract(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		w := newWorld(t, sheetsim.Options{})
		return &harness{world: w, sut: w.sink(nil)}
	})
}

// TestContractWithColumns has a header, and names its columns.
func TestContractWithColumns(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		var header []any
		columns := map[string]string{}
		for _, name := range sinktest.FieldNames() {
			header = append(header, name)
			columns[name] = name
		}
		w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Trang tính1", Values: [][]any{header}})
		return &harness{world: w, batch: 500, sut: w.sink(func(c *config.Sheets, _ *sheets.Options) { c.Columns = columns })}
	})
}
