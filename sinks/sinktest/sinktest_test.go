package sinktest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

func TestMemory(t *testing.T) {
	Run(t, func(testing.TB) Harness { return MemoryHarness{NewMemory()} })
}

// recorder is a testing.TB that keeps failures instead of failing.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed []string
	logged []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logged = append(r.logged, fmt.Sprintf(format, args...))
}

// play runs the whole suite and returns what failed, by case.
func play(t *testing.T, open func(testing.TB) Harness) (failed map[string][]string, logged []string) {
	t.Helper()
	failed = map[string][]string{}
	for _, c := range cases() {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.play(r, open, 300*time.Millisecond)
		}()
		<-done
		if len(r.failed) > 0 {
			failed[c.name] = r.failed
		}
		logged = append(logged, r.logged...)
	}
	return failed, logged
}

// declaring is a harness that declares faults.
type declaring struct {
	MemoryHarness
	cannot map[Fault]string
}

func (h declaring) Traits() Traits { return Traits{Cannot: h.cannot} }

func (h declaring) Inject(t testing.TB, f Fault) Effect {
	if _, declared := h.cannot[f]; declared {
		t.Errorf("the suite injected %q, which is declared", f)
	}
	return h.MemoryHarness.Inject(t, f)
}

func TestDeclared(t *testing.T) {
	open := func(cannot map[Fault]string) func(testing.TB) Harness {
		return func(testing.TB) Harness { return declaring{MemoryHarness{NewMemory()}, cannot} }
	}
	all := map[Fault]string{}
	for _, f := range Faults() {
		all[f] = "a map of the kind that cannot: " + string(f)
	}
	failed, logged := play(t, open(all))
	if len(failed) > 0 {
		t.Errorf("declared faults failed: %v", failed)
	}
	for _, f := range Faults() {
		if !strings.Contains(strings.Join(logged, "\n"), all[f]) {
			t.Errorf("%q is declared and the log does not give the reason", f)
		}
	}
	if failed, _ := play(t, open(map[Fault]string{Stall: " "})); len(failed) == 0 {
		t.Error("a declaration without a reason passed")
	}
	if failed, _ := play(t, open(map[Fault]string{"rain": "it never rains here"})); len(failed) == 0 {
		t.Error("a declaration of an unknown fault passed")
	}
}

// keeping is a harness that declares to erase nothing.
type keeping struct{ wrongHarness }

func (keeping) Traits() Traits { return Traits{Keeps: "what is said is said"} }

func TestKeeps(t *testing.T) {
	for _, test := range []struct {
		what   string
		forget func(m *Memory, ctx context.Context, keys []string) error
		fails  bool
	}{
		{"refuses", func(_ *Memory, _ context.Context, keys []string) error {
			if len(keys) == 0 {
				return nil
			}
			return errors.New("it cannot be taken back")
		}, false},
		{"claims to erase", func(*Memory, context.Context, []string) error { return nil }, true},
		{"erases all the same", func(m *Memory, ctx context.Context, keys []string) error {
			_ = m.Forget(ctx, keys)
			return errors.New("it cannot be taken back")
		}, true},
		{"refuses nobody", func(*Memory, context.Context, []string) error { return errors.New("it cannot be taken back") }, true},
	} {
		failed, logged := play(t, func(testing.TB) Harness {
			h := MemoryHarness{NewMemory()}
			return keeping{wrongHarness{h, wrong{Memory: h.Memory, forget: test.forget}}}
		})
		if got := len(failed["Forget forgets"]) > 0; got != test.fails {
			t.Errorf("a sink that %s: failed is %v: %q", test.what, got, failed)
		}
		if !strings.Contains(strings.Join(logged, "\n"), "what is said is said") {
			t.Errorf("%s: the log does not give the reason", test.what)
		}
	}
}

func TestFieldNames(t *testing.T) {
	known := map[string]bool{}
	for _, name := range FieldNames() {
		known[name] = true
	}
	m := NewMemory()
	seen := func(t testing.TB) Harness {
		return wrongHarness{MemoryHarness{m}, wrong{Memory: m, write: each(func(r pipeline.Record) pipeline.Record {
			for name := range r.Fields {
				if !known[name] && name != MemoryBad {
					t.Errorf("the suite writes field %q, which FieldNames does not list", name)
				}
			}
			return r
		})}}
	}
	for _, c := range cases() {
		r := &recorder{TB: t}
		m.Clear()
		m.mu.Lock()
		clear(m.rows)
		m.mu.Unlock()
		done := make(chan struct{})
		go func() { defer close(done); c.play(r, seen, patience) }()
		<-done
		for _, f := range r.failed {
			t.Errorf("%s: %s", c.name, f)
		}
	}
}
