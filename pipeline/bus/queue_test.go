package bus

import (
	"fmt"
	"testing"
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
