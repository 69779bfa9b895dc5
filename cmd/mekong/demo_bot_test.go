package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestBotAsksForNameAndPhone(t *testing.T) {
	for _, c := range []struct {
		says [][2]string // what is written, and part of the answer
		name string
	}{
		{[][2]string{{"Xin chào", "khóa nào"}, {"Học phí IELTS bao nhiêu?", "xin tên anh/chị"}, {"em tên là Nguyễn Thị Ánh ạ", "Nguyễn Thị Ánh. Anh/chị cho em xin số"},
			{"0900 000 000", "Cảm ơn Nguyễn Thị Ánh! Em đã ghi số"}, {"cảm ơn em", "Cần gì"}}, "Nguyễn Thị Ánh"},
		{[][2]string{{"How much is it?", "May I have your name?"}, {"I'm Tom Brown", "Nice to meet you, Tom Brown."}, {"when are the classes", "Which phone number"}, {"+84900000000", "Thank you, Tom Brown!"}}, "Tom Brown"},
		{[][2]string{{"lịch học thế nào", "xin tên"}, {"Lan", "em chào Lan"}}, "Lan"},
		{[][2]string{{"lịch học thế nào", "xin tên"}, {"Sao phải hỏi tên?", "xin tên"}, {"thế giá bao nhiêu", "2.900.000"}}, ""},
		{[][2]string{{"0900000000", "Em đã ghi số"}}, ""}, // no word that tells a language
		{[][2]string{{"cho mình gặp nhân viên", "tư vấn viên"}}, ""},
	} {
		talk := &talk{id: "s"}
		for _, s := range c.says {
			if answer := talk.hear(s[0], time.Unix(1_700_000_000, 0)); !strings.Contains(answer, s[1]) {
				t.Errorf("%q is answered %q, want %q in it", s[0], answer, s[1])
			}
		}
		if talk.name != c.name || len(talk.lines) != 2*len(c.says) {
			t.Errorf("the name is %q, want %q; %d lines", talk.name, c.name, len(talk.lines))
		}
	}
}

// A made-up customer gives a name and a number whichever script it is.
func TestChatScripts(t *testing.T) {
	for n := range uint64(40) {
		talk := &talk{id: "s"}
		phone := false
		for _, text := range chatScript(n) {
			talk.hear(text, time.Now())
			phone = phone || phoneRule.MatchString(text)
		}
		if talk.name == "" || !phone {
			t.Errorf("number %d: name %q, phone %t: %v", n, talk.name, phone, talk.lines)
		}
	}
}

func TestBotEndpoint(t *testing.T) {
	for body, status := range map[string]int{
		`{"messages":[{"role":"user","content":"học phí?"}],"text":"x"}`:    200,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant"}]}`: 400,
		`{"messages":[]}`: 400, `{`: 400, ``: 400, `{"messages":[{"role":"user","content":7}]}`: 400,
		`{"messages":[{"role":"user","content":"` + strings.Repeat("a", maxAsked) + `"}]}`: 400,
	} {
		w := httptest.NewRecorder()
		answerBot(w, httptest.NewRequest(http.MethodPost, "/chatbot", strings.NewReader(body)))
		if w.Code != status || status == 200 && !strings.Contains(w.Body.String(), `"answer":"Dạ học phí`) {
			t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
		}
	}
}

func FuzzBot(f *testing.F) {
	for _, s := range []string{"", "em tên là", "ạ", "0900 000 000", "NGUYỄN VĂN A", "I'm ", "\x00\xff", strings.Repeat("tên tôi là ", 200)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		talk := &talk{}
		for _, text := range []string{first, second, first} {
			if answer := talk.hear(text, time.Unix(0, 0)); answer == "" || utf8.ValidString(text) && !utf8.ValidString(answer) {
				t.Errorf("%q is answered %q", text, answer)
			}
		}
		if len(talk.name) > 80 {
			t.Errorf("the name has %d bytes", len(talk.name))
		}
	})
}

func TestTheDeskIsBounded(t *testing.T) {
	d := newChatDesk(newChatLog("t"))
	first := d.open("")
	for range deskTalks {
		d.open("")
	}
	if len(d.talks) != deskTalks || d.open(first.id) != nil || d.open("else") != nil {
		t.Errorf("%d conversations are held", len(d.talks))
	}
	// Nobody listens at the door: the answer comes all the same, and says so.
	d.log.url = "http://127.0.0.1:1/"
	say := func(contentType, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/chat/say", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		d.say(w, r)
		return w
	}
	if w := say("application/json", `{"text":"học phí?"}`); w.Code != 200 || !strings.Contains(w.Body.String(), `"saved":false`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	last := d.order[len(d.order)-1]
	for range deskLines / 2 {
		d.talks[last].hear("a", time.Now())
	}
	for _, c := range []struct {
		kind, body string
		status     int
	}{
		{"text/plain", `{"text":"a"}`, 415}, {"application/json", "{", 400}, {"application/json", `{"text":"  "}`, 400},
		{"application/json", fmt.Sprintf(`{"text":%q}`, strings.Repeat("a", deskWords+1)), 400}, {"application/json", `{"session":"none","text":"a"}`, 410},
		{"application/json", fmt.Sprintf(`{"session":%q,"text":"a"}`, last), 410},
	} {
		if w := say(c.kind, c.body); w.Code != c.status {
			t.Errorf("%s %.40s: %d %s", c.kind, c.body, w.Code, w.Body)
		}
	}
}
