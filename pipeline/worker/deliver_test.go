package worker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

func TestDeliverStoresAndAddsUp(t *testing.T) {
	for _, writers := range []int{1, 3} {
		t.Run(fmt.Sprint("writers ", writers), func(t *testing.T) {
			b, m := setup(t), newMemory()
			stop := b.start(b.deliver(m, func(d *Deliver) { d.Limits.Writers = writers }).Run)
			b.records("a", 57)
			poll(t, "57 rows", func() bool { return m.count() == 57 })
			stop()
			for id, n := range m.wrote() {
				if n != 1 {
					t.Errorf("%s was written %d times", id, n)
				}
			}
			if m.most > writers {
				t.Errorf("%d writes in flight, %d allowed", m.most, writers)
			}
		})
	}
}

func TestPermanentIsBuriedAloneAndAtOnce(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(only(pipeline.Permanent(fmt.Errorf("the column takes numbers")), "a3"))
	b.start(b.deliver(m).Run)
	b.records("a", 10)
	poll(t, "the grave", func() bool { return len(b.graves("sink-crm")) == 1 })
	poll(t, "9 rows", func() bool { return m.count() == 9 })
	g := b.graves("sink-crm")["a3"]
	if g.Reason != "the column takes numbers" || g.Attempts != 1 || !strings.Contains(string(g.Payload), `"a3"`) {
		t.Errorf("the grave says %q after %d attempts, payload %s", g.Reason, g.Attempts, g.Payload)
	}
	if n := m.wrote()["a3"]; n != 1 {
		t.Errorf("a record at fault was tried %d times", n)
	}
}

func TestHoldWaitsUncountedAndSaysSo(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(all(pipeline.Hold(fmt.Errorf("the table is gone"), 0)))
	d := b.deliver(m, func(d *Deliver) { d.MaxAttempts = 1 })
	b.start(d.Run)
	b.records("a", 25)
	poll(t, "several tries", func() bool { return m.wrote()["a0"] > 3 })
	since, why := d.Held()
	if since.IsZero() || why != "the table is gone" {
		t.Errorf("held since %v because %q", since, why)
	}
	if n := len(b.graves("")); n != 0 {
		t.Errorf("%d records were buried for the destination's fault", n)
	}
	m.set(nil)
	poll(t, "25 rows", func() bool { return m.count() == 25 })
	poll(t, "no hold", func() bool { since, _ := d.Held(); return since.IsZero() })
}

func TestHoldHonoursTheVendorsHint(t *testing.T) {
	b, m := setup(t), newMemory()
	var mu sync.Mutex
	var calls []time.Time
	m.set(func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, time.Now())
		if len(calls) == 1 {
			return pipeline.Outcomes(len(batch), pipeline.Hold(errOdd, 300*time.Millisecond))
		}
		return nil
	})
	b.start(b.deliver(m, func(d *Deliver) { d.Limits.Writers = 1 }).Run)
	b.records("a", 1)
	poll(t, "the row", func() bool { return m.count() == 1 })
	mu.Lock()
	defer mu.Unlock()
	if wait := calls[1].Sub(calls[0]); wait < 300*time.Millisecond {
		t.Errorf("asked to wait 300 ms, waited %s", wait)
	}
}

func TestUnknownIsTriedCountedAndBuried(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(only(errOdd, "a4"))
	d := b.deliver(m, func(d *Deliver) { d.MaxAttempts = 3 })
	b.start(d.Run)
	b.records("a", 10)
	poll(t, "the grave", func() bool { return len(b.graves("sink-crm")) == 1 })
	poll(t, "one that is told of", func() bool { n, why := d.Buried(); return n == 1 && strings.Contains(why, "given up after 3 tries") })
	poll(t, "9 rows", func() bool { return m.count() == 9 })
	if g := b.graves("sink-crm")["a4"]; g.Attempts != 3 || !strings.Contains(g.Reason, "given up after 3 tries") {
		t.Errorf("buried after %d attempts: %s", g.Attempts, g.Reason)
	}
	if n := m.wrote()["a4"]; n != 3 {
		t.Errorf("written %d times, max_attempts is 3", n)
	}
}

// One record makes the sink panic, or answer nonsense, for its whole batch.
func TestAPoisonRecordTakesNobodyWithIt(t *testing.T) {
	for _, mode := range []string{"panic", "length"} {
		t.Run(mode, func(t *testing.T) {
			b, m := setup(t), newMemory()
			m.set(func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
				for _, r := range batch {
					if r.ID == "a17" {
						if mode == "panic" {
							panic("phone 0900000000")
						}
						return make([]pipeline.Outcome, len(batch)+1)
					}
				}
				return nil
			})
			b.start(b.deliver(m, func(d *Deliver) { d.Limits.Batch = 40; d.MaxAttempts = 4 }).Run)
			b.records("a", 40)
			poll(t, "the grave", func() bool { return len(b.graves("sink-crm")) == 1 })
			poll(t, "39 rows", func() bool { return m.count() >= 39 })
			g := b.graves("sink-crm")["a17"]
			if g.ID != "a17" || strings.Contains(g.Reason, "0900000000") {
				t.Errorf("buried %q because %q", g.ID, g.Reason)
			}
		})
	}
}

func TestWhereFiltersUnderItsName(t *testing.T) {
	b, m := setup(t), newMemory()
	stop := b.start(b.deliver(m, func(d *Deliver) {
		d.Where = func(r pipeline.Record) (bool, error) { return !strings.HasSuffix(r.ID, "1"), nil }
	}).Run)
	for _, id := range []string{"a1", "a2", "a3"} {
		b.passed(id)
	}
	poll(t, "2 rows", func() bool { return m.count() == 2 })
	poll(t, "an even balance", func() bool { return b.balance().Waiting == 0 })
	stop()
	line := b.balance()
	if line.Missing != 0 || line.Accepted != 3 || line.Stored != 2 || line.FilteredBy["sinks.crm.where"] != 1 {
		t.Errorf("the balance is %+v", line)
	}
}

// passed sends one delivery through the front, as the transform would.
func (b *bench) passed(id string) {
	b.t.Helper()
	if err := b.Emit(b.t.Context(), pipeline.Raw{ID: id, Source: "landing", Format: "test", Body: []byte(id)}); err != nil {
		b.t.Fatal(err)
	}
	stop := b.start((&Transform{Bus: b.Bus, Of: one}).Run)
	q, err := b.Raws(b.t.Context(), bus.QueueOptions{AckWait: 30 * time.Second, Most: 2000})
	if err != nil {
		b.t.Fatal(err)
	}
	poll(b.t, "the record", func() bool {
		s, err := q.Standing(b.t.Context())
		return err == nil && s.Waiting == 0
	})
	stop()
}

func one(pipeline.Raw) pipeline.Transform {
	return func(r pipeline.Raw) ([]pipeline.Record, error) { return []pipeline.Record{record(r.ID)}, nil }
}

func TestStopLetsAWriteFinish(t *testing.T) {
	b, m := setup(t), newMemory()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.set(func(context.Context, int, []pipeline.Record) []pipeline.Outcome {
		once.Do(func() { close(entered) })
		<-leave
		return nil
	})
	b.records("a", 5)
	stop := b.start(b.deliver(m).Run)
	<-entered
	go func() { time.Sleep(20 * time.Millisecond); close(leave) }()
	stop()
	if m.count() != 5 {
		t.Errorf("%d rows, want 5: the write in flight was cut short", m.count())
	}
	q, err := b.Records(t.Context(), "crm", []string{"*"}, bus.QueueOptions{AckWait: 2 * time.Second, Most: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := q.Standing(t.Context()); err != nil || s.Waiting != 0 {
		t.Errorf("%d still waiting (%v): what was stored was not acknowledged", s.Waiting, err)
	}
}

func TestStopGivesBackWhatIsHeldAtOnce(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(all(pipeline.Hold(errOdd, time.Hour)))
	stop := b.start(b.deliver(m).Run)
	b.records("a", 5)
	poll(t, "a try", func() bool { return m.wrote()["a4"] > 0 })
	stop()

	next := newMemory()
	b.start(b.deliver(next).Run)
	poll(t, "5 rows", func() bool { return next.count() == 5 })
	for i := range 5 {
		if id := fmt.Sprint("a", i); !next.marked(id) {
			t.Errorf("%s reaches the next worker without Again", id)
		}
	}
}

func TestHardStopCutsAWriteAfterGrace(t *testing.T) {
	b, m := setup(t), newMemory()
	entered := make(chan struct{})
	var once sync.Once
	m.set(func(ctx context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		once.Do(func() { close(entered) })
		<-ctx.Done()
		return pipeline.Outcomes(len(batch), ctx.Err())
	})
	stop := b.start(b.deliver(m, func(d *Deliver) { d.Grace = 50 * time.Millisecond; d.MaxAttempts = 1 }).Run)
	b.records("a", 3)
	<-entered
	stop()
	if n := len(b.graves("")); n != 0 {
		t.Errorf("%d records were buried because the worker stopped", n)
	}
	next := newMemory()
	b.start(b.deliver(next).Run)
	poll(t, "3 rows", func() bool { return next.count() == 3 })
}

func TestAgainOnlyWhereADoubleIsPossible(t *testing.T) {
	b, m := setup(t), newMemory()
	b.records("old", 3)
	fail := true
	m.set(func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		if fail && batch[0].ID == "retried0" {
			fail = false
			return pipeline.Outcomes(len(batch), errOdd)
		}
		return nil
	})
	b.start(b.deliver(m, func(d *Deliver) { d.Limits.Writers = 1 }).Run)
	poll(t, "the old", func() bool { return m.count() == 3 })
	b.records("new", 3)
	poll(t, "the new", func() bool { return m.count() == 6 })
	b.records("retried", 1)
	poll(t, "the retried", func() bool { return m.count() == 7 })
	for id, want := range map[string]bool{"old0": true, "new0": false, "new2": false, "retried0": true} {
		if m.marked(id) != want {
			t.Errorf("%s: Again is %v, want %v", id, !want, want)
		}
	}
}

// Two workers on a single-writer sink: one writes, and when it dies the other
// takes over and marks what the dead one may have written.
func TestSingleWriterFailsOver(t *testing.T) {
	b := setup(t)
	a, c := newMemory(), newMemory()
	single := func(d *Deliver) {
		d.Limits.Writers, d.Limits.Batch = 1, 5
		d.AckWait, d.PinnedTTL = 500*time.Millisecond, 600*time.Millisecond
	}
	stopA := b.start(b.deliver(a, single).Run)
	b.records("a", 5)
	poll(t, "the first worker's rows", func() bool { return a.count() == 5 })
	b.start(b.deliver(c, single).Run)
	b.records("b", 40)
	poll(t, "45 rows", func() bool { return a.count()+c.count() == 45 })
	if c.count() != 0 {
		t.Errorf("the second worker wrote %d rows while the first was alive", c.count())
	}
	stopA()
	b.records("c", 10)
	poll(t, "the second worker's rows", func() bool { return c.count() == 10 })
}

func TestTwoWorkersShareAManyWriterSink(t *testing.T) {
	b := setup(t)
	a, c := newMemory(), newMemory()
	slow := func(context.Context, int, []pipeline.Record) []pipeline.Outcome {
		time.Sleep(2 * time.Millisecond)
		return nil
	}
	a.set(slow)
	c.set(slow)
	b.start(b.deliver(a).Run)
	b.start(b.deliver(c).Run)
	b.records("a", 400)
	poll(t, "400 rows", func() bool { return a.count()+c.count() == 400 })
	if a.count() == 0 || c.count() == 0 {
		t.Errorf("one worker did it all: %d and %d", a.count(), c.count())
	}
}

// The server goes away under the worker and comes back over the same files.
func TestDeliverSurvivesARestartOfTheServer(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(func(context.Context, int, []pipeline.Record) []pipeline.Outcome {
		time.Sleep(time.Millisecond)
		return nil
	})
	b.start(b.deliver(m).Run)
	b.records("a", 200)
	if err := b.server.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	poll(t, "the connection", b.Connected)
	b.records("b", 50)
	poll(t, "250 rows", func() bool { return m.count() == 250 })
}

func TestUnburiedGoesToItsSinkAloneMarkedAgain(t *testing.T) {
	b, m := setup(t), newMemory()
	m.set(only(pipeline.Permanent(errOdd), "a1"))
	d := b.deliver(m)
	b.start(d.Run)
	b.passed("a1")
	poll(t, "one that is written down as buried", func() bool { n, _ := d.Buried(); return n == 1 })
	if l := b.balance(); l.Buried != 1 || l.Missing != 0 {
		t.Errorf("with one buried the balance is %+v", l)
	}
	m.set(nil)
	if err := b.Unbury(t.Context(), b.graves("sink-crm")["a1"].Seq); err != nil {
		t.Fatal(err)
	}
	poll(t, "the row", func() bool { return m.count() == 1 })
	if !m.marked("a1") {
		t.Error("an unburied record comes without Again")
	}
	poll(t, "an even balance", func() bool { return b.balance().Waiting == 0 })
	if l := b.balance(); l.Stored != 1 || l.Buried != 0 || l.Missing != 0 || l.Accepted != 1 {
		t.Errorf("after unburying the balance is %+v", l)
	}
}

// A sink that numbers its calls gets its records together, once it may.
func TestPaceGathers(t *testing.T) {
	b, m := setup(t), newMemory()
	var mu sync.Mutex
	wait := time.Hour
	d := b.deliver(m, func(d *Deliver) {
		d.Limits.Writers = 1
		d.Pace = func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			if wait > 0 {
				wait -= 20 * time.Minute // three looks later it may
			}
			return min(wait, time.Millisecond)
		}
	})
	b.records("a", 10)
	b.start(d.Run)
	poll(t, "10 rows", func() bool { return m.count() == 10 })
	if m.calls != 1 {
		t.Errorf("%d calls for records that waited together", m.calls)
	}
}
