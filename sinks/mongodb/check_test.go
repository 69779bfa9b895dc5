package mongodb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/mongodb"
	"mekong/sinks/mongodb/local"
)

// find gives the first finding that says what.
func find(t *testing.T, found []pipeline.Finding, what string) pipeline.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f pipeline.Finding) bool { return strings.Contains(f.What, what) })
	if i < 0 {
		t.Fatalf("no finding says %q: %+v", what, found)
	}
	return found[i]
}

func TestCheckOnlySendsReads(t *testing.T) {
	h, _ := openFake(t)
	h.sink.Check(t.Context())
	want := []string{"buildInfo", "connectionStatus", "listIndexes"}
	if got := h.gate.commands(); !slices.Equal(got, want) {
		t.Errorf("Check sends %q, want %q", got, want)
	}
}

func TestCheckTellsHowManyDisks(t *testing.T) {
	h, s := openFake(t)
	if f := find(t, h.sink.Check(t.Context()), "1 disk"); f.Level != pipeline.Warn || f.Fix == "" {
		t.Errorf("a standalone: %+v", f)
	}
	s.mu.Lock()
	s.set, s.addr = "rs0", h.gate.addr()
	s.mu.Unlock()
	if f := find(t, h.sink.Check(t.Context()), "a replica set of 1"); f.Level != pipeline.OK {
		t.Errorf("a replica set: %+v", f)
	}
}

func TestCheckIndexes(t *testing.T) {
	h, _ := openFake(t)
	find(t, h.sink.Check(t.Context()), "3 of 3 indexes are not there yet")
	h.sink.Write(t.Context(), several(1))
	find(t, h.sink.Check(t.Context()), "all 3 indexes are there")
}

func TestCheckRights(t *testing.T) {
	privileges := func(resource bson.D, actions ...string) bson.D {
		return bson.D{{Key: "ok", Value: 1.0}, {Key: "authInfo", Value: bson.D{
			{Key: "authenticatedUsers", Value: bson.A{bson.D{{Key: "user", Value: "w"}, {Key: "db", Value: "admin"}}}},
			{Key: "authenticatedUserPrivileges", Value: bson.A{bson.D{{Key: "resource", Value: resource}, {Key: "actions", Value: actions}}}},
		}}}
	}
	all := []string{"find", "insert", "update", "remove", "createIndex", "listIndexes"}
	here := bson.D{{Key: "db", Value: "mekong"}, {Key: "collection", Value: ""}}
	tests := []struct {
		name  string
		reply bson.D
		lacks string
	}{
		{"readWrite", privileges(here, all...), ""},
		{"any database", privileges(bson.D{{Key: "db", Value: ""}, {Key: "collection", Value: ""}}, all...), ""},
		{"root", privileges(bson.D{{Key: "anyResource", Value: true}}, "anyAction"), ""},
		{"read", privileges(here, "find", "listIndexes"), "insert, update, remove, createIndex"},
		{"another database", privileges(bson.D{{Key: "db", Value: "test"}, {Key: "collection", Value: ""}}, all...), "find, insert"},
		{"another collection", privileges(bson.D{{Key: "db", Value: "mekong"}, {Key: "collection", Value: "x"}}, all...), "find, insert"},
		{"the cluster", privileges(bson.D{{Key: "cluster", Value: true}}, all...), "find, insert"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, _ := openFake(t)
			h.gate.set(onCommand("connectionStatus", 1, reaction{reply: test.reply}))
			failed := failing(h.sink.Check(t.Context()))
			switch {
			case test.lacks == "" && len(failed) > 0:
				t.Errorf("fails %+v", failed)
			case test.lacks != "" && (len(failed) != 1 || !strings.Contains(failed[0].What, test.lacks) || !strings.Contains(failed[0].Fix, "readWrite")):
				t.Errorf("fails %+v, want what is lacking: %s", failed, test.lacks)
			}
		})
	}
}

func TestCheckWriteConcern(t *testing.T) {
	g := newGate(t, func() (answerer, error) { return newStore(), nil })
	conf := noConf()
	conf.WriteConcern = "3"
	conf.URI = config.NewSecret("mongodb://" + g.addr() + query)
	s, err := mongodb.New("archive", conf, mongodb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := failing(s.Check(t.Context()))
	if len(f) != 1 || f[0].Setting != "sinks.archive.mongodb.write_concern" {
		t.Errorf("three members of a server without replicas: %+v", f)
	}
}

// TestRealLoginRefused lets the embedded server itself refuse a login: it has
// no users, and so takes none of SCRAM's passwords.
func TestRealLoginRefused(t *testing.T) {
	server := embedded(t)
	uri := strings.Replace(server.URI(), "mongodb://", "mongodb://"+login, 1) + "?authMechanism=SCRAM-SHA-256"
	sink, err := mongodb.New("archive", noConf(), mongodb.Options{URI: uri, MaxUpdates: local.MaxUpdates})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	if got := fates(sink.Write(t.Context(), several(1))); got != "held" {
		t.Error(got)
	}
	f := failing(sink.Check(t.Context()))
	if len(f) != 1 || f[0].Setting != "sinks.archive.mongodb.uri" || !strings.Contains(f[0].What, "AuthenticationFailed") {
		t.Errorf("Check fails %+v", f)
	}
	if strings.Contains(fmt.Sprintf("%+v", f), password) {
		t.Error("a finding shows the password")
	}
}
