package trace

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
)

func TestPath(t *testing.T) {
	f := newStreams()
	raw, rec := f.lead("l-1", start, map[string]any{"name": "An", "phone": "+84900000001", "phone_raw": "0900 000 001",
		"email_raw": "none", "amount": 1.5, "amount_raw": "1,5", "same": "x", "same_raw": "x", "flags": []string{"email_invalid"}})
	f.settle("sink-archive", start.Add(time.Second), Settled{Seq: rec, ID: "l-1", State: Stored, Ref: "https://a.example/t?r=1", Attempts: 2})
	f.raw(pipeline.Raw{ID: "l-2", Source: "chat", Received: start})
	for _, id := range []string{"l-2/1", "l-2/2", "l-2/10"} {
		f.record(pipeline.Record{ID: id, Key: "talk", Kind: "turn", Source: "chat", Received: start, Occurred: start})
	}
	f.raw(pipeline.Raw{ID: "l-3", Source: "chat", Received: start})
	x := open(t, options(t, f))
	catchUp(t, x)

	p, err := x.Path(t.Context(), "l-1")
	if err != nil {
		t.Fatal(err)
	}
	if p.Received == nil || p.Received.Seq != raw || string(p.Received.Raw.Body) != "name=x" || p.Received.Raw.Meta["content_type"] == "" || p.Step != nil {
		t.Errorf("received: %+v %+v", p.Received, p.Step)
	}
	if len(p.Records) != 1 || p.Records[0].Record == nil || p.Records[0].Record.Fields["amount"] != 1.5 {
		t.Fatalf("records: %+v", p.Records)
	}
	r := p.Records[0]
	if got := describe(r.Entered); got != "archive:stored crm:waiting " {
		t.Error(got)
	}
	if s := r.Steps[0]; s.Ref != "https://a.example/t?r=1" || s.Attempts != 2 || !s.At.Equal(start.Add(time.Second)) || s.Took != 120*time.Millisecond {
		t.Errorf("%+v", s)
	}
	want := []Change{{"amount", "1,5", "1.5"}, {"email", "none", ""}, {"phone", "0900 000 001", "+84900000001"}}
	if len(r.Changes) != 3 || r.Changes[0] != want[0] || r.Changes[1] != want[1] || r.Changes[2] != want[2] {
		t.Errorf("changes: %+v", r.Changes)
	}
	for _, l := range p.Lag {
		if l.Messages != 0 || l.Behind != 0 {
			t.Errorf("lag: %+v", l)
		}
	}

	for _, id := range []string{"l-2", "l-2/2"} {
		p, err := x.Path(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if p.ID != "l-2" || p.Received == nil || len(p.Records) != 3 || p.Records[2].ID != "l-2/10" {
			t.Errorf("%s: %+v", id, p)
		}
	}
	if p, err := x.Path(t.Context(), "l-3"); err != nil || p.Received == nil || p.Step == nil || p.Step.State != Waiting {
		t.Errorf("what the transform has yet to see: %+v %v", p, err)
	}
	if _, err := x.Path(t.Context(), "nothing"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown ID: %v", err)
	}
	// The streams drop what is settled; the entry stays a while, and says what it knows.
	f.purge(Raws, 2)
	f.purge(Records, 2)
	if p, err := x.Path(t.Context(), "l-1"); err != nil || p.Received != nil || len(p.Records) != 1 || p.Records[0].Record != nil || p.Records[0].Name != "An" {
		t.Errorf("after a purge: %+v %v", p, err)
	}
}

func TestLag(t *testing.T) {
	f := newStreams()
	x := open(t, options(t, f))
	f.now = time.Now().Add(-time.Hour)
	people(f)
	lag := func() map[Stream]Lag {
		ls, err := x.Lag(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out := map[Stream]Lag{}
		for _, l := range ls {
			out[l.Stream] = l
		}
		return out
	}
	if l := lag()[Records]; l.Messages != 4 || l.Behind < time.Hour || l.Behind > 2*time.Hour {
		t.Errorf("before: %+v", l)
	}
	catchUp(t, x)
	if l := lag()[Records]; l.Messages != 0 || l.Behind != 0 {
		t.Errorf("after: %+v", l)
	}
}

// What the streams have dropped is dropped; what is young, waits or is buried stays.
func TestTidy(t *testing.T) {
	f := newStreams()
	old := time.Now().Add(-40 * 24 * time.Hour)
	for _, id := range []string{"settled", "buried", "waiting"} {
		_, seq := f.lead(id, old, map[string]any{"name": "Old " + id, "utm_source": "old"})
		if id == "buried" {
			r := f.records[len(f.records)-1].Value
			f.bury(Burial{Stage: "sink-crm", Origin: seq, Record: &r, Reason: "no", At: old})
		}
	}
	f.lead("young", time.Now(), map[string]any{"name": "Young"})
	x := open(t, options(t, f))
	catchUp(t, x)
	f.purge(Raws, 3)
	f.purge(Records, 3)
	if err := x.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(search(t, x, "", Filter{}), " "); got != "young waiting buried" {
		t.Errorf("left are: %s", got)
	}
	if x.Records() != 3 || len(search(t, x, "settled", Filter{})) != 0 {
		t.Errorf("%d entries", x.Records())
	}
	// Built anew from what the streams still hold it is the same.
	again := open(t, options(t, f))
	catchUp(t, again)
	if dump(t, again) != dump(t, x) {
		t.Errorf("built anew:\n%s\nafter tidying up:\n%s", dump(t, again), dump(t, x))
	}
}

// Forgotten is forgotten: nothing of the person is in any file of the index.
func TestForget(t *testing.T) {
	f := newStreams()
	for i := range 300 {
		f.lead("l"+string(rune('a'+i%26))+string(rune('a'+i/26)), start.Add(time.Duration(i)*time.Second), map[string]any{"name": "Nguyễn Văn An", "phone": "+84900000001"})
	}
	_, seq := f.lead("gone-1", start, map[string]any{"name": "Xyqplof Zzwvut", "search": "xyqplof zzwvut", "phone": "+84987123456", "phone_local": "0987123456",
		"email": "wqplzx@example.com", "form": "formxqz", "utm_term": "utmxqz", "page": "pagexqz.example/p"})
	f.record(pipeline.Record{ID: "gone-2/1", Key: "talk-9", Kind: "turn", Source: "chat", Received: start, Fields: map[string]any{"name": "Qwxzvb"}})
	f.settle("sink-crm", start, Settled{Seq: seq, ID: "gone-1", State: BuriedAt, Reason: "reasonxqz"})
	o := options(t, f)
	secrets := []string{"xyqplof", "Xyqplof", "zzwvut", "987123456", "654321789", "wqplzx", "formxqz", "utmxqz", "pagexqz", "reasonxqz", "gone-1", "Qwxzvb", "qwxzvb"}
	x := open(t, o)
	catchUp(t, x)
	there := traces(t, filepath.Dir(o.Path), secrets)
	if len(there) < 10 {
		t.Fatalf("the test looks for what was never there: it found only %v", there)
	}
	write(t, o.Path+".damaged", []byte("xyqplof"))
	n, err := x.Forget(t.Context(), "gone-1", "gone-2", "unknown")
	if err != nil || n != 2 {
		t.Fatalf("%d forgotten: %v", n, err)
	}
	if left := traces(t, filepath.Dir(o.Path), secrets); len(left) > 0 {
		t.Errorf("still on disk: %v", left)
	}
	if x.Records() != 300 || len(search(t, x, "nguyen an", Filter{})) != 100 || len(search(t, x, "xyqp", Filter{})) != 0 {
		t.Errorf("%d entries are left", x.Records())
	}
	if n, err := x.Forget(t.Context(), "gone-1"); err != nil || n != 0 {
		t.Errorf("a second time: %d %v", n, err)
	}
}

// traces are those of words that are in a file under dir.
func traces(t *testing.T, dir string, words []string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, w := range words {
			if bytes.Contains(b, []byte(w)) {
				out = append(out, filepath.Base(path)+": "+w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
