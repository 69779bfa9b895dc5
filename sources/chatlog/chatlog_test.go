package chatlog_test

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog"
)

// store is what the stream and a sink make of deliveries: an ID is taken once,
// and there is one row for each key, by the contract of [pipeline.Sink].
type store struct {
	ids  map[string]bool
	rows map[string]*stored
	raws int
}

type stored struct {
	newest pipeline.Record
	fields map[string]any
}

func newStore() *store { return &store{ids: map[string]bool{}, rows: map[string]*stored{}} }

func (s *store) take(t testing.TB, f pipeline.Transform, raws ...pipeline.Raw) {
	t.Helper()
	for _, raw := range raws {
		if s.ids[raw.ID] {
			continue
		}
		s.ids[raw.ID] = true
		s.raws++
		for _, r := range records(t, f, raw) {
			row := s.rows[r.Key]
			if row == nil {
				row = &stored{newest: r, fields: map[string]any{}}
				s.rows[r.Key] = row
			}
			newer := cmp.Or(r.Occurred.Compare(row.newest.Occurred), r.Received.Compare(row.newest.Received), cmp.Compare(r.ID, row.newest.ID)) >= 0
			if newer {
				row.newest = r
			}
			for name, v := range r.Fields {
				if newer || row.fields[name] == nil {
					row.fields[name] = v
				}
			}
		}
	}
}

// kind returns the rows of one kind, by turn_no.
func (s *store) kind(kind string) []map[string]any {
	var rows []map[string]any
	for _, r := range s.rows {
		if r.newest.Kind == kind {
			rows = append(rows, r.fields)
		}
	}
	slices.SortFunc(rows, func(a, b map[string]any) int {
		x, _ := a["turn_no"].(float64)
		y, _ := b["turn_no"].(float64)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(fmt.Sprint(a["question"]), fmt.Sprint(b["question"])))
	})
	return rows
}

type said struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func transcript(t testing.TB, session string, messages []said) string {
	t.Helper()
	m := map[string]any{"messages": messages}
	if session != "" {
		m["session_id"] = session
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ticking is a clock that moves a second with every look.
func ticking() func() time.Time {
	at := noon
	return func() time.Time { at = at.Add(time.Second); return at }
}

func ticker(t testing.TB, change func(*config.ChatLog)) *chatlog.Receiver {
	t.Helper()
	c := config.ChatLog{Path: "/in/chat"}
	if change != nil {
		change(&c)
	}
	r, err := chatlog.New("support", c, ticking())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestATranscriptSavedAgainAfterEachTurn(t *testing.T) {
	for _, c := range []struct {
		name    string
		restart bool // the receiver forgets everything after each save
		halves  bool // saved after the question, and again after the answer
		raws    int
	}{
		{"after each answer", false, false, 30}, {"after each message", false, true, 60}, {"by processes that know nothing", true, true, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, f, s := ticker(t, nil), mapping(t, nil), newStore()
			now := ticking()
			save := func(messages []said) {
				if c.restart {
					var err error
					if r, err = chatlog.New("support", config.ChatLog{Path: "/in/chat"}, now); err != nil {
						t.Fatal(err)
					}
				}
				s.take(t, f, receive(t, r, transcript(t, "s-30", messages))...)
			}
			messages := []said{{"system", "prompt"}, {"assistant", "Chào bạn"}}
			for i := range 30 {
				q := fmt.Sprintf("câu hỏi %d", i+1)
				if i == 11 {
					q = "em tên là Trần Văn Bình, số 0900 000 000"
				}
				if messages = append(messages, said{"user", q}); c.halves {
					save(messages)
				}
				messages = append(messages, said{"assistant", fmt.Sprintf("trả lời %d", i+1)})
				save(messages)
			}
			if s.raws != c.raws {
				t.Errorf("%d deliveries were new, want %d", s.raws, c.raws)
			}
			turns, talks := s.kind("turn"), s.kind("conversation")
			if len(turns) != 30 || len(talks) != 1 {
				t.Fatalf("%d turns and %d conversations", len(turns), len(talks))
			}
			for i, row := range turns {
				if row["turn_no"] != float64(i+1) || row["answer"] != fmt.Sprintf("trả lời %d", i+1) {
					t.Errorf("turn %d is %v", i+1, row)
				}
				if slices.Contains(row["flags"].([]string), "unanswered") {
					t.Errorf("turn %d is still unanswered", i+1)
				}
			}
			talk := talks[0]
			for name, want := range map[string]any{
				"turns": 30.0, "customer_turns": 30.0, "phone": "+84900000000", "name": "Trần Văn Bình", "last_question": "câu hỏi 30",
				"last_answer": "trả lời 30", "outcome": "contact_captured", "session": "s-30",
			} {
				if talk[name] != want {
					t.Errorf("the conversation's %s is %v, want %v", name, talk[name], want)
				}
			}
			first, _ := talk["first_at"].(string)
			last, _ := talk["last_at"].(string)
			if first == "" || last <= first || !c.restart && first != "2026-03-01T05:00:01Z" {
				t.Errorf("it went from %s to %s", first, last)
			}
		})
	}
}

func TestAnEditedMessageUpdatesItsRow(t *testing.T) {
	r, f, s := ticker(t, nil), mapping(t, nil), newStore()
	messages := []said{{"user", "một"}, {"assistant", "1"}, {"user", "hai"}, {"assistant", "2"}, {"user", "ba"}, {"assistant", "3"}}
	s.take(t, f, receive(t, r, transcript(t, "e", messages))...)
	messages[2].Content = "hai, sửa lại"
	s.take(t, f, receive(t, r, transcript(t, "e", messages))...)
	turns, talks := s.kind("turn"), s.kind("conversation")
	if len(turns) != 3 || turns[1]["question"] != "hai, sửa lại" || s.raws != 4 {
		t.Errorf("%d deliveries, turns %v", s.raws, turns)
	}
	if len(talks) != 1 || talks[0]["last_question"] != "ba" || talks[0]["turns"] != 3.0 {
		t.Errorf("conversations %v", talks)
	}
}

func TestSessionsOfTheSameWordsStayApart(t *testing.T) {
	r, f, s := ticker(t, nil), mapping(t, nil), newStore()
	same := []said{{"user", "xin chào"}, {"assistant", "chào"}}
	s.take(t, f, receive(t, r, transcript(t, "a", same))...)
	s.take(t, f, receive(t, r, transcript(t, "b", same))...)
	if n, m := len(s.kind("turn")), len(s.kind("conversation")); n != 2 || m != 2 {
		t.Errorf("%d turns and %d conversations", n, m)
	}
}

// Two people of one web server who open with the same words and send no session
// share a flagged conversation at worst: no turn is lost and no phone goes to
// the wrong one.
func TestSessionsWithoutAnID(t *testing.T) {
	r, f, s := ticker(t, nil), mapping(t, nil), newStore()
	a := []said{{"user", "xin chào"}, {"assistant", "chào"}, {"user", "số em 0900 000 000"}}
	b := []said{{"user", "xin chào"}, {"assistant", "chào"}, {"user", "số em 0900 000 001"}}
	for n := 1; n <= 3; n += 2 {
		s.take(t, f, receive(t, r, transcript(t, "", a[:n]))...)
		s.take(t, f, receive(t, r, transcript(t, "", b[:n]))...)
	}
	turns, talks := s.kind("turn"), s.kind("conversation")
	if len(turns) != 3 || turns[1]["phone"] == turns[2]["phone"] {
		t.Errorf("turns %v", turns)
	}
	for _, talk := range talks {
		if talk["phone"] != nil || !slices.Contains(talk["flags"].([]string), "session_from_opening") {
			t.Errorf("conversation %v", talk)
		}
	}
}

// Two transcripts of one user are two conversations, though neither has a name.
func TestTranscriptsOfOneUser(t *testing.T) {
	r, f, s := ticker(t, nil), mapping(t, nil), newStore()
	for _, body := range []string{
		`{"user_id":"u","messages":[{"role":"user","content":"một"},{"role":"assistant","content":"1"}]}`,
		`{"user_id":"u","messages":[{"role":"user","content":"hai"}]}`,
		`{"user_id":"u","messages":[{"role":"user","content":"hai"},{"role":"assistant","content":"2"},{"role":"user","content":"0900 000 000"}]}`,
	} {
		s.take(t, f, receive(t, r, body)...)
	}
	turns, talks := s.kind("turn"), s.kind("conversation")
	if len(turns) != 3 || len(talks) != 2 || turns[1]["answer"] == nil || turns[2]["phone"] == nil {
		t.Errorf("turns %v\nconversations %v", turns, talks)
	}
}

func TestMessagesOneByOne(t *testing.T) {
	line := func(id, role, text string) string {
		return fmt.Sprintf(`{"event_id":%q,"session_id":"s","role":%q,"text":%q}`, id, role, text)
	}
	t.Run("a question in two messages, an answer in two", func(t *testing.T) {
		r, f, s := ticker(t, nil), mapping(t, nil), newStore()
		for _, l := range []string{
			line("1", "user", "số em là 0900"), line("2", "user", "000 000 nhé"), line("3", "bot", "cảm ơn"), line("4", "bot", "ạ"),
			line("3", "bot", "cảm ơn"), line("1", "user", "số em là 0900"), line("5", "user", "tiếp"), line("2", "user", "000 000 nhé"),
		} {
			s.take(t, f, receive(t, r, l)...)
		}
		turns := s.kind("turn")
		if len(turns) != 2 || turns[0]["question"] != "số em là 0900\n000 000 nhé" || turns[0]["answer"] != "cảm ơn\nạ" || turns[0]["phone"] != "+84900000000" {
			t.Errorf("turns %v", turns)
		}
		if talks := s.kind("conversation"); len(talks) != 1 || talks[0]["turns"] != 2.0 || talks[0]["customer_turns"] != 3.0 {
			t.Errorf("conversations %v", talks)
		}
	})
	t.Run("a restart between question and answer", func(t *testing.T) {
		for _, told := range []bool{true, false} {
			f, s := mapping(t, nil), newStore()
			first := receive(t, ticker(t, nil), line("1", "user", "hỏi"))
			s.take(t, f, first...)
			r := ticker(t, nil)
			if told {
				for _, raw := range first {
					r.Remember(raw)
				}
			}
			s.take(t, f, receive(t, r, line("2", "bot", "đáp"))...)
			turns := s.kind("turn")
			if told && (len(turns) != 1 || turns[0]["question"] != "hỏi" || turns[0]["answer"] != "đáp") {
				t.Errorf("turns %v", turns)
			}
			if !told && (len(turns) != 2 || !slices.Contains(turns[0]["flags"].([]string), "answer_alone")) {
				t.Errorf("turns %v", turns)
			}
		}
	})
	t.Run("an answer that names its question comes late", func(t *testing.T) {
		r, f, s := ticker(t, nil), mapping(t, nil), newStore()
		for _, l := range []string{
			line("1", "user", "một"), line("2", "bot", "đợi chút"), line("3", "user", "hai"),
			`{"event_id":"4","session_id":"s","role":"bot","text":"xong một","reply_to":"1"}`, line("5", "bot", "xong hai"),
		} {
			s.take(t, f, receive(t, r, l)...)
		}
		turns := s.kind("turn")
		if len(turns) != 2 || turns[0]["question"] != "một" || turns[0]["answer"] != "xong một" || turns[1]["answer"] != "xong hai" {
			t.Errorf("turns %v", turns)
		}
	})
	t.Run("no IDs and no times", func(t *testing.T) {
		r, f, s := ticker(t, nil), mapping(t, nil), newStore()
		for _, l := range []string{
			`{"session_id":"s","role":"user","text":"có"}`, `{"session_id":"s","role":"user","text":"có"}`, // sent twice
			`{"session_id":"s","role":"bot","text":"gì nữa?"}`, `{"session_id":"s","role":"user","text":"có"}`,
		} {
			s.take(t, f, receive(t, r, l)...)
		}
		if turns := s.kind("turn"); len(turns) != 2 || turns[0]["question"] != "có" || turns[1]["question"] != "có" || s.raws != 3 {
			t.Errorf("%d deliveries, turns %v", s.raws, turns)
		}
	})
}

func TestRowsWithoutATurn(t *testing.T) {
	r, f, s := ticker(t, nil), mapping(t, nil), newStore()
	for _, l := range []string{
		`{"session_id":"s","question":"một"}`, `{"session_id":"s","question":"một","answer":"1"}`, `{"session_id":"s","question":"một","answer":"1"}`,
		`{"session_id":"s","question":"hai","answer":"2"}`, `{"session_id":"s","question":"một","answer":"1"}`,
		`{"question":"ai đó","answer":"x"}`, `{"question":"ai đó","answer":"x"}`,
	} {
		s.take(t, f, receive(t, r, l)...)
	}
	if turns, talks := s.kind("turn"), s.kind("conversation"); len(turns) != 4 || len(talks) != 1 || talks[0]["turns"] != 3.0 {
		t.Errorf("turns %v\nconversations %v", turns, talks)
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat(`{"data":`, 70) + "1" + strings.Repeat("}", 70)
	for name, body := range map[string]string{
		"empty": "", "spaces": " \n", "text": "xin chào", "number": "17", "string": `"x"`, "null": "null", "empty list": "[]",
		"unknown": `{"hello":"world"}`, "half": `{"session_id":"s","messages":[`, "a bad line": "{\"session_id\":\"s\",\"role\":\"user\",\"text\":\"x\"}\nnope",
		"an unknown row": `[{"session_id":"s","role":"user","text":"x"},{"a":1}]`, "too deep": deep, "binary": "\x1f\x8b\x08\x00\x00",
		"too many": "[" + strings.TrimSuffix(strings.Repeat(`{"question":"a"},`, 5001), ",") + "]",
	} {
		t.Run(name, func(t *testing.T) {
			raws, _, err := receiver(t, nil).Receive(post(), []byte(body))
			why := refusal(t, err)
			if why.Status != http.StatusBadRequest || len(raws) != 1 || string(raws[0].Body) != body {
				t.Errorf("status %d, %d raws", why.Status, len(raws))
			}
			if len(body) > 8 && strings.Contains(why.Fix, "xin chào") {
				t.Errorf("the answer quotes the body: %s", why.Fix)
			}
		})
	}
}

func TestWhoMayPost(t *testing.T) {
	const token, secret = "0123456789abcdef", "chatbase-secret-key"
	lead := `{"eventType":"leads.submit","chatbotId":"b","payload":{"conversationId":"c","customerPhone":"0900000000"}}`
	row := `{"session_id":"s","question":"q"}`
	sign := func(body string) string {
		m := hmac.New(sha1.New, []byte(secret))
		m.Write([]byte(body))
		return hex.EncodeToString(m.Sum(nil))
	}
	for _, c := range []struct {
		name, body, header, value, path string
		token, secret                   bool
		status                          int
	}{
		{"open", row, "", "", "", false, false, 200},
		{"no token", row, "", "", "", true, false, 401},
		{"a wrong token", row, "Token", "0123456789abcdeg", "", true, false, 401},
		{"a header", row, "Token", token, "", true, false, 200},
		{"bearer", row, "Authorization", "Bearer " + token, "", true, false, 200},
		{"botpress", row, "X-Bp-Secret", token, "", true, false, 200},
		{"in the path", row, "", "", "/in/chat/" + token, true, false, 200},
		{"signed", lead, "X-Chatbase-Signature", sign(lead), "", true, true, 200},
		{"signed for another body", lead, "X-Chatbase-Signature", sign(row), "", true, true, 401},
		{"signed and a token", lead, "Token", token, "", true, true, 401},
		{"unsigned", lead, "", "", "", false, true, 401},
		{"no signature asked for", lead, "", "", "", false, false, 200},
		{"a row beside a secret", row, "", "", "", false, true, 401},
		{"rubbish", lead, "X-Chatbase-Signature", "zz", "", false, true, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := receiver(t, func(l *config.ChatLog) {
				if c.token {
					l.Token = config.NewSecret(token)
				}
				if c.secret {
					l.ChatbaseSecret = config.NewSecret(secret)
				}
			})
			req := post()
			if c.path != "" {
				req.URL.Path = c.path
			}
			if c.header != "" {
				req.Header.Set(c.header, c.value)
			}
			raws, _, err := r.Receive(req, []byte(c.body))
			status := 200
			if err != nil {
				status = refusal(t, err).Status
			}
			if status != c.status || len(raws) != 1 {
				t.Errorf("status %d, want %d; %d raws", status, c.status, len(raws))
			}
		})
	}
}

func TestDialogflowIsAnsweredInItsWords(t *testing.T) {
	body := `{"responseId":"r","session":"projects/p/agent/sessions/s","queryResult":{"queryText":"q"}}`
	_, reply, err := receiver(t, nil).Receive(post(), []byte(body))
	if err != nil || string(reply) != "{}" {
		t.Errorf("reply %s, %v", reply, err)
	}
}

func TestConfiguredSessionAndZone(t *testing.T) {
	r := receiver(t, func(l *config.ChatLog) { l.Session, l.Zone = []string{"room.key"}, "UTC" })
	raws := receive(t, r, `{"room":{"key":"k-1"},"user_id":"u","role":"user","text":"x","ts":"2026-03-01 03:00:00"}`)
	got := records(t, mapping(t, nil), raws...)
	if got[0].Fields["session"] != "k-1" || got[0].Fields["asked_at"] != "2026-03-01T03:00:00Z" {
		t.Errorf("%v", got[0].Fields)
	}
}
