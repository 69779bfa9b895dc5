package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/config"
	"mekong/pipeline/bus"
)

// secretToken is what the sources of these tests ask for.
const secretToken = "0123456789abcdef-of-a-test"

// oneSink has one way in and one way out, with everything in this process.
const oneSink = `
shutdown_grace: 5s
nats: { reserve: 1 }
sources:
  landing:
    ladipage: { path: /in/landing, token: ` + secretToken + `, rate: 100000 }
sinks:
  archive:
    mongodb: { database: mekong, collection: records }
`

// configured reads a configuration that keeps its files in dir and listens
// wherever there is room.
func configured(t testing.TB, dir, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("mekong.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir, c.HTTP.Intake, c.HTTP.Console = dir, "127.0.0.1:0", "127.0.0.1:0"
	return c
}

// running is an app at work.
type running struct {
	*App
	t    testing.TB
	base string // address of the door
	door string // where the source called landing is posted to
	stop func() // ends it in an orderly way and closes it; may be called again
}

// start runs an app until stop, or the end of the test.
func start(t testing.TB, c *config.Config, o Options) *running {
	t.Helper()
	a, err := New(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	r := &running{App: a, t: t}
	if a.Sources != nil && a.Sources.Door != nil {
		r.base = "http://" + a.Sources.Door.Addr().String()
		r.door = r.base + "/in/landing"
	}
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ran:
				if err != nil {
					t.Errorf("the app ended with %v", err)
				}
			case <-time.After(c.ShutdownGrace + 20*time.Second):
				t.Error("the app did not stop")
			}
			a.Close()
		})
	}
	t.Cleanup(r.stop)
	return r
}

// reply is what a sender was told.
type reply struct {
	status int
	wait   string // Retry-After
	text   string
	ID     string
	Cause  string
}

// client is that of all senders; its time-out is longer than any the door has.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// send posts body with headers, name by name, and says what came back; an error
// means that there was no complete answer.
func send(ctx context.Context, url string, body []byte, headers map[string]string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for name, v := range headers {
		req.Header.Set(name, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: resp.StatusCode, wait: resp.Header.Get("Retry-After"), text: string(text)}
	if err := json.Unmarshal(text, &r); err != nil {
		return reply{}, fmt.Errorf("the answer %q is not JSON", text)
	}
	return r, nil
}

// post sends one body to the source called landing, with its token.
func (r *running) post(contentType string, body []byte) reply {
	r.t.Helper()
	got, err := send(r.t.Context(), r.door, body, map[string]string{"Content-Type": contentType, "Token": secretToken})
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// operators gets a page of the operators' listener.
func (r *running) operators(path string) (status int, text string) {
	r.t.Helper()
	resp, err := client.Get("http://" + r.Console.Addr().String() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// balance is what the app says now; nothing while it cannot say.
func (r *running) balance() []bus.Balance {
	lines, err := r.Balance(r.t.Context())
	if err != nil {
		r.t.Logf("the balance cannot be made: %v", err)
	}
	return lines
}

// settled waits until nothing waits for any of the sinks and everything adds
// up, and returns their lines.
func (r *running) settled(sinks ...string) map[string]bus.Balance {
	r.t.Helper()
	var lines map[string]bus.Balance
	poll(r.t, time.Minute, func() string {
		lines = map[string]bus.Balance{}
		for _, b := range r.balance() {
			lines[b.Sink] = b
		}
		for _, name := range sinks {
			if b := lines[name]; b.Sink == "" || b.Waiting != 0 || b.Missing != 0 {
				return fmt.Sprintf("%+v", b)
			}
		}
		return ""
	})
	return lines
}

// documents reads a whole collection of the embedded MongoDB as it is, past the
// sink.
func (r *running) documents(database, collection string) []bson.D {
	r.t.Helper()
	return documentsAt(r.t, r.mongo.URI(), database, collection)
}

func documentsAt(t testing.TB, uri, database, collection string) []bson.D {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(uri).SetTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Disconnect(context.Background()) }() // it has only read
	cur, err := c.Database(database).Collection(collection).Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var out []bson.D
	if err := cur.All(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// in finds a value in nested documents; nil where there is none.
func in(d bson.D, path ...string) any {
	for _, e := range d {
		if e.Key != path[0] {
			continue
		}
		if inner, ok := e.Value.(bson.D); ok && len(path) > 1 {
			return in(inner, path[1:]...)
		}
		return e.Value
	}
	return nil
}

// poll asks until there is nothing left to say, and fails with what was said
// last when that takes too long.
func poll(t testing.TB, most time.Duration, lacking func() string) {
	t.Helper()
	for deadline := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
		what := lacking()
		if what == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still: %s", most, what)
		}
	}
}
