package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"mekong/config"
)

// scheme is a way of proving, with a request that holds it.
type scheme struct {
	name   string
	change func(*config.WebhookSource)
	sign   func(body string, at time.Time) sent
	body   string
	// late is how much later the same request is refused; 0: it is not, and is the
	// same delivery.
	late time.Duration
	want error // when tampered with
}

func schemes() []scheme {
	hub := func(body string, _ time.Time) sent {
		return sent{body: body, header: headers("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum(body)))}
	}
	zalo := func(inHeader bool) func(body string, at time.Time) sent {
		return func(body string, at time.Time) sent {
			stamp := strconv.FormatInt(at.UnixMilli(), 10)
			h := headers("X-ZEvent-Timestamp", stamp)
			if !inHeader {
				body = strings.Replace(body, `"timestamp":""`, `"timestamp":"`+stamp+`"`, 1)
				h = http.Header{}
			}
			mac := sha256.Sum256([]byte("app1" + body + stamp + secret))
			h.Set("X-ZEvent-Signature", "mac="+hex.EncodeToString(mac[:]))
			return sent{body: body, header: h}
		}
	}
	standard := func(body string, at time.Time) sent {
		stamp := strconv.FormatInt(at.Unix(), 10)
		sig := base64.StdEncoding.EncodeToString(sum("msg_1." + stamp + "." + body))
		return sent{body: body, header: headers("webhook-id", "msg_1", "webhook-timestamp", stamp, "webhook-signature", "v1,AAAA v1a,xx v1,"+sig)}
	}
	stamped := func(body string, at time.Time) sent {
		stamp := strconv.FormatInt(at.Unix(), 10)
		return sent{body: body, header: headers("X-Time", stamp, "X-Signature", "v0="+base64.StdEncoding.EncodeToString(sum("v0:"+stamp+":"+body)))}
	}
	key := config.NewSecret(secret)
	const order = `{"id":"o-12345","phone":"0900000000"}`
	const said = `{"app_id":"app1","event_name":"user_send_text","message":{"msg_id":"m-1","text":"x"},"timestamp":""}`
	return []scheme{
		{"facebook", func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "facebook", key }, hub, lead, 0, errSignature},
		{"zalo, time in the body", func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "zalo", key }, zalo(false), said, 14 * time.Hour, errSignature},
		{"zalo, time in a header", func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "zalo", key }, zalo(true), said, 14 * time.Hour, errSignature},
		{"haravan", func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "haravan", key }, func(body string, _ time.Time) sent {
			return sent{body: body, header: headers("X-Haravan-Topic", "orders/create", "X-Haravan-Hmacsha256", base64.StdEncoding.EncodeToString(sum(body)))}
		}, order, 0, errSignature},
		{"pancake, signed", func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "pancake", key }, func(body string, _ time.Time) sent {
			return sent{body: body, header: headers("X-Pancake-Signature", hex.EncodeToString(sum(body)))}
		}, `{"event_type":"messaging","data":{"message":{"id":"m_1","message":"x"}}}`, 0, errSignature},
		{"pancake, token in the path", func(c *config.WebhookSource) { c.Preset, c.Verify.Token.Value = "pancake", key }, func(body string, _ time.Time) sent {
			return sent{body: body, target: "/in/shop/" + secret}
		}, `{"event_type":"messaging","data":{"message":{"id":"m_1","message":"x"}}}`, 0, nil},
		{"getfly", func(c *config.WebhookSource) { c.Preset, c.Verify.Token.Value = "getfly", key }, func(body string, _ time.Time) sent {
			return sent{body: body, header: headers("Content-Type", "application/x-www-form-urlencoded")}
		}, "event=account.created&secret_key=" + secret + "&data[phone]=0900000000", 0, nil},
		{"google form", func(c *config.WebhookSource) { c.Preset, c.Verify.Token.Value = "google_form", key }, func(body string, _ time.Time) sent {
			return sent{body: body, header: headers("Token", secret)}
		}, `{"response_id":"r-1","answers":{"SĐT":"0900000000"}}`, 0, nil},
		{"standard webhooks", func(c *config.WebhookSource) { c.Verify.Standard = config.NewSecret(whsec) }, standard, order, 6 * time.Minute, errSignature},
		{"hmac with a time", func(c *config.WebhookSource) {
			c.Verify.HMAC = config.WebhookSignature{Secret: key, Header: "X-Signature", Algorithm: "sha256", Encoding: "base64", Prefix: "v0=", Signed: "v0:{timestamp}:{body}", Timestamp: "X-Time", Window: 5 * time.Minute}
			c.ID.Body = "id"
		}, stamped, order, 6 * time.Minute, errSignature},
		{"hmac sha1", func(c *config.WebhookSource) {
			c.Verify.HMAC = config.WebhookSignature{Secret: key, Header: "X-Sig", Algorithm: "sha1", Encoding: "hex", Prefix: "sha1="}
			c.ID.Body = "id"
		}, func(body string, _ time.Time) sent {
			h := hmac.New(sha1.New, []byte(secret))
			h.Write([]byte(body))
			return sent{body: body, header: headers("X-Sig", "sha1="+hex.EncodeToString(h.Sum(nil)))}
		}, order, 0, errSignature},
		{"basic", func(c *config.WebhookSource) {
			c.Verify.Basic, c.ID.Body = config.WebhookBasic{User: "u", Password: key}, "id"
		}, func(body string, _ time.Time) sent {
			return sent{body: body, header: headers("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("u:"+secret)))}
		}, order, 0, nil},
		{"token in the query", func(c *config.WebhookSource) {
			c.Verify.Token, c.ID.Body = config.WebhookToken{Value: key, Header: "X-Key", Query: "k"}, "id"
		}, func(body string, _ time.Time) sent { return sent{body: body, target: "/in/shop?k=" + secret} }, order, 0, nil},
	}
}

func TestWithoutSecret(t *testing.T) {
	for in, want := range map[string]string{
		"secret_key=abc&a=1": "secret_key=&a=1", "a=1&secret_key=abc": "a=1&secret_key=", "a=secret_key": "a=secret_key", "my_secret_key=abc": "my_secret_key=abc",
		`{"a":1,"secret_key":"abc"}`: `{"a":1,"secret_key":""}`, `{"b":"secret_key"}`: `{"b":"secret_key"}`,
	} {
		if got := string(withoutSecret("getfly", []byte(in))); got != want {
			t.Errorf("%s becomes %s", in, got)
		}
	}
}
