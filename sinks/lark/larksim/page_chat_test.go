package larksim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

// write posts as the page does.
func (w *world) write(contentType, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, host+"/sim/chat", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := w.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// lines is what the page polls, and its revision.
func (w *world) lines(rev string) (status int, text, next string) {
	w.t.Helper()
	status, _, text = w.visit("GET", "/sim/chat/lines?rev="+rev, nil)
	_, rest, _ := strings.Cut(text, `data-rev="`)
	next, _, _ = strings.Cut(rest, `"`)
	return status, text, next
}

func TestChatPage(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	for _, path := range []string{"/sim/chat", "/sim/chat/lines"} {
		if status, _, page := w.visit("GET", path, nil); status != 404 || !strings.Contains(page, "No conversation") {
			t.Errorf("%s before anybody opened one: %d %s", path, status, page)
		}
	}
	if status, _ := w.write("application/json", `{"text":"a"}`); status != 404 {
		t.Errorf("writing before anybody opened one: %d", status)
	}
	app := &receiver{status: 200}
	srv := httptest.NewServer(app)
	defer srv.Close()
	w.OpenChat(larksim.ChatPage{User: "ou_an", Events: larksim.Subscription{URL: srv.URL, App: appID, Token: "v", Key: "k"}})
	if status, _, page := w.visit("GET", "/sim/chat", nil); status != 200 || !strings.Contains(page, "Nguyễn Văn An") || !strings.Contains(page, "<h1>Mekong") || !strings.Contains(page, "No messages yet") {
		t.Errorf("the empty page: %d %s", status, page)
	}
	const text = "<b>Học phí</b> bao nhiêu?"
	if status, body := w.write("application/json; charset=utf-8", string(jsonText(t, text))); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if len(app.bodies) != 1 || app.headers[0].Get("X-Lark-Signature") == "" || !strings.Contains(string(app.bodies[0]), `"encrypt"`) {
		t.Fatalf("delivered: %s", app.bodies)
	}
	said := w.Messages()[0]
	status, lines, rev := w.lines("0")
	if status != 200 || !strings.Contains(lines, `class="mine"><p>&lt;b&gt;Học phí&lt;/b&gt; bao nhiêu?</p>`) || !strings.Contains(lines, `class="note">…`) || strings.Contains(lines, "<html") {
		t.Errorf("after the question: %d %s", status, lines)
	}
	if status, _, _ := w.lines(rev); status != 204 {
		t.Errorf("nothing new, yet %d", status)
	}
	w.do("POST", "/open-apis/im/v1/messages/"+said.ID+"/reply", map[string]string{"msg_type": "text", "content": `{"text":"2 triệu ạ"}`, "uuid": "u1"})
	if status, lines, _ = w.lines(rev); status != 200 || !strings.Contains(lines, "<li><p>2 triệu ạ</p>") || strings.Contains(lines, `class="note">…`) {
		t.Errorf("after the answer: %d %s", status, lines)
	}
	w.do("POST", "/open-apis/im/v1/messages/"+said.ID+"/reply", map[string]string{"msg_type": "interactive", "content": `{"elements":[]}`, "uuid": "u2"})
	w.Say("oc_p2p_ou_else", "ou_else", "of somebody else")
	if _, lines, _ = w.lines("0"); !strings.Contains(lines, "[interactive]") || strings.Contains(lines, "somebody else") {
		t.Errorf("a card, and another conversation: %s", lines)
	}
	if n := w.Calls()[larksim.OpPage]; n.Total != 0 {
		t.Error("the page counts itself")
	}
	if file := os.Getenv("LARKSIM_CHAT"); file != "" { // for a look at it
		_, _, page := w.visit("GET", "/sim/chat", nil)
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What is not delivered is said, and delivered again while somebody looks.
func TestChatPageDeliversAgain(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	app := &receiver{status: 503}
	srv := httptest.NewServer(app)
	defer srv.Close()
	w.OpenChat(larksim.ChatPage{User: "ou_an", Bot: "Trợ lý", Events: larksim.Subscription{URL: srv.URL, App: appID, Token: "v"}})
	if status, text := w.write("application/json", `{"text":"chào"}`); status != 502 || !strings.Contains(text, "503") {
		t.Errorf("%d %s", status, text)
	}
	w.lines("1")
	if len(app.bodies) != 1 {
		t.Errorf("delivered %d times at once", len(app.bodies))
	}
	app.status = 200
	w.Advance(16 * time.Second)
	w.lines("1")
	w.lines("1")
	if len(app.bodies) != 2 {
		t.Errorf("delivered %d times after 16 s", len(app.bodies))
	}
	srv.Close()
	if status, text := w.write("application/json", `{"text":"alo"}`); status != 502 || !strings.Contains(text, "does not answer") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("%d %s", status, text)
	}
}

func TestChatPageRefuses(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.OpenChat(larksim.ChatPage{User: "ou_an", Events: larksim.Subscription{URL: "http://127.0.0.1:0", App: appID}})
	for _, c := range []struct{ kind, body string }{
		{"text/plain", `{"text":"a"}`}, {"application/x-www-form-urlencoded", "text=a"}, {"application/json", "{"}, {"application/json", `{"text":" "}`},
		{"application/json", `{"text":7}`}, {"application/json", `{"text":"` + strings.Repeat("x", 4001) + `"}`},
	} {
		if status, _ := w.write(c.kind, c.body); status != 400 {
			t.Errorf("%s %.30s: %d", c.kind, c.body, status)
		}
	}
	if n := len(w.Messages()); n != 0 {
		t.Errorf("%d messages all the same", n)
	}
	// Of a long conversation the end is shown.
	for i := range 203 {
		w.Say("oc_p2p_ou_an", "ou_an", strings.Repeat("x", i+1)+"!")
	}
	if _, lines, rev := w.lines("0"); rev != "203" || strings.Count(lines, "<li") != 200 || !strings.Contains(lines, "Older messages") || strings.Contains(lines, "<p>xxx!</p>") {
		t.Errorf("rev %s, %d lines", rev, strings.Count(lines, "<li"))
	}
}

func jsonText(t *testing.T, text string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
