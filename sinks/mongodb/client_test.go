package mongodb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"mekong/config"
	"mekong/pipeline"
)

func TestNewRefuses(t *testing.T) {
	good := config.MongoDB{Database: "mekong", Collection: "records", WriteConcern: "majority"}
	with := func(change func(*config.MongoDB)) config.MongoDB {
		c := good
		c.URI = config.NewSecret("mongodb://127.0.0.1/")
		change(&c)
		return c
	}
	uri := func(s string) config.MongoDB {
		return with(func(c *config.MongoDB) { c.URI = config.NewSecret(s) })
	}
	tests := []struct {
		name, setting string
		conf          config.MongoDB
	}{
		{"no address", "uri", good},
		{"an address of something else", "uri", uri("http://u:s3cr3t@127.0.0.1/")},
		{"a password that is not encoded", "uri", uri("mongodb://u:s3cr3t/@@127.0.0.1/")},
		{"a bad port", "uri", uri("mongodb://u:s3cr3t@127.0.0.1:99999999/")},
		{"an option with a bad value", "uri", uri("mongodb://u:s3cr3t@127.0.0.1/?authMechanism=s3cr3t")},
		{"w=0 in the address", "uri", uri("mongodb://u:s3cr3t@127.0.0.1/?w=0")},
		{"w=0", "write_concern", with(func(c *config.MongoDB) { c.WriteConcern = "0" })},
		{"w=-1", "write_concern", with(func(c *config.MongoDB) { c.WriteConcern = "-1" })},
		{"w=most", "write_concern", with(func(c *config.MongoDB) { c.WriteConcern = "most" })},
		{"no database", "database", with(func(c *config.MongoDB) { c.Database = "" })},
		{"no collection", "collection", with(func(c *config.MongoDB) { c.Collection = "" })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := New("archive", test.conf, Options{})
			if err == nil {
				s.Close()
				t.Fatal("made")
			}
			if !strings.HasPrefix(err.Error(), "sinks.archive.mongodb."+test.setting+": ") {
				t.Errorf("does not name %s: %v", test.setting, err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "s3cr3t") {
				t.Errorf("shows the address: %s", text)
			}
		})
	}
}

func TestClientOptions(t *testing.T) {
	options := func(uri string, change func(*config.MongoDB)) *Sink {
		c := config.MongoDB{URI: config.NewSecret(uri), Database: "mekong", Collection: "records", Writers: 3}
		if change != nil {
			change(&c)
		}
		s, err := New("archive", c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	near, err := options("mongodb://127.0.0.1,localhost:27018,[::1]:27019,%2Frun%2Fm.sock/?w=1&readPreference=secondary", nil).clientOptions()
	if err != nil {
		t.Fatal(err)
	}
	if near.WriteConcern.W != writeconcern.WCMajority || near.WriteConcern.Journal == nil || !*near.WriteConcern.Journal {
		t.Errorf("write concern %+v", near.WriteConcern)
	}
	if *near.Timeout != defaultTimeout || *near.ServerSelectionTimeout != selection || *near.MaxPoolSize != 7 || *near.AppName != "mekong" {
		t.Errorf("timeout %v, selection %v, pool %d, name %q", *near.Timeout, *near.ServerSelectionTimeout, *near.MaxPoolSize, *near.AppName)
	}
	if near.Compressors != nil || near.ReadPreference.Mode().String() != "primary" || near.ReadConcern.Level != "majority" {
		t.Errorf("compressors %q, reads from %v at %q", near.Compressors, near.ReadPreference, near.ReadConcern.Level)
	}
	far, err := options("mongodb://127.0.0.1,db.example.com/?maxPoolSize=50&serverSelectionTimeoutMS=1000", func(c *config.MongoDB) {
		c.WriteConcern, c.Timeout = "2", time.Minute
	}).clientOptions()
	if err != nil {
		t.Fatal(err)
	}
	if far.WriteConcern.W != 2 || *far.Timeout != time.Minute || *far.MaxPoolSize != 50 || *far.ServerSelectionTimeout != time.Second {
		t.Errorf("concern %+v, timeout %v, pool %d, selection %v", far.WriteConcern, *far.Timeout, *far.MaxPoolSize, *far.ServerSelectionTimeout)
	}
	if strings.Join(far.Compressors, " ") != "zstd snappy" || far.ReadConcern.Level != "local" {
		t.Errorf("compressors %q, reads at %q", far.Compressors, far.ReadConcern.Level)
	}
}

func TestLimits(t *testing.T) {
	for _, test := range []struct{ configured, bears, want int }{{4, 0, 4}, {0, 0, 1}, {8, 4, 4}, {2, 4, 2}} {
		s, err := New("archive", config.MongoDB{Database: "d", Collection: "c", Writers: test.configured}, Options{URI: "mongodb://127.0.0.1/", Writers: test.bears})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Limits(); got.Batch != 500 || got.Wait <= 0 || got.Wait > 20*time.Millisecond || got.Writers != test.want {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

// TestSRV asks for a name that cannot exist: the sink is made all the same, and
// holds what it is given until DNS answers.
func TestSRV(t *testing.T) {
	s, err := New("archive", config.MongoDB{URI: config.NewSecret("mongodb+srv://u:s3cr3t@cluster.mekong.invalid/"), Database: "d", Collection: "c"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := s.Write(t.Context(), []pipeline.Record{{ID: "a", Key: "a"}})
	if _, held := pipeline.IsHold(out[0].Err); !held || strings.Contains(fmt.Sprintf("%+v", out[0].Err), "s3cr3t") {
		t.Errorf("%+v", out[0].Err)
	}
}
