package config

import (
	"encoding/base64"
	"strings"
	"testing"
)

// problemsOf are what the rules of b say of it, one line each, as of the block at a.
func problemsOf(b block) string {
	d := &document{}
	check(b, (&report{doc: d}).at("a"))
	checkRoutes(d)
	return d.problems.Error()
}

var longSecret = NewSecret("0123456789abcdef0123456789abcdef")

func TestLarkBotRules(t *testing.T) {
	for want, change := range map[string]func(*LarkBot){
		"":                              func(l *LarkBot) { l.VerificationToken = longSecret },
		"a.verification_token: not set": func(*LarkBot) {},
		"a.app_id: not set":             func(l *LarkBot) { l.Mode, l.AppSecret = "websocket", longSecret },
		"a.app_secret: not set":         func(l *LarkBot) { l.Mode, l.AppID = "websocket", "cli_1" },
		"a.encrypt_key: nothing is posted": func(l *LarkBot) {
			l.Mode, l.AppID, l.AppSecret, l.EncryptKey = "websocket", "cli_1", longSecret, longSecret
		},
		"a.endpoint: not the address": func(l *LarkBot) { l.VerificationToken, l.Endpoint = longSecret, "lark" },
		"a.reply.url: without TLS": func(l *LarkBot) {
			l.VerificationToken, l.AppID, l.AppSecret, l.Reply.URL = longSecret, "cli_1", longSecret, NewSecret("http://bot.example.vn/ask")
		},
		"a.reply.answer: not a path": func(l *LarkBot) {
			l.VerificationToken, l.AppID, l.AppSecret, l.Reply.URL, l.Reply.Answer = longSecret, "cli_1", longSecret, NewSecret("https://bot.example.vn/ask"), "a|b"
		},
		"a.reply.headers.Host: this header": func(l *LarkBot) {
			l.VerificationToken, l.AppID, l.AppSecret, l.Reply.URL, l.Reply.Headers = longSecret, "cli_1", longSecret, NewSecret("https://bot.example.vn/ask"), map[string]Secret{"Host": longSecret}
		},
	} {
		l := &LarkBot{}
		fill(l, "bot")
		change(l)
		if got := problemsOf(l); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") || want == "" && got != "" {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

func TestWebhookSourceRules(t *testing.T) {
	whsec := NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123")))
	for want, change := range map[string]func(*WebhookSource){
		"":                                     func(w *WebhookSource) { w.Verify.Standard = whsec },
		"a.verify: anybody who knows":          func(*WebhookSource) {},
		"a.verify.nobody: something is asked":  func(w *WebhookSource) { w.Verify.Nobody, w.Verify.Standard = true, whsec },
		"a.verify.challenge: not set":          func(w *WebhookSource) { w.Preset, w.Verify.HMAC.Secret = "facebook", longSecret },
		"a.verify: anybody who knows the path": func(w *WebhookSource) { w.Preset, w.Verify.Token.Value = "zalo", longSecret },
		"a.verify.standard_webhooks: not a":    func(w *WebhookSource) { w.Verify.Standard = NewSecret("whsec_short") },
		"a.verify.token.value: short enough":   func(w *WebhookSource) { w.Verify.Token.Value = NewSecret("abc") },
		"a.verify.basic.password: not set":     func(w *WebhookSource) { w.Verify.Standard, w.Verify.Basic.User = whsec, "u" },
		"a.verify.hmac.signed: the body must":  func(w *WebhookSource) { w.Verify.Standard, w.Verify.HMAC.Signed = whsec, "{timestamp}" },
		"a.verify.hmac.signed: a time is":      func(w *WebhookSource) { w.Verify.Standard, w.Verify.HMAC.Signed = whsec, "{timestamp}.{body}" },
		"a.items: not a path":                  func(w *WebhookSource) { w.Verify.Standard, w.Items = whsec, "#.x" },
		"a.id.header: this cannot":             func(w *WebhookSource) { w.Verify.Standard, w.ID.Header = whsec, "a b" },
	} {
		w := &WebhookSource{}
		fill(w, "shop")
		change(w)
		if got := problemsOf(w); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") || want == "" && got != "" {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}
