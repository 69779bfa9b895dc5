//go:build !mekong_no_embedded_mongodb

package local_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"mekong/sinks/mongodb/local"
)

// childDir tells the test binary that it is the process to be killed.
const childDir = "MEKONG_TEST_LOCAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

func start(t *testing.T, dir string) *local.Server {
	t.Helper()
	s, err := local.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// connect disconnects before the server closes: clean-ups run last first.
func connect(t *testing.T, s *local.Server) *mongo.Client {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetTimeout(20 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect(context.Background()) })
	return c
}

func TestKeepsWhatItWasGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "thư mục có dấu", "mongodb")
	s := start(t, dir)
	c := connect(t, s)
	if err := s.EnsureIndex(t.Context(), "mekong", "records"); err != nil {
		t.Fatal(err)
	}
	if err := s.EnsureIndex(t.Context(), "mekong", "records"); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	coll := c.Database("mekong").Collection("records")
	if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}, {Key: "name", Value: "Nguyễn"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := coll.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}, bson.D{{Key: "$set", Value: bson.D{{Key: "name", Value: "Trần"}}}}); err != nil {
		t.Fatal(err)
	}
	_ = c.Disconnect(t.Context())
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a clean stop took %v", took)
	}

	coll = connect(t, start(t, dir)).Database("mekong").Collection("records")
	var doc struct{ Name string }
	if err := coll.FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Decode(&doc); err != nil || doc.Name != "Trần" {
		t.Errorf("after a restart: %+v, %v", doc, err)
	}
}

func TestIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	s := start(t, dir)
	if err := s.EnsureIndex(t.Context(), "mekong", "records"); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v lets others in", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusesADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	if _, err := local.Start(t.Context(), dir); !errors.Is(err, local.ErrInUse) {
		t.Errorf("a second server on one directory: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
}

func TestPathTooLongForASocket(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), strings.Repeat("d", 120)))
	if err := connect(t, s).Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestPathThatIsNoAddress(t *testing.T) {
	for _, name := range []string{"100%", "a?b", "a#b"} {
		dir := filepath.Join(t.TempDir(), name)
		if s, err := local.Start(t.Context(), dir); err == nil {
			s.Close()
			t.Errorf("started on %s", name)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

func TestContextEndedBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := local.Start(ctx, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("started: %v", err)
	}
}

// TestIndexIsUsed counts on time, with a wide margin: without the index a
// look-up reads 20,000 documents.
func TestIndexIsUsed(t *testing.T) {
	s := start(t, t.TempDir())
	if err := s.EnsureIndex(t.Context(), "mekong", "records"); err != nil {
		t.Fatal(err)
	}
	c := connect(t, s)
	took := map[string]time.Duration{}
	for _, name := range []string{"records", "plain"} {
		coll := c.Database("mekong").Collection(name)
		for i := 0; i < 5000; i += 1000 {
			var docs []any
			for j := range 1000 {
				docs = append(docs, bson.D{{Key: "_id", Value: fmt.Sprintf("k%05d", i+j)}, {Key: "note", Value: strings.Repeat("x", 300)}})
			}
			if _, err := coll.InsertMany(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for i := range 20 {
			if err := coll.FindOne(t.Context(), bson.D{{Key: "_id", Value: fmt.Sprintf("k%05d", 4900+i)}}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		took[name] = time.Since(began) / 20
	}
	t.Logf("look-up by _id in 5,000 documents: %v with the index, %v without", took["records"], took["plain"])
	if took["records"]*2 > took["plain"] {
		t.Errorf("the index does not help: %v with it, %v without", took["records"], took["plain"])
	}
}

// TestKill kills a process with SIGKILL while it inserts, and looks for every
// document it had been told was stored.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			acknowledged = n
		} else {
			t.Errorf("the child says %q", lines.Text())
		}
		if acknowledged == 400 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if acknowledged < 400 {
		t.Fatalf("the child stopped after %d documents", acknowledged)
	}
	coll := connect(t, start(t, dir)).Database("mekong").Collection("records")
	cursor, err := coll.Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var docs []struct {
		ID string `bson:"_id"`
	}
	if err := cursor.All(t.Context(), &docs); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, d := range docs {
		there[d.ID] = true
	}
	for i := 1; i <= acknowledged; i++ {
		if !there[strconv.Itoa(i)] {
			t.Errorf("document %d was acknowledged and is gone", i)
		}
	}
}

// child inserts one document after the other and prints the number of each one
// acknowledged, until it is killed.
func child(dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	s, err := local.Start(ctx, dir)
	fail(err)
	fail(s.EnsureIndex(ctx, "mekong", "records"))
	c, err := mongo.Connect(options.Client().ApplyURI(s.URI()))
	fail(err)
	coll := c.Database("mekong").Collection("records")
	for i := 1; ; i++ {
		_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: strconv.Itoa(i)}})
		fail(err)
		fmt.Println(i)
	}
}
