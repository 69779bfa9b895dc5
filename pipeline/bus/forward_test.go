package bus

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline"
	"mekong/pipeline/bus/local"
)

// What is stored while the cluster is away, from the very first start, is passed on once
// it is there, in order and as it was; so is what comes later, over restarts of both.
func TestForwardWaitsForTheCluster(t *testing.T) {
	dir := t.TempDir()
	cluster := newFar(t)
	b := edge(t, dir)
	f, stop := forward(t, b, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	emit(t, b, 0, 2000)
	for n := range 30 {
		if err := b.Refuse(t.Context(), "unauthorized", raw(fmt.Sprint("refused", n))); err != nil {
			t.Fatal(err)
		}
	}
	all, err := f.Standing(t.Context())
	if err != nil || all[0].Waiting != 2000 || all[1].Waiting != 30 || time.Since(all[0].Oldest) > time.Minute {
		t.Errorf("it stands at %+v (%v)", all, err)
	}
	poll(t, func() bool { all, _ := f.Standing(t.Context()); return all[0].Why != nil })
	if err := b.Tidy(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := len(arrived(t, b, Deliveries)); n != 2000 {
		t.Fatalf("the janitor left %d of 2000 that wait", n)
	}

	cluster.come()
	passed(t, f, 30*time.Second)
	hub := cluster.open()
	whole(t, hub, 2000)
	refused, err := hub.Refusals(t.Context(), 0, 100)
	if err != nil || len(refused) != 30 || refused[7].Cause != "unauthorized" || refused[7].Raw.ID != "refused7" || refused[7].At.IsZero() {
		t.Errorf("%d refused arrived (%v)", len(refused), err)
	}
	if err := b.Tidy(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n, m := len(arrived(t, b, Deliveries)), len(arrived(t, b, Refused)); n+m > 0 {
		t.Errorf("after the duplicate window %d deliveries and %d refused are left here", n, m)
	}
	hub.Close()

	cluster.leave()
	emit(t, b, 2000, 3000)
	stop()
	emit(t, b, 3000, 3001) // nobody passes on now
	cluster.come()
	f, _ = forward(t, b, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	emit(t, b, 3001, 3500)
	passed(t, f, 30*time.Second)
	whole(t, cluster.open(), 3500)
	if fresh, known := f.Passed(); fresh != 1500 || known != 0 {
		t.Errorf("%d were passed on and %d known", fresh, known)
	}
}

// Two edges in front of one cluster, with much of the same.
func TestForwardOfWhatTheClusterHas(t *testing.T) {
	cluster := newFar(t)
	cluster.come()
	hub := cluster.open()
	var some []pipeline.Raw
	for n := 0; n < 900; n += 9 { // always of source 0
		some = append(some, sent(n))
	}
	if err := hub.Emit(t.Context(), some...); err != nil {
		t.Fatal(err)
	}
	one, two := edge(t, t.TempDir()), edge(t, t.TempDir())
	emit(t, one, 0, 1200)
	emit(t, two, 0, 1500)
	f1, _ := forward(t, one, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	f2, _ := forward(t, two, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	passed(t, f1, 30*time.Second)
	passed(t, f2, 30*time.Second)
	seen := map[string]int{}
	for _, k := range arrived(t, hub, Deliveries) {
		seen[k.header.Get(nats.MsgIdHdr)]++
	}
	for n := range 1500 {
		if id := sent(n).ID; seen[id] != 1 {
			t.Fatalf("%s is there %d times", id, seen[id])
		}
	}
	a, aKnown := f1.Passed()
	c, cKnown := f2.Passed()
	if a+c != 1400 || aKnown+cKnown != 1300 {
		t.Errorf("passed on %d and %d, known %d and %d", a, c, aKnown, cKnown)
	}
}

// What was handed out and not acknowledged when a process was killed comes first at the
// next start, not after what came later.
func TestForwardBeginsWithWhatWasInHand(t *testing.T) {
	cluster := newFar(t)
	cluster.come()
	b := edge(t, t.TempDir())
	emit(t, b, 0, 300)
	killed, err := b.NewForward(Options{URL: cluster.url(), MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	l := killed.lanes[0]
	l.link, l.size = -1, groupMost
	got, err := l.take(t.Context())
	if err != nil || len(got) != 300 {
		t.Fatalf("%d are taken (%v)", len(got), err)
	}
	if err := l.pass(t.Context(), got[:100]); err != nil {
		t.Fatal(err)
	}
	far, err := killed.reach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var more []*nats.Msg // passed on, and killed before it was written down
	for _, m := range got[100:200] {
		more = append(more, l.message(m))
	}
	if n, err := l.put(far.pub, more); n != 100 || err != nil {
		t.Fatal(n, err)
	}
	killed.drop(nil)
	emit(t, b, 300, 900)
	if all, err := b.Passages(t.Context()); err != nil || all[0].Waiting != 800 {
		t.Errorf("it stands at %+v (%v)", all, err)
	}
	f, _ := forward(t, b, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	passed(t, f, 30*time.Second)
	whole(t, cluster.open(), 900)
	if fresh, known := f.Passed(); fresh != 700 || known != 100 {
		t.Errorf("passed on %d, known %d", fresh, known)
	}
}

// How far it has come belongs to the stream that is there: another one begins anew.
func TestForwardOfAnotherStream(t *testing.T) {
	cluster := newFar(t)
	cluster.come()
	dir := t.TempDir()
	b, s := serve(t, dir, func(o *Options) { o.Edge = true })
	f, stop := forward(t, b, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	emit(t, b, 0, 300)
	passed(t, f, 30*time.Second)
	stop()
	if err := b.js.DeleteStream(t.Context(), streamRaw); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), Options{Server: s, Dir: dir, MaxBytes: 256 << 20, Edge: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	emit(t, again, 300, 400)
	f, _ = forward(t, again, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	passed(t, f, 30*time.Second)
	whole(t, cluster.open(), 400)
}

// A delivery that waited for long is marked: its repeat may have taken another way.
func TestForwardMarksWhatIsLate(t *testing.T) {
	b := edge(t, t.TempDir())
	emit(t, b, 0, 20)
	if err := b.Refuse(t.Context(), "too_large", raw("refused")); err != nil {
		t.Fatal(err)
	}
	if n, err := b.History(t.Context(), []pipeline.Raw{sent(20)}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	cluster := newFar(t)
	cluster.come()
	hub := cluster.open()
	f, err := b.NewForward(Options{URL: cluster.url(), MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	f.late = time.Nanosecond
	run(t, f)
	passed(t, f, 30*time.Second)
	q, err := hub.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	q.doubt.Store(0) // a worker that has been there all the time
	for i, d := range take(t, q, 21) {
		if old := i == 20; !d.Again || d.Past() != old {
			t.Errorf("%s: again %v, of the past %v", d.Value.ID, d.Again, d.Past())
		}
	}
	for _, k := range arrived(t, hub, Refused) {
		if k.header.Get(headerAgain) != "" {
			t.Error("what was refused is marked")
		}
	}
}

// A cluster that has no room is waited for.
func TestForwardWaitsForRoom(t *testing.T) {
	cluster := newFar(t)
	cluster.come()
	hub := cluster.open()
	st, err := hub.js.Stream(t.Context(), streamRaw)
	if err != nil {
		t.Fatal(err)
	}
	limit := func(most int64) {
		c := st.CachedInfo().Config
		c.MaxBytes = most
		if _, err := hub.js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	b := edge(t, t.TempDir())
	f, err := b.NewForward(Options{URL: cluster.url(), MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.reach(t.Context()); err != nil { // it brings the streams to its own limits
		t.Fatal(err)
	}
	limit(40_000)
	run(t, f)
	emit(t, b, 0, 1000)
	poll(t, func() bool { // it takes what fits, and refuses the rest
		all, err := f.Standing(t.Context())
		return err == nil && isFull(all[0].Why) && !all[0].Away.IsZero() && all[0].Waiting > 0 && all[0].Waiting < 1000
	})
	limit(100 << 20)
	passed(t, f, 30*time.Second)
	whole(t, hub, 1000)
	if all, err := f.Standing(t.Context()); err != nil || all[0].Why != nil || !all[0].Away.IsZero() {
		t.Errorf("with room again it stands at %+v (%v)", all[0], err)
	}
}

// An edge is not taken for streams to be worked on, nor the other way round.
func TestAnEdgeStaysOne(t *testing.T) {
	for _, c := range []struct {
		first bool
		says  string
	}{{true, "that of a gateway"}, {false, "data_dir of its own"}} {
		dir := t.TempDir()
		s, err := local.Start(t.Context(), local.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Open(t.Context(), Options{Server: s, Dir: dir, Edge: c.first})
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if _, err := Open(t.Context(), Options{Server: s, Dir: dir, Edge: !c.first}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("opened the other way it says %v", err)
		}
		b, err = Open(t.Context(), Options{Server: s, Dir: dir, Edge: c.first})
		if err != nil {
			t.Error(err)
		}
		if _, err := b.js.Stream(t.Context(), streamRecords); (err == jetstream.ErrStreamNotFound) != c.first {
			t.Errorf("RECORDS: %v", err)
		}
		b.Close()
		s.Close()
	}
}

// How fast it goes on when the cluster is back, and how many a second.
func TestForwardSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures")
	}
	cluster := newFar(t)
	cluster.come()
	cluster.open().Close()
	b := edge(t, t.TempDir())
	f, _ := forward(t, b, Options{URL: cluster.url(), MaxBytes: 1 << 30})
	emit(t, b, 0, 1)
	passed(t, f, 10*time.Second)
	cluster.leave()
	const n = 20_000
	body := noise(1000, 1)
	emitting := time.Now()
	for at := 1; at < n; at += 500 {
		var raws []pipeline.Raw
		for i := at; i < min(at+500, n); i++ {
			r := sent(i)
			r.Body = body
			raws = append(raws, r)
		}
		if err := b.Emit(t.Context(), raws...); err != nil {
			t.Fatal(err)
		}
	}
	emitted := time.Since(emitting)
	began := time.Now()
	cluster.come()
	up := time.Since(began)
	poll(t, func() bool { fresh, _ := f.Passed(); return fresh > 1 })
	first := time.Since(began)
	passed(t, f, time.Minute)
	all := time.Since(began)
	t.Logf("the server took %s to come; the first delivery was there %s after it began to, and %d of 1 KB went at %.0f/s, after having been taken in at %.0f/s",
		up.Round(time.Millisecond), first.Round(time.Millisecond), n, n/(all-first).Seconds(), n/emitted.Seconds())
}
