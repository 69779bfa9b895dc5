package bus

import (
	"fmt"
	"testing"
	"time"

	"mekong/pipeline"
)

// What was given back before a stop must not wait for AckWait after it.
func TestGivenBackComesAtOnceAfterARestart(t *testing.T) {
	dir := t.TempDir()
	b, s := serve(t, dir)
	const n = 20
	for i := range n {
		if err := b.Emit(t.Context(), raw(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range take(t, q, n) {
		if err := d.Nak(); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	s.Close()

	b, _ = serve(t, dir)
	if q, err = b.Raws(t.Context(), QueueOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range take(t, q, n) {
		if !d.Again {
			t.Errorf("%s is not marked Again", d.Value.ID)
		}
	}
}

// A single worker that leaves is followed at once, not after its silence.
func TestASingleWorkerGivesItsPlaceUp(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	o := QueueOptions{Single: true, Most: 1, PinnedTTL: time.Hour}
	open := func() *Queue[pipeline.Raw] {
		t.Helper()
		q, err := b.Raws(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for i := range 3 {
		if err := b.Emit(t.Context(), raw(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		q := open()
		d := take(t, q, 1)[0]
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			open().Leave() // who was never served gives nothing up
		}
		q.Leave()
	}
}
