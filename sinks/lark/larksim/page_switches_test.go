package larksim_test

import (
	"net/http"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

// press posts to the page as its script does.
func (w *world) press(contentType, body string) int {
	w.t.Helper()
	resp, err := w.Client().Post(host+"/sim/switch", contentType, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestSwitches(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	table := w.AddTable(baseID, "Khách hàng", larksim.Field{Name: "Họ tên", Type: larksim.Text}, larksim.Field{Name: "Ghi chú", Type: larksim.Text})
	page := func() string { _, _, page := w.visit("GET", "/base/"+baseID+"?table="+table, nil); return page }
	if strings.Contains(page(), "data-switch=") {
		t.Error("there are buttons where none were opened")
	}
	w.OpenSwitches(
		larksim.Switch{Break: "Break <it>", Mend: "Mend it", On: func() { w.RemoveField(baseID, table, "Ghi chú") }, Off: func() {
			w.AddField(baseID, table, larksim.Field{Name: "Ghi chú", Type: larksim.Text})
		}},
		larksim.Switch{Break: "Another", Mend: "No other", On: func() {}, Off: func() {}},
	)
	if p := page(); !strings.Contains(p, `data-switch="0" aria-pressed="false">Break &lt;it&gt;</button>`) || !strings.Contains(p, "Another") {
		t.Errorf("no buttons in\n%s", p)
	}
	const asJSON = "application/json"
	for _, c := range []struct {
		kind, body string
		status     int
		columns    int
		says       string
	}{
		{"text/plain", `{"switch":0,"on":true}`, http.StatusBadRequest, 2, "Break &lt;it&gt;"},
		{asJSON, `{"switch":`, http.StatusBadRequest, 2, "Break &lt;it&gt;"},
		{asJSON, `{"switch":2,"on":true}`, http.StatusNotFound, 2, "Break &lt;it&gt;"},
		{asJSON, `{"switch":-1,"on":true}`, http.StatusNotFound, 2, "Break &lt;it&gt;"},
		{asJSON, `{"switch":0,"on":false}`, http.StatusNoContent, 2, "Break &lt;it&gt;"},
		{asJSON, `{"switch":0,"on":true}`, http.StatusNoContent, 1, "Mend it"},
		{asJSON, `{"switch":0,"on":true}`, http.StatusNoContent, 1, "Mend it"}, // pressed twice at once
		{asJSON + "; charset=utf-8", `{"switch":0,"on":false}`, http.StatusNoContent, 2, "Break &lt;it&gt;"},
	} {
		if status := w.press(c.kind, c.body); status != c.status || len(w.Fields(baseID, table)) != c.columns || !strings.Contains(page(), c.says) {
			t.Errorf("%s %s: status %d, %d columns, want %d, %d and the button %q", c.kind, c.body, status, len(w.Fields(baseID, table)), c.status, c.columns, c.says)
		}
	}
}

// A fault that goes by what is in the request leaves others alone.
func TestFaultHolding(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	table := w.AddTable(baseID, "Khách hàng", larksim.Field{Name: "Họ tên", Type: larksim.Text})
	armed := w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpCreate}, Code: 1254060, Holding: "Bình"})
	create := func(name string) int {
		return w.do("POST", "/open-apis/bitable/v1/apps/"+baseID+"/tables/"+table+"/records", map[string]any{"fields": map[string]any{"Họ tên": name}}).Code
	}
	if a, b, n := create("An"), create("Bình"), armed.Struck(); a != 0 || b != 1254060 || n != 1 || len(w.Rows(baseID, table)) != 1 {
		t.Errorf("codes %d and %d, struck %d times, %d rows", a, b, n, len(w.Rows(baseID, table)))
	}
}
