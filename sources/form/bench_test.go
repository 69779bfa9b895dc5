package form

import "testing"

const (
	benchURL = "name=Nguy%E1%BB%85n%20V%C4%83n%20A&phone=0900000000&email=a%40example.com&Khóa học=%5B%22IELTS%22%2C%22TOEIC%22%5D" +
		"&link=https%3A%2F%2Fkhoahoc.example.vn%2Fielts%3Futm_source%3D120208585133120157%26fbclid%3DIwAR0x&utm_source=120208585133120157" +
		"&utm_medium=cpc&utm_campaign=TS-K27&utm_term=&utm_content=video-3&form_item3209=T%C3%B4i%20mu%E1%BB%91n%20b%C3%A1o%20gi%C3%A1%20qua%20%C4%91i%E1%BB%87n%20tho%E1%BA%A1i"
	benchJSON = `{"name":"Trần Thị B","phone":"+84900000000","email":"","state":"Hà Nội","district":"Quận Cầu Giấy","ward":"Phường Dịch Vọng",` +
		`"form_item3209":"Tôi muốn báo giá qua điện thoại","link":"https://khoahoc.example.vn/ielts","utm_source":"fb","utm_medium":"cpc",` +
		`"utm_campaign":"TS-K27","variant_url":"","IP":"203.0.113.7","ladi_form_id":"FORM33","message_time":"23/08/2022 14:48:05",` +
		`"is_verified":"false","status_send":"capture","user-agent":"Mozilla/5.0","fbc":"fb.1.","fbq":"fb.1.","event_id":"ladi.1700000000000.12345678901"}`
)

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, body string }{{"urlencoded", benchURL}, {"json", benchJSON}, {"multipart", multipartBody}} {
		b.Run(bb.name, func(b *testing.B) {
			body := []byte(bb.body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("application/x-www-form-urlencoded", body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCanonical(b *testing.B) {
	p, err := Parse("", []byte(benchURL))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendCanonical(dst[:0], p, nil)
	}
}
