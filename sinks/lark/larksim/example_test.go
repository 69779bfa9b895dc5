package larksim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mekong/sinks/lark/larksim"
)

// A write that was carried out and answered with a time-out: the row is there, and
// a second try with the same client_token makes no second one.
func Example() {
	start := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	sim := larksim.New(larksim.Options{Clock: larksim.Frozen(start)})
	sim.AddApp(larksim.App{ID: "cli_a", Secret: "invented", Scopes: []string{"bitable:app"}})
	sim.AddBase("bascnA", "Bán hàng")
	table := sim.AddTable("bascnA", "Leads", larksim.Field{Name: "Họ tên", Type: larksim.Text})
	sim.Grant("cli_a", "bascnA", larksim.CanEdit)
	sim.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, On: []larksim.Op{larksim.OpCreate}, Next: 1})

	post := func(path, token, body string) map[string]any {
		req, err := http.NewRequest("POST", "http://lark"+path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := sim.Client().Do(req)
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		var out map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			panic(err)
		}
		return out
	}
	token := post("/open-apis/auth/v3/tenant_access_token/internal", "", `{"app_id":"cli_a","app_secret":"invented"}`)["tenant_access_token"].(string)
	records := "/open-apis/bitable/v1/apps/bascnA/tables/" + table + "/records?client_token=3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	for range 2 {
		fmt.Println(post(records, token, `{"fields":{"Họ tên":"An"}}`)["code"])
	}
	fmt.Println(len(sim.Rows("bascnA", "Leads")), sim.Rows("bascnA", "Leads")[0].Fields)
	fmt.Println(sim.Calls()[larksim.OpCreate].Total, sim.TokenFetches("cli_a"), sim.MaxInFlight("bascnA"))
	// Output:
	// 1.25504e+06
	// 0
	// 1 map[Họ tên:An]
	// 2 1 1
}
