package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkbitable "github.com/larksuite/oapi-sdk-go/v3/service/bitable/v1"

	"mekong/pipeline"
)

// bare creates n records with the vendor's SDK alone, one batch after the other. The
// cells are made before, so that nothing but the SDK and the Base is in the time.
func (b *baser) bare(ctx context.Context, n int) (baseLeg, error) {
	table, _ := b.Table()
	records, err := b.records(n + 1)
	if err != nil {
		return baseLeg{}, err
	}
	rows := make([]*larkbitable.AppTableRecord, len(records))
	for i := range records {
		rows[i] = larkbitable.NewAppTableRecordBuilder().Fields(cells(&records[i])).Build()
	}
	cfg := &larkcore.Config{
		BaseUrl: b.Endpoint, AppId: b.AppID, AppSecret: b.Secret, AppType: larkcore.AppTypeSelfBuilt, EnableTokenCache: true,
		HttpClient: &http.Client{Transport: &http.Transport{}},
	}
	larkcore.NewLogger(cfg)
	larkcore.NewCache(cfg)
	larkcore.NewSerialization(cfg)
	larkcore.NewHttpClient(cfg)
	api := larkbitable.New(cfg)
	create := func(batch []*larkbitable.AppTableRecord) error {
		resp, err := api.AppTableRecord.BatchCreate(ctx, larkbitable.NewBatchCreateAppTableRecordReqBuilder().AppToken(b.Base.Base).TableId(table).
			Body(larkbitable.NewBatchCreateAppTableRecordReqBodyBuilder().Records(batch).Build()).Build())
		if err == nil && !resp.Success() {
			err = fmt.Errorf("the simulated Base answered %d", resp.Code)
		}
		return err
	}
	if err := create(rows[:1]); err != nil { // it fetches a token
		return baseLeg{}, err
	}
	b.Count(table)
	busy, _ := processor()
	began := time.Now()
	for batch := range slices.Chunk(rows[1:], baseBatch) {
		if err := create(batch); err != nil {
			return baseLeg{}, err
		}
	}
	return b.counted(table, n, 1, time.Since(began), busy)
}

// cells are those that the sink writes for a record.
func cells(r *pipeline.Record) map[string]any {
	out := map[string]any{
		"Mekong ID":      r.Key,
		"Mekong version": r.Occurred.Format(time.RFC3339Nano) + " " + r.Received.Format(time.RFC3339Nano) + " " + r.ID,
	}
	for column, field := range BaseColumns() {
		switch v := r.Fields[field].(type) {
		case nil:
			if field == "received" {
				out[column] = r.Received.UnixMilli()
			}
		case string:
			if out[column] = v; field == "link" {
				out[column] = map[string]any{"text": v, "link": v}
			}
		case []string:
			out[column] = v
		}
	}
	return out
}

// baseMemory looks at how large the process is with records waiting for a Base, and
// while they go there.
func (r *run) baseMemory(ctx context.Context, dir string) ([]Line, error) {
	const title = "larkbase"
	if _, ok := resident(); !ok {
		return []Line{noLine(title, "resident memory", unreadable)}, nil
	}
	s, err := openStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	b, err := r.openBaser(s)
	if err != nil {
		s.Close()
		return nil, err
	}
	defer b.Close()
	n := r.scaled(100_000, 1000)
	empty := idleSize()
	r.Say(fmt.Sprintf("larkbase: filling with %d records", n))
	err = s.fillRecords(ctx, b.mint, n)
	s.Close()
	if err != nil {
		return nil, err
	}
	if s, err = openStore(ctx, filepath.Clean(dir)); err != nil { // as after a restart
		return nil, err
	}
	defer s.Close()
	b.store = s
	waiting := idleSize()
	sink, _, err := b.open()
	if err != nil {
		return nil, err
	}
	defer sink.Close()
	resetPeak()
	w := &watched{Sink: sink, want: n, done: make(chan struct{}), settled: make(map[string]struct{}, n)}
	stop := s.deliver("base", w, sink.Limits())
	select {
	case <-w.done:
	case <-time.After(4 * r.Leg):
	case <-ctx.Done():
	}
	peak, _ := peakResident()
	if err := errors.Join(ctx.Err(), stop()); err != nil {
		return nil, err
	}
	with := fmt.Sprintf(", %s records waiting for a Base", number(float64(n)))
	return []Line{
		plainLine(title, "resident, idle, no records waiting for a Base", "MiB", nil, []float64{empty}),
		plainLine(title, "resident, idle"+with, "MiB", nil, []float64{waiting}),
		plainLine(title, "most resident while they are delivered, the simulator's rows included", "MiB", nil, []float64{peak}),
	}, nil
}
