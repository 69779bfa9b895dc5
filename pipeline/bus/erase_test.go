package bus

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"mekong/pipeline"
)

// onDisk names the files under dir that hold text, as they are or compressed.
func onDisk(t testing.TB, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(data, []byte(text)) || bytes.Contains(unpacked(t, path, data), []byte(text)) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// unpacked is a block of a stream as it was before it was compressed.
func unpacked(t testing.TB, path string, data []byte) []byte {
	t.Helper()
	var info server.CompressionInfo
	n, err := info.UnmarshalMetadata(data)
	if filepath.Ext(path) != ".blk" || err != nil || n == 0 {
		return nil
	}
	plain, err := info.Algorithm.Decompress(data[n:])
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return plain
}

// walk gives all of a place.
func walk(t testing.TB, b *Bus, p Place, s Span) (all []Kept) {
	t.Helper()
	if err := b.Walk(t.Context(), p, s, func(k Kept) error { all = append(all, k); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// What is erased is found nowhere on disk, whether its block is still written to, has
// been compressed, or is looked at after a restart; its neighbours are still there.
func TestErasedIsNotOnDisk(t *testing.T) {
	const secret = "0900000000-of-somebody"
	dir := t.TempDir()
	b, s := serve(t, dir)
	at := map[Place][]int{}
	const all = 900 // of 12 KiB: RAW gets a second block, and the first is compressed
	for i := range all {
		r := raw(name(i))
		r.Body = noise(12<<10, i)
		if i%300 == 150 || i == all-1 {
			r.Body = append([]byte(secret), r.Body...)
			at[Deliveries] = append(at[Deliveries], i)
		}
		if err := b.Emit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range b.Publish([]pipeline.Record{record("x", "a stranger"), record("y", secret), record("z", "a stranger")}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := raw("refused")
	r.Body = []byte(secret)
	if err := b.Refuse(t.Context(), "token", r); err != nil {
		t.Fatal(err)
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := take(t, q, 151)[150]
	if err := Bury(b, StageTransform, d, "a reason", 1); err != nil {
		t.Fatal(err)
	}
	if len(onDisk(t, dir, secret)) < 4 {
		t.Fatalf("before erasing it is on disk in %v only", onDisk(t, dir, secret))
	}
	var doomed []Kept
	for _, p := range Places {
		for _, k := range walk(t, b, p, Span{}) {
			if bytes.Contains(k.Data(), []byte(secret)) {
				doomed = append(doomed, k)
			}
		}
	}
	if want := len(at[Deliveries]) + 3; len(doomed) != want {
		t.Fatalf("%d messages hold it, want %d", len(doomed), want)
	}
	for range 2 {
		n, err := b.Erase(t.Context(), doomed, "forgotten")
		if err != nil {
			t.Fatal(err)
		}
		if n != len(doomed) && n != 0 {
			t.Errorf("%d erased of %d", n, len(doomed))
		}
	}
	if left := onDisk(t, dir, secret); len(left) > 0 {
		t.Errorf("after erasing it is in %v", left)
	}
	b.Close()
	s.Close()
	if left := onDisk(t, dir, secret); len(left) > 0 {
		t.Errorf("after a stop it is in %v", left)
	}
	b, _ = serve(t, dir)
	if n := len(walk(t, b, Deliveries, Span{})); n != all-len(at[Deliveries]) {
		t.Errorf("%d deliveries are left of %d", n, all-len(at[Deliveries]))
	}
	if left := onDisk(t, dir, secret); len(left) > 0 {
		t.Errorf("after a start it is in %v", left)
	}
}

func name(i int) string {
	return "id-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
}

func record(id, name string) pipeline.Record {
	r := raw(id)
	return pipeline.Record{ID: id, Key: id, Kind: "lead", Source: r.Source, Occurred: r.Received, Received: r.Received,
		Fields: map[string]any{"name": name}}
}

// What was erased while it waited is settled, and the account adds up.
func TestErasingKeepsTheAccount(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	if _, err := b.Raws(t.Context(), QueueOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Records(t.Context(), "crm", []string{"lead"}, QueueOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if err := b.Emit(t.Context(), raw(id)); err != nil {
			t.Fatal(err)
		}
	}
	l, stop := follow(t, b)
	defer stop()
	rest := walk(t, b, Deliveries, Span{After: 1})
	if names, err := b.Unfinished(t.Context(), rest); err != nil || !slices.Equal(names, []string{StageTransform}) {
		t.Errorf("unfinished at %v, %v", names, err)
	}
	if n, err := b.Erase(t.Context(), rest, "forgotten"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := balance(t, l); got.Accepted != 2 || got.Waiting != 1 || got.FilteredBy["forgotten"] != 1 || got.Missing != 0 {
		t.Errorf("a waiting delivery erased: %+v", got)
	}
	// A record that was made and waits for its sink.
	settle(t, b, StageTransform, Settled{Seq: 1, State: Made, Made: map[string]int{"lead.landing": 1}})
	if err := b.Publish([]pipeline.Record{record("a", "A")})[0]; err != nil {
		t.Fatal(err)
	}
	q, err := b.Raws(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := take(t, q, 1)[0].Ack(); err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool { return balance(t, l).Waiting == 1 })
	if n, err := b.Erase(t.Context(), walk(t, b, Records, Span{}), "forgotten"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := balance(t, l); got.Accepted != 2 || got.Waiting != 0 || got.FilteredBy["forgotten"] != 2 || got.Missing != 0 {
		t.Errorf("a waiting record erased: %+v", got)
	}
}

// What is replayed reaches one sink only, once for each run, and is accounted for.
func TestReplay(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	crm, err := b.Records(t.Context(), "crm", []string{"lead"}, QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.Records(t.Context(), "other", []string{"lead"}, QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, stop := follow(t, b)
	defer stop()
	rs := []pipeline.Record{record("a", "A"), record("b", "B")}
	for range 2 { // as after an interruption
		for _, err := range b.Replay(t.Context(), "crm", "run1", rs) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	ds := take(t, crm, 2)
	for i, d := range ds {
		if !d.Again || !d.Past() || d.Value.ID != rs[i].ID {
			t.Errorf("delivered %+v", d)
		}
	}
	if got := balance(t, l); got.Accepted != 2 || got.Waiting != 2 || got.Missing != 0 {
		t.Errorf("before they are settled: %+v", got)
	}
	for _, d := range ds {
		settle(t, b, StageOf("crm"), Settled{Seq: d.Seq, State: Stored})
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool { return balance(t, l).Waiting == 0 })
	if got := balance(t, l); got.Accepted != 2 || got.Stored != 2 || got.Missing != 0 {
		t.Errorf("after: %+v", got)
	}
	if st, err := other.Standing(t.Context()); err != nil || st.Waiting != 0 {
		t.Errorf("another sink has %d waiting (%v)", st.Waiting, err)
	}
	if n, _, err := b.Behind(t.Context(), StageOf("crm"), StageOf("never")); n != 0 || err != nil {
		t.Errorf("behind by %d, %v", n, err)
	}
	if err := b.Replay(t.Context(), "crm", "run2", rs[:1])[0]; err != nil {
		t.Fatal(err)
	}
	if n, stage, err := b.Behind(t.Context(), StageTransform, StageOf("crm")); n != 1 || stage != "sink-crm" || err != nil {
		t.Errorf("behind by %d at %s, %v", n, stage, err)
	}
}

func TestWalk(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	const n = walkMost + 30
	for i := range n {
		r := raw(name(i))
		if i%10 == 3 {
			r.Source = "other"
		}
		if err := b.Emit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if got := walk(t, b, Deliveries, Span{}); len(got) != n || got[n-1].Seq != n {
		t.Errorf("%d of %d", len(got), n)
	}
	if got := walk(t, b, Deliveries, Span{After: 10, Until: 20}); len(got) != 10 || got[0].Seq != 11 {
		t.Errorf("%d of 10", len(got))
	}
	if got := walk(t, b, Deliveries, Span{Source: "other"}); len(got) != n/10 {
		t.Errorf("%d of %d", len(got), n/10)
	} else if r, err := got[0].Raw(); err != nil || r.Source != "other" {
		t.Errorf("%+v, %v", r, err)
	}
	middle := walk(t, b, Deliveries, Span{After: 99, Until: 100})[0].Stored
	if got := walk(t, b, Deliveries, Span{Since: middle}); len(got) != n-99 {
		t.Errorf("%d of %d", len(got), n-99)
	}
	if got := walk(t, b, Graves, Span{}); len(got) != 0 {
		t.Errorf("%d in an empty place", len(got))
	}
	stop := context.Canceled
	seen := 0
	err := b.Walk(t.Context(), Deliveries, Span{}, func(Kept) error { seen++; return stop })
	if err != stop || seen != 1 {
		t.Errorf("%d seen, %v", seen, err)
	}
	if _, err := b.Grave(t.Context(), 7); err != ErrNoGrave {
		t.Error(err)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		filter, subject string
		want            bool
	}{
		{"rec.>", "rec.lead.x", true}, {"rec.lead.>", "rec.turn.x", false}, {"rec.*.x", "rec.lead.x", true},
		{"rec.*.x", "rec.lead.y", false}, {"raw.>", "raw.x", true}, {"raw.>", "raw", false}, {"raw.x", "raw.x", true},
		{"raw.x", "raw.x.y", false}, {"redo.crm.>", "redo.crm.lead.x", true}, {"redo.crm.>", "redo.other.lead.x", false},
	} {
		if got := matches(c.filter, c.subject); got != c.want {
			t.Errorf("%s of %s: %v", c.subject, c.filter, got)
		}
	}
}
