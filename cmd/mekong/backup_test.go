package main

import (
	"archive/tar"
	"bytes"
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
	code, tarred, errOut := mekong(t, "backup", "-c", filepath.Join(dir, "mekong.yaml"), "-")
	if code != exitOK || !strings.Contains(errOut, "Backed up to standard output") {
		t.Fatalf("code %d:\n%s", code, errOut)
	}
	p.kill()
	piped := written(t, t.TempDir(), "")
	if code, out, errOut := mekongReading(t, tarred, "restore", "-c", piped, "-"); code != exitOK || !strings.Contains(out, "20  messages in RAW") {
		t.Errorf("from a pipe: code %d:\n%s%s", code, out, errOut)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(piped), "data", ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if code, out := told(t, "restore", "--check", backup); code != exitOK || !strings.Contains(out, "Whole and unchanged") {
		t.Errorf("code %d:\n%s", code, out)
	}
	other := t.TempDir()
	conf := written(t, other, "")
	if code, out := told(t, "restore", "-c", conf, backup); code != exitOK || strings.Contains(out, "Restart the NATS") {
		t.Fatalf("code %d:\n%s", code, out)
	}
	for _, did := range []string{`"backed up"`, `"restored"`} {
		if text, err := os.ReadFile(filepath.Join(other, "data", "audit.jsonl")); err != nil || !strings.Contains(string(text), did) {
			t.Errorf("the audit log does not say %s: %v", did, err)
		}
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

// A tar file comes from a medium that somebody else may have written to: whatever it
// says, nothing is written outside of the folder.
func FuzzUnpacked(f *testing.F) {
	for _, h := range []tar.Header{
		{Name: "streams/RAW", Typeflag: tar.TypeReg, Size: 3},
		{Name: "../out", Typeflag: tar.TypeReg, Size: 3},
		{Name: "/etc/out", Typeflag: tar.TypeReg, Size: 3},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		h.Mode = 0o600
		err := w.WriteHeader(&h)
		if err == nil && h.Size > 0 {
			_, err = w.Write([]byte("abc"))
		}
		if err := errors.Join(err, w.Close()); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		in := filepath.Join(dir, "in")
		if err := os.Mkdir(in, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = unpacked(t.Context(), bytes.NewReader(text), in)
		there, err := os.ReadDir(dir)
		if err != nil || len(there) != 1 {
			t.Errorf("outside there is %v, %v", there, err)
		}
		err = filepath.WalkDir(in, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !d.Type().IsRegular() {
				t.Errorf("%s is a %s", path, d.Type())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
