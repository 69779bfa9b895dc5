package bus

import (
	"fmt"
	"testing"
	"time"

	"mekong/pipeline"
)

// What comes from a file is stored once and marked; what comes live is not, and
// neither is told apart by anything else.
func TestHistoryIsMarkedAgain(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	q, err := b.Raws(t.Context(), QueueOptions{Most: 1000})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = q.Fetch(t.Context(), 1, time.Millisecond) // the queue is there, and holds nothing in doubt
	var raws []pipeline.Raw
	for i := range 300 {
		raws = append(raws, raw(fmt.Sprintf("h%d", i)))
	}
	for round, want := range []int{300, 0} {
		if n, err := b.History(t.Context(), raws); err != nil || n != want {
			t.Errorf("round %d: %d stored, %v", round, n, err)
		}
	}
	if err := b.Emit(t.Context(), raw("live")); err != nil {
		t.Fatal(err)
	}
	if n, stage, err := b.Backlog(t.Context()); err != nil || n != 0 || stage != "" {
		t.Errorf("nobody works, and %d wait at %q, %v", n, stage, err)
	}
	first := take(t, q, 1)
	if n, stage, err := b.Backlog(t.Context()); err != nil || n != 301 || stage != StageTransform {
		t.Errorf("%d wait at %q, %v", n, stage, err)
	}
	for _, d := range append(first, take(t, q, 300)...) {
		if d.Again != (d.Value.ID != "live") {
			t.Errorf("%s: again %v", d.Value.ID, d.Again)
		}
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool {
		n, _, err := b.Backlog(t.Context())
		return err == nil && n == 0
	})
}
