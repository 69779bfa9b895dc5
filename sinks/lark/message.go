package lark

import (
	"context"
	"net/http"
	"net/url"
)

// Message is what a bot says (`lark.md` §6.6).
type Message struct {
	Type    string // "text", "post", "interactive", …
	Content any    // becomes a JSON text inside the JSON: {"text": "…"}, a card, …
	// UUID makes a repetition within an hour the same message; at most 50
	// characters; "": every call is a message of its own. See [UUIDv4].
	UUID string
	// Thread answers in a thread of its own; replies only.
	Thread bool
}

// Sent is a message that is there.
type Sent struct {
	ID     string `json:"message_id"`
	ChatID string `json:"chat_id"`
	RootID string `json:"root_id"`
}

// TextMessage is a message of plain text.
func TextMessage(text, uuid string) Message {
	return Message{Type: "text", Content: map[string]string{"text": text}, UUID: uuid}
}

// Send says something to a chat or a person: idType is "chat_id", "open_id",
// "union_id", "user_id" or "email".
func (c *Client) Send(ctx context.Context, idType, id string, m Message) (Sent, error) {
	content, err := encode(m.Content)
	if err != nil {
		return Sent{}, &Error{Op: OpSend, Class: Bug, Msg: "the message cannot be written as JSON"}
	}
	body := struct {
		To      string `json:"receive_id"`
		Type    string `json:"msg_type"`
		Content string `json:"content"`
		UUID    string `json:"uuid,omitempty"`
	}{id, m.Type, string(content), m.UUID}
	var out Sent
	err = c.Do(ctx, Request{
		Op: OpSend, Method: http.MethodPost, Path: "/open-apis/im/v1/messages", Query: url.Values{"receive_id_type": {idType}}, Body: body, Write: true,
	}, &out)
	return out, err
}

// Reply answers a message.
func (c *Client) Reply(ctx context.Context, messageID string, m Message) (Sent, error) {
	content, err := encode(m.Content)
	if err != nil {
		return Sent{}, &Error{Op: OpReply, Class: Bug, Msg: "the message cannot be written as JSON"}
	}
	body := struct {
		Type    string `json:"msg_type"`
		Content string `json:"content"`
		Thread  bool   `json:"reply_in_thread,omitempty"`
		UUID    string `json:"uuid,omitempty"`
	}{m.Type, string(content), m.Thread, m.UUID}
	var out Sent
	err = c.Do(ctx, Request{
		Op: OpReply, Method: http.MethodPost, Path: "/open-apis/im/v1/messages" + Path(messageID) + "/reply", Body: body, Write: true,
	}, &out)
	return out, err
}
