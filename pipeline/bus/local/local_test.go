package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestOneProcessPerFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	s := start(t, Options{Dir: dir})
	_, err := Start(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another mekong is running") {
		t.Errorf("a second server on the folder says %v", err)
	}
	s.Close()
	start(t, Options{Dir: dir})
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v (%v): others can read customers' data", st.Mode(), err)
	}
}

func TestListenerIsLoopbackAndWantsItsToken(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":4222", "192.0.2.1:4222", "example.com:4222", "nonsense"} {
		if _, err := Start(t.Context(), Options{Dir: t.TempDir(), Listen: addr}); err == nil || !strings.Contains(err.Error(), "nats.listen") {
			t.Errorf("listening on %s says %v", addr, err)
		}
	}
	dir := t.TempDir()
	s := start(t, Options{Dir: dir, Listen: "127.0.0.1:0"})
	url := s.ns.ClientURL()
	if _, err := nats.Connect(url); err == nil {
		t.Error("anybody may look in")
	}
	nc, err := nats.Connect(url, nats.Token(s.Token()))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	first := s.Token()
	if st, err := os.Stat(filepath.Join(dir, "token")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the token's file: %v", err)
	}
	s.Close()
	if again := start(t, Options{Dir: dir, Listen: "127.0.0.1:0"}).Token(); again != first {
		t.Error("the token changes with every start")
	}
}

func TestNoSocketUnlessAsked(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	if addr := s.ns.Addr(); addr != nil {
		t.Errorf("it listens on %v", addr)
	}
	if s.Token() != "" {
		t.Error("a token without a listener")
	}
}

func TestHealAndClose(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	if err := s.Healthy(); err != nil {
		t.Fatal(err)
	}
	if err := s.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Healthy(); err != nil {
		t.Error(err)
	}
	s.Close()
	s.Close()
	if s.Healthy() == nil {
		t.Error("a closed server is healthy")
	}
	if s.Heal(t.Context()) == nil {
		t.Error("a closed server was started again")
	}
	if _, err := s.InProcessConn(); err == nil {
		t.Error("a closed server takes connections")
	}
}
