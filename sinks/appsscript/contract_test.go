package appsscript_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/appsscript/scriptsim"
	"mekong/sinks/sinktest"
)

// harness is a sink on a simulated deployment.
type harness struct {
	*world
	sut  *appsscript.Sink
	lost scriptsim.Fault
}

func (h *harness) Sink() pipeline.Sink     { return h.sut }
func (h *harness) Limits() pipeline.Limits { return h.sut.Limits() }
func (h *harness) Secrets() []string       { return []string{secret, deployment} }

func (h *harness) Traits() sinktest.Traits {
	return sinktest.Traits{
		Cannot: map[sinktest.Fault]string{
			sinktest.StaleToken: "there is no token: every request is signed by itself",
		},
		MaxText: 50_000,
		Show: func(v any) any {
			switch v := v.(type) {
			case string:
				if v == "" {
					return nil
				}
			case []string:
				return strings.Join(v, ", ")
			}
			return v
		},
	}
}

func (h *harness) Bad(r pipeline.Record) pipeline.Record {
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	r.Fields["note"] = complex(1, 2)
	return r
}

func (h *harness) Rows(t testing.TB) []sinktest.Row { return rowsOf(h.dump(t)) }

// rowsOf are the rows that have a key.
func rowsOf(d dump) (out []sinktest.Row) {
	if len(d.Cells) == 0 {
		return nil
	}
	for _, cells := range d.Cells[1:] {
		row := sinktest.Row{Fields: map[string]any{}}
		for j, c := range cells {
			switch header := d.Cells[0][j][0].(string); {
			case header == "Mekong ID":
				row.Key = c[0].(string)
			case header == "Mekong version", header == "received", c[0] == "":
			default:
				row.Fields[header] = c[0]
			}
		}
		if row.Key != "" {
			out = append(out, row)
		}
	}
	return out
}

func (h *harness) Inject(t testing.TB, f sinktest.Fault) sinktest.Effect {
	switch f {
	case sinktest.Outage:
		h.server.Inject(scriptsim.Outage, -1)
	case sinktest.Throttle:
		h.SetBusy(true)
		return sinktest.Effect{Wait: 5 * time.Second}
	case sinktest.Forbidden:
		h.server.Inject(scriptsim.Login, -1)
	case sinktest.LostReply:
		h.server.Inject(h.lost, 1)
	case sinktest.Stall:
		return sinktest.Effect{Reached: h.server.Inject(scriptsim.Hang, -1)}
	case sinktest.BrokenSetting:
		h.SetSecret("another-secret-than-ours")
		return sinktest.Effect{Setting: "sinks.crm.appsscript.secret"}
	default:
		t.Fatalf("no way to inject %q", f)
	}
	return sinktest.Effect{}
}

func (h *harness) Heal(testing.TB) {
	h.server.Clear()
	h.SetBusy(false)
	h.SetSecret(secret)
}

func contract(t *testing.T, b func(t testing.TB) backend, lost scriptsim.Fault, change func(t testing.TB, h *harness, c *config.AppsScript)) {
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		h := &harness{world: newWorld(t, b(t)), lost: lost}
		h.sut = h.sink(t, func(c *config.AppsScript, _ *appsscript.Options) {
			if change != nil {
				change(t, h, c)
			}
		})
		return h
	})
}

func onModel(t testing.TB) backend { return newModel(t, defaults()) }

func TestContractOnTheModel(t *testing.T) {
	t.Parallel()
	contract(t, onModel, scriptsim.LostEcho, nil)
}

func TestContractOnTheScript(t *testing.T) {
	t.Parallel()
	if withNode(t) == nil {
		return
	}
	contract(t, func(t testing.TB) backend { return newNode(t, defaults()) }, scriptsim.LateNotFound, nil)
}

// TestContractWithColumns names every column, and begins with a sheet that has some of
// them among those of people.
func TestContractWithColumns(t *testing.T) {
	t.Parallel()
	contract(t, onModel, scriptsim.Truncated, func(t testing.TB, h *harness, c *config.AppsScript) {
		c.Columns = map[string]string{}
		for i, name := range sinktest.FieldNames() {
			c.Columns[name] = name
			if i%2 == 0 {
				h.cell(1, 2*i+2, name, "@")
			}
		}
	})
}
