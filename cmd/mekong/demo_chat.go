package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"mekong/cmd/internal/app"
	"mekong/pipeline"
)

// chatLog saves conversations as a chatbot with ten lines of logging does: after each
// answer the whole transcript goes to the door again. It may be used from any number
// of goroutines; the saves of one conversation come one after the other.
type chatLog struct {
	url, token string
	client     *http.Client

	fresh  atomic.Int64 // deliveries that the door had not known
	again  atomic.Int64 // those that it was given once more
	failed atomic.Int64 // saves that it did not answer 200
}

// newChatLog is one without an address yet.
func newChatLog(token string) *chatLog {
	return &chatLog{token: token, client: &http.Client{Timeout: answerWait, Transport: &http.Transport{MaxIdleConnsPerHost: chatAtOnce}}}
}

// save posts the transcript. A turn that is not new is known to the door, and dropped.
func (l *chatLog) save(ctx context.Context, t *talk) error {
	n := int64(len(t.lines) / 2) // turns, each a delivery
	body, err := json.Marshal(map[string]any{"session_id": t.id, "messages": t.lines})
	if err == nil {
		_, _, err = post(ctx, l.client, l.url, l.token, parcel{"chat", "application/json", body})
	}
	if err != nil {
		l.failed.Add(1)
		return err
	}
	l.fresh.Add(n - t.saved)
	l.again.Add(t.saved)
	t.saved = n
	return nil
}

// Bounds of the chat page: whatever a stranger does, the memory stays small.
const (
	deskTalks  = 500 // conversations; the oldest are forgotten
	deskLines  = 200 // messages of one
	deskWords  = 2000
	deskTurns  = 20 // of one, shown as rows
	chatWindow = 15 * time.Second
)

// chatDesk is the chatbot behind the chat page: it holds the conversations, answers,
// and saves. What has arrived of them is read from MongoDB.
type chatDesk struct {
	log *chatLog
	far *app.FarEnd // set before anybody asks

	mu    sync.Mutex
	talks map[string]*deskTalk
	order []string // oldest first
}

type deskTalk struct {
	mu sync.Mutex // one message at a time
	talk

	keys  sync.Mutex // guards what follows
	row   string     // key of the conversation's row, once stored
	turns []string   // keys of its turns, in their order
}

func newChatDesk(l *chatLog) *chatDesk { return &chatDesk{log: l, talks: map[string]*deskTalk{}} }

// open finds a conversation, or begins one where id is "".
func (d *chatDesk) open(id string) *deskTalk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id != "" {
		return d.talks[id]
	}
	t := &deskTalk{talk: talk{id: "web-" + strings.ToLower(rand.Text())}}
	if len(d.order) == deskTalks {
		delete(d.talks, d.order[0])
		d.order = d.order[1:]
	}
	d.talks[t.id] = t
	d.order = append(d.order, t.id)
	return t
}

// say is POST /chat/say. A form of another site cannot send JSON, and there is no
// cookie that it could use.
func (d *chatDesk) say(w http.ResponseWriter, r *http.Request) {
	var in struct{ Session, Text string }
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		http.Error(w, "This takes JSON.", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil || json.Unmarshal(body, &in) != nil {
		http.Error(w, "This is no message.", http.StatusBadRequest)
		return
	}
	in.Text = strings.TrimSpace(in.Text)
	if in.Text == "" || len(in.Text) > deskWords || !utf8.ValidString(in.Text) {
		http.Error(w, fmt.Sprintf("A message has 1 to %d bytes.", deskWords), http.StatusBadRequest)
		return
	}
	t := d.open(in.Session)
	if t == nil {
		http.Error(w, "This conversation is over. Begin a new one.", http.StatusGone)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) >= deskLines {
		http.Error(w, "This conversation is over. Begin a new one.", http.StatusGone)
		return
	}
	answer := t.hear(in.Text, time.Now())
	ctx, done := context.WithTimeout(context.WithoutCancel(r.Context()), chatWindow)
	defer done()
	out := map[string]any{"session": t.id, "answer": answer, "lines": len(t.lines), "saved": true}
	if err := d.log.save(ctx, &t.talk); err != nil {
		out["saved"] = false // the next save has these turns too
	}
	answerJSON(w, out)
}

// stored learns the keys of the rows of the desk's conversations, and that the bot in
// Lark was heard.
func (d *chatDesk) stored(r pipeline.Record) {
	if r.Source == demoBot && r.Kind != "conversation" {
		d.log.fresh.Add(1)
	}
	session, _ := r.Fields["session"].(string)
	d.mu.Lock()
	t := d.talks[session]
	d.mu.Unlock()
	if t == nil {
		return
	}
	t.keys.Lock()
	defer t.keys.Unlock()
	switch r.Kind {
	case "conversation":
		t.row = r.Key
	case "turn":
		for _, k := range t.turns {
			if k == r.Key {
				return
			}
		}
		t.turns = append(t.turns, r.Key)
	}
}

// rows is GET /chat/rows: what has arrived of a conversation.
func (d *chatDesk) rows(w http.ResponseWriter, r *http.Request) {
	out := struct {
		Conversation map[string]any   `json:"conversation"`
		Turns        []map[string]any `json:"turns"`
		Count        int              `json:"count"`
	}{Turns: []map[string]any{}}
	t := d.open(cmp.Or(r.URL.Query().Get("session"), "none"))
	if t == nil {
		answerJSON(w, out)
		return
	}
	t.keys.Lock()
	row, turns := t.row, append([]string{}, t.turns...)
	t.keys.Unlock()
	ctx, done := context.WithTimeout(r.Context(), 5*time.Second)
	defer done()
	find := func(key string) (map[string]any, error) {
		doc, ok, err := d.far.Find(ctx, key)
		if err != nil || !ok {
			return nil, err
		}
		return doc.Fields, nil
	}
	var err error
	if row != "" {
		out.Conversation, err = find(row)
	}
	out.Count = len(turns)
	for _, key := range turns[max(0, len(turns)-deskTurns):] {
		if err != nil {
			break
		}
		var fields map[string]any
		if fields, err = find(key); fields != nil {
			out.Turns = append(out.Turns, fields)
		}
	}
	if err != nil {
		http.Error(w, "MongoDB does not answer.", http.StatusServiceUnavailable)
		return
	}
	answerJSON(w, out)
}

// overheard is a sink whose stored records the chat page is told of.
type overheard struct {
	pipeline.Sink
	desk *chatDesk
}

func (o overheard) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	out := o.Sink.Write(ctx, batch)
	for i := range min(len(batch), len(out)) {
		if out[i].Err == nil {
			o.desk.stored(batch[i])
		}
	}
	return out
}
