package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// mekong runs a command line in this process.
func mekong(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestEveryCommandIsExplained(t *testing.T) {
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		if c.Name() == "help" || c.Name() == "completion" {
			return // cobra's own
		}
		if len(path) > 0 {
			code, out, _ := mekong(t, append(path, "--help")...)
			if code != exitOK || !strings.Contains(out, "Usage:") {
				t.Errorf("%v --help: exit %d", path, code)
			}
			if c.Short == "" {
				t.Errorf("%v has no short description", path)
			}
			if !c.HasSubCommands() && !c.HasParent() || len(path) == 1 && c.Example == "" {
				t.Errorf("%v has no example", path)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub, append(append([]string{}, path...), sub.Name()))
		}
	}
	walk((&cli{}).root(), nil)
}

func TestExitCodes(t *testing.T) {
	six := filepath.Join("..", "..", "config", "testdata", "six-mistakes.yaml")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--help"}, exitOK, ""},
		{[]string{"frob"}, exitUsage, "unknown command"},
		{[]string{"run", "--frob"}, exitUsage, "unknown flag"},
		{[]string{"config", "check", "-c", "not-there.yaml"}, exitUsage, "mekong config example"},
		{[]string{"run", "-c", six}, exitUsage, "did you mean"},
		{[]string{"config", "check", "-c", six}, exitUsage, "did you mean"},
		{[]string{"config", "show", "-c", six}, exitUsage, "did you mean"},
		{[]string{"run", "-c", six, "--log-level", "loud"}, exitUsage, ""},
		{[]string{"bench", "--rounds", "0"}, exitUsage, ""},
	} {
		code, _, errOut := mekong(t, c.args...)
		if code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%v: exit %d, want %d; it says %q", c.args, code, c.code, errOut)
		}
	}
}

func TestSixMistakesAreSixLines(t *testing.T) {
	_, _, errOut := mekong(t, "config", "check", "-c", filepath.Join("..", "..", "config", "testdata", "six-mistakes.yaml"))
	lines := strings.Split(strings.TrimSpace(errOut), "\n")
	form := regexp.MustCompile(`^\S+six-mistakes\.yaml:\d+: [a-z_.]+: .+; .+`)
	if len(lines) != 6 {
		t.Fatalf("%d lines:\n%s", len(lines), errOut)
	}
	for _, l := range lines {
		if !form.MatchString(l) {
			t.Errorf("%q has not file, line, path, what and fix", l)
		}
	}
}

func TestExpressionsAreCheckedWithTheirLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mekong.yaml")
	text := "sources:\n  landing:\n    ladipage: {}\ntransform:\n  landing:\n    fields:\n      score: { expr: '1 +', as: number }\nsinks:\n  archive:\n    where: 'phone +'\n    mongodb: {}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := mekong(t, "config", "check", "-c", file)
	if code != exitUsage || !strings.Contains(errOut, ":7: transform.landing.fields.score.expr") || !strings.Contains(errOut, ":10: sinks.archive.where") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

func TestShowHidesSecrets(t *testing.T) {
	t.Setenv("TEST_TOKEN", "a-token-nobody-may-see")
	file := filepath.Join(t.TempDir(), "mekong.yaml")
	text := "sources: { landing: { ladipage: { token: \"${TEST_TOKEN}\" } } }\nsinks: { archive: { mongodb: { uri: \"mongodb://u:${TEST_TOKEN}@db\" } } }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := mekong(t, "config", "show", "-c", file)
	if code != exitOK || strings.Contains(out+errOut, "nobody-may-see") || strings.Count(out, "(secret)") != 2 {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

func TestExampleAndSchemaArePrinted(t *testing.T) {
	if code, out, _ := mekong(t, "config", "example"); code != exitOK || !strings.Contains(out, "ladipage:") {
		t.Errorf("example: exit %d", code)
	}
	if code, out, _ := mekong(t, "config", "schema"); code != exitOK || !strings.Contains(out, `"$schema"`) {
		t.Errorf("schema: exit %d", code)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, _ := mekong(t, "completion", shell); code != exitOK || !strings.Contains(out, "mekong") {
			t.Errorf("%s: exit %d, %d bytes", shell, code, len(out))
		}
	}
}

// settings for a real process, in a folder of its own.
func settle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "mekong.yaml")
	if err := os.WriteFile(file, []byte("data_dir: "+filepath.Join(dir, "data")+"\n"+killConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAStopIsOrderly(t *testing.T) {
	file := settle(t)
	p := spawn(t, file)
	base := strings.TrimSuffix(p.door, "/in/landing")
	if code, out, errOut := mekong(t, "send", "landing", "-c", file, "--url", base, "--count", "5", "--as", "json"); code != exitOK || strings.Count(out, "accepted") != 5 {
		t.Errorf("send: exit %d: %s%s", code, out, errOut)
	}
	if code, _, errOut := mekong(t, "send", "landign", "-c", file); code != exitUsage || !strings.Contains(errOut, "landing") {
		t.Errorf("an unknown source: exit %d: %s", code, errOut)
	}
	// A second one on the same folder is refused, in words.
	if code, _, errOut := mekong(t, "run", "-c", file); code != exitFailed || !strings.Contains(errOut, "another mekong is running") {
		t.Errorf("a second process: exit %d: %s", code, errOut)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.done:
		if err != nil {
			t.Errorf("a stop ends with %v", err)
		}
	case <-time.After(30 * time.Second):
		p.kill(t)
		t.Error("it does not stop")
	}
	if code, _, errOut := mekong(t, "send", "landing", "-c", file, "--url", base); code != exitFailed || !strings.Contains(errOut, "mekong run") {
		t.Errorf("sending to nobody: exit %d: %s", code, errOut)
	}
}
