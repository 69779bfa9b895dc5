package chatbot

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mekong/config"
)

// FuzzFind: whatever a chatbot answers, what is found in it is text that can be sent.
func FuzzFind(f *testing.F) {
	for _, s := range []string{`{"answer":"Dạ"}`, `{"choices":[{"message":{"content":"a"}}]}`, `"a"`, `[{"text":"a"}]`, "a", `{"answer":{"text":"\ud800"}}`, `{"answer":"\u0000 "}`, "", "null"} {
		f.Add("text/plain; charset=utf-8", s, "")
		f.Add("application/json", s, "choices.0.message.content")
		f.Add("application/json", s, `a.#(b=="c")#|@this`)
	}
	f.Fuzz(func(t *testing.T, contentType, body, path string) {
		s := &Sink{conf: config.LarkReply{Answer: path}}
		got := s.find(contentType, []byte(body))
		if !utf8.ValidString(got) || strings.TrimSpace(got) != got {
			t.Errorf("%q", got)
		}
		if c := cut(got, 20); len(c) > 40 || !utf8.ValidString(c) {
			t.Errorf("cut to %q", c)
		}
	})
}
