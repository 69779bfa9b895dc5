package appsscript_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/appsscript/scriptsim"
)

const deployment = "AKfycb-token-in-the-address"

// world is a sink, a deployment and what it runs.
type world struct {
	backend
	server *scriptsim.Server
	http   *httptest.Server
	conf   config.AppsScript
}

func newWorld(t testing.TB, b backend) *world {
	t.Helper()
	w := &world{backend: b, server: scriptsim.New(b)}
	w.http = httptest.NewServer(w.server)
	t.Cleanup(w.http.Close)
	w.conf = config.AppsScript{
		URL: config.NewSecret("https://script.google.com/macros/s/" + deployment + "/exec"), Secret: config.NewSecret(secret),
		KeyColumn: "Mekong ID", Timeout: 20 * time.Second, Endpoint: w.http.URL,
	}
	return w
}

func (w *world) sink(t testing.TB, change func(c *config.AppsScript, o *appsscript.Options)) *appsscript.Sink {
	t.Helper()
	c, o := w.conf, appsscript.Options{}
	if change != nil {
		change(&c, &o)
	}
	s, err := appsscript.New("crm", c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var base = time.Date(2026, time.March, 3, 8, 30, 0, 0, time.UTC)

func record(id, key string, minute int, fields map[string]any) pipeline.Record {
	at := base.Add(time.Duration(minute) * time.Minute)
	return pipeline.Record{ID: id, Key: key, Kind: "lead", Source: "landing", Occurred: at, Received: at.Add(3 * time.Second), Fields: fields}
}

// store demands that all of batch is stored, and gives the links.
func store(t testing.TB, s *appsscript.Sink, batch ...pipeline.Record) []string {
	t.Helper()
	var refs []string
	for i, o := range s.Write(context.Background(), batch) {
		if o.Err != nil {
			t.Fatalf("record %s: %v", batch[i].ID, o.Err)
		}
		refs = append(refs, o.Ref)
	}
	return refs
}

// held demands that each outcome is a Hold, and gives the first error.
func held(t testing.TB, out []pipeline.Outcome) error {
	t.Helper()
	for i, o := range out {
		if _, ok := pipeline.IsHold(o.Err); !ok {
			t.Fatalf("outcome %d is no Hold: %v", i, o.Err)
		}
	}
	return out[0].Err
}

func leads(from, n int) (batch []pipeline.Record) {
	for i := from; i < from+n; i++ {
		id := fmt.Sprintf("lead-%05d", i)
		batch = append(batch, record(id, id, i, map[string]any{"name": "Khách " + id, "phone": fmt.Sprintf("09%08d", i)}))
	}
	return batch
}
