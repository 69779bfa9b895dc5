package lark

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

var answers = []string{
	`{"code":0,"msg":"success","data":{"records":[{"record_id":"rec1","fields":{"Mekong ID":"a1","Số":1.5,"Trang":{"text":"x","link":"y"},"Nhiều":["a","b"]}},{"fields":{"Mekong ID":"b2"},"id":"x","record_id":"rec2"}]}}`,
	"{ \"code\" : 0 , \"data\" : { \"records\" : [ { \"record_id\" : \"r\" , \"fields\" : { \"Mekong ID\" : [ { \"text\" : \"a\" , \"type\" : \"text\" } ] } } ] } }\n",
	`{"code":0,"data":{"records":[]}}`,
	`{"code":0,"data":{"records":null}}`,
	`{"code":0,"data":{}}`,
	`{"code":0,"data":null}`,
	`{"code":0}`,
	`{"code":1254045,"msg":"FieldNameNotFound","data":{}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":null}]}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":{"Mekong ID":null}}]}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":{"Mekong ID":"\u0061\"\\","x":"\q"}}]}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":{"Mekong\u0020ID":"a"}}]}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","RECORD_ID":"s","fields":{}}]}}`,
	`{"code":0,"Data":{"records":[{"record_id":"r","fields":{}}]},"data":{"records":[]}}`,
	`{"code":0,"code":1,"data":{"records":[]}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":{"x":-0.5e+7,"y":01}}]}}`,
	`{"code":00,"data":{"records":[]}}`,
	`{"code":0,"data":{"records":[]}} x`,
	`{"code":0,"data":{"records":[]}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":{"x":"` + "\x01" + `"}}]}}`,
	`{"code":0,"data":{"records":[{"record_id":"` + "\xff" + `","fields":{"x":tru}}]}}`,
	`{"code":0,"data":{"records":[{"record_id":"r","fields":{"Mekong ID":"a","x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}}]}}`,
}

// FuzzMade holds the quick way against the usual one: what it accepts, the other does,
// and they read the same.
func FuzzMade(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a), "Mekong ID")
	}
	f.Fuzz(func(t *testing.T, body []byte, column string) {
		quick := made{column: column}
		if !quick.read(body) {
			return
		}
		usual := made{column: column}
		env := struct {
			Code *int  `json:"code"`
			Data *made `json:"data"`
		}{Data: &usual}
		if err := json.Unmarshal(body, &env); err != nil || env.Code == nil || *env.Code != 0 || env.Data == nil {
			t.Fatalf("taken for success, and it is not: %q, %v", body, err)
		}
		if len(quick.rows)+len(usual.rows) > 0 && !reflect.DeepEqual(quick.rows, usual.rows) {
			t.Errorf("%q in column %q reads %+v, and is %+v", body, column, quick.rows, usual.rows)
		}
	})
}

// TestMadeIsQuick: the platform's own answers are walked through.
func TestMadeIsQuick(t *testing.T) {
	m := made{column: "Mekong ID"}
	want := []Made{{"rec1", "a1", true}, {"rec2", "b2", true}}
	if !m.read([]byte(answers[0])) || !reflect.DeepEqual(m.rows, want) {
		t.Errorf("%+v", m.rows)
	}
	if !m.read([]byte(answers[1])) || !reflect.DeepEqual(m.rows, []Made{{"r", "a", true}}) {
		t.Errorf("%+v", m.rows)
	}
	for _, a := range append(answers[5:8:8], answers[3]) {
		if m.read([]byte(a)) {
			t.Errorf("%s is an answer like any", a)
		}
	}
}

// FuzzRowsBody: what is written by hand is what encoding/json writes.
func FuzzRowsBody(f *testing.F) {
	for _, s := range []string{"Nguyễn Văn An", "a\"b\\c\n", "\u2028", "\xff", "", "<&>", "\x7f"} {
		f.Add("rec1", "Họ tên", s, int64(-7), 1.5)
	}
	f.Fuzz(func(t *testing.T, id, column, text string, whole int64, n float64) {
		values := []any{text, []string{text, ""}, map[string]any{"text": text, "link": column}, whole, n, true, nil, []string(nil), map[string]any(nil), []any{map[string]any{"id": id}}}
		for _, v := range values {
			got, err := rowsBody([]Row{{ID: id, Fields: map[string]any{column: v}}, {Cells: []Cell{{column, v}, {column + "2", 1}}}, {}})
			if _, bad := json.Marshal(v); (err != nil) != (bad != nil) {
				t.Fatalf("%v: %v, and encoding/json says %v", v, err, bad)
			}
			if err != nil {
				continue
			}
			first := map[string]any{"fields": map[string]any{column: v}}
			if id != "" {
				first["record_id"] = id
			}
			want, err := json.Marshal(map[string]any{"records": []any{first, map[string]any{"fields": map[string]any{column: v, column + "2": 1}}, map[string]any{"fields": map[string]any{}}}})
			if err != nil {
				t.Fatal(err)
			}
			var a, b any
			if err := json.Unmarshal(got, &a); err != nil {
				t.Fatalf("%s: %v", got, err)
			}
			if err := json.Unmarshal(want, &b); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}
