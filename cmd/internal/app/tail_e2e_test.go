package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline/bus"
)

// turnsOf waits until there are n turns and gives them by question.
func turnsOf(r *running, n int) map[string]map[string]any {
	r.t.Helper()
	var turns map[string]map[string]any
	poll(r.t, 30*time.Second, func() string {
		var count map[string]int
		if count, turns = kinds(r); count["turn"] < n {
			return fmt.Sprintf("%d of %d turns", count["turn"], n)
		}
		return ""
	})
	return turns
}

// Files are followed through a restart, a rename, a copy with truncation and a line that
// is half there; what is no chat log is kept as refused.
func TestTail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chat.jsonl")
	text := fmt.Sprintf(`
nats: { reserve: 1 }
shutdown_grace: 5s
sources: { support: { chatlog: { token: %s, tail: [%q] } } }
sinks: { archive: { accept: [turn], mongodb: { database: mekong, collection: records } } }
`, secretToken, filepath.Join(dir, "*.jsonl"))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	write := func(s string) {
		t.Helper()
		if _, err := file.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	line := func(n int) string {
		return fmt.Sprintf("{\"session_id\":\"s-1\",\"question\":\"câu hỏi dài dài %d\",\"answer\":\"trả lời\"}\n", n)
	}
	all := func(from, to int) (s string) {
		for n := from; n <= to; n++ {
			s += line(n)
		}
		return s
	}
	write(all(1, 9) + "this is no JSON\n" + line(10)[:20])
	r := start(t, configured(t, filepath.Join(dir, "data"), text), Options{})
	turnsOf(r, 9)
	var kept []bus.Refusal
	poll(t, 10*time.Second, func() string {
		var err error
		if kept, err = r.Bus.Refusals(t.Context(), 0, 10); err != nil || len(kept) != 1 {
			return fmt.Sprintf("%d lines are kept as refused (%v)", len(kept), err)
		}
		return ""
	})
	if string(kept[0].Raw.Body) != "this is no JSON" || kept[0].Raw.Source != "support" || kept[0].Cause != "malformed" {
		t.Errorf("kept as refused is %q of %s: %s", kept[0].Raw.Body, kept[0].Raw.Source, kept[0].Cause)
	}
	r.stop()
	write(line(10)[20:] + all(11, 12))
	r = start(t, configured(t, filepath.Join(dir, "data"), text), Options{})
	turnsOf(r, 12)

	// As logrotate does it: a copy, of which the last line was not read yet, and the
	// file cut off.
	write(line(13))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".1", whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	write(line(14))
	turnsOf(r, 14)
	r.stop()

	// Renamed while nobody reads, and a new file in its place.
	write(line(15))
	if err := os.Rename(path, path+".2"); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	if file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	write(line(16))
	r = start(t, configured(t, filepath.Join(dir, "data"), text), Options{})
	turns := turnsOf(r, 16)
	r.settled("archive")
	if n, _ := kinds(r); n["turn"] != 16 || len(turns) != 16 {
		t.Errorf("%d turns, %d different ones, of 16 lines", n["turn"], len(turns))
	}
	if got := turns["câu hỏi dài dài 16"]; !like(got["source_file"], "chat.jsonl:0") || got["session"] != "s-1" {
		t.Errorf("the last turn is %v", got)
	}
}

// A chatbot that speaks NATS publishes at the server that is embedded, with a stream
// and without.
func TestStraightFromNATS(t *testing.T) {
	text := `
nats: { reserve: 1, listen: "127.0.0.1:1", token: ` + secretToken + ` }
sources:
  core: { chatlog: { token: ` + secretToken + `, subject: chat.core } }
  kept: { chatlog: { token: ` + secretToken + `, subject: "chat.kept.>" } }
sinks: { archive: { accept: [turn], mongodb: { database: mekong, collection: records } } }
`
	dir := t.TempDir()
	open := func() (*running, *nats.Conn, jetstream.JetStream) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := configured(t, dir, text)
		c.NATS.Listen = free.Addr().String()
		_ = free.Close()
		r := start(t, c, Options{})
		nc, err := nats.Connect("nats://"+c.NATS.Listen, nats.Token(secretToken))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		return r, nc, js
	}
	turn := func(n int) []byte {
		return fmt.Appendf(nil, `{"session_id":"s-1","turn":%d,"question":"câu %d","answer":"trả lời"}`, n, n)
	}
	r, nc, js := open()
	// The listener may not be there yet: who asks for an answer knows.
	poll(t, 10*time.Second, func() string {
		got, err := nc.Request("chat.core", turn(1), time.Second)
		if err != nil || string(got.Data) != `{"ok":true}` {
			return fmt.Sprintf("%+v, %v", got, err)
		}
		return ""
	})
	if err := nc.Publish("chat.core", turn(2)); err != nil {
		t.Fatal(err)
	}
	turnsOf(r, 2)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CHATS", Subjects: []string{"chat.kept.>"}}); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r, _, js = open() // it finds the stream
	if _, err := js.Publish(t.Context(), "chat.kept.web", turn(3)); err != nil {
		t.Fatal(err)
	}
	turns := turnsOf(r, 3)
	if turns["câu 3"]["session"] != "s-1" || turns["câu 3"]["answer"] != "trả lời" {
		t.Errorf("the turn is %v", turns["câu 3"])
	}
	r.settled("archive")
	if n, _ := kinds(r); n["turn"] != 3 {
		t.Errorf("%d turns of 3 messages", n["turn"])
	}
}
