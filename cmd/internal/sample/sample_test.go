package sample

import (
	"bytes"
	"net/url"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
	"mekong/config"
)

// A test is known as one wherever it arrives, and is another delivery each time.
func TestATestIsKnownAsOne(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	sources := map[string]config.Source{
		"ladipage": {LadiPage: &config.LadiPage{}}, "chatlog": {ChatLog: &config.ChatLog{}}, "larkbot": {LarkBot: &config.LarkBot{}}, "webhook": {Webhook: &config.WebhookSource{}},
	}
	for _, preset := range []string{"facebook", "zalo", "haravan", "pancake", "getfly", "google_form"} {
		sources[preset] = config.Source{Webhook: &config.WebhookSource{Preset: preset}}
	}
	for name, s := range sources {
		one, other := Test(s, 1, now), Test(s, 2, now)
		text, err := url.QueryUnescape(string(one.Body))
		if err != nil {
			text = string(one.Body)
		}
		if !bytes.Contains([]byte(text), []byte(TestName)) || bytes.Equal(one.Body, other.Body) || one.ContentType == "" {
			t.Errorf("%s: the test is %s: %s", name, one.ContentType, text)
		}
		if lead := Make(s, leads.URLEncoded, 1, now); bytes.Contains(lead.Body, []byte(TestName)) || bytes.Contains(lead.Body, []byte(url.PathEscape(TestName))) {
			t.Errorf("%s: a sample passes for a test: %s", name, lead.Body)
		}
	}
}
