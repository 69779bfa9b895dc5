package larksim

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed page_chat.html
var chatHTML string

// chatTemplate is parsed once and never changed.
var chatTemplate = template.Must(template.New("chat").Parse(chatHTML))

// Bounds of the page: what it shows of a conversation, and of one message.
const (
	shownMessages = 200
	mostWritten   = 4000 // bytes
)

// ChatPage is a conversation of one person with one bot, which somebody has in the
// browser at /sim/chat.
type ChatPage struct {
	User   string       // open id of who writes there
	Bot    string       // what the page calls the bot; "": its app's name
	Events Subscription // where what is written is delivered
}

// desk is an open ChatPage. Its sender takes one call at a time.
type desk struct {
	ChatPage
	mu     sync.Mutex
	sender *Sender
}

// OpenChat lets a person write to a bot at /sim/chat, in place of the conversation that
// was open there before. What is written is delivered to the app's request URL while
// the browser waits, three seconds at most; a delivery that fails is made again while
// somebody looks at the page, when it is due.
func (s *Sim) OpenChat(p ChatPage) {
	sender := s.Subscribe(p.Events)
	s.set(func() {
		if a := s.apps[p.Events.App]; p.Bot == "" && a != nil {
			p.Bot = a.Name
		}
		s.chats.desk = &desk{ChatPage: p, sender: sender}
	})
}

// chat is the id of the conversation.
func (d *desk) chat() string { return "oc_p2p_" + d.User }

// say delivers a message; the error is for the person who wrote it.
func (d *desk) say(ctx context.Context, s *Sim, text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := s.Say(d.chat(), d.User, text)
	if a := d.sender.Send(ctx, s.MessageEvent(id)); !a.OK {
		return undelivered(a)
	}
	return ""
}

// again makes the deliveries that are due, unless somebody is at it.
func (d *desk) again(ctx context.Context) {
	if d.mu.TryLock() {
		defer d.mu.Unlock()
		d.sender.Due(ctx)
	}
}

func undelivered(a Attempt) string {
	if a.Status != 0 {
		return fmt.Sprintf("Not delivered: the request URL answers %d. It is tried again.", a.Status)
	}
	return "Not delivered: the request URL does not answer. It is tried again."
}

type chatView struct {
	Nonce, Revision string
	Bot, User       string
	Lines           []lineView
	Cut             bool // older ones are not shown
	Waiting         bool // the bot has not answered the last message
}

type lineView struct {
	Text, At string
	Mine     bool // the person's
}

// openDesk is the conversation that is open; without one there is a sentence.
func (c *call) openDesk() (*desk, *markup) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.chats.desk == nil {
		return nil, &markup{status: http.StatusNotFound, page: []byte("No conversation is open here.")}
	}
	return c.s.chats.desk, nil
}

// showChat is GET /sim/chat.
func showChat(c *call) (any, *failure) {
	d, none := c.openDesk()
	if none != nil {
		return *none, nil
	}
	v := c.s.chatView(d)
	v.Nonce = c.logID[len(c.logID)-16:]
	m := chatRendered("chat", v)
	m.header = map[string]string{"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-" + v.Nonce +
		"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
	return m, nil
}

// showLines is what the page polls: the messages, or nothing new.
func showLines(c *call) (any, *failure) {
	d, none := c.openDesk()
	if none != nil {
		return *none, nil
	}
	d.again(c.r.Context())
	v := c.s.chatView(d)
	if c.query.Get("rev") == v.Revision {
		return markup{status: http.StatusNoContent}, nil
	}
	m := chatRendered("lines", v)
	m.header = map[string]string{"Cache-Control": "no-store"}
	return m, nil
}

// writeChat is POST /sim/chat: somebody writes to the bot. A form of another site
// cannot send JSON.
func writeChat(c *call) (any, *failure) {
	d, none := c.openDesk()
	if none != nil {
		return *none, nil
	}
	var in struct {
		Text string `json:"text"`
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || json.Unmarshal(c.body, &in) != nil {
		return markup{status: http.StatusBadRequest, page: []byte("not JSON")}, nil
	}
	in.Text = strings.TrimSpace(in.Text)
	if in.Text == "" || len(in.Text) > mostWritten || !utf8.ValidString(in.Text) {
		return markup{status: http.StatusBadRequest, page: []byte("no message, or one that is too long")}, nil
	}
	if wrong := d.say(c.r.Context(), c.s, in.Text); wrong != "" {
		return markup{status: http.StatusBadGateway, page: []byte(wrong)}, nil
	}
	return markup{status: http.StatusNoContent}, nil
}

func chatRendered(name string, v chatView) markup {
	var b bytes.Buffer
	if err := chatTemplate.ExecuteTemplate(&b, name, v); err != nil {
		panic("larksim: a page that cannot be shown: " + err.Error())
	}
	return markup{status: http.StatusOK, page: b.Bytes()}
}

// chatView is the end of the conversation.
func (s *Sim) chatView(d *desk) chatView {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := chatView{Bot: d.Bot, User: d.User}
	if u := s.user(d.User, "open_id"); u != nil && u.Name != "" {
		v.User = u.Name
	}
	total := 0
	for _, m := range s.chats.messages {
		if m.Chat != d.chat() || m.Gone {
			continue
		}
		total++
		v.Lines = append(v.Lines, lineView{Text: m.words(), At: m.At.In(s.opts.Location).Format("15:04:05"), Mine: m.From == d.User})
		if len(v.Lines) > shownMessages {
			v.Lines, v.Cut = v.Lines[1:], true
		}
	}
	v.Waiting = len(v.Lines) > 0 && v.Lines[len(v.Lines)-1].Mine
	v.Revision = fmt.Sprint(total)
	return v
}

// words are a message's text; what is no text is named in brackets.
func (m *Message) words() string {
	var content struct {
		Text string `json:"text"`
	}
	if m.Type == "text" && json.Unmarshal([]byte(m.Content), &content) == nil {
		return content.Text
	}
	return "[" + m.Type + "]"
}
