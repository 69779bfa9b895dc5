package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"mekong/pipeline/bus/local"
)

// A command of the same user talks to the server that runs, also over its restart,
// and not to one that has stopped or was killed.
func TestRunning(t *testing.T) {
	for name, dir := range map[string]string{
		"short": filepath.Join(t.TempDir(), "a"),
		"long":  filepath.Join(t.TempDir(), strings.Repeat("very-long-name/", 8)),
	} {
		t.Run(name, func(t *testing.T) {
			outside := local.Running{Dir: dir}
			if _, err := outside.InProcessConn(); !errors.Is(err, local.ErrNoSocket) {
				t.Errorf("nothing runs: %v", err)
			}
			s, err := local.Start(t.Context(), local.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			nc, err := nats.Connect("", nats.InProcessServer(outside), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			sub, err := nc.SubscribeSync("a")
			if err != nil {
				t.Fatal(err)
			}
			ask := func() error {
				if err := nc.Publish("a", []byte("x")); err != nil {
					return err
				}
				_, err := sub.NextMsg(time.Second)
				return err
			}
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			if err := s.Heal(context.Background()); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				if err = ask(); err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("after the restart: %v", err)
				}
			}
			s.Close()
			if _, err := outside.InProcessConn(); !errors.Is(err, local.ErrNoSocket) {
				t.Errorf("it was stopped: %v", err)
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				if e.Name() == "address" || strings.HasSuffix(e.Name(), ".sock") {
					t.Errorf("%s is left behind", e.Name())
				}
			}
			// What a killed process leaves does not hinder the next one.
			if err := os.WriteFile(filepath.Join(dir, "address"), []byte(filepath.Join(dir, "mekong.sock")), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := outside.InProcessConn(); !errors.Is(err, local.ErrNoSocket) {
				t.Errorf("it was killed: %v", err)
			}
			again, err := local.Start(t.Context(), local.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			conn, err := outside.InProcessConn()
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		})
	}
}
