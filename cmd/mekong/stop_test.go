package main

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A stop under load ends in good time and with success, and costs nothing: what
// was in hand goes on at the next start.
func TestStopAndStart(t *testing.T) {
	path := written(t, t.TempDir(), "")
	s := &sending{ids: map[uint64]string{}}
	const rounds, grace = 3, 5 * time.Second
	for range rounds {
		p := run(t, path)
		s.again(t, p.door)
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		stopping := make(chan time.Time, 1)
		context.AfterFunc(ctx, func() { stopping <- time.Now(); _ = p.cmd.Process.Signal(syscall.SIGTERM) })
		s.burst(ctx, p.door, 16)
		cancel()
		began := <-stopping
		code := p.exit(grace + 10*time.Second)
		took := time.Since(began)
		if code != exitOK || took > grace {
			t.Errorf("it ended with code %d after %s, and shutdown_grace is %s:\n%s", code, took, grace, p.err)
		}
		if !strings.Contains(p.err.String(), "Mekong has stopped: ") {
			t.Errorf("it says nothing at the end:\n%s", p.err)
		}
		t.Logf("stopped in %s; %d accepted so far, %d not answered", took.Round(time.Millisecond), len(s.ids), len(s.unknown))
	}
	if len(s.ids) < 10*rounds {
		t.Errorf("only %d leads were accepted: that was no load", len(s.ids))
	}
	s.stored(t, path)
}

// Two programs on one folder would destroy it: the second says so and leaves the
// first alone.
func TestSecondProcessIsRefused(t *testing.T) {
	path := written(t, t.TempDir(), "")
	first := run(t, path)
	second := command(t, "run", "-c", path)
	if code := second.exit(20 * time.Second); code != exitFailed {
		t.Errorf("the second ends with code %d", code)
	}
	if !strings.Contains(second.err.String(), "another mekong is running on the data folder") || !strings.Contains(second.err.String(), "its own data_dir") {
		t.Errorf("the second says\n%s", second.err)
	}
	if _, err := submit(t.Context(), first.door, 1); err != nil {
		t.Errorf("the first: %v", err)
	}
	began := time.Now()
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := first.exit(10 * time.Second); code != exitOK {
		t.Errorf("the first ends with code %d:\n%s", code, first.err)
	}
	t.Logf("a stop with nothing to do took %s", time.Since(began).Round(time.Millisecond))
}
