package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkbitable "github.com/larksuite/oapi-sdk-go/v3/service/bitable/v1"

	"mekong/pipeline"
	"mekong/sinks/lark"
)

// bare creates n records with the vendor's SDK alone, one batch after the other. The
// cells are made before, so that nothing but the SDK and the Base is in the time. Each
// request has a client_token, as the sink's have: the simulator has work with it.
func (b *baser) bare(ctx context.Context, n int) (vendorLeg, error) {
	table, _ := b.Table()
	records, err := b.records(n + 1)
	if err != nil {
		return vendorLeg{}, err
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
		resp, err := api.AppTableRecord.BatchCreate(ctx, larkbitable.NewBatchCreateAppTableRecordReqBuilder().AppToken(b.Base.Base).TableId(table).ClientToken(lark.UUIDv4(rand.Text())).
			Body(larkbitable.NewBatchCreateAppTableRecordReqBodyBuilder().Records(batch).Build()).Build())
		if err == nil && !resp.Success() {
			err = fmt.Errorf("the simulated Base answered %d", resp.Code)
		}
		return err
	}
	if err := create(rows[:1]); err != nil { // it fetches a token
		return vendorLeg{}, err
	}
	b.Count(table)
	busy := clean()
	began := time.Now()
	for batch := range slices.Chunk(rows[1:], baseBatch) {
		if err := create(batch); err != nil {
			return vendorLeg{}, err
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
	return r.backlog(ctx, "larkbase", "a Base", dir, func(s *store) (pipeline.Sink, pipeline.Limits, func(), error) {
		b, err := r.openBaser(s)
		if err != nil {
			return nil, pipeline.Limits{}, nil, err
		}
		sink, _, err := b.open()
		if err != nil {
			b.Close()
			return nil, pipeline.Limits{}, nil, err
		}
		return sink, sink.Limits(), b.Close, nil
	})
}
