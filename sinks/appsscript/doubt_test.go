package appsscript_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/appsscript/scriptsim"
)

// batches are the ids of the requests so far.
func (w *world) batches(t testing.TB) (ids []string) {
	for _, body := range w.server.Requests() {
		var e struct{ Batch string }
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.Batch)
	}
	return ids
}

// TestDoubt: a request whose answer was lost comes again under its id before anything
// else, and what people did meanwhile stays done.
func TestDoubt(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		w := newWorld(t, b)
		s := w.sink(t, nil)
		batch := leads(0, 3)
		w.server.Inject(scriptsim.LostEcho, 1)
		held(t, s.Write(t.Context(), batch))
		unsure := false
		for _, f := range s.Check(t.Context()) {
			unsure = unsure || f.Level == pipeline.Warn && strings.Contains(f.What, "was lost")
		}
		if !unsure {
			t.Error("Check does not tell of the doubt")
		}
		b.deleteRow(3) // somebody has done with lead-00001 already
		refs := store(t, s, batch...)
		ids := w.batches(t)
		if n := len(ids); n != 3 || ids[0] != ids[2] || ids[0] == ids[1] {
			t.Errorf("requests %q: want the first one again after the check, and no other", ids)
		}
		if n := len(rowsOf(b.dump(t))); n != 2 {
			t.Errorf("%d rows: the one that was deleted came back", n)
		}
		if refs[0] == "" || refs[1] != "" || refs[2] == "" {
			t.Errorf("links %q", refs)
		}
		// Another batch next: the doubt comes first, too.
		w.server.Inject(scriptsim.LostRedirect, 1)
		held(t, s.Write(t.Context(), leads(10, 2)))
		store(t, s, leads(20, 2)...)
		store(t, s, leads(10, 2)...)
		ids = w.batches(t)[3:]
		if len(ids) != 4 || ids[0] != ids[1] || ids[1] == ids[2] {
			t.Errorf("requests %q", ids)
		}
		if n := len(rowsOf(b.dump(t))); n != 6 {
			t.Errorf("%d rows, want 6", n)
		}
	})
}

// TestForgetAfterADoubt: a late run of a request must not bring back what was erased,
// nor erase who came back.
func TestForgetAfterADoubt(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		w := newWorld(t, b)
		s := w.sink(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		reached := w.server.Inject(scriptsim.Hang, 1)
		go func() {
			<-reached
			cancel()
		}()
		for _, o := range s.Write(ctx, leads(0, 2)) {
			if o.Err == nil || pipeline.IsPermanent(o.Err) {
				t.Errorf("a stop became %v", o.Err)
			}
		}
		late := w.server.Requests()[0] // as if it waited for the lock
		if err := s.Forget(t.Context(), []string{"lead-00000"}); err != nil {
			t.Fatal(err)
		}
		b.Post(late)
		if rows := rowsOf(b.dump(t)); len(rows) != 1 || rows[0].Key != "lead-00001" {
			t.Errorf("after a late run: %v", rows)
		}
		// And a late Forget.
		w.server.Inject(scriptsim.LostEcho, 1)
		if err := s.Forget(t.Context(), []string{"lead-00001"}); err == nil {
			t.Fatal("a lost answer is no error")
		}
		if err := s.Forget(t.Context(), []string{"lead-00001"}); err != nil {
			t.Fatal(err)
		}
		store(t, s, leads(1, 1)...)
		for _, body := range w.server.Requests() {
			b.Post(body)
		}
		if rows := rowsOf(b.dump(t)); len(rows) != 1 || rows[0].Key != "lead-00001" {
			t.Errorf("after late runs of everything: %v", rows)
		}
	})
}

// TestADoubtEnds: a request that never ends well does not stop the sink for ever.
func TestADoubtEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault scriptsim.Fault
		tries int
		pass  time.Duration // between tries
	}{
		{"the script fails each time", scriptsim.Quota, 3, time.Second},
		{"no run can be alive any more", scriptsim.LostRedirect, 1, 8 * time.Minute},
		{"nothing is heard for half an hour", scriptsim.Outage, 7, 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, onModel(t))
			var passed atomic.Int64 // nanoseconds
			now := func() time.Time { return base.Add(time.Duration(passed.Load())) }
			model := scriptsim.NewModel(scriptsim.ModelOptions{Secret: secret, Now: now})
			w.backend = &modelBackend{model}
			w.server = scriptsim.New(model)
			w.http.Config.Handler = w.server
			s := w.sink(t, func(_ *config.AppsScript, o *appsscript.Options) { o.Now = now })
			w.server.Inject(c.fault, -1)
			for range c.tries {
				held(t, s.Write(t.Context(), leads(0, 100)))
				passed.Add(int64(c.pass))
			}
			w.server.Clear()
			store(t, s, leads(0, 100)...)
			ids := w.batches(t)
			if ids[0] == ids[c.tries] {
				t.Error("the doubt did not end")
			}
			for _, id := range ids[:c.tries] {
				if id != ids[0] {
					t.Errorf("another id while the doubt lasts: %q", ids)
				}
			}
			if n := len(rowsOf(w.dump(t))); n != 100 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// TestFewerAtOnce: what is too slow in one piece goes in smaller ones, and one record
// that the script breaks on is no reason to stop.
func TestFewerAtOnce(t *testing.T) {
	t.Parallel()
	b := newNode(t, defaults())
	if b == nil {
		return
	}
	w := newWorld(t, b)
	s := w.sink(t, nil)
	b.set(map[string]any{"failAt": "flush"})
	batch := leads(0, 4)
	for range 12 { // from 300 down to one
		err := held(t, s.Write(t.Context(), batch))
		if !strings.Contains(err.Error(), "the step write") && !strings.Contains(err.Error(), "the step headers") {
			t.Fatalf("the error is %q", err)
		}
	}
	held(t, s.Write(t.Context(), batch[:1])) // nothing says that it is this record's fault
	if body := w.server.Requests()[12]; strings.Contains(body, "lead-00001") {
		t.Error("the request did not become smaller")
	}
	b.set(map[string]any{"failAt": "open"})
	if f := s.Check(t.Context())[0]; f.Level != pipeline.Fail || !strings.Contains(f.Fix, "Extensions (Tiện ích mở rộng)") {
		t.Errorf("the finding is %+v", f)
	}
	b.set(map[string]any{"failAt": ""})
	store(t, s, batch...)
	if n := len(rowsOf(b.dump(t))); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
}

// TestAPoisonedRecord: the script breaks on one record, and the others go on.
func TestAPoisonedRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onModel(t))
	poisoned := poison{w.backend, "lead-00002"}
	w.server = scriptsim.New(poisoned)
	w.http.Config.Handler = w.server
	s := w.sink(t, nil)
	left := leads(0, 5)
	var blamed error
	for range 15 { // as the worker does: what is not stored comes again
		var again []pipeline.Record
		for i, o := range s.Write(t.Context(), left) {
			switch _, isHold := pipeline.IsHold(o.Err); {
			case o.Err == nil:
			case isHold:
				again = append(again, left[i])
			case pipeline.IsPermanent(o.Err) || left[i].Key != "lead-00002" || blamed != nil:
				t.Fatalf("%s: %v", left[i].Key, o.Err)
			default:
				blamed = o.Err
			}
		}
		left = again
	}
	if blamed == nil || len(left) > 0 {
		t.Errorf("blamed for it: %v; still held: %d", blamed, len(left))
	}
	if n := len(rowsOf(w.dump(t))); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
}

// poison is a script that stops at a key.
type poison struct {
	backend
	key string
}

func (p poison) Post(body string) string {
	if !strings.Contains(body, p.key) {
		return p.backend.Post(body)
	}
	return scriptsim.Broken(body, secret, "write")
}
