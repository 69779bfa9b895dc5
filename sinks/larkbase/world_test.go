package larkbase_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

const (
	appID  = "cli_test"
	secret = "mat-khau-bi-mat"
	baseID = "bascnTest"
)

var start = time.Date(2026, 3, 3, 9, 30, 0, 0, time.FixedZone("", 7*3600))

// world is a simulated tenant with one Base, one table, and one app that may edit it.
type world struct {
	*larksim.Sim
	t     testing.TB
	table string
	conf  config.LarkBase
	hangs *larksim.Armed // the fault of calls that are never answered, if there is one
}

func newWorld(t testing.TB, o larksim.Options, fields ...larksim.Field) *world {
	t.Helper()
	if o.Clock == nil {
		o.Clock = larksim.Frozen(start)
	}
	w := &world{Sim: larksim.New(o), t: t}
	w.AddApp(larksim.App{ID: appID, Secret: secret, Name: "Mekong", Scopes: []string{"bitable:app", "wiki:wiki:readonly", "contact:user.id:readonly"}})
	w.AddUser(larksim.User{OpenID: "ou_an", UnionID: "on_an", UserID: "an1", Name: "Nguyễn Văn An", Email: "an@example.com"})
	w.AddUser(larksim.User{OpenID: "ou_other", Name: "Elsewhere", Foreign: true})
	w.AddBase(baseID, "Bán hàng")
	w.table = w.AddTable(baseID, "Leads", fields...)
	w.Grant(appID, baseID, larksim.CanEdit)
	w.conf = config.LarkBase{
		URL:   "https://example.larksuite.com/base/" + baseID + "?table=" + w.table,
		AppID: appID, AppSecret: config.NewSecret(secret), KeyColumn: "Mekong ID", UserIDType: "open_id",
	}
	return w
}

// sink opens a sink on the world, with its configuration changed by change.
func (w *world) sink(change func(*config.LarkBase, *larkbase.Options)) *larkbase.Sink {
	w.t.Helper()
	conf := w.conf
	o := larkbase.Options{HTTP: w.Client(), Now: w.Now, Location: start.Location()}
	if change != nil {
		change(&conf, &o)
	}
	s, err := larkbase.New("crm", conf, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// record is a lead that is a row of its own.
func record(id string, fields map[string]any) pipeline.Record {
	return pipeline.Record{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: start, Received: start.Add(time.Second), Fields: fields}
}

// of is a record of a key, some minutes after start.
func of(id, key string, minute int, fields map[string]any) pipeline.Record {
	r := record(id, fields)
	r.Key, r.Occurred = key, start.Add(time.Duration(minute)*time.Minute)
	r.Received = r.Occurred
	return r
}

func again(rs ...pipeline.Record) []pipeline.Record {
	out := make([]pipeline.Record, len(rs))
	for i, r := range rs {
		r.Again = true
		out[i] = r
	}
	return out
}

// store writes and demands that all is stored.
func store(t testing.TB, s *larkbase.Sink, batch ...pipeline.Record) []pipeline.Outcome {
	t.Helper()
	out := s.Write(context.Background(), batch)
	for i, o := range out {
		if o.Err != nil {
			t.Errorf("record %s: %v", batch[i].ID, o.Err)
		}
	}
	return out
}

// rows are the table's rows by key; a key that is there twice fails the test.
func (w *world) rows(tables ...string) map[string]map[string]any {
	w.t.Helper()
	if len(tables) == 0 {
		tables = []string{w.table}
	}
	out := map[string]map[string]any{}
	for _, table := range tables {
		for _, r := range w.Rows(baseID, table) {
			key, _ := r.Fields["Mekong ID"].(string)
			if _, twice := out[key]; twice {
				w.t.Errorf("key %q has two rows", key)
			}
			out[key] = r.Fields
		}
	}
	return out
}

// calls counts the calls that were not for a token.
func (w *world) calls(ops ...larksim.Op) (n int) {
	for op, c := range w.Calls() {
		if op == larksim.OpTenantToken {
			continue
		}
		if len(ops) == 0 {
			n += c.Total
		}
		for _, want := range ops {
			if op == want {
				n += c.Total
			}
		}
	}
	return n
}

// memory is a [larkbase.Memory].
type memory struct {
	mu   sync.Mutex
	data []byte
}

func (m *memory) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data, nil
}

func (m *memory) Save(_ context.Context, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = data
	return nil
}

var _ larkbase.Memory = (*memory)(nil)
