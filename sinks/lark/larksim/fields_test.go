package larksim_test

import (
	"context"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

func TestFieldRefusals(t *testing.T) {
	w := newWorld(t, larksim.Options{MaxFields: len(columns) + 4})
	for _, c := range []struct {
		name string
		body any
		code int
	}{
		{"no name", `{"type":1}`, 1254029},
		{"duplicate", `{"field_name":" Tên ","type":1}`, 1254014},
		{"unknown type", `{"field_name":"x","type":6}`, 99992402},
		{"ui of another type", `{"field_name":"x","type":1,"ui_type":"Currency"}`, 99992402},
		{"property on a type without", `{"field_name":"x","type":15,"property":{"formatter":"0"}}`, 99992402},
		{"empty property on a type without", `{"field_name":"x","type":15,"property":{}}`, 99992402},
		{"null property", `{"field_name":"url","type":15,"property":null}`, 0},
		{"currency", `{"field_name":"money","type":2,"ui_type":"Currency","property":{"formatter":"0","currency_code":"VND"}}`, 0},
		{"bad currency", `{"field_name":"x","type":2,"ui_type":"Currency","property":{"currency_code":"đồng"}}`, 99992402},
		{"bad color", `{"field_name":"x","type":3,"property":{"options":[{"name":"a","color":55}]}}`, 99992402},
		{"link to nowhere", `{"field_name":"x","type":18,"property":{"table_id":"tblnone"}}`, 99992402},
		{"not JSON", `{`, 1254000},
		{"wrong JSON", `{"field_name":1}`, 1254001},
		{"third", `{"field_name":"three","type":1,"description":{"text":"về"}}`, 0},
		{"fourth", `{"field_name":"four","type":7}`, 0},
		{"too many", `{"field_name":"five","type":7}`, 1254105},
	} {
		t.Run(c.name, func(t *testing.T) { w.do("POST", w.fieldsPath(""), c.body).want(t, c.code) })
	}
}

func TestFieldLife(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	type item struct {
		ID       string         `json:"field_id"`
		Name     string         `json:"field_name"`
		Type     int            `json:"type"`
		UI       string         `json:"ui_type"`
		Primary  bool           `json:"is_primary"`
		Property map[string]any `json:"property"`
	}
	list := func() map[string]item {
		out := map[string]item{}
		token := ""
		for {
			a := w.do("GET", w.fieldsPath("?page_size=7&page_token="+token), nil)
			a.want(t, 0)
			var d struct {
				Items []item
				More  bool   `json:"has_more"`
				Token string `json:"page_token"`
			}
			a.into(t, &d)
			for _, it := range d.Items {
				out[it.Name] = it
			}
			if token = d.Token; !d.More {
				return out
			}
		}
	}
	fields := list()
	if len(fields) != len(columns) || !fields["Tên"].Primary || fields["Email"].Primary || fields["Email"].UI != "Email" {
		t.Fatalf("fields %+v", fields)
	}
	if fields["Trang"].Property != nil || fields["Số"].Property["formatter"] != "0.0" || len(fields["Chọn"].Property["options"].([]any)) != 2 {
		t.Errorf("properties %+v %+v %+v", fields["Trang"], fields["Số"], fields["Chọn"])
	}
	w.create(map[string]any{"Tên": "a", "Số": 12.5, "Chọn": "Mới"})

	// A name with blanks around it is trimmed on creation, with the client_token minded.
	body := `{"field_name":" Mekong ID ","type":1}`
	w.do("POST", w.fieldsPath("?client_token=x"), body).want(t, 1254037)
	w.do("POST", w.fieldsPath("?client_token="+tokenA), body).want(t, 0)
	w.do("POST", w.fieldsPath("?client_token="+tokenA), body).want(t, 0)
	id := list()["Mekong ID"].ID
	if id == "" {
		t.Fatal("the field was not created under its trimmed name")
	}
	// An update replaces, keeps the cells under the new name, and may change the type.
	w.do("PUT", w.fieldsPath("/"+fields["Số"].ID), `{"field_name":"Số tiền","type":2,"ui_type":"Currency","property":{"currency_code":"VND"}}`).want(t, 0)
	w.do("PUT", w.fieldsPath("/"+fields["Chọn"].ID), `{"field_name":"Chọn","type":3,"property":{"options":[{"name":"Cũ"},{"name":"Xong"}]}}`).want(t, 0)
	rows := w.Rows(baseID, "Leads")
	if rows[0].Fields["Số tiền"] != 12.5 {
		t.Errorf("after renaming: %v", rows[0].Fields)
	}
	if a := w.do("POST", w.records("/search"), nil); strings.Contains(string(a.Data), "Mới") {
		t.Errorf("an option that was taken away is still read: %s", a.Data)
	}
	w.do("PUT", w.fieldsPath("/"+fields["Số"].ID), `{"field_name":"Số tiền","type":1}`).want(t, 0)
	if got := w.Rows(baseID, "Leads")[0].Fields["Số tiền"]; got != "12.5" {
		t.Errorf("a number made text reads %v", got)
	}
	w.do("PUT", w.fieldsPath("/"+fields["Tên"].ID), `{"field_name":"Tên","type":7}`).want(t, 1254012)
	w.do("PUT", w.fieldsPath("/fldnone"), `{"field_name":"x","type":1}`).want(t, 1254044)
	w.do("PUT", w.fieldsPath("/x"), `{"field_name":"x","type":1}`).want(t, 1254009)
	w.do("DELETE", w.fieldsPath("/"+fields["Tên"].ID), nil).want(t, 1254012)
	w.do("DELETE", w.fieldsPath("/"+id), nil).want(t, 0)
	if _, there := list()["Mekong ID"]; there {
		t.Error("the deleted field is still listed")
	}
	w.do("GET", w.fieldsPath("?view_id=vewnone"), nil).want(t, 1254042)
	w.do("GET", w.fieldsPath("?page_token=x"), nil).want(t, 1254030)

	w.RenameField(baseID, "Leads", "Tên", "Họ tên")
	w.do("POST", w.records(""), `{"fields":{"Tên":"b"}}`).want(t, 1254045)
	w.RemoveField(baseID, "Leads", "Chọn")
	w.AddField(baseID, "Leads", larksim.Field{Name: "Tên", Type: larksim.Text})
	w.do("POST", w.records(""), `{"fields":{"Tên":"b","Họ tên":"c"}}`).want(t, 0)
}

func TestTables(t *testing.T) {
	w := newWorld(t, larksim.Options{MaxTables: 4})
	path := "/open-apis/bitable/v1/apps/" + baseID + "/tables"
	for _, c := range []struct {
		name, rest string
		body       string
		code       int
	}{
		{"no table", "", `{}`, 1254001},
		{"bad name", "", `{"table":{"name":"a/b"}}`, 1254032},
		{"no name", "", `{"table":{}}`, 1254032},
		{"duplicate", "", `{"table":{"name":"Leads"}}`, 1254013},
		{"primary of a wrong type", "", `{"table":{"name":"A","fields":[{"field_name":"x","type":7}]}}`, 1254012},
		{"good", "", `{"table":{"name":"A","default_view_name":"Bảng","fields":[{"field_name":"Tên","type":1},{"field_name":"Số","type":2}]}}`, 0},
		{"batch with a bad one", "/batch_create", `{"tables":[{"name":"B"},{"name":"A"}]}`, 1254013},
		{"batch", "/batch_create", `{"tables":[{"name":"B"},{"name":"C"}]}`, 0},
		{"too many", "", `{"table":{"name":"D"}}`, 1254100},
	} {
		t.Run(c.name, func(t *testing.T) { w.do("POST", path+c.rest, c.body).want(t, c.code) })
	}
	a := w.do("GET", path, nil)
	a.want(t, 0)
	var d struct {
		Items []struct {
			ID   string `json:"table_id"`
			Name string
		}
		More  bool   `json:"has_more"`
		Token string `json:"page_token"`
	}
	a.into(t, &d)
	if len(d.Items) != 4 || d.More || d.Token == "" {
		t.Errorf("tables: %s", a.Data)
	}
	if ids := w.Tables(baseID); ids["A"] != d.Items[1].ID || ids["Leads"] != w.table {
		t.Errorf("tables %v", ids)
	}
	w.RemoveTable(baseID, "Leads")
	w.do("POST", w.records(""), `{"fields":{}}`).want(t, 1254041)
}

func TestWikiNodes(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddApp(larksim.App{ID: "cli_nowiki", Secret: secret, Scopes: []string{"bitable:app"}})
	w.AddWikiNode(larksim.WikiNode{Token: "wikcnA", ObjType: "bitable", ObjToken: baseID, Title: "Bán hàng"})
	w.AddWikiNode(larksim.WikiNode{Token: "wikcnDoc", ObjType: "docx", ObjToken: "doxcnA"})
	w.AddWikiNode(larksim.WikiNode{Token: "wikcnShut", ObjType: "docx", ObjToken: "doxcnB", For: []string{"ou_an"}})
	get := func(token, query string) answer {
		return w.as(context.Background(), token, "GET", "/open-apis/wiki/v2/spaces/get_node?"+query, nil)
	}
	a := get(w.token, "token=wikcnA&obj_type=wiki")
	a.want(t, 0)
	var d struct {
		Node struct {
			ObjToken string `json:"obj_token"`
			ObjType  string `json:"obj_type"`
		}
	}
	a.into(t, &d)
	if d.Node.ObjToken != baseID || d.Node.ObjType != "bitable" {
		t.Errorf("node %s", a.Data)
	}
	get(w.token, "token="+baseID+"&obj_type=bitable").want(t, 0)
	get(w.token, "").want(t, 131002)
	get(w.token, "token=wikcnNone").want(t, 131005)
	get(w.token, "token=wikcnShut").want(t, 131006)
	get(w.fetch("cli_nowiki", secret), "token=wikcnA").want(t, 99991672)
	w.do("GET", "/open-apis/bitable/v1/apps/wikcnA/tables", nil).want(t, 91402)
	w.Grant(appID, baseID, larksim.NoRole)
	get(w.token, "token=wikcnA").want(t, 131006)
}

func TestUserIDs(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	a := w.do("POST", "/open-apis/contact/v3/users/batch_get_id", `{"emails":["AN@example.com","none@example.com"],"mobiles":["+84900000000"]}`)
	a.want(t, 0)
	if want := `{"user_list":[{"user_id":"ou_an","email":"AN@example.com"},{"email":"none@example.com"},{"user_id":"ou_an","mobile":"+84900000000"}]}`; string(a.Data) != want {
		t.Errorf("got %s", a.Data)
	}
}
