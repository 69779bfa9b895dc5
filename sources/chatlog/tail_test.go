package chatlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog"
	"mekong/sources/chatlog/turn"
)

// machine is what outlives a killed process: the disk and the stream.
type machine struct {
	t       *testing.T
	dir     string
	globs   []string
	state   []byte
	ids     map[string]string // stored, by ID: its line
	refused []string
	broken  func() error // nil: nothing fails
	tail    *chatlog.Tail
}

var errKilled = errors.New("killed")

func (m *machine) Load(context.Context) ([]byte, error) { return m.state, nil }

func (m *machine) Save(_ context.Context, state []byte) error {
	if m.broken != nil {
		if err := m.broken(); err != nil {
			return err
		}
	}
	m.state = bytes.Clone(state)
	return nil
}

func (m *machine) emit(_ context.Context, raws ...pipeline.Raw) error {
	if m.broken != nil {
		if err := m.broken(); err != nil {
			return err
		}
	}
	for _, raw := range raws {
		b, err := turn.Decode(raw.Body)
		if err != nil {
			m.t.Fatal(err)
		}
		text := ""
		if o, ok := turn.ParseObject(b.Facts); ok {
			text = o.Text("question")
		} else if o, ok := turn.ParseObject(b.Parts[len(b.Parts)-1].Original); ok {
			text = o.Text("text")
		}
		if old, known := m.ids[raw.ID]; known && old != text {
			m.t.Fatalf("two lines have the ID %s: %s, %s", raw.ID, old, text)
		}
		m.ids[raw.ID] = text
	}
	if m.broken != nil {
		return m.broken() // stored, and nobody was told
	}
	return nil
}

// start is a new process.
func (m *machine) start() {
	c := config.ChatLog{Path: "/in/chat", Tail: m.globs, MaxBody: 2 << 10}
	r, err := chatlog.New("support", c, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	m.tail, err = chatlog.NewTail(r, c, chatlog.TailOptions{Positions: m, Every: time.Millisecond, Refuse: func(_ context.Context, _ string, raw pipeline.Raw) error {
		m.refused = append(m.refused, string(raw.Body))
		return nil
	}})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) look() error { return m.tail.Look(m.t.Context(), m.emit) }

// settled looks until nothing is missing, and long enough for rotated files to
// be closed.
func (m *machine) settle() {
	m.t.Helper()
	m.broken = nil
	for range 40 {
		if err := m.look(); err != nil {
			m.t.Fatal(err)
		}
	}
}

// once reports the lines that were not stored exactly once.
func (m *machine) once(want []string) {
	m.t.Helper()
	times := map[string]int{}
	for _, text := range m.ids {
		times[text]++
	}
	for _, text := range want {
		if times[text] != 1 {
			m.t.Errorf("%q was stored %d times", text, times[text])
		}
		delete(times, text)
	}
	for text, n := range times {
		m.t.Errorf("%q was stored %d times and never written", text, n)
	}
}

func newMachine(t *testing.T, patterns ...string) *machine {
	m := &machine{t: t, dir: t.TempDir(), ids: map[string]string{}}
	for _, p := range patterns {
		m.globs = append(m.globs, filepath.Join(m.dir, p))
	}
	m.start()
	return m
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	f, err := os.OpenFile(filepath.Join(m.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		m.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) rename(from, to string) {
	m.t.Helper()
	if err := os.Rename(filepath.Join(m.dir, from), filepath.Join(m.dir, to)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) copyTruncate(from, to string) {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, from))
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, to), b, 0o600)
	}
	if err == nil {
		err = os.Truncate(filepath.Join(m.dir, from), 0)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// asked is a line without any identity of its own.
func asked(text string) string { return fmt.Sprintf(`{"question":%q,"answer":"x"}`, text) }

func TestTail(t *testing.T) {
	t.Run("a line whose end is not there yet", func(t *testing.T) {
		m := newMachine(t, "*.jsonl")
		line := asked("một") + "\n"
		for i := range len(line) {
			m.write("a.jsonl", line[i:i+1])
			if err := m.look(); err != nil {
				t.Fatal(err)
			}
			if done := i == len(line)-1; (len(m.ids) == 1) != done {
				t.Fatalf("%d stored after %d of %d bytes", len(m.ids), i+1, len(line))
			}
		}
	})
	t.Run("the same line twice is two", func(t *testing.T) {
		m := newMachine(t, "*.jsonl")
		m.write("a.jsonl", strings.Repeat(asked("một")+"\n", 2))
		m.write("b.jsonl", asked("một")+"\n")
		m.settle()
		if len(m.ids) != 3 {
			t.Errorf("%d stored", len(m.ids))
		}
	})
	t.Run("lines nobody understands", func(t *testing.T) {
		m := newMachine(t, "*.jsonl")
		long := `{"question":"` + strings.Repeat("x", 3000) + `"}`
		huge := `{"question":"` + strings.Repeat("y", 3<<20) + `"}`
		m.write("a.jsonl", "INFO started\n\n"+asked("một")+"\r\n"+long+"\n"+asked("hai")+"\n"+huge)
		m.settle()
		m.write("a.jsonl", "\n"+asked("ba")+"\n")
		m.settle()
		m.once([]string{"một", "hai", "ba"})
		if len(m.refused) != 3 || m.refused[0] != "INFO started" || !strings.HasPrefix(long, m.refused[1]) || !strings.HasPrefix(huge, m.refused[2]) {
			t.Errorf("%d refused", len(m.refused))
		}
	})
	t.Run("the last line of a rotated file has no end", func(t *testing.T) {
		m := newMachine(t, "a.jsonl")
		m.write("a.jsonl", asked("một")+"\n"+asked("hai"))
		m.settle()
		m.rename("a.jsonl", "a.jsonl.1")
		m.write("a.jsonl", asked("ba")+"\n")
		m.settle()
		m.once([]string{"một", "hai", "ba"})
	})
	t.Run("rotated while nobody looked", func(t *testing.T) {
		for _, how := range []string{"rename", "copytruncate"} {
			for _, pattern := range []string{"a.jsonl", "a.jsonl*"} {
				m := newMachine(t, pattern)
				m.write("a.jsonl", asked("một")+"\n")
				m.settle()
				m.write("a.jsonl", asked("hai")+"\n")
				if how == "rename" {
					m.rename("a.jsonl", "a.jsonl.1")
				} else {
					m.copyTruncate("a.jsonl", "a.jsonl.1")
				}
				m.write("a.jsonl", asked("ba")+"\n"+asked("bốn")+"\n"+asked("năm, và dài hơn trước")+"\n")
				m.start()
				m.settle()
				m.once([]string{"một", "hai", "ba", "bốn", "năm, và dài hơn trước"})
			}
		}
	})
	t.Run("positions that cannot be read", func(t *testing.T) {
		m := newMachine(t, "a.jsonl")
		m.write("a.jsonl", asked("một")+"\n"+asked("hai")+"\n")
		m.settle()
		m.state = []byte("{")
		m.start()
		m.settle()
		m.once([]string{"một", "hai"})
	})
	t.Run("a question before a restart, its answer behind", func(t *testing.T) {
		m := newMachine(t, "a.jsonl")
		m.write("a.jsonl", `{"session_id":"s","role":"user","text":"hỏi","ts":1772334245}`+"\n")
		m.settle()
		m.start()
		m.write("a.jsonl", `{"session_id":"s","role":"bot","text":"đáp","ts":1772334246}`+"\n")
		var last turn.Body
		if err := m.tail.Look(t.Context(), func(_ context.Context, raws ...pipeline.Raw) error {
			for _, raw := range raws {
				last, _ = turn.Decode(raw.Body)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(last.Parts) != 2 || last.Number != 1 {
			t.Errorf("the answer came as %+v", last)
		}
	})
}

// Whatever is appended, rotated, truncated and killed, in any order: each line
// that was complete before its bytes were gone is stored exactly once.
func TestTailStoresEachLineOnce(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { chaos(t, rand.New(rand.NewPCG(uint64(seed), 7))) })
	}
}

func chaos(t *testing.T, rnd *rand.Rand) {
	patterns := [][]string{{"*.jsonl"}, {"*.jsonl*"}, {"a.jsonl", "b.jsonl"}}[rnd.IntN(3)]
	m := newMachine(t, patterns...)
	names := []string{"a.jsonl", "b.jsonl"}
	half := map[string]string{} // the rest of a line that is half written
	var want []string
	n, rotated := 0, 0
	finish := func(name string) {
		if rest, ok := half[name]; ok {
			m.write(name, rest)
			delete(half, name)
		}
	}
	// What a pattern never named after it was rotated cannot be followed unless
	// some of it was read before.
	known := map[string]bool{}
	outside := patterns[0] != "*.jsonl*"
	// What was stored and not saved before a kill is named after its file: a copy
	// of a file that is empty by then would have it again.
	unsaved := false
	look := func() error {
		err := m.look()
		unsaved = err != nil
		for _, name := range names {
			b, _ := os.ReadFile(filepath.Join(m.dir, name))
			known[name] = known[name] || err == nil && bytes.IndexByte(b, '\n') >= 0
		}
		return err
	}
	leave := func(name string, copied bool) {
		finish(name)
		if outside && !known[name] || copied && unsaved {
			m.broken = nil
			if err := look(); err != nil {
				t.Fatal(err)
			}
		}
		known[name] = false
	}
	faults := func() {
		m.broken = func() error {
			if rnd.IntN(4) == 0 {
				return errKilled
			}
			return nil
		}
	}
	for range 60 {
		name := names[rnd.IntN(len(names))]
		switch op := rnd.IntN(20); {
		case op < 8: // some lines, the last perhaps in half
			finish(name)
			for range 1 + rnd.IntN(4) {
				n++
				text := fmt.Sprintf("câu %d %sx", n, strings.Repeat("x", rnd.IntN(200)))
				want = append(want, text)
				m.write(name, asked(text)+"\n")
			}
			if rnd.IntN(3) == 0 {
				n++
				text := fmt.Sprintf("nửa %d", n)
				want = append(want, text)
				line := asked(text) + "\n"
				cut := 1 + rnd.IntN(len(line)-1)
				m.write(name, line[:cut])
				half[name] = line[cut:]
			}
		case op < 12: // a look, with or without faults
			if faults(); rnd.IntN(2) == 0 {
				m.broken = nil
			}
			if err := look(); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		case op < 14: // killed in the middle of a look
			faults()
			_ = look() // whatever came of it
			m.start()
		case op < 17: // renamed; the writer goes on in a new file
			if _, err := os.Stat(filepath.Join(m.dir, name)); err == nil {
				leave(name, false)
				rotated++
				m.rename(name, fmt.Sprintf("%s.%d", name, rotated))
			}
		case op < 19: // copied and truncated
			if info, err := os.Stat(filepath.Join(m.dir, name)); err == nil && info.Size() > 0 {
				leave(name, true)
				rotated++
				m.copyTruncate(name, fmt.Sprintf("%s.%d", name, rotated))
				// Nothing new before somebody looked: what tells the copy from
				// a file of its own is that the first is shorter now.
				if m.broken = nil; look() != nil {
					t.Fatal("a look failed")
				}
			}
		default: // truncated, and all of it had been read
			finish(name)
			m.broken = nil
			if err := look(); err != nil {
				t.Fatal(err)
			}
			known[name] = false
			if _, err := os.Stat(filepath.Join(m.dir, name)); err == nil {
				if err := os.Truncate(filepath.Join(m.dir, name), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, name := range names {
		finish(name)
	}
	m.settle()
	slices.Sort(want)
	m.once(want)
	if len(m.refused) > 0 {
		t.Errorf("%d lines were refused: %q", len(m.refused), m.refused[0])
	}
}

func TestTailRunsUntilItsContextEnds(t *testing.T) {
	m := newMachine(t, "a.jsonl")
	m.write("a.jsonl", asked("một")+"\n")
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		done <- m.tail.Run(ctx, func(_ context.Context, raws ...pipeline.Raw) error {
			got <- raws[0].Meta[chatlog.MetaFile] + ":" + raws[0].Meta[chatlog.MetaAt]
			return nil
		})
	}()
	if place := <-got; place != "a.jsonl:0" {
		t.Errorf("the line came from %s", place)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPositionFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions.json")
	p := chatlog.NewPositionFile(path)
	if b, err := p.Load(t.Context()); b != nil || err != nil {
		t.Fatalf("%s, %v", b, err)
	}
	for _, state := range []string{"[1]", "[]"} {
		if err := p.Save(t.Context(), []byte(state)); err != nil {
			t.Fatal(err)
		}
		if b, err := chatlog.NewPositionFile(path).Load(t.Context()); string(b) != state || err != nil {
			t.Fatalf("%s, %v", b, err)
		}
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := chatlog.NewPositionFile(filepath.Join(path, "no")).Save(t.Context(), nil); err == nil {
		t.Error("a folder that is not there is no error")
	}
}
