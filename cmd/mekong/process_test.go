package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"mekong/cmd/internal/leads"
)

// asProgram in the environment makes this test binary the program itself, so
// that a test can have it as a process of its own, and kill it.
const asProgram = "MEKONG_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// pageToken is what the source of these tests asks for.
const pageToken = "0123456789abcdef-of-a-test"

// written is a configuration with everything embedded, in a file of dir, and
// with more behind it.
func written(t *testing.T, dir, more string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "mekong.yaml")
	text := fmt.Sprintf(`
data_dir: %q
http: { intake: "127.0.0.1:0", console: "127.0.0.1:0" }
shutdown_grace: 5s
nats: { reserve: 1 }
sources:
  landing:
    ladipage: { path: /in/landing, token: %s, rate: 100000 }
sinks:
  archive:
    mongodb: { database: mekong, collection: records }
%s`, filepath.Join(dir, "data"), pageToken, more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a `mekong run` of its own.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	err   *output // what it printed
	door  string  // where it takes leads
	ended chan struct{}
}

// command starts the program with these arguments.
func command(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...), err: &output{}, ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its code is asked for in exit
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

var announced = regexp.MustCompile(`(?m)^  source landing +(http://\S+)$`)

// run starts `mekong run` and returns once it takes leads.
func run(t *testing.T, config string, args ...string) *process {
	t.Helper()
	p := command(t, append([]string{"run", "-c", config}, args...)...)
	await(t, 30*time.Second, func() string {
		if m := announced.FindStringSubmatch(p.err.String()); m != nil {
			p.door = m[1]
			return ""
		}
		select {
		case <-p.ended:
			t.Fatalf("it ended before it took leads:\n%s", p.err)
		default:
		}
		return "it does not say where leads go in:\n" + p.err.String()
	})
	return p
}

// kill ends it as the kernel or a power switch would. It may be called again.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	p.exit(10 * time.Second)
}

// exit waits for the end and says the code, -1 after a kill.
func (p *process) exit(most time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(most):
		p.t.Fatalf("it did not end within %s:\n%s", most, p.err)
		return 0
	}
}

// senders is the client of all who send.
var senders = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// submit posts lead n once and gives the ID it was accepted under. Only a
// complete 200 is one; anything else is an error.
func submit(ctx context.Context, door string, n uint64) (id string, err error) {
	contentType, body := leads.Make(n).Encode(leads.Kinds[n%3])
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, door, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.GetBody = nil // or the client would send it again by itself
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Token", pageToken)
	resp, err := senders.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var answer struct{ ID string }
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusOK || answer.ID == "" {
		return "", fmt.Errorf("answered %d: %s", resp.StatusCode, text)
	}
	return answer.ID, nil
}

// await asks until there is nothing left to say, and fails with what was said
// last when that takes too long.
func await(t *testing.T, most time.Duration, lacking func() string) {
	t.Helper()
	for deadline := time.Now().Add(most); ; time.Sleep(5 * time.Millisecond) {
		what := lacking()
		if what == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still: %s", most, what)
		}
	}
}
