// Package sample makes up deliveries as the sender of a source would write them, proves
// them as it would, and posts them: for mekong send and for the console's test button.
// Nobody in them exists.
//
// It does not know where a door is, nor what becomes of what it posts.
package sample

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"mekong/cmd/internal/leads"
	"mekong/config"
	"mekong/sources/chatlog"
	"mekong/sources/larkbot"
	"mekong/sources/webhook"
)

// TestName is who a test is from, in every source that names anybody, so that a person
// who sees its row knows.
const TestName = "Mekong thử nghiệm"

// Parcel is the body of one request.
type Parcel struct {
	ContentType string
	Body        []byte
}

// Make is made-up delivery n, as the source's sender would write it; kind says how a
// lead is encoded. Its IDs are its own.
func Make(s config.Source, kind leads.Kind, n uint64, now time.Time) Parcel {
	return write(s, kind, leads.Make(n), "", n, now)
}

// Test is the same from [TestName].
func Test(s config.Source, n uint64, now time.Time) Parcel {
	lead := leads.Make(n)
	for i := range lead {
		if lead[i].Name == "name" {
			lead[i].Value = TestName
		}
	}
	return write(s, leads.URLEncoded, lead, "["+TestName+"] ", n, now)
}

// write writes a lead down. mark stands before what is said, where a source has words
// and no name.
func write(s config.Source, kind leads.Kind, lead leads.Lead, mark string, n uint64, now time.Time) Parcel {
	id := fmt.Sprintf("mekong-send-%d", n)
	person := map[string]string{}
	for _, f := range lead {
		person[f.Name] = f.Value
	}
	question := mark + "Khóa IELTS khai giảng ngày nào ạ? Số em là "
	var v any
	switch {
	case s.ChatLog != nil:
		v = map[string]any{"session_id": id, "turn": 1, "question": question + person["phone"], "answer": "Dạ, lớp gần nhất khai giảng thứ hai tới.",
			"ts": now.Format(time.RFC3339Nano), "latency_ms": 812, "model": "sample"}
	case s.LarkBot != nil:
		// From an app and not from a person, so that no chatbot is asked for an answer
		// to a message that is not there.
		content, _ := json.Marshal(map[string]string{"text": question + person["phone"]}) // texts are always JSON
		stamp := fmt.Sprint(now.UnixMilli())
		v = map[string]any{"schema": "2.0",
			"header": map[string]string{"event_id": id, "event_type": "im.message.receive_v1", "create_time": stamp, "token": "", "app_id": s.LarkBot.AppID},
			"event": map[string]any{
				"sender": map[string]any{"sender_id": map[string]string{"open_id": "ou_sample"}, "sender_type": "app"},
				"message": map[string]any{"message_id": "om_" + id, "chat_id": "oc_sample", "chat_type": "p2p", "message_type": "text",
					"create_time": stamp, "content": string(content)},
			}}
	case s.Webhook != nil:
		v = webhookSample(s.Webhook.Preset, id, question, person, now)
	}
	if v == nil {
		ct, body := lead.Encode(kind)
		return Parcel{ct, body}
	}
	body, _ := json.Marshal(v) // maps of texts and numbers always are JSON
	return Parcel{"application/json", body}
}

// webhookSample is what a preset's system sends; nil where a form will do.
func webhookSample(preset, id, question string, person map[string]string, now time.Time) any {
	switch preset {
	case "facebook":
		var answers []map[string]any
		for _, name := range []string{"name", "phone", "email"} {
			answers = append(answers, map[string]any{"name": map[string]string{"name": "full_name", "phone": "phone_number", "email": "email"}[name], "values": []string{person[name]}})
		}
		return map[string]any{"object": "page", "entry": []any{map[string]any{"id": "page-sample", "time": now.Unix(), "changes": []any{map[string]any{"field": "leadgen",
			"value": map[string]any{"leadgen_id": id, "form_id": "form-sample", "created_time": now.Unix(), "field_data": answers}}}}}}
	case "zalo":
		return map[string]any{"app_id": "app-sample", "event_name": "user_send_text", "timestamp": fmt.Sprint(now.UnixMilli()), "sender": map[string]string{"id": "user-sample"},
			"recipient": map[string]string{"id": "oa-sample"}, "message": map[string]string{"msg_id": id, "text": question + person["phone"]}}
	case "haravan":
		return map[string]any{"id": id, "updated_at": now.UTC().Format(time.RFC3339), "total_price": 5900000,
			"customer": map[string]string{"full_name": person["name"], "phone": person["phone"], "email": person["email"]}}
	case "pancake":
		return map[string]any{"page_id": "page-sample", "event_type": "messaging", "data": map[string]any{
			"conversation": map[string]any{"id": "conversation-sample"},
			"message": map[string]any{"id": id, "conversation_id": "conversation-sample", "original_message": question + person["phone"],
				"from": map[string]string{"id": "user-sample", "name": person["name"]}, "inserted_at": now.UTC().Format("2006-01-02T15:04:05")}}}
	case "getfly":
		return map[string]any{"event": "account.created", "account_name": person["name"], "phone": person["phone"], "email": person["email"]}
	case "google_form":
		return map[string]any{"response_id": id, "answers": map[string]string{"Họ và tên": person["name"], "Số điện thoại": person["phone"], "Email": person["email"]}}
	}
	return nil
}

// Dress proves a parcel as the source's sender would: the headers and the body to post.
func Dress(s config.Source, p Parcel, now time.Time) (h http.Header, body []byte, err error) {
	h, body = http.Header{"Content-Type": {p.ContentType}}, p.Body
	switch {
	case s.LadiPage != nil:
		for _, token := range append([]config.Secret{s.LadiPage.Token}, s.LadiPage.Tokens...) {
			if !token.IsZero() {
				h.Set("token", token.Reveal())
				break
			}
		}
	case s.ChatLog != nil:
		chatlog.Sign(*s.ChatLog, h, body)
	case s.LarkBot != nil:
		body, err = larkbot.Sign(*s.LarkBot, h, body, now)
	case s.Webhook != nil:
		body, err = webhook.Sign(*s.Webhook, h, body, fmt.Sprintf("mekong-send-%d", now.UnixNano()), now)
	}
	return h, body, err
}

// Post posts a body and gives the ID it was accepted under; "" where the answer is the
// vendor's and has none. It follows no time-out but the client's and ctx.
func Post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) (id string, took time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	req.Header = header
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return "", 0, fmt.Errorf("nobody answers (%w); is `mekong run` up?", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", 0, fmt.Errorf("the answer broke off: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("answered %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	var answer struct{ ID string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", 0, fmt.Errorf("answered 200, but not as Mekong does; is something else listening there?")
	}
	return answer.ID, time.Since(began), nil
}
