// Package chatbot has a chatbot answer the messages that people write to a bot in
// Lark: each message is posted to the chatbot's HTTP endpoint with the conversation so
// far, what it answers is sent as a reply, and question and answer are logged as a
// turn like any other.
//
//	POST <url>
//	Idempotency-Key: <the message's ID>
//	{"session_id":…,"message_id":…,"text":…,"user":{"id":…},"channel":"lark","chat_type":…,
//	 "messages":[{"role":"user","content":…},{"role":"assistant","content":…},…,{"role":"user","content":<text>}]}
//
//	200 {"answer":"…"}   also reply, response, output, text, message, content, and what
//	                     OpenAI's API has; or plain text
//	204                  nothing is to be said
//
// It is a sink, since answering is something done about a record: a crash loses no
// answer. What it promises is that a person is not left without a word, nor told twice:
//
//   - A chatbot that fails, or takes longer than it may, gets the person the polite
//     message in place of an answer. It is not asked again.
//   - All that is sent about one message has one uuid, and the platform sends only the
//     first of what has the same within an hour (`lark.md` §6.6). So a try after a crash
//     changes nothing, whatever the chatbot says the second time.
//   - After that hour the uuid is forgotten. A message of which it cannot be known
//     whether an earlier try reached the platform is then left alone: silence for one
//     who asked an hour ago is better than a second answer. That goes for a replay of
//     history too, which answers nobody.
//
// The log's weak side: after a crash between reply and log the chatbot is asked again,
// and its second answer is logged although the first was shown, unless it honours the
// Idempotency-Key.
//
// The conversation is what this process has seen of it, and what it was told of with
// [Sink.Remember]; sessions are bounded, and the oldest are forgotten. The chatbot has
// the session's ID and may know better.
//
// The address may come from a customer, so by default only public addresses are
// connected to (package outbound), no redirect is followed and no proxy used. No error or finding holds an
// address beyond its host, a header, a question, or any text of an answer. The package
// does not know how a reply is sent ([Options.Reply]) nor where turns go
// ([Options.Emit]).
package chatbot

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/outbound"
)

// Options are what the sink works with. Reply and Emit must be given.
type Options struct {
	// Reply answers a message with text and returns the reply's ID. With the same
	// uuid again within an hour it is the same reply. Its errors carry verdicts.
	Reply func(ctx context.Context, messageID, text, uuid string) (id string, err error)
	// Sure reports whether an error of Reply means that nothing was sent. Nil: never.
	Sure func(err error) bool
	// Emit stores the turn of a question and its answer.
	Emit pipeline.Emit
	// OnFailure is told whenever a person gets the polite message, and why, without
	// anything that was said. Quick, from any goroutine. Nil: nobody is told.
	OnFailure func(reason string)

	TLS *tls.Config      // of connections to the chatbot; nil: the system's authorities
	Now func() time.Time // nil: the real clock
}

const (
	maxRequest = 1 << 20   // bytes; history is left out before a question is
	maxAnswer  = 1 << 20   // bytes of an answer that are read
	maxReply   = 100 << 10 // bytes of text in a reply: the platform takes 150 KB of JSON

	// uuidLife is for how long a uuid is relied on: the platform keeps it for an
	// hour from the first use, which was not before the message was written.
	uuidLife = 50 * time.Minute
)

// Polite is what a person is told when nothing else is configured.
const Polite = "Xin lỗi, hiện em chưa trả lời được câu này. Em đã ghi lại và sẽ có người liên hệ với anh/chị.\n" +
	"Sorry, I cannot answer this just now. I have noted it, and somebody will get back to you."

// Sink answers the messages of one source. All methods may be called at once; the
// messages of one session are answered one after the other.
type Sink struct {
	source  string
	conf    config.LarkReply
	url     *url.URL
	header  http.Header
	polite  string
	opts    Options
	client  *http.Client
	dialler outbound.Dialer
	memory  *memory
}

var _ pipeline.Sink = (*Sink)(nil)

// New makes the sink that answers what comes from source, a bot's. It opens no
// connection. Its errors name the setting that can never work, and not its value.
func New(source string, c config.LarkReply, o Options) (*Sink, error) {
	if o.Reply == nil || o.Emit == nil {
		return nil, errors.New("chatbot: there is no way to reply or to log")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sure == nil {
		o.Sure = func(error) bool { return false }
	}
	if o.OnFailure == nil {
		o.OnFailure = func(string) {}
	}
	s := &Sink{source: source, conf: c, header: http.Header{}, polite: c.Polite, opts: o, memory: newMemory(c.History)}
	if s.polite == "" {
		s.polite = Polite
	}
	if s.conf.Timeout <= 0 {
		s.conf.Timeout = 30 * time.Second
	}
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return nil, fmt.Errorf("%s: not the address of a chatbot", s.setting("url"))
	}
	s.url = u
	for h, v := range c.Headers {
		s.header.Set(h, v.Reveal())
	}
	if !c.Bearer.IsZero() {
		s.header.Set("Authorization", "Bearer "+c.Bearer.Reveal())
	}
	s.dialler = outbound.Dialer{Private: c.AllowPrivate, Setting: s.setting("allow_private")}
	s.client = s.dialler.Client(o.TLS, c.Writers)
	return s, nil
}

// Limits is what the worker is to obey: a message at a time, several at once.
func (s *Sink) Limits() pipeline.Limits {
	return pipeline.Limits{Batch: 1, Writers: max(s.conf.Writers, 1)}
}

// Remember tells the sink of a turn that was answered before this process started.
// Turns of one session come oldest first.
func (s *Sink) Remember(session, question, answer string) {
	if session != "" && answer != "" {
		s.memory.remember(session, exchange{cut(question, maxRemembered), cut(answer, maxRemembered)})
	}
}

// Forget leaves nothing here, since nothing is kept; what stands in a chat is not
// taken back.
func (s *Sink) Forget(context.Context, []string) error {
	s.memory.forget()
	return nil
}

// Close lets go of the connections that nothing is in flight on.
func (s *Sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (s *Sink) setting(name string) string { return "sources." + s.source + ".larkbot.reply." + name }
