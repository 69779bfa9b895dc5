package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// mekong runs a command to its end.
func mekong(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	return mekongReading(t, "", args...)
}

// mekongReading runs a command with that on its standard input.
func mekongReading(t *testing.T, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e output
	code = Main(t.Context(), args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// inFile writes text to a file of its own.
func inFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// commands are all there are, with their paths.
func commands(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		if name := sub.Name(); name != "help" && name != "completion" {
			all = append(append(all, sub), commands(sub)...)
		}
	}
	return all
}

// Every command says what it does and shows how it is called, itself or with
// those it belongs to.
func TestHelp(t *testing.T) {
	all := commands((&cli{}).root())
	if len(all) < 8 {
		t.Errorf("only %d commands were found", len(all))
	}
	for _, c := range all {
		path := strings.Fields(c.CommandPath())[1:]
		code, out, errOut := mekong(t, append(path, "--help")...)
		if code != exitOK || errOut != "" {
			t.Errorf("%s --help: code %d, %s", c.CommandPath(), code, errOut)
		}
		if c.Short == "" || !strings.Contains(out, "Usage:") || !strings.Contains(out, "--config") {
			t.Errorf("%s --help says\n%s", c.CommandPath(), out)
		}
		example := c.Example
		if c.HasParent() && c.Parent().HasParent() {
			example += c.Parent().Example
		}
		if !regexp.MustCompile(`(?m)^  (.* \| )?` + c.CommandPath() + `\b`).MatchString(example) {
			t.Errorf("%s has no example:\n%s", c.CommandPath(), example)
		}
	}
	if code, out, _ := mekong(t); code != exitOK || !strings.Contains(out, "mekong demo") {
		t.Errorf("without a command: code %d\n%s", code, out)
	}
}

func TestExitCodes(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "mekong.yaml")
	good := written(t, t.TempDir(), "")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	inTheWay := inFile(t, "mekong.yaml", "data_dir: "+t.TempDir()+"\nhttp: { intake: \""+taken.Addr().String()+"\", console: \"127.0.0.1:0\" }\nnats: { reserve: 1 }\nsources: { landing: { ladipage: {} } }\n")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--help"}, exitOK, ""},
		{[]string{"config", "check", "-c", good}, exitOK, ""},
		{[]string{"nonsense"}, exitUsage, `unknown command "nonsense"`},
		{[]string{"rum"}, exitUsage, "run"},
		{[]string{"config", "nonsense"}, exitUsage, `unknown command "nonsense"`},
		{[]string{"run", "--nonsense"}, exitUsage, "--nonsense"},
		{[]string{"run", "nonsense"}, exitUsage, "nonsense"},
		{[]string{"run", "-c", missing}, exitUsage, "mekong init asks"},
		{[]string{"run", "-c", t.TempDir()}, exitUsage, "is this the right file?"},
		{[]string{"run", "-c", good, "--log-level", "loud"}, exitUsage, "debug, info, warn, error"},
		{[]string{"run", "-c", good, "--production"}, exitUsage, "--production"},
		{[]string{"run", "-c", inTheWay}, exitFailed, "address already in use"},
		{[]string{"bench", "--rounds", "0"}, exitUsage, "--rounds"},
		{[]string{"config", "check", "-c", missing}, exitUsage, "mekong init asks"},
		{[]string{"config", "show", "-c", missing}, exitUsage, "mekong init asks"},
		{[]string{"send"}, exitUsage, "at least 1 arg"},
		{[]string{"send", "landing", "-c", missing}, exitUsage, "mekong init asks"},
		{[]string{"send", "landing", "-c", good, "--as", "xml"}, exitUsage, "urlencoded, multipart, json"},
		{[]string{"send", "landing", "-c", good, "--count", "0"}, exitUsage, "--count"},
		{[]string{"send", "landing", "-c", good, missing}, exitUsage, "no such file"},
		{[]string{"send", "landin", "-c", good}, exitUsage, "landing"},
	} {
		code, out, errOut := mekong(t, c.args...)
		if code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("mekong %s: code %d, want %d and %q\n%s%s", strings.Join(c.args, " "), code, c.code, c.says, out, errOut)
		}
		if (code != exitOK) != (errOut != "") {
			t.Errorf("mekong %s: code %d, and on standard error %q", strings.Join(c.args, " "), code, errOut)
		}
	}
}

// All mistakes are told at once, one a line: file, line, path, what is wrong,
// and what to do.
func TestConfigCheckSixMistakes(t *testing.T) {
	const folder = "../../config/testdata/"
	text, err := os.ReadFile(folder + "six-mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(folder + "six-mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	path := inFile(t, "six-mistakes.yaml", string(text))
	for _, command := range []string{"check", "show"} {
		code, out, errOut := mekong(t, "config", command, "-c", path)
		if code != exitUsage || out != "" {
			t.Errorf("config %s: code %d, and on standard output %q", command, code, out)
		}
		lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(errOut, "mekong: "), "\n"), "\n")
		if len(lines) != 6 {
			t.Fatalf("config %s: %d lines:\n%s", command, len(lines), errOut)
		}
		shape := regexp.MustCompile(`^` + regexp.QuoteMeta(path) + `:\d+: [a-z_]+(\.[a-z_]+)+: .+; .+$`)
		for i, line := range lines {
			if !shape.MatchString(line) {
				t.Errorf("config %s, line %d has not all it should: %s", command, i+1, line)
			}
			if short := strings.Split(string(want), "\n")[i]; strings.TrimPrefix(line, filepath.Dir(path)+"/") != short {
				t.Errorf("config %s, line %d is\n%s\nwant\n%s", command, i+1, line, short)
			}
		}
	}
}

// What only compiling finds is told with its line as well.
func TestExpressionsAreCheckedWithTheirLine(t *testing.T) {
	path := inFile(t, "mekong.yaml", `
sources:
  landing:
    ladipage: {}
transform:
  landing:
    fields:
      score: { expr: '1 +', as: number }
sinks:
  archive:
    where: 'phone +'
    mongodb: {}
`)
	code, _, errOut := mekong(t, "config", "check", "-c", path)
	if code != exitUsage || !strings.Contains(errOut, ":8: transform.landing.fields.score.expr") || !strings.Contains(errOut, ":11: sinks.archive.where") {
		t.Errorf("code %d: %s", code, errOut)
	}
}

func TestExampleAndSchemaArePrinted(t *testing.T) {
	if code, out, _ := mekong(t, "config", "example"); code != exitOK || !strings.Contains(out, "ladipage:") {
		t.Errorf("example: code %d\n%s", code, out)
	}
	if code, out, _ := mekong(t, "config", "schema"); code != exitOK || !strings.Contains(out, `"$schema"`) {
		t.Errorf("schema: code %d\n%s", code, out)
	}
}

func TestConfigShowHidesSecrets(t *testing.T) {
	secrets := []string{"page-token-0123456789", "older-token-0123456789", "password-of-mongodb", "nats-token-0123456789", "token-of-the-environment"}
	t.Setenv("MEKONG_TEST_TOKEN", secrets[4])
	path := inFile(t, "mekong.yaml", `
nats: { url: "nats://127.0.0.1:4222", token: `+secrets[3]+` }
sources:
  landing:
    ladipage: { token: `+secrets[0]+`, tokens: [`+secrets[1]+`, "${MEKONG_TEST_TOKEN}"] }
sinks:
  archive:
    mongodb: { uri: "mongodb://mekong:`+secrets[2]+`@db-1:27017" }
`)
	code, out, errOut := mekong(t, "config", "show", "-c", path)
	if code != exitOK {
		t.Fatalf("code %d: %s", code, errOut)
	}
	for _, s := range secrets {
		if strings.Contains(out+errOut, s) {
			t.Errorf("it shows %s", s)
		}
	}
	if n := strings.Count(out, "(secret)"); n != len(secrets) {
		t.Errorf("%d secrets are marked as such, of %d:\n%s", n, len(secrets), out)
	}
	for _, effective := range []string{"max_body", "write_concern: majority", "shutdown_grace", "path: /in/landing"} {
		if !strings.Contains(out, effective) {
			t.Errorf("it does not show the default %q:\n%s", effective, out)
		}
	}
}

// Send posts as a sender would, and says what became of it in words.
func TestSend(t *testing.T) {
	path := written(t, t.TempDir(), "")
	ctx, cancel := context.WithCancel(t.Context())
	var errOut output
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, []string{"run", "-c", path}, strings.NewReader(""), &output{}, &errOut) }()
	var door string
	await(t, 30*time.Second, func() string {
		if m := announced.FindStringSubmatch(errOut.String()); m != nil {
			door = strings.TrimSuffix(m[1], "/in/landing")
			return ""
		}
		return "it does not say where leads go in:\n" + errOut.String()
	})
	form := inFile(t, "form.txt", "name=An&phone=0900000000")
	object := inFile(t, "lead.json", `{"name":"Bình","phone":"0900000001"}`)
	accepted := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  accepted in \S+  landing-\S+$`)
	for _, c := range []struct {
		in    string
		args  []string
		leads int
	}{
		{"", nil, 1},
		{"", []string{"--count", "3", "--as", "json"}, 3},
		{"", []string{"--count", "2", "--as", "multipart"}, 2},
		{"", []string{form, object}, 2},
		{"name=Chi&phone=0900000002", []string{"-"}, 1},
	} {
		code, out, errOut := mekongReading(t, c.in, append([]string{"send", "landing", "-c", path, "--url", door}, c.args...)...)
		if code != exitOK || errOut != "" {
			t.Errorf("send %v: code %d: %s", c.args, code, errOut)
		}
		if n := len(accepted.FindAllString(out, -1)); n != c.leads {
			t.Errorf("send %v: %d are accepted, want %d:\n%s", c.args, n, c.leads, out)
		}
	}

	code, _, says := mekong(t, "send", "shop", "-c", path, "--url", door)
	if code != exitUsage || !strings.Contains(says, `no source "shop"`) || !strings.Contains(says, "there are: landing") {
		t.Errorf("an unknown source: code %d: %s", code, says)
	}
	other := inFile(t, "mekong.yaml", "sources: { landing: { ladipage: { token: another-token-0123456789 } } }\n")
	code, _, says = mekong(t, "send", "landing", "-c", other, "--url", door)
	if code != exitFailed || !strings.Contains(says, "401") || !strings.Contains(says, "token") || strings.Contains(says, "another-token") {
		t.Errorf("a wrong token: code %d: %s", code, says)
	}

	cancel()
	select {
	case code := <-ended:
		if code != exitOK || !strings.Contains(errOut.String(), "Mekong has stopped: 9 accepted") {
			t.Errorf("run ended with code %d:\n%s", code, errOut.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("run did not stop")
	}
	code, _, says = mekong(t, "send", "landing", "-c", path, "--url", door)
	if code != exitFailed || !strings.Contains(says, "nobody answers") || !strings.Contains(says, "is `mekong run` up?") {
		t.Errorf("nobody there: code %d: %s", code, says)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, errOut := mekong(t, "completion", shell)
		if code != exitOK || errOut != "" || len(out) < 1000 || !strings.Contains(out, "mekong") {
			t.Errorf("completion %s: code %d, %d bytes: %s", shell, code, len(out), errOut)
		}
	}
	path := written(t, t.TempDir(), "")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"send", "-c", path, ""}, "landing\n"},
		{[]string{"run", "-c", path, "--sinks", ""}, "archive\n"},
		{[]string{"run", "--only", ""}, "intake\ntransform\ndeliver\nconsole\n"},
		{[]string{"send", "--as", ""}, "urlencoded\nmultipart\njson\n"},
		{[]string{"run", "--log-level", ""}, "debug\ninfo\nwarn\nerror\n"},
	} {
		code, out, _ := mekong(t, append([]string{cobra.ShellCompRequestCmd}, c.args...)...)
		if code != exitOK || !strings.HasPrefix(out, c.want) {
			t.Errorf("completing %v: code %d, offered\n%s", c.args, code, out)
		}
	}
}
