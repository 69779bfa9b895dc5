package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamCopy says what one stream or table in a backup is: all that [Restore] needs
// besides its bytes.
type StreamCopy struct {
	Name     string `json:"name"`
	Messages uint64 `json:"messages"`
	Last     uint64 `json:"last"` // sequence of the newest
	// Config and State are the server's own words.
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
}

const (
	tablePrefix = "KV_" // the stream that a table is kept in
	tableState  = tablePrefix + "mekong"
	tableOurs   = tablePrefix + "mekong-"

	// standStill is how long the transform stays away when nobody calls it back: the
	// process that makes the backup may be killed.
	standStill = 2 * time.Minute
	// quietWait is how long it may take to finish what it has in hand.
	quietWait = 10 * time.Second
)

// errMoved means that the streams do not fit together.
var errMoved = errors.New("records were added while the backup was made, by a replay or by a process that had just started; nothing is wrong, make it once more")

// Backup writes every stream and every table of Mekong to what put opens for it, one
// after the other, as of one moment: the transform stands still meanwhile, so that no
// stream knows of anything that another has not. Deliveries are taken in all the time,
// and sinks are served with what there was; those of it that are stored after their
// stream was copied come to the sink once more after a restore, marked Again, like
// everything that is restored.
//
// Leases are left out: they mean nothing later. It is refused when there is nothing of
// Mekong, and it is an error when somebody adds records meanwhile, as a replay
// does. After an error what was written is worth nothing.
func (b *Bus) Backup(ctx context.Context, put func(stream string) (io.WriteCloser, error)) (copies []StreamCopy, stood time.Duration, err error) {
	names, err := b.copied(ctx)
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	resume, err := b.standStill(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, resume()) }()
	before, err := b.lastOf(ctx, streamRecords)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range names {
		c, err := b.copyTo(ctx, name, put)
		if err != nil {
			return nil, 0, err
		}
		copies = append(copies, c)
	}
	after, err := b.lastOf(ctx, streamRecords)
	if err != nil {
		return nil, 0, err
	}
	if after != before {
		return nil, 0, errMoved
	}
	return copies, time.Since(began), nil
}

// copied lists what a backup holds, in the order in which it has to be read. The state
// of the ledger goes before TRACE, which may be ahead of it and not behind; deliveries
// before what was made of them; and last what people were promised: a person who is
// forgotten meanwhile may still be in a stream, and must be on the list.
func (b *Bus) copied(ctx context.Context) ([]string, error) {
	order := []string{tableState, streamRaw, streamRecords, streamBuried, streamRefused, streamTrace}
	there := map[string]bool{}
	var rest []string
	list := b.js.ListStreams(ctx)
	for info := range list.Info() {
		name := info.Config.Name
		switch {
		case slices.Contains(order, name):
			there[name] = true
		case info.Config.MaxAge > 0: // leases
		case strings.HasPrefix(name, tableOurs), info.Config.Metadata["owner"] == owner:
			rest = append(rest, name)
		}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("the streams cannot be listed: %w", err)
	}
	slices.Sort(rest)
	order = slices.DeleteFunc(order, func(name string) bool { return !there[name] })
	return append(order, rest...), nil
}

// standStill keeps deliveries from the transform and waits until it has none in hand.
// resume lets it go on; without it, it does so by itself after some minutes.
func (b *Bus) standStill(ctx context.Context) (resume func() error, err error) {
	c, err := b.js.Consumer(ctx, streamRaw, StageTransform)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return func() error { return nil }, nil // it has never worked
	}
	if err != nil {
		return nil, fmt.Errorf("the transform's queue: %w", err)
	}
	hold := func(ctx context.Context) error {
		_, err := b.js.PauseConsumer(ctx, streamRaw, StageTransform, time.Now().Add(standStill))
		return err
	}
	if err := hold(ctx); err != nil {
		return nil, fmt.Errorf("the transform cannot be held: %w", err)
	}
	again, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(standStill / 4)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = hold(again) // the next one is in time, too
			case <-again.Done():
				return
			}
		}
	}()
	resume = func() error {
		stop()
		<-done
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.opts.Timeout)
		defer cancel()
		if _, err := b.js.ResumeConsumer(ctx, streamRaw, StageTransform); err != nil {
			return fmt.Errorf("the transform goes on by itself within %s: %w", standStill, err)
		}
		return nil
	}
	// One that hangs does no harm: what it adds is noticed in the end.
	for deadline := time.Now().Add(quietWait); time.Now().Before(deadline); {
		info, err := c.Info(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the transform's queue: %w", err), resume())
		}
		if info.NumAckPending == 0 {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), resume())
		}
	}
	return resume, nil
}

func (b *Bus) lastOf(ctx context.Context, stream string) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

func (b *Bus) copyTo(ctx context.Context, stream string, put func(string) (io.WriteCloser, error)) (StreamCopy, error) {
	w, err := put(stream)
	if err != nil {
		return StreamCopy{}, err
	}
	c, err := b.snapshot(ctx, stream, w)
	if err = errors.Join(err, w.Close()); err != nil {
		return StreamCopy{}, fmt.Errorf("stream %s: %w", stream, err)
	}
	return c, nil
}

// Restore makes the streams and tables of a backup anew, on a server that has none of
// Mekong's, read from what get opens. o says which server, and how many replicas they
// get; no mekong may work on it. Everything in them that a sink may have stored before
// is marked Again by the workers that are started next.
//
// The server must be started anew before one is: it stores the messages without taking
// notice of their IDs, and knows only after a start what has been sent before
// (nats-server 2.15.2, RestoreStreamV2).
//
// When it fails, what it has made is taken away again.
func Restore(ctx context.Context, o Options, copies []StreamCopy, get func(stream string) (io.ReadCloser, error)) (err error) {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Bus{opts: o, log: o.Logger}
	if err := b.connect(ctx); err != nil {
		return err
	}
	defer b.nc.Close()
	there, err := b.copied(ctx)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("%w: %s", ErrNotEmpty, strings.Join(there, ", "))
	}
	var made []string
	defer func() {
		if err == nil {
			return
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		for _, name := range made {
			err = errors.Join(err, b.js.DeleteStream(undo, name))
		}
	}()
	for _, c := range copies {
		if err := b.copyFrom(ctx, c, get); err != nil {
			return fmt.Errorf("stream %s: %w", c.Name, err)
		}
		made = append(made, c.Name)
	}
	// It was copied while it was being held.
	_, err = b.js.ResumeConsumer(ctx, streamRaw, StageTransform)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return err
}

// ErrNotEmpty means that there is something of Mekong's already.
var ErrNotEmpty = errors.New("the server holds streams of Mekong already")

func (b *Bus) copyFrom(ctx context.Context, c StreamCopy, get func(string) (io.ReadCloser, error)) error {
	conf, err := placed(c.Config, max(b.opts.Replicas, 1))
	if err != nil {
		return err
	}
	r, err := get(c.Name)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // it was only read
	got, err := b.restore(ctx, c.Name, conf, c.State, r)
	if err != nil {
		return err
	}
	if got.Msgs != c.Messages || got.LastSeq != c.Last {
		return errors.Join(
			fmt.Errorf("%d messages up to %d were restored, and the backup says %d up to %d", got.Msgs, got.LastSeq, c.Messages, c.Last),
			b.js.DeleteStream(ctx, c.Name))
	}
	return nil
}

// placed is the configuration of a stream for another server: with as many replicas as
// are wanted there, wherever it puts them.
func placed(config json.RawMessage, replicas int) (json.RawMessage, error) {
	var conf map[string]any
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	if err := d.Decode(&conf); err != nil {
		return nil, fmt.Errorf("its configuration cannot be read: %w", err)
	}
	conf["num_replicas"] = replicas
	delete(conf, "placement")
	return json.Marshal(conf)
}
