package larkbase_test

import (
	"context"
	"fmt"
	"testing"

	"mekong/config"
	"mekong/sinks/lark"
	"mekong/sinks/lark/larksim"
)

// BenchmarkWrite is 500 new records a time through the sink; BenchmarkBare the same
// rows through the client alone, which is the least that would do.
func BenchmarkWrite(b *testing.B) {
	w := newWorld(b, larksim.Options{TableRows: 1 << 30, LogLength: 1}, nameAndPhone...)
	s := w.sink(nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for _, o := range s.Write(context.Background(), leads(fmt.Sprint("lead", i), 500)) {
			if o.Err != nil {
				b.Fatal(o.Err)
			}
		}
	}
	b.ReportMetric(float64(500*b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkBare(b *testing.B) {
	w := newWorld(b, larksim.Options{TableRows: 1 << 30, LogLength: 1}, append([]larksim.Field{{Name: "Mekong ID", Type: larksim.Text}, {Name: "Mekong version", Type: larksim.Text}}, nameAndPhone...)...)
	c, err := lark.New(lark.Options{AppID: appID, AppSecret: config.NewSecret(secret), HTTP: w.Client(), Now: w.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var rows []lark.Row
		for _, r := range leads(fmt.Sprint("lead", i), 500) {
			rows = append(rows, lark.Row{Fields: map[string]any{
				"Mekong ID": r.Key, "Mekong version": r.Occurred.String() + r.Received.String() + r.ID,
				"Họ tên": r.Fields["name"], "Số điện thoại": r.Fields["phone"],
			}})
		}
		if _, err := c.BatchCreate(context.Background(), baseID, w.table, "Mekong ID", rows, lark.WriteOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(500*b.N)/b.Elapsed().Seconds(), "records/s")
}
