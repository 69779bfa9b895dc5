package transform

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
)

// run puts body through m and returns the record.
func run(t *testing.T, m *config.Mapping, body string) pipeline.Record {
	t.Helper()
	return fixture{contentType: urlencoded, body: body, mapping: m}.records(t)[0]
}

func TestConfigured(t *testing.T) {
	type fields = map[string]config.Field
	for _, tt := range []struct {
		name string
		m    config.Mapping
		body string
		want map[string]any
	}{
		{"first filled wins", config.Mapping{Fields: fields{"who": {From: []string{"a", "Người liên hệ", "c"}}}}, "c=3&nguoi_lien_he=2&a=",
			map[string]any{"who": "2", "c": "3", "nguoi_lien_he": nil}},
		{"phone by its name alone", config.Mapping{Fields: fields{"phone": {From: []string{"so may"}}}}, "Số máy=0900000000&phone=1",
			map[string]any{"phone": "+84900000000", "phone_sent": "1", "phone_raw": "0900000000"}},
		{"strictly from", config.Mapping{Fields: fields{"phone": {From: []string{"so may"}, As: "phone_vn"}}}, "phone=0900000000",
			map[string]any{"phone": nil, "phone_sent": "0900000000", "flags": []string{"phone_missing"}}},
		{"a second phone", config.Mapping{Fields: fields{"parent": {From: []string{"sdt ph"}, As: "phone_vn"}}}, "sdt_ph=123&phone=0900000000",
			map[string]any{"parent": nil, "parent_raw": "123", "parent_kind": "invalid", "flags": []string{"parent_invalid"}, "phone": "+84900000000"}},
		{"read by two", config.Mapping{Fields: fields{"x": {From: []string{"a"}}, "y": {From: []string{"a"}, As: "list"}}}, "phone=0900000000&a=1;2",
			map[string]any{"x": "1;2", "y": []string{"1", "2"}}},
		{"from the address", config.Mapping{Fields: fields{"channel": {From: []string{"kenh", "utm_source"}}}}, "phone=0900000000&link=https%3A%2F%2Fa.vn%2F%3Futm_source%3Dfb",
			map[string]any{"channel": "fb", "utm_source": "fb"}},
		{"numbers", config.Mapping{Fields: fields{"n": {From: []string{"n"}, As: "number"}, "m": {From: []string{"m"}, As: "number"}, "ad": {From: []string{"ma"}, As: "number"}}}, "phone=0900000000&n=7&m=nhiều&ma=120208585133120157",
			map[string]any{"n": 7.0, "n_raw": nil, "m": nil, "m_raw": "nhiều", "ad": nil, "ad_raw": "120208585133120157", "flags": []string{"ad_invalid", "m_invalid"}}},
		{"dates", config.Mapping{Fields: fields{"d": {From: []string{"d"}, As: "date"}, "e": {From: []string{"e"}, As: "date"}, "f": {From: []string{"f"}, As: "date"}}}, "phone=0900000000&d=01/03/2026 06:59&e=2026-03-01&f=mai",
			map[string]any{"d": "2026-02-28T23:59:00Z", "d_raw": "01/03/2026 06:59", "e": "2026-03-01", "e_raw": nil, "f": nil, "f_raw": "mai", "flags": []string{"f_invalid"}}},
		{"bools", config.Mapping{Fields: fields{"b": {From: []string{"b"}, As: "bool"}, "c": {From: []string{"c"}, As: "bool"}}}, "phone=0900000000&b=không&c=có lẽ",
			map[string]any{"b": false, "b_raw": "không", "c": nil, "c_raw": "có lẽ", "flags": []string{"c_invalid"}}},
		{"a list as text", config.Mapping{Fields: fields{"l": {From: []string{"l"}, As: "text"}}}, "phone=0900000000&l=%5B%22a%22%2C%22b%22%5D", map[string]any{"l": "a, b"}},
		{"a second email", config.Mapping{Fields: fields{"email2": {From: []string{"e2"}, As: "email"}}}, "phone=0900000000&e2=B@Gmail.con", map[string]any{"email2": "B@gmail.con", "email2_raw": "B@Gmail.con", "email2_suggest": "B@gmail.com"}},
		{"dropped", config.Mapping{Drop: []string{"Ghi chú", "ip"}}, "phone=0900000000&ghi_chu=x&IP=203.0.113.7&b=1", map[string]any{"ghi_chu": nil, "ip": nil, "IP": nil, "b": "1"}},
		{"required", config.Mapping{Required: []string{"phone", "email", "Khóa học"}}, "phone=0900000000&Khóa học=x", map[string]any{"flags": []string{"missing_email"}}},
		{"computed", config.Mapping{Fields: fields{
			"total": {Expr: `one + 1`, As: "number"}, "one": {Expr: `number(gia) * 2`, As: "number"}, "text": {Expr: `2 * 3`}, "yes": {Expr: `"Toán" in mon`},
			"many": {Expr: `split(field("Danh sách"), ",")`}, "none": {Expr: `khong_co`}}}, "phone=0900000000&gia=1tr2&mon[]=Toán&mon[]=Văn&danh_sach=a,b",
			map[string]any{"one": 2400000.0, "total": 2400001.0, "text": "6", "yes": true, "many": []string{"a", "b"}, "none": nil, "flags": []string{}}},
		{"computed over a built-in", config.Mapping{Fields: fields{"phone": {Expr: `phone_kind == "invalid" ? field("sdt2") : phone`}}}, "phone=1&sdt2=0900000000",
			map[string]any{"phone": "+84900000000", "phone_local": "0900000000", "phone_sent": "1", "sdt2": "0900000000"}},
		{"a failing expression", config.Mapping{Fields: fields{"x": {Expr: `number(a) * 2`, As: "number"}}}, "phone=0900000000&a=nhiều", map[string]any{"x": nil, "a": "nhiều", "flags": []string{"x_error"}}},
		{"flags in an expression", config.Mapping{Fields: fields{"ok": {Expr: `not ("test_lead" in flags)`, As: "bool"}}}, "name=test&phone=0900000000", map[string]any{"ok": false}},
		{"consent elsewhere", config.Mapping{Fields: fields{"consent": {From: []string{"cam ket"}, As: "bool"}}}, "phone=0900000000&cam_ket=có", map[string]any{"consent": true, "consent_raw": "có", "consent_at": "2026-03-01T03:04:05Z"}},
		{"search follows name", config.Mapping{Fields: fields{"name": {Expr: `name + " B"`}}}, "name=Đỗ&phone=0900000000", map[string]any{"name": "Đỗ B", "search": "do b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, &tt.m, tt.body)
			for name, want := range tt.want {
				if got := r.Fields[name]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %#v, want %#v", name, got, want)
				}
			}
		})
	}
}

func TestConfiguredTime(t *testing.T) {
	m := &config.Mapping{Fields: map[string]config.Field{"message_time": {From: []string{"luc"}}}}
	if got := run(t, m, "phone=0900000000&luc=23/08/2022 14:48:05"); got.Occurred.Format("2006-01-02 15:04") != "2022-08-23 07:48" || got.Fields["message_time"] != "23/08/2022 14:48:05" {
		t.Errorf("occurred %s, %v", got.Occurred, got.Fields)
	}
}

func TestMappingWhere(t *testing.T) {
	m := &config.Mapping{Where: `phone != "" and not ("test_lead" in flags)`}
	transform, err := New("landing", m, nil)
	if err != nil {
		t.Fatal(err)
	}
	for body, passes := range map[string]bool{"phone=0900000000": true, "name=A": false, "name=test&phone=0900000000": false} {
		records, err := transform(fixture{body: body}.raw())
		rule, filtered := pipeline.IsFiltered(err)
		if passes != (err == nil && len(records) == 1) || !passes && (!filtered || rule != "transform.landing.where" || records != nil) {
			t.Errorf("%s: %d records, %v", body, len(records), err)
		}
	}
}

func TestKey(t *testing.T) {
	key := func(m *config.Mapping, body string) string { return run(t, m, body).Key }
	m := &config.Mapping{Key: []string{"phone", "form"}}
	a := key(m, "phone=0900000000&ladi_form_id=FORM1")
	if a != key(m, "name=A&phone=%2B84900000000&ladi_form_id=FORM1&status_send=2") {
		t.Error("a capture and its submit are two rows")
	}
	if len(a) > pipeline.MaxID || strings.Contains(a, "900000000") || a == "raw-1" {
		t.Errorf("the key is %q", a)
	}
	for _, other := range []string{"phone=0900000001&ladi_form_id=FORM1", "phone=0900000000&ladi_form_id=FORM2", "phone=0900000000"} {
		if key(m, other) == a {
			t.Errorf("%s shares the row", other)
		}
	}
	for _, lacking := range []string{"ladi_form_id=FORM1", "phone=1&ladi_form_id=FORM1", "name=A"} {
		if got := key(m, lacking); got != "raw-1" {
			t.Errorf("%s: the key is %q, want a row of its own", lacking, got)
		}
	}
	dropped := &config.Mapping{Key: []string{"phone", "form"}, Drop: []string{"ladi_form_id"}}
	if key(dropped, "phone=0900000000&ladi_form_id=FORM1") == a {
		t.Error("a dropped field is part of the key")
	}
	if got := key(&config.Mapping{Key: []string{"form"}}, "phone=0900000000"); got != "raw-1" {
		t.Errorf("nothing to tell rows by, and the key is %q", got)
	}
	if a == key(&config.Mapping{Key: []string{"form", "phone"}}, "phone=0900000000&ladi_form_id=FORM1") {
		t.Error("another setting shares the row")
	}
}

func TestMappingErrors(t *testing.T) {
	m := &config.Mapping{
		Kind: "a b",
		Key:  []string{"phnoe", ""},
		Fields: map[string]config.Field{
			"a":      {From: []string{"x"}, As: "phone"},
			"b":      {},
			"c":      {From: []string{"x"}, Expr: "1"},
			"d":      {Expr: `utm_sorce == "fb"`},
			"e":      {Expr: `1 +`},
			"f":      {Expr: `consent == "yes"`},
			"g":      {Expr: `h`},
			"h":      {Expr: `g`},
			"i":      {From: []string{"otp_code"}},
			"j":      {From: []string{"***"}},
			"source": {From: []string{"x"}},
			"flags":  {Expr: "1"},
			" k":     {From: []string{"x"}},
			"l":      {From: []string{"x"}, As: "number"},
			"l_raw":  {From: []string{"x"}},
		},
		Drop:     []string{"x", "flags", ""},
		Required: []string{"emial"},
		Where:    `phone`,
	}
	_, err := New("landing", m, nil)
	var settings []string
	for _, e := range Errors(err) {
		settings = append(settings, e.Setting)
		if e.Error() == "" || errors.Unwrap(e) == nil {
			t.Errorf("%s says nothing", e.Setting)
		}
	}
	want := []string{"drop[0]", "drop[1]", "drop[2]", `fields." k"`, "fields.a.as", "fields.b", "fields.c", "fields.d.expr", "fields.e.expr", "fields.f.expr", "fields.flags",
		"fields.g.expr", "fields.i.from[0]", "fields.j.from[0]", "fields.l_raw", "fields.source", "key[0]", "key[1]", "kind", "required[0]", "where"}
	if !reflect.DeepEqual(settings, want) {
		t.Errorf("got  %q\nwant %q\n%v", settings, want, err)
	}
	for _, words := range []string{"did you mean phone?", "did you mean utm_source?", "did you mean email?", `"phone" is no type`} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("nothing says %q in\n%v", words, err)
		}
	}
	if Errors(nil) != nil {
		t.Error("no error is some error")
	}
}
