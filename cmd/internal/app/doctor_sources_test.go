package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
)

// sourcesToDoctor is one source of each kind; the platform and the chatbot are %s.
const sourcesToDoctor = `
nats: { reserve: 1 }
sinks: { archive: { mongodb: { database: mekong, collection: records } } }
sources:
  support: { chatlog: { token: ` + secretToken + `, tail: [%q], subject: chat.turns } }
  bot: { larkbot: { verification_token: v, encrypt_key: k, app_id: cli_bot, app_secret: s, endpoint: %s, reply: { url: %s, allow_private: true } } }
  page: { webhook: { preset: facebook, verify: { challenge: ` + secretToken + `, hmac: { secret: ` + hookKey + ` } } } }
  shop: { webhook: { verify: { token: { value: ` + hookKey + ` } } } }
`

func TestDoctorOfTheSources(t *testing.T) {
	sim := larksim.New(larksim.Options{})
	sim.AddApp(larksim.App{ID: "cli_bot", Secret: "s", Scopes: []string{"im:message"}})
	platform := httptest.NewServer(sim)
	defer platform.Close()
	chatbot := httptest.NewServer(http.NotFoundHandler())
	defer chatbot.Close()
	logs := t.TempDir()
	c := parsed(t, t.TempDir(), fmt.Sprintf(sourcesToDoctor, filepath.Join(logs, "*.jsonl"), platform.URL, chatbot.URL))
	defer besides(t, c)()
	e := &examination{c: c}
	look := func(source string, l pipeline.Level, words string) {
		t.Helper()
		if found := e.source(t.Context(), source); !says(found, l, words) {
			t.Errorf("%s: want %q, got %+v", source, words, found)
		}
	}
	look("support", pipeline.OK, "browsers may post to it")
	look("support", pipeline.Fail, "set nats.listen")
	look("support", pipeline.Warn, "no file is named by")
	if err := os.WriteFile(filepath.Join(logs, "a.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look("support", pipeline.OK, "names 1 that can be read")
	if err := os.Symlink(filepath.Join(logs, "nowhere"), filepath.Join(logs, "b.jsonl")); err != nil {
		t.Fatal(err)
	}
	look("support", pipeline.Fail, "cannot be read")
	look("bot", pipeline.OK, "answers the challenge of Lark")
	look("bot", pipeline.OK, "credentials are accepted")
	look("bot", pipeline.OK, "the chatbot at 127.0.0.1 can be reached")
	look("page", pipeline.OK, "hub.challenge")
	look("shop", pipeline.OK, "is open")

	// The configuration was changed, and what runs is the one of before.
	other := parsed(t, t.TempDir(), fmt.Sprintf(sourcesToDoctor, filepath.Join(logs, "*.jsonl"), platform.URL, "http://127.0.0.1:1"))
	other.HTTP.Intake = c.HTTP.Intake
	other.NATS.Listen = "127.0.0.1:4222"
	other.Sources["bot"].LarkBot.EncryptKey = c.Sources["page"].Webhook.Verify.Challenge
	other.Sources["bot"].LarkBot.AppSecret = c.Sources["page"].Webhook.Verify.Challenge
	other.Sources["page"].Webhook.Verify.Challenge = c.Sources["shop"].Webhook.Verify.Token.Value
	other.Sources["shop"].Webhook.Path = "/in/another"
	e = &examination{c: other}
	look("support", pipeline.OK, "at 127.0.0.1:4222")
	look("bot", pipeline.Fail, "another verification_token or encrypt_key")
	look("bot", pipeline.Fail, "larkbot")
	look("bot", pipeline.Fail, "nothing listens at the chatbot's address")
	look("page", pipeline.Fail, "another verify.challenge")
	look("shop", pipeline.Fail, "knows no /in/another")
	// A bot on a long connection has no door.
	other.Sources["bot"].LarkBot.Mode = "websocket"
	if found := e.source(t.Context(), "bot"); says(found, pipeline.Fail, "challenge") || !says(found, pipeline.Fail, "app_secret") {
		t.Errorf("a long connection with a wrong secret: %+v", found)
	}
}
