package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// reconciled is what a run beside the others says, by sink. A Base is asked again as
// long as it may not show what was written.
func reconciled(t testing.TB, op *Operator, how ReconcileOptions) (Reconciliation, map[string]SinkReconciliation) {
	t.Helper()
	if how.Details == 0 {
		how.Details = 100
	}
	var r Reconciliation
	sinks := map[string]SinkReconciliation{}
	poll(t, 30*time.Second, func() string {
		var err error
		if r, err = op.Reconcile(t.Context(), how); err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Sinks {
			sinks[s.Sink] = s
			if s.Failed != "" {
				t.Fatalf("%s: %s", s.Sink, s.Failed)
			}
			a := s.Records
			if a.Accepted != a.Stored+a.Waiting+a.Buried+a.Filtered+a.Dropped+a.Untold {
				t.Errorf("%s: the records do not add up: %+v", s.Sink, a)
			}
			if n := s.Rows; s.Unreadable == "" && n.Expected != n.Found+n.Missing+n.Rekeyed+n.InFlight+n.TooFresh+n.Unwanted {
				t.Errorf("%s: the rows do not add up: %+v", s.Sink, n)
			}
			if s.Rows.TooFresh > 0 {
				return s.Sink + " is too fresh"
			}
		}
		return ""
	})
	return r, sinks
}

// keysOf are the keys that findings name, sorted.
func keysOf(list []RowFinding) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Key)
	}
	slices.Sort(out)
	return out
}

// byHand is the collection past the sink.
func (r *running) byHand(work func(ctx context.Context, c *mongo.Collection)) {
	r.t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(r.mongo.URI()).SetTimeout(time.Minute))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	work(r.t.Context(), client.Database("mekong").Collection("records"))
}

// documentsGone deletes documents by hand.
func (r *running) documentsGone(keys ...string) {
	r.t.Helper()
	r.byHand(func(ctx context.Context, c *mongo.Collection) {
		got, err := c.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: keys}}}})
		if err != nil || got.DeletedCount != int64(len(keys)) {
			r.t.Fatal(got, err)
		}
	})
}

const baseKey = "Mekong ID"

// baseRows are the record IDs of the Base's rows, by key.
func (e *everywhere) baseRows() map[string][]string {
	out := map[string][]string{}
	for _, row := range e.base.Rows(everyBase, e.table) {
		key, _ := row.Fields[baseKey].(string)
		out[key] = append(out[key], row.ID)
	}
	return out
}

// sheetColumn is the place of the column that the sink has marked so.
func (e *everywhere) sheetColumn(what string) int {
	for _, m := range e.book.Metadata(everyBook) {
		if m.Key == "mekong.column" && m.Value == what && m.Column >= 0 {
			return m.Column
		}
	}
	e.t.Fatalf("no column is the %s", what)
	return 0
}

// sheetRows are the places of the sheet's rows, by key.
func (e *everywhere) sheetRows() map[string][]int {
	out, at := map[string][]int{}, e.sheetColumn("key")
	for i, line := range e.book.Values(everyBook, 0) {
		if i == 0 {
			continue
		}
		key := ""
		if at < len(line) {
			key, _ = line[at].(string)
		}
		out[key] = append(out[key], i)
	}
	return out
}

// goneFrom deletes a row by hand, from the Base or from the sheet.
func (e *everywhere) goneFrom(sink, key string) {
	e.t.Helper()
	if sink == "crm" {
		ids := e.baseRows()[key]
		if len(ids) != 1 {
			e.t.Fatalf("the Base has %d rows of %s", len(ids), key)
		}
		e.base.RemoveRow(everyBase, e.table, ids[0])
		return
	}
	rows := e.sheetRows()[key]
	if len(rows) != 1 {
		e.t.Fatalf("the sheet has %d rows of %s", len(rows), key)
	}
	e.book.DeleteRows(everyBook, 0, rows[0], 1)
}

// copied puts a row of the sheet below the last one once more, as a person does.
func (e *everywhere) copied(key string) {
	values := e.book.Values(everyBook, 0)
	for c, v := range values[e.sheetRows()[key][0]] {
		e.book.SetCell(everyBook, 0, len(values), c, v)
	}
}

// Rows that a person deletes, copies or takes the key from are found, exactly these, in
// each destination; what is missing is written again, and nothing else.
func TestReconcileFindsWhatPeopleDid(t *testing.T) {
	e := newEverywhere(t)
	c := configured(t, e.dir+"/data", e.text)
	r := start(t, c, Options{})
	var ids []string
	const n = 30
	for i := range n {
		ids = append(ids, r.submit(fmt.Sprint("Khách ", i), fmt.Sprintf("09876%05d", i)))
	}
	r.settled("archive", "crm", "sales")
	op, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	all, sinks := reconciled(t, op, ReconcileOptions{})
	if !all.AddsUp() || all.Cut || len(sinks) != 3 {
		t.Fatalf("before anything was done: %+v", all)
	}
	for name, s := range sinks {
		if s.Rows != (RowAccount{Expected: n, Found: n}) || s.Records != (RecordAccount{Accepted: n, Stored: n}) {
			t.Errorf("%s: %+v, %+v", name, s.Records, s.Rows)
		}
	}

	gone := map[string][]string{"archive": ids[0:2], "crm": ids[1:4], "sales": ids[2:6]}
	r.documentsGone(gone["archive"]...)
	for _, sink := range []string{"crm", "sales"} {
		for _, key := range gone[sink] {
			e.goneFrom(sink, key)
		}
	}
	e.copied(ids[10])
	twin := e.base.Rows(everyBase, e.table)[0]
	if _, err := e.base.PutRow(everyBase, e.table, "", map[string]any{baseKey: twin.Fields[baseKey], "Họ tên": "bản sao"}); err != nil {
		t.Fatal(err)
	}
	// Of one row the key is overwritten, and two rows are a person's own.
	e.book.SetCell(everyBook, 0, e.sheetRows()[ids[20]][0], e.sheetColumn("key"), "viết đè")
	lines := len(e.book.Values(everyBook, 0))
	e.book.SetCell(everyBook, 0, lines, 0, "Khách của tôi")
	e.book.SetCell(everyBook, 0, lines+1, e.sheetColumn("key"), "tự viết")

	all, sinks = reconciled(t, op, ReconcileOptions{})
	if all.AddsUp() {
		t.Error("it adds up")
	}
	for name, keys := range gone {
		if got := keysOf(sinks[name].Missing); !slices.Equal(got, slices.Sorted(slices.Values(keys))) || sinks[name].Rows.Missing != len(keys) {
			t.Errorf("%s: missing %v, want %v", name, got, keys)
		}
		for _, f := range sinks[name].Missing {
			if f.Record != f.Key || f.Records != 1 || f.Phone != "+8•••"+f.Phone[len(f.Phone)-2:] || f.Received.IsZero() || f.Source != "landing" || f.Kind != "lead" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
	want := map[string]RowAccount{
		"archive": {Expected: n, Found: n - 2, Missing: 2},
		"crm":     {Expected: n, Found: n - 3, Missing: 3, Doubled: 1},
		"sales":   {Expected: n, Found: n - 5, Missing: 4, Rekeyed: 1, Doubled: 1, Unknown: 1},
	}
	for name, rows := range want {
		if got := sinks[name].Rows; got != rows {
			t.Errorf("%s: %+v, want %+v", name, got, rows)
		}
	}
	s := sinks["sales"]
	if got := keysOf(s.Doubled); !slices.Equal(got, ids[10:11]) || s.Doubled[0].Rows != 2 {
		t.Errorf("doubled: %+v", s.Doubled)
	}
	if got := keysOf(s.Rekeyed); !slices.Equal(got, ids[20:21]) || s.Rekeyed[0].FoundKey != "viết đè" {
		t.Errorf("without its key: %+v", s.Rekeyed)
	}

	for name, s := range sinks {
		p, err := op.Repair(t.Context(), s, RepairOptions{Wait: 30 * time.Second, Rate: 1000, Lag: 1000})
		if k := len(gone[name]); err != nil || p.Rows != k || p.Sent != k || p.Stored != k || p.Waiting+p.Buried+p.Filtered+p.LeftOut != 0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	_, sinks = reconciled(t, op, ReconcileOptions{})
	for name, rows := range want {
		rows.Found, rows.Missing = rows.Found+rows.Missing, 0
		if got := sinks[name].Rows; got != rows {
			t.Errorf("after the repair, %s: %+v, want %+v", name, got, rows)
		}
	}
	if got := len(r.documents("mekong", "records")); got != n {
		t.Errorf("%d documents", got)
	}
	if rows := e.baseRows(); len(rows) != n || e.base.RowCount(everyBase, e.table) != n+1 {
		t.Errorf("%d keys in %d rows of the Base", len(rows), e.base.RowCount(everyBase, e.table))
	}
	for key, at := range e.sheetRows() {
		if len(at) != 1 && key != ids[10] {
			t.Errorf("the sheet has %d rows of %q", len(at), key)
		}
	}
	lines2 := r.settled("archive", "crm", "sales")
	if lines2["archive"].Accepted != n+2 || lines2["sales"].Stored != n+4 {
		t.Errorf("%+v", slices.Collect(maps.Values(lines2)))
	}
}
