package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/console"
)

// What somebody does by a command stands in the same log as what is done in the console,
// and names nobody.
func TestCommandsAreWrittenDown(t *testing.T) {
	dir := t.TempDir()
	c := configured(t, dir, oneSink)
	var content atomic.Bool
	r := start(t, c, Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink {
		return choosy{s, &content, func(pipeline.Record) error { return errors.New("never") }}
	}})
	for _, body := range []string{"name=An&phone=0900000001", "name=Bình&phone=0900000002"} {
		if got := r.post("application/x-www-form-urlencoded", []byte(body)); got.status != http.StatusOK {
			t.Fatalf("the lead is answered %d", got.status)
		}
	}
	op, done, err := Operate(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var groups []BuriedGroup
	poll(t, 30*time.Second, func() string {
		if groups, err = op.BuriedGroups(t.Context(), BuriedFilter{}); err != nil || len(groups) != 1 || groups[0].Count != 2 {
			return "the two are not buried yet"
		}
		return ""
	})
	if _, err := op.ReplayBuried(t.Context(), BuriedFilter{}, true, nil); err != nil { // only tried
		t.Fatal(err)
	}
	if n, err := op.DropBuried(t.Context(), groups[0].Seqs[:1], "a test"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	content.Store(true)
	if n, err := op.ReplayBuried(t.Context(), BuriedFilter{Sink: "archive"}, false, nil); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	r.settled("archive")
	if st, err := op.Replay(t.Context(), ReplayOptions{Source: "landing", Since: time.Now().Add(-time.Hour)}); err != nil || st.Sent == 0 {
		t.Fatal(st, err)
	}
	if _, err := op.RequestForget(t.Context(), "0900 000 002", time.Now()); err != nil {
		t.Fatal(err)
	}
	f, err := op.Find(t.Context(), "0900000002")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := op.Forget(t.Context(), f, ForgetOptions{}); err != nil || !p.Complete {
		t.Fatal(p, err)
	}
	if err := NoteAct(c, "exported", "archive", 7, "xlsx"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, auditFile))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("900000002")) || bytes.Contains(text, []byte("Bình")) {
		t.Errorf("the log names somebody: %s", text)
	}
	var did []string
	for line := range strings.Lines(string(text)) {
		var e console.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.Who, "cli:") || len(e.Who) < 5 || e.At.IsZero() {
			t.Errorf("it was %+v", e)
		}
		did = append(did, e.What)
	}
	if want := []string{"dropped", "replayed", "replayed history", "noted a request", "forgot", "exported"}; !slices.Equal(did, want) {
		t.Errorf("it is written down that somebody %q, want %q", did, want)
	}
}

// Where nothing can be written down, nothing is done.
func TestWithoutALogNothingIsDone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, auditFile), 0o700); err != nil {
		t.Fatal(err)
	}
	c := configured(t, dir, oneSink)
	if _, _, err := Operate(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), "audit log") {
		t.Errorf("an operator without a log: %v", err)
	}
	if err := NoteAct(c, "exported", "archive", 7, "xlsx"); err == nil {
		t.Error("an export without a log is written down, it says")
	}
}
