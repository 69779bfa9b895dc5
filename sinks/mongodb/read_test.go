package mongodb_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/mongodb"
	"mekong/sinks/mongodb/local"
)

// What was written is read as it was written, from a server that another part of
// the machine started, and no more of it than was asked for.
func TestReadGivesWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	if uri := local.Running(dir); uri != "" {
		t.Errorf("nothing runs yet, and it is at %s", uri)
	}
	srv, err := local.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if uri := local.Running(dir); uri != "" {
			t.Errorf("it was stopped, and is at %s", uri)
		}
	}()
	c := config.MongoDB{Database: "mekong", Collection: "records", Timeout: 20 * time.Second}
	open := func(o mongodb.Options) *mongodb.Sink {
		t.Helper()
		s, err := mongodb.New("archive", c, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	write := open(mongodb.Options{URI: srv.URI(), MaxUpdates: local.MaxUpdates, Alone: true})
	began := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	const many = 1203
	want := map[string]pipeline.Record{}
	var batch []pipeline.Record
	for i := range many {
		at := began.Add(time.Duration(i) * time.Minute)
		r := pipeline.Record{
			ID: fmt.Sprintf("id-%d", i), Key: fmt.Sprintf("key-%d", i), Kind: "lead", Source: "landing", Occurred: at, Received: at,
			Fields: map[string]any{"phone": "+84900000000", "utm.source": "fb", "$x": "1", "score": 2.5, "ok": true, "none": nil, "list": []string{"a", "b"}, "": "nameless", "bad": math.NaN()},
		}
		batch = append(batch, r)
		r.Fields = map[string]any{}
		for k, v := range batch[i].Fields {
			r.Fields[k] = v
		}
		r.Fields["bad"] = "NaN"
		want[r.Key] = r
	}
	for _, o := range write.Write(t.Context(), batch) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	for name, o := range map[string]mongodb.Options{"as the owner": {URI: local.Running(dir), Alone: true}, "as a visitor": {URI: local.Running(dir)}} {
		read := open(o)
		got := map[string]bool{}
		if err := read.Read(t.Context(), time.Time{}, func(r pipeline.Record) error {
			if !reflect.DeepEqual(r, want[r.Key]) {
				return fmt.Errorf("read %+v, written %+v", r, want[r.Key])
			}
			got[r.Key] = true
			return nil
		}); err != nil || len(got) != many {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
		}
		since, n := began.Add((many-10)*time.Minute), 0
		if err := read.Read(t.Context(), since, func(r pipeline.Record) error { n++; return nil }); err != nil || n != 10 {
			t.Errorf("%s: %d rows of the last ten, %v", name, n, err)
		}
		stop := errors.New("enough")
		if err := read.Read(t.Context(), time.Time{}, func(pipeline.Record) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
