package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/larkbase"
	"mekong/transform"
)

// Base is a simulated Lark Base that listens, made by whoever may know the
// simulator.
type Base struct {
	Endpoint      string
	AppID, Secret string
	Base          string // its app_token
	// Table adds an empty table with BaseColumns and the columns Mekong ID and
	// Mekong version, and gives its id and its link.
	Table func() (id, link string)
	// Latency is how long each write takes from now on.
	Latency func(time.Duration)
	// Count tells the rows of a table, how many different keys they have, and the calls
	// since the last Count.
	Count func(table string) (rows, keys, calls int)
	Close func()
}

// BaseColumns are what both writers fill, by the field that goes there: a text, a
// phone, an email, options, a link and a time.
func BaseColumns() map[string]string {
	return map[string]string{
		"Họ tên": "name", "Số điện thoại": "phone", "Email": "email", "Khóa học": "Khóa học",
		"Chiến dịch": "utm_campaign", "Nguồn": "utm_source", "Trang": "link", "Nhận lúc": "received",
	}
}

// slow is a call's time on the real platform, about.
const slow = 150 * time.Millisecond

// measureLarkBase compares what the deliver loop and the sink store in a simulated
// Base with what the vendor's SDK does by itself: the same cells in batches of the same
// size, one after the other, as the platform wants it. The simulator is in this
// process and takes its share of the processor from both; so the same once more
// with calls that take as long as on the real platform.
func measureLarkBase(ctx context.Context, r *run) ([]Line, error) {
	const title = "larkbase"
	if r.Lark == nil {
		return []Line{noLine(title, "records/s ÷ the SDK alone", "left out: there is no simulated Base")}, nil
	}
	dir, remove, err := r.folder(title)
	if err != nil {
		return nil, err
	}
	defer remove()
	lines, err := r.baseMemory(ctx, filepath.Join(dir, "m"))
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, filepath.Join(dir, "n"))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b, err := r.openBaser(s)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var out []Line
	for _, l := range []struct {
		with    string
		latency time.Duration
		n       int
	}{{"calls of no time", 0, r.scaled(20, 2) * baseBatch}, {fmt.Sprintf("calls of %d ms", slow.Milliseconds()), slow, r.scaled(6, 1) * baseBatch}} {
		b.Latency(l.latency)
		bare := func(ctx context.Context) (baseLeg, error) { return b.bare(ctx, l.n) }
		ours := func(ctx context.Context) (baseLeg, error) { return b.sink(ctx, l.n) }
		got, err := rounds(ctx, r, title+", "+l.with, nil, leg[baseLeg](bare), ours, bare)
		if err != nil {
			return nil, err
		}
		rate := func(l baseLeg) float64 { return l.rate }
		out = append(out,
			ratioLine(title, "records/s ÷ the SDK alone, "+l.with, atLeast(0.9), pick(got[1], rate), pick(got[0], rate), pick(got[2], rate)),
			plainLine(title, fmt.Sprintf("records, batches of %d, %s", baseBatch, l.with), "/s", nil, pick(got[1], rate)),
			plainLine(title, "records, the SDK alone, "+l.with, "/s", nil, pick(got[0], rate)))
		if l.latency == 0 {
			out = append(out, plainLine(title, "calls per 1,000 new records", "", atMost(2.2), pick(got[1], func(l baseLeg) float64 { return l.calls })))
			if cpu := func(l baseLeg) float64 { return l.cpu }; !math.IsNaN(got[0][0].cpu) {
				out = append(out,
					plainLine(title, "processor time per record, queue and simulator included", "µs", nil, pick(got[1], cpu)),
					plainLine(title, "processor time per record, the SDK alone, simulator included", "µs", nil, pick(got[0], cpu)))
			}
		}
	}
	return append(out, lines...), nil
}

// baseLeg is one turn at the Base.
type baseLeg struct {
	rate  float64 // records a second, counted in the table
	calls float64 // per 1,000 records
	cpu   float64 // µs of the process per record; not a number: not readable
}

// baseBatch is the most that the platform takes in one call for sure.
const baseBatch = 500

// baser is a simulated Base, and records for it.
type baser struct {
	*Base
	store *store
	mint  *mint
	of    pipeline.Transform
}

func (r *run) openBaser(s *store) (*baser, error) {
	of, err := transform.New("landing", nil, nil)
	if err != nil {
		return nil, err
	}
	b, err := r.Lark()
	if err != nil {
		return nil, err
	}
	return &baser{Base: b, store: s, mint: newMint(), of: of}, nil
}

func (b *baser) records(n int) ([]pipeline.Record, error) {
	a := archive{mint: b.mint, of: b.of}
	return a.records(n)
}

// open is the sink as `mekong run` makes it, on a new table.
func (b *baser) open() (sink *larkbase.Sink, table string, err error) {
	table, link := b.Table()
	sink, err = larkbase.New("base", config.LarkBase{
		URL: link, Endpoint: b.Endpoint, AppID: b.AppID, AppSecret: config.NewSecret(b.Secret),
		KeyColumn: "Mekong ID", UserIDType: "open_id", Columns: BaseColumns(),
	}, larkbase.Options{})
	return sink, table, err
}

// sink stores n records through the real loop and sink.
func (b *baser) sink(ctx context.Context, n int) (baseLeg, error) {
	sink, table, err := b.open()
	if err != nil {
		return baseLeg{}, err
	}
	defer sink.Close()
	// The loop is at work before the records come, as it is all day: what was there
	// before it is marked as possibly stored, and would be looked for. The first record
	// makes it fetch a token and read the columns; then it is held until all are there.
	records, err := b.records(n + 1)
	if err != nil {
		return baseLeg{}, err
	}
	d := &dam{watched: watched{Sink: sink, want: n + 1, done: make(chan struct{}), settled: make(map[string]struct{}, n)}, first: make(chan struct{})}
	limits := sink.Limits()
	stop := b.store.deliver("base", d, limits)
	ended := false
	defer func() {
		if !ended {
			d.open()
			_ = stop() // the leg has failed already
		}
	}()
	if err := b.put(ctx, d, records); err != nil {
		return baseLeg{}, err
	}
	b.Count(table)
	busy, _ := processor()
	began := time.Now()
	d.open()
	select {
	case <-d.done:
	case <-time.After(patience):
		return baseLeg{}, fmt.Errorf("the sink was not done with %d records after %s", n, patience)
	case <-ctx.Done():
		return baseLeg{}, ctx.Err()
	}
	took := d.last.Sub(began)
	ended = true
	if err := stop(); err != nil {
		return baseLeg{}, err
	}
	return b.counted(table, n, 1, took, busy)
}

// put publishes one record, and the others when the loop waits for them.
func (b *baser) put(ctx context.Context, d *dam, records []pipeline.Record) error {
	publish := func(records []pipeline.Record) error {
		for batch := range slices.Chunk(records, stageBatch) {
			if err := errors.Join(b.store.Publish(batch)...); err != nil {
				return err
			}
		}
		return nil
	}
	if err := publish(records[:1]); err != nil {
		return err
	}
	select {
	case <-d.first:
	case <-ctx.Done():
		return ctx.Err()
	}
	return publish(records[1:])
}

// counted is n a second, once the table is found to hold as many rows of as many
// keys, and those of before.
func (b *baser) counted(table string, n, before int, took, busy time.Duration) (baseLeg, error) {
	busier, timed := processor()
	rows, keys, calls := b.Count(table)
	if rows != n+before || keys != rows {
		return baseLeg{}, fmt.Errorf("%d records should be in the table, and there are %d rows of %d keys", n+before, rows, keys)
	}
	out := baseLeg{rate: float64(n) / took.Seconds(), calls: float64(calls) * 1000 / float64(n), cpu: math.NaN()}
	if timed {
		out.cpu = ms(busier-busy) * 1000 / float64(n)
	}
	return out, nil
}

// dam lets the first write through, and the next ones when it is opened.
type dam struct {
	watched
	first  chan struct{} // closed by the first write
	once   sync.Once
	mu     sync.Mutex
	closed bool
	gate   chan struct{}
}

// Write implements pipeline.Sink.
func (d *dam) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	<-d.way()
	out := d.watched.Write(ctx, batch)
	d.once.Do(func() { close(d.first) })
	return out
}

// way is closed for the first writer, and for the others once the dam is open.
func (d *dam) way() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gate == nil {
		d.gate = make(chan struct{})
		free := make(chan struct{})
		close(free)
		return free
	}
	return d.gate
}

func (d *dam) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gate == nil {
		d.gate = make(chan struct{})
	}
	if !d.closed {
		d.closed = true
		close(d.gate)
	}
}
