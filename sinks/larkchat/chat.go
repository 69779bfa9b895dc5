package larkchat

import (
	"context"
	"errors"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark"
)

// Chat sends and replies as the bot of an app. It may be used from any number of
// goroutines. Its errors carry the verdicts of [lark.Error], with one exception: that
// the bot is not, or no longer, in a chat is the fault of what was to be said there,
// since one chat that is gone must not hold all others.
type Chat struct{ client *lark.Client }

// NewChat makes a chat of a client, whose identity must be the app's.
func NewChat(c *lark.Client) *Chat { return &Chat{c} }

// Reply answers a message with text and returns the reply's id. With the same uuid
// again within an hour it is the same reply (`lark.md` §6.6); "" makes each call a
// reply of its own. Text that others wrote goes through [Plain] first.
func (c *Chat) Reply(ctx context.Context, messageID, text, uuid string) (id string, err error) {
	sent, err := c.client.Reply(ctx, messageID, lark.TextMessage(text, fitUUID(uuid)))
	return sent.ID, inOneChat(err)
}

// Send says text to a chat or a person: receiveIDType is "chat_id", "open_id",
// "union_id", "user_id" or "email". For uuid and text see [Chat.Reply].
func (c *Chat) Send(ctx context.Context, receiveIDType, id, text, uuid string) (messageID string, err error) {
	sent, err := c.client.Send(ctx, receiveIDType, id, lark.TextMessage(text, fitUUID(uuid)))
	return sent.ID, inOneChat(err)
}

// notInChat is the code of a chat that the bot was never in, was removed from, or
// that is no more (`lark.md` §6.6).
const notInChat = 230002

// inOneChat gives err the verdict it has among many chats.
func inOneChat(err error) error {
	if e := lark.As(err); e != nil && e.Code == notInChat {
		return pipeline.Permanent(e)
	}
	return err
}

// fitUUID makes any name one that the platform takes: at most 50 characters.
func fitUUID(s string) string {
	if s == "" || len(s) <= 50 {
		return s
	}
	return lark.UUIDv4("larkchat", s)
}

// app is the bot of an app, in one group.
type app struct {
	setting string
	chat    string
	where   lark.Where
	client  *lark.Client
	now     func() time.Time
	pace    pace
}

func newApp(setting string, c config.LarkChat, o Options) (*app, error) {
	client, err := lark.New(lark.Options{
		Brand: c.Brand, Endpoint: c.Endpoint, AppID: c.AppID, AppSecret: c.AppSecret,
		Share: o.Share, OnToken: o.OnToken, OnCall: o.OnCall, HTTP: o.HTTP, Timeout: c.Timeout, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	if c.Chat == "" {
		return nil, errors.New("larkchat: neither hook nor chat says where notices go")
	}
	a := &app{setting: setting, chat: c.Chat, client: client, now: o.Now}
	a.where = lark.Where{Setting: setting, Brand: client.Brand(), AppID: c.AppID}
	// Five a second to one group, by all bots in it (`lark.md` §6.6).
	a.pace.rules = []rule{{5, time.Second}}
	return a, nil
}

func (a *app) close() {}

func (a *app) post(ctx context.Context, m message, once string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if wait := a.pace.take(a.now()); wait > 0 {
		return "", pipeline.Hold(errors.New("larkchat: the group's 5 messages a second are used up"), wait)
	}
	sent, err := a.client.Send(ctx, "chat_id", a.chat, lark.Message{Type: m.kind, Content: m.content, UUID: lark.UUIDv4("larkchat", once)})
	if err != nil && lark.CodeOf(err) == wrongReceiver {
		// The rest of the message is made here, so it is the group's id.
		err = pipeline.Hold(err, 0)
	}
	return sent.ID, err
}

// wrongReceiver is the code of a message with a parameter that is disliked.
const wrongReceiver = 230001

// check gets a token, which proves the credentials. Whether the bot is in the group
// cannot be asked without the right to read groups, which nothing else needs.
func (a *app) check(ctx context.Context) []pipeline.Finding {
	if err := a.client.Authenticate(ctx); err != nil {
		return []pipeline.Finding{lark.Diagnose(err, a.where)}
	}
	return []pipeline.Finding{{
		Level: pipeline.OK, Setting: a.setting + ".app_id",
		What: "the app's credentials are right; whether its bot is in the group, with the scope im:message, is seen with the first notice",
	}}
}
