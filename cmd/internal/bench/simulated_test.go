package bench

import (
	"net/http/httptest"

	"mekong/sinks/lark/larksim"
)

// simulated is a Base for the tests, as the command has it.
func simulated() (*Base, error) {
	sim := larksim.New(larksim.Options{LogLength: 1})
	sim.AddApp(larksim.App{ID: "cli_bench", Secret: "s", Scopes: []string{"bitable:app"}})
	sim.AddBase("bascnBench", "Bán hàng")
	sim.Grant("cli_bench", "bascnBench", larksim.CanEdit)
	srv := httptest.NewServer(sim)
	fields := []larksim.Field{{Name: "Mekong ID", Type: larksim.Text}, {Name: "Mekong version", Type: larksim.Text}}
	for name, field := range BaseColumns() {
		f := larksim.Field{Name: name, Type: larksim.Text}
		switch field {
		case "link":
			f.Type = larksim.URL
		case "received":
			f.Type = larksim.DateTime
		case "Khóa học":
			f.Type = larksim.MultiSelect
		}
		fields = append(fields, f)
	}
	seen := 0
	return &Base{
		Endpoint: srv.URL, AppID: "cli_bench", Secret: "s", Base: "bascnBench",
		Table: func() (id, link string) {
			id = sim.AddTable("bascnBench", "Khách hàng", fields...)
			return id, srv.URL + "/base/bascnBench?table=" + id
		},
		Latency: sim.SetLatency,
		Count: func(table string) (rows, keys, calls int) {
			distinct := map[any]bool{}
			for _, r := range sim.Rows("bascnBench", table) {
				rows++
				distinct[r.Fields["Mekong ID"]] = true
			}
			all := 0
			for _, c := range sim.Calls() {
				all += c.Total
			}
			calls, seen = all-seen, all
			return rows, len(distinct), calls
		},
		Close: srv.Close,
	}, nil
}
