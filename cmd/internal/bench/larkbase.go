package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
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

// measureLarkBase compares what the deliver loop and the sink store in a simulated
// Base, and what the sink does when it is handed the records without a queue, with what
// the vendor's SDK does by itself: the same cells in batches of the same
// size, one after the other, as the platform wants it.
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
	c := &contest{
		title: title, row: "record", client: "the SDK", batch: baseBatch, fast: 20, slow: 12,
		latency: b.Latency, bare: b.bare, sink: b.sink, alone: b.alone,
		calls: func(sink []vendorLeg) []Line {
			return []Line{plainLine(title, "calls per 1,000 new records", "", atMost(2.2), pick(sink, func(l vendorLeg) float64 { return l.calls }))}
		},
	}
	out, err := c.hold(ctx, r)
	return append(out, lines...), err
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
func (b *baser) sink(ctx context.Context, n int) (vendorLeg, error) {
	sink, table, err := b.open()
	if err != nil {
		return vendorLeg{}, err
	}
	defer sink.Close()
	records, err := b.records(n + 1)
	if err != nil {
		return vendorLeg{}, err
	}
	var busy time.Duration
	took, err := b.store.through(ctx, "base", sink, sink.Limits(), records, func() {
		b.Count(table)
		busy = clean()
	})
	if err != nil {
		return vendorLeg{}, err
	}
	return b.counted(table, n, 1, took, busy)
}

// alone stores n records through the sink, without the queue and its loop.
func (b *baser) alone(ctx context.Context, n int) (vendorLeg, error) {
	sink, table, err := b.open()
	if err != nil {
		return vendorLeg{}, err
	}
	defer sink.Close()
	records, err := b.records(n + 1)
	if err != nil {
		return vendorLeg{}, err
	}
	if err := stored(sink.Write(ctx, records[:1])); err != nil { // it fetches a token, and reads the columns
		return vendorLeg{}, err
	}
	b.Count(table)
	busy := clean()
	began := time.Now()
	for batch := range slices.Chunk(records[1:], baseBatch) {
		if err := stored(sink.Write(ctx, batch)); err != nil {
			return vendorLeg{}, err
		}
	}
	return b.counted(table, n, 1, time.Since(began), busy)
}

// counted is n a second, once the table is found to hold as many rows of as many
// keys, and those of before.
func (b *baser) counted(table string, n, before int, took, busy time.Duration) (vendorLeg, error) {
	cpu := spent(busy) // before the counting, which costs some
	rows, keys, calls := b.Count(table)
	if rows != n+before || keys != rows {
		return vendorLeg{}, fmt.Errorf("%d records should be in the table, and there are %d rows of %d keys", n+before, rows, keys)
	}
	return newVendorLeg(n, took, cpu, calls, 0), nil
}
