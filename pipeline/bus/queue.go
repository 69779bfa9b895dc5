package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"mekong/pipeline"
)

// QueueOptions tunes one durable queue. Zero values are the defaults.
type QueueOptions struct {
	AckWait   time.Duration // silence after which a delivery is given to another worker; 60 s
	Most      int           // unacknowledged deliveries over all workers; 1000
	Single    bool          // one worker at a time; Most should then be its batch
	PinnedTTL time.Duration // with Single: silence after which another worker takes over; 90 s
}

// Queue hands out what a stage has not finished, oldest first. Fetch may be
// called from several goroutines.
type Queue[T any] struct {
	bus    *Bus
	stream string
	config jetstream.ConsumerConfig
	decode func(nats.Header, []byte) (T, error)
	redo   func(subject string) bool

	served atomic.Bool // something was handed out here: with Single, the pin may be this worker's

	mu   sync.Mutex
	cons jetstream.Consumer
	link int // the connection that doubt was read on
	// doubt is the newest sequence that somebody may have handled before this
	// worker knew the queue. After a crash the server itself may have forgotten
	// the last tenth of a second of deliveries (jetstream.md fact 9), so its
	// count alone does not prove that a delivery is the first.
	doubt atomic.Uint64
}

// Delivery is one message in a worker's hands. It must be acknowledged or given
// back; until then, and while InProgress is called often enough, nobody else
// gets it.
type Delivery[T any] struct {
	Value  T
	Err    error // the message cannot be read; Value is empty
	Seq    uint64
	Stored time.Time // when the stream took it
	Again  bool      // may have been handled before
	msg    jetstream.Msg
}

// Ack ends it. The answer is not waited for: on one server it would prove no
// more (jetstream.md fact 9), and handling twice is harmless.
func (d *Delivery[T]) Ack() error { return d.msg.Ack() }

// Nak gives it back; the next worker gets it in some hundredths of a second.
func (d *Delivery[T]) Nak() error { return giveBack(d.msg) }

// giveBack asks for a delay, if the shortest: a server writes down when a
// delayed message is due, and forgets the other kind when it stops, which in one
// process is right after its workers have. Then AckWait would have to pass.
func giveBack(m jetstream.Msg) error { return m.NakWithDelay(time.Millisecond) }

// InProgress asks for another AckWait.
func (d *Delivery[T]) InProgress() error { return d.msg.InProgress() }

// Size is the payload in bytes.
func (d *Delivery[T]) Size() int { return len(d.msg.Data()) }

const pinnedGroup = "writer"

// Raws is the queue of the transform stage.
func (b *Bus) Raws(ctx context.Context, o QueueOptions) (*Queue[pipeline.Raw], error) {
	q := &Queue[pipeline.Raw]{bus: b, stream: streamRaw, decode: decodeRaw, redo: func(string) bool { return false }}
	q.config = consumerConfig(StageTransform, []string{"raw.>"}, o)
	return q, q.open(ctx)
}

// Records is the queue of one sink: the kinds it accepts ("*" is all) and what
// is replayed to it alone.
func (b *Bus) Records(ctx context.Context, sink string, accept []string, o QueueOptions) (*Queue[pipeline.Record], error) {
	q := &Queue[pipeline.Record]{bus: b, stream: streamRecords, decode: decodeRecord, redo: isRedo}
	q.config = consumerConfig(StageOf(sink), recordFilters(sink, accept), o)
	return q, q.open(ctx)
}

// StageTransform and StageOf name the stages in BURIED and TRACE.
const StageTransform = "transform"

// StageOf is the stage of one sink.
func StageOf(sink string) string { return "sink-" + token(sink) }

func recordFilters(sink string, accept []string) []string {
	redo := "redo." + token(sink) + ".>"
	filters := []string{redo}
	for _, kind := range accept {
		if kind == "*" {
			return []string{"rec.>", redo}
		}
		filters = append(filters, "rec."+token(kind)+".>")
	}
	return filters
}

func isRedo(subject string) bool { return len(subject) > 5 && subject[:5] == "redo." }

func consumerConfig(name string, filters []string, o QueueOptions) jetstream.ConsumerConfig {
	if o.AckWait == 0 {
		o.AckWait = time.Minute
	}
	if o.Most == 0 {
		o.Most = 1000
	}
	if o.PinnedTTL == 0 {
		o.PinnedTTL = 90 * time.Second
	}
	c := jetstream.ConsumerConfig{
		Durable:        name,
		FilterSubjects: filters,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        o.AckWait,
		MaxAckPending:  o.Most,
		MaxDeliver:     -1, // the worker counts: an outage is no attempt
		MaxWaiting:     64,
		Metadata:       map[string]string{"owner": owner},
	}
	if o.Single {
		c.PriorityPolicy = jetstream.PriorityPolicyPinned
		c.PriorityGroups = []string{pinnedGroup}
		c.PinnedTTL = o.PinnedTTL
	}
	return c
}

// ready gives the consumer, opened and held in doubt again after a fault.
func (q *Queue[T]) ready(ctx context.Context) (jetstream.Consumer, error) {
	link, _ := q.bus.links.now()
	q.mu.Lock()
	cons, known := q.cons, q.link
	q.mu.Unlock()
	if cons != nil && known == link {
		return cons, nil
	}
	// A request that was under way when the connection went is never answered.
	ctx, cancel := q.bus.links.during(ctx)
	defer cancel()
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cons, nil
}

func (q *Queue[T]) open(ctx context.Context) error {
	link, _ := q.bus.links.now()
	c, err := q.bus.js.CreateOrUpdateConsumer(ctx, q.stream, q.config)
	if err != nil {
		return fmt.Errorf("the queue %s of stream %s cannot be opened: %w", q.config.Durable, q.stream, err)
	}
	if err := q.suspect(ctx); err != nil {
		return err
	}
	q.mu.Lock()
	q.cons, q.link = c, link
	q.mu.Unlock()
	return nil
}

// suspect marks everything stored so far as possibly handled before.
func (q *Queue[T]) suspect(ctx context.Context) error {
	s, err := q.bus.js.Stream(ctx, q.stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", q.stream, err)
	}
	q.doubt.Store(s.CachedInfo().State.LastSeq)
	return nil
}

// idleWait is how long Fetch waits for a first delivery. It must stay well
// below half of PinnedTTL, which a pull renews.
const idleWait = 5 * time.Second

// Fetch returns up to n deliveries: what is there at once, else it waits for
// the first, some seconds at most, and then up to fill for more to come. None
// and a nil error mean that there was nothing to do. Once ctx ends it returns
// what it has.
func (q *Queue[T]) Fetch(ctx context.Context, n int, fill time.Duration) ([]Delivery[T], error) {
	cons, err := q.ready(ctx)
	if err != nil {
		return nil, err
	}
	out, err := q.pull(ctx, cons, nil, n, 0)
	if err == nil && len(out) == 0 {
		wait := idleWait
		if q.config.PinnedTTL > 0 {
			wait = min(wait, q.config.PinnedTTL/3)
		}
		if out, err = q.pull(ctx, cons, out, 1, wait); err == nil && len(out) == 1 && n > 1 {
			out, err = q.pull(ctx, cons, out, n-1, 0)
		}
	}
	if err == nil && fill > 0 && len(out) > 0 && len(out) < n && ctx.Err() == nil {
		out, err = q.pull(ctx, cons, out, n-len(out), fill)
	}
	if err != nil && ctx.Err() == nil {
		q.distrust(err)
	}
	if len(out) > 0 {
		return out, nil // the fault shows again at the next call, with nothing in hand
	}
	if ctx.Err() != nil {
		return nil, nil
	}
	return nil, err
}

// More returns up to n deliveries that are there now, without waiting for any.
// After a fault it is empty; the next Fetch tells of it.
func (q *Queue[T]) More(ctx context.Context, n int) []Delivery[T] {
	cons, err := q.ready(ctx)
	if err != nil {
		return nil
	}
	out, err := q.pull(ctx, cons, nil, n, 0)
	if err != nil && ctx.Err() == nil {
		q.distrust(err)
	}
	return out
}

// distrust reacts to a fault of the queue: whatever it was, somebody else may
// have been handed what comes next, so the next Fetch opens the queue anew.
func (q *Queue[T]) distrust(err error) {
	if errors.Is(err, jetstream.ErrPinIDMismatch) {
		return // another worker writes; the server's count tells what it had
	}
	q.mu.Lock()
	q.cons = nil
	q.mu.Unlock()
}

// pull asks once for n messages: those there now (wait 0) or those of the next
// wait.
func (q *Queue[T]) pull(ctx context.Context, cons jetstream.Consumer, out []Delivery[T], n int, wait time.Duration) ([]Delivery[T], error) {
	var batch jetstream.MessageBatch
	var err error
	switch single := q.config.PriorityPolicy == jetstream.PriorityPolicyPinned; {
	case wait == 0 && !single:
		batch, err = cons.FetchNoWait(n)
	case wait == 0:
		// A pull without waiting cannot name its group; the shortest wait can.
		batch, err = cons.Fetch(n, jetstream.FetchMaxWait(5*time.Millisecond), jetstream.FetchPriorityGroup(pinnedGroup))
	case single:
		batch, err = cons.Fetch(n, jetstream.FetchMaxWait(wait), jetstream.FetchPriorityGroup(pinnedGroup))
	default:
		batch, err = cons.Fetch(n, jetstream.FetchMaxWait(wait))
	}
	if err != nil {
		return out, fmt.Errorf("the queue %s does not answer: %w", q.config.Durable, err)
	}
	msgs := batch.Messages()
	_, lost := q.bus.links.now()
	for {
		select {
		case m, ok := <-msgs:
			if !ok {
				if err := batch.Error(); err != nil && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err, jetstream.ErrNoMessages) {
					return out, fmt.Errorf("the queue %s: %w", q.config.Durable, err)
				}
				return out, nil
			}
			out = append(out, q.delivery(m))
		case <-lost:
			return out, nil // the next Fetch opens the queue again
		case <-ctx.Done():
			// What the server sends from here on would wait for AckWait; give
			// back what is on its way as it comes.
			go func() {
				for m := range msgs {
					_ = giveBack(m)
				}
			}()
			return out, nil
		}
	}
}

func (q *Queue[T]) delivery(m jetstream.Msg) Delivery[T] {
	q.served.Store(true)
	d := Delivery[T]{msg: m, Again: true}
	if meta, err := m.Metadata(); err == nil {
		d.Seq, d.Stored = meta.Sequence.Stream, meta.Timestamp
		d.Again = meta.NumDelivered > 1 || d.Seq <= q.doubt.Load()
	}
	d.Value, d.Err = q.decode(m.Headers(), m.Data())
	if q.redo(m.Subject()) || q.stream == streamRaw && m.Headers().Get(headerAgain) != "" {
		d.Again = true
	}
	return d
}

// Leave is called once, when Fetch is called no more: a single worker gives its place
// up at once, where the next one would else wait for its silence to last PinnedTTL.
func (q *Queue[T]) Leave() {
	if q.config.PinnedTTL == 0 || !q.served.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.bus.opts.Timeout)
	defer cancel()
	if s, err := q.bus.js.Stream(ctx, q.stream); err == nil {
		_ = s.UnpinConsumer(ctx, q.config.Durable, pinnedGroup) // else it is waited for
	}
}

// Standing is how a queue stands.
type Standing struct {
	Waiting uint64    // not yet finished, in hand or not
	InHand  uint64    // of them, given to a worker
	Oldest  time.Time // when the stream took the oldest of them; zero: none
	Pulling int       // workers asking for more; 0 for long means that nobody works
	absent  bool      // the queue has never been opened
}

// Standing asks the server.
func (q *Queue[T]) Standing(ctx context.Context) (Standing, error) {
	return q.bus.standing(ctx, q.stream, q.config.Durable)
}

func (b *Bus) standing(ctx context.Context, stream, consumer string) (Standing, error) {
	c, err := b.js.Consumer(ctx, stream, consumer)
	if err != nil {
		return Standing{}, err
	}
	info := c.CachedInfo()
	s := Standing{Waiting: info.NumPending + uint64(info.NumAckPending), InHand: uint64(info.NumAckPending), Pulling: info.NumWaiting}
	if s.Waiting > 0 {
		for _, filter := range append(info.Config.FilterSubjects, info.Config.FilterSubject) {
			if filter == "" {
				continue
			}
			t, ok := b.firstAfter(ctx, stream, filter, info.AckFloor.Stream+1)
			if ok && (s.Oldest.IsZero() || t.Before(s.Oldest)) {
				s.Oldest = t
			}
		}
	}
	return s, nil
}
