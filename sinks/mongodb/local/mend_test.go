//go:build !mekong_no_embedded_mongodb

package local

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// run starts the server on dir, makes what the sink makes, stores one document
// and gives how many there are.
func run(t *testing.T, dir, id string) int64 {
	t.Helper()
	s, err := Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.EnsureIndex(t.Context(), "mekong", "records"); err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	coll := client.Database("mekong").Collection("records")
	for _, field := range []string{"occurred", "fields.phone"} {
		model := mongo.IndexModel{Keys: bson.D{{Key: field, Value: int32(1)}}, Options: options.Index().SetName(field + "_1")}
		if _, err := coll.Indexes().CreateOne(t.Context(), model); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
		t.Fatal(err)
	}
	if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("the same _id twice says %v", err)
	}
	n, err := coll.CountDocuments(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Whatever the server was in the middle of making when it was killed, the next
// start goes on, with every document and with the index that keeps them apart.
func TestAKillWhileSomethingIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		left string // what the kill left, over a server that had run before
		want int64  // documents after one more
	}{
		"nothing":             {"SELECT 1", 2},
		"an index":            {`CREATE INDEX "%[1]s_late_1" ON "%[1]s" (_ferretdb_sjson->"late")`, 2},
		"an index, unlisted":  {`UPDATE _ferretdb_collections SET settings = replace(settings, '{"name":"fields.phone_1","key":[{"field":"fields.phone","descending":false}],"unique":false}', '{"name":"other_1","key":[{"field":"other","descending":false}],"unique":false}')`, 2},
		"a table":             {`DELETE FROM "%[1]s"; DELETE FROM _ferretdb_collections`, 1},
		"a table without _id": {`DELETE FROM "%[1]s"; DROP INDEX "%[1]s__id_"; UPDATE _ferretdb_collections SET settings = '{}'`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if n := run(t, dir, "first"); n != 1 {
				t.Fatalf("%d documents at first", n)
			}
			db, err := sql.Open("sqlite", filepath.Join(dir, "mekong.sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			var table string
			if err := db.QueryRow("SELECT table_name FROM _ferretdb_collections").Scan(&table); err != nil {
				t.Fatal(err)
			}
			left := c.left
			if left != "SELECT 1" && name != "an index, unlisted" {
				left = fmt.Sprintf(left, table)
			}
			if _, err := db.Exec(left); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if n := run(t, dir, "second"); n != c.want {
				t.Errorf("%d documents, want %d", n, c.want)
			}
		})
	}
}
