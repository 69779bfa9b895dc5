package worker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
)

func (b *bench) emit(bodies ...string) {
	b.t.Helper()
	for i, body := range bodies {
		err := b.Emit(b.t.Context(), pipeline.Raw{ID: fmt.Sprintf("%s-%d", body, i), Source: "landing", Format: "test", Body: []byte(body)})
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// byBody is a transform that does as the body says.
func byBody(pipeline.Raw) pipeline.Transform {
	return func(r pipeline.Raw) ([]pipeline.Record, error) {
		switch string(r.Body) {
		case "two":
			return []pipeline.Record{record(r.ID + "/1"), record(r.ID + "/2")}, nil
		case "rule":
			return nil, pipeline.Filtered("transform.landing.where")
		case "none":
			return nil, nil
		case "refuse":
			return nil, fmt.Errorf("this cannot be")
		case "panic":
			panic("a phone number")
		case "huge":
			rec := record(r.ID)
			rec.Fields["x"] = strings.Repeat("x", bus.MaxRecord)
			return []pipeline.Record{rec}, nil
		}
		return []pipeline.Record{record(r.ID)}, nil
	}
}

func TestTransformSettlesEveryDelivery(t *testing.T) {
	b, m := setup(t), newMemory()
	tr := &Transform{Bus: b.Bus, Of: byBody}
	b.start(tr.Run)
	stop := b.start(b.deliver(m).Run)
	b.emit("one", "two", "rule", "none", "refuse", "panic", "huge", "one")
	poll(t, "4 rows and 3 graves", func() bool { return m.count() == 4 && len(b.graves("transform")) == 3 })
	poll(t, "3 that are told of", func() bool { n, why := tr.Buried(); return n == 3 && why != "" })
	poll(t, "an even balance", func() bool { return b.balance().Waiting == 0 })
	stop()
	line := b.balance()
	// Eight deliveries, one of which became two records.
	if line.Accepted != 9 || line.Stored != 4 || line.Buried != 3 || line.Filtered != 2 || line.Missing != 0 {
		t.Errorf("the balance is %+v", line)
	}
	if line.FilteredBy["transform.landing.where"] != 1 || line.FilteredBy["transform.landing"] != 1 {
		t.Errorf("filtered by %v", line.FilteredBy)
	}
	for id, g := range b.graves("transform") {
		if strings.Contains(g.Reason, "phone") || g.Reason == "" {
			t.Errorf("%s was buried because %q", id, g.Reason)
		}
	}
}

func TestTransformUnburied(t *testing.T) {
	b, m := setup(t), newMemory()
	refuse := true
	of := func(r pipeline.Raw) pipeline.Transform {
		if refuse {
			return nil
		}
		return byBody(r)
	}
	stop := b.start((&Transform{Bus: b.Bus, Of: of}).Run)
	b.emit("one")
	poll(t, "the grave", func() bool { return len(b.graves("transform")) == 1 })
	stop()
	refuse = false
	b.start((&Transform{Bus: b.Bus, Of: of}).Run)
	b.start(b.deliver(m).Run)
	if err := b.Unbury(t.Context(), b.graves("transform")["one-0"].Seq); err != nil {
		t.Fatal(err)
	}
	poll(t, "the row", func() bool { return m.count() == 1 })
	poll(t, "an even balance", func() bool { return b.balance().Waiting == 0 })
	if l := b.balance(); l.Accepted != 1 || l.Stored != 1 || l.Buried != 0 || l.Missing != 0 {
		t.Errorf("the balance is %+v", l)
	}
}

// Two workers, one of which stops in the middle; redelivery makes no doubles.
func TestTransformWorkersShareAndRepeatSafely(t *testing.T) {
	b, m := setup(t), newMemory()
	slow := func(r pipeline.Raw) pipeline.Transform {
		time.Sleep(100 * time.Microsecond)
		return byBody(r)
	}
	stopA := b.start((&Transform{Bus: b.Bus, Of: slow, Batch: 20, AckWait: 500 * time.Millisecond}).Run)
	b.start((&Transform{Bus: b.Bus, Of: slow, Batch: 20, AckWait: 500 * time.Millisecond}).Run)
	b.start(b.deliver(m).Run)
	var raws []pipeline.Raw
	for i := range 1000 {
		raws = append(raws, pipeline.Raw{ID: fmt.Sprint("r", i), Source: "landing", Format: "test", Body: []byte("one")})
	}
	if err := b.Emit(t.Context(), raws[:500]...); err != nil {
		t.Fatal(err)
	}
	stopA()
	if err := b.Emit(t.Context(), raws[500:]...); err != nil {
		t.Fatal(err)
	}
	poll(t, "1000 rows", func() bool { return m.count() == 1000 })
	poll(t, "an even balance", func() bool { return b.balance().Waiting == 0 })
	if l := b.balance(); l.Stored != 1000 || l.Missing != 0 {
		t.Errorf("the balance is %+v", l)
	}
	for id, n := range m.wrote() {
		if n != 1 {
			t.Errorf("%s was written %d times", id, n)
		}
	}
}

func TestTransformSurvivesARestartOfTheServer(t *testing.T) {
	b, m := setup(t), newMemory()
	b.start((&Transform{Bus: b.Bus, Of: byBody, Pauses: Pauses{First: time.Millisecond, Most: 20 * time.Millisecond}}).Run)
	b.start(b.deliver(m).Run)
	b.emit("one", "one")
	poll(t, "2 rows", func() bool { return m.count() == 2 })
	if err := b.server.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	poll(t, "an accepted delivery", func() bool {
		return b.Emit(t.Context(), pipeline.Raw{ID: "late", Source: "landing", Format: "test", Body: []byte("one")}) == nil
	})
	poll(t, "3 rows", func() bool { return m.count() == 3 })
}
