package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mekong/pipeline/bus"
)

// pauseTable keeps which sinks a person holds, for every process that delivers, now and
// after a restart.
const pauseTable = "mekong-pauses"

// standstill is a sink that a person holds, or held before.
type standstill struct {
	By     string    `json:"by"`
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
	Over   time.Time `json:"over,omitzero"` // since when it goes on; zero: it is held
	OverBy string    `json:"over_by,omitempty"`
}

func (p standstill) on() bool { return !p.At.IsZero() && p.Over.IsZero() }

// pauses knows which sinks people hold. Its methods may be called from several
// goroutines. While the table cannot be read, what was known last counts: a sink that
// is held stays so.
type pauses struct {
	kv *bus.KV

	mu    sync.RWMutex
	known map[string]entered // by stage
}

// entered is a standstill as it stands in the table.
type entered struct {
	standstill
	revision uint64
}

// openPauses reads which sinks are held, so that a process which begins writes nothing
// to one of them.
func openPauses(ctx context.Context, b *bus.Bus) (*pauses, error) {
	kv, err := b.KV(ctx, pauseTable, 0)
	if err != nil {
		return nil, err
	}
	p := &pauses{kv: kv, known: map[string]entered{}}
	names, err := kv.Names(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := p.read(ctx, name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// read takes an entry over as it is now.
func (p *pauses) read(ctx context.Context, name string) error {
	one, revision, err := p.get(ctx, name)
	if err == nil {
		p.learn(name, entered{one, revision})
	}
	return err
}

// learn keeps what is newer than what is known.
func (p *pauses) learn(name string, one entered) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one.revision > p.known[name].revision {
		p.known[name] = one
	}
}

// get gives the zero pause where there was never one.
func (p *pauses) get(ctx context.Context, name string) (one standstill, revision uint64, err error) {
	value, revision, err := p.kv.Get(ctx, name)
	if errors.Is(err, bus.ErrAbsent) {
		return standstill{}, 0, nil
	}
	if err != nil {
		return standstill{}, 0, err
	}
	if err := json.Unmarshal(value, &one); err != nil {
		return standstill{}, 0, fmt.Errorf("entry %s of %s: %w", name, pauseTable, err)
	}
	return one, revision, nil
}

// follow hears of sinks that are held, and go on, until ctx ends.
func (p *pauses) follow(ctx context.Context, log *slog.Logger) error {
	for {
		var failed error
		watching, cancel := context.WithCancel(ctx)
		err := p.kv.Follow(watching, func(name string, _ bool) {
			if err := p.read(ctx, name); err != nil {
				failed = err
				cancel() // from the beginning, after a while
			}
		})
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		log.Warn("which sinks people hold is not heard; it is tried again", "error", errors.Join(failed, err))
		if pause(ctx, time.Second) != nil {
			return nil
		}
	}
}

// now is how a sink stands.
func (p *pauses) now(sink string) standstill {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.known[bus.StageOf(sink)].standstill
}

// of says why a person holds a sink; empty: nobody does.
func (p *pauses) of(sink string) func() string {
	return func() string {
		one := p.now(sink)
		if !one.on() {
			return ""
		}
		return one.String()
	}
}

func (s standstill) String() string {
	return fmt.Sprintf("held by %s since %s: %s", s.By, s.At.Format(time.RFC3339), s.Why)
}

// errPaused and errNotPaused mean that somebody else was quicker.
var (
	errPaused    = errors.New("somebody holds this sink already")
	errNotPaused = errors.New("nobody holds this sink")
)

// hold has every process stop writing to a sink, within a second or two; a write that
// is under way ends.
func (p *pauses) hold(ctx context.Context, sink, by, why string, now time.Time) error {
	return p.change(ctx, sink, func(one *standstill) error {
		if one.on() {
			return errPaused
		}
		*one = standstill{By: by, Why: why, At: now.UTC()}
		return nil
	})
}

// release has them go on.
func (p *pauses) release(ctx context.Context, sink, by string, now time.Time) error {
	return p.change(ctx, sink, func(one *standstill) error {
		if !one.on() {
			return errNotPaused
		}
		one.Over, one.OverBy = now.UTC(), by
		return nil
	})
}

// change writes what do makes of an entry.
func (p *pauses) change(ctx context.Context, sink string, do func(*standstill) error) error {
	name := bus.StageOf(sink)
	one, revision, err := p.get(ctx, name)
	if err != nil {
		return err
	}
	if err := do(&one); err != nil {
		return err
	}
	value, err := json.Marshal(one)
	if err != nil {
		return err
	}
	revision, err = p.kv.Set(ctx, name, value, revision)
	if err == nil {
		p.learn(name, entered{one, revision})
	}
	return err
}
