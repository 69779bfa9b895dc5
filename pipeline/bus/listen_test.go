package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ears collects what is heard, and fails when told to.
type ears struct {
	mu    sync.Mutex
	fail  int // how many more calls fail
	heard []Heard
}

func (e *ears) handle(_ context.Context, heard []Heard) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail > 0 {
		e.fail--
		return errors.New("not now")
	}
	e.heard = append(e.heard, heard...)
	return nil
}

func (e *ears) texts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, h := range e.heard {
		all = append(all, string(h.Data))
	}
	return all
}

// listen starts to listen and returns what stops it.
func listen(t *testing.T, b *Bus, subject string, e *ears) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Listen(ctx, subject, "support", e.handle) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestListenToAStream(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	if _, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CHAT", Subjects: []string{"chat.>"}}); err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		if _, err := b.js.Publish(t.Context(), "chat.turns", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say("before")
	e := &ears{fail: 1}
	stop := listen(t, b, "chat.turns", e)
	say("while")
	poll(t, func() bool { return len(e.texts()) == 2 })
	stop()
	say("after")
	stop = listen(t, b, "chat.turns", e)
	poll(t, func() bool { return len(e.texts()) == 3 })
	stop()
	seen := map[string]string{}
	for _, h := range e.heard {
		seen[string(h.Data)] = h.Place
	}
	if seen["before"] != "CHAT:1" || seen["while"] != "CHAT:2" || seen["after"] != "CHAT:3" {
		t.Errorf("heard %v", seen)
	}
}

func TestListenWithoutAStream(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	e := &ears{}
	stop := listen(t, b, "chat.turns", e)
	defer stop()
	// Nobody says when the subscription stands, so ask until it answers.
	poll(t, func() bool {
		m, err := b.nc.Request("chat.turns", []byte("asked"), 100*time.Millisecond)
		return err == nil && string(m.Data) == `{"ok":true}`
	})
	e.mu.Lock()
	e.fail = 1
	e.mu.Unlock()
	if m, err := b.nc.Request("chat.turns", []byte("refused"), 5*time.Second); err != nil || string(m.Data) != `{"ok":false}` {
		t.Errorf("%v, %v", m, err)
	}
	before := len(e.texts())
	e.mu.Lock()
	e.fail = 1
	e.mu.Unlock()
	for i := range 3 {
		if err := b.nc.Publish("chat.turns", fmt.Appendf(nil, "told %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, func() bool { return len(e.texts()) == before+3 })
}

func TestListenNeverHearsItself(t *testing.T) {
	b, _ := serve(t, t.TempDir())
	if err := b.Listen(t.Context(), "raw.landing", "support", (&ears{}).handle); !errors.Is(err, errOurs) {
		t.Errorf("it says %v", err)
	}
}
