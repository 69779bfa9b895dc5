package larksim_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"unicode/utf8"

	"mekong/sinks/lark/larksim"
)

// sane fails on an answer that no platform gives: none, not JSON, or a code that
// hides what happened.
func sane(t *testing.T, a answer) {
	t.Helper()
	if a.err != nil || !json.Valid(a.raw) || a.status < 200 || a.Code != 0 && a.Msg == "" {
		t.Fatalf("status %d, error %v, body %q", a.status, a.err, a.raw)
	}
}

// FuzzWrite sends any bytes as a write. Whatever comes, a batch is carried out
// whole or not at all, and what was written can be read again.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{
		`{"records":[{"fields":{"Tên":"a","Số":1}},{"fields":{"Nhãn":["x","x"]}}]}`,
		`{"records":[{"fields":{"Trang":{"text":"a","link":"b"},"Người":[{"id":"ou_an"}],"Ngày":1e12}}]}`,
		`{"records":[{"fields":{"Nơi":"1,2","Điện thoại":"+1","Xong":false,"Liên kết":["recA"]}}]}`,
		`{"records":[{"fields":null}]}`, `{"records":[null]}`, `{"records":{}}`, `[]`, `null`, `{"records":[{"fields":{"Số":-0.0e-400}}]}`,
		"{\"records\":[{\"fields\":{\"Tên\":\"\xff\"}}]}", `{"records":[{"fields":{"Nhóm":[{"id":"oc_1"},{}]}}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t, larksim.Options{MaxBody: 1 << 16})
		a := w.do("POST", w.records("/batch_create"), string(body))
		sane(t, a)
		rows := w.RowCount(baseID, "Leads")
		if (a.Code == 0) != (rows > 0) {
			t.Fatalf("code %d and %d rows", a.Code, rows)
		}
		read := w.do("POST", w.records("/search?page_size=500"), `{"automatic_fields":true}`)
		sane(t, read)
		read.want(t, 0)
		for _, r := range w.Rows(baseID, "Leads") {
			for name, v := range r.Fields {
				if s, ok := v.(string); ok && !utf8.ValidString(s) {
					t.Fatalf("%s holds what is not text", name)
				}
			}
		}
		w.do("GET", w.records(""), nil).want(t, 0)
		if n := w.MaxInFlight(baseID); n > 1 {
			t.Fatalf("%d in flight", n)
		}
	})
}

// FuzzField sends any bytes as a new column.
func FuzzField(f *testing.F) {
	for _, s := range []string{
		`{"field_name":"x","type":3,"property":{"options":[{"name":"a","color":1}]}}`, `{"field_name":"x","type":2,"ui_type":"Progress","property":{"min":0,"max":1}}`,
		`{"field_name":"x","type":18,"property":{"table_id":1}}`, `{"field_name":"x","type":5,"property":[]}`, `{"type":null}`, `{"field_name":"x","type":1,"description":[1]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t, larksim.Options{MaxBody: 1 << 16})
		a := w.do("POST", w.fieldsPath(""), string(body))
		sane(t, a)
		if got := len(w.Fields(baseID, "Leads")) - len(columns); (a.Code == 0) != (got == 1) {
			t.Fatalf("code %d and %d new fields", a.Code, got)
		}
		sane(t, w.do("GET", w.fieldsPath("?page_size=100"), nil))
	})
}

// FuzzSearch sends any bytes as a search, and any text as the old filter.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{
		`{"filter":{"conjunction":"or","conditions":[{"field_name":"Tên","operator":"is","value":["an"]}]}}`,
		`{"filter":{"conjunction":"and","children":[{"conjunction":"or","conditions":[{"field_name":"Ngày","operator":"is","value":["ExactDate","-9e99"]}]}]}}`,
		`{"filter":{"conjunction":"and","conditions":[{"field_name":"Ngày","operator":"isGreater","value":["TheNextMonth"]}]},"sort":[{"field_name":"Nhãn","desc":true}]}`,
		`{"filter":[]}`, `{"sort":{}}`, `{"field_names":[null]}`, `null`,
		`AND(CurrentValue.[Tên]="an",NOT(OR(CurrentValue.[Số]>1e3)))`, `CurrentValue.[Tên].contains("\"","")`, `NOT(NOT(NOT(`, `CurrentValue.[`,
	} {
		f.Add(s)
	}
	w := newWorld(&testing.T{}, larksim.Options{MaxBody: 1 << 16})
	for _, p := range people {
		w.create(p)
	}
	f.Fuzz(func(t *testing.T, body string) {
		sane(t, w.do("POST", w.records("/search"), body))
		sane(t, w.do("GET", w.records("?"+url.Values{"filter": {body}}.Encode()), nil))
		sane(t, w.do("GET", w.records("?"+url.Values{"page_token": {body}, "page_size": {"1"}}.Encode()), nil))
	})
}

// FuzzDoors sends any bytes to the endpoints that take a body from strangers.
func FuzzDoors(f *testing.F) {
	for _, s := range []string{
		`{"msg_type":"text","content":{"text":"a"},"timestamp":1,"sign":"x"}`, `{"msg_type":"interactive","card":{"a":[{"b":"c"}]}}`,
		`{"grant_type":"refresh_token","client_id":"cli_test","client_secret":"invented","refresh_token":"x","scope":"a b"}`,
		`{"receive_id":"ou_an","msg_type":"text","content":"{\"text\":\"a\"}","uuid":"u"}`, `{"emails":["an@example.com"]}`, `{"record_ids":["rec"]}`,
		`{"table":{"name":"a","fields":[{"field_name":"x","type":1}]}}`, `grant_type=authorization_code&code=x`, `id=x&do=approve`, `{"Tên":"a","Số":1}`,
	} {
		f.Add(s)
	}
	w := newWorld(&testing.T{}, larksim.Options{MaxBody: 1 << 16})
	w.AddBotHook(larksim.BotHook{Token: "open", Keyword: "a"})
	w.AddBotHook(larksim.BotHook{Token: "signed", Secret: "invented"})
	w.AddAutomation(larksim.Automation{Token: "flow", Base: baseID, Table: "Leads"})
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{
			"/open-apis/bot/v2/hook/open", "/open-apis/bot/v2/hook/signed", "/base/automation/webhook/event/flow", "/open-apis/im/v1/messages?receive_id_type=open_id",
			"/open-apis/authen/v1/oidc/access_token", "/open-apis/authen/v1/oidc/refresh_access_token", "/open-apis/auth/v3/tenant_access_token/internal",
			"/open-apis/contact/v3/users/batch_get_id", "/open-apis/drive/v1/medias/upload_all", w.records("/batch_get"), w.records("/batch_update"), w.records("/batch_delete"),
			"/open-apis/bitable/v1/apps/" + baseID + "/tables",
		} {
			a := w.do("POST", path, body)
			if path == "/base/automation/webhook/event/flow" && a.Code == 0 {
				continue // its msg is empty
			}
			sane(t, a)
		}
		w.exchange(body)
		if status, _, page := w.visit("POST", "/open-apis/authen/v1/authorize", url.Values{"id": {body}, "do": {body}}); status != 400 || page == "" {
			t.Fatalf("consent: %d %s", status, page)
		}
	})
}
