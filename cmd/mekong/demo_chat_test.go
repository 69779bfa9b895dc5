package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tell posts JSON as a page does.
func tell(t *testing.T, url, key, value string, more ...string) (int, []byte) {
	t.Helper()
	in := map[string]string{key: value}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, out
}

// A conversation is its turns and one row that grows, in every destination; a message to
// the bot in Lark is answered there, once, and is a turn like any other.
func TestDemoChat(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	d := startDemo(t, ctx, "--rate", "0")
	var to struct{ BaseChats, SheetChats, LarkChat string }
	if err := json.Unmarshal(fetch(t, d.page+"/settings"), &to); err != nil {
		t.Fatal(err)
	}
	if html := string(fetch(t, d.page+"/chat")); !strings.Contains(html, "Hỏi trợ lý") {
		t.Errorf("this is not the chat page:\n%s", html)
	}
	type arrivedRows struct {
		Conversation map[string]any
		Turns        []map[string]any
		Count        int
	}
	look := func(session string) (r arrivedRows) {
		if err := json.Unmarshal(fetch(t, d.page+"/chat/rows?session="+url.QueryEscape(session)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := look("nobody"); r.Conversation != nil || len(r.Turns) != 0 {
		t.Errorf("of nobody there is %+v", r)
	}
	session := ""
	for i, text := range []string{"Học phí <b>IELTS</b> bao nhiêu?", "Em tên là Nguyễn Thị Ánh", "Số em 0900 000", "000 nhé"} {
		status, out := tell(t, d.page+"/chat/say", "text", text, "session", session)
		var said struct {
			Session, Answer string
			Saved           bool
		}
		if err := json.Unmarshal(out, &said); err != nil || status != 200 || !said.Saved || said.Answer == "" || session != "" && said.Session != session {
			t.Fatalf("%q: %d %s", text, status, out)
		}
		session = said.Session
		var r arrivedRows
		d.await(t, func() bool {
			r = look(session)
			return len(r.Turns) == i+1 && r.Conversation["turns"] == float64(i+1)
		})
		if r.Count != i+1 || r.Turns[i]["question"] != text || r.Conversation["last_question"] != text || r.Turns[0]["turn_no"] != 1.0 {
			t.Errorf("after %q: %+v", text, r)
		}
		if i == 3 && (r.Conversation["phone"] != "+84900000000" || r.Conversation["name"] != "Nguyễn Thị Ánh" || r.Conversation["outcome"] != "contact_captured") {
			t.Errorf("what was told is not in the row: %v", r.Conversation)
		}
	}
	// The same row in the Base and in the spreadsheet.
	for name, address := range map[string]string{"Base": to.BaseChats, "spreadsheet": to.SheetChats} {
		page := ""
		d.await(t, func() bool {
			page = string(fetch(t, address))
			return strings.Contains(page, "000 nhé") && strings.Contains(page, "contact_captured")
		})
		if strings.Count(page, session+`"`) != 1 || !strings.Contains(page, "Nguyễn Thị Ánh") || !strings.Contains(page, "0900000000") {
			t.Errorf("the conversation in the %s:\n%s", name, page)
		}
	}
	// In Lark.
	if status, out := tell(t, to.LarkChat, "text", "Học phí bao nhiêu?"); status != http.StatusNoContent {
		t.Fatalf("the bot: %d %s", status, out)
	}
	chat := func() string { return string(fetch(t, to.LarkChat)) }
	d.await(t, func() bool { return strings.Contains(chat(), "2.900.000") })
	if status, out := tell(t, to.LarkChat, "text", "Lan"); status != http.StatusNoContent {
		t.Fatalf("the bot: %d %s", status, out)
	}
	// It knows what was said before.
	d.await(t, func() bool { return strings.Contains(chat(), "em chào Lan") })
	stop()
	if code := d.wait(t); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, d.err.String(), d.out.String())
	}
	// Four turns and two, of two conversations, and two messages to the bot.
	out := d.out.String()
	for name, want := range map[string]int{"conversations": 2, "chats in MongoDB": 10, "conversations in Lark Base": 2, "conversations in Google Sheets": 2, "duplicates dropped": 0, "received": 0} {
		if got := rows(t, out)[name]; got != int64(want) {
			t.Errorf("%s: %d, want %d\n%s", name, got, want, out)
		}
	}
	if want := fmt.Sprintf("of %d turns, %d messages to the bot", 6, 2); !strings.Contains(out, want) {
		t.Errorf("not %s:\n%s", want, out)
	}
}
