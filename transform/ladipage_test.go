package transform

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"mekong/config"
	"mekong/pipeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	urlencoded = "application/x-www-form-urlencoded"
	jsonType   = "application/json"
)

var received = time.Date(2026, 3, 1, 3, 4, 5, 0, time.UTC)

// a multipart body as a browser writes it.
const multipartBody = "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n" +
	"Content-Disposition: form-data; name=\"name\"\r\n\r\nLê Văn C\r\n" +
	"------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n" +
	"Content-Disposition: form-data; name=\"Số điện thoại\"\r\n\r\n0900 000 000\r\n" +
	"------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n" +
	"Content-Disposition: form-data; name=\"Lời nhắn\"\r\n\r\ndòng một\r\n\r\ndòng  hai \r\n" +
	"------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n" +
	"Content-Disposition: form-data; name=\"link\"\r\n\r\nhttps://www.Example.vn/Khoa-Hoc/?gclid=Cj0abc&utm_source=google\r\n" +
	"------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n"

type fixture struct {
	name, contentType, body string
	meta                    map[string]string
	mapping                 *config.Mapping
}

func browser() map[string]string {
	return map[string]string{
		"origin": "https://khoahoc.example.vn", "referer": "https://khoahoc.example.vn/", "user_agent": "Mozilla/5.0 (Linux; Android 10; K)",
		"client_ip": "203.0.113.9", "path": "/in/landing",
	}
}

// The fixtures of `sources.md` §1.5 and every variant §1.2 to §1.6 describe.
func fixtures() []fixture {
	const pathA = "name=Nguy%E1%BB%85n%20V%C4%83n%20A&phone=0900000000&email=a%40example.com&Khóa học=%5B%22IELTS%22%2C%22TOEIC%22%5D&link=https%3A%2F%2Fkhoahoc.example.vn%2Fielts%3Futm_source%3D120208585133120157%26fbclid%3DIwAR0x&utm_source=120208585133120157"
	const pathB = `{"name":"Trần Thị B","phone":"+84900000000","email":"","state":"Hà Nội","district":"Quận Cầu Giấy","ward":"Phường Dịch Vọng",
 "form_item3209":"Tôi muốn báo giá qua điện thoại","link":"https://khoahoc.example.vn/ielts","utm_source":"fb","utm_medium":"cpc",
 "utm_campaign":"TS-K27","variant_url":"","IP":"203.0.113.7","ladi_form_id":"FORM33","message_time":"23/08/2022 14:48:05",
 "is_verified":"false","status_send":"capture","user-agent":"Mozilla/5.0 …","fbc":"fb.1.…","fbq":"fb.1.…","event_id":"ladi.1700000000000.12345678901"}`
	own := `{"form_config_id":"0123456789abcdef01234567","ladi_form_id":"FORM33","ladipage_id":"0123456789abcdef01234568",
 "tracking_form":[{"name":"url_page","value":"https://khoahoc.example.vn/ielts?utm_source=fb"},{"name":"utm_source","value":"fb"},{"name":"utm_medium","value":""},{"name":"variant_url","value":""}],
 "form_data":[{"name":"name","value":"Nguyễn Văn A"},{"name":"phone","value":"0900000000"},{"name":"form_item175","value":["Lựa chọn 1","Lựa chọn 2"]},
  {"name":"gclid_field","value":"Cj0"},{"name":"i_agree_terms_and_conditions","value":["Tôi đồng ý"]},{"name":"coupon","value":"","is_ladipage":true},
  {"name":"cart_products","value":["46765:1:899000::|Tên SP|282:Giảm:799000"],"is_ladipage":true},{"name":"cart_revenue","value":8789000,"is_ladipage":true}],
 "data_key":null,"status_send":2,"merge_address":false,"total_revenue":0,"time_zone":7,"event_id":"ladi.1.2"}`
	return []fixture{
		{name: "path-a-urlencoded", contentType: urlencoded, body: pathA, meta: browser()},
		{name: "path-a-nfd", contentType: urlencoded, body: norm.NFD.String("Họ và tên=Nguyễn Văn Hòa&Số điện thoại=0900000000&Khóa học=Tiếng Anh"), meta: browser()},
		{name: "path-a-half-decomposed", contentType: urlencoded, body: "Họ va\u0300 tên=Nguyê\u0303n Thu\u0323y&Sô\u0301 đi\u00ea\u0323n thoa\u0323i=0900000000", meta: browser()},
		{name: "path-a-json", contentType: jsonType, body: `{"name":"Nguyễn Văn A","phone":"84900000000","form_item12":"[\"Sáng\",\"Chiều\"]","link":"https://khoahoc.example.vn/ielts?ttclid=E.C.P.1&zarsrc=30&ref=ban-be"}`, meta: browser()},
		{name: "path-a-multipart", contentType: "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", body: multipartBody, meta: browser()},
		{name: "path-a-multipart-no-boundary", contentType: "multipart/form-data", body: multipartBody, meta: browser()},
		{name: "path-a-multipart-as-urlencoded", contentType: urlencoded, body: multipartBody, meta: browser()},
		{name: "path-a-wrong-type", contentType: "text/plain", body: pathA, meta: browser()},
		{name: "path-a-semicolon-percent", contentType: urlencoded, body: "Tên; họ=A&Giảm 50% (có/không)=c%C3%B3&phone=0900000000&ghi chú=100%", meta: browser()},
		{name: "path-a-plus-unencoded", contentType: urlencoded, body: "name=A&phone=+84900000000", meta: browser()},
		{name: "path-a-lost-zero", contentType: urlencoded, body: "name=A&phone=900000000", meta: browser()},
		{name: "path-a-address-ids", contentType: urlencoded, body: "phone=0900000000&country=VN%3AVi%E1%BB%87t%20Nam&state=24%3AH%C3%A0%20N%E1%BB%99i&district=005%3AQu%E1%BA%ADn%20C%E1%BA%A7u%20Gi%E1%BA%A5y&ward=00166%3AD%E1%BB%8Bch%20V%E1%BB%8Dng", meta: browser()},
		{name: "path-a-unfilled-boxes", contentType: urlencoded, body: "name=B%C3%ACnh&phone=0900000000&M%C3%B4n=&i_agree_terms_and_conditions=", meta: browser()},
		{name: "path-a-consent", contentType: urlencoded, body: "name=B%C3%ACnh&phone=0900000000&ladi_form_id=FORM2&i_agree_terms_and_conditions=%5B%22T%C3%B4i%20%C4%91%E1%BB%93ng%20%C3%BD%20%C4%91i%E1%BB%81u%20kho%E1%BA%A3n%20v2%22%5D&link=https%3A%2F%2Fkhoahoc.example.vn%2Fielts", meta: browser()},
		{name: "path-a-no-link", contentType: urlencoded, body: "phone=0900000000", meta: browser()},
		{name: "path-a-repeated", contentType: urlencoded, body: "phone=0900000000&phone=0900000000&mon[]=To%C3%A1n&mon[]=V%C4%83n&name=A&name=B&Name=C", meta: browser()},
		{name: "path-b-json", contentType: jsonType, body: pathB},
		{name: "path-b-urlencoded", contentType: urlencoded, body: "name=Tr%E1%BA%A7n%20Th%E1%BB%8B%20B&phone=0900000000&IP=203.0.113.7&ladi_form_id=FORM33&message_time=2022-08-23%2014%3A48%3A05&is_verified=true&otp_code=482913&status_send=2",
			meta: map[string]string{"client_ip": "198.51.100.1", "user_agent": "LadiPage"}},
		{name: "path-b-submitted", contentType: jsonType, body: strings.Replace(pathB, `"capture"`, `"2"`, 1)},
		{name: "path-b-otp-pending", contentType: jsonType, body: `{"phone":"0900000000","is_verified":"false","otp_code":"482913","status_send":"1","link":"https://khoahoc.example.vn/cam-on?phone=0900000000&otp_code=482913&utm_source=fb"}`},
		{name: "path-b-bad-time", contentType: jsonType, body: `{"phone":"0900000000","message_time":"hôm qua"}`},
		{name: "path-b-future-time", contentType: jsonType, body: `{"phone":"0900000000","message_time":"2027-01-01 00:00:00"}`},
		{name: "vietnamese-labels", contentType: jsonType, body: `{"Họ và tên":"Đỗ Thị Ánh","Số điện thoại":"0900.000.000","Email":"anh@Example.COM."}`},
		{name: "wrapper-fields", contentType: jsonType, body: `{"submission_id":"s-1","fields":[{"name":"Họ và tên","value":"Nguyễn Văn A"},{"name":"SĐT","value":"0900000000"},{"name":"Môn","value":["Toán","Văn"]}]}`},
		{name: "wrapper-data", contentType: jsonType, body: `{"data":{"fullname":"Nguyễn Văn A","mobile":"0900000000","note":"x"}}`},
		{name: "wrapper-form", contentType: jsonType, body: `{"form":{"fields":{"ho_ten":"Nguyễn Văn A","sdt":"0900000000"}},"submission_id":"s-2"}`},
		{name: "wrapper-brackets", contentType: urlencoded, body: "data[name]=A&data[phone]=0900000000&data[otp_code]=482913"},
		{name: "ladipage-own", contentType: jsonType, body: own},
		{name: "auto-funnel-link", contentType: urlencoded, body: "phone=0900000000&link=https%3A%2F%2Fwww.example.vn%2FCam-On%2F%3Fname%3DA%26phone%3D0900000000%26utm_source%3Dzalo%26utm_source%3Dfb%23top", meta: browser()},
		{name: "phone-invalid", contentType: urlencoded, body: "name=A&phone=03582402952", meta: browser()},
		{name: "phone-legacy", contentType: urlencoded, body: "name=A&phone=01691234567", meta: browser()},
		{name: "phone-foreign", contentType: jsonType, body: `{"name":"A","phone":"+1 (202) 555-0123"}`},
		{name: "phone-missing", contentType: urlencoded, body: "name=A&email=a%40gmail.con", meta: browser()},
		{name: "test-lead", contentType: urlencoded, body: "name=Test%20form&phone=0987654321", meta: browser()},
		{name: "junk", contentType: urlencoded, body: "name=https%3A%2F%2Fspam.example%2F&phone=0900000001", meta: browser()},
		{name: "reserved-names", contentType: jsonType, body: `{"phone":"0900000000","search":"x","flags":"y","page":"z","source":"s","kind":"k","phone_kind":"p","data":"d","":"nameless"}`},
		{name: "body-text", contentType: "text/plain", body: "gọi lại cho tôi số 0900000000 nhé"},
		{name: "raw-ampersand", contentType: urlencoded, body: "phone=0900000000&note=Toán & Văn", meta: browser()},
		{name: "body-empty", contentType: urlencoded, body: ""},
		{name: "body-binary", contentType: "application/octet-stream", body: "\x00\x01\x02\x03\xff\xfe\xfd\xfcabc"},
		{name: "body-legacy-encoding", contentType: urlencoded, body: "name=Nguy\xfan A&phone=0900000000"},
		{name: "body-cut-off", contentType: jsonType, body: `{"name":"Nguyễn Văn A","phone":"0900000000","note":"cắt gi`},
		{name: "configured", contentType: urlencoded, body: "S%E1%BB%91%20PH%20=0900000000&phone=0900000001&Ng%C3%A0y%20sinh=23%2F08%2F2010&H%E1%BB%8Dc%20ph%C3%AD=1tr2&C%C3%B3%20m%C3%A1y=c%C3%B3&M%C3%B4n=To%C3%A1n%2C%20V%C4%83n&Bi%E1%BA%BFt%20qua=fb&M%C3%A3=%20x%20&b%E1%BB%8F=1&utm_source=fb", meta: browser(),
			mapping: &config.Mapping{
				Kind: "hoc-vien", Key: []string{"phone", "form"}, Drop: []string{"Bỏ", "user_agent"}, Required: []string{"phone", "email"}, Where: `phone != ""`,
				Fields: map[string]config.Field{
					"phone":       {From: []string{"Số PH", "phone"}, As: "phone_vn"},
					"student":     {From: []string{"phone"}, As: "phone_vn"},
					"birthday":    {From: []string{"ngay_sinh"}, As: "date"},
					"fee":         {From: []string{"hoc phi"}, As: "number"},
					"has_machine": {From: []string{"Có máy"}, As: "bool"},
					"subjects":    {From: []string{"Môn"}, As: "list"},
					"code":        {From: []string{"Mã"}, As: "raw"},
					"score":       {Expr: `utm_source == "fb" and fee > 1000000 ? 2 : 1`, As: "number"},
					"label":       {Expr: `upper(field("Biết qua")) + "-" + string(score)`},
				},
			}},
	}
}

func (f fixture) raw() pipeline.Raw {
	meta := map[string]string{}
	for k, v := range f.meta {
		meta[k] = v
	}
	meta["content_type"] = f.contentType
	return pipeline.Raw{ID: "raw-1", Source: "landing", Format: ladipageForm, Received: received, Meta: meta, Body: []byte(f.body)}
}

func (f fixture) records(t *testing.T) []pipeline.Record {
	t.Helper()
	transform, err := New("landing", f.mapping, nil)
	if err != nil {
		t.Fatal(err)
	}
	records, err := transform(f.raw())
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGolden(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			got := encode(t, f.records(t))
			path := filepath.Join("testdata", f.name+".golden.json")
			seen[filepath.Base(path)] = true
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s:\n%s", path, got)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if !seen[filepath.Base(path)] && len(seen) == len(fixtures()) {
			t.Errorf("%s belongs to no fixture", path)
		}
	}
}

// What the golden files must say, said where it can be read.
func TestFixturesMean(t *testing.T) {
	for _, tt := range []struct {
		fixture string
		want    map[string]any
	}{
		{"path-a-urlencoded", map[string]any{"phone": "+84900000000", "phone_local": "0900000000", "Khóa học": []string{"IELTS", "TOEIC"}, "utm_source": "120208585133120157",
			"fbclid": "IwAR0x", "page": "khoahoc.example.vn/ielts", "search": "nguyen van a", "ip": "203.0.113.9", "state": "submitted", "flags": []string{}}},
		{"path-a-nfd", map[string]any{"name": "Nguyễn Văn Hòa", "phone": "+84900000000", "Khóa học": "Tiếng Anh", "Họ và tên": nil}},
		{"path-a-half-decomposed", map[string]any{"name": "Nguyễn Thụy", "phone": "+84900000000"}},
		{"path-a-multipart-no-boundary", map[string]any{"phone": "+84900000000", "Lời nhắn": "dòng một\n\ndòng hai", "gclid": "Cj0abc", "page": "example.vn/khoa-hoc"}},
		{"path-a-plus-unencoded", map[string]any{"phone": "+84900000000", "phone_raw": "84900000000"}},
		{"path-a-lost-zero", map[string]any{"phone": "+84900000000", "phone_raw": "900000000"}},
		{"path-a-address-ids", map[string]any{"province": "Hà Nội", "district": "Quận Cầu Giấy", "ward": "Dịch Vọng", "country": "Việt Nam", "state": "submitted"}},
		{"path-a-unfilled-boxes", map[string]any{"consent": false, "consent_at": nil, "Môn": nil}},
		{"path-a-consent", map[string]any{"consent": true, "consent_text": "Tôi đồng ý điều khoản v2", "consent_form": "FORM2", "consent_page": "khoahoc.example.vn/ielts", "consent_at": "2026-03-01T03:04:05Z"}},
		{"path-a-repeated", map[string]any{"name": "A", "name_sent": []string{"A", "B"}, "Name": "C", "phone_raw": "0900000000", "phone_sent": nil, "mon": []string{"Toán", "Văn"}}},
		{"path-b-json", map[string]any{"phone": "+84900000000", "state": "captured", "province": "Hà Nội", "form": "FORM33", "ip": "203.0.113.7", "email": nil}},
		{"path-b-urlencoded", map[string]any{"state": "verified", "otp_code": nil, "ip": "203.0.113.7", "user_agent": nil}},
		{"path-b-otp-pending", map[string]any{"state": "captured", "link": "https://khoahoc.example.vn/cam-on?phone=0900000000&otp_code=&utm_source=fb"}},
		{"vietnamese-labels", map[string]any{"name": "Đỗ Thị Ánh", "search": "do thi anh", "email": "anh@example.com"}},
		{"wrapper-fields", map[string]any{"submission_id": "s-1", "name": "Nguyễn Văn A", "phone": "+84900000000", "Môn": []string{"Toán", "Văn"}}},
		{"wrapper-brackets", map[string]any{"name": "A", "phone": "+84900000000"}},
		{"ladipage-own", map[string]any{"link": "https://khoahoc.example.vn/ielts?utm_source=fb", "form_item175": []string{"Lựa chọn 1", "Lựa chọn 2"}, "consent_text": "Tôi đồng ý", "cart_revenue": "8789000", "state": "submitted"}},
		{"phone-invalid", map[string]any{"phone": nil, "phone_raw": "03582402952", "phone_kind": "invalid", "flags": []string{"phone_invalid"}}},
		{"phone-foreign", map[string]any{"phone": "+12025550123", "phone_kind": "foreign"}},
		{"phone-missing", map[string]any{"email": "a@gmail.con", "email_suggest": "a@gmail.com"}},
		{"body-text", map[string]any{"body": "gọi lại cho tôi số 0900000000 nhé", "flags": []string{"bare_name", "body_not_understood", "phone_missing"}}},
		{"raw-ampersand", map[string]any{"phone": "+84900000000", "note": "Toán", "unnamed": []string{"Văn"}}},
		{"body-empty", map[string]any{"flags": []string{"body_not_understood", "phone_missing"}}},
		{"configured", map[string]any{"phone": "+84900000000", "student": "+84900000001", "birthday": "2010-08-23", "fee": 1200000.0, "has_machine": true,
			"subjects": []string{"Toán", "Văn"}, "code": " x ", "score": 2.0, "label": "FB-2", "user_agent": nil, "bỏ": nil}},
	} {
		var found bool
		for _, f := range fixtures() {
			if f.name != tt.fixture {
				continue
			}
			found = true
			fields := f.records(t)[0].Fields
			for name, want := range tt.want {
				if got := fields[name]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %s is %#v, want %#v", tt.fixture, name, got, want)
				}
			}
		}
		if !found {
			t.Errorf("no fixture %s", tt.fixture)
		}
	}
}

func TestOccurred(t *testing.T) {
	for _, tt := range []struct{ fixture, want string }{
		{"path-b-json", "2022-08-23T07:48:05Z"},
		{"path-b-urlencoded", "2022-08-23T07:48:05Z"},
		{"path-b-bad-time", "2026-03-01T03:04:05Z"},
		{"path-b-future-time", "2026-03-01T03:04:05Z"},
		{"path-a-urlencoded", "2026-03-01T03:04:05Z"},
	} {
		for _, f := range fixtures() {
			if f.name == tt.fixture {
				if got := f.records(t)[0].Occurred.Format(time.RFC3339); got != tt.want {
					t.Errorf("%s occurred %s, want %s", tt.fixture, got, tt.want)
				}
			}
		}
	}
}

// The code must be nowhere, however it came.
func TestOneTimePasswordIsDropped(t *testing.T) {
	transform, err := New("landing", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		"phone=0900000000&otp_code=482913",
		"phone=0900000000&OTP Code=482913&M%C3%A3 OTP=482913&otp=482913",
		`{"phone":"0900000000","otp_code":"482913"}`,
		`{"phone":"0900000000","otp_code":482913}`,
		`{"data":{"otp_code":"482913"}}`,
		`{"fields":[{"name":"otp_code","value":"482913"}]}`,
		`{"answers":{"otp_code":"482913"}}`,
		`{"answers":[{"name":"otp_code","value":"482913"}]}`,
		`{"answers":"{\"otp_code\":\"482913\"}"}`,
		"fields[otp_code]=482913",
		"link=https%3A%2F%2Fexample.vn%2F%3Fotp_code%3D482913",
		"link=https%3A%2F%2Fexample.vn%2F%3Fu%3Dhttps%253A%252F%252Fexample.vn%252F%253Fotp_code%253D482913",
		`{"otp_code":"482913`,
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08otp_code=482913",
		"note=otp_code 482913",
		"otp_code: 482913",
	} {
		raw := pipeline.Raw{ID: "1", Format: ladipageForm, Received: received, Body: []byte(body),
			Meta: map[string]string{"referer": "https://example.vn/?otp_code=482913", "content_type": jsonType}}
		records, err := transform(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(t, records); bytes.Contains(got, []byte("482913")) {
			t.Errorf("%q: the code is in\n%s", body, got)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	transform, err := New("landing", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transform(pipeline.Raw{Format: "smoke.signal"}); !pipeline.IsPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

// A body made to be slow, or to lose something by being large.
func TestHostileSizes(t *testing.T) {
	same := strings.Builder{} // names that are one and the same once clean
	for i := range 1900 {
		same.WriteString("a" + strings.Repeat("%E2%80%8B", i%40) + strings.Repeat("\u200c", i/40) + "=" + strings.Repeat("x", i%7) + "y&")
	}
	many := strings.Builder{}
	for i := range 3000 {
		many.WriteString("f" + strings.Repeat("i", i) + "=1&")
	}
	for name, body := range map[string]string{
		"same names": same.String(), "many fields": many.String(), "a long name": strings.Repeat("n", 900<<10) + "=1", "a long value": "name=" + strings.Repeat("é ", 400<<10),
		"marks": "name=a" + strings.Repeat("\u0301", 200<<10), "digits": "phone=" + strings.Repeat("0", 900<<10), "brackets": "x=" + strings.Repeat("[", 900<<10),
		"otp": "x=" + strings.Repeat("otp_code", 100<<10), "params": "link=https://a.vn/?" + strings.Repeat("utm_source=1%26", 50<<10), "commas": "phone=" + strings.Repeat("+1,", 300<<10),
		"text": strings.Repeat("gọi lại ", 100<<10),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			r := fixture{contentType: urlencoded, body: body}.records(t)[0]
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			switch text, _ := r.Fields["body"].(string); name {
			case "same names":
				if len(r.Fields) < 1900 {
					t.Errorf("%d fields left", len(r.Fields))
				}
			case "many fields", "text":
				if text == "" || len(text) > maxBody || !slices.Contains(r.Fields["flags"].([]string), "body_truncated") {
					t.Errorf("%d bytes of the body are kept, flags %v", len(text), r.Fields["flags"])
				}
			}
		})
	}
}
