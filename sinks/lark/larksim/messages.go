package larksim

import (
	"encoding/json"
	"slices"
	"time"
)

// Message is one message in a chat.
type Message struct {
	ID      string
	Root    string // the message that the thread of replies began with
	Parent  string // the message replied to
	Thread  string
	Chat    string
	Type    string
	Content string // JSON, as sent
	From    string // app id of a bot, open id of a person
	At      time.Time
	Gone    bool // recalled
}

// chatState is the groups, the messages, and the uuids of the last hour.
type chatState struct {
	groups   map[string][]string // chat → apps whose bot is in it
	messages []*Message
	uuids    map[string]sentOnce
	pace     map[string]*window // per person or group
	desk     *desk              // nil: nobody writes at /sim/chat
}

type sentOnce struct {
	message *Message
	expires time.Time
}

// Bounds of a message (`lark.md` §6.6).
const (
	uuidLife   = time.Hour
	maxUUID    = 50
	maxPlain   = 150 << 10 // bytes of a text
	maxRich    = 30 << 10  // of a card or post
	chatPerSec = 5         // to one person or group
)

func newChats() chatState {
	return chatState{groups: map[string][]string{}, uuids: map[string]sentOnce{}, pace: map[string]*window{}}
}

// AddGroup adds a group chat with the bots of these apps in it.
func (s *Sim) AddGroup(chatID string, apps ...string) {
	s.set(func() { s.chats.groups[chatID] = slices.Clone(apps) })
}

// Say is a person writing into a chat; it returns the message id.
func (s *Sim) Say(chatID, openID, text string) (messageID string) {
	s.set(func() {
		m := &Message{ID: s.id("om_", 32), Chat: chatID, Type: "text", Content: string(encode(map[string]string{"text": text})), From: openID, At: s.now()}
		s.chats.messages = append(s.chats.messages, m)
		messageID = m.ID
	})
	return messageID
}

// Recall takes a message back; replies to it are 230011.
func (s *Sim) Recall(messageID string) {
	s.set(func() {
		if m := s.message(messageID); m != nil {
			m.Gone = true
		}
	})
}

// Messages are all messages, oldest first.
func (s *Sim) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Message, len(s.chats.messages))
	for i, m := range s.chats.messages {
		out[i] = *m
	}
	return out
}

func (s *Sim) message(id string) *Message {
	for _, m := range s.chats.messages {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// messageBody is what send and reply take.
type messageBody struct {
	To       string `json:"receive_id"`
	Type     string `json:"msg_type"`
	Content  string `json:"content"`
	UUID     string `json:"uuid"`
	InThread bool   `json:"reply_in_thread"`
}

func sendMessage(c *call) (any, *failure) {
	in, f := c.messageBody()
	if f != nil {
		return nil, f
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	chat := in.To
	switch kind := c.query.Get("receive_id_type"); kind {
	case "chat_id":
		bots, known := s.chats.groups[chat]
		if !known {
			return nil, fail(230001)
		}
		if !slices.Contains(bots, c.app.ID) {
			return nil, fail(230002)
		}
	case "open_id", "union_id", "user_id", "email":
		u := s.user(in.To, kind)
		switch {
		case u == nil && kind == "open_id":
			return nil, fail(99992351)
		case u == nil:
			return nil, fail(230001)
		case u.Foreign:
			return nil, fail(99992361)
		case !c.app.reaches(u):
			return nil, fail(230013)
		}
		chat = "oc_p2p_" + u.OpenID
	default:
		return nil, violation("receive_id_type", "must be one of open_id, user_id, union_id, email, chat_id")
	}
	return s.post(c.app, in, &Message{Chat: chat})
}

func replyMessage(c *call) (any, *failure) {
	in, f := c.messageBody()
	if f != nil {
		return nil, f
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.message(c.vars["message_id"])
	switch {
	case to == nil:
		return nil, fail(230001)
	case to.Gone:
		return nil, fail(230011)
	}
	if bots, group := s.chats.groups[to.Chat]; group && !slices.Contains(bots, c.app.ID) {
		return nil, fail(230002)
	}
	m := &Message{Chat: to.Chat, Parent: to.ID, Root: to.Root, Thread: to.Thread}
	if m.Root == "" {
		m.Root = to.ID
	}
	if in.InThread && m.Thread == "" {
		m.Thread = s.id("omt_", 16)
	}
	return s.post(c.app, in, m)
}

// messageBody reads and checks what send and reply share.
func (c *call) messageBody() (messageBody, *failure) {
	var in messageBody
	if json.Unmarshal(c.body, &in) != nil || in.Type == "" || in.Content == "" || len(in.UUID) > maxUUID {
		return in, fail(230001)
	}
	if c.app.NoBot {
		return in, fail(230006)
	}
	var content map[string]any
	if json.Unmarshal([]byte(in.Content), &content) != nil {
		if in.Type == "interactive" {
			return in, fail(230099)
		}
		return in, fail(230001)
	}
	limit := maxPlain
	switch in.Type {
	case "interactive", "post":
		limit = maxRich
	case "text":
		if _, ok := content["text"].(string); !ok {
			return in, fail(230001)
		}
	case "image", "file", "audio", "media", "sticker", "share_chat", "share_user", "system":
	default:
		return in, fail(230001)
	}
	if len(in.Content) > limit {
		return in, fail(230025)
	}
	return in, nil
}

// post sends a message once per uuid and hour, and five times a second to one chat.
func (s *Sim) post(a *app, in messageBody, m *Message) (any, *failure) {
	now := s.now()
	key := a.ID + "\x00" + m.Chat + "\x00" + in.UUID
	if in.UUID != "" {
		for k, o := range s.chats.uuids {
			if !now.Before(o.expires) {
				delete(s.chats.uuids, k)
			}
		}
		if o, ok := s.chats.uuids[key]; ok {
			return o.message.shown(), nil
		}
	}
	if s.opts.RateLimits && !paced(s.chats.pace, m.Chat, now, time.Second, chatPerSec) {
		return nil, fail(230020)
	}
	m.ID, m.Type, m.Content, m.From, m.At = s.id("om_", 32), in.Type, in.Content, a.ID, now
	s.chats.messages = append(s.chats.messages, m)
	if in.UUID != "" {
		s.chats.uuids[key] = sentOnce{m, now.Add(uuidLife)}
	}
	return m.shown(), nil
}

// paced counts an event into the window of key and says whether there was room.
func paced(windows map[string]*window, key string, now time.Time, span time.Duration, most int) bool {
	w := windows[key]
	if w == nil || now.Sub(w.opened) >= span {
		w = &window{opened: now}
		windows[key] = w
	}
	w.calls++
	return w.calls <= most
}

func (m *Message) shown() map[string]any {
	at := stamp(m.At.UnixMilli())
	out := map[string]any{"message_id": m.ID, "chat_id": m.Chat, "msg_type": m.Type, "create_time": at, "update_time": at, "deleted": m.Gone, "updated": false,
		"sender": map[string]any{"id": m.From, "id_type": "app_id", "sender_type": "app"}, "body": map[string]any{"content": m.Content}}
	for k, v := range map[string]string{"root_id": m.Root, "parent_id": m.Parent, "thread_id": m.Thread} {
		if v != "" {
			out[k] = v
		}
	}
	return out
}
