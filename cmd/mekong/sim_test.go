package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/config"
)

// runningSim is a sim in the background.
type runningSim struct {
	t    *testing.T
	out  *output
	code chan int
	stop context.CancelFunc
}

// startSim returns when it has said where it is.
func startSim(t *testing.T, args ...string) *runningSim {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &runningSim{t: t, out: &output{}, code: make(chan int, 1), stop: stop}
	go func() {
		s.code <- Main(ctx, append([]string{"sim", "--addr", "127.0.0.1:0", "--google", "127.0.0.1:0", "--script", "127.0.0.1:0"}, args...), nil, s.out, s.out)
	}()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.out.String(), "mekong run -c"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it prints\n%s", s.out.String())
		}
	}
	return s
}

// find is what a line has behind its name.
func (s *runningSim) find(re string) string {
	s.t.Helper()
	m := regexp.MustCompile(re).FindStringSubmatch(s.out.String())
	if m == nil {
		s.t.Fatalf("nothing like %s in\n%s", re, s.out.String())
	}
	return m[1]
}

func (s *runningSim) end() {
	s.t.Helper()
	s.stop()
	select {
	case code := <-s.code:
		if code != exitOK {
			s.t.Errorf("exit %d\n%s", code, s.out.String())
		}
	case <-time.After(20 * time.Second):
		s.t.Fatal("it does not stop")
	}
}

// connects runs a printed mekong connect, and has the doctor prove what it wrote.
func (s *runningSim) connects(command, sink string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "mekong.yaml")
	var says output
	args := append(strings.Fields(strings.ReplaceAll(command, "'", "")), "--yes", "-c", path)
	if code := Main(s.t.Context(), args, strings.NewReader(""), &says, &says); code != exitOK {
		s.t.Errorf("%s: exit %d\n%s", command, code, says.String())
	}
	if code := Main(s.t.Context(), []string{"doctor", sink, "--write", "-c", path}, nil, &says, &says); code != exitOK {
		s.t.Errorf("doctor %s: exit %d\n%s", sink, code, says.String())
	}
}

// What the simulators print is enough to use them, as printed.
func TestSimCanBeUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "try")
	s := startSim(t, "--dir", dir)
	for re, want := range map[string]string{
		`Look at it  (http://\S+/sim)`:                 "Số điện thoại",
		`Write to it (http://\S+)`:                     "Trợ lý Mekong",
		`Look at it  (http://\S+/edit#gid=0)`:          "Họ và tên",
		`Apps Script at (http://\S+)`:                  "Trang tính1",
		`spreadsheet: (http://\S+)`:                    "Khách hàng tiềm năng",
		`or, a wiki  (http://\S+)/wiki/`:               "",
		`credentials: "(.*google-key\.json)"`:          "",
		`shared with (mekong@simulated\.example\.com)`: "",
	} {
		at := s.find(re)
		if want == "" {
			continue
		}
		resp, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s answers %s, %v", at, resp.Status, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "google-key.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	t.Setenv("LARK_APP_SECRET", s.find(`LARK_APP_SECRET=(\S+) `))
	s.connects(s.find(`(?m)LARK_APP_SECRET=\S+ mekong (connect lark .*)$`), "crm")
	s.connects(s.find(`mekong (connect sheets .*)\n`), "sales")
	t.Setenv("SHEET_SECRET", s.find(`SHEET_SECRET=(\S+) `))
	s.connects(s.find(`mekong (connect appsscript .*)\n`), "sheet")
	// The configuration that was written holds what was printed, and works.
	path := filepath.Join(dir, "mekong.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := config.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(conf.SinkNames(), " "); got != "crm sales simple" {
		t.Errorf("the sinks are %s", got)
	}
	for _, line := range strings.Split(string(text), "\n")[6:] {
		if !strings.Contains(s.out.String(), strings.TrimSpace(line)) {
			t.Errorf("%q is not printed", line)
		}
	}
	var says output
	if code := Main(t.Context(), []string{"doctor", "crm", "sales", "simple", "--write", "-c", path}, nil, &says, &says); code != exitOK {
		t.Errorf("doctor: exit %d\n%s", code, says.String())
	}
	s.end()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the folder that was named is not left alone: %v", err)
	}
}

// Without a folder of one's own nothing is left behind.
func TestSimLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s := startSim(t)
	if made, err := os.ReadDir(temp); err != nil || len(made) != 1 {
		t.Errorf("it makes %v, %v", made, err)
	}
	s.end()
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is written in the chat goes where --bot-url says, and the chatbot beside the
// simulators answers it: mekong run with the configuration that sim has written.
func TestSimBotIsAnswered(t *testing.T) {
	t.Parallel()
	l, err := listen("127.0.0.1:0", "intake")
	if err != nil {
		t.Fatal(err)
	}
	door := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	s := startSim(t, "--dir", dir, "--bot-url", "http://"+door+"/in/bot")
	path := filepath.Join(dir, "mekong.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "http: {intake: '"+door+"', console: '127.0.0.1:0'}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log output
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, []string{"run", "-c", path}, nil, &log, &log) }()
	chat := s.find(`Write to it (http://\S+)`)
	sent := false
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if !sent {
			if resp, err := http.Get("http://" + door + "/healthz"); err == nil {
				_ = resp.Body.Close()
				if status, out := tell(t, chat, "text", "How much is it?"); status != http.StatusNoContent {
					t.Fatalf("the chat: %d %s", status, out)
				}
				sent = true
			}
		} else if strings.Contains(string(fetch(t, chat)), "2,900,000 VND") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody answers:\n%s", log.String())
		}
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("run: exit %d\n%s", code, log.String())
	}
	s.end()
}

func TestSimUsage(t *testing.T) {
	for flag, want := range map[string]int{"--addr": exitFailed, "--google": exitFailed, "--script": exitFailed, "--bot-url": exitUsage} {
		var e output
		args := append([]string{"sim", "--addr", "127.0.0.1:0", "--google", "127.0.0.1:0", "--script", "127.0.0.1:0"}, flag, "256.0.0.1:x")
		if code := Main(t.Context(), args, nil, &e, &e); code != want || !strings.Contains(e.String(), flag) {
			t.Errorf("%s that is none: exit %d %s", flag, code, e.String())
		}
	}
}
