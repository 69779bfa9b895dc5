package mongodb_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/mongodb"
	"mekong/sinks/mongodb/local"
	"mekong/sinks/sinktest"
)

// serverVariable names a real server for the same suite to run against. The
// suite makes a collection of its own for each case, and drops it.
const serverVariable = "MEKONG_TEST_MONGODB_URI"

const password = "mat-khau-bi-mat"

// login is how the sink under test logs in: any name and password will do, and
// there is a secret to be kept.
const login = "nguoi-ghi:" + password + "@"

// query makes the driver give up soon, and see soon that a server is back.
const query = "/?serverSelectionTimeoutMS=1500&heartbeatFrequencyMS=500&connectTimeoutMS=1500&serverMonitoringMode=poll"

const plainLogin = "&authMechanism=PLAIN&authSource=$external"

// harness is a sink behind a gate.
type harness struct {
	sink   *mongodb.Sink
	gate   *gate
	uri    string
	rows   func(t testing.TB) []sinktest.Row
	bad    func(r *pipeline.Record)
	traits sinktest.Traits

	mu     sync.Mutex
	healed chan struct{}
}

func (h *harness) Sink() pipeline.Sink              { return h.sink }
func (h *harness) Limits() pipeline.Limits          { return h.sink.Limits() }
func (h *harness) Traits() sinktest.Traits          { return h.traits }
func (h *harness) Rows(t testing.TB) []sinktest.Row { return h.rows(t) }
func (h *harness) Secrets() []string                { return []string{password, h.uri} }
func (h *harness) Bad(r pipeline.Record) pipeline.Record {
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	h.bad(&r)
	return r
}

// refusal is a server's answer to a whole command. Its words quote what an
// error of ours never may.
func refusal(code int, name string, labels ...string) bson.D {
	doc := bson.D{
		{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(code)}, {Key: "codeName", Value: name},
		{Key: "errmsg", Value: "refused for nguoi-ghi, whose password is " + password},
	}
	if len(labels) > 0 {
		doc = append(doc, bson.E{Key: "errorLabels", Value: labels})
	}
	return doc
}

func (h *harness) Inject(t testing.TB, f sinktest.Fault) sinktest.Effect {
	always := func(r reaction) func(*message) reaction {
		return func(m *message) reaction {
			if housekeeping(m.command) {
				return reaction{}
			}
			return r
		}
	}
	switch f {
	case sinktest.Outage:
		h.gate.set(func(*message) reaction { return reaction{refuse: true} })
		h.gate.drop()
	case sinktest.Throttle:
		h.gate.set(always(reaction{reply: refusal(462, "IngressRequestRateLimitExceeded", "SystemOverloadedError", "RetryableError")}))
	case sinktest.Forbidden:
		h.gate.set(always(reaction{reply: refusal(13, "Unauthorized")}))
	case sinktest.BrokenSetting:
		h.gate.set(always(reaction{reply: refusal(18, "AuthenticationFailed")}))
		return sinktest.Effect{Setting: "sinks.archive.mongodb.uri"}
	case sinktest.LostReply:
		var once sync.Once
		h.gate.set(func(m *message) reaction {
			if m.command != "insert" && m.command != "update" {
				return reaction{}
			}
			return reaction{lose: func(reply bson.Raw) bool {
				n, _ := reply.Lookup("n").AsInt64OK()
				lost := false
				if n > 0 { // something was applied
					once.Do(func() { lost = true })
				}
				return lost
			}}
		})
	case sinktest.Stall:
		reached, healed := make(chan struct{}), make(chan struct{})
		h.mu.Lock()
		h.healed = healed
		h.mu.Unlock()
		var once sync.Once
		h.gate.set(func(m *message) reaction {
			if housekeeping(m.command) {
				return reaction{}
			}
			once.Do(func() { close(reached) })
			return reaction{stall: healed}
		})
		return sinktest.Effect{Reached: reached}
	default:
		t.Fatalf("no way to inject %q", f)
	}
	return sinktest.Effect{}
}

func (h *harness) Heal(testing.TB) {
	h.gate.set(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.healed != nil {
		close(h.healed)
		h.healed = nil
	}
}

var noToken = sinktest.Traits{Cannot: map[sinktest.Fault]string{
	sinktest.StaleToken: "MongoDB has logins and no tokens that expire; a login that is refused is the case of missing rights",
}}

// open makes a sink on the server behind g.
func open(t testing.TB, g *gate, o mongodb.Options) *harness {
	t.Helper()
	return openAt(t, "mongodb://"+login+g.addr()+query+plainLogin, g, "records", 20*time.Second, o)
}

func openAt(t testing.TB, uri string, g *gate, collection string, timeout time.Duration, o mongodb.Options) *harness {
	t.Helper()
	sink, err := mongodb.New("archive", config.MongoDB{
		URI: config.NewSecret(uri), Database: "mekong", Collection: collection, WriteConcern: "majority", Timeout: timeout, Writers: 4,
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sink.Close() })
	return &harness{sink: sink, gate: g, uri: uri, traits: noToken}
}

// openFake is a sink on a store in memory that answers as MongoDB does.
func openFake(t testing.TB) (*harness, *store) {
	t.Helper()
	return openFakeFor(t, 20*time.Second)
}

// openFakeFor bounds each call, for faults that the driver tries to outlast.
func openFakeFor(t testing.TB, timeout time.Duration) (*harness, *store) {
	t.Helper()
	s := newStore()
	s.refuse = func(doc bson.D) bson.D {
		fields, _ := value(doc, "fields").(bson.D)
		if value(fields, "bad") == nil {
			return nil
		}
		return bson.D{
			{Key: "code", Value: int32(121)}, {Key: "errmsg", Value: fmt.Sprintf("Document failed validation: %v", doc)},
			{Key: "errInfo", Value: bson.D{{Key: "failingDocumentId", Value: value(doc, "_id")}, {Key: "details", Value: bson.D{
				{Key: "schemaRulesNotSatisfied", Value: bson.A{bson.D{{Key: "propertiesNotSatisfied", Value: bson.A{
					bson.D{{Key: "propertyName", Value: "bad"}, {Key: "consideredValue", Value: doc}},
				}}}}},
			}}}},
		}
	}
	g := newGate(t, func() (answerer, error) { return s, nil })
	h := openAt(t, "mongodb://"+login+g.addr()+query+plainLogin, g, "records", timeout, mongodb.Options{})
	h.bad = func(r *pipeline.Record) { r.Fields["bad"] = true }
	h.rows = func(testing.TB) []sinktest.Row {
		s.mu.Lock()
		defer s.mu.Unlock()
		var rows []sinktest.Row
		for _, doc := range s.docs {
			rows = append(rows, toRow(doc))
		}
		return rows
	}
	return h, s
}

// toRow reads a document as a person would, names turned back.
func toRow(doc bson.D) sinktest.Row {
	row := sinktest.Row{Key: value(doc, "_id").(string), Fields: map[string]any{}}
	fields, _ := value(doc, "fields").(bson.D)
	for _, e := range fields {
		v := e.Value
		if list, ok := v.(bson.A); ok {
			texts := make([]string, len(list))
			for i, s := range list {
				texts[i] = s.(string)
			}
			v = texts
		}
		row.Fields[mongodb.RecordName(e.Key)] = v
	}
	return row
}

// readRows reads a collection past the gate.
func readRows(c *mongo.Collection) func(t testing.TB) []sinktest.Row {
	return func(t testing.TB) []sinktest.Row {
		t.Helper()
		cur, err := c.Find(context.Background(), bson.D{})
		var docs []bson.D
		if err == nil {
			err = cur.All(context.Background(), &docs)
		}
		if err != nil {
			t.Fatal(err)
		}
		var rows []sinktest.Row
		for _, d := range docs {
			rows = append(rows, toRow(d))
		}
		return rows
	}
}

func connect(t testing.TB, uri string) *mongo.Client {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect(context.Background()) })
	return c
}

// embedded starts the embedded server with an empty collection.
func embedded(t testing.TB) *local.Server {
	t.Helper()
	s, err := local.Start(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.EnsureIndex(context.Background(), "mekong", "records"); err != nil {
		t.Fatal(err)
	}
	return s
}

// host is the host part of a plain connection string.
func host(t testing.TB, uri string) string {
	t.Helper()
	rest := strings.TrimPrefix(uri, "mongodb://")
	rest = rest[strings.LastIndex(rest, "@")+1:]
	rest, _, _ = strings.Cut(rest, "/")
	h, err := url.PathUnescape(rest)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestContractOnAFake(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		h, _ := openFake(t)
		return h
	})
}

func TestContractOnTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		s := embedded(t)
		rows := readRows(connect(t, s.URI()).Database("mekong").Collection("records"))
		g := newGate(t, dialUpstream(host(t, s.URI())))
		h := open(t, g, mongodb.Options{MaxUpdates: local.MaxUpdates, Writers: local.Writers, Alone: true})
		h.rows = rows
		// It has no validator, so the record is one that no server is sent.
		h.bad = func(r *pipeline.Record) { r.Fields["bad"] = complex(1, 2) }
		return h
	})
}

// TestGuardOnTheEmbeddedServer tries the guarded update, which MongoDB gets, on
// a second server too: the row has changed since it was read.
func TestGuardOnTheEmbeddedServer(t *testing.T) {
	s := embedded(t)
	g := newGate(t, dialUpstream(host(t, s.URI())))
	h := open(t, g, mongodb.Options{MaxUpdates: local.MaxUpdates})
	coll := connect(t, s.URI()).Database("mekong").Collection("records")
	write := func(id string, minute int, name string) string {
		return fates(h.sink.Write(t.Context(), []pipeline.Record{rec(id, "row", minute, map[string]any{"name": name, "note-" + id: name})}))
	}
	if got := write("a", 0, "một") + " " + write("b", 1, "hai"); got != "stored stored" {
		t.Fatal(got)
	}
	var once sync.Once
	h.gate.set(func(m *message) reaction {
		if m.command == "update" {
			once.Do(func() {
				filter := bson.D{{Key: "_id", Value: "row"}}
				set := bson.D{{Key: "$set", Value: bson.D{{Key: "revision", Value: int64(9)}, {Key: "version", Value: "9999"}, {Key: "fields.name", Value: "của người khác"}}}}
				if _, err := coll.UpdateOne(context.Background(), filter, set); err != nil {
					t.Error(err)
				}
			})
		}
		return reaction{}
	})
	if got := write("c", 2, "ba"); got != "unknown" {
		t.Errorf("a lost race: %s", got)
	}
	if got := write("c", 2, "ba"); got != "stored" {
		t.Errorf("again: %s", got)
	}
	var doc bson.D
	if err := coll.FindOne(t.Context(), bson.D{{Key: "_id", Value: "row"}}).Decode(&doc); err != nil || value(doc, "fields.name") != "của người khác" {
		t.Errorf("the row is %v (%v)", doc, err)
	}
}

func TestContractOnAServer(t *testing.T) {
	uri := os.Getenv(serverVariable)
	if uri == "" {
		t.Logf("declared: no server is named in %s; the fake and the embedded server stand for it", serverVariable)
		return
	}
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "mongodb" || parsed.User != nil {
		t.Fatalf("%s is not mongodb://HOST:PORT without a login; the gate in between speaks no TLS and has a login of its own", serverVariable)
	}
	if _, _, err := net.SplitHostPort(host(t, uri)); err != nil {
		t.Fatalf("%s names no host and port: %v", serverVariable, err)
	}
	n := 0
	sinktest.Run(t, func(t testing.TB) sinktest.Harness {
		n++
		name := fmt.Sprintf("suite_%d_%d", time.Now().UnixNano(), n)
		db := connect(t, uri).Database("mekong")
		err := db.RunCommand(context.Background(), bson.D{
			{Key: "create", Value: name}, {Key: "validator", Value: bson.D{{Key: "fields.bad", Value: bson.D{{Key: "$exists", Value: false}}}}},
		}).Err()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Collection(name).Drop(context.Background()) })
		g := newGate(t, dialUpstream(host(t, uri)))
		h := openAt(t, "mongodb://"+g.addr()+query+"&directConnection=true", g, name, 20*time.Second, mongodb.Options{})
		h.rows = readRows(db.Collection(name))
		h.bad = func(r *pipeline.Record) { r.Fields["bad"] = true }
		return h
	})
}
