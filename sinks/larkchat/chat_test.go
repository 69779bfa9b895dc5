package larkchat_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkchat"
	"mekong/sinks/token"
)

func newChat(t *testing.T, w *world) *larkchat.Chat {
	t.Helper()
	c, err := lark.New(lark.Options{AppID: appID, AppSecret: config.NewSecret(appSecret), Endpoint: w.URL, HTTP: w.Server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return larkchat.NewChat(c)
}

func TestReply(t *testing.T) {
	w := newWorld(t)
	chat := newChat(t, w)
	asked := w.Say(group, "ou_khach", "Giá bao nhiêu?")
	long := strings.Repeat("a delivery's ID ", 20)
	var ids []string
	for _, uuid := range []string{"u1", "u1", long, long, "", ""} {
		w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpReply}, Kind: larksim.Throttle, Delay: time.Second, Next: 1})
		if _, err := chat.Reply(t.Context(), asked, "x", uuid); fate(err) != "hold 1s" {
			t.Fatal(err)
		}
		id, err := chat.Reply(t.Context(), asked, "Dạ em chào anh", uuid)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] || ids[4] == ids[5] {
		t.Errorf("the replies are %q", ids)
	}
	if got := w.Messages()[1]; got.Parent != asked || got.Content != `{"text":"Dạ em chào anh"}` {
		t.Errorf("the reply is %+v", got)
	}
	w.Recall(asked)
	if _, err := chat.Reply(t.Context(), asked, "x", "u2"); !pipeline.IsPermanent(err) {
		t.Errorf("a reply to a recalled message: %v", err)
	}
}

// A reply whose answer was lost is not given a second time.
func TestReplyLost(t *testing.T) {
	w := newWorld(t)
	chat := newChat(t, w)
	asked := w.Say(group, "ou_khach", "Giá bao nhiêu?")
	w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpReply}, Kind: larksim.Drop, Applied: true, Next: 1})
	if _, err := chat.Reply(t.Context(), asked, "Dạ", "u"); !lark.IsAmbiguous(err) {
		t.Fatal(err)
	}
	if id, err := chat.Reply(t.Context(), asked, "Dạ", "u"); err != nil || id == "" {
		t.Fatal(err)
	}
	if n := len(w.Messages()); n != 2 {
		t.Errorf("%d messages, want the question and one reply", n)
	}
}

func TestSend(t *testing.T) {
	w := newWorld(t)
	chat := newChat(t, w)
	w.AddUser(larksim.User{OpenID: "ou_an", Email: "an@example.com"})
	for _, to := range [][2]string{{"chat_id", group}, {"open_id", "ou_an"}, {"email", "an@example.com"}} {
		if id, err := chat.Send(t.Context(), to[0], to[1], "Xin chào", ""); err != nil || !strings.HasPrefix(id, "om_") {
			t.Errorf("to %s: %q, %v", to[0], id, err)
		}
	}
}

// A chat that the bot was removed from holds neither replies nor messages to others.
func TestDeadChat(t *testing.T) {
	w := newWorld(t)
	chat := newChat(t, w)
	asked := w.Say(group, "ou_khach", "Giá bao nhiêu?")
	w.AddGroup(group)
	w.AddGroup("oc_other", appID)
	for what, say := range map[string]func() error{
		"a message": func() error { _, err := chat.Send(t.Context(), "chat_id", group, "Xin chào", ""); return err },
		"a reply":   func() error { _, err := chat.Reply(t.Context(), asked, "Xin chào", ""); return err },
	} {
		if err := say(); fate(err) != "permanent" || lark.CodeOf(err) != 230002 {
			t.Errorf("%s to a group the bot is not in: %v", what, err)
		}
	}
	if _, err := chat.Send(t.Context(), "chat_id", "oc_other", "Xin chào", ""); err != nil {
		t.Errorf("to another group: %v", err)
	}
}

// What goes to the one group of a sink waits until the bot is in it; and its app's
// token is shared, told of and counted.
func TestAppBotOfASink(t *testing.T) {
	w := newWorld(t)
	entries, leases := token.NewMemory(0, nil), token.NewMemory(token.LeaseTTL, nil)
	key, err := token.NewKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	var calls []lark.Op
	var events []token.What
	for range 2 { // as in two processes
		o := w.options()
		o.Share = token.NewStore(entries, leases, key)
		o.OnCall = func(c lark.Call) { calls = append(calls, c.Op) }
		o.OnToken = func(e token.Event) { events = append(events, e.What) }
		s, err := larkchat.New("sales", w.app(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		write(t, s, record("a", "a", nil))
		w.AddGroup(group)
		if err := s.Write(t.Context(), []pipeline.Record{record("b", "b", nil)})[0].Err; fate(err) != "hold 0s" {
			t.Errorf("a bot that is not in the group: %v", err)
		}
		w.AddGroup(group, appID)
	}
	if n := w.TokenFetches(appID); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
	if got := fmt.Sprint(calls, events); got != "[tenant_token message.send message.send message.send message.send] [fetched shared]" {
		t.Errorf("it told of %s", got)
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		`<at user_id="all">x</at>`: "<\u200bat user_id=\"all\">x<\u200b/at>",
		"a <AT\n":                  "a <\u200bAT\n",
		"a < b, 1 <2, <b>":         "a < b, 1 <2, <b>",
		"":                         "",
	} {
		if got := larkchat.Plain(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
