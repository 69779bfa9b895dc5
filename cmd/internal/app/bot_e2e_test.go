package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/sinks/chatbot"
	"mekong/sinks/lark/larksim"
)

const (
	botApp, botToken, botKey = "cli_bot", "the-verification-token", "the-encrypt-key"
	botChat, botPerson       = "oc_khach", "ou_khach"
)

// question is what a chatbot is asked.
type question struct {
	Session  string `json:"session_id"`
	Text     string
	Messages []struct{ Role, Content string }
}

// bots is a simulated Lark with a bot in it, and the chatbot behind the bot.
type bots struct {
	t      *testing.T
	sim    *larksim.Sim
	config string
	dir    string

	mu    sync.Mutex
	asked []question
	ends  chan struct{} // closed with the test
	think func(w http.ResponseWriter, r *http.Request, q question)
}

func newBots(t *testing.T) *bots {
	t.Helper()
	b := &bots{t: t, sim: larksim.New(larksim.Options{Seed: 3}), dir: t.TempDir(), ends: make(chan struct{}), think: echo}
	b.sim.AddApp(larksim.App{ID: botApp, Secret: "s", Name: "Mekong", Scopes: []string{"im:message"}})
	b.sim.AddGroup(botChat, botApp)
	platform := httptest.NewServer(b.sim)
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q question
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Errorf("the chatbot is asked in no JSON: %v", err)
		}
		b.mu.Lock()
		b.asked = append(b.asked, q)
		think := b.think
		b.mu.Unlock()
		think(w, r, q)
	}))
	t.Cleanup(func() { close(b.ends); model.Close(); platform.Close() })
	b.config = fmt.Sprintf(`
nats: { reserve: 1 }
shutdown_grace: 1s
sources:
  bot:
    larkbot:
      verification_token: %s
      encrypt_key: %s
      app_id: %s
      app_secret: s
      endpoint: %s
      reply: { url: "%s/ask", allow_private: true, timeout: 3s }
sinks:
  archive: { mongodb: { database: mekong, collection: records } }
  # What a queue of answers must not be taken for.
  answers_bot: { accept: [message], mongodb: { database: mekong, collection: messages } }
`, botToken, botKey, botApp, platform.URL, model.URL)
	return b
}

// echo is a chatbot that answers at once.
func echo(w http.ResponseWriter, _ *http.Request, q question) {
	_ = json.NewEncoder(w).Encode(map[string]string{"answer": "Dạ: " + q.Text})
}

// never is one that does not answer before its asker is gone.
func (b *bots) never(_ http.ResponseWriter, r *http.Request, _ question) {
	select {
	case <-r.Context().Done():
	case <-b.ends:
	}
}

func (b *bots) thinks(f func(http.ResponseWriter, *http.Request, question)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.think = f
}

func (b *bots) questions() []question {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]question(nil), b.asked...)
}

// start runs the app and the platform's side of the subscription.
func (b *bots) start() (*running, *larksim.Sender) {
	b.t.Helper()
	r := start(b.t, configured(b.t, b.dir, b.config), Options{})
	return r, b.sim.Subscribe(larksim.Subscription{URL: r.base + "/in/bot", App: botApp, Token: botToken, Key: botKey, Fresh: true})
}

// tell sends the event of a message, under an event ID of its own each time.
func (b *bots) tell(s *larksim.Sender, message string) {
	b.t.Helper()
	if a := s.Send(b.t.Context(), b.sim.MessageEvent(message)); !a.OK {
		b.t.Fatalf("the event was answered %d, %v", a.Status, a.Err)
	}
}

// replies are what was sent back about a message.
func (b *bots) replies(message string) (texts []string) {
	for _, m := range b.sim.Messages() {
		if m.Parent != message {
			continue
		}
		var c struct{ Text string }
		if err := json.Unmarshal([]byte(m.Content), &c); err != nil {
			b.t.Errorf("a reply of type %s holds no text: %v", m.Type, err)
		}
		texts = append(texts, c.Text)
	}
	return texts
}

// replied waits for the first reply.
func (b *bots) replied(message, want string) {
	b.t.Helper()
	poll(b.t, 30*time.Second, func() string {
		if got := b.replies(message); len(got) > 0 {
			return ""
		}
		return "there is no reply"
	})
	if got := b.replies(message); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		b.t.Errorf("the replies are %q, want one that begins %q", got, want)
	}
}

// kinds counts the documents by kind, and gives the fields of the turns by question.
func kinds(r *running) (n map[string]int, turns map[string]map[string]any) {
	n, turns = map[string]int{}, map[string]map[string]any{}
	docs := r.documents("mekong", "records")
	for _, d := range docs {
		kind, _ := in(d, "kind").(string)
		n[kind]++
	}
	for _, row := range mongoRows(docs, "turn") {
		q, _ := row["question"].(string)
		turns[q] = row
	}
	return n, turns
}

// logged waits for the turn of a question.
func logged(t *testing.T, r *running, question string) map[string]any {
	t.Helper()
	var row map[string]any
	poll(t, 30*time.Second, func() string {
		_, turns := kinds(r)
		if row = turns[question]; row == nil {
			return fmt.Sprintf("no turn of %q", question)
		}
		return ""
	})
	return row
}

// A message in Lark is answered by the chatbot once, however often the platform
// delivers it, and question and answer are logged as a turn.
func TestBotAnswersOnce(t *testing.T) {
	b := newBots(t)
	r, platform := b.start()
	if err := platform.Challenge(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := b.sim.Say(botChat, botPerson, "Học phí bao nhiêu?")
	b.tell(platform, id)
	b.replied(id, "Dạ: Học phí bao nhiêu?")
	if row := logged(t, r, "Học phí bao nhiêu?"); row["answer"] != "Dạ: Học phí bao nhiêu?" || row["channel"] != "lark" || row["user_ref"] != botPerson {
		t.Errorf("the turn is %v", row)
	}
	// As if no answer of ours had reached the platform: its whole schedule, each time
	// with a new event ID, time and signature.
	for _, later := range []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour} {
		b.sim.Advance(later)
		b.tell(platform, id)
	}
	r.settled("archive", "answers_bot")
	if n, _ := kinds(r); n["message"] != 1 || n["turn"] != 1 || n["conversation"] != 1 {
		t.Errorf("the documents are %v", n)
	}
	if n := len(r.documents("mekong", "messages")); n != 1 {
		t.Errorf("the sink called answers_bot has %d messages", n)
	}
	// Forged ones are neither taken nor answered.
	other := b.sim.Say(botChat, "ou_gia", "giả mạo")
	for _, change := range []func(*larksim.Event){
		func(e *larksim.Event) { e.Token = "another" }, func(e *larksim.Event) { e.Unsigned = true }, func(e *larksim.Event) { e.Forged = true },
	} {
		e := b.sim.MessageEvent(other)
		change(&e)
		if a := platform.Send(t.Context(), e); a.Status != http.StatusUnauthorized {
			t.Errorf("a forged event was answered %d, %v", a.Status, a.Err)
		}
	}
	if asked := b.questions(); len(asked) != 1 || len(b.replies(id)) != 1 {
		t.Errorf("asked %d times, replied %q", len(asked), b.replies(id))
	}
	if _, text := r.operators("/metrics"); !strings.Contains(text, `mekong_sink_records_total{outcome="stored",sink="_answers_bot"} 1`) {
		t.Error("the metrics do not tell of the answer")
	}
}

// A stop between a message and its answer loses neither: after the start it is answered,
// once, with the conversation of before.
func TestBotAnswersAfterRestart(t *testing.T) {
	b := newBots(t)
	r, platform := b.start()
	first := b.sim.Say(botChat, botPerson, "một")
	b.tell(platform, first)
	b.replied(first, "Dạ: một")
	logged(t, r, "một")

	b.thinks(b.never)
	second := b.sim.Say(botChat, botPerson, "hai")
	b.tell(platform, second)
	poll(t, 10*time.Second, func() string {
		if len(b.questions()) < 2 {
			return "the chatbot was not asked"
		}
		return ""
	})
	r.stop()
	if got := b.replies(second); len(got) > 0 {
		t.Fatalf("a stop answered %q", got)
	}
	b.thinks(echo)
	r, platform = b.start()
	b.replied(second, "Dạ: hai")
	logged(t, r, "hai")
	asked := b.questions()
	if last := asked[len(asked)-1]; len(last.Messages) != 3 || last.Messages[0].Content != "một" || last.Messages[1].Content != "Dạ: một" {
		t.Errorf("the conversation of before the restart is %+v", last.Messages)
	}

	// The reply arrives, and that it did is lost: the next try is the same reply.
	b.sim.Inject(larksim.Fault{Kind: larksim.Drop, Applied: true, On: []larksim.Op{larksim.OpReply}, Next: 1})
	third := b.sim.Say(botChat, botPerson, "ba")
	b.tell(platform, third)
	b.replied(third, "Dạ: ba")
	logged(t, r, "ba")
	r.stop()
	r, platform = b.start() // doubts what it finds, and answers none of it again
	fourth := b.sim.Say(botChat, botPerson, "bốn")
	b.tell(platform, fourth)
	b.replied(fourth, "Dạ: bốn")
	logged(t, r, "bốn")
	r.settled("archive")
	for _, id := range []string{first, second, third, fourth} {
		if got := b.replies(id); len(got) != 1 {
			t.Errorf("the replies to %s are %q", id, got)
		}
	}
	if n, _ := kinds(r); n["message"] != 4 || n["turn"] != 4 || n["conversation"] != 1 {
		t.Errorf("the documents are %v", n)
	}
}

// A chatbot that is too slow, or fails, leaves nobody without a word; the platform has
// its 200 long before.
func TestBotIsPolite(t *testing.T) {
	b := newBots(t)
	b.config = strings.Replace(b.config, "timeout: 3s", "timeout: 1s", 1)
	r, platform := b.start()
	for question, think := range map[string]func(http.ResponseWriter, *http.Request, question){
		"chậm quá": b.never,
		"hỏng": func(w http.ResponseWriter, _ *http.Request, _ question) {
			w.WriteHeader(http.StatusInternalServerError)
		},
	} {
		b.thinks(think)
		id := b.sim.Say(botChat, botPerson, question)
		began := time.Now()
		b.tell(platform, id)
		if took := time.Since(began); took > 900*time.Millisecond {
			t.Errorf("the platform waited %s, as long as the chatbot thinks", took)
		}
		b.replied(id, strings.SplitN(chatbot.Polite, "\n", 2)[0])
		if row := logged(t, r, question); row["error"] == nil {
			t.Errorf("%s: the turn does not say that the chatbot failed: %v", question, row)
		}
	}
	if _, text := r.operators("/metrics"); !strings.Contains(text, `mekong_chatbot_failures_total{source="bot"} 2`) {
		t.Error("the metrics do not tell of the failures")
	}
}
