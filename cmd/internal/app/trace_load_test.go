package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
	"mekong/pipeline/bus/local"
	"mekong/pipeline/trace"
)

// Two processes on one NATS: one takes leads in and delivers them, the other has the
// console and the index. Under load the index is deleted, overwritten, and cut off, and the
// console's process ends and comes back. The other one answers every lead, stores each
// once, and has nothing to say about it; the index is up again by itself each time.
func TestIndexThatDiesUnderLoad(t *testing.T) {
	addr := freeAddr(t)
	s, err := local.Start(t.Context(), local.Options{Dir: filepath.Join(t.TempDir(), "nats"), Listen: addr, Token: secretPassword})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	text := fmt.Sprintf(`
shutdown_grace: 5s
nats: { url: "nats://%s", token: %s, reserve: 1, max_bytes: 2GiB }
sources: { landing: { ladipage: { path: /in/landing, token: %s, rate: 100000 } } }
sinks: { archive: { webhook: { url: "http://127.0.0.1:1", allow_private: true } } }
`, addr, secretPassword, secretToken)
	var said overheard
	sink := &eager{}
	worker := start(t, configured(t, t.TempDir(), text), Options{
		Only: []string{RoleIntake, RoleTransform, RoleDeliver}, Wrap: sink.around, Logger: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	conf := configured(t, t.TempDir(), text)
	shown := start(t, conf, Options{Only: []string{RoleConsole}})
	file := filepath.Join(conf.DataDir, TraceFile)

	load := worker.pour(4)
	// up waits until the index holds what was answered by now, while more comes.
	up := func(what string) {
		t.Helper()
		want := load.answered.Load()
		before := sink.taken.Load()
		poll(t, 5*time.Minute, func() string {
			page, err := shown.Trace.Search(t.Context(), "", trace.Filter{State: trace.Stored}, 1)
			switch {
			case err != nil:
				return what + ": " + err.Error()
			case len(page.Entries) == 0:
				return what + ": nothing is found"
			case shown.Trace.Records() < want:
				return fmt.Sprintf("%s: %d of %d leads", what, shown.Trace.Records(), want)
			case sink.taken.Load() <= before:
				return what + ": nothing is delivered meanwhile"
			}
			if _, err := os.Stat(file); err != nil {
				return what + ": " + err.Error()
			}
			return ""
		})
	}
	up("at first")
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(file + end); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	up("deleted")
	garbage(t, file)
	up("overwritten")
	shown.stop()
	if err := os.Truncate(file, 3000); err != nil {
		t.Fatal(err)
	}
	shown = start(t, conf, Options{Only: []string{RoleConsole}})
	up("cut off while nobody had it")
	shown.stop()
	shown = start(t, conf, Options{Only: []string{RoleConsole}})
	up("started again")

	sent := load.stop()
	poll(t, 5*time.Minute, func() string {
		page, err := shown.Trace.Search(t.Context(), "", trace.Filter{State: trace.Waiting}, 1)
		if n := shown.Trace.Records(); n != sent || err != nil || len(page.Entries) != 0 {
			return fmt.Sprintf("%d of %d leads are in the index, %+v wait: %v", n, sent, page.Entries, err)
		}
		return ""
	})
	if n := sink.taken.Load(); n != sent {
		t.Errorf("%d leads were answered and %d stored", sent, n)
	}
	if text := said.String(); text != "" {
		t.Errorf("the one that takes leads in noticed:\n%s", text)
	}
}

// garbage overwrites a file behind its owner's back.
func garbage(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(bytes.Repeat([]byte{0xaa}, int(info.Size())))
	}
	if closed := f.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
}

// overheard is a log that many write to.
type overheard struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *overheard) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *overheard) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// poured is load that goes on until it is stopped.
type poured struct {
	answered atomic.Int64
	stop     func() int64 // tells how many leads were answered
}

// pour sends leads over so many connections, twenty a second over each: there must be
// time left for whoever gives way to them. Each must be taken.
func (r *running) pour(conns int) *poured {
	ctx, cancel := context.WithCancel(r.t.Context())
	p := &poured{}
	var next atomic.Uint64
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				contentType, body := leads.Make(next.Add(1)).Encode(leads.URLEncoded)
				got, err := send(r.t.Context(), r.door, body, map[string]string{"Content-Type": contentType, "Token": secretToken})
				if err != nil || got.status != http.StatusOK {
					r.t.Errorf("a lead was answered %d %s: %v", got.status, got.text, err)
					return
				}
				p.answered.Add(1)
			}
		})
	}
	var once sync.Once
	p.stop = func() int64 {
		once.Do(func() { cancel(); wg.Wait() })
		return p.answered.Load()
	}
	r.t.Cleanup(func() { p.stop() })
	return p
}
