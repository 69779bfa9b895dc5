package worker

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

// gate lets a sink's writes through one at a time.
type gate struct {
	in  chan []pipeline.Record // a write that began
	out chan struct{}          // lets it end
}

func gated(m *memory) *gate {
	g := &gate{make(chan []pipeline.Record, 100), make(chan struct{}, 100)}
	m.set(func(_ context.Context, _ int, batch []pipeline.Record) []pipeline.Outcome {
		g.in <- batch
		<-g.out
		return nil
	})
	return g
}

// open lets everything through from now on.
func (g *gate) open(m *memory) {
	m.set(nil)
	for range 10 {
		g.out <- struct{}{}
	}
}

func (g *gate) began(t *testing.T) []pipeline.Record {
	t.Helper()
	select {
	case batch := <-g.in:
		return batch
	case <-time.After(15 * time.Second):
		t.Fatal("no write began")
		return nil
	}
}

// While one batch is written, the next is fetched and no third.
func TestTheNextBatchIsInHandWhileOneIsWritten(t *testing.T) {
	b, m := setup(t), newMemory()
	g := gated(m)
	b.records("a", 45)
	d := b.deliver(m, func(d *Deliver) { d.Limits.Writers = 1 })
	queue := b.look(d)
	b.start(d.Run)
	if n := len(g.began(t)); n != 10 {
		t.Errorf("the first write holds %d records, the batch is 10", n)
	}
	poll(t, "two batches in hand", func() bool { return queue().InHand == 20 })
	g.out <- struct{}{}
	g.began(t)
	poll(t, "the first is settled and a third in hand while the second is written", func() bool {
		return queue().InHand == 20 && queue().Waiting == 35
	})
	g.open(m)
	poll(t, "45 rows", func() bool { return m.count() == 45 })
	if m.most != 1 {
		t.Errorf("%d writes in flight with one writer", m.most)
	}
}

// What came in while a write was under way shares one write, and is not cut up
// by what was fetched first.
func TestWhatIsFetchedAheadIsFilledUp(t *testing.T) {
	b, m := setup(t), newMemory()
	g := gated(m)
	b.records("a", 1)
	d := b.deliver(m, func(d *Deliver) { d.Limits.Writers = 1 })
	queue := b.look(d)
	b.start(d.Run)
	g.began(t)
	b.records("b", 1)
	poll(t, "the next is in hand", func() bool { return queue().InHand == 2 })
	b.records("c", 8)
	g.out <- struct{}{}
	if n := len(g.began(t)); n != 9 {
		t.Errorf("the second write holds %d records, 9 were there", n)
	}
	g.open(m)
	poll(t, "10 rows", func() bool { return m.count() == 10 })
}

// Several writers leave to each other what they cannot write yet.
func TestSeveralWritersFetchNothingAhead(t *testing.T) {
	b, m := setup(t), newMemory()
	g := gated(m)
	b.records("a", 45)
	d := b.deliver(m, func(d *Deliver) { d.Limits.Writers = 2 })
	queue := b.look(d)
	b.start(d.Run)
	g.began(t)
	g.began(t)
	for range 3 {
		if n := queue().InHand; n > 20 {
			t.Errorf("%d records in hand, two writes of 10 are under way", n)
		}
	}
	g.open(m)
	poll(t, "45 rows", func() bool { return m.count() == 45 })
}

// A stop gives back what was fetched ahead at once, and the write under way ends
// and is settled.
func TestAStopGivesBackWhatWasFetchedAhead(t *testing.T) {
	b, m := setup(t), newMemory()
	g := gated(m)
	b.records("a", 45)
	d := b.deliver(m, func(d *Deliver) { d.Limits.Writers, d.AckWait = 1, time.Hour })
	queue := b.look(d)
	stop := b.start(d.Run)
	g.began(t)
	poll(t, "two batches in hand", func() bool { return queue().InHand == 20 })
	time.AfterFunc(50*time.Millisecond, func() { g.open(m) })
	stop()
	poll(t, "10 of 45 are done with", func() bool { return queue().Waiting == 35 })
	next := newMemory()
	b.start(b.deliver(next, func(d *Deliver) { d.Limits.Writers = 1 }).Run)
	poll(t, "35 rows", func() bool { return next.count() == 35 })
}

// A process that slept wakes with a batch that another may have written.
func TestABatchThatWasLeftAloneIsInDoubt(t *testing.T) {
	for gap, want := range map[time.Duration]bool{time.Second: false, 30 * time.Second: false, 41 * time.Second: true, -time.Hour: false} {
		h := &hand{wait: time.Minute, alive: time.Now().Add(-gap)}
		h.mark()
		h.mark()
		if got := h.doubted(); got != want {
			t.Errorf("silent for %s of a minute: in doubt %t", gap, got)
		}
	}
	b, m := setup(t), newMemory()
	b.records("a", 3)
	q, err := b.Records(t.Context(), "crm", []string{"*"}, bus.QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.records("b", 3)
	ds, err := q.Fetch(t.Context(), 10, 0)
	if err != nil || len(ds) != 6 {
		t.Fatal(len(ds), err)
	}
	d := b.deliver(m)
	d.defaults()
	h := newHand(ds, time.Minute)
	defer h.stop()
	h.alive = h.alive.Add(-time.Minute)
	if !d.batch(t.Context(), t.Context(), h) {
		t.Fatal("the batch was given back")
	}
	if !m.marked("b1") {
		t.Error("a record that another worker may have been given is not marked Again")
	}
}

func TestAPersonHoldsTheSink(t *testing.T) {
	b, m := setup(t), newMemory()
	var why atomic.Value
	why.Store("the table is being tidied")
	d := b.deliver(m, func(d *Deliver) {
		d.Limits.Writers = 1
		d.Paused = func() string { return why.Load().(string) }
	})
	queue := b.look(d)
	stop := b.start(d.Run)
	b.records("a", 25)
	poll(t, "the hold", func() bool { _, why := d.Held(); return why == "the table is being tidied" })
	if n := m.calls; n != 0 {
		t.Errorf("%d writes while a person holds the sink", n)
	}
	stop()
	if n := queue().Waiting; n != 25 {
		t.Errorf("%d of 25 records wait after a stop", n)
	}
	again := b.deliver(m, func(d *Deliver) { d.Paused = func() string { return why.Load().(string) } })
	b.start(again.Run)
	poll(t, "the hold", func() bool { _, why := again.Held(); return why != "" })
	why.Store("")
	poll(t, "25 rows", func() bool { return m.count() == 25 })
	poll(t, "no hold", func() bool { since, _ := again.Held(); return since.IsZero() })
	for id, n := range m.wrote() {
		if n != 1 {
			t.Errorf("%s was written %d times", id, n)
		}
	}
}

// look tells how d's queue stands. It is called before d runs.
func (b *bench) look(d *Deliver) func() bus.Standing {
	b.t.Helper()
	d.defaults()
	q, err := b.Records(b.t.Context(), d.Name, d.Accept, d.queueOptions())
	if err != nil {
		b.t.Fatal(err)
	}
	return func() bus.Standing {
		s, err := q.Standing(b.t.Context())
		if err != nil {
			b.t.Error(err)
		}
		return s
	}
}
