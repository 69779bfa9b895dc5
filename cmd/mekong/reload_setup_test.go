package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// reloads is a `mekong run` and the configuration that it runs with, which changes.
type reloads struct {
	*process
	path, dir string
	sent      int // hangups that were to change something
}

// holding is a configuration of these parts, each a line or more of its own.
func (r *reloads) holding(sources, sinks []string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data_dir: %q\nnats: { reserve: 1 }\n", filepath.Join(r.dir, "data"))
	if !strings.Contains(strings.Join(more, "\n"), "http:") {
		b.WriteString("http: { intake: \"127.0.0.1:0\", console: \"127.0.0.1:0\" }\n")
	}
	if !strings.Contains(strings.Join(more, "\n"), "shutdown_grace:") {
		b.WriteString("shutdown_grace: 5s\n")
	}
	b.WriteString("sources:\n  " + strings.Join(sources, "\n  ") + "\nsinks:\n  " + strings.Join(sinks, "\n  ") + "\n")
	return b.String() + strings.Join(more, "\n") + "\n"
}

func (r *reloads) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(r.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reloadable starts one with the ways in and out that are the usual ones here.
func reloadable(t *testing.T) *reloads {
	t.Helper()
	dir := t.TempDir()
	r := &reloads{dir: dir, path: filepath.Join(dir, "mekong.yaml")}
	r.write(t, r.holding([]string{landing}, []string{archive}))
	r.process = run(t, r.path)
	r.told(t, "door open", 1)
	return r
}

func (r *reloads) hangup(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// told waits until the log has what n times.
func (r *reloads) told(t *testing.T, what string, n int) {
	t.Helper()
	await(t, 30*time.Second, func() string {
		select {
		case <-r.ended:
			t.Fatalf("it ended:\n%s", r.err)
		default:
		}
		if got := strings.Count(r.err.String(), what); got < n {
			return fmt.Sprintf("%q is in the log %d times, and not %d:\n%s", what, got, n, r.err)
		}
		return ""
	})
}

// change writes a configuration, and returns once it is in effect.
func (r *reloads) change(t *testing.T, text string) {
	t.Helper()
	r.write(t, text)
	r.sent = strings.Count(r.err.String(), inEffect) + 1
	r.hangup(t)
	r.told(t, inEffect, r.sent)
}

// end stops it, and has it end well.
func (r *reloads) end(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := r.exit(20 * time.Second); code != exitOK {
		t.Errorf("it ended with code %d:\n%s", code, r.err)
	}
	for line := range strings.Lines(r.err.String()) {
		for _, bad := range []string{"panic:", "DATA RACE", "does not add up", pageToken} {
			if strings.Contains(line, bad) {
				t.Errorf("it said: %s", line)
			}
		}
	}
}

// steady sends distinct leads until its stop is called; each must be answered 200. Some
// senders never rest, others leave their connection idle for a moment. stop tells the
// longest time that one had to wait.
func (s *sending) steady(t *testing.T, door string, connections int) (stop func() time.Duration) {
	ctx, enough := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	var longest time.Duration
	for i := range connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				s.mu.Lock()
				n := s.next
				s.next++
				s.mu.Unlock()
				began := time.Now()
				id, err := submit(context.WithoutCancel(ctx), door, n)
				took := time.Since(began)
				s.mu.Lock()
				if err == nil {
					s.ids[n] = id
				} else {
					s.unknown = append(s.unknown, n)
				}
				s.mu.Unlock()
				mu.Lock()
				longest = max(longest, took)
				mu.Unlock()
				if err != nil {
					t.Errorf("lead %d was not answered, after %s: %v", n, took, err)
				}
				_ = pausing(ctx, time.Duration(i%4*7)*time.Millisecond)
			}
		})
	}
	return func() time.Duration {
		enough()
		wg.Wait()
		return longest
	}
}

func (s *sending) count() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func askedFor(t *testing.T, url string) (status int, text string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("name=A"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := senders.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// running ends it, and counts what ran by who began it.
func (r *reloads) running(t *testing.T) map[string]int {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	r.exit(20 * time.Second)
	all := map[string]int{}
	for _, what := range createdBy.FindAllString(r.err.String(), -1) {
		if !strings.Contains(what, "nats-server") {
			all[what]++
		}
	}
	return all
}

// fill sends that many as fast as it goes.
func (s *sending) fill(t *testing.T, door string, most uint64) {
	t.Helper()
	until := s.count() + most
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				s.mu.Lock()
				n := s.next
				if n < until {
					s.next++
				}
				s.mu.Unlock()
				if n >= until {
					return
				}
				id, err := submit(t.Context(), door, n)
				if err != nil {
					t.Error(err)
					return
				}
				s.mu.Lock()
				s.ids[n] = id
				s.mu.Unlock()
			}
		})
	}
	wg.Wait()
}
