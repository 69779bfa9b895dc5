package webhook

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"mekong/config"
	"mekong/sources/request"
)

// FuzzProofs: nothing is taken by any proof but what has it. The secrets are such as
// no input has.
func FuzzProofs(f *testing.F) {
	const never = "5f8c0d7a91e24b6c8d3f02a7"
	f.Add([]byte("{}"), "Webhook-Signature", "v1,AAAA v1, v2,x", "1772334245", "")
	f.Add([]byte("{}"), "Authorization", "Basic bWVrb25nOg==", "", "")
	f.Add([]byte("secret_key=x"), "X-Token", "x", "", "token=x")
	f.Add([]byte(`{"app_id":"1","timestamp":"1"}`), "X-Zevent-Signature", "mac=00", "1", "")
	kinds := []func(*config.WebhookSource){
		func(c *config.WebhookSource) {
			c.Verify.Standard = config.NewSecret("whsec_NWY4YzBkN2E5MWUyNGI2YzhkM2YwMmE3")
		},
		func(c *config.WebhookSource) { c.Verify.Token.Value = config.NewSecret(never) },
		func(c *config.WebhookSource) {
			c.Verify.Basic.User, c.Verify.Basic.Password = "mekong", config.NewSecret(never)
		},
		func(c *config.WebhookSource) { c.Preset, c.Verify.Token.Value = "getfly", config.NewSecret(never) },
		func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "zalo", config.NewSecret(never) },
		func(c *config.WebhookSource) { c.Preset, c.Verify.HMAC.Secret = "pancake", config.NewSecret(never) },
	}
	receivers := make([]*Receiver, len(kinds))
	for i, kind := range kinds {
		receivers[i] = receiver(f, now, func(c *config.WebhookSource) { c.Verify = config.WebhookVerify{}; kind(c) })
	}
	f.Fuzz(func(t *testing.T, body []byte, name, value, stamp, query string) {
		for i, r := range receivers {
			req := httptest.NewRequest("POST", "/in/shop", nil)
			req.URL = &url.URL{Path: "/in/shop", RawQuery: query}
			for n, v := range map[string]string{name: value, "Webhook-Id": "1", "Webhook-Timestamp": stamp, "X-ZEvent-Timestamp": stamp} {
				req.Header.Set(n, v)
			}
			_, _, err := r.Receive(req, append([]byte(nil), body...))
			if err == nil {
				t.Errorf("kind %d is taken without its proof", i)
			} else if request.AsRefusal(err) == nil {
				t.Errorf("%v is no refusal", err)
			}
		}
	})
}
