package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

// What the worlds of these tests are called.
const (
	chatBase  = "bascnChat"
	chatBook  = "1ChatBookOfTheTests"
	chatApp   = "cli_chat"
	chatEmail = "mekong@project.example.com"
)

// line is one message of a transcript.
type line struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	At      string `json:"ts"`
}

// talk makes a transcript of n turns, one a minute, the phone in the twelfth.
func talk(began time.Time, n int) (messages []line) {
	for i := range n {
		question := fmt.Sprintf("Câu hỏi %d ạ?", i+1)
		if i == 11 {
			question = "Số em là 0900 000 012 nhé"
		}
		at := began.Add(time.Duration(i) * time.Minute)
		messages = append(messages,
			line{"user", question, at.Format(time.RFC3339)},
			line{"assistant", fmt.Sprintf("Câu trả lời %d.", i+1), at.Add(2 * time.Second).Format(time.RFC3339)})
	}
	return messages
}

// tables are where turns and conversations end in the worlds outside.
type tables struct {
	lark         *larksim.Sim
	google       *sheetsim.Sim
	turns, talks string // tables of the Base
	config       string // the sinks, for a configuration
}

func newTables(t *testing.T) *tables {
	t.Helper()
	w := &tables{lark: larksim.New(larksim.Options{Seed: 1}), google: sheetsim.New(sheetsim.Options{Seed: 1, NoQuotas: true})}
	w.lark.AddApp(larksim.App{ID: chatApp, Secret: "s", Scopes: []string{"bitable:app"}})
	w.lark.AddBase(chatBase, "Trò chuyện")
	w.lark.Grant(chatApp, chatBase, larksim.CanEdit)
	text := func(names ...string) (fields []larksim.Field) {
		for _, name := range names {
			fields = append(fields, larksim.Field{Name: name, Type: larksim.Text})
		}
		return fields
	}
	number := func(name string) larksim.Field { return larksim.Field{Name: name, Type: larksim.Number} }
	w.turns = w.lark.AddTable(chatBase, "Turns", append(text("question", "answer", "session", "phone"), number("turn_no"))...)
	w.talks = w.lark.AddTable(chatBase, "Conversations", append(text("session", "phone", "first_at", "last_at", "last_question", "last_answer", "outcome"), number("turns"))...)
	larkServer := httptest.NewServer(w.lark)
	t.Cleanup(larkServer.Close)

	key := w.google.AddAccount(chatEmail)
	w.google.AddSpreadsheet(chatBook, "Trò chuyện", sheetsim.SheetOptions{},
		sheetsim.Tab{Title: "Turns"}, sheetsim.Tab{Title: "Conversations", GID: 7})
	w.google.Share(chatBook, chatEmail, sheetsim.Writer)
	googleServer := httptest.NewServer(w.google)
	t.Cleanup(googleServer.Close)
	credentials, err := json.Marshal(string(key(googleServer.URL)))
	if err != nil {
		t.Fatal(err)
	}
	w.config = "  archive: { accept: [turn, conversation], mongodb: { database: mekong, collection: chat } }\n"
	for _, s := range []struct{ name, accept, table, tab string }{
		{"turns", "turn", w.turns, "0"}, {"talks", "conversation", w.talks, "7"},
	} {
		w.config += fmt.Sprintf(`
  base-%s:
    accept: [%s]
    batch: { wait: 20ms }
    larkbase: { url: "https://example.larksuite.com/base/%s?table=%s", app_id: %s, app_secret: s, endpoint: %s }
  sheet-%s:
    accept: [%s]
    batch: { wait: 20ms }
    sheets:
      spreadsheet: "https://docs.google.com/spreadsheets/d/%s/edit#gid=%s"
      credentials_json: %s
      endpoint: %s
      writes_per_minute: 100000
      reads_per_minute: 100000
`, s.name, s.accept, chatBase, s.table, chatApp, larkServer.URL, s.name, s.accept, chatBook, s.tab, credentials, googleServer.URL)
	}
	return w
}

// base are the rows of a table by field; what is empty is left out.
func (w *tables) base(table string) (rows []map[string]any) {
	for _, r := range w.lark.Rows(chatBase, table) {
		rows = append(rows, r.Fields)
	}
	return rows
}

// sheet are the rows of a tab by header.
func (w *tables) sheet(gid int64) (rows []map[string]any) {
	values := w.google.Values(chatBook, gid)
	for i, line := range values {
		if i == 0 {
			continue
		}
		row := map[string]any{}
		for c, v := range line {
			if header, _ := values[0][c].(string); v != nil && v != "" {
				row[header] = v
			}
		}
		if len(row) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// mongoRows are the fields of the documents of one kind.
func mongoRows(docs []bson.D, kind string) (rows []map[string]any) {
	for _, d := range docs {
		if in(d, "kind") != kind {
			continue
		}
		row := map[string]any{}
		fields, _ := in(d, "fields").(bson.D)
		for _, e := range fields {
			row[e.Key] = e.Value
		}
		rows = append(rows, row)
	}
	return rows
}

// like reports whether a cell says what is wanted: tables write times and phones each
// in their way.
func like(got any, want string) bool {
	switch v := got.(type) {
	case string:
		return strings.Contains(v, want)
	case nil:
		return false
	}
	return fmt.Sprint(got) == want
}

// A transcript that is saved again after each of its 30 turns, with a restart in the
// middle, is 30 turns and one conversation, in each of the three destinations.
func TestTranscriptSavedAgain(t *testing.T) {
	w := newTables(t)
	dir := t.TempDir()
	text := "nats: { reserve: 1 }\nshutdown_grace: 5s\nsources: { support: { chatlog: { token: " + secretToken + " } } }\nsinks:\n" + w.config
	began := time.Date(2026, 3, 3, 9, 30, 0, 0, time.UTC)
	save := func(r *running, n int) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"session_id": "s-khach-1", "channel": "web", "messages": talk(began, n)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := send(t.Context(), r.base+"/in/support", body, map[string]string{"Content-Type": "application/json", "Token": secretToken})
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("save %d: %v, %d %s", n, err, got.status, got.text)
		}
	}
	r := start(t, configured(t, dir, text), Options{})
	for n := 1; n <= 15; n++ {
		save(r, n)
	}
	r.stop() // in the middle of what is being written
	r = start(t, configured(t, dir, text), Options{})
	save(r, 15) // its sender did not see the answer
	for n := 16; n <= 30; n++ {
		save(r, n)
	}
	r.settled("archive", "base-turns", "base-talks", "sheet-turns", "sheet-talks")

	docs := r.documents("mekong", "chat")
	for _, where := range []struct {
		name         string
		turns, talks []map[string]any
		phone        string
		first, last  string // times, as they stand there
	}{
		{"MongoDB", mongoRows(docs, "turn"), mongoRows(docs, "conversation"), "+84900000012", "2026-03-03T09:30:00Z", "2026-03-03T09:59:02Z"},
		{"Lark Base", w.base(w.turns), w.base(w.talks), "900000012", "2026-03-03T09:30:00Z", "2026-03-03T09:59:02Z"},
		// Days since 1899-12-30, in the spreadsheet's own zone, which is UTC+7.
		{"Google Sheets", w.sheet(0), w.sheet(7), "900000012", "46084.6875", "46084.707662037035"},
	} {
		t.Run(where.name, func(t *testing.T) {
			seen := map[string]map[string]any{}
			for _, row := range where.turns {
				no := fmt.Sprint(row["turn_no"])
				if seen[no] != nil {
					t.Errorf("turn %s is there twice", no)
				}
				seen[no] = row
			}
			if len(where.turns) != 30 || len(where.talks) != 1 {
				t.Fatalf("%d turns and %d conversations", len(where.turns), len(where.talks))
			}
			for i, m := range talk(began, 30) {
				row, name := seen[fmt.Sprint(i/2+1)], map[string]string{"user": "question", "assistant": "answer"}[m.Role]
				if !like(row[name], m.Content) {
					t.Errorf("turn %d: %s is %q, want %q", i/2+1, name, row[name], m.Content)
				}
			}
			if !like(seen["12"]["phone"], where.phone) {
				t.Errorf("the turn with the phone has %v", seen["12"]["phone"])
			}
			talk := where.talks[0]
			for name, want := range map[string]string{
				"session": "s-khach-1", "turns": "30", "phone": where.phone, "first_at": where.first, "last_at": where.last,
				"last_question": "Câu hỏi 30 ạ?", "last_answer": "Câu trả lời 30.", "outcome": "contact_captured",
			} {
				if !like(talk[name], want) {
					t.Errorf("the conversation's %s is %v, want %s", name, talk[name], want)
				}
			}
		})
	}
}
