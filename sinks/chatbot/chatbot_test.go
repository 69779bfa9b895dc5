package chatbot_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/chatbot"
	"mekong/sinks/lark/larksim"
)

func TestAnswers(t *testing.T) {
	w := newWorld(t)
	s := w.sink(w.conf())
	first := w.says("Giá bao nhiêu?")
	o := w.write(s, first)
	if got := w.replies(first); o.Err != nil || !strings.HasPrefix(o.Ref, "om_") || len(got) != 1 || got[0] != "Dạ: Giá bao nhiêu?" {
		t.Fatalf("%+v %q", o, got)
	}
	turns := w.turns()
	if len(turns) != 1 || turns[0]["question"] != "Giá bao nhiêu?" || turns[0]["answer"] != "Dạ: Giá bao nhiêu?" || turns[0]["session"] != chat || turns[0]["user_ref"] != "ou_khach" || turns[0]["channel"] != "lark" || turns[0]["latency_ms"] == nil {
		t.Errorf("logged as %v", turns)
	}
	for _, text := range []string{"hai", "ba", "bốn"} {
		if o := w.write(s, w.says(text)); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	last := w.got[3]
	var lines []string
	for _, m := range last.Messages {
		lines = append(lines, m.Role+": "+m.Content)
	}
	if got := strings.Join(lines, "|"); got != "user: hai|assistant: Dạ: hai|user: ba|assistant: Dạ: ba|user: bốn" || last.Session != chat || last.User["id"] != "ou_khach" {
		t.Errorf("the conversation so far is %s", got)
	}
	if err := s.Forget(t.Context(), []string{"x"}); err != nil {
		t.Error(err)
	}
	s.Remember(chat, "trước", "đó")
	w.write(s, w.says("năm"))
	if got := w.got[4].Messages; len(got) != 3 || got[0].Content != "trước" {
		t.Errorf("after it was told of one turn, the conversation is %v", got)
	}
}

// A chatbot that fails or is too slow is answered for, once, and it is logged why.
func TestPolite(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(w http.ResponseWriter, q asked)
		want string
	}{
		"500":         {func(w http.ResponseWriter, _ asked) { w.WriteHeader(500) }, "answers 500"},
		"redirect":    {func(w http.ResponseWriter, _ asked) { w.Header().Set("Location", "/x"); w.WriteHeader(302) }, "answers 302"},
		"no answer":   {func(w http.ResponseWriter, _ asked) { _, _ = io.WriteString(w, `{"ok":true}`) }, "no answer"},
		"empty":       {func(w http.ResponseWriter, _ asked) { _, _ = io.WriteString(w, `{"answer":"  "}`) }, "no answer"},
		"no JSON":     {func(w http.ResponseWriter, _ asked) { _, _ = io.WriteString(w, `<html>hunter2`) }, "no answer"},
		"too long":    {func(w http.ResponseWriter, _ asked) { _, _ = io.WriteString(w, strings.Repeat("x", 2<<20)) }, "too long"},
		"hangs up":    {func(http.ResponseWriter, asked) { panic(http.ErrAbortHandler) }, "failed"},
		"too slow":    {func(_ http.ResponseWriter, q asked) { <-q.end }, "in time"},
		"slow drip":   {func(w http.ResponseWriter, q asked) { _, _ = io.WriteString(w, "{"); w.(http.Flusher).Flush(); <-q.end }, "in time"},
		"nobody home": {nil, "nothing listens"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ask = c.ask
			conf := w.conf()
			if conf.Timeout = 5 * time.Second; c.want == "in time" {
				conf.Timeout = 100 * time.Millisecond
			}
			if c.ask == nil {
				w.bot.Close()
			}
			s := w.sink(conf)
			r := w.says("Giá?")
			o := w.write(s, r)
			if got := w.replies(r); o.Err != nil || len(got) != 1 || got[0] != chatbot.Polite {
				t.Fatalf("%+v %q", o, got)
			}
			turns := w.turns()
			if len(turns) != 1 || turns[0]["answer"] != strings.TrimSpace(chatbot.Polite) || !strings.Contains(fmt.Sprint(turns[0]["error"]), c.want) {
				t.Errorf("logged as %v", turns)
			}
			if len(w.fail) != 1 || !strings.Contains(w.fail[0], c.want) || strings.Contains(w.fail[0], "hunter2") || strings.Contains(w.fail[0], "127.0.0.1") {
				t.Errorf("told as %q", w.fail)
			}
			r.Again = true
			if o := w.write(s, r); o.Err != nil || len(w.replies(r)) != 1 {
				t.Errorf("told twice: %+v %q", o, w.replies(r))
			}
		})
	}
}

func TestFindsAnswers(t *testing.T) {
	for body, want := range map[string]string{
		`{"answer":"a"}`: "a", `{"reply":" a "}`: "a", `{"choices":[{"message":{"content":"a"}}]}`: "a", `"a"`: "a", "plain: a": "a", `{"message":{"content":"a"}}`: "a",
		`[{"recipient_id":"x","text":"a"}]`: "a", `{"data":{"answer":"a"}}`: "a", `{"answer":"<at user_id=\"all\">x</at> 1 < 2"}`: "<\u200bat user_id=\"all\">x<\u200b/at> 1 < 2",
	} {
		w := newWorld(t)
		w.ask = func(rw http.ResponseWriter, _ asked) {
			if text, ok := strings.CutPrefix(body, "plain: "); ok {
				rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
				body = text
			}
			_, _ = io.WriteString(rw, body)
		}
		r := w.says("?")
		o := w.write(w.sink(w.conf()), r)
		if got := w.replies(r); o.Err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q %v", body, got, o.Err)
		}
	}
	w := newWorld(t)
	w.ask = func(rw http.ResponseWriter, _ asked) {
		_, _ = io.WriteString(rw, `{"answer":"no","deep":[{"it":"yes"}]}`)
	}
	c := w.conf()
	c.Answer = "deep.0.it"
	r := w.says("?")
	if w.write(w.sink(c), r); len(w.replies(r)) != 1 || w.replies(r)[0] != "yes" {
		t.Errorf("at the configured path: %q", w.replies(r))
	}
}

// A chatbot may say that there is nothing to say.
func TestNothingToSay(t *testing.T) {
	w := newWorld(t)
	w.ask = func(rw http.ResponseWriter, _ asked) { rw.WriteHeader(204) }
	r := w.says("ok")
	if o := w.write(w.sink(w.conf()), r); o.Err != nil || len(w.replies(r)) != 0 || len(w.raws) != 0 {
		t.Errorf("%+v %q", o, w.replies(r))
	}
}

// What is no question of a person is not answered, least of all what is logged.
func TestLeftAlone(t *testing.T) {
	w := newWorld(t)
	s := w.sink(w.conf())
	for name, change := range map[string]func(r *pipeline.Record){
		"a turn":           func(r *pipeline.Record) { r.Kind = "turn" },
		"another source":   func(r *pipeline.Record) { r.Source = "page" },
		"a bot":            func(r *pipeline.Record) { r.Fields["sender_type"] = "app" },
		"an image":         func(r *pipeline.Record) { r.Fields["message_type"] = "image" },
		"no text":          func(r *pipeline.Record) { delete(r.Fields, "text") },
		"no message":       func(r *pipeline.Record) { delete(r.Fields, "message_id") },
		"a mention and no": func(r *pipeline.Record) { r.Fields["text"], r.Fields["mentions"] = "@Tư vấn", []string{"Tư vấn"} },
		"history replayed": func(r *pipeline.Record) { r.Again, r.Occurred = true, r.Occurred.Add(-2*time.Hour) },
	} {
		r := w.says("Giá?")
		change(&r)
		if o := w.write(s, r); o.Err != nil || o.Ref != "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if len(w.got) != 0 {
		t.Errorf("the chatbot was asked %d times", len(w.got))
	}
	r := w.says("@Tư vấn  @Tư vấn giá?")
	r.Fields["mentions"] = []string{"Tư vấn"}
	if w.write(s, r); len(w.got) != 1 || w.got[0].Text != "giá?" {
		t.Errorf("asked %+v", w.got)
	}
}

// A message of hours ago that nobody has tried yet is answered: late is better than never.
func TestLateIsAnswered(t *testing.T) {
	w := newWorld(t)
	r := w.says("Giá?")
	w.Advance(3 * time.Hour)
	if o := w.write(w.sink(w.conf()), r); o.Err != nil || len(w.replies(r)) != 1 {
		t.Errorf("%+v", o)
	}
}

// While Lark takes no reply, the answer is kept and the chatbot not asked again.
func TestHeldReply(t *testing.T) {
	w := newWorld(t)
	s := w.sink(w.conf())
	r := w.says("Giá?")
	w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpReply}, Kind: larksim.Throttle, Delay: time.Second, Next: 3})
	for range 3 {
		if _, held := pipeline.IsHold(w.write(s, r).Err); !held {
			t.Fatal("not held")
		}
		r.Again = true
		w.Advance(time.Hour) // nothing was sent, so nothing can be doubled
	}
	if o := w.write(s, r); o.Err != nil || len(w.replies(r)) != 1 || len(w.got) != 1 {
		t.Errorf("%+v, asked %d times", o, len(w.got))
	}
	w.mu.Lock()
	w.emit = errors.New("no room")
	w.mu.Unlock()
	r = w.says("hai")
	if _, held := pipeline.IsHold(w.write(s, r).Err); !held {
		t.Error("a turn that cannot be stored is not held")
	}
	w.Advance(2 * time.Hour)
	w.mu.Lock()
	w.emit = nil
	w.mu.Unlock()
	r.Again = true
	if o := w.write(s, r); o.Err != nil || len(w.replies(r)) != 1 || len(w.got) != 2 || len(w.raws) != 2 {
		t.Errorf("%+v: %d replies, asked %d times, %d turns", o, len(w.replies(r)), len(w.got), len(w.raws))
	}
	r = w.says("ba")
	w.Recall(r.Fields["message_id"].(string))
	if o := w.write(s, r); !pipeline.IsPermanent(o.Err) {
		t.Errorf("a reply to a recalled message: %v", o.Err)
	}
}

// Killed anywhere, any number of times, at any hour, with answers lost on either side:
// nobody is told twice, and whoever can be told without that risk is told.
func TestOnceThroughKills(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		n := 0
		w.ask = func(rw http.ResponseWriter, q asked) {
			n++
			if rng.IntN(4) == 0 {
				rw.WriteHeader(503)
				return
			}
			_ = json.NewEncoder(rw).Encode(map[string]string{"answer": fmt.Sprintf("answer %d", n)})
		}
		s := w.sink(w.conf())
		r := w.says("Giá?")
		tried := false
		for try := 0; ; try++ {
			if try < 12 {
				switch rng.IntN(6) {
				case 0:
					w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpReply}, Kind: larksim.Drop, Applied: true, Next: 1})
				case 1:
					w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpReply}, Kind: larksim.Drop, Next: 1})
				case 2:
					w.Inject(larksim.Fault{On: []larksim.Op{larksim.OpReply}, Kind: larksim.Throttle, Delay: time.Second, Next: 1})
				case 3:
					w.emit = errors.New("no room")
				}
			}
			o := w.write(s, r)
			w.emit = nil
			tried = true
			if o.Err == nil && try > 3 {
				break
			}
			if try > 60 {
				t.Fatalf("seed %d: never settled: %v", seed, o.Err)
			}
			r.Again = tried
			if rng.IntN(2) == 0 {
				s = w.sink(w.conf()) // killed: nothing is remembered
			}
			if rng.IntN(3) == 0 {
				w.Advance(time.Duration(rng.IntN(90)) * time.Minute)
			}
		}
		if got := w.replies(r); len(got) > 1 {
			t.Fatalf("seed %d: told %d times: %q", seed, len(got), got)
		}
		if len(w.raws) > 1 {
			t.Errorf("seed %d: %d turns", seed, len(w.raws))
		}
		for _, k := range w.keys {
			if k != w.keys[0] || len(k) > 50 {
				t.Errorf("seed %d: the chatbot is asked under different keys: %q", seed, w.keys)
			}
		}
	}
}

// Several people at once; within a conversation one question after the other.
func TestAtOnce(t *testing.T) {
	w := newWorld(t)
	in := map[string]int{}
	var mu sync.Mutex
	w.ask = func(rw http.ResponseWriter, q asked) {
		mu.Lock()
		if in[q.Session]++; in[q.Session] > 1 {
			t.Errorf("two questions of %s at once", q.Session)
		}
		mu.Unlock()
		_ = json.NewEncoder(rw).Encode(map[string]string{"answer": cmp.Or(q.Text, "?")})
		mu.Lock()
		in[q.Session]--
		mu.Unlock()
	}
	s := w.sink(w.conf())
	var all sync.WaitGroup
	for i := range 40 {
		session := fmt.Sprintf("oc_%d", i%8)
		r := w.says(fmt.Sprint("câu ", i))
		r.Fields["session"] = session
		all.Go(func() {
			for {
				o := s.Write(context.Background(), []pipeline.Record{r})[0]
				if o.Err == nil {
					return
				}
				if _, held := pipeline.IsHold(o.Err); !held {
					t.Error(o.Err)
					return
				}
				w.Advance(time.Second) // five replies a second to one chat
			}
		})
	}
	all.Wait()
	if len(w.raws) != 40 {
		t.Errorf("%d turns", len(w.raws))
	}
}

// A customer's setting cannot make us ask our own machine or network.
func TestPrivateAddresses(t *testing.T) {
	w := newWorld(t)
	c := w.conf()
	c.AllowPrivate = false
	s := w.sink(c)
	r := w.says("Giá?")
	if o := w.write(s, r); o.Err != nil || len(w.got) != 0 || len(w.replies(r)) != 1 || !strings.Contains(w.fail[0], "private network: set sources.bot.larkbot.reply.allow_private") {
		t.Errorf("%+v %q", o, w.fail)
	}
	f := s.Check(t.Context())
	if len(f) != 1 || f[0].Level != pipeline.Fail || f[0].Setting != "sources.bot.larkbot.reply.url" || strings.Contains(f[0].What+f[0].Fix, "hunter2") {
		t.Errorf("%+v", f)
	}
	if f := w.sink(w.conf()).Check(t.Context()); len(f) != 1 || f[0].Level != pipeline.OK {
		t.Errorf("%+v", f)
	}
}

// Told to stop, it stops, and the message is the next one's.
func TestStops(t *testing.T) {
	w := newWorld(t)
	begun, free := make(chan struct{}), make(chan struct{})
	w.ask = func(http.ResponseWriter, asked) { close(begun); <-free }
	defer close(free)
	s := w.sink(w.conf())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan pipeline.Outcome, 1)
	r := w.says("Giá?")
	go func() { done <- s.Write(ctx, []pipeline.Record{r})[0] }()
	<-begun
	cancel()
	if o := <-done; !errors.Is(o.Err, context.Canceled) || len(w.replies(r)) != 0 || len(w.fail) != 0 {
		t.Errorf("%+v %q", o, w.fail)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNew(t *testing.T) {
	w := newWorld(t)
	o := chatbot.Options{Reply: func(context.Context, string, string, string) (string, error) { return "", nil }, Emit: func(context.Context, ...pipeline.Raw) error { return nil }}
	for _, address := range []string{"", "ftp://x", "http://u:hunter2@x", "::"} {
		c := w.conf()
		c.URL = config.NewSecret(address)
		if _, err := chatbot.New("bot", c, o); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := chatbot.New("bot", w.conf(), chatbot.Options{}); err == nil {
		t.Error("a sink that can neither reply nor log")
	}
	s, err := chatbot.New("bot", w.conf(), o)
	if err != nil || s.Limits() != (pipeline.Limits{Batch: 1, Writers: 4}) {
		t.Error(err)
	}
}
