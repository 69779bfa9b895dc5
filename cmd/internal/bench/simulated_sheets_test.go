package bench

import (
	"fmt"
	"net/http/httptest"

	"mekong/sinks/sheets/sheetsim"
)

// simulatedGoogle is a Google for the tests, as the command has it.
func simulatedGoogle() (*Google, error) {
	const email = "bench@project.example.com"
	sim := sheetsim.New(sheetsim.Options{NoQuotas: true})
	srv := httptest.NewServer(sim)
	key := sim.AddAccount(email)
	n := 0
	return &Google{
		Endpoint: srv.URL, Key: string(key(srv.URL)),
		Book: func() (id, link string) {
			n++
			id = fmt.Sprintf("1BenchAbCdEfGh%d", n)
			sim.AddSpreadsheet(id, "Bán hàng", sheetsim.SheetOptions{})
			sim.Share(id, email, sheetsim.Writer)
			return id, "https://docs.google.com/spreadsheets/d/" + id + "/edit#gid=0"
		},
		Latency: sim.SetLatency,
		Count: func(book, keyColumn string) (rows, keys, writes, reads int) {
			calls := sim.Calls()
			sim.ResetCalls()
			at, distinct := -1, map[any]bool{}
			for _, line := range sim.Values(book, 0) {
				for c, v := range line {
					if at < 0 && v == keyColumn {
						at = c
					} else if c == at && v != nil {
						rows++
						distinct[v] = true
					}
				}
			}
			return rows, len(distinct), calls.Writes, calls.Reads
		},
		Close: srv.Close,
	}, nil
}
