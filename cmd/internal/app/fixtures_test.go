package app

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var update = flag.Bool("update", false, "write what is got as what is wanted")

// fixture is a request as LadiPage, a browser or somebody's script sends it.
type fixture struct {
	Name    string            `json:"name"`
	Headers map[string]string `json:"headers"`
	body    []byte
}

// fixtures are those of the source: the folder's index says how each is sent.
func fixtures(t *testing.T) []fixture {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "sources", "ladipage", "testdata")
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	if err := json.Unmarshal(index, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].body, err = os.ReadFile(filepath.Join(dir, all[i].Name+".body")); err != nil {
			t.Fatal(err)
		}
	}
	bodies, err := filepath.Glob(filepath.Join(dir, "*.body"))
	if err != nil || len(bodies) != len(all) || len(all) == 0 {
		t.Fatalf("%d bodies, %d in the index (%v)", len(bodies), len(all), err)
	}
	return all
}

// Every submission that is known to occur goes through the real door, store,
// transform and sink, twice, and is one document with the right meaning. Each
// has a source of its own: some are one submission in several encodings, which
// one source would take for the same delivery.
func TestFixturesOverHTTP(t *testing.T) {
	all := fixtures(t)
	text := "sinks: { archive: { mongodb: { database: mekong, collection: records } } }\nsources:\n"
	for _, f := range all {
		text += "  " + f.Name + ": { ladipage: { token: " + secretToken + " } }\n"
	}
	r := start(t, configured(t, t.TempDir(), text), Options{})
	began := time.Now()
	ids := map[string]string{} // ID → fixture
	for _, f := range all {
		f.Headers["Token"] = secretToken
		for range 2 {
			got, err := send(t.Context(), r.base+"/in/"+f.Name, f.body, f.Headers)
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if got.status != http.StatusOK || got.ID == "" {
				t.Fatalf("%s: answered %d %s", f.Name, got.status, got.text)
			}
			ids[got.ID] = f.Name
		}
	}
	line := r.settled("archive")["archive"]
	if n := int64(len(all)); line.Accepted != n || line.Stored != n {
		t.Errorf("%d fixtures sent twice, and the balance is %+v", n, line)
	}
	docs := map[string]bson.D{}
	for _, d := range r.documents("mekong", "records") {
		id, _ := in(d, "id").(string)
		name, ok := ids[id]
		if !ok || docs[name] != nil {
			t.Errorf("the document of %q (%s) is one too many", id, name)
		}
		docs[name] = d
	}
	for _, f := range all {
		t.Run(f.Name, func(t *testing.T) {
			d := docs[f.Name]
			if d == nil {
				t.Fatal("there is no document of it")
			}
			golden(t, filepath.Join("testdata", "fixtures", f.Name+".json"), steady(t, d, began))
		})
	}
	// What must be so is said here as well, where -update cannot change it.
	for name, phone := range map[string]string{
		"phone-plus-raw":        "+84900000006",
		"phone-nine-digits":     "+84900000007",
		"labels-json":           "+84900000002",
		"labels-nfd":            "+84900000003",
		"labels-urlencoded-raw": "+84900000004",
	} {
		if got := in(docs[name], "fields", "phone"); got != phone {
			t.Errorf("%s: the phone is %v, want %s", name, got, phone)
		}
	}
	for name, person := range map[string]string{
		"labels-nfd":            "Phạm Thị Ế",
		"labels-urlencoded-raw": "Đặng F",
	} {
		if got := in(docs[name], "fields", "name"); got != person {
			t.Errorf("%s: the name is %q, want %q", name, got, person)
		}
	}
}

// steady writes a document as text, with what differs from run to run replaced:
// hashes of content and time, and when it came in.
func steady(t *testing.T, d bson.D, began time.Time) string {
	t.Helper()
	if in(d, "_id") != in(d, "id") {
		t.Errorf("_id is %v and id %v: without a configured key each delivery is a row", in(d, "_id"), in(d, "id"))
	}
	// What carries the present time was made of when it came in.
	now := func(at time.Time) bool {
		return !at.Before(began.Add(-time.Millisecond)) && !at.After(time.Now())
	}
	if at, ok := in(d, "received").(bson.DateTime); !ok || !now(at.Time()) {
		t.Errorf("received is %v, in a test that began at %v", in(d, "received"), began)
	}
	var replace func(d bson.D) bson.D
	replace = func(d bson.D) bson.D {
		out := make(bson.D, len(d))
		for i, e := range d {
			switch v := e.Value.(type) {
			case bson.D:
				e.Value = replace(v)
			case bson.DateTime:
				if now(v.Time()) {
					e.Value = "(when it came in)"
				}
			case string:
				if at, err := time.Parse(time.RFC3339Nano, v); err == nil && now(at) {
					e.Value = "(when it came in)"
				}
			}
			if e.Key == "_id" || e.Key == "id" || e.Key == "version" {
				e.Value = "(varies)"
			}
			out[i] = e
		}
		return out
	}
	text, err := bson.MarshalExtJSONIndent(replace(d), false, false, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
