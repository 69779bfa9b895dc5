package transform

import (
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// typicalForm and typicalJSON are leads as a browser and as LadiPage's servers
// send them, of the usual size.
const typicalForm = "name=Nguy%E1%BB%85n%20V%C4%83n%20A&phone=0900000000&email=a.nguyen%40example.com&Khóa học=%5B%22IELTS%22%2C%22TOEIC%22%5D" +
	"&form_item3209=T%C3%B4i%20mu%E1%BB%91n%20b%C3%A1o%20gi%C3%A1%20qua%20%C4%91i%E1%BB%87n%20tho%E1%BA%A1i" +
	"&link=https%3A%2F%2Fkhoahoc.example.vn%2Fielts%3Futm_source%3D120208585133120157%26utm_medium%3Dcpc%26utm_campaign%3DTS-K27%26fbclid%3DIwAR0x3kPq9" +
	"&utm_source=120208585133120157&utm_medium=cpc&utm_campaign=TS-K27&i_agree_terms_and_conditions=T%C3%B4i%20%C4%91%E1%BB%93ng%20%C3%BD"

const typicalJSON = `{"name":"Trần Thị B","phone":"+84900000000","email":"","state":"Hà Nội","district":"Quận Cầu Giấy","ward":"Phường Dịch Vọng",` +
	`"form_item3209":"Tôi muốn báo giá qua điện thoại","link":"https://khoahoc.example.vn/ielts","utm_source":"fb","utm_medium":"cpc",` +
	`"utm_campaign":"TS-K27","variant_url":"","IP":"203.0.113.7","ladi_form_id":"FORM33","message_time":"23/08/2022 14:48:05",` +
	`"is_verified":"false","status_send":"capture","user-agent":"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36","fbc":"fb.1.1700000000000.IwAR0x","fbq":"fb.1.1700000000000.123","event_id":"ladi.1700000000000.12345678901"}`

func BenchmarkLadiPage(b *testing.B) {
	received := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	raws := []struct {
		name string
		raw  pipeline.Raw
	}{
		{"urlencoded", pipeline.Raw{ID: "1", Source: "landing", Format: ladipageForm, Received: received, Body: []byte(typicalForm), Meta: map[string]string{
			"content_type": "application/x-www-form-urlencoded", "origin": "https://khoahoc.example.vn", "client_ip": "203.0.113.7", "user_agent": "Mozilla/5.0"}}},
		{"json", pipeline.Raw{ID: "2", Source: "landing", Format: ladipageForm, Received: received, Body: []byte(typicalJSON), Meta: map[string]string{
			"content_type": "application/json"}}},
	}
	mapping := &config.Mapping{
		Key: []string{"phone", "form"},
		Fields: map[string]config.Field{
			"phone": {From: []string{"phone", "sdt", "Số điện thoại"}, As: "phone_vn"},
			"name":  {From: []string{"name", "ho_ten", "Họ và tên"}, As: "text"},
			"score": {Expr: `utm_source == "fb" ? 2 : 1`, As: "number"},
		},
	}
	for _, m := range []struct {
		name    string
		mapping *config.Mapping
	}{{"builtin", nil}, {"configured", mapping}} {
		t, err := New("landing", m.mapping, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range raws {
			b.Run(m.name+"/"+r.name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(r.raw.Body)))
				for b.Loop() {
					if _, err := t(r.raw); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

func BenchmarkParts(b *testing.B) {
	text := strings.Repeat("Tôi muốn báo giá qua điện thoại ", 3)
	text = strings.TrimSpace(text)
	b.Run("clean", func(b *testing.B) {
		for b.Loop() {
			clean(text)
		}
	})
	b.Run("foldSearch", func(b *testing.B) {
		for b.Loop() {
			foldSearch("Nguyễn Thị Thanh Hương")
		}
	})
	b.Run("phone", func(b *testing.B) {
		for b.Loop() {
			parsePhone("+84 (0)900 000 000", false)
		}
	})
}
