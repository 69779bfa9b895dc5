package chatlog_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog"
	"mekong/sources/intake"
)

// The lines of Python that the README shows, against the real door.
func TestThePythonOfTheReadme(t *testing.T) {
	python, err := exec.LookPath("python3")
	if errors.Is(err, exec.ErrNotFound) {
		t.Log("this machine has no python3, so the README's lines of Python were not run")
		return
	}
	script, err := os.ReadFile("testdata/log.py")
	if err != nil {
		t.Fatal(err)
	}
	if readme, err := os.ReadFile("../../README.md"); err != nil || !strings.Contains(string(readme), string(script)) {
		t.Errorf("the README shows other lines than are run here (%v)", err)
	}
	const token = "a-token-of-the-test"
	r, err := chatlog.New("support", config.ChatLog{Path: "/in/support", Token: config.NewSecret(token)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := intake.New(intake.Options{}, intake.Route{Source: "support", Path: "/in/support", PathToken: true, Headers: chatlog.Headers(), Receiver: r})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var raws []pipeline.Raw
	server := httptest.NewServer(in.Handler(func(_ context.Context, more ...pipeline.Raw) error {
		mu.Lock()
		defer mu.Unlock()
		raws = append(raws, more...)
		return nil
	}))
	defer server.Close()
	program := strings.NewReplacer("http://127.0.0.1:8080", server.URL, "put-your-token-here", token).Replace(string(script)) + `
a = log_turn("s-1", 1, "Học phí \"IELTS\" bao nhiêu?", "5.900.000đ", model="m", latency_ms=812, usage={"prompt_tokens": 3})
b = log_turn("s-1", 2, "số em 0900 000 000", "Cảm ơn ạ")
assert a and b and a != b, (a, b)
`
	cmd := exec.CommandContext(t.Context(), python, "-")
	cmd.Stdin = strings.NewReader(program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(raws) != 2 {
		t.Fatalf("%d deliveries", len(raws))
	}
	s := newStore()
	s.take(t, mapping(t, nil), raws...)
	turns, talks := s.kind("turn"), s.kind("conversation")
	if len(turns) != 2 || len(talks) != 1 || turns[0]["question"] != `Học phí "IELTS" bao nhiêu?` || turns[0]["latency_ms"] != 812.0 ||
		turns[1]["phone"] != "+84900000000" || talks[0]["turns"] != 2.0 {
		t.Errorf("turns %v\nconversations %v", turns, talks)
	}
}
