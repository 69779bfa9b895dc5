package larksim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

// Each value that a column does not take, with the code of `lark.md` §2.6.
func TestWriteValidation(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	long := strings.Repeat("ố", 100_000)
	for _, c := range []struct {
		column string
		value  any
		code   int
	}{
		{"Tên", "chữ\nhai dòng", 0}, {"Tên", nil, 0}, {"Tên", "", 0}, {"Tên", long, 0},
		{"Tên", 1, 1254060}, {"Tên", []string{"x"}, 1254060}, {"Tên", true, 1254060}, {"Tên", long + "x", 1254130},
		{"tên", "x", 1254045}, {"Tên ", "x", 1254045}, {"Không có", nil, 1254045},
		{"Số", 0.25, 0}, {"Số", -1e6, 0}, {"Số", "100", 1254061}, {"Số", true, 1254061}, {"Số", json.RawMessage("1e999"), 1254061},
		{"Chọn", "Mới", 0}, {"Chọn", "Chưa có", 0}, {"Chọn", 1, 1254062}, {"Chọn", []string{"Mới"}, 1254062},
		{"Cố định", "X", 0}, {"Cố định", "Y", 1254062},
		{"Nhãn", []string{"A", "C"}, 0}, {"Nhãn", []string{}, 0}, {"Nhãn", "A", 1254063}, {"Nhãn", []any{"A", nil}, 1254063},
		{"Nhãn", make([]string, 1001), 1254130},
		{"Ngày", 1674206443000, 0}, {"Ngày", "1674206443000", 1254064}, {"Ngày", "2026-03-03", 1254064}, {"Ngày", 1.5, 1254064}, {"Ngày", 1e17, 1254064},
		{"Xong", true, 0}, {"Xong", false, 0}, {"Xong", "true", 1254065}, {"Xong", 1, 1254065},
		{"Người", []map[string]string{{"id": "ou_an"}}, 0}, {"Người", nil, 0}, {"Người", []map[string]string{{"id": "ou_none"}}, 1254066},
		{"Người", []map[string]string{{"id": "ou_other"}}, 1254066}, {"Người", "ou_an", 1254066}, {"Người", []string{"ou_an"}, 1254066},
		{"Điện thoại", "+84900000000", 0}, {"Điện thoại", "0900 000 000", 1254072}, {"Điện thoại", "++1", 1254072},
		{"Điện thoại", strings.Repeat("1", 65), 1254072}, {"Điện thoại", 84900000000, 1254072},
		{"Trang", map[string]string{"text": "Xem", "link": "https://example.com"}, 0}, {"Trang", map[string]string{"link": "https://example.com"}, 0},
		{"Trang", "https://example.com", 1254068}, {"Trang", map[string]string{"text": "x"}, 1254068}, {"Trang", map[string]any{"link": 1}, 1254068},
		{"Tệp", []map[string]string{{"file_token": "none"}}, 1254303}, {"Tệp", "none", 1254069}, {"Tệp", []map[string]string{{"token": "x"}}, 1254069},
		{"Liên kết", []string{"recA"}, 0}, {"Liên kết", "recA", 1254067}, {"Liên kết", []int{1}, 1254067},
		{"Hai chiều", []string{"recA"}, 0}, {"Hai chiều", "recA", 1254074},
		{"Nơi", "116.397755,39.903179", 0}, {"Nơi", "Hà Nội", 1254015}, {"Nơi", "1,NaN", 1254015}, {"Nơi", map[string]any{"location": "1,2"}, 1254015},
		{"Nhóm", []map[string]string{{"id": "oc_a"}}, 0}, {"Nhóm", "oc_a", 1254015},
		{"Công thức", "x", 1254015}, {"Tạo lúc", 1, 1254015}, {"STT", "1", 1254015}, {"Tạo bởi", nil, 1254015},
	} {
		t.Run(fmt.Sprintf("%s %.20v", c.column, c.value), func(t *testing.T) {
			before := w.RowCount(baseID, "Leads")
			a := w.do("POST", w.records("/batch_create"), map[string]any{"records": []any{
				map[string]any{"fields": map[string]any{"Tên": "good"}},
				map[string]any{"fields": map[string]any{c.column: c.value}},
			}})
			a.want(t, c.code)
			made := w.RowCount(baseID, "Leads") - before
			if c.code == 0 && made != 2 || c.code != 0 && made != 0 {
				t.Errorf("code %d, yet %d rows were made", c.code, made)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t, larksim.Options{BatchCap: 3, TableRows: 5, MaxBody: 4000})
	id := w.create(map[string]any{"Tên": "there"})
	upd := func(id string) map[string]any {
		return map[string]any{"records": []any{map[string]any{"record_id": id, "fields": map[string]any{"Tên": "new"}}}}
	}
	for _, c := range []struct {
		name, method, rest string
		body               any
		code               int
	}{
		{"not JSON", "POST", "", "{", 1254000},
		{"no body", "POST", "", nil, 1254000},
		{"wrong wrapper", "POST", "", map[string]any{"field": map[string]any{}}, 1254001},
		{"fields null", "POST", "", `{"fields":null}`, 1254001},
		{"fields a list", "POST", "", `{"fields":[]}`, 1254001},
		{"batch without records", "POST", "/batch_create", `{"fields":{}}`, 1254001},
		{"batch of none", "POST", "/batch_create", `{"records":[]}`, 1254007},
		{"batch without fields", "POST", "/batch_create", `{"records":[{}]}`, 1254001},
		{"batch over the cap", "POST", "/batch_create", batch(4), 1254104},
		{"update over the cap", "POST", "/batch_update", batch(4), 1254104},
		{"body too large", "POST", "/batch_create", map[string]any{"records": []any{map[string]any{"fields": map[string]any{"Tên": strings.Repeat("x", 5000)}}}}, 1254002},
		{"update of none", "POST", "/batch_update", upd("recnone"), 1254043},
		{"update of a malformed id", "POST", "/batch_update", upd("row1"), 1254006},
		{"update one of none", "PUT", "/recnone", `{"fields":{}}`, 1254043},
		{"delete none", "DELETE", "/recnone", nil, 1254043},
		{"batch delete one of none", "POST", "/batch_delete", map[string]any{"records": []string{id, "recnone"}}, 1254043},
		{"batch delete without ids", "POST", "/batch_delete", `{"records":[]}`, 1254007},
		{"get none", "GET", "/recnone", nil, 1254043},
		{"bad id kind", "POST", "?user_id_type=name", `{"fields":{}}`, 99992402},
		{"id kind without its scope", "POST", "?user_id_type=user_id", `{"fields":{}}`, 99991672},
		{"an empty record", "POST", "", `{"fields":{}}`, 0},
		{"fills the table", "POST", "/batch_create", batch(3), 0},
		{"table full", "POST", "", `{"fields":{}}`, 1254103},
		{"an update in a full table", "POST", "/batch_update", upd(id), 0},
	} {
		t.Run(c.name, func(t *testing.T) { w.do(c.method, w.records(c.rest), c.body).want(t, c.code) })
	}
	if rows := w.Rows(baseID, "Leads"); len(rows) != 5 || rows[0].Fields["Tên"] != "new" {
		t.Errorf("the table holds %d rows, the first %v", len(rows), rows[0].Fields)
	}
}

// What is written comes back as it was written; what is read has the read shapes
// (`lark.md` §2.1, §3.3), and empty cells are left out.
func TestShapes(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	in := map[string]any{
		"Tên": "An", "Email": "an@example.com", "Số": 12.5, "Chọn": "Mới", "Nhãn": []any{"A", "D"}, "Ngày": 1674206443000.0, "Xong": true,
		"Người": []any{map[string]any{"id": "ou_an"}}, "Điện thoại": "+84900000000", "Trang": map[string]any{"text": "Xem", "link": "https://example.com"},
		"Liên kết": []any{"recA"}, "Nơi": "106.7,10.8", "Nhóm": []any{map[string]any{"id": "oc_a"}},
	}
	a := w.do("POST", w.records(""), map[string]any{"fields": in})
	a.want(t, 0)
	var made struct {
		Record struct {
			Fields map[string]any `json:"fields"`
			ID     string         `json:"id"`
			Record string         `json:"record_id"`
		} `json:"record"`
	}
	a.into(t, &made)
	if !reflect.DeepEqual(made.Record.Fields, in) || made.Record.ID == "" || made.Record.ID != made.Record.Record {
		t.Errorf("the echo differs:\n%v\n%v", made.Record.Fields, in)
	}
	seg := func(s string) any { return []any{map[string]any{"text": s, "type": "text"}} }
	person := func(id, name, mail string) any {
		return []any{map[string]any{"id": id, "name": name, "en_name": name, "email": mail, "avatar_url": ""}}
	}
	read := map[string]any{
		"Tên": seg("An"), "Email": []any{map[string]any{"link": "mailto:an@example.com", "text": "an@example.com", "type": "url"}},
		"Số": 12.5, "Chọn": "Mới", "Nhãn": []any{"A", "D"}, "Ngày": 1674206443000.0, "Xong": true,
		"Người": person("ou_an", "Nguyễn Văn An", "an@example.com"), "Điện thoại": "+84900000000", "Trang": in["Trang"],
		"Liên kết": map[string]any{"link_record_ids": []any{"recA"}},
		"Nơi":      map[string]any{"location": "106.7,10.8", "pname": "", "cityname": "", "adname": "", "address": "", "name": "", "full_address": "106.7,10.8"},
		"Nhóm":     []any{map[string]any{"id": "oc_a", "name": "", "avatar_url": ""}},
		"Tạo lúc":  float64(start.UnixMilli()), "Tạo bởi": person(appID, "Mekong", ""), "STT": "1",
	}
	a = w.do("POST", w.records("/search"), map[string]any{"automatic_fields": true})
	a.want(t, 0)
	var found struct {
		Total int              `json:"total"`
		More  bool             `json:"has_more"`
		Token *string          `json:"page_token"`
		Items []map[string]any `json:"items"`
	}
	a.into(t, &found)
	if found.Total != 1 || found.More || found.Token != nil || len(found.Items) != 1 {
		t.Fatalf("search: %s", a.Data)
	}
	if got := found.Items[0]["fields"]; !reflect.DeepEqual(got, any(read)) {
		t.Errorf("search reads\n%v\nwant\n%v", got, read)
	}
	if found.Items[0]["created_time"] != float64(start.UnixMilli()) {
		t.Errorf("automatic fields: %v", found.Items[0])
	}

	a = w.do("GET", w.records("/"+made.Record.ID), nil)
	a.want(t, 0)
	a.into(t, &made)
	old := made.Record.Fields
	if old["Tên"] != "An" || old["Số"] != "12.5" {
		t.Errorf("the deprecated get: %v", old)
	}
	if l, ok := old["Liên kết"].([]any); !ok || len(l) != 1 {
		t.Errorf("the deprecated get gives links as %v", old["Liên kết"])
	}

	w.do("PUT", w.records("/"+made.Record.ID), map[string]any{"fields": map[string]any{"Tên": nil, "Số": 3, "Xong": false}}).want(t, 0)
	rows := w.Rows(baseID, w.table)
	if _, ok := rows[0].Fields["Tên"]; ok || rows[0].Fields["Số"] != 3.0 || rows[0].Fields["Chọn"] != "Mới" {
		t.Errorf("an update merges and null clears: %v", rows[0].Fields)
	}
	if d := rows[0].Fields["Ngày"].(time.Time); d.UnixMilli() != 1674206443000 {
		t.Errorf("date %v", d)
	}
}

// Options are made by writing; the same unknown name twice in one cell makes two (§3.2).
func TestOptionsMadeByWriting(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	options := func(column string) []string {
		for _, f := range w.Fields(baseID, "Leads") {
			if f.Name == column {
				return f.Options
			}
		}
		return nil
	}
	w.do("POST", w.records("/batch_create"), map[string]any{"records": []any{
		map[string]any{"fields": map[string]any{"Nhãn": []string{"N", "N"}}},
		map[string]any{"fields": map[string]any{"Nhãn": []string{"N", "A"}}},
	}}).want(t, 0)
	if got := options("Nhãn"); !reflect.DeepEqual(got, []string{"A", "B", "N", "N"}) {
		t.Errorf("options %v", got)
	}
	// A batch that is refused leaves no option behind.
	w.do("POST", w.records("/batch_create"), map[string]any{"records": []any{
		map[string]any{"fields": map[string]any{"Chọn": "Lạc"}},
		map[string]any{"fields": map[string]any{"Số": "x"}},
	}}).want(t, 1254061)
	if got := options("Chọn"); !reflect.DeepEqual(got, []string{"Mới", "Cũ"}) {
		t.Errorf("options %v", got)
	}
}

func TestDeleteAndBatchGet(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	a, b := w.create(map[string]any{"Tên": "a"}), w.create(map[string]any{"Tên": "b"})
	got := w.do("POST", w.records("/batch_get"), map[string]any{"record_ids": []string{b, "recnone"}, "with_shared_url": true})
	got.want(t, 0)
	var d struct {
		Records []struct {
			ID  string `json:"record_id"`
			URL string `json:"shared_url"`
		} `json:"records"`
		Absent    []string `json:"absent_record_ids"`
		Forbidden []string `json:"forbidden_record_ids"`
	}
	got.into(t, &d)
	if len(d.Records) != 1 || d.Records[0].ID != b || d.Records[0].URL == "" || !reflect.DeepEqual(d.Absent, []string{"recnone"}) || d.Forbidden == nil {
		t.Errorf("batch_get: %s", got.Data)
	}
	w.do("POST", w.records("/batch_get"), map[string]any{"record_ids": make([]string, 101)}).want(t, 1254104)
	w.do("DELETE", w.records("/"+a), nil).want(t, 0)
	w.do("POST", w.records("/batch_delete"), map[string]any{"records": []string{b}}).want(t, 0)
	w.do("POST", w.records("/batch_delete"), map[string]any{"records": make([]string, 501)}).want(t, 1254104)
	if n := w.RowCount(baseID, "Leads"); n != 0 {
		t.Errorf("%d rows left", n)
	}
}
