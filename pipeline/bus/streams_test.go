package bus

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline"
)

func TestAForeignStreamIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	b, s := serve(t, dir)
	if err := b.js.DeleteStream(t.Context(), streamBuried); err != nil {
		t.Fatal(err)
	}
	foreign := jetstream.StreamConfig{Name: streamBuried, Subjects: []string{"somebody.else"}}
	if _, err := b.js.CreateStream(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{Server: s, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "BURIED") || !strings.Contains(err.Error(), "somebody.else") {
		t.Fatalf("opening beside a foreign stream says %v", err)
	}
	st, err := b.js.Stream(t.Context(), streamBuried)
	if err != nil || st.CachedInfo().Config.Subjects[0] != "somebody.else" {
		t.Errorf("the foreign stream was touched: %v", err)
	}
}

func TestAnIncompatibleStreamIsAnErrorThatNamesIt(t *testing.T) {
	dir := t.TempDir()
	b, s := serve(t, dir)
	if err := b.js.DeleteStream(t.Context(), streamRaw); err != nil {
		t.Fatal(err)
	}
	bad := b.streams()[0]
	bad.Retention = jetstream.WorkQueuePolicy
	if _, err := b.js.CreateStream(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{Server: s, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "RAW has retention") {
		t.Fatalf("opening an incompatible stream says %v", err)
	}
}

func TestAChangedLimitIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	b, s := serve(t, dir)
	if err := b.Emit(t.Context(), raw("kept")); err != nil {
		t.Fatal(err)
	}
	next, err := Open(t.Context(), Options{Server: s, Dir: dir, MaxBytes: 512 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	st, err := next.js.Stream(t.Context(), streamRaw)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := st.CachedInfo().Config.MaxBytes, int64(512<<20)/100*42; got != want {
		t.Errorf("MaxBytes is %d, want %d", got, want)
	}
	if st.CachedInfo().State.Msgs != 1 {
		t.Error("the delivery is gone")
	}
}

func TestTidyNeverDeletesWhatSomebodyHasNotFinished(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	for i := range 10 {
		if err := b.Emit(t.Context(), raw(fmt.Sprint("t", i))); err != nil {
			t.Fatal(err)
		}
	}
	first := func() uint64 {
		t.Helper()
		if err := b.Tidy(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		st, err := b.js.Stream(t.Context(), streamRaw)
		if err != nil {
			t.Fatal(err)
		}
		return st.CachedInfo().State.FirstSeq
	}
	if n := first(); n != 1 {
		t.Fatalf("without any reader the stream now starts at %d", n)
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ds := take(t, q, 10)
	for _, i := range []int{0, 1, 2, 4, 9} { // 3 is still in hand
		if err := ds[i].Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool { return first() == 4 })
	for _, i := range []int{3, 5, 6, 7, 8} {
		if err := ds[i].Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool { return first() == 11 })
}

func TestTidyKeepsWhatIsYoung(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Emit(t.Context(), raw("old")); err != nil {
		t.Fatal(err)
	}
	between := time.Now()
	time.Sleep(time.Millisecond) // the server's clock must have moved on
	if err := b.Emit(t.Context(), raw("young")); err != nil {
		t.Fatal(err)
	}
	for _, d := range take(t, q, 2) {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool {
		if err := b.Tidy(t.Context(), between); err != nil {
			t.Fatal(err)
		}
		st, _ := b.js.Stream(t.Context(), streamRaw)
		return st != nil && st.CachedInfo().State.FirstSeq == 2
	})
	st, err := b.js.Stream(t.Context(), streamRaw)
	if err != nil || st.CachedInfo().State.Msgs != 1 {
		t.Errorf("the young one is gone (%v)", err)
	}
}

func TestKVWritesOnlyOntoWhatWasRead(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	kv, err := b.KV(t.Context(), "tokens", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := kv.Get(t.Context(), "a"); !errors.Is(err, ErrAbsent) {
		t.Errorf("an absent entry says %v", err)
	}
	rev, err := kv.Set(t.Context(), "a", []byte("1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Set(t.Context(), "a", []byte("2"), 0); !errors.Is(err, ErrChanged) {
		t.Errorf("making it twice says %v", err)
	}
	rev2, err := kv.Set(t.Context(), "a", []byte("2"), rev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Set(t.Context(), "a", []byte("3"), rev); !errors.Is(err, ErrChanged) {
		t.Errorf("writing onto an old revision says %v", err)
	}
	if err := kv.Delete(t.Context(), "a", rev); !errors.Is(err, ErrChanged) {
		t.Errorf("deleting an old revision says %v", err)
	}
	if err := kv.Delete(t.Context(), "a", rev2); err != nil {
		t.Error(err)
	}
}

func TestALeaseRunsOut(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	kv, err := b.KV(t.Context(), "leases", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Set(t.Context(), "x", []byte("me"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Set(t.Context(), "x", []byte("you"), 0); !errors.Is(err, ErrChanged) {
		t.Errorf("a lease that is held was given away: %v", err)
	}
	poll(t, func() bool { _, err := kv.Set(t.Context(), "x", []byte("you"), 0); return err == nil })
}

func TestRefusedIsKeptWithItsCauseAndNotAccepted(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	if err := b.Refuse(t.Context(), "wrong token", raw("r")); err != nil {
		t.Fatal(err)
	}
	st, err := b.js.Stream(t.Context(), streamRefused)
	if err != nil {
		t.Fatal(err)
	}
	m, err := st.GetLastMsgForSubject(t.Context(), "refused.landing")
	if err != nil || m.Header.Get(headerReason) != "wrong token" || string(m.Data) != "body of r" {
		t.Errorf("%v: %+v", err, m)
	}
	if c := b.Counts(); c.Accepted != 0 {
		t.Error("a refused delivery counts as accepted")
	}
}

func TestRecentIDs(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	var raws []pipeline.Raw
	for i := range 1200 {
		raws = append(raws, raw(fmt.Sprint("id", i)))
	}
	if err := b.Emit(t.Context(), raws...); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := b.RecentIDs(t.Context(), time.Now().Add(-time.Hour), func(source, id string, at time.Time) {
		if source != "landing" || !at.Equal(raws[0].Received) {
			t.Errorf("%s of %s at %s", id, source, at)
		}
		got = append(got, id)
	})
	if err != nil || len(got) != 1200 || got[0] != "id0" || got[1199] != "id1199" {
		t.Errorf("%d IDs, %v", len(got), err)
	}
}
