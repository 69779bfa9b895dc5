package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"mekong/cmd/internal/bench"
	"mekong/sinks/sheets/sheetsim"
)

// benchGoogle is a simulated Google for one measure, on a port of its own. Its quotas
// are off: what is measured is how fast it can be written to.
func benchGoogle() (*bench.Google, error) {
	const email = "bench@project.example.com"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	sim := sheetsim.New(sheetsim.Options{NoQuotas: true})
	key := sim.AddAccount(email)
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // were it to fail, the measure would say so
	}()
	endpoint := "http://" + l.Addr().String()
	books := 0
	return &bench.Google{
		Endpoint: endpoint, Key: string(key(endpoint)),
		Book: func() (id, link string) {
			books++
			id = fmt.Sprintf("1BenchAbCdEfGhIjKl%d", books)
			sim.AddSpreadsheet(id, "Bán hàng", sheetsim.SheetOptions{})
			sim.Share(id, email, sheetsim.Writer)
			return id, "https://docs.google.com/spreadsheets/d/" + id + "/edit#gid=0"
		},
		Latency: sim.SetLatency,
		Count: func(book, keyColumn string) (rows, keys, writes, reads int) {
			calls := sim.Calls()
			sim.ResetCalls()
			at, distinct := -1, map[any]struct{}{}
			for _, line := range sim.Values(book, 0) {
				for c, v := range line {
					switch {
					case at < 0 && v == keyColumn:
						at = c
					case c == at && v != nil:
						rows++
						distinct[v] = struct{}{}
					}
				}
			}
			return rows, len(distinct), calls.Writes, calls.Reads
		},
		Close: func() { _ = srv.Close(); <-done },
	}, nil
}
