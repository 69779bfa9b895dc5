package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mekong/cmd/internal/app"
	"mekong/config"
)

// chatbot logs to a file as a program does that knows nothing of who reads it: in
// pieces that end anywhere, with the file renamed now and then.
type chatbot struct {
	t       *testing.T
	random  *rand.Rand
	path    string
	file    *os.File
	lines   int // complete ones
	rotated int
}

func (c *chatbot) open() {
	c.t.Helper()
	var err error
	if c.file, err = os.OpenFile(c.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// say writes n lines that have no name of their own: only where they stand tells one
// from another that says the same.
func (c *chatbot) say(n int) {
	c.t.Helper()
	for range n {
		line := fmt.Appendf(nil, "{\"session_id\":\"s%d\",\"question\":\"câu %d\",\"answer\":\"%x\"}\n", c.lines%5, c.lines, c.random.Uint64())
		cut := c.random.IntN(len(line))
		for _, piece := range [][]byte{line[:cut], line[cut:]} {
			if _, err := c.file.Write(piece); err != nil {
				c.t.Fatal(err)
			}
		}
		c.lines++
	}
}

// rotate renames the file, with the beginning of a line in it that is ended after.
func (c *chatbot) rotate() {
	c.t.Helper()
	c.rotated++
	if err := os.Rename(c.path, fmt.Sprintf("%s.%d", c.path, c.rotated)); err != nil {
		c.t.Fatal(err)
	}
	c.say(3) // what is written through the old name still
	_ = c.file.Close()
	c.open()
}

// truncate cuts the file off once all of it was read: what is cut off before anybody
// looks is nobody's to find.
func (c *chatbot) truncate(positions string) {
	c.t.Helper()
	await(c.t, 10*time.Second, func() string {
		text, _ := os.ReadFile(positions) // it is there after the first look
		var marks []struct {
			Path   string
			Offset int64
		}
		_ = json.Unmarshal(text, &marks)
		info, err := c.file.Stat()
		if err != nil {
			c.t.Fatal(err)
		}
		for _, m := range marks {
			if m.Path == c.path && m.Offset == info.Size() {
				return ""
			}
		}
		return fmt.Sprintf("the file of %d bytes is not read to its end: %s", info.Size(), text)
	})
	if err := c.file.Truncate(0); err != nil {
		c.t.Fatal(err)
	}
}

// TestTailKill9 kills the program at random while a file grows, is renamed and is
// truncated. Each line is stored exactly once.
func TestTailKill9(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	path := filepath.Join(dir, "mekong.yaml")
	text := fmt.Sprintf(`
data_dir: %q
http: { intake: "127.0.0.1:0", console: "127.0.0.1:0" }
nats: { reserve: 1 }
sources:
  landing: { ladipage: { token: %s } }
  support: { chatlog: { token: %s, tail: [%q] } }
sinks:
  archive: { accept: [turn], mongodb: { database: mekong, collection: turns } }
`, filepath.Join(dir, "data"), pageToken, pageToken, filepath.Join(dir, "chat.jsonl*"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &chatbot{t: t, random: rand.New(rand.NewPCG(seed, 0)), path: filepath.Join(dir, "chat.jsonl")}
	c.open()
	defer func() { _ = c.file.Close() }()
	for round := range 5 {
		c.say(c.random.IntN(100)) // while nobody reads
		p := run(t, path)
		if round%2 == 1 {
			c.truncate(filepath.Join(dir, "data", "tail", "support.json"))
		}
		delay := time.Duration(c.random.IntN(1600)) * time.Millisecond
		for end := time.Now().Add(delay); time.Now().Before(end); time.Sleep(4 * time.Millisecond) { // a chatbot has pauses too
			if c.say(1 + c.random.IntN(3)); c.random.IntN(60) == 0 {
				c.rotate()
			}
		}
		p.kill()
		if c.random.IntN(2) == 0 {
			c.rotate()
		}
		t.Logf("round %d: killed after %s, %d lines so far, %d renames", round, delay, c.lines, c.rotated)
	}
	onceInMongoDB(t, path, c.lines)
}

// onceInMongoDB opens the folder in this process and waits until there are as many
// turns as lines, one of each.
func onceInMongoDB(t *testing.T, path string, lines int) {
	t.Helper()
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), conf, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	far, err := a.FarEnd("archive")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }() // it has only read
	await(t, time.Minute, func() string {
		if n, err := far.Count(t.Context()); err != nil || n < int64(lines) {
			return fmt.Sprintf("%d of %d lines are stored (%v)", n, lines, err)
		}
		balance, err := a.Balance(ctx)
		if err != nil || balance[0].Waiting != 0 || balance[0].Missing != 0 {
			return fmt.Sprintf("%+v (%v)", balance, err)
		}
		return ""
	})
	docs, err := far.Recent(t.Context(), 2*lines+10)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	times := map[string]int{}
	for _, d := range docs {
		question, _ := d.Fields["question"].(string)
		times[question]++
	}
	for n := range lines {
		if question := fmt.Sprintf("câu %d", n); times[question] != 1 {
			t.Errorf("%q is stored %d times", question, times[question])
		}
	}
	if len(docs) != lines {
		t.Errorf("%d documents of %d lines", len(docs), lines)
	}
}
