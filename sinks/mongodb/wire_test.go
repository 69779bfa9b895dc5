package mongodb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/mongodb"
)

// rec is a record of key that happened minute minutes after a moment.
func rec(id, key string, minute int, fields map[string]any) pipeline.Record {
	at := time.Date(2026, 3, 3, 8, 30, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
	return pipeline.Record{ID: id, Key: key, Kind: "lead", Source: "landing", Occurred: at, Received: at, Fields: fields}
}

func several(n int) []pipeline.Record {
	var batch []pipeline.Record
	for i := range n {
		id := fmt.Sprintf("r%d", i)
		batch = append(batch, rec(id, id, 0, map[string]any{"name": "Nguyễn Văn A", "phone": "0900000000"}))
	}
	return batch
}

// fate is an outcome in a word.
func fate(o pipeline.Outcome) string {
	_, held := pipeline.IsHold(o.Err)
	switch {
	case o.Err == nil:
		return "stored"
	case pipeline.IsPermanent(o.Err):
		return "permanent"
	case held:
		return "held"
	}
	return "unknown"
}

func fates(out []pipeline.Outcome) string {
	var words []string
	for _, o := range out {
		words = append(words, fate(o))
		if o.Err != nil {
			for _, leak := range []string{password, "Nguyễn", "0900000000", "127.0.0.1"} {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", o.Err, o.Err, o.Err), leak) {
					words = append(words, "LEAK of "+leak)
				}
			}
		}
	}
	return strings.Join(words, " ")
}

// onCommand reacts to the first times messages of one command.
func onCommand(name string, times int, r reaction) func(*message) reaction {
	var mu sync.Mutex
	return func(m *message) reaction {
		mu.Lock()
		defer mu.Unlock()
		if m.command != name || times == 0 {
			return reaction{}
		}
		times--
		return r
	}
}

// errorsAt is a bulk's answer with an error at each of the places, all else
// done. Its words quote the document, as the server's do.
func errorsAt(n, code int, places ...int) bson.D {
	errs := bson.A{}
	for _, i := range places {
		errs = append(errs, bson.D{{Key: "index", Value: int32(i)}, {Key: "code", Value: int32(code)}, {Key: "errmsg", Value: "refused: Nguyễn Văn A 0900000000"}})
	}
	return bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(n - len(places))}, {Key: "nModified", Value: int32(n - len(places))}, {Key: "writeErrors", Value: errs}}
}

func TestDiskFullUnderAGeneralCode(t *testing.T) {
	h, _ := openFake(t)
	full := refusal(1, "InternalError")
	full[3].Value = "collection.go:84 database or disk is full (13)"
	h.gate.set(onCommand("insert", -1, reaction{reply: full}))
	if got := fates(h.sink.Write(t.Context(), several(2))); got != "held held" {
		t.Error(got)
	}
}

// TestHeavyDocumentBreaksTheCommand lets the server refuse any command that
// carries r2: the others must not suffer.
func TestHeavyDocumentBreaksTheCommand(t *testing.T) {
	h, _ := openFake(t)
	breaks := func(m *message) reaction {
		for _, list := range []string{"documents", "updates"} {
			for _, d := range m.list(list) {
				if strings.Contains(string(d), "r2") {
					return reaction{reply: refusal(10334, "BSONObjectTooLarge")}
				}
			}
		}
		return reaction{}
	}
	h.gate.set(breaks)
	batch := several(5)
	if got := fates(h.sink.Write(t.Context(), batch)); got != "stored stored permanent stored stored" {
		t.Error(got)
	}
	h.gate.set(nil)
	h.sink.Write(t.Context(), batch)
	for i := range batch {
		batch[i].Occurred = batch[i].Occurred.Add(time.Minute)
	}
	h.gate.set(func(m *message) reaction {
		if m.command != "update" {
			return reaction{}
		}
		return breaks(m)
	})
	if got := fates(h.sink.Write(t.Context(), batch)); got != "stored stored permanent stored stored" {
		t.Error(got)
	}
}

func TestTooHeavyIsNotSent(t *testing.T) {
	h, s := openFake(t)
	batch := several(3)
	batch[1].Fields["note"] = strings.Repeat("x", 16<<20)
	if got := fates(h.sink.Write(t.Context(), batch)); got != "stored permanent stored" {
		t.Error(got)
	}
	// Each would pass, one row of both would not.
	half := strings.Repeat("y", 9<<20)
	batch = []pipeline.Record{rec("h1", "h", 0, map[string]any{"note": half}), rec("h2", "h", 1, map[string]any{"name": half})}
	s.refuse = func(doc bson.D) bson.D {
		raw, _ := bson.Marshal(doc)
		if len(raw) <= 16<<20 {
			return nil
		}
		return bson.D{{Key: "code", Value: int32(17419)}, {Key: "errmsg", Value: "Resulting document after update is larger than 16777216"}}
	}
	if got := fates(h.sink.Write(t.Context(), batch)); got != "stored permanent" {
		t.Error(got)
	}
}

// TestStepdown is a primary that steps down in the middle of a bulk: what it
// had done is done, and the driver or the worker repeats the rest.
func TestStepdown(t *testing.T) {
	for _, set := range []string{"", "rs0"} {
		t.Run("set "+set, func(t *testing.T) {
			h, s := openFake(t)
			s.set, s.addr = set, h.gate.addr()
			h.gate.set(onCommand("insert", 1, reaction{reply: refusal(10107, "NotWritablePrimary", "RetryableWriteError")}))
			first := h.sink.Write(t.Context(), several(3))
			if set == "" {
				if got := fates(first); got != "held held held" {
					t.Errorf("a stepdown: %s", got)
				}
				first = h.sink.Write(t.Context(), several(3))
			}
			if got := fates(first); got != "stored stored stored" {
				t.Errorf("after a stepdown: %s", got)
			}
			if n := len(h.rows(t)); n != 3 {
				t.Errorf("%d rows, want 3", n)
			}
		})
	}
}

func TestWriteConcernNotMet(t *testing.T) {
	concern := bson.D{
		{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(2)},
		{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(64)}, {Key: "codeName", Value: "WriteConcernTimeout"}, {Key: "errmsg", Value: "waiting for replication timed out"}}},
	}
	h, _ := openFake(t)
	h.gate.set(onCommand("insert", 1, reaction{reply: concern}))
	if got := fates(h.sink.Write(t.Context(), several(2))); got != "held held" {
		t.Errorf("insert: %s", got)
	}
	batch := several(2)
	h.sink.Write(t.Context(), batch)
	for i := range batch {
		batch[i].Occurred = batch[i].Occurred.Add(time.Minute)
	}
	h.gate.set(onCommand("update", 1, reaction{reply: concern}))
	if got := fates(h.sink.Write(t.Context(), batch)); got != "held held" {
		t.Errorf("update: %s", got)
	}
}

// TestUpdateRaced lets another writer change the row between the look and the
// write. Nothing is overwritten, and the next try sees what is there.
func TestUpdateRaced(t *testing.T) {
	h, s := openFake(t)
	h.sink.Write(t.Context(), []pipeline.Record{rec("a", "row", 0, map[string]any{"name": "cũ"}), rec("b", "other", 0, nil)})
	var once sync.Once
	h.gate.set(func(m *message) reaction {
		if m.command == "update" {
			once.Do(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.docs["row"] = put(put(s.docs["row"], []string{"fields", "name"}, "của người khác"), []string{"revision"}, int64(2))
				s.docs["row"] = put(s.docs["row"], []string{"version"}, "9999")
			})
		}
		return reaction{}
	})
	batch := []pipeline.Record{
		rec("c", "row", 5, map[string]any{"name": "của mình", "note": "thêm"}),
		rec("d", "other", 5, map[string]any{"note": "thêm"}),
	}
	if got := fates(h.sink.Write(t.Context(), batch)); got != "unknown stored" {
		t.Errorf("raced: %s", got)
	}
	if got := fates(h.sink.Write(t.Context(), batch)); got != "stored stored" {
		t.Errorf("again: %s", got)
	}
	if name := value(s.docs["row"], "fields.name"); name != "của người khác" {
		t.Errorf("the row's name is %q", name)
	}
	if note := value(s.docs["row"], "fields.note"); note != "thêm" {
		t.Errorf("the row's note is %q", note)
	}
}

// TestServerStopsAtAnError is an update command that ends at its first error
// and tells of no other, as the embedded server's does.
func TestServerStopsAtAnError(t *testing.T) {
	h, _ := openFake(t)
	batch := several(4)
	h.sink.Write(t.Context(), batch)
	for i := range batch {
		batch[i].Occurred = batch[i].Occurred.Add(time.Minute)
	}
	stopped := errorsAt(1, 2, 0)
	h.gate.set(onCommand("update", 1, reaction{reply: stopped}))
	if got := fates(h.sink.Write(t.Context(), batch)); got != "permanent unknown unknown unknown" {
		t.Errorf("%s: a record that was not written is said to be", got)
	}
}

func TestUniqueIndexOfTheOperators(t *testing.T) {
	h, s := openFake(t)
	s.unique = "fields.phone"
	first := rec("a", "a", 0, map[string]any{"phone": "0900000000"})
	second := rec("b", "b", 0, map[string]any{"phone": "0900000000"})
	third := rec("c", "c", 0, map[string]any{"phone": "0900000001"})
	out := h.sink.Write(t.Context(), []pipeline.Record{first, second, third})
	if got := fates(out); got != "stored permanent stored" {
		t.Fatal(got)
	}
	if !strings.Contains(out[1].Err.Error(), "fields.phone") {
		t.Errorf("the error does not name the index: %v", out[1].Err)
	}
	out = h.sink.Write(t.Context(), []pipeline.Record{rec("d", "c", 1, map[string]any{"phone": "0900000000"})})
	if got := fates(out); got != "permanent" {
		t.Error(got)
	}
}

func TestValidatorNamesItsRule(t *testing.T) {
	h, _ := openFake(t)
	out := h.sink.Write(t.Context(), []pipeline.Record{rec("a", "a", 0, map[string]any{"bad": true, "name": "Nguyễn Văn A"})})
	if got := fates(out); got != "permanent" || !strings.HasSuffix(out[0].Err.Error(), "see bad") {
		t.Errorf("%s: %v", got, out[0].Err)
	}
}

// TestForeignDocument merges into a document that another program made.
func TestForeignDocument(t *testing.T) {
	h, s := openFake(t)
	s.docs["a"] = bson.D{{Key: "_id", Value: "a"}, {Key: "theirs", Value: true}}
	if got := fates(h.sink.Write(t.Context(), []pipeline.Record{rec("a", "a", 0, map[string]any{"name": "x"})})); got != "stored" {
		t.Fatal(got)
	}
	if value(s.docs["a"], "theirs") != true || value(s.docs["a"], "fields.name") != "x" || value(s.docs["a"], "revision") != int64(1) {
		t.Errorf("merged into %v", s.docs["a"])
	}
}

func TestIndexConflictHolds(t *testing.T) {
	h, s := openFake(t)
	s.indexes = append(s.indexes, bson.D{{Key: "key", Value: bson.D{{Key: "fields.tel", Value: int32(1)}}}, {Key: "name", Value: "fields.phone_1"}})
	out := h.sink.Write(t.Context(), several(1))
	if got := fates(out); got != "held" || !strings.Contains(out[0].Err.Error(), "IndexKeySpecsConflict") {
		t.Errorf("%s: %v", got, out[0].Err)
	}
	if f := failing(h.sink.Check(t.Context())); len(f) != 1 || f[0].Setting != "sinks.archive.mongodb.collection" {
		t.Errorf("Check fails %+v", f)
	}
	s.mu.Lock()
	s.indexes = s.indexes[:1]
	s.mu.Unlock()
	if got := fates(h.sink.Write(t.Context(), several(1))); got != "stored" {
		t.Errorf("after the conflict was removed: %s", got)
	}
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	g := newGate(t, func() (answerer, error) { return newStore(), nil })
	g.ln.Close()
	h := open(t, g, mongodb.Options{})
	out := h.sink.Write(t.Context(), several(2))
	if got := fates(out); got != "held held" || !strings.Contains(out[0].Err.Error(), "connection refused") {
		t.Errorf("%s: %v", got, out[0].Err)
	}
	if f := failing(h.sink.Check(t.Context())); len(f) != 1 || f[0].Setting != "sinks.archive.mongodb.uri" {
		t.Errorf("Check fails %+v", f)
	}
}

func TestLoginRefused(t *testing.T) {
	h, _ := openFake(t)
	h.gate.set(onCommand("saslStart", -1, reaction{reply: refusal(18, "AuthenticationFailed")}))
	out := h.sink.Write(t.Context(), several(1))
	if got := fates(out); got != "held" || !strings.Contains(out[0].Err.Error(), "AuthenticationFailed") {
		t.Errorf("%s: %v", got, out[0].Err)
	}
	if f := failing(h.sink.Check(t.Context())); len(f) != 1 || !strings.Contains(f[0].Fix, "password") {
		t.Errorf("Check fails %+v", f)
	}
}

func TestClosed(t *testing.T) {
	h, _ := openFake(t)
	if err := h.sink.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fates(h.sink.Write(context.Background(), several(1))); got != "held" {
		t.Errorf("after Close: %s", got)
	}
	if err := h.sink.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func failing(found []pipeline.Finding) []pipeline.Finding {
	return slices.DeleteFunc(found, func(f pipeline.Finding) bool { return f.Level != pipeline.Fail })
}

// noConf is a configuration for tests that need no server.
func noConf() config.MongoDB {
	return config.MongoDB{URI: config.NewSecret("mongodb://127.0.0.1:1/"), Database: "mekong", Collection: "records", WriteConcern: "majority", Writers: 4}
}
