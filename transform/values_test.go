package transform

import (
	"reflect"
	"testing"
	"time"
)

func TestEmail(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want email
	}{
		{"a.b@Example.COM", email{address: "a.b@example.com"}},
		{"A.B@example.com.,", email{address: "A.B@example.com"}},
		{"<b@example.com>", email{address: "b@example.com"}},
		{"b@gmail.con", email{address: "b@gmail.con", suggest: "b@gmail.com"}},
		{"b@gmai.com", email{address: "b@gmai.com", suggest: "b@gmail.com"}},
		{"b@gmial.com", email{address: "b@gmial.com", suggest: "b@gmail.com"}},
		{"b@gmail.co", email{address: "b@gmail.co", suggest: "b@gmail.com"}},
		{"b@gnail.com", email{address: "b@gnail.com", suggest: "b@gmail.com"}},
		{"b@gmail.com.vn", email{address: "b@gmail.com.vn", suggest: "b@gmail.com"}},
		{"b@yaho.com", email{address: "b@yaho.com", suggest: "b@yahoo.com"}},
		{"b@hotmial.com", email{address: "b@hotmial.com", suggest: "b@hotmail.com"}},
		{"b@icloud.con", email{address: "b@icloud.con", suggest: "b@icloud.com"}},
		{"a@gmail.com", email{address: "a@gmail.com", filler: true}},
		{"b@xn--n8jub.example", email{address: "b@xn--n8jub.example"}},
		{"", email{}}, {"@", email{}}, {"b@", email{}}, {"@example.com", email{}}, {"b@example", email{}}, {"b c@example.com", email{}},
		{"b@exa mple.com", email{}}, {"b@-a.com", email{}}, {"b@a..com", email{}}, {"không có", email{}}, {"a@b@example.com", email{}},
	} {
		if got := parseEmail(tt.in); got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

func TestDate(t *testing.T) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ in, want string }{
		// `sources.md` §4.5, in its order.
		{"23/08/2022 14:48:05", "2022-08-23T07:48:05Z"},
		{"23/08/2022 14:48", "2022-08-23T07:48:00Z"},
		{"2020-01-18 10:38:45", "2020-01-18T03:38:45Z"},
		{"2020-01-18 10:38", "2020-01-18T03:38:00Z"},
		{"23/08/2022", "2022-08-23"},
		{"2022-08-23", "2022-08-23"},
		{"08/23/2022 14:48:05", "2022-08-23T07:48:05Z"},
		// A day keeps its date; a time before seven is the day before in UTC.
		{"01/03/2026", "2026-03-01"},
		{"01/03/2026 06:59", "2026-02-28T23:59:00Z"},
		{"1/3/2026", "2026-03-01"}, {"01-03-2026", "2026-03-01"}, {"01.03.2026", "2026-03-01"}, {"2026/3/1", "2026-03-01"},
		{"03/13/2026", "2026-03-13"},
		{"14:48:05 23/08/2022", "2022-08-23T07:48:05Z"}, {"14:48 23-08-2022", "2022-08-23T07:48:00Z"}, {"14:48, 23/08/2022", "2022-08-23T07:48:00Z"},
		{"23/08/2022 2:48:05 PM", "2022-08-23T07:48:05Z"}, {"23/08/2022 02:48 CH", "2022-08-23T07:48:00Z"}, {"23/08/2022 12:10 SA", "2022-08-22T17:10:00Z"},
		{"23/08/2022 14h48", "2022-08-23T07:48:00Z"},
		{"2022-08-23T14:48:05+07:00", "2022-08-23T07:48:05Z"}, {"2022-08-23T07:48:05Z", "2022-08-23T07:48:05Z"}, {"2022-08-23T07:48:05.25Z", "2022-08-23T07:48:05.25Z"},
		{"2022-08-23T14:48:05", "2022-08-23T07:48:05Z"}, {"2020-03-03 13:05:57 UTC", "2020-03-03T13:05:57Z"}, {"2022-08-23 14:48:05 +0700", "2022-08-23T07:48:05Z"},
		{"2022-08-23 14:48:05 GMT+7", "2022-08-23T07:48:05Z"}, {"2022-08-23T02:48:05-05:00", "2022-08-23T07:48:05Z"},
		{"1661240885", "2022-08-23T07:48:05Z"}, {"1661240885000", "2022-08-23T07:48:05Z"}, {"1661240885.5", "2022-08-23T07:48:05.5Z"}, {"1661240885000000", "2022-08-23T07:48:05Z"},
		{"20220823", "2022-08-23"}, {"20220823144805", "2022-08-23T07:48:05Z"},
		{"Tue Aug 23 2022 14:48:05 GMT+0700 (Indochina Time)", "2022-08-23T07:48:05Z"}, {"Tue, 23 Aug 2022 07:48:05 GMT", "2022-08-23T07:48:05Z"},
		{"29/02/2024", "2024-02-29"},
		{"29/02/2023", ""}, {"31/04/2022", ""}, {"00/01/2022", ""}, {"13/13/2022", ""}, {"23/08/22", ""}, {"23/08/2022 25:00", ""}, {"23/08/2022 14:60", ""},
		{"23/08/1022", ""}, {"hôm qua", ""}, {"", ""}, {"12", ""}, {"0900000000x", ""}, {"23/08-2022", ""}, {"2022-08-23 14:48:05 +99", ""}, {"14:48", ""}, {"/", ""}, {"99999999", ""},
	} {
		got, ok := formatDate(tt.in, loc)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q %v, want %q", tt.in, got, ok, tt.want)
		}
	}
	// A day stays that day wherever it is read.
	west := time.FixedZone("west", -11*3600)
	if got, _ := formatDate("23/08/2022", west); got != "2022-08-23" {
		t.Errorf("the day moved to %s", got)
	}
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want float64
		ok   bool
	}{
		{"1.290.000đ", 1290000, true}, {"299k", 299000, true}, {"1tr2", 1200000, true}, // `sources.md` §4.5
		{"1tr250", 1250000, true}, {"1,5 triệu", 1500000, true}, {"2 tỷ", 2e9, true}, {"2k5", 2500, true}, {"1.290.000 VNĐ", 1290000, true}, {"500.000 đồng", 500000, true},
		{"0", 0, true}, {"8", 8, true}, {"8.5", 8.5, true}, {"8,5", 8.5, true}, {"1.290", 1290, true}, {"0.125", 0.125, true}, {"1,290,000", 1290000, true},
		{"1.290,50", 1290.5, true}, {"1,290.50", 1290.5, true}, {"-3", -3, true}, {"+3", 3, true}, {"50%", 50, true}, {"8789000", 8789000, true},
		{"120208585133120157", 0, false}, // an ad ID is text
		{"", 0, false}, {"abc", 0, false}, {"1.2.3", 0, false}, {"1..2", 0, false}, {",5", 0, false}, {"5,", 0, false}, {"1e5", 0, false}, {"NaN", 0, false}, {"inf", 0, false}, {"0x10", 0, false}, {"1tr2tr", 0, false},
	} {
		got, ok := parseNumber(tt.in)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: %v %v, want %v %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestBool(t *testing.T) {
	for in, want := range map[string]bool{"true": true, "1": true, "Có": true, "Đồng ý": true, "on": true, "✓": true, "false": false, "0": false, "Không": false, "không đồng ý": false} {
		if got, ok := parseBool(in); !ok || got != want {
			t.Errorf("%q: %v %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "có lẽ", "2"} {
		if _, ok := parseBool(in); ok {
			t.Errorf("%q is taken for yes or no", in)
		}
	}
}

func TestList(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{`["IELTS","TOEIC"]`, []string{"IELTS", "TOEIC"}}, {`[]`, []string{}}, {`["a\"b", "c"]`, []string{`a"b`, "c"}},
		{`[1,120208585133120157,true,null]`, []string{"1", "120208585133120157", "true"}},
		{`[{"a":1}]`, nil}, {`["a"`, nil}, {`[a]`, nil}, {`["a"] x]`, nil}, {`[[1]]`, nil}, {``, nil},
	} {
		got, ok := jsonList(tt.in)
		if !reflect.DeepEqual(got, tt.want) || ok != (tt.want != nil) {
			t.Errorf("%q: %q %v, want %q", tt.in, got, ok, tt.want)
		}
	}
	if got := splitList(" Toán, Văn;Anh |\n"); !reflect.DeepEqual(got, []string{"Toán", "Văn", "Anh"}) {
		t.Errorf("splitList: %q", got)
	}
}

func TestLink(t *testing.T) {
	for in, want := range map[string]string{
		"https://www.Example.vn/Khoa-Hoc/?a=1#x": "example.vn/khoa-hoc", "http://example.vn": "example.vn", "//example.vn/a/": "example.vn/a",
		"example.vn/a?b": "example.vn/a", "https://u:p@example.vn/": "example.vn", "http://localhost:8080/x": "localhost:8080/x", "": "", "xin chào": "", "abc": "",
	} {
		if got := canonicalPage(in); got != want {
			t.Errorf("canonicalPage(%q) = %q, want %q", in, got, want)
		}
	}
	got := map[string]string{}
	eachParam("https://a.vn/?utm_source=120208585133120157&amp;gclid=x%2By+z&empty=&=1&utm_source=2&k%#f=1", func(name, value string) {
		if _, ok := got[name]; !ok {
			got[name] = decodeParam(value)
		}
	})
	if want := map[string]string{"utm_source": "120208585133120157", "gclid": "x+y z"}; !reflect.DeepEqual(got, want) {
		t.Errorf("eachParam: %v, want %v", got, want)
	}
	for name, at := range map[string]bool{"utm_source": true, "UTM_Source": true, "zarsrc": true, "": false, "utm_": false, "utm_other": false, "x": false} {
		if (paramIndex(name) >= 0) != at {
			t.Errorf("paramIndex(%q) = %d", name, paramIndex(name))
		}
	}
}

func TestTestLeadsAndJunk(t *testing.T) {
	for _, tt := range []struct {
		name, phone string
		test, junk  bool
	}{
		{"Nguyễn Văn An", "0912345678", false, false}, {"An", "0912345678", false, false}, {"Ẩn", "0912345678", true, false},
		{"test", "", true, false}, {"Lê Test", "", true, false}, {"LADITEST 2", "", true, false}, {"Contest", "", false, false}, {"Testa", "", false, false},
		{"A", "0987654321", true, false}, {"A", "0123456789", true, false}, {"A", "0000000000", true, false}, {"A", "0909090909", true, false},
		{"A", "0987765432", true, false}, {"A", "0912123321", true, false}, {"A", "0999999999", true, false}, {"A", "1111111111", true, false}, {"A", "0911111111", false, false},
		{"Mozilla/5.0 (X11)", "", false, true}, {"fb.1.1700000000000.1", "", false, true}, {"fb.x", "", false, false}, {"FORM33", "", false, true}, {"FORMOSA", "", false, false},
		{"ladi.170", "", false, true}, {"0900000000", "", false, true}, {"2f1c7b1e-8f0b-4f5e-9a57-0123456789ab", "", false, true}, {"https://a.example", "", false, true},
	} {
		if got := isTestLead(tt.name, foldSearch(tt.name), tt.phone); got != tt.test {
			t.Errorf("%q %q: test lead %v", tt.name, tt.phone, got)
		}
		if got := isJunkName(tt.name); got != tt.junk {
			t.Errorf("%q: junk %v", tt.name, got)
		}
	}
}

func TestWithoutOTP(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a=1&otp_code=482913&b=2", "a=1&otp_code=&b=2"},
		{"otp_code%3D482913%26b%3D2", "otp_code%3D%26b%3D2"},
		{`{"otp_code":"482913","name":"A"}`, `{"otp_code":"","name":"A"}`},
		{`{"otp_code":"","name":"A"}`, `{"otp_code":"","name":"A"}`},
		{`{\"otp_code\":\"482913\"}`, `{\"otp_code\":\"\"}`},
		{`{"name":"otp_code","value":"482913"}`, `{"name":"otp_code","value":""}`},
		{`{"name": "OTP-Code", "value": "48ab"}`, `{"name": "OTP-Code", "value": ""}`},
		{"my otp code did not come", "my otp code did not come"},
		{"otp_code=", "otp_code="}, {"otp", "otp"}, {"hotpot codes", "hotpot codes"},
		{"otp_code=1&otp_code=2", "otp_code=&otp_code="},
	} {
		if got := withoutOTP(tt.in); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}
