package larksim_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

// Eight clients at once, over a listener and without, through every kind of
// misfortune: what each was told, or not told, agrees with what is there.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, larksim.Options{Seed: 7, MaxWriting: -1})
	for _, f := range []larksim.Fault{
		{Kind: larksim.Timeout, Applied: true, Chance: 0.1}, {Kind: larksim.Drop, Applied: true, Chance: 0.1}, {Kind: larksim.Hang, Applied: true, Chance: 0.02},
		{Kind: larksim.Timeout, Chance: 0.1}, {Kind: larksim.Answer, Code: 1254290, Chance: 0.1}, {Kind: larksim.Refuse, Chance: 0.05},
	} {
		f.On = []larksim.Op{larksim.OpBatchCreate}
		w.Inject(f)
	}
	srv := httptest.NewServer(w.Sim)
	defer srv.Close()
	var mu sync.Mutex
	told, unsure := 0, 0
	var wg sync.WaitGroup
	for client := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 40 {
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				a := w.as(ctx, w.token, "POST", w.records("/batch_create"), map[string]any{"records": []any{
					map[string]any{"fields": map[string]any{"Tên": fmt.Sprintf("%d-%d", client, i), "Chọn": fmt.Sprint("option ", i%5)}}}})
				cancel()
				mu.Lock()
				switch {
				case a.err == nil && a.Code == 0:
					told++
				case a.err != nil || a.Code == 1255040:
					unsure++
				}
				mu.Unlock()
				w.as(context.Background(), w.token, "POST", w.records("/search?page_size=5"), `{"filter":{"conjunction":"and","conditions":[{"field_name":"Tên","operator":"contains","value":["1"]}]}}`)
				w.Rows(baseID, "Leads")
				w.Advance(time.Millisecond)
			}
		}()
	}
	wg.Wait()
	rows := w.RowCount(baseID, "Leads")
	if rows < told || rows > told+unsure || told == 0 || unsure == 0 {
		t.Errorf("%d rows; told of %d, unsure of %d", rows, told, unsure)
	}
	applied := 0
	for _, r := range w.Requests() {
		if r.Op == larksim.OpBatchCreate && r.Applied {
			applied++
		}
	}
	if applied != rows {
		t.Errorf("the log says %d were carried out, the table has %d", applied, rows)
	}
	seen := map[any]bool{}
	for _, r := range w.Rows(baseID, "Leads") {
		if seen[r.ID] || seen[r.Fields["Tên"]] {
			t.Fatalf("row %v is there twice", r.Fields["Tên"])
		}
		seen[r.ID], seen[r.Fields["Tên"]] = true, true
	}
}

func BenchmarkBatchCreate(b *testing.B) {
	w := newWorld(&testing.T{}, larksim.Options{TableRows: 1 << 30})
	body := batch(500)
	b.ReportAllocs()
	for b.Loop() {
		if a := w.do("POST", w.records("/batch_create?client_token="+tokenA), body); a.Code != 0 {
			b.Fatal(a.Code, a.err)
		}
		w.Advance(10 * time.Minute)
		w.token = w.fetch(appID, secret)
	}
	b.ReportMetric(float64(500*b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkLookUp(b *testing.B) {
	w := newWorld(&testing.T{}, larksim.Options{})
	for range 40 {
		w.do("POST", w.records("/batch_create"), batch(500))
	}
	conditions := make([]any, 50)
	for i := range conditions {
		conditions[i] = map[string]any{"field_name": "Tên", "operator": "is", "value": []string{fmt.Sprint("row ", 900+i)}}
	}
	body := map[string]any{"filter": map[string]any{"conjunction": "or", "conditions": conditions}}
	for b.Loop() {
		w.do("POST", w.records("/search?page_size=500"), body)
	}
}
