package larksim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

func TestPage(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	table := w.AddTable(baseID, "Khách hàng",
		larksim.Field{Name: "Họ tên", Type: larksim.Text},
		larksim.Field{Name: "Email", Type: larksim.Text, UI: "Email"},
		larksim.Field{Name: "Ngân sách", Type: larksim.Number, UI: "Currency", Property: map[string]any{"formatter": "0", "currency_code": "VND"}},
		larksim.Field{Name: "Tiến độ", Type: larksim.Number, UI: "Progress"},
		larksim.Field{Name: "Sao", Type: larksim.Number, UI: "Rating"},
		larksim.Field{Name: "Lúc", Type: larksim.DateTime, Property: map[string]any{"date_formatter": "dd/MM/yyyy HH:mm"}},
		larksim.Field{Name: "Nguồn", Type: larksim.SingleSelect},
		larksim.Field{Name: "Trang", Type: larksim.URL},
		larksim.Field{Name: "Xấu", Type: larksim.URL},
		larksim.Field{Name: "Xong", Type: larksim.Checkbox},
		larksim.Field{Name: "Kín đáo", Type: larksim.Text, Hidden: true},
	)
	id, err := w.PutRow(baseID, table, "", map[string]any{
		"Họ tên": "<b>Nguyễn</b>", "Email": "an@example.com", "Ngân sách": 12345678, "Tiến độ": 0.25, "Sao": 3, "Lúc": start.UnixMilli(), "Nguồn": "facebook",
		"Trang": larksim.Link{Text: "Xem", URL: "https://example.com/?a=1&b=2"}, "Xấu": larksim.Link{Text: "x", URL: "javascript:alert(1)"}, "Xong": true, "Kín đáo": "không ai thấy",
	})
	if err != nil {
		t.Fatal(err)
	}
	status, _, page := w.visit("GET", "/base/"+baseID+"?table="+table, nil)
	for _, want := range []string{"&lt;b&gt;Nguyễn&lt;/b&gt;", "Họ tên", "₫12,345,678", "25%", "★★★", "03/03/2026 09:30", "facebook</span>", `href="https://example.com/?a=1&amp;b=2"`,
		`href="mailto:an@example.com"`, "✓", `id="` + id + `"`, "1 of 1 rows", "Bán hàng"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<b>Nguyễn", "Kín đáo", "không ai thấy", `class="meant"`, "javascript:", secret, w.token, " src=", "url("} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if status != 200 {
		t.Errorf("status %d", status)
	}
	if _, _, page := w.visit("GET", "/base/"+baseID+"?table="+table+"&record="+id, nil); !strings.Contains(page, `id="`+id+`" class="meant"`) {
		t.Error("the record of the address is not marked")
	}
	poll := func(query string) (int, string) {
		status, _, body := w.visit("GET", "/sim/grid?base="+baseID+"&table="+table+query, nil)
		return status, body
	}
	_, grid := poll("")
	_, rest, _ := strings.Cut(grid, `data-rev="`)
	rev, _, _ := strings.Cut(rest, `"`)
	if status, _ := poll("&rev=" + rev); status != http.StatusNoContent {
		t.Errorf("nothing new, yet %d", status)
	}
	if _, err := w.PutRow(baseID, table, id, map[string]any{"Họ tên": "Lê"}); err != nil {
		t.Fatal(err)
	}
	if status, grid := poll("&rev=" + rev); status != 200 || !strings.Contains(grid, "Lê") || strings.Contains(grid, "<html") {
		t.Errorf("%d %s", status, grid)
	}
	if n := w.Calls()[larksim.OpPage]; n.Total != 0 {
		t.Error("the page counts itself")
	}
	empty := &world{Sim: larksim.New(larksim.Options{Clock: larksim.Frozen(time.Unix(0, 0))}), t: t}
	if status, _, page := empty.visit("GET", "/sim", nil); status != 200 || !strings.Contains(page, "No Base yet") {
		t.Errorf("%d %s", status, page)
	}
}
