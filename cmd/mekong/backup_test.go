package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// told runs a command in this process, for all that it prints.
func told(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	code, out, errOut := mekong(t, args...)
	return code, out + errOut
}

// The commands as an operator types them: a backup beside a mekong that runs, which is
// killed; a check of it; and another mekong on a machine that had nothing.
func TestBackupAndRestoreByHand(t *testing.T) {
	dir := t.TempDir()
	p := run(t, written(t, dir, ""))
	ids := map[string]bool{}
	for n := range uint64(20) {
		id, err := submit(t.Context(), p.door, n)
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = true
	}
	backup := filepath.Join(dir, "backup")
	if code, out := told(t, "backup", "-c", filepath.Join(dir, "mekong.yaml"), backup); code != exitOK || !strings.Contains(out, "20  messages in RAW") {
		t.Fatalf("code %d:\n%s", code, out)
	}
	if code, out := told(t, "restore", "-c", filepath.Join(dir, "mekong.yaml"), backup); code != exitFailed || !strings.Contains(out, "nothing was changed") && !strings.Contains(out, "stop it first") {
		t.Errorf("a restore over one that runs: code %d:\n%s", code, out)
	}
	p.kill()
	if code, out := told(t, "restore", "--check", backup); code != exitOK || !strings.Contains(out, "Whole and unchanged") {
		t.Errorf("code %d:\n%s", code, out)
	}
	other := t.TempDir()
	conf := written(t, other, "")
	if code, out := told(t, "restore", "-c", conf, backup); code != exitOK || strings.Contains(out, "Restart the NATS") {
		t.Fatalf("code %d:\n%s", code, out)
	}
	p = run(t, conf)
	id, err := submit(t.Context(), p.door, 0) // the first lead once more
	if err != nil || !ids[id] {
		t.Errorf("the same submission is another delivery now: %q, %v", id, err)
	}
	await(t, 30*time.Second, func() string {
		code, out := told(t, "export", "-c", conf, "--from", "archive", "--format", "csv", "--force", "--out", filepath.Join(other, "out.csv"))
		if code != exitOK {
			t.Fatalf("code %d:\n%s", code, out)
		}
		text, err := os.ReadFile(filepath.Join(other, "out.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "@example.com"); n != 20 {
			return out
		}
		return ""
	})
}

func TestBackupSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	conf := written(t, dir, "")
	if code, out := told(t, "backup", "-c", conf, filepath.Join(dir, "b")); code != exitFailed || !strings.Contains(out, "nothing to back up") {
		t.Errorf("of nothing: code %d:\n%s", code, out)
	}
	if code, out := told(t, "restore", "-c", conf, filepath.Join(dir, "none")); code != exitFailed || !strings.Contains(out, "no backup") {
		t.Errorf("from nowhere: code %d:\n%s", code, out)
	}
	if code, _ := told(t, "backup", "-c", conf); code != exitUsage {
		t.Errorf("without a folder: code %d", code)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(conf)
	if err == nil {
		err = os.WriteFile(conf, []byte(strings.Replace(string(text), "nats: {", "nats: { url: nats://"+away+",", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := filepath.Join(dir, "b2")
	if code, out := told(t, "backup", "-c", conf, b); code != exitFailed || !strings.Contains(out, "cannot be reached") {
		t.Errorf("without a server: code %d:\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(b, "manifest.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it looks like a backup: %v", err)
	}
}
