package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/request"
)

const secret = "0123456789abcdef0123456789abcdef"

var (
	now   = time.Date(2026, 3, 1, 3, 4, 5, 0, time.UTC)
	whsec = "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
)

// settings are a source's, with what defaults fill in.
func settings(change func(*config.WebhookSource)) config.WebhookSource {
	c := config.WebhookSource{Path: "/in/shop", Window: 10 * time.Minute}
	c.Verify.HMAC = config.WebhookSignature{Header: "X-Signature", Algorithm: "sha256", Encoding: "hex", Window: 5 * time.Minute}
	change(&c)
	return c
}

func receiver(t testing.TB, at time.Time, change func(*config.WebhookSource)) *Receiver {
	t.Helper()
	r, err := New("shop", settings(change), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sent is a request as its sender makes it.
type sent struct {
	target, body string
	header       http.Header
}

func (s sent) request() (*http.Request, []byte) {
	target := s.target
	if target == "" {
		target = "/in/shop"
	}
	r := httptest.NewRequest("POST", target, strings.NewReader(s.body))
	for k, v := range s.header {
		r.Header[http.CanonicalHeaderKey(k)] = v
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, []byte(s.body)
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func sum(text string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return h.Sum(nil)
}

const lead = `{"object":"page","entry":[{"id":"123","time":1772334241,"changes":[{"field":"leadgen","value":{"leadgen_id":"44444444444444444","form_id":"55"}}]}]}`

// Every scheme: right, tampered with, without its proof, and late.
func TestSchemes(t *testing.T) {
	for _, s := range schemes() {
		t.Run(s.name, func(t *testing.T) {
			at := now
			r := receiver(t, now, s.change)
			r.now = func() time.Time { return at }
			good := s.sign(s.body, now)
			req, body := good.request()
			raws, reply, err := r.Receive(req, body)
			if err != nil || reply != nil || len(raws) != 1 || raws[0].Format != Format || raws[0].Source != "shop" {
				t.Fatalf("%d raws, %v", len(raws), err)
			}
			if strings.Contains(fmt.Sprintf("%s%v", raws[0].Body, raws[0].Meta), secret) {
				t.Errorf("the secret is stored: %s %v", raws[0].Body, raws[0].Meta)
			}
			if s.want != nil {
				bad := good
				bad.body = strings.Replace(good.body, `"`, `" `, 1)
				bad.body = strings.Replace(bad.body, `" `, ` "`, 1)
				req, body := bad.request()
				if raws, _, err := r.Receive(req, body); err != s.want || len(raws) != 1 || !bytes.Equal(raws[0].Body, body) {
					t.Errorf("tampered with: %v", err)
				}
			}
			bare := good
			bare.header, bare.target, bare.body = headers("Content-Type", good.header.Get("Content-Type")), "", strings.Replace(good.body, secret, "another", 1)
			req, body = bare.request()
			if _, _, err := r.Receive(req, body); request.AsRefusal(err) == nil || request.AsRefusal(err).Status != 401 {
				t.Errorf("without its proof: %v", err)
			}
			at = now.Add(s.late)
			if s.late == 0 {
				at = now.Add(9 * time.Minute)
			}
			req, body = good.request()
			again, _, err := r.Receive(req, body)
			if s.late > 0 {
				if err != errLate {
					t.Errorf("%v later: %v", s.late, err)
				}
				at = now.Add(-s.late)
				if _, _, err := r.Receive(req, body); err != errLate {
					t.Errorf("from the future: %v", err)
				}
				at = now.Add(s.late / 2)
				again, _, err = r.Receive(req, body)
			}
			if err != nil || len(again) != 1 || again[0].ID != raws[0].ID {
				t.Errorf("sent again it is another delivery: %v", err)
			}
		})
	}
}

// Everything that is set must hold.
func TestAllProofs(t *testing.T) {
	r := receiver(t, now, func(c *config.WebhookSource) {
		c.Verify.HMAC.Secret, c.Verify.Token.Value = config.NewSecret(secret), config.NewSecret(secret)
	})
	for _, c := range []struct {
		header http.Header
		ok     bool
	}{
		{headers("X-Signature", hex.EncodeToString(sum(`{"a":1}`)), "Token", secret), true},
		{headers("X-Signature", hex.EncodeToString(sum(`{"a":1}`)), "Authorization", "bearer "+secret), true},
		{headers("X-Signature", hex.EncodeToString(sum(`{"a":1}`))), false},
		{headers("Token", secret), false},
		{headers("X-Signature", "zz", "Token", secret), false},
		{headers("X-Signature", "", "Token", secret), false},
	} {
		req, body := sent{body: `{"a":1}`, header: c.header}.request()
		if _, _, err := r.Receive(req, body); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.header, err)
		}
	}
}

func nobody(more func(*config.WebhookSource)) func(*config.WebhookSource) {
	return func(c *config.WebhookSource) {
		c.Verify.Nobody = true
		if more != nil {
			more(c)
		}
	}
}

func ids(t *testing.T, r *Receiver, s sent) []string {
	t.Helper()
	req, body := s.request()
	raws, _, err := r.Receive(req, body)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, raw := range raws {
		if raw.ID == "" || len(raw.ID) > pipeline.MaxID {
			t.Errorf("ID %q", raw.ID)
		}
		out = append(out, raw.ID)
	}
	return out
}

func TestIdentity(t *testing.T) {
	const uuid = "6f1a2b3c-4d5e-4f60-8a9b-0c1d2e3f4a5b"
	for _, c := range []struct {
		name   string
		change func(*config.WebhookSource)
		a, b   sent
		same   bool
	}{
		{"header", func(c *config.WebhookSource) { c.ID.Header = "X-Request-Id" }, sent{body: `{"a":1}`, header: headers("X-Request-Id", uuid)}, sent{body: `{"a":2}`, header: headers("X-Request-Id", uuid)}, true},
		{"other header", func(c *config.WebhookSource) { c.ID.Header = "X-Request-Id" }, sent{body: `{"a":1}`, header: headers("X-Request-Id", uuid)}, sent{body: `{"a":1}`, header: headers("X-Request-Id", "x"+uuid)}, false},
		{"path", func(c *config.WebhookSource) { c.ID.Body = "data.id" }, sent{body: `{"data":{"id":12345678901234567890},"a":1}`}, sent{body: `{"data":{"id":12345678901234567890},"a":2}`}, true},
		{"large numbers", func(c *config.WebhookSource) { c.ID.Body = "data.id" }, sent{body: `{"data":{"id":12345678901234567890}}`}, sent{body: `{"data":{"id":12345678901234567891}}`}, false},
		{"form field", func(c *config.WebhookSource) { c.ID.Body = "ma" }, sent{body: "ma=DH-001&a=1"}, sent{body: "ma=DH-001&a=2"}, true},
		{"path that is missing", func(c *config.WebhookSource) { c.ID.Body = "data.id" }, sent{body: `{"a":1}`}, sent{body: `{"a":2}`}, false},
		{"content", nil, sent{body: `{"a":1,"b":2}`}, sent{body: `{"b":2, "a":1}`}, true},
		{"content, sent at another time", nil, sent{body: `{"a":1,"timestamp":1}`}, sent{body: `{"a":1,"timestamp":2}`}, true},
		{"other content", nil, sent{body: `{"a":1}`}, sent{body: `{"a":2}`}, false},
		{"idempotency key", nil, sent{body: `{"a":1}`, header: headers("Idempotency-Key", uuid)}, sent{body: `{"a":1}`, header: headers("Idempotency-Key", "0"+uuid)}, false},
		{"edited response", func(c *config.WebhookSource) { c.Preset = "google_form" }, sent{body: `{"response_id":"r-1","a":1}`}, sent{body: `{"response_id":"r-1","a":2}`}, false},
		{"another event of a message", func(c *config.WebhookSource) { c.Preset = "zalo" }, sent{body: `{"event_name":"user_send_text","message":{"msg_id":"m1"}}`}, sent{body: `{"event_name":"user_seen_message","message":{"msg_id":"m1"}}`}, false},
		{"another topic", func(c *config.WebhookSource) { c.Preset = "haravan" }, sent{body: `{"id":1}`, header: headers("X-Haravan-Topic", "orders/create")}, sent{body: `{"id":1}`, header: headers("X-Haravan-Topic", "orders/paid")}, false},
	} {
		r := receiver(t, now, nobody(c.change))
		a, b := ids(t, r, c.a), ids(t, r, c.b)
		if (a[0] == b[0]) != c.same {
			t.Errorf("%s: %s and %s", c.name, a[0], b[0])
		}
	}
	at := now
	r := receiver(t, now, nobody(nil))
	r.now = func() time.Time { return at }
	first := ids(t, r, sent{body: `{"a":1}`})[0]
	r2 := receiver(t, now.Add(9*time.Minute), nobody(nil))
	r2.Warm(first, now)
	if got := ids(t, r2, sent{body: `{"a":1}`})[0]; got != first {
		t.Error("a restart forgets what it was told")
	}
	at = now.Add(time.Hour)
	if got := ids(t, r, sent{body: `{"a":1}`})[0]; got == first {
		t.Error("an hour later it is still the same delivery")
	}
}

func TestItems(t *testing.T) {
	r := receiver(t, now, nobody(func(c *config.WebhookSource) { c.Items, c.ID.Body = "data.orders", "ma" }))
	body := `{"data":{"orders":[{"ma":"DH-1","phone":"0900000000"},{"ma":"DH-2"},{"x":1},{"x": 1},"y",{"ma":"DH-1"}]}}`
	req, b := sent{body: body}.request()
	raws, _, err := r.Receive(req, b)
	if err != nil || len(raws) != 5 {
		t.Fatalf("%d items, %v", len(raws), err)
	}
	if string(raws[0].Body) != `{"ma":"DH-1","phone":"0900000000"}` || raws[0].Meta[request.ContentType] != "application/json" {
		t.Errorf("%s %v", raws[0].Body, raws[0].Meta)
	}
	if raws[2].ID == raws[3].ID {
		t.Error("two items that are the same are one")
	}
	again := ids(t, r, sent{body: body})
	moved := ids(t, r, sent{body: `{"data":{"orders":[{"new":1},{"ma":"DH-2"},{"x":1}]}}`})
	for i := range raws {
		if again[i] != raws[i].ID {
			t.Errorf("item %d has another ID the second time", i)
		}
	}
	if moved[1] != raws[1].ID || moved[2] != raws[2].ID || moved[0] == raws[0].ID {
		t.Error("an item's ID depends on its place")
	}
	if got := ids(t, r, sent{body: `{"data":{"orders":[]}}`}); len(got) != 0 {
		t.Error("an empty list is a delivery")
	}
	for _, bad := range []string{`{"data":{}}`, `a=1`, `{"data":{"orders":[` + strings.Repeat("1,", maxItems) + `1]}}`} {
		req, b := sent{body: bad}.request()
		if raws, _, err := r.Receive(req, b); request.AsRefusal(err) == nil || len(raws) != 1 {
			t.Errorf("%.30s: %v", bad, err)
		}
	}
}

func TestFacebookEntries(t *testing.T) {
	r := receiver(t, now, func(c *config.WebhookSource) { c.Preset, c.Verify.Nobody = "facebook", true })
	const one = `{"id":"123","time":1772334241,"changes":[{"field":"leadgen","value":{"leadgen_id":"1"}},{"field":"feed","value":{"item":"comment"}}]}`
	const two = `{"id":"123","time":1772334299,"messaging":[{"sender":{"id":"u"},"message":{"mid":"m_1","text":"x"}},{"read":{"watermark":1}}],"changes":[{"field":"leadgen","value":{"leadgen_id":"1"}}]}`
	req, b := sent{body: `{"object":"page","entry":[` + one + "," + two + `]}`}.request()
	raws, _, err := r.Receive(req, b)
	if err != nil || len(raws) != 4 {
		t.Fatalf("%d deliveries, %v", len(raws), err)
	}
	if got := string(raws[0].Body); got != `{"object":"page","entry_id":"123","entry_time":1772334241,"change":{"field":"leadgen","value":{"leadgen_id":"1"}}}` {
		t.Error(got)
	}
	apart := append(ids(t, r, sent{body: `{"object":"page","entry":[` + one + `]}`}), ids(t, r, sent{body: `{"object":"page","entry":[` + two + `]}`})...)
	if apart[0] != raws[0].ID || apart[1] != raws[1].ID || apart[3] != raws[2].ID || apart[4] != raws[3].ID || apart[2] != raws[0].ID {
		t.Errorf("together and apart they are other deliveries: %v", apart)
	}
	if got := ids(t, r, sent{body: `{"object":"page","entry":[{"id":"1","hello":[]}]}`}); len(got) != 1 {
		t.Errorf("an entry that is not known is %d deliveries", len(got))
	}
}

func TestChallenge(t *testing.T) {
	r := receiver(t, now, nobody(func(c *config.WebhookSource) { c.Verify.Challenge = config.NewSecret(secret) }))
	for query, want := range map[string]string{
		"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + secret:     "1158201444",
		"hub.challenge=abc&hub.verify_token=" + secret:                               "abc",
		"hub.mode=subscribe&hub.challenge=1&hub.verify_token=another":                "",
		"hub.mode=subscribe&hub.challenge=1":                                         "",
		"hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=" + secret:            "",
		"hub.mode=subscribe&hub.verify_token=" + secret:                              "",
		"hub.challenge=" + strings.Repeat("1", 1000) + "&hub.verify_token=" + secret: "",
	} {
		body, kind, err := r.Challenge(httptest.NewRequest("GET", "/in/shop?"+query, nil))
		if string(body) != want || (err == nil) != (want != "") || err == nil && !strings.HasPrefix(kind, "text/plain") || err != nil && request.AsRefusal(err) == nil {
			t.Errorf("%s: %q %s %v", query, body, kind, err)
		}
	}
	if receiver(t, now, nobody(nil)).Challenges() {
		t.Error("a source without a challenge answers one")
	}
	if _, _, err := receiver(t, now, nobody(nil)).Challenge(httptest.NewRequest("GET", "/in/shop?hub.challenge=1&hub.verify_token=", nil)); err == nil {
		t.Error("an empty token is right where there is none")
	}
}

func TestBodies(t *testing.T) {
	r := receiver(t, now, nobody(nil))
	multi := "--b\r\nContent-Disposition: form-data; name=\"phone\"\r\n\r\n0900000000\r\n--b--\r\n"
	for _, c := range []struct {
		kind, body string
		ok         bool
	}{
		{"application/json", `{"phone":"0900000000"}`, true}, {"application/json", `[{"phone":"1"},{"phone":"2"}]`, true}, {"application/x-www-form-urlencoded", "phone=0900000000", true},
		{"multipart/form-data; boundary=b", multi, true}, {"text/plain", "gọi lại", true}, {"application/json", `{"phone":"0900`, true},
		{"application/json", "", false}, {"application/json", "  \n", false}, {"application/octet-stream", "\x00\x01\x02\xff\xfe", false},
	} {
		req, body := sent{body: c.body, header: headers("Content-Type", c.kind)}.request()
		raws, _, err := r.Receive(req, body)
		if (err == nil) != c.ok || len(raws) != 1 || string(raws[0].Body) != c.body || raws[0].Meta[request.ContentType] != c.kind {
			t.Errorf("%s %q: %v", c.kind, c.body, err)
		}
	}
}

func TestNew(t *testing.T) {
	for name, change := range map[string]func(*config.WebhookSource){
		"no proof": func(*config.WebhookSource) {}, "no window": nobody(func(c *config.WebhookSource) { c.Window = 0 }),
		"bad hash": func(c *config.WebhookSource) {
			c.Verify.HMAC.Secret, c.Verify.HMAC.Algorithm = config.NewSecret(secret), "md5"
		},
		"bad shape": func(c *config.WebhookSource) {
			c.Verify.HMAC.Secret, c.Verify.HMAC.Signed = config.NewSecret(secret), "x"
		},
		"bad secret": func(c *config.WebhookSource) { c.Verify.Standard = config.NewSecret("whsec_x") },
	} {
		if _, err := New("shop", settings(change), nil); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New("", settings(nobody(nil)), nil); err == nil {
		t.Error("a source without a name")
	}
	r, err := New("shop", settings(nobody(nil)), nil)
	if err != nil || r.now == nil || len(r.Headers()) < 4 {
		t.Error(err)
	}
}

// FuzzReceive: whatever arrives at whatever preset, nothing panics, nothing forged is
// taken, and every ID is sound.
func FuzzReceive(f *testing.F) {
	presets := []string{"", "facebook", "zalo", "haravan", "pancake", "getfly", "google_form"}
	for i, s := range schemes() {
		good := s.sign(s.body, now)
		f.Add([]byte(good.body), "X-Hub-Signature-256", good.header.Get("X-Hub-Signature-256"), uint8(i%len(presets)))
	}
	f.Add([]byte(`{"entry":[{"changes":[{}],"messaging":[1,null]}]}`), "X-A", "x", uint8(1))
	f.Add([]byte("secret_key=&secret_key="), "Token", secret, uint8(5))
	f.Fuzz(func(t *testing.T, body []byte, name, value string, which uint8) {
		preset := presets[int(which)%len(presets)]
		for _, open := range []bool{true, false} {
			r := receiver(t, now, func(c *config.WebhookSource) {
				c.Preset = preset
				if c.Verify.Nobody = open; !open {
					c.Verify.HMAC.Secret = config.NewSecret("another secret that nobody signs with")
				}
				if which > 100 {
					c.Items, c.ID.Body = "a.b", "id"
				}
			})
			req := httptest.NewRequest("POST", "/in/shop", nil)
			req.URL = &url.URL{Path: "/in/shop"}
			req.Header[http.CanonicalHeaderKey(name)] = []string{value}
			raws, _, err := r.Receive(req, bytes.Clone(body))
			if !open && !errors.Is(err, errSignature) {
				t.Fatalf("%s: taken without a signature: %v", preset, err)
			}
			if err != nil && request.AsRefusal(err) == nil {
				t.Fatalf("%v is no refusal", err)
			}
			for _, raw := range raws {
				if raw.ID == "" || len(raw.ID) > pipeline.MaxID || strings.ContainsAny(raw.ID, ".*> \t/") {
					t.Fatalf("ID %q", raw.ID)
				}
			}
		}
	})
}
