package app

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mekong/pipeline"
)

// doubter notes what comes to a sink as if for the first time.
type doubter struct {
	pipeline.Sink
	mu    sync.Mutex
	fresh map[string]bool
	again int
}

// Write implements pipeline.Sink.
func (d *doubter) Write(ctx context.Context, batch []pipeline.Record) []pipeline.Outcome {
	d.mu.Lock()
	for _, r := range batch {
		if r.Again {
			d.again++
		} else {
			d.fresh[r.ID] = true
		}
	}
	d.mu.Unlock()
	return d.Sink.Write(ctx, batch)
}

// A backup is made while leads come in, and the machine is lost some time later. From
// the backup alone another one is set up, which has every lead that was accepted before
// the backup began, each once, goes on with the others, and treats nothing that it found
// as if no sink had ever seen it.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	first := start(t, configured(t, filepath.Join(dir, "lost"), oneSink), Options{})
	f := newTraffic(first)
	f.many(200)
	backup := filepath.Join(dir, "backup")
	type made struct {
		Manifest
		err error
	}
	done := make(chan made, 1)
	before := len(f.sent)
	go func() {
		m, err := Backup(context.Background(), first.config, backup, nil)
		done <- made{m, err}
	}()
	var m made
	for waiting := true; waiting; {
		select {
		case m = <-done:
			waiting = false
		default:
			f.many(1)
		}
	}
	if m.err != nil {
		t.Fatal(m.err)
	}
	meanwhile := len(f.sent)
	t.Logf("%d leads before, %d meanwhile; the transform stood still for %s", before, meanwhile-before, m.Stood)
	f.many(50) // these are lost with the machine
	first.settled("archive")
	first.stop()
	if info, err := os.Stat(filepath.Join(backup, manifestName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the manifest: %v, %v", info.Mode(), err)
	}

	c := configured(t, filepath.Join(dir, "new"), oneSink)
	if _, err := Restore(t.Context(), c, backup, nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{suppressFile, consoleToken} {
		had, err := os.ReadFile(filepath.Join(dir, "lost", key))
		has, err2 := os.ReadFile(filepath.Join(dir, "new", key))
		if err := errors.Join(err, err2); err != nil || string(had) != string(has) {
			t.Errorf("%s: %v", key, err)
		}
	}
	spy := &doubter{fresh: map[string]bool{}}
	second := start(t, c, Options{Wrap: func(_ string, s pipeline.Sink) pipeline.Sink { spy.Sink = s; return spy }})
	line := second.settled("archive")["archive"]
	if line.Accepted < int64(before) || line.Accepted > int64(meanwhile) || line.Stored != line.Accepted {
		t.Errorf("%d to %d leads were accepted, and the balance is %+v", before, meanwhile, line)
	}
	stored := map[string]int{}
	for _, d := range second.documents("mekong", "records") {
		address, _ := in(d, "fields", "email").(string)
		stored[address]++
	}
	for n := range uint64(before) {
		if got := stored[mail(n)]; got != 1 {
			t.Errorf("lead %d was accepted before the backup and is stored %d times", n, got)
		}
	}
	for address, n := range stored {
		if n != 1 || !f.sent[address] {
			t.Errorf("%s is stored %d times", address, n)
		}
	}
	if len(spy.fresh) > 0 {
		t.Errorf("%d records came to the sink as if for the first time", len(spy.fresh))
	}
	t.Logf("%d leads restored, %d of them written once more", line.Accepted, spy.again)

	// It is a Mekong like any other: what comes next is new.
	g := newTraffic(second)
	g.next = 10_000
	g.many(20)
	if line := second.settled("archive")["archive"]; line.Stored != line.Accepted {
		t.Errorf("afterwards: %+v", line)
	}
	if len(spy.fresh) == 0 {
		t.Error("new leads are looked up as if they had been here before")
	}
}

// What could go wrong at a restore is found before anything is changed.
func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	r := start(t, configured(t, filepath.Join(dir, "data"), oneSink), Options{})
	newTraffic(r).many(5)
	r.settled("archive")
	backup := filepath.Join(dir, "backup")
	if _, err := Backup(t.Context(), r.config, backup, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), r.config, backup, nil); err == nil || !strings.Contains(err.Error(), "something in") {
		t.Errorf("a backup over a backup: %v", err)
	}
	if _, err := Restore(t.Context(), r.config, backup, nil); err == nil || !strings.Contains(err.Error(), "embedded MongoDB already") {
		t.Errorf("over one that runs: %v", err)
	}
	r.stop()
	for _, c := range []struct {
		name, says string
		spoil      func(t *testing.T, backup, data string)
	}{
		{"no manifest", "never finished", func(t *testing.T, backup, _ string) { remove(t, backup, manifestName) }},
		{"a bit has turned", "hash differs", func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, backupStreams, "RAW"), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}},
		{"cut short", "hash differs", func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, backupMongoDB, "mekong.sqlite"), func(b []byte) []byte { return b[:len(b)/2] })
		}},
		{"a file is gone", "no such file", func(t *testing.T, backup, _ string) { remove(t, backup, backupFiles, suppressFile) }},
		{"of another release", "format 2", func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, manifestName), func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `"format": 1`, `"format": 2`, 1))
			})
		}},
		{"a way out", "outside", func(t *testing.T, backup, _ string) {
			change(t, filepath.Join(backup, manifestName), func(b []byte) []byte {
				return []byte(strings.Replace(string(b), `"files/`+suppressFile, `"files/../../`+suppressFile, 1))
			})
		}},
		{"another key", "not the one of the backup", func(t *testing.T, _, data string) {
			put(t, filepath.Join(data, suppressFile), strings.Repeat("ab", 32)+"\n")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			copied, data := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(copied, os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			c.spoil(t, copied, data)
			if _, err := Restore(t.Context(), configured(t, data, oneSink), copied, nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v", err)
			}
			for _, made := range []string{"nats", "mongodb"} {
				if _, err := os.Stat(filepath.Join(data, made)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is there: %v", made, err)
				}
			}
		})
	}
	// Nothing is lost where the keys are the same, and what the machine has is newer.
	data := filepath.Join(t.TempDir(), "data")
	put(t, filepath.Join(data, consoleToken), strings.Repeat("c", 43)+"\n")
	put(t, filepath.Join(data, TraceFile), "the index of other streams")
	got, err := Restore(t.Context(), configured(t, data, oneSink), backup, nil)
	if err != nil || strings.Join(got.Kept, " ") != consoleToken {
		t.Errorf("kept %q, %v", got.Kept, err)
	}
	if _, err := os.Stat(filepath.Join(data, TraceFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the index is still there: %v", err)
	}
	if _, err := Restore(t.Context(), configured(t, data, strings.Replace(oneSink, "mongodb: {", "mongodb: { uri: mongodb://127.0.0.1:1,", 1)), backup, nil); err == nil {
		t.Error("a second restore went through")
	}
}

func remove(t *testing.T, path ...string) {
	t.Helper()
	if err := os.Remove(filepath.Join(path...)); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, string(how(b)))
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// A manifest comes from a medium that somebody else may have written to.
func FuzzManifest(f *testing.F) {
	good, err := json.Marshal(Manifest{Format: backupFormat, Made: time.Now(), Files: []BackedUp{{Path: "files/token.key", Size: 1, SHA256: "00"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":1,"streams":[{"name":"../RAW"}]}`))
	f.Add([]byte(`{"format":1,"files":[{"path":"/etc/passwd"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		put(t, filepath.Join(dir, manifestName), string(text))
		m, err := ReadBackup(t.Context(), dir)
		if err == nil && (len(m.Files) > 0 || len(m.Streams) > 0) {
			t.Errorf("nothing is there, and it was found whole: %+v", m)
		}
	})
}
