package bus

import (
	"context"
	"testing"
	"time"
)

// follow runs a ledger until the returned stop.
func follow(t *testing.T, b *Bus) (*Ledger, func()) {
	t.Helper()
	l := b.NewLedger()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func settle(t *testing.T, b *Bus, stage string, s ...Settled) {
	t.Helper()
	if err := b.Trace(Settlement{Stage: stage, At: time.Now(), Settled: s}); err != nil {
		t.Fatal(err)
	}
}

func balance(t *testing.T, l *Ledger) Balance {
	t.Helper()
	got, err := l.Balance(t.Context(), []SinkAccept{{"crm", []string{"lead"}}})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func TestLedgerFindsWhatIsMissing(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		if err := b.Emit(t.Context(), raw(id)); err != nil {
			t.Fatal(err)
		}
	}
	l, stop := follow(t, b)
	defer stop()
	if got := balance(t, l); got.Accepted != 4 || got.Waiting != 4 || got.Missing != 0 || got.Oldest.IsZero() {
		t.Errorf("before anything moved: %+v", got)
	}
	if _, err := b.Records(t.Context(), "crm", []string{"lead"}, QueueOptions{}); err != nil {
		t.Fatal(err)
	}
	// c is acknowledged without a word: that is what losing a lead looks like.
	settle(t, b, StageTransform,
		Settled{Seq: 1, To: 2, State: Made, Made: map[string]int{"lead.landing": 1, "turn.landing": 1}},
		Settled{Seq: 4, State: Filtered, Reason: "transform.landing.where"})
	settle(t, b, StageOf("crm"), Settled{Seq: 1, State: Stored})
	for _, d := range take(t, q, 4) {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool { return balance(t, l).Waiting == 0 })
	got := balance(t, l)
	if got.Missing != 1 || got.Stored != 1 || got.Filtered != 2 || got.FilteredBy["sinks.crm.accept"] != 1 {
		t.Errorf("with one lost: %+v", got)
	}
}

func TestLedgerCountsADoubtfulSettlementOnce(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	l, stop := follow(t, b)
	settle(t, b, StageOf("crm"), Settled{Seq: 7, State: Stored}, Settled{Seq: 8, State: Stored})
	settle(t, b, StageOf("crm"), Settled{Seq: 8, State: Stored, Again: true}, Settled{Seq: 9, State: Stored, Again: true})
	if got := balance(t, l); got.Stored != 3 {
		t.Errorf("stored %d, want 3", got.Stored)
	}
	stop()

	// The next process knows it too, from its snapshot and a little of TRACE.
	l, stop = follow(t, b)
	defer stop()
	settle(t, b, StageOf("crm"), Settled{Seq: 9, State: Stored, Again: true}, Settled{Seq: 10, State: Stored})
	if got := balance(t, l); got.Stored != 4 {
		t.Errorf("after a restart stored %d, want 4", got.Stored)
	}
}
