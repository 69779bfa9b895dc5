package form

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// show writes fields as name=value|value, lists with brackets.
func show(p Parsed) string {
	var out []string
	for _, f := range p.Fields {
		v := strings.Join(f.Values, "|")
		if f.List {
			v = "[" + v + "]"
		}
		out = append(out, f.Name+"="+v)
	}
	return strings.Join(out, " ; ")
}

const multipartBody = "------WebKitFormBoundaryAbC\r\n" +
	"Content-Disposition: form-data; name=\"Họ và tên\"\r\n\r\nNguyễn Văn A\r\n" +
	"------WebKitFormBoundaryAbC\r\n" +
	"Content-Disposition: form-data; name=\"phone\"\r\n\r\n+84900000000\r\n" +
	"------WebKitFormBoundaryAbC--\r\n"

func TestParse(t *testing.T) {
	const urlenc, js, multi = "application/x-www-form-urlencoded", "application/json", "multipart/form-data"
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	tests := []struct {
		name, header, body string
		kind               Kind
		want               string
		flags              []string
	}{
		// urlencoded
		{"plain", urlenc, "name=Nguy%E1%BB%85n%20V%C4%83n+A&phone=0900000000", URLEncoded, "name=Nguyễn Văn A ; phone=0900000000", nil},
		{"raw names", urlenc, "Khóa học=%5B%22IELTS%22%5D&Số điện thoại=0900000000", URLEncoded, `Khóa học=["IELTS"] ; Số điện thoại=0900000000`, nil},
		{"stray semicolon", urlenc, "Tên; họ=A&b=c;d", URLEncoded, "Tên; họ=A ; b=c;d", nil},
		{"stray percent", urlenc, "giảm 50%=có&b=100%&c=%zz&d=%4", URLEncoded, "giảm 50%=có ; b=100% ; c=%zz ; d=%4", []string{FlagBadEscape}},
		{"plus in a value", urlenc, "phone=+84900000000", URLEncoded, "phone= 84900000000", nil},
		{"repeated", urlenc, "a=1&b=2&a=3", URLEncoded, "a=1|3 ; b=2", nil},
		{"brackets", urlenc, "mon[]=1&mon[]=2&x=", URLEncoded, "mon[]=[1|2] ; x=", nil},
		{"bare name", urlenc, "a&b=1&&", URLEncoded, "a= ; b=1", []string{FlagBareName}},
		{"no name", urlenc, "=1&b=2", URLEncoded, "=1 ; b=2", []string{FlagUnnamed}},
		{"equals in a value", urlenc, "link=https://a.example/?x=1", URLEncoded, "link=https://a.example/?x=1", nil},
		{"final line end", "", "a=1\r\n", URLEncoded, "a=1", nil},
		{"byte order mark", urlenc, "\xef\xbb\xbfname=A", URLEncoded, "name=A", nil},
		{"invalid escape bytes", urlenc, "name=%ff5%25&b=1", URLEncoded, "name=%FF5%25 ; b=1", []string{FlagInvalidUTF8}},
		{"invalid raw bytes", urlenc, "name=Nguy\xfan A&b=50%25", URLEncoded, "name=Nguy%FAn A ; b=50%", []string{FlagInvalidUTF8}},
		{"text", "text/plain", "gọi lại cho tôi", URLEncoded, "gọi lại cho tôi=", []string{FlagBareName}},
		{"braces in a raw name", urlenc, "{tên}=A", URLEncoded, "{tên}=A", nil},
		{"json in a wrapper field", urlenc, "x=1&data=%7B%22name%22%3A%22A%22%7D", URLEncoded, "x=1 ; name=A", []string{FlagWrapped}},
		{"json in another field stays", urlenc, "cart=%7B%22a%22%3A1%7D", URLEncoded, `cart={"a":1}`, nil},
		{"long name", urlenc, strings.Repeat("x", 1025) + "=1", URLEncoded, strings.Repeat("x", 1025) + "=1", []string{FlagLongName}},

		// JSON
		{"flat", js, `{"name":"Trần Thị B","phone":"+84900000000","n":120208585133120157,"ok":true,"no":false,"nil":null,"f":1.50}`, JSON,
			"name=Trần Thị B ; phone=+84900000000 ; n=120208585133120157 ; ok=true ; no=false ; nil= ; f=1.50", nil},
		{"json under the wrong header", urlenc, ` {"name":"A"} `, JSON, "name=A", nil},
		{"json with mark", js, "\xef\xbb\xbf{\"name\":\"A\"}", JSON, "name=A", nil},
		{"escapes", js, `{"a":"\u0041\u1ec5\ud83d\ude00\n\"\\\/","\u0062":"\t"}`, JSON, "a=Aễ😀\n\"\\/ ; b=\t", nil},
		{"half a pair", js, `{"a":"\ud83dx"}`, JSON, `a=\ud83dx`, []string{FlagBadEscape}},
		{"lists", js, `{"a":["x","y"],"b":["z"],"c":[],"d":[1,true,null]}`, JSON, "a=[x|y] ; b=[z] ; c=[] ; d=[1|true|]", nil},
		{"nested stays text", js, `{"a": {"b": [1, "x y"]}, "c":[{"d": 1}]}`, JSON, `a={"b":[1,"x y"]} ; c=[{"d":1}]`, nil},
		{"wrappers", js, `{"data":{"form":{"name":"A"},"x":1},"form_data":[{"name":"phone","value":"0900000000"},{"name":"mon","value":["a","b"]}]}`, JSON,
			"name=A ; x=1 ; phone=0900000000 ; mon=[a|b]", nil},
		{"wrapper with a scalar", js, `{"data":"x","form":{},"fields":[]}`, JSON, "data=x ; form={} ; fields=[]", nil},
		{"pairs", js, `{"submission_id":"s1","fields":[{"name":"Họ và tên","value":"A"}]}`, JSON, "submission_id=s1 ; Họ và tên=A", nil},
		{"pairs on top", js, `[{"name":"a","value":"1"},{"name":"b","value":"2"}]`, JSON, "a=1 ; b=2", nil},
		{"one object in a list", js, `[{"a":"1"}]`, JSON, "a=1", nil},
		{"objects in a list", js, `[{"a":"1"},{"a":"2"}]`, JSON, `=[{"a":"1"}|{"a":"2"}]`, []string{FlagUnnamed}},
		{"repeated name", js, `{"a":"1","a":"2"}`, JSON, "a=1|2", nil},
		{"deep", js, `{"x":` + deep + `}`, JSON, "x=" + deep, []string{FlagTooDeep}},
		{"in a string", js, `"{\"a\":\"1\"}"`, JSON, "a=1", []string{FlagWrapped}},
		{"form in a string", js, `"a=1&b=2"`, URLEncoded, "a=1 ; b=2", []string{FlagWrapped}},
		{"percent-encoded json", urlenc, "%7B%22a%22%3A%221+2%22%7D=", JSON, "a=1 2", []string{FlagWrapped}},
		{"json and an equals sign", urlenc, `{"a":"1"}=`, JSON, "a=1", []string{FlagWrapped}},
		// JSON that is not quite
		{"raw line break", js, "{\"a\":\"x\ny\",\"b\":\"1\"}", JSON, "a=x\ny ; b=1", []string{FlagBadJSON}},
		{"comma behind the last", js, `{"a":"1",}`, JSON, "a=1", []string{FlagBadJSON}},
		{"comma missing", js, `{"a":1 ,"b":"2" "c":"3"}`, JSON, `a=1 ; b=2" "c":"3`, []string{FlagBadJSON}},
		{"quotes not escaped", js, `{"a":"he said "hi" twice","b":"1"}`, JSON, `a=he said "hi" twice ; b=1`, []string{FlagBadJSON}},
		{"phone not quoted", js, `{"phone":0900000000,"b":1}`, JSON, "phone=0900000000 ; b=1", []string{FlagBadJSON}},
		{"name not quoted", js, `{"a":"1", phone: 2}`, JSON, "a=1 ; =phone: 2}", []string{FlagUnnamed, FlagBadJSON}},
		{"cut off in a value", js, `{"name":"A","phone":"0900`, JSON, "name=A ; phone=0900", []string{FlagBadJSON}},
		{"cut off behind a name", js, `{"name":"A","phone"`, JSON, "name=A ; phone=", []string{FlagBadJSON}},
		{"value missing", js, `{"a":,"b":"1"}`, JSON, "a= ; b=1", []string{FlagBadJSON}},
		{"two objects", js, `{"a":"1"}{"a":"2"}`, JSON, `a=1 ; ={"a":"2"}`, []string{FlagUnnamed, FlagBadJSON}},
		{"json of another encoding", js, "{\"a\":\"Nguy\xfan 5%\"}", JSON, "a=Nguy%FAn 5%25", []string{FlagInvalidUTF8}},

		// multipart
		{"multipart", multi + "; boundary=----WebKitFormBoundaryAbC", multipartBody, Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000000", nil},
		{"no boundary in the header", multi, multipartBody, Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000000", []string{FlagNoBoundary}},
		{"another boundary in the header", multi + "; boundary=zzz", multipartBody, Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000000", []string{FlagNoBoundary}},
		{"multipart as urlencoded", urlenc, multipartBody, Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000000", []string{FlagNoBoundary}},
		{"bare line feeds", multi, strings.ReplaceAll(multipartBody, "\r\n", "\n"), Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000000", []string{FlagNoBoundary}},
		{"preamble", multi + "; boundary=----WebKitFormBoundaryAbC", "hello\r\n" + multipartBody, Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000000", nil},
		{"cut off", multi, multipartBody[:len(multipartBody)-36], Multipart, "Họ và tên=Nguyễn Văn A ; phone=+84900000", []string{FlagTruncated, FlagNoBoundary}},
		{"files and repeats", multi + "; boundary=b", "--b\r\ncontent-disposition: form-data; name=\"a[]\"\r\n\r\n1\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"a[]\"\r\n\r\n\r\n2\r\n\r\n--b\r\n" +
			"Content-Disposition: form-data; name=\"cv\"; filename=\"a \\\"b\\\".pdf\"\r\nContent-Type: application/pdf\r\n\r\n\x00\x01\xff--b\r\n--b\r\n" +
			"Content-Disposition: form-data; name*=UTF-8''t%C3%AAn\r\n\r\nx--b\r\n--b--", Multipart, "a[]=[1|\r\n2\r\n] ; cv=a \"b\".pdf ; tên=x--b", []string{FlagFile}},
		{"no file chosen", multi, "--b\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n", Multipart, "cv=", []string{FlagNoBoundary}},
		{"dashes that are a form", urlenc, "--a=1\n&b=2", URLEncoded, "--a=1\n ; b=2", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse(tt.header, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if p.Kind != tt.kind {
				t.Errorf("kind %q, want %q", p.Kind, tt.kind)
			}
			if got := show(p); got != tt.want {
				t.Errorf("fields\n got %q\nwant %q", got, tt.want)
			}
			if !reflect.DeepEqual(p.Flags, tt.flags) {
				t.Errorf("flags %q, want %q", p.Flags, tt.flags)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	noise := make([]byte, 600)
	for i := range noise {
		noise[i] = byte(i*i*7 + i*31 + i>>3)
	}
	for _, tt := range []struct {
		name string
		body []byte
		want error
	}{
		{"nothing", nil, ErrEmpty},
		{"white space", []byte(" \r\n\t"), ErrEmpty},
		{"a mark alone", []byte("\xef\xbb\xbf"), ErrEmpty},
		{"only separators", []byte("&&&"), ErrEmpty},
		{"an object of nothing", []byte("{}"), ErrEmpty},
		{"a list of nothing", []byte("[]"), ErrEmpty},
		{"zeros", make([]byte, 64), ErrBinary},
		{"noise", noise, ErrBinary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p, err := Parse("", tt.body); !errors.Is(err, tt.want) {
				t.Errorf("got %v (%q), want %v", err, show(p), tt.want)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	var body strings.Builder
	for i := range MaxFields + 5 {
		fmt.Fprintf(&body, "n%d=%d&", i, i)
	}
	body.WriteString("n7=again")
	p, err := Parse("", []byte(body.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Fields) != MaxFields || !reflect.DeepEqual(p.Flags, []string{FlagTooManyFields}) {
		t.Errorf("%d fields, flags %q", len(p.Fields), p.Flags)
	}
	if got := p.Fields[7].Values; !reflect.DeepEqual(got, []string{"7", "again"}) {
		t.Errorf("field 7 is %q", got)
	}
}

func TestParseSharesNothing(t *testing.T) {
	body := []byte(`name=A%20B&phone=0900000000`)
	p, err := Parse("", body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	p.Fields[0].Values = append(p.Fields[0].Values, "more")
	if got := show(p); got != "name=A B|more ; phone=0900000000" {
		t.Errorf("changed with the body: %q", got)
	}
}

func TestCanonical(t *testing.T) {
	drop := func(name string) bool { return name == "message_time" }
	canon := func(body string) string {
		p, err := Parse("", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return string(AppendCanonical(nil, p, drop))
	}
	base := canon("a=1&b=2&b=3&message_time=10")
	for _, same := range []string{"b=2&b=3&a=1", `{"message_time":"11","a":"1","b":["2","3"]}`} {
		if canon(same) != base {
			t.Errorf("%q differs from the base", same)
		}
	}
	for _, other := range []string{"a=1&b=3&b=2", "a=1&b=23", "a=1&b=2", "a=1b&=2&b=3", "a=1&b=2&b=3&c="} {
		if canon(other) == base {
			t.Errorf("%q is the same as the base", other)
		}
	}
}
