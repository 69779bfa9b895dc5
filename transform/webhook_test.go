package transform

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

type webhookFixture struct{ preset, contentType, body string }

var webhookFixtures = map[string]webhookFixture{
	"generic":        {"", jsonType, `{"id":"o-1","created_at":"2026-02-28T10:00:00+07:00","customer":{"name":"Nguyễn Văn A","phone":"0900 000 000","tags":["vip","hn"],"vip":true},"line_items":[{"name":"IELTS","price":1200000},{"name":"TOEIC","price":12345678901234567890}],"note":null}`},
	"flat":           {"", jsonType, `{"Họ và tên":"Trần Thị B","Số điện thoại":"0900000000","page":{"name":"Trang"},"customer":{"phone":"0900000001"}}`},
	"deep":           {"", jsonType, `{"payload":{"data":{"contact":{"email":"a@example.com","full_name":"Lê C"}}},"store":{"phone":"0900000009"}}`},
	"form":           {"", urlencoded, "name=A&phone=%2B84900000000&utm_source=fb"},
	"multipart":      {"", "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", multipartBody},
	"list":           {"", jsonType, `[{"sdt":"0900000000"},{"sdt":"0900000001"}]`},
	"text":           {"", "text/plain", "gọi lại 0900000000"},
	"facebook-lead":  {"facebook", jsonType, `{"object":"page","entry_id":"123","entry_time":1772334241,"change":{"field":"leadgen","value":{"leadgen_id":"44444444444444444","form_id":"55","page_id":"123","ad_id":"120208585133120157","adgroup_id":"66","created_time":1772334241}}}`},
	"facebook-full":  {"facebook", jsonType, `{"change":{"field":"leadgen","value":{"leadgen_id":"44","form_id":"55","created_time":1772334241,"field_data":[{"name":"full_name","values":["Nguyễn Văn A"]},{"name":"phone_number","values":["+84900000000"]},{"name":"Môn","values":["Toán","Văn"]}]}}}`},
	"facebook-chat":  {"facebook", jsonType, `{"messaging":{"sender":{"id":"u1"},"recipient":{"id":"123"},"timestamp":1772334241345,"message":{"mid":"m_1","text":"giá bao nhiêu?","referral":{"ref":"ads","ad_id":"120208585133120157"}}}}`},
	"facebook-echo":  {"facebook", jsonType, `{"messaging":{"sender":{"id":"123"},"recipient":{"id":"u1"},"timestamp":1772334241345,"message":{"mid":"m_2","is_echo":true,"attachments":[{"type":"image"}]}}}`},
	"facebook-read":  {"facebook", jsonType, `{"messaging":{"sender":{"id":"u1"},"recipient":{"id":"123"},"timestamp":1772334241345,"read":{"watermark":1}}}`},
	"facebook-tap":   {"facebook", jsonType, `{"messaging":{"sender":{"id":"u1"},"recipient":{"id":"123"},"postback":{"mid":"m_3","title":"Bắt đầu","payload":"START"}}}`},
	"facebook-feed":  {"facebook", jsonType, `{"change":{"field":"feed","value":{"item":"comment","message":"hay","from":{"id":"u1","name":"An"}}}}`},
	"facebook-other": {"facebook", jsonType, `{"hello":"world"}`},
	"zalo-text":      {"zalo", jsonType, `{"event_name":"user_send_text","app_id":"1","sender":{"id":"7712345678901234567"},"recipient":{"id":"99"},"message":{"msg_id":"abc","text":"tư vấn giúp em 0900000000"},"timestamp":"1772334241345","user_id_by_app":"88"}`},
	"zalo-image":     {"zalo", jsonType, `{"event_name":"user_send_image","sender":{"id":"77"},"recipient":{"id":"99"},"message":{"msg_id":"abd","attachments":[{"type":"image"}]},"timestamp":"1772334241345"}`},
	"zalo-reply":     {"zalo", jsonType, `{"event_name":"oa_send_text","sender":{"id":"99"},"recipient":{"id":"77"},"message":{"msg_id":"abe","text":"Dạ"},"timestamp":"1772334241345"}`},
	"zalo-form":      {"zalo", jsonType, `{"event_name":"user_submit_info","sender":{"id":"77"},"recipient":{"id":"99"},"info":{"name":"Nguyễn Văn A","phone":"84900000000","address":"12 Đường B","city":"Hà Nội"},"timestamp":"1772334241345"}`},
	"zalo-follow":    {"zalo", jsonType, `{"event_name":"follow","follower":{"id":"77"},"timestamp":"1772334241345"}`},
	"pancake": {"pancake", jsonType, `{"page_id":"123","event_type":"messaging","data":{"conversation":{"id":"123_456","type":"INBOX","from":{"id":"456","name":"An"},"tags":["mới"]},` +
		`"message":{"id":"m_9","conversation_id":"123_456","message":"<div>alo &amp; chào<br>anh</div>","type":"INBOX","has_phone":true,"phone_info":[{"phone_number":"0900000000","offset":1}],"attachments":[],"inserted_at":"2026-02-28T11:06:07.000000","from":{"id":"456","name":"An"}},"post":null}}`},
	"pancake-own": {"pancake", jsonType, `{"page_id":"123","event_type":"messaging","data":{"conversation":{"id":"123_456","from":{"id":"456","name":"An"}},"message":{"id":"m_10","original_message":"Dạ","from":{"id":"123","name":"Trang"},"inserted_at":"2026-02-28T11:06:08"}}}`},
	"pancake-sub": {"pancake", jsonType, `{"page_id":"123","event_type":"subscription","data":{"state":"expired"}}`},
	"haravan":     {"haravan", jsonType, `{"id":1,"created_at":"2026-02-28T10:00:00Z","customer":{"first_name":"Văn A","last_name":"Nguyễn","phone":"0900000000"},"billing_address":{"name":"Người trả"},"total_price":1200000.0}`},
	"getfly":      {"getfly", urlencoded, "event=account.created&secret_key=&data[account_name]=Nguy%E1%BB%85n%20A&data[phone]=0900000000"},
	"google-form": {"google_form", jsonType, `{"response_id":"r1","timestamp":"2026-02-28T10:00:00.000Z","email":"a@example.com","answers":{"Họ và tên":"Nguyễn Văn A","SĐT":"900000000","Môn":["Toán","Văn"]}}`},
	"google-rows": {"google_form", jsonType, `{"response_id":"r2","namedValues":{"Họ tên":["Nguyễn Văn A"],"Số điện thoại":["0900000000"],"Timestamp":["28/02/2026 10:00:00"],"Môn":["Toán, Văn"]},"values":["x"]}`},
}

func webhookRaw(f webhookFixture) pipeline.Raw {
	meta := map[string]string{"content_type": f.contentType, "preset": f.preset}
	if f.preset == "haravan" {
		meta["topic"] = "orders/create"
	}
	return pipeline.Raw{ID: "shop-1", Source: "shop", Format: webhookJSON, Received: received, Meta: meta, Body: []byte(f.body)}
}

func TestWebhookGolden(t *testing.T) {
	goldens(t, "webhook", slices.Sorted(maps.Keys(webhookFixtures)), func(t *testing.T, name string) []pipeline.Record {
		records, err := made(t, nil, webhookRaw(webhookFixtures[name]))
		if err != nil {
			t.Fatal(err)
		}
		return records
	})
}

// What the golden files must say, said where it can be read.
func TestWebhookMeans(t *testing.T) {
	for name, want := range map[string]map[string]any{
		"generic":        {"name": "Nguyễn Văn A", "phone": "+84900000000", "customer.tags": []string{"vip", "hn"}, "customer.vip": "true", "line_items.1.price": "12345678901234567890", "line_items.0.name": "IELTS", "note": nil, "kind": "lead", "at": "2026-02-28T03:00:00Z"},
		"flat":           {"name": "Trần Thị B", "phone": "+84900000000", "page.name": "Trang", "customer.phone": "0900000001"},
		"deep":           {"name": "Lê C", "email": "a@example.com", "phone": nil, "store.phone": "0900000009"},
		"form":           {"name": "A", "phone": "+84900000000", "utm_source": "fb"},
		"text":           {"body": "gọi lại 0900000000", "kind": "lead"},
		"facebook-lead":  {"kind": "lead", "leadgen_id": "44444444444444444", "form": "55", "ad_id": "120208585133120157", "flags": []string{"answers_not_fetched", "phone_missing"}, "at": "2026-03-01T03:04:01Z"},
		"facebook-full":  {"kind": "lead", "name": "Nguyễn Văn A", "phone": "+84900000000", "Môn": []string{"Toán", "Văn"}, "flags": []string{}},
		"facebook-chat":  {"kind": "message", "text": "giá bao nhiêu?", "session": "u1", "sender_type": "user", "message_id": "m_1", "page_id": "123", "ad_id": "120208585133120157", "flags": []string{}},
		"facebook-echo":  {"kind": "message", "text": "[image]", "session": "u1", "user_ref": "u1", "sender_type": "page"},
		"facebook-read":  {"kind": "event", "event_type": "messaging"},
		"facebook-tap":   {"kind": "message", "text": "Bắt đầu", "message_id": "m_3"},
		"facebook-other": {"kind": "lead", "hello": "world"},
		"zalo-text":      {"kind": "message", "session": "7712345678901234567", "text": "tư vấn giúp em 0900000000", "sender_type": "user", "at": "2026-03-01T03:04:01Z"},
		"zalo-reply":     {"kind": "message", "session": "77", "sender_type": "page", "page_id": "99"},
		"zalo-form":      {"kind": "lead", "name": "Nguyễn Văn A", "phone": "+84900000000", "city": "Hà Nội"},
		"zalo-follow":    {"kind": "event", "event_type": "follow"},
		"pancake":        {"kind": "message", "text": "alo & chào\nanh", "phone": "+84900000000", "has_phone": true, "name": "An", "sender_type": "user", "tags": "mới", "at": "2026-02-28T11:06:07Z"},
		"pancake-own":    {"kind": "message", "text": "Dạ", "sender_type": "page", "user_ref": "456", "session": "123_456", "has_phone": false, "name": nil},
		"pancake-sub":    {"kind": "event", "event_type": "subscription", "state": "expired", "province": nil},
		"haravan":        {"kind": "lead", "name": "Nguyễn Văn A", "phone": "+84900000000", "topic": "orders/create", "billing_address.name": "Người trả"},
		"getfly":         {"kind": "lead", "phone": "+84900000000", "secret_key": nil, "name": "Nguyễn A"},
		"google-form":    {"name": "Nguyễn Văn A", "phone": "+84900000000", "Môn": []string{"Toán", "Văn"}, "email": "a@example.com", "response_id": "r1", "at": "2026-02-28T10:00:00Z"},
		"google-rows":    {"name": "Nguyễn Văn A", "phone": "+84900000000", "Môn": "Toán, Văn", "values": nil},
	} {
		records, err := made(t, nil, webhookRaw(webhookFixtures[name]))
		if err != nil {
			t.Fatal(err)
		}
		r := records[0]
		for field, want := range want {
			var got any = r.Fields[field]
			switch field {
			case "kind":
				got = r.Kind
			case "at":
				got = r.Occurred.Truncate(time.Second).Format(time.RFC3339)
			}
			if list, ok := want.([]string); ok {
				if had, ok := got.([]string); ok && slices.Equal(had, list) {
					continue
				}
			} else if got == want {
				continue
			}
			t.Errorf("%s: %s is %#v, want %#v", name, field, got, want)
		}
	}
}

// The configuration has the last word, also about dotted names and about kind.
func TestWebhookMapping(t *testing.T) {
	m := &config.Mapping{Kind: "order", Fields: map[string]config.Field{
		"buyer": {From: []string{"customer.phone"}, As: "phone_vn"},
		"total": {From: []string{"line_items.0.price"}, As: "number"},
	}}
	records, err := made(t, m, webhookRaw(webhookFixtures["generic"]))
	if err != nil {
		t.Fatal(err)
	}
	if f := records[0].Fields; f["buyer"] != "+84900000000" || f["total"] != 1200000.0 || records[0].Kind != "order" {
		t.Errorf("%s %v", records[0].Kind, f)
	}
	if records, err = made(t, m, webhookRaw(webhookFixtures["zalo-text"])); err != nil || records[0].Kind != "message" {
		t.Errorf("a message is a %s, %v", records[0].Kind, err)
	}
}

// A body made to be slow, or to lose something by being large.
func TestWebhookHostile(t *testing.T) {
	wide := `{"a":[` + strings.Repeat(`{"b":1},`, 90_000) + `{"b":1}]}`
	many := strings.Builder{}
	many.WriteString(`{"phone":"0900000000"`)
	for i := range 5000 {
		many.WriteString(`,"` + strings.Repeat("x", i%200) + string(rune('a'+i%26)) + `":1`)
	}
	many.WriteString("}")
	for name, c := range map[string]struct{ body, flag string }{
		"deep": {strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), "too_deep"},
		"wide": {wide, "list_cut"}, "many": {many.String(), "too_many_fields"},
		"long name": {`{"` + strings.Repeat("n", 100<<10) + `":1}`, "long_name"},
	} {
		start := time.Now()
		records, err := made(t, nil, webhookRaw(webhookFixture{"", jsonType, c.body}))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if flags := records[0].Fields["flags"].([]string); !slices.Contains(flags, c.flag) {
			t.Errorf("%s: flags %v", name, flags)
		}
	}
}

func TestPlainHTML(t *testing.T) {
	for in, want := range map[string]string{"<div>alo</div>": "alo", "a<br/>b": "a\nb", "1 < 2": "1 < 2", "": "", "<p>a</p><p>b &lt;c&gt;</p>": "a\nb <c>", "<": "<"} {
		if got := plainHTML(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// FuzzWebhook: see [FuzzLark].
func FuzzWebhook(f *testing.F) {
	for _, c := range webhookFixtures {
		f.Add(c.preset, []byte(c.body))
	}
	transform, err := New("shop", nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, preset string, body []byte) {
		checkMade(t, transform, webhookRaw(webhookFixture{preset, jsonType, string(body)}))
	})
}
