package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the simulator prints is enough to connect a sink to it, as printed.
func TestSimCanBeConnectedTo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var o output
	done := make(chan int, 1)
	go func() { done <- Main(ctx, []string{"sim", "--addr", "127.0.0.1:0"}, nil, &o, &o) }()
	command := regexp.MustCompile(`(?m)^  LARK_APP_SECRET=(\S+) mekong (connect .*)$`)
	var m []string
	for deadline := time.Now().Add(20 * time.Second); m == nil && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		m = command.FindStringSubmatch(o.String())
	}
	if m == nil {
		t.Fatalf("it prints\n%s", o.String())
	}
	page := regexp.MustCompile(`http://\S+/sim`).FindString(o.String())
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "Số điện thoại") {
		t.Errorf("the page answers %s, %v", resp.Status, err)
	}
	t.Setenv("LARK_APP_SECRET", m[1])
	path := filepath.Join(t.TempDir(), "mekong.yaml")
	var says output
	args := append(strings.Fields(strings.ReplaceAll(m[2], "'", "")), "--yes", "-c", path)
	if code := Main(ctx, args, strings.NewReader(""), &says, &says); code != exitOK {
		t.Errorf("connect: exit %d\n%s", code, says.String())
	}
	if code := Main(ctx, []string{"doctor", "crm", "--write", "-c", path}, nil, &says, &says); code != exitOK {
		t.Errorf("doctor: exit %d\n%s", code, says.String())
	}
	stop()
	select {
	case code := <-done:
		if code != exitOK {
			t.Errorf("exit %d\n%s", code, o.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
	var e output
	if code := Main(t.Context(), []string{"sim", "--addr", "256.0.0.1:x"}, nil, &e, &e); code != exitFailed || !strings.Contains(e.String(), "--addr") {
		t.Errorf("an address that is none: exit %d %s", code, e.String())
	}
}
