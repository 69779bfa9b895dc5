package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
)

// Beside live traffic nothing that is on its way is missing, doubled or unknown; and
// what really is gone is found all the same.
func TestReconcileBesideTraffic(t *testing.T) {
	t.Run("as fast as it goes", func(t *testing.T) {
		besideTraffic(t, 25*time.Millisecond, "archive", "crm")
	})
	t.Run("into a sheet", func(t *testing.T) { // with a second between two calls
		besideTraffic(t, 2500*time.Millisecond, "archive", "crm", "sales")
	})
}

func besideTraffic(t *testing.T, every time.Duration, names ...string) {
	e := newEverywhere(t)
	text := e.text
	if len(names) == 2 {
		text, _, _ = strings.Cut(text, "  sales:")
	}
	c := configured(t, e.dir+"/data", text)
	r := start(t, c, Options{})
	var ids []string
	for i := range 20 {
		ids = append(ids, r.submit(fmt.Sprint("Khách ", i), fmt.Sprintf("09876%05d", i)))
	}
	r.settled(names...)
	op, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	sent := 0
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			got, err := send(t.Context(), r.door, form(fmt.Sprint("Mới ", sent), fmt.Sprintf("09%08d", sent)), map[string]string{"Content-Type": urlencoded, "Token": secretToken})
			if err != nil || got.status != 200 {
				t.Errorf("%+v, %v", got, err)
				return
			}
			sent++
			<-tick.C
		}
	})
	gone := map[string]string{}
	found := map[string]bool{}
	for round, deadline := 0, time.Now().Add(2*time.Minute); len(found) < len(names); round++ {
		if time.Now().After(deadline) {
			t.Fatalf("found in %v alone", found)
		}
		if round == 2 {
			gone = map[string]string{"archive": ids[5], "crm": ids[3], "sales": ids[4]}
			r.documentsGone(ids[5])
			e.goneFrom("crm", ids[3])
			if len(names) == 3 {
				e.goneFrom("sales", ids[4])
			}
		}
		all, err := op.Reconcile(t.Context(), ReconcileOptions{Details: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all.Sinks {
			// A Base may not show for some seconds what was written to it.
			got := strings.Join(keysOf(s.Missing), " ")
			if got != "" && got == gone[s.Sink] {
				found[s.Sink] = true
			} else if got != "" || gone[s.Sink] != "" && s.Rows.TooFresh == 0 || s.Failed != "" {
				t.Errorf("round %d, %s: missing %q, want %q; %s", round, s.Sink, got, gone[s.Sink], s.Failed)
			}
			if n := s.Rows; n.Doubled+n.Unknown+n.Other+n.Older+n.Rekeyed+n.Unwanted+n.Forgotten != 0 || s.Records.Untold != 0 {
				t.Errorf("round %d, %s: %+v, %+v", round, s.Sink, n, s.Records)
			}
		}
	}
	cancel()
	wg.Wait()
	r.settled(names...)
	_, sinks := reconciled(t, op, ReconcileOptions{})
	if got := sinks["crm"]; sent == 0 || got.Rows.Found != 20+sent-1 || got.Records.Stored != 20+sent {
		t.Errorf("%d were sent: %+v, %+v", sent, got.Records, got.Rows)
	}
}

// Who asked to be forgotten is not missing, whether it is complete or stopped half-way,
// and is not written again.
func TestReconcileLeavesTheForgottenAlone(t *testing.T) {
	e := newEverywhere(t)
	text, _, _ := strings.Cut(e.text, "  sales:") // a sheet would only take longer
	c := configured(t, e.dir+"/data", text)
	r := start(t, c, Options{})
	r.submit("Quên", "0912345678")
	r.submit("Quên Hai", "0912345679")
	id := r.submit("Khách", "0987700000")
	r.settled("archive", "crm")
	op := r.Operator()
	forget := func(phone string, complete bool) {
		t.Helper()
		f, err := op.Find(t.Context(), phone)
		if err != nil {
			t.Fatal(err)
		}
		if proof, _ := op.Forget(t.Context(), f, ForgetOptions{}); proof.Complete != complete {
			t.Fatalf("%+v", proof)
		}
	}
	forget("0912345678", true)
	// Of the second one the row in the archive goes, and what is in the
	// streams stays until the Base can be written to.
	e.base.Grant("cli_a", everyBase, larksim.NoRole)
	forget("0912345679", false)
	e.base.Grant("cli_a", everyBase, larksim.CanEdit)
	all, sinks := reconciled(t, op, ReconcileOptions{})
	for name, s := range sinks {
		if s.Rows != (RowAccount{Expected: 1, Found: 1, Forgotten: 1}) || !all.AddsUp() {
			t.Errorf("%s: %+v", name, s.Rows)
		}
	}
	// Rows found to be missing before she was forgotten are not brought back after it.
	e.goneFrom("crm", id)
	_, sinks = reconciled(t, op, ReconcileOptions{})
	s := sinks["crm"]
	if s.Rows.Missing != 1 {
		t.Fatalf("%+v", s.Rows)
	}
	forget("0987700000", true)
	p, err := op.Repair(t.Context(), s, RepairOptions{})
	if err != nil || p.LeftOut != 1 || p.Sent != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if left := e.base.RowCount(everyBase, e.table); left != 1 {
		t.Errorf("%d rows are in the Base, and not hers alone that cannot be erased yet", left)
	}
	if all, _ = reconciled(t, op, ReconcileOptions{}); !all.AddsUp() {
		t.Errorf("%+v", all)
	}
}

// A row that a replay has moved to another key is not expected under the earlier one.
func TestReconcileAfterAnotherKey(t *testing.T) {
	dir := t.TempDir()
	r := start(t, configured(t, dir, oneSink), Options{})
	first := r.submit("A", "0900000001")
	r.submit("A again", "090 000 0001")
	other := r.submit("B", "0900000002")
	r.settled("archive")
	r.stop()
	c := configured(t, dir, oneSink+"transform:\n  landing: { key: [phone] }\n")
	r = start(t, c, Options{})
	op := r.Operator()
	st, err := op.Replay(t.Context(), ReplayOptions{Source: "landing", Since: time.Now().Add(-time.Hour), Name: "key"})
	if err != nil || st.Sent != 3 {
		t.Fatalf("%+v, %v", st, err)
	}
	r.settled("archive")
	all, sinks := reconciled(t, op, ReconcileOptions{})
	if got := sinks["archive"]; !all.AddsUp() || got.Rows != (RowAccount{Expected: 2, Found: 2, Other: 3}) || got.Records != (RecordAccount{Accepted: 3, Stored: 3}) {
		t.Errorf("%+v, %+v", got.Records, got.Rows)
	}
	// Somebody tidies the earlier rows up, and one of the present ones by mistake.
	r.documentsGone(first, other)
	if _, sinks = reconciled(t, op, ReconcileOptions{}); sinks["archive"].Rows != (RowAccount{Expected: 2, Found: 2, Other: 1}) {
		t.Errorf("%+v", sinks["archive"].Rows)
	}
	var key string
	for _, d := range r.documents("mekong", "records") {
		if k, _ := in(d, "_id").(string); strings.HasPrefix(k, "key-") && in(d, "fields", "phone") == "+84900000001" {
			key = k
		}
	}
	r.documentsGone(key)
	_, sinks = reconciled(t, op, ReconcileOptions{})
	s := sinks["archive"]
	if got := s.Missing; len(got) != 1 || got[0].Key != key || got[0].Records != 2 {
		t.Fatalf("%+v", got)
	}
	if p, err := op.Repair(t.Context(), s, RepairOptions{Wait: 20 * time.Second}); err != nil || p.Rows != 1 || p.Sent != 2 || p.Stored != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, sinks = reconciled(t, op, ReconcileOptions{}); sinks["archive"].Rows != (RowAccount{Expected: 2, Found: 2, Other: 1}) {
		t.Errorf("%+v", sinks["archive"].Rows)
	}
}

// What waits, is buried, dropped or left out is no missing row; nor is one that a repair
// is under way for, or that today's rule would not let in.
func TestReconcileKnowsOutcomes(t *testing.T) {
	dir := t.TempDir()
	text := oneSink + "  other:\n    where: 'utm_source != \"spam\"'\n    mongodb: { database: mekong, collection: others }\n"
	c := configured(t, dir, text)
	held := &atomic.Bool{}
	o := Options{Wrap: func(name string, s pipeline.Sink) pipeline.Sink {
		if name != "archive" {
			return s
		}
		return moody{choosy{s, &atomic.Bool{}, func(r pipeline.Record) error {
			if r.Fields["course"] == "odd" {
				return errors.New("it is odd")
			}
			return nil
		}}, held}
	}}
	r := start(t, c, o)
	good := r.submit("A", "0900000001", "utm_source", "fb")
	r.submit("B", "0900000002", "course", "odd")
	r.submit("C", "0900000003", "course", "odd")
	r.submit("D", "0900000004", "utm_source", "spam")
	r.settled("archive", "other")
	op := r.Operator()
	buried, err := op.Buried(t.Context(), BuriedFilter{}, 10)
	if err != nil || len(buried) != 2 {
		t.Fatal(buried, err)
	}
	if _, err := op.DropBuried(t.Context(), []uint64{buried[0].Seq}, "a test"); err != nil {
		t.Fatal(err)
	}
	held.Store(true)
	r.submit("E", "0900000005")
	r.settled("other")
	want := map[string]struct {
		RecordAccount
		RowAccount
	}{
		"archive": {RecordAccount{Accepted: 5, Stored: 2, Waiting: 1, Buried: 1, Dropped: 1}, RowAccount{Expected: 2, Found: 2}},
		"other":   {RecordAccount{Accepted: 5, Stored: 4, Filtered: 1}, RowAccount{Expected: 4, Found: 4}},
	}
	check := func(when string) map[string]SinkReconciliation {
		t.Helper()
		_, sinks := reconciled(t, op, ReconcileOptions{})
		for name, w := range want {
			if got := sinks[name]; got.Records != w.RecordAccount || got.Rows != w.RowAccount {
				t.Errorf("%s, %s: %+v, %+v", when, name, got.Records, got.Rows)
			}
		}
		return sinks
	}
	check("before")

	r.documentsGone(good)
	w := want["archive"]
	w.RowAccount = RowAccount{Expected: 2, Found: 1, Missing: 1}
	want["archive"] = w
	sinks := check("after a row was deleted")
	if p, err := op.Repair(t.Context(), sinks["archive"], RepairOptions{Wait: 100 * time.Millisecond}); err != nil || p.Sent != 1 || p.Waiting != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	w.RowAccount = RowAccount{Expected: 2, Found: 1, InFlight: 1}
	want["archive"] = w
	check("while the repair waits")
	held.Store(false)
	r.settled("archive")
	want["archive"] = struct {
		RecordAccount
		RowAccount
	}{RecordAccount{Accepted: 5, Stored: 3, Buried: 1, Dropped: 1}, RowAccount{Expected: 3, Found: 3}}
	check("when it went on")
	r.stop()

	// Today's rule leaves out what it let in yesterday.
	c = configured(t, dir, strings.Replace(text, "!= \"spam\"", "!= \"fb\"", 1)+"  late:\n    mongodb: { database: mekong, collection: latecomers }\n")
	r = start(t, c, Options{Only: []string{RoleIntake, RoleTransform}})
	op = r.Operator()
	if _, sinks := reconciled(t, op, ReconcileOptions{Sinks: []string{"late"}}); sinks["late"].Records != (RecordAccount{Accepted: 5, Waiting: 5}) {
		t.Errorf("a sink that has yet to begin: %+v, %+v", sinks["late"].Records, sinks["late"].Rows)
	}
}

// Rows from before what is kept are counted as such, and with since only what came since
// is compared.
func TestReconcileWithinWhatIsKept(t *testing.T) {
	dir := t.TempDir()
	c := configured(t, dir, oneSink+"  hook: { webhook: { url: 'https://example.com/' } }\n")
	r := start(t, c, Options{Sinks: []string{"archive"}})
	op := r.Operator()
	all, sinks := reconciled(t, op, ReconcileOptions{})
	if all.Cut || !all.Oldest.IsZero() || sinks["hook"].Unreadable == "" || !all.AddsUp() {
		t.Errorf("of nothing: %+v", all)
	}
	if all, _ = reconciled(t, op, ReconcileOptions{Sinks: []string{"hook"}}); all.AddsUp() {
		t.Error("what cannot be read adds up")
	}
	old := r.submit("A", "0900000001")
	r.submit("B", "0900000002")
	r.settled("archive")
	if err := r.Bus.Tidy(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if all, sinks = reconciled(t, op, ReconcileOptions{Sinks: []string{"archive"}}); !all.Cut || sinks["archive"].Rows != (RowAccount{Older: 2}) {
		t.Errorf("nothing is kept: %+v", sinks["archive"].Rows)
	}
	kept := r.submit("C", "0900000003")
	since := time.Now()
	last := r.submit("D", "0900000004")
	r.settled("archive")
	all, sinks = reconciled(t, op, ReconcileOptions{Sinks: []string{"archive"}})
	if !all.Cut || all.Oldest.IsZero() || sinks["archive"].Rows != (RowAccount{Expected: 2, Found: 2, Older: 2}) {
		t.Errorf("%+v, %+v", all, sinks["archive"].Rows)
	}
	if _, sinks = reconciled(t, op, ReconcileOptions{Sinks: []string{"archive"}, Since: since}); sinks["archive"].Rows != (RowAccount{Expected: 1, Found: 1}) {
		t.Errorf("since: %+v", sinks["archive"].Rows)
	}
	r.documentsGone(old, kept, last)
	_, sinks = reconciled(t, op, ReconcileOptions{Sinks: []string{"archive"}, Since: since})
	if got := keysOf(sinks["archive"].Missing); len(got) != 1 || got[0] != last || sinks["archive"].Rows.Older != 0 {
		t.Errorf("since: %+v", sinks["archive"])
	}
	if _, sinks = reconciled(t, op, ReconcileOptions{Sinks: []string{"archive"}}); sinks["archive"].Rows != (RowAccount{Expected: 2, Missing: 2, Older: 1}) {
		t.Errorf("%+v", sinks["archive"].Rows)
	}
	if _, err := op.Reconcile(t.Context(), ReconcileOptions{Sinks: []string{"nowhere"}}); err == nil {
		t.Error("a sink that is not there is no error")
	}
}

// moody holds everything while it is told to.
type moody struct {
	pipeline.Sink
	held *atomic.Bool
}

var errMoody = pipeline.Hold(errors.New("not now"), 50*time.Millisecond)

func (s moody) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	if s.held.Load() {
		return pipeline.Outcomes(len(batch), errMoody)
	}
	return s.Sink.Write(ctx, batch)
}
