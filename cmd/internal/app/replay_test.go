package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
)

// Rows get what a corrected mapping makes of history, once, after a look at what that
// would be; and the run goes on where it was stopped.
func TestReplayMendsRows(t *testing.T) {
	dir := t.TempDir()
	text := oneSink + "  other:\n    mongodb: { database: mekong, collection: others }\n"
	r := start(t, configured(t, dir, text), Options{})
	const n = 2*replayBatch + 30
	for i := range n {
		r.submit(fmt.Sprint("Khách ", i), fmt.Sprintf("09%08d", i), "khu_vuc", "Hà Nội")
	}
	r.settled("archive", "other")
	r.stop()

	// What is kept says "khu_vuc"; from today on that is the field "area".
	mended := text + "transform:\n  landing:\n    fields:\n      area: { from: [khu_vuc], as: text }\n"
	c := configured(t, dir, mended)
	op, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	how := ReplayOptions{Source: "landing", Since: time.Now().Add(-time.Hour), Sinks: []string{"archive"}, Name: "1h"}
	d, err := op.Diff(t.Context(), how)
	if err != nil || d.Read != n || d.Changed != n || d.Same+d.New+d.Gone+d.Filtered+d.Refused != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	fields := map[string]FieldDiff{}
	for _, f := range d.Fields {
		fields[f.Name] = f
	}
	if f := fields["area"]; f.Added != n || len(f.Samples) != diffSamples || f.Samples[0].Is != "Hà Nội" || f.Samples[0].Was != nil {
		t.Errorf("area: %+v of %+v", f, d.Fields)
	}
	if f := fields["phone"]; f.touched() != 0 {
		t.Errorf("phone: %+v", f)
	}

	// Stopped after the first batch; nobody works on it meanwhile.
	ctx, cancel := context.WithCancel(t.Context())
	stopped := how
	stopped.Tell = func(st ReplayState) { cancel() }
	st, err := op.Replay(ctx, stopped)
	if !errors.Is(err, context.Canceled) || st.Read != replayBatch || st.Sent != replayBatch {
		t.Fatalf("%+v, %v", st, err)
	}
	if st, err = op.Replay(t.Context(), how); err != nil || st.Read != n || st.Sent != n || !st.Resumed || st.Finished || st.At != st.Of {
		t.Fatalf("%+v, %v", st, err)
	}
	if st, err = op.Replay(t.Context(), how); err != nil || !st.Finished || st.Sent != n {
		t.Fatalf("%+v, %v", st, err)
	}
	done()

	r = start(t, c, Options{})
	lines := r.settled("archive", "other")
	if got := lines["archive"]; got.Accepted != 2*n || got.Stored != 2*n {
		t.Errorf("archive: %+v", got)
	}
	if got := lines["other"]; got.Accepted != n || got.Stored != n {
		t.Errorf("other: %+v", got)
	}
	docs := r.documents("mekong", "records")
	if len(docs) != n {
		t.Errorf("%d rows of %d", len(docs), n)
	}
	for _, doc := range docs {
		if in(doc, "fields", "area") != "Hà Nội" {
			t.Fatalf("a row without what was mended: %v", doc)
		}
	}
	for _, doc := range r.documents("mekong", "others") {
		if in(doc, "fields", "area") != nil {
			t.Fatal("it reached a sink that was not meant")
		}
	}

	// Beside the running one, to all, with a rate.
	beside, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	began := time.Now()
	st, err = beside.Replay(t.Context(), ReplayOptions{Source: "landing", Since: how.Since, Rate: 400, Lag: 100_000, Name: "all"})
	if err != nil || st.Sent != 2*n || len(st.Sinks) != 2 {
		t.Fatalf("%+v, %v", st, err)
	}
	if least := time.Duration(2*n-400) * time.Second / 400; time.Since(began) < least/2 {
		t.Errorf("460 records at 400 a second took %s", time.Since(began))
	}
	lines = r.settled("archive", "other")
	if got := lines["other"]; got.Stored != 2*n || lines["archive"].Stored != 3*n {
		t.Errorf("%+v", lines)
	}
}

// A replay waits while a stage that it needs is behind, and says which.
func TestReplayGivesWay(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{Only: []string{RoleIntake, RoleTransform}})
	if _, err := r.Bus.Records(t.Context(), "archive", []string{"*"}, bus.QueueOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		r.submit("A", fmt.Sprintf("09%08d", i))
	}
	poll(t, 20*time.Second, func() string {
		if n, _, err := r.Bus.Behind(t.Context(), bus.StageOf("archive")); n != 5 || err != nil {
			return fmt.Sprint(n, err)
		}
		return ""
	})
	ctx, cancel := context.WithCancel(t.Context())
	st, err := r.Operator().Replay(ctx, ReplayOptions{Source: "landing", Since: time.Now().Add(-time.Hour), Lag: 4, Tell: func(st ReplayState) {
		if st.Waiting == "archive" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || st.Sent != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestReplayedSinks(t *testing.T) {
	c := config.Default()
	c.Sinks = map[string]config.Sink{"a": {MongoDB: &config.MongoDB{}}, "chat": {LarkChat: &config.LarkChat{}}}
	o := &Operator{app: &App{config: c}}
	if got, left, err := o.replayed(nil); strings.Join(got, " ") != "a" || strings.Join(left, " ") != "chat" || err != nil {
		t.Error(got, left, err)
	}
	if got, left, err := o.replayed([]string{"chat", "a", "chat"}); strings.Join(got, " ") != "a chat" || left != nil || err != nil {
		t.Error(got, left, err)
	}
	if _, _, err := o.replayed([]string{"b"}); err == nil {
		t.Error("a sink that is not there is no error")
	}
	delete(c.Sinks, "a")
	if _, _, err := o.replayed(nil); err == nil {
		t.Error("no sink is no error")
	}
}

func TestMasked(t *testing.T) {
	for _, c := range []struct {
		field string
		v     any
		want  string
	}{
		{"phone", "+84900000000", "+8•••00"}, {"name", "An", "•••"}, {"name", "Lan Anh", "La•••nh"}, {"name", "Lan A", "L•••"},
		{"email", "abc@example.com", "a•••@example.com"}, {"form", "IELTS", "IELTS"}, {"score", 2.0, "2"}, {"x", nil, "(none)"}, {"x", "", ""},
		{"note", []string{"một", "hai ba"}, "[m•••a]"},
	} {
		if got := Masked(c.field, c.v); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.field, c.v, got, c.want)
		}
	}
}
