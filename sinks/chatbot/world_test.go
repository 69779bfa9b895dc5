package chatbot_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/chatbot"
	"mekong/sinks/lark"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkchat"
	"mekong/transform"
)

const (
	appID     = "cli_bot"
	appSecret = "the-secret-of-the-app"
	chat      = "oc_khach"
)

// asked is what a chatbot is sent.
type asked struct {
	Session  string            `json:"session_id"`
	Message  string            `json:"message_id"`
	Text     string            `json:"text"`
	User     map[string]string `json:"user"`
	Messages []struct{ Role, Content string }

	end <-chan struct{} // closed with the test, for a chatbot that never answers
}

// world is a simulated Lark, a chatbot, and what was logged.
type world struct {
	*larksim.Sim
	t    testing.TB
	api  *httptest.Server
	bot  *httptest.Server
	mu   sync.Mutex
	ask  func(w http.ResponseWriter, q asked)
	got  []asked
	keys []string
	raws map[string]pipeline.Raw
	emit error
	fail []string
}

func newWorld(t testing.TB) *world {
	w := &world{Sim: larksim.New(larksim.Options{Clock: larksim.Frozen(time.Now().UTC().Truncate(time.Second))}), t: t, raws: map[string]pipeline.Raw{}}
	w.AddApp(larksim.App{ID: appID, Secret: appSecret, Name: "Mekong", Scopes: []string{"im:message"}})
	w.AddGroup(chat, appID)
	w.api = httptest.NewServer(w.Sim)
	end := make(chan struct{})
	w.bot = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var q asked
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Header.Get("Authorization") != "Bearer the-token" || r.Header.Get("X-Team") != "sales" {
			t.Errorf("the chatbot is asked wrongly: %v %v", err, r.Header)
		}
		w.mu.Lock()
		w.got, w.keys = append(w.got, q), append(w.keys, r.Header.Get("Idempotency-Key"))
		ask := w.ask
		q.end = end
		w.mu.Unlock()
		if ask == nil {
			_ = json.NewEncoder(rw).Encode(map[string]string{"answer": "Dạ: " + q.Text})
			return
		}
		ask(rw, q)
	}))
	t.Cleanup(func() { close(end); w.bot.Close(); w.api.Close() })
	return w
}

func (w *world) conf() config.LarkReply {
	return config.LarkReply{URL: config.NewSecret(w.bot.URL + "/ask?key=hunter2"), Bearer: config.NewSecret("the-token"), Headers: map[string]config.Secret{"X-Team": config.NewSecret("sales")},
		Timeout: 5 * time.Second, History: 2, Writers: 4, AllowPrivate: true}
}

func (w *world) sink(c config.LarkReply) *chatbot.Sink {
	w.t.Helper()
	client, err := lark.New(lark.Options{AppID: appID, AppSecret: config.NewSecret(appSecret), Endpoint: w.api.URL, HTTP: w.api.Client(), Now: w.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	talk := larkchat.NewChat(client)
	s, err := chatbot.New("bot", c, chatbot.Options{
		Reply: talk.Reply, Sure: func(err error) bool { return !lark.IsAmbiguous(err) }, Now: w.Now,
		OnFailure: func(reason string) { w.mu.Lock(); defer w.mu.Unlock(); w.fail = append(w.fail, reason) },
		Emit: func(_ context.Context, raws ...pipeline.Raw) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, r := range raws {
				if w.emit == nil && w.raws[r.ID].ID == "" {
					w.raws[r.ID] = r
				}
			}
			return w.emit
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// says is a message of a person as the pipeline has it.
func (w *world) says(text string) pipeline.Record {
	id := w.Say(chat, "ou_khach", text)
	return pipeline.Record{ID: "bot-" + id, Key: "bot-" + id, Kind: "message", Source: "bot", Occurred: w.Now(), Received: w.Now(), Fields: map[string]any{
		"message_id": id, "chat_id": chat, "chat_type": "p2p", "session": chat, "user_ref": "ou_khach", "sender_type": "user", "message_type": "text", "text": text}}
}

func (w *world) write(s *chatbot.Sink, r pipeline.Record) pipeline.Outcome {
	w.t.Helper()
	return s.Write(context.Background(), []pipeline.Record{r})[0]
}

// replies are the texts that were sent about a message.
func (w *world) replies(r pipeline.Record) []string {
	var out []string
	for _, m := range w.Messages() {
		if m.Parent == r.Fields["message_id"] {
			var c struct{ Text string }
			if err := json.Unmarshal([]byte(m.Content), &c); err != nil {
				w.t.Fatal(err)
			}
			out = append(out, c.Text)
		}
	}
	return out
}

// turns are the rows that what was logged becomes.
func (w *world) turns() []map[string]any {
	w.t.Helper()
	tr, err := transform.New("bot", nil, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []map[string]any
	for _, raw := range w.raws {
		records, err := tr(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range records {
			if r.Kind == "turn" {
				out = append(out, r.Fields)
			}
		}
	}
	return out
}
