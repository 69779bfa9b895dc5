package main

import (
	"net"
	"net/http"
	"time"

	"mekong/cmd/internal/bench"
	"mekong/sinks/lark/larksim"
)

// benchLark is a simulated Base for one measure, on a port of its own. Its limits are
// off: what is measured is how fast it can be written to.
func benchLark() (*bench.Base, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	sim := larksim.New(larksim.Options{LogLength: 1})
	sim.AddApp(larksim.App{ID: simAppID, Secret: simSecret, Name: "Mekong", Scopes: []string{"bitable:app"}})
	sim.AddBase(simBase, "Bán hàng")
	sim.Grant(simAppID, simBase, larksim.CanEdit)
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // were it to fail, the measure would say so
	}()
	endpoint := "http://" + l.Addr().String()
	seen := 0
	return &bench.Base{
		Endpoint: endpoint, AppID: simAppID, Secret: simSecret, Base: simBase,
		Table: func() (id, link string) {
			for _, old := range sim.Tables(simBase) { // what was counted need not be kept
				sim.RemoveTable(simBase, old)
			}
			id = sim.AddTable(simBase, "Khách hàng", customerColumns()...)
			return id, endpoint + "/base/" + simBase + "?table=" + id
		},
		Latency: sim.SetLatency,
		Count: func(table string) (rows, keys, calls int) {
			distinct := map[any]struct{}{}
			for _, r := range sim.Rows(simBase, table) {
				rows++
				if key := r.Fields["Mekong ID"]; key != nil {
					distinct[key] = struct{}{}
				}
			}
			all := 0
			for _, c := range sim.Calls() {
				all += c.Total
			}
			calls, seen = all-seen, all
			return rows, len(distinct), calls
		},
		Close: func() { _ = srv.Close(); <-done },
	}, nil
}
