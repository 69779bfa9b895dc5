package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// hookKey is the secret of all senders; their own signing is here, and not the source's.
const hookKey = "0123456789abcdef-of-a-hook"

// hook is a system that posts.
type hook struct {
	name   string
	conf   string // of the source, behind "webhook:"
	body   string // with {at} for milliseconds and {key} for the secret
	kind   string
	want   map[string]string // fields of its record
	sign   func(body string, at time.Time) map[string]string
	late   time.Duration   // how old the same request is refused; 0: it is the same delivery instead
	tamper func(*hookCall) // nil: a digit of the body is another
}

type hookCall struct {
	path, body string
	header     map[string]string
}

func hookMAC(text string) []byte {
	m := hmac.New(sha256.New, []byte(hookKey))
	m.Write([]byte(text)) // a hash takes every write
	return m.Sum(nil)
}

func unsigned(string, time.Time) map[string]string { return nil }

// hooks are the presets, and the ways of proving that belong to none.
func hooks() []hook {
	plain := `{"ref":"r-1","name":"Nguyễn An","phone":"0900000007","email":"an@example.com"}`
	person := map[string]string{"name": "Nguyễn An", "phone": "+84900000007", "email": "an@example.com"}
	seconds := func(at time.Time) string { return fmt.Sprint(at.Unix()) }
	wrongToken := func(c *hookCall) { c.header["Token"] = hookKey + "x" }
	return []hook{
		{"facebook", `{ preset: facebook, verify: { challenge: ` + secretToken + `, hmac: { secret: ` + hookKey + ` } } }`,
			`{"object":"page","entry":[{"id":"p1","time":1700000000,"changes":[{"field":"leadgen","value":{"leadgen_id":"444","form_id":"9","created_time":1700000000,
				"field_data":[{"name":"full_name","values":["Nguyễn An"]},{"name":"phone_number","values":["0900000007"]},{"name":"email","values":["an@example.com"]}]}}]}]}`,
			"lead", person,
			func(body string, _ time.Time) map[string]string {
				return map[string]string{"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(hookMAC(body))}
			}, 0, nil},
		{"zalo", `{ preset: zalo, verify: { hmac: { secret: ` + hookKey + ` } } }`,
			`{"app_id":"360","event_name":"user_send_text","timestamp":"{at}","sender":{"id":"246845883529197922"},"recipient":{"id":"388613280878808645"},"message":{"text":"Em muốn học IELTS","msg_id":"96d3cdf3af150460909"}}`,
			"message", map[string]string{"text": "Em muốn học IELTS", "user_ref": "246845883529197922", "channel": "zalo", "sender_type": "user"},
			func(body string, at time.Time) map[string]string {
				sum := sha256.Sum256(fmt.Appendf(nil, "360%s%d%s", body, at.UnixMilli(), hookKey))
				return map[string]string{"X-ZEvent-Signature": "mac=" + hex.EncodeToString(sum[:])}
			}, 14 * time.Hour, nil},
		{"haravan", `{ preset: haravan, verify: { hmac: { secret: ` + hookKey + ` } } }`,
			`{"id":1001,"updated_at":"2026-03-03T02:30:00Z","total_price":5900000,"customer":{"first_name":"An","last_name":"Nguyễn","phone":"0900000007","email":"an@example.com"}}`,
			"lead", map[string]string{"name": "Nguyễn An", "phone": "+84900000007", "email": "an@example.com", "topic": "orders/create"},
			func(body string, _ time.Time) map[string]string {
				return map[string]string{"X-Haravan-Topic": "orders/create", "X-Haravan-Hmacsha256": base64.StdEncoding.EncodeToString(hookMAC(body))}
			}, 0, nil},
		{"pancake", `{ preset: pancake, verify: { hmac: { secret: ` + hookKey + ` } } }`,
			`{"page_id":"p1","event_type":"messaging","data":{"conversation":{"id":"c1"},"message":{"id":"m_1","conversation_id":"c1","original_message":"số em 0900000007","from":{"id":"u1","name":"Nguyễn An"},"inserted_at":"2026-03-03T02:30:00","phone_info":[{"phone_number":"0900000007"}],"has_phone":true}}}`,
			"message", map[string]string{"text": "số em 0900000007", "phone": "+84900000007", "name": "Nguyễn An", "session": "c1", "channel": "pancake"},
			func(body string, _ time.Time) map[string]string {
				return map[string]string{"X-Pancake-Signature": hex.EncodeToString(hookMAC(body))}
			}, 0, nil},
		{"getfly", `{ preset: getfly, verify: { token: { value: ` + hookKey + ` } } }`,
			`event=account.created&secret_key={key}&data[account_name]=Nguy%E1%BB%85n+An&data[phone]=0900000007&data[email]=an%40example.com`,
			"lead", person, unsigned, 0, func(c *hookCall) { c.body = strings.Replace(c.body, hookKey, hookKey+"x", 1) }},
		{"google_form", `{ preset: google_form, verify: { token: { value: ` + hookKey + ` } } }`,
			`{"response_id":"r-1","timestamp":"2026-03-03T02:30:00Z","answers":{"Họ và tên":"Nguyễn An","Số điện thoại":"0900000007","Email":"an@example.com"}}`,
			"lead", person, func(string, time.Time) map[string]string { return map[string]string{"Token": hookKey} }, 0, wrongToken},
		{"hmac", `{ id: { body: ref }, verify: { hmac: { secret: ` + hookKey + `, header: X-Sign, prefix: v0=, encoding: base64, timestamp: X-Time } } }`, plain, "lead", person,
			func(body string, at time.Time) map[string]string {
				return map[string]string{"X-Time": seconds(at), "X-Sign": "v0=" + base64.StdEncoding.EncodeToString(hookMAC(seconds(at)+"."+body))}
			}, 6 * time.Minute, nil},
		{"standard", `{ verify: { standard_webhooks: whsec_` + base64.StdEncoding.EncodeToString([]byte(hookKey)) + ` } }`, plain, "lead", person,
			func(body string, at time.Time) map[string]string {
				return map[string]string{"webhook-id": "msg_1", "webhook-timestamp": seconds(at),
					"webhook-signature": "v1," + base64.StdEncoding.EncodeToString(hookMAC("msg_1."+seconds(at)+"."+body))}
			}, 6 * time.Minute, nil},
		{"path", `{ verify: { token: { value: ` + hookKey + ` } } }`, plain, "lead", person, unsigned, 0, func(c *hookCall) { c.path += "x" }},
		{"basic", `{ verify: { basic: { user: crm, password: ` + hookKey + ` } } }`, plain, "lead", person,
			func(string, time.Time) map[string]string {
				return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("crm:"+hookKey))}
			}, 0, func(c *hookCall) {
				c.header["Authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte("crm:wrong"))
			}},
	}
}

// call is what a system posts at the given time.
func (h hook) call(at time.Time) hookCall {
	body := strings.NewReplacer("{at}", fmt.Sprint(at.UnixMilli()), "{key}", hookKey).Replace(h.body)
	c := hookCall{path: "/in/" + h.name, body: body, header: map[string]string{"Content-Type": "application/json"}}
	if h.name == "getfly" {
		c.header["Content-Type"] = "application/x-www-form-urlencoded"
	}
	if h.name == "path" {
		c.path += "/" + hookKey
	}
	maps.Copy(c.header, h.sign(body, at))
	return c
}

// Whoever posts as a preset says is a record in MongoDB, once; who is not who they say,
// or comes too late, is refused, and kept as that.
func TestHooks(t *testing.T) {
	all := hooks()
	text := "nats: { reserve: 1 }\nsinks: { archive: { mongodb: { database: mekong, collection: records } } }\nsources:\n"
	for _, h := range all {
		text += "  " + h.name + ": { webhook: " + h.conf + " }\n"
	}
	r := start(t, configured(t, t.TempDir(), text), Options{})
	post := func(what string, c hookCall, want int) {
		t.Helper()
		got, err := send(t.Context(), r.base+c.path, []byte(c.body), c.header)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got.status != want {
			t.Errorf("%s: answered %d, want %d: %s", what, got.status, want, got.text)
		}
	}
	now := time.Now()
	refused := 0
	for _, h := range all {
		post(h.name+", valid", h.call(now), http.StatusOK)
		post(h.name+", again", h.call(now), http.StatusOK)
		c := h.call(now)
		if h.tamper != nil {
			h.tamper(&c)
		} else if c.body = strings.NewReplacer("0900000007", "0900000008", "IELTS", "TOEIC").Replace(c.body); c.body == h.call(now).body {
			t.Fatalf("%s: nothing was tampered with", h.name)
		}
		post(h.name+", tampered", c, http.StatusUnauthorized)
		refused++
		if h.late > 0 {
			post(h.name+", late", h.call(now.Add(-h.late)), http.StatusUnauthorized)
			refused++
		}
	}
	r.settled("archive")
	docs := map[string][]bson.D{}
	for _, d := range r.documents("mekong", "records") {
		source, _ := in(d, "source").(string)
		docs[source] = append(docs[source], d)
	}
	for _, h := range all {
		if len(docs[h.name]) != 1 {
			t.Errorf("%s: %d documents of one delivery", h.name, len(docs[h.name]))
			continue
		}
		d := docs[h.name][0]
		if in(d, "kind") != h.kind {
			t.Errorf("%s: it is a %v", h.name, in(d, "kind"))
		}
		for name, want := range h.want {
			if got := in(d, "fields", name); got != want {
				t.Errorf("%s: %s is %v, want %s", h.name, name, got, want)
			}
		}
		if text := fmt.Sprint(d); strings.Contains(text, hookKey) {
			t.Errorf("%s: the secret is stored", h.name)
		}
	}
	kept, err := r.Bus.Refusals(t.Context(), 0, 100)
	if err != nil || len(kept) != refused {
		t.Errorf("%d of %d refused ones are kept (%v)", len(kept), refused, err)
	}
	for _, k := range kept {
		if k.Cause != "unauthorized" || len(k.Raw.Body) == 0 {
			t.Errorf("kept is %s of %s with %d bytes", k.Cause, k.Raw.Source, len(k.Raw.Body))
		}
	}
	// Facebook's question when the address is entered.
	resp, err := client.Get(r.base + "/in/facebook?hub.mode=subscribe&hub.challenge=42&hub.verify_token=" + secretToken)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != 2 {
		t.Errorf("the challenge is answered %d with %d bytes", resp.StatusCode, resp.ContentLength)
	}
}

// Each item of a list is a delivery of its own, also when the next list has some of
// them again.
func TestHookItems(t *testing.T) {
	text := `
nats: { reserve: 1 }
sinks: { archive: { mongodb: { database: mekong, collection: records } } }
sources:
  shop: { webhook: { items: data.orders, id: { body: id }, verify: { token: { value: ` + hookKey + ` } } } }
`
	r := start(t, configured(t, t.TempDir(), text), Options{})
	for _, list := range []string{
		`{"id":1,"phone":"0900000001"},{"id":2,"phone":"0900000002"}`,
		`{"id":2,"phone":"0900000002"},{"id":3,"phone":"0900000003"}`,
	} {
		got, err := send(t.Context(), r.base+"/in/shop", []byte(`{"data":{"orders":[`+list+`]}}`), map[string]string{"Content-Type": "application/json", "Token": hookKey})
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("answered %d %s (%v)", got.status, got.text, err)
		}
	}
	got, err := send(t.Context(), r.base+"/in/shop", []byte(`{"data":{}}`), map[string]string{"Content-Type": "application/json", "Token": hookKey})
	if err != nil || got.status != http.StatusBadRequest {
		t.Errorf("without a list: answered %d %s (%v)", got.status, got.text, err)
	}
	r.settled("archive")
	phones := map[any]int{}
	for _, d := range r.documents("mekong", "records") {
		phones[in(d, "fields", "phone")]++
	}
	if len(phones) != 3 || phones["+84900000001"] != 1 || phones["+84900000002"] != 1 || phones["+84900000003"] != 1 {
		t.Errorf("stored are %v", phones)
	}
}
