package worker

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A store that cannot take the account of a batch, as on a full disk, must not
// make it vanish: what was stored waits in hand, is not written again, and is
// accounted for once the store is back.
func TestNothingIsLetGoBeforeItIsWrittenDown(t *testing.T) {
	b, m := setup(t), newMemory()
	const n = 3
	for i := range n {
		b.passed(fmt.Sprint("a", i))
	}
	nc, err := nats.Connect("", nats.InProcessServer(b.server))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := js.Stream(t.Context(), "TRACE")
	if err != nil {
		t.Fatal(err)
	}
	takes := func(subject string) {
		c := trace.CachedInfo().Config
		c.Subjects = []string{subject}
		if _, err := js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	takes("trace.transform")
	var log lockedBuffer
	stop := b.start(b.deliver(m, func(d *Deliver) { d.Log = slog.New(slog.NewTextHandler(&log, nil)) }).Run)
	poll(t, "a complaint", func() bool { return strings.Contains(log.String(), "cannot be written down") })
	if l := b.balance(); l.Waiting != n || l.Missing != 0 {
		t.Errorf("meanwhile the balance is %+v", l)
	}
	takes("trace.>")
	poll(t, "an even balance", func() bool { return b.balance().Waiting == 0 })
	stop()
	if l := b.balance(); l.Accepted != n || l.Stored != n || l.Missing != 0 {
		t.Errorf("the balance is %+v", l)
	}
	for id, times := range m.wrote() {
		if times != 1 {
			t.Errorf("%s was written %d times", id, times)
		}
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
