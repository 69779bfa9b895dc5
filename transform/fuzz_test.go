package transform

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/form"
)

// FuzzLadiPage throws bodies at the built-in mapping and at a configured one.
func FuzzLadiPage(f *testing.F) {
	for _, fx := range fixtures() {
		f.Add(fx.contentType, []byte(fx.body), "https://example.vn/?utm_source=fb&ref=x")
	}
	for _, body := range []string{
		"a=1&A=2&á=3&a[]=4", "phone=%00&name=%0a", "x=%E2%80%8B&y=%CC%81", `{"a":{"b":["c"]},"flags":["x"],"a_2":"y"}`, "&&==&=x", "[1,2,3]", `[{"name":"phone","value":["1","2"]}]`,
		"otp_code=1", `{"link":"?utm_source=%zz&otp_code=1","email":"@","message_time":"9999999999999"}`, "phone=0900000000,0900000001",
		"name=\xff\xfe&\xff=1", "phone_sent=1&phone=2&phone=3&unnamed=4&=5", "f=a%0D%0A%0Db%C2%85c", "phone=1%0A%0A2&name=a%0A%0Ab", "consent=không đồng ý&state=1:2:3",
	} {
		f.Add("", []byte(body), "")
	}
	mappings := []*config.Mapping{nil, {
		Key: []string{"phone", "x"}, Required: []string{"email"},
		Fields: map[string]config.Field{
			"x": {From: []string{"a", "note"}}, "phone": {From: []string{"phone", "b"}, As: "phone_vn"}, "n": {From: []string{"c"}, As: "number"},
			"d": {From: []string{"message_time", "d"}, As: "date"}, "l": {From: []string{"e"}, As: "list"}, "r": {From: []string{"f"}, As: "raw"},
			"t": {From: []string{"g"}, As: "text"}, "y": {From: []string{"h"}, As: "bool"}, "m": {From: []string{"i"}, As: "email"},
			"name": {Expr: `name + field("a")`}, "z": {Expr: `len(flags) > 1 ? x : [name, phone]`},
		},
	}}
	f.Fuzz(func(t *testing.T, contentType string, body []byte, referer string) {
		raw := pipeline.Raw{ID: "raw-1", Source: "landing", Format: ladipageForm, Received: received, Body: body,
			Meta: map[string]string{"content_type": contentType, "referer": referer, "client_ip": "203.0.113.9"}}
		kept := bytes.Clone(body)
		for _, m := range mappings {
			transform, err := New("landing", m, nil)
			if err != nil {
				t.Fatal(err)
			}
			first, err := transform(raw)
			if err != nil || len(first) != 1 {
				t.Fatalf("%d records, %v", len(first), err)
			}
			again, err := transform(raw)
			if err != nil || !reflect.DeepEqual(first, again) {
				t.Errorf("two runs differ: %v\n%v\n%v", err, first, again)
			}
			one, err1 := json.Marshal(first)
			two, err2 := json.Marshal(again)
			if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
				t.Errorf("the JSON of two runs differs: %v %v", err1, err2)
			}
			if !bytes.Equal(body, kept) {
				t.Fatal("the body was written to")
			}
			checkRecord(t, raw, first[0])
			checkNothingLost(t, raw, first[0])
		}
	})
}

// checkRecord holds a record to what pipeline.Record promises.
func checkRecord(t *testing.T, raw pipeline.Raw, r pipeline.Record) {
	t.Helper()
	if r.ID != raw.ID || r.Source != raw.Source || r.Kind == "" || len(r.Key) > pipeline.MaxID || !r.Received.Equal(raw.Received) || r.Occurred.After(raw.Received.Add(futureTolerance)) {
		t.Errorf("envelope %+v", r)
	}
	for name, v := range r.Fields {
		if name == "" || !utf8.ValidString(name) {
			t.Errorf("a field is called %q", name)
		}
		switch v := v.(type) {
		case nil, bool, float64:
		case string:
			if v == "" || !utf8.ValidString(v) {
				t.Errorf("%s is %q", name, v)
			}
		case []string:
			for _, s := range v {
				if !utf8.ValidString(s) {
					t.Errorf("%s holds %q", name, s)
				}
			}
		default:
			t.Errorf("%s is a %T", name, v)
		}
	}
	flags, ok := r.Fields["flags"].([]string)
	if !ok {
		t.Error("no flags")
	}
	for i := 1; i < len(flags); i++ {
		if flags[i-1] >= flags[i] {
			t.Errorf("flags %q are not sorted and unique", flags)
		}
	}
}

// checkNothingLost looks for every value that came in among what went out.
func checkNothingLost(t *testing.T, raw pipeline.Raw, r pipeline.Record) {
	t.Helper()
	parsed, err := form.Parse(raw.Meta["content_type"], raw.Body)
	if err != nil {
		return
	}
	secrets := mentionsOTP(raw.Body)
	var all []string
	for _, v := range r.Fields {
		all = append(all, cleanLine(asText(v)))
	}
	text := strings.Join(all, "\n")
	for _, f := range parsed.Fields {
		key := foldKey(f.Name)
		if isOTP([]byte(key)) || secrets && strings.Contains(asciiLower(f.Name), "otp") {
			continue
		}
		values := f.Values
		if len(values) == 1 && !f.List {
			if list, ok := jsonList(clean(values[0])); ok {
				values = list
			}
		}
		if key == "e" && len(values) == 1 {
			values = append(splitList(clean(values[0])), "") // declared a list by the mapping above
		}
		for _, v := range values {
			if secrets {
				v = withoutOTP(v)
			}
			v = cleanLine(v)
			if !strings.Contains(text, v) && !strings.Contains(text, withoutID(v)) {
				t.Errorf("%q of %q is lost in %v", v, f.Name, r.Fields)
			}
		}
	}
}

func FuzzNormalisers(f *testing.F) {
	for _, s := range []string{"+84 (0)912 345 678", "a@b.c", "23/08/2022 14:48", "1tr2", `["a"]`, "https://a.vn/?a=%", "12345678", "8000000000", "otp_code=1", "0000000000000000"} {
		f.Add(s)
	}
	loc := received.Location()
	f.Fuzz(func(t *testing.T, s string) {
		if p := parsePhone(s, true); p.e164 != "" {
			if q := parsePhone(p.e164, false); q.e164 != p.e164 {
				t.Errorf("phone %q is %s, and that is %s", s, p.e164, q.e164)
			}
			if q := parsePhone(p.local, false); q.e164 != p.e164 {
				t.Errorf("phone %q is %s, and that is %s", s, p.local, q.e164)
			}
		}
		if e := parseEmail(s); e.address != "" && parseEmail(e.address) != e {
			t.Errorf("email %q is %+v, and that is %+v", s, e, parseEmail(e.address))
		}
		if d, ok := formatDate(s, loc); ok {
			if again, _ := formatDate(d, loc); again != d {
				t.Errorf("date %q is %s, and that is %s", s, d, again)
			}
		}
		parseNumber(s)
		parseBool(s)
		jsonList(s)
		splitList(s)
		canonicalPage(s)
		eachParam(s, func(_, value string) { decodeParam(value) })
		if once := withoutOTP(s); withoutOTP(once) != once {
			t.Errorf("withoutOTP(%q) is %q, and that is %q", s, once, withoutOTP(once))
		}
	})
}

func FuzzWhere(f *testing.F) {
	for _, s := range []string{`phone != ""`, `any(flags, # > 1)`, `field("a") contains b`, `a ?? b`, `a?.b`, `[1,2][a]`, `{"a": 1}[b]`, `a | upper()`, `-a > !b`, `let x = a; x`, `a in b`, `1 in a`, `a[0:1] == ""`} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, expression, value string) {
		p, err := Where(expression)
		if err != nil {
			return
		}
		r := pipeline.Record{Fields: map[string]any{"a": value, "b": []string{value}, "phone": value, "c": 1.5, "d": nil}}
		one, err1 := p(r)
		two, err2 := p(r)
		if one != two || (err1 == nil) != (err2 == nil) {
			t.Errorf("%s: %v %v, then %v %v", expression, one, err1, two, err2)
		}
	})
}
