package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

// deadAddress is one where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A sink that is dead keeps its records waiting, says why, and delays neither
// the door nor the other sink.
func TestADeadSinkDelaysNobody(t *testing.T) {
	text := strings.Replace(oneSink, "  archive:\n", "  dead:\n    mongodb: { uri: \"mongodb://"+deadAddress(t)+"\", timeout: 1s }\n  archive:\n", 1)
	r := start(t, configured(t, t.TempDir(), text), Options{})
	const n = 200
	for i := range n {
		r.accepted("application/json", fmt.Appendf(nil, `{"name":"An","phone":"09000%05d"}`, i))
	}
	lines := r.settled("archive")
	if b := lines["archive"]; b.Stored != n {
		t.Errorf("the healthy sink: %+v", b)
	}
	poll(t, 30*time.Second, func() string {
		if since, why := r.Held("dead"); since.IsZero() || why == "" {
			return "the dead sink is not held"
		}
		return ""
	})
	all, err := r.Balance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Sink == "dead" && (b.Waiting != n || b.Buried != 0 || b.Missing != 0 || b.Oldest.IsZero()) {
			t.Errorf("the dead sink: %+v", b)
		}
	}
	status, metrics := r.operators("/metrics")
	if status != http.StatusOK || !strings.Contains(metrics, fmt.Sprintf(`mekong_balance_records{sink="dead",state="waiting"} %d`, n)) {
		t.Error("the metrics do not show what waits")
	}
	if strings.Contains(metrics, `mekong_sink_held_seconds{sink="dead"} 0`+"\n") {
		t.Error("the metrics do not show that the sink is held")
	}
	if since, _ := r.Held("archive"); !since.IsZero() {
		t.Error("the healthy sink is held")
	}
}

// What the door turns away is kept with its cause, and counts as accepted by
// nobody.
func TestRefusedAreKept(t *testing.T) {
	r := start(t, configured(t, t.TempDir(), oneSink), Options{})
	got, err := send(t.Context(), r.door, []byte("name=An&phone=0900000000"), map[string]string{"Token": "not-the-token-at-all"})
	if err != nil || got.status != http.StatusUnauthorized {
		t.Fatalf("a wrong token: %+v, %v", got, err)
	}
	got = r.post("application/json", bytes.Repeat([]byte("x"), 1<<20))
	if got.status != http.StatusRequestEntityTooLarge {
		t.Fatalf("a large body: %+v", got)
	}
	causes := map[string]string{}
	poll(t, 10*time.Second, func() string {
		kept, err := r.Bus.Refusals(t.Context(), 0, 10)
		if err != nil {
			return err.Error()
		}
		for _, k := range kept {
			causes[k.Cause] = string(k.Raw.Body)
		}
		if len(causes) < 2 {
			return fmt.Sprintf("kept: %d", len(causes))
		}
		return ""
	})
	if causes["unauthorized"] != "name=An&phone=0900000000" {
		t.Errorf("kept under %v", keys(causes))
	}
	for cause, body := range causes {
		if strings.Contains(cause+body, "not-the-token-at-all") {
			t.Error("the wrong token is kept: it may be the right one of another source")
		}
	}
	if b := r.settled("archive")["archive"]; b.Accepted != 0 {
		t.Errorf("the balance counts them: %+v", b)
	}
}

func keys(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// lockedLog is a log that is read while it is written.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// troubled is a sink that quarrels with every kind of record.
type troubled struct {
	pipeline.Sink
	mu    sync.Mutex
	calls int
}

func (s *troubled) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	switch {
	case call == 1:
		panic(fmt.Sprint(batch[0].Fields))
	case call == 2:
		return pipeline.Outcomes(len(batch), pipeline.Hold(fmt.Errorf("the table is gone"), 0))
	case call == 3:
		return pipeline.Outcomes(len(batch)+1, nil)
	case call < 8:
		return pipeline.Outcomes(len(batch), pipeline.Permanent(fmt.Errorf("a value of the wrong type")))
	}
	return s.Sink.Write(ctx, batch)
}

// Over a run in which everything goes wrong that can, neither the log at its
// most talkative, nor the metrics, nor an answer says anything about a person,
// or a secret.
func TestNothingPersonalIsSaid(t *testing.T) {
	const password = "pass-word-of-mongo"
	text := strings.Replace(oneSink, "  archive:\n",
		"  away:\n    mongodb: { uri: \"mongodb://user:"+password+"@"+deadAddress(t)+"/?authSource=admin\", timeout: 1s }\n"+
			"  picky:\n    where: 'phone matches \"^.84\"'\n    mongodb: { collection: picky }\n  archive:\n", 1)
	var log lockedLog
	r := start(t, configured(t, t.TempDir(), text), Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Wrap: func(name string, s pipeline.Sink) pipeline.Sink {
			if name == "archive" {
				return &troubled{Sink: s}
			}
			return s
		},
	})
	forbidden := []string{"0911222333", "911222333", "+84911222333", "quân.riêng", "quan.rieng@example.com", "Nguyễn Riêng Tư", "nguyen rieng tu",
		secretToken, "not-the-token-at-all", password, "ielts-secret-page", "fbclid-of-somebody"}
	said := []string{}
	for i := range 60 {
		body := fmt.Sprintf("name=Nguyễn Riêng Tư %d&phone=0911222333&email=quan.rieng@example.com&link=https://a.example.vn/ielts-secret-page?fbclid=fbclid-of-somebody%d", i, i)
		r.accepted("application/x-www-form-urlencoded", []byte(body))
	}
	for _, try := range []struct {
		path    string
		body    string
		headers map[string]string
	}{
		{r.door, "phone=0911222333", map[string]string{"Token": "not-the-token-at-all"}},
		{r.door + "/not-the-token-at-all", "phone=0911222333", nil},
		{r.door, "\x00\x01\x02\xff0911222333", map[string]string{"Token": secretToken}},
		{r.door, strings.Repeat("phone=0911222333&", 80_000), map[string]string{"Token": secretToken}},
		{r.door + "?token=" + secretToken, "phone=0911222333", nil},
	} {
		got, err := send(t.Context(), try.path, []byte(try.body), try.headers)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, got.text)
	}
	r.settled("archive", "picky")
	for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
		_, text := r.operators(path)
		said = append(said, text)
	}
	_, why := r.Held("away")
	said = append(said, why)
	graves, err := r.Bus.Graves(t.Context(), "", 0, 100)
	if err != nil || len(graves) == 0 {
		t.Fatalf("nothing was buried (%v): the test shows too little", err)
	}
	for _, g := range graves {
		said = append(said, g.Reason, g.ID, g.Stage)
	}
	r.stop()
	said = append(said, log.String())
	if len(log.String()) < 2000 {
		t.Error("the log holds next to nothing: the test shows too little")
	}
	for _, text := range said {
		for _, word := range forbidden {
			if at := strings.Index(strings.ToLower(text), strings.ToLower(word)); at >= 0 {
				t.Errorf("%q is said in: …%s…", word, text[max(0, at-120):min(len(text), at+60)])
			}
		}
	}
}
