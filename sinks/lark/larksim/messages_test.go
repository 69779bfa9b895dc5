package larksim_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"

	"mekong/sinks/lark/larksim"
)

func text(s string) string {
	b, err := json.Marshal(map[string]string{"text": s})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestMessages(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddGroup("oc_in", appID)
	w.AddGroup("oc_out")
	w.AddApp(larksim.App{ID: "cli_nobot", Secret: secret, Scopes: []string{"im:message"}, NoBot: true})
	w.AddApp(larksim.App{ID: "cli_few", Secret: secret, Scopes: []string{"im:message"}, OnlyFor: []string{"ou_x"}})
	asked := w.Say("oc_in", "ou_an", "xin chào")
	gone := w.Say("oc_in", "ou_an", "nhầm")
	w.Recall(gone)
	send := func(token, query string, body map[string]any) answer {
		return w.as(context.Background(), token, "POST", "/open-apis/im/v1/messages"+query, body)
	}
	msg := func(to, kind, content, uuid string) map[string]any {
		return map[string]any{"receive_id": to, "msg_type": kind, "content": content, "uuid": uuid}
	}
	for _, c := range []struct {
		name, token, query string
		body               map[string]any
		code               int
	}{
		{"to a group", w.token, "?receive_id_type=chat_id", msg("oc_in", "text", text("a"), ""), 0},
		{"to a person", w.token, "?receive_id_type=open_id", msg("ou_an", "text", text("a"), ""), 0},
		{"by mail", w.token, "?receive_id_type=email", msg("an@example.com", "text", text("a"), ""), 0},
		{"not in the group", w.token, "?receive_id_type=chat_id", msg("oc_out", "text", text("a"), ""), 230002},
		{"unknown person", w.token, "?receive_id_type=open_id", msg("ou_none", "text", text("a"), ""), 99992351},
		{"of another app", w.token, "?receive_id_type=open_id", msg("ou_other", "text", text("a"), ""), 99992361},
		{"no kind of id", w.token, "", msg("ou_an", "text", text("a"), ""), 99992402},
		{"no bot", w.fetch("cli_nobot", secret), "?receive_id_type=open_id", msg("ou_an", "text", text("a"), ""), 230006},
		{"out of range", w.fetch("cli_few", secret), "?receive_id_type=open_id", msg("ou_an", "text", text("a"), ""), 230013},
		{"content not JSON", w.token, "?receive_id_type=chat_id", msg("oc_in", "text", "a", ""), 230001},
		{"card not JSON", w.token, "?receive_id_type=chat_id", msg("oc_in", "interactive", "a", ""), 230099},
		{"card too large", w.token, "?receive_id_type=chat_id", msg("oc_in", "interactive", text(strings.Repeat("a", 30<<10)), ""), 230025},
		{"text too large", w.token, "?receive_id_type=chat_id", msg("oc_in", "text", text(strings.Repeat("a", 150<<10)), ""), 230025},
		{"reply", w.token, "/" + asked + "/reply", msg("", "text", text("a"), ""), 0},
		{"reply to the recalled", w.token, "/" + gone + "/reply", msg("", "text", text("a"), ""), 230011},
		{"reply to none", w.token, "/om_none/reply", msg("", "text", text("a"), ""), 230001},
		{"uuid too long", w.token, "/" + asked + "/reply", msg("", "text", text("a"), strings.Repeat("u", 51)), 230001},
	} {
		t.Run(c.name, func(t *testing.T) { send(c.token, c.query, c.body).want(t, c.code) })
	}

	one := send(w.token, "/"+asked+"/reply", msg("", "text", text("once"), "u1"))
	two := send(w.token, "/"+asked+"/reply", msg("", "text", text("once"), "u1"))
	if one.Code != 0 || string(one.Data) != string(two.Data) {
		t.Errorf("the same uuid: %s, %s", one.Data, two.Data)
	}
	count := func() (n int) {
		for _, m := range w.Messages() {
			if strings.Contains(m.Content, "once") {
				n++
			}
		}
		return n
	}
	if count() != 1 {
		t.Errorf("%d messages with one uuid", count())
	}
	w.Advance(time.Hour)
	send(w.token, "/"+asked+"/reply", msg("", "text", text("once"), "u1")).want(t, 0)
	if count() != 2 {
		t.Error("a uuid is remembered for an hour")
	}
	all := w.Messages()
	if m := all[len(all)-1]; m.Parent != asked || m.Root != asked || m.Chat != "oc_in" || m.From != appID {
		t.Errorf("reply %+v", m)
	}
}

func TestOfficialSDKMessages(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddGroup("oc_in", appID)
	cfg, tok := official(t, w)
	api := larkim.New(cfg)
	ctx := context.Background()
	sent := must[*larkim.CreateMessageResp](t)(api.Message.Create(ctx, larkim.NewCreateMessageReqBuilder().ReceiveIdType("chat_id").
		Body(larkim.NewCreateMessageReqBodyBuilder().ReceiveId("oc_in").MsgType("text").Content(text("xin chào")).Uuid("u1").Build()).Build(), tok))
	reply := must[*larkim.ReplyMessageResp](t)(api.Message.Reply(ctx, larkim.NewReplyMessageReqBuilder().MessageId(*sent.Data.MessageId).
		Body(larkim.NewReplyMessageReqBodyBuilder().MsgType("text").Content(text("ok")).ReplyInThread(true).Build()).Build(), tok))
	if *reply.Data.ParentId != *sent.Data.MessageId || *reply.Data.ChatId != "oc_in" || *reply.Data.ThreadId == "" || *reply.Data.Body.Content != text("ok") {
		t.Errorf("reply: %s", reply.RawBody)
	}
	w.Inject(larksim.Fault{Kind: larksim.Throttle, Delay: 52 * time.Second, Next: 1})
	slow, err := api.Message.Create(ctx, larkim.NewCreateMessageReqBuilder().ReceiveIdType("chat_id").
		Body(larkim.NewCreateMessageReqBodyBuilder().ReceiveId("oc_in").MsgType("text").Content(text("x")).Build()).Build(), larkcore.RequestOptionFunc(tok))
	if err != nil || slow.StatusCode != 429 || slow.Header.Get("x-ogw-ratelimit-reset") != "52" {
		t.Errorf("throttled: %v %v", slow, err)
	}
}

func TestBotHook(t *testing.T) {
	w := newWorld(t, larksim.Options{RateLimits: true})
	w.AddBotHook(larksim.BotHook{Token: "open"})
	w.AddBotHook(larksim.BotHook{Token: "signed", Secret: "invented"})
	w.AddBotHook(larksim.BotHook{Token: "word", Keyword: "Mekong"})
	w.AddBotHook(larksim.BotHook{Token: "far", AllowIPs: []string{"192.0.2.1"}})
	sign := func(at time.Time, secret string) map[string]any {
		ts := fmt.Sprint(at.Unix())
		h := hmac.New(sha256.New, []byte(ts+"\n"+secret))
		return map[string]any{"timestamp": ts, "sign": base64.StdEncoding.EncodeToString(h.Sum(nil)), "msg_type": "text", "content": map[string]string{"text": "a"}}
	}
	hello := map[string]any{"msg_type": "text", "content": map[string]string{"text": "xin chào"}}
	for _, c := range []struct {
		name, token string
		body        any
		code        int
	}{
		{"text", "open", hello, 0},
		{"card", "open", map[string]any{"msg_type": "interactive", "card": map[string]any{"elements": []any{}}}, 0},
		{"unknown bot", "none", hello, 19001},
		{"not JSON", "open", "{", 9499},
		{"unknown type", "open", map[string]any{"msg_type": "video"}, 9499},
		{"no text", "open", map[string]any{"msg_type": "text", "content": map[string]any{}}, 19002},
		{"card as content", "open", map[string]any{"msg_type": "interactive", "content": map[string]any{}}, 19002},
		{"too large", "open", map[string]any{"msg_type": "text", "content": map[string]string{"text": strings.Repeat("a", 20<<10)}}, 9499},
		{"far too large", "open", map[string]any{"msg_type": "text", "content": map[string]string{"text": strings.Repeat("a", 30<<10)}}, 19036},
		{"signed", "signed", sign(start, "invented"), 0},
		{"wrong secret", "signed", sign(start, "other"), 19021},
		{"stale", "signed", sign(start.Add(-time.Hour-time.Second), "invented"), 19021},
		{"unsigned", "signed", hello, 19021},
		{"keyword missing", "word", hello, 19024},
		{"keyword there", "word", map[string]any{"msg_type": "text", "content": map[string]string{"text": "Mekong: a"}}, 0},
		{"address", "far", hello, 19022},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Advance(time.Second) // a window of its own
			w.as(context.Background(), "", "POST", "/open-apis/bot/v2/hook/"+c.token, c.body).want(t, c.code)
		})
	}
	w.Advance(time.Minute)
	for range 5 {
		w.as(context.Background(), "", "POST", "/open-apis/bot/v2/hook/open", hello).want(t, 0)
	}
	w.as(context.Background(), "", "POST", "/open-apis/bot/v2/hook/open", hello).want(t, 11232)
	if n := len(w.Hooked()); n != 4+5 {
		t.Errorf("%d accepted, want 9", n)
	}
}

func TestAutomation(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddAutomation(larksim.Automation{Token: "flow", Bearer: "invented", Base: baseID, Table: "Leads"})
	post := func(bearer, id, body string) answer {
		req, err := http.NewRequest("POST", host+"/base/automation/webhook/event/flow", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", bearer)
		if id != "" {
			req.Header.Set("Client-Token", id)
		}
		resp, err := w.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var a answer
		a.err = json.NewDecoder(resp.Body).Decode(&a)
		return a
	}
	row := `{"Tên":"An","khác":1}`
	post("bearer invented", "", row).want(t, 800005649)
	post("Bearer invented", "", "{").want(t, 9499)
	post("Bearer invented", "c1", row).want(t, 0)
	post("Bearer invented", "c1", row).want(t, 0)
	if n := w.RowCount(baseID, "Leads"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	w.Advance(3 * time.Hour)
	post("Bearer invented", "c1", row).want(t, 0)
	post("Bearer invented", "", row).want(t, 0)
	post("Bearer invented", "", `{"Số":"x"}`).want(t, 0) // accepted, yet no row
	if n := w.RowCount(baseID, "Leads"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	w.AddAutomation(larksim.Automation{Token: "flow", Disabled: true})
	post("Bearer invented", "", row).want(t, 800004509)

	w.as(context.Background(), "", "POST", "/sink/anycross", row).want(t, 0)
	if got := w.Hooked(); string(got[len(got)-1].Body) != row || got[len(got)-1].Token != "anycross" {
		t.Errorf("sink kept %+v", got[len(got)-1])
	}
}
