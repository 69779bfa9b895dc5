package main

import (
	"context"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
)

// here makes an empty folder the current one.
func here(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range []string{"LANG", "LC_ALL", "LC_MESSAGES", "LARK_APP_SECRET", "SHEET_SECRET", "LARK_VERIFY", "LARK_ENCRYPT"} {
		t.Setenv(name, "")
	}
}

// anyAddress is one that nobody listens at.
func anyAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// files are those of the current folder, with their modes.
func files(t *testing.T) map[string]fs.FileMode {
	t.Helper()
	out := map[string]fs.FileMode{}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := e.Info()
		if err == nil {
			out[path] = info.Mode()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// From an empty folder, with Enter and nothing else, to a lead in MongoDB.
func TestInitToALead(t *testing.T) {
	here(t)
	began := time.Now()
	code, out, errOut := mekongReading(t, "\n\n\n\n", "init", "--intake", anyAddress(t), "--console", anyAddress(t))
	if code != exitOK || errOut != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	if got := files(t); len(got) != 3 || got["mekong.yaml"] != 0o600 || got["secrets"] != fs.ModeDir|0o700 || got["secrets/landing.token"] != 0o600 {
		t.Errorf("the folder has %v", got)
	}
	text, token := readFile(t, "mekong.yaml"), strings.TrimSpace(readFile(t, "secrets/landing.token"))
	if len(token) != 32 || strings.Contains(text, token) || !strings.Contains(text, `token: "${file:secrets/landing.token}"`) || !strings.Contains(text, "data_dir: ./data") {
		t.Errorf("the file is\n%s", text)
	}
	for _, says := range []string{"Where do leads come from?", "mekong.yaml is fine: 1 sources, 1 sinks", "https://<your-domain>/in/landing", `{"token": "` + token + `"}`, "mekong run ", "mekong send landing ", "the console"} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	if code, out, errOut := mekong(t, "config", "check"); code != exitOK {
		t.Fatalf("config check: exit %d\n%s%s", code, out, errOut)
	}
	ctx, stop := context.WithCancel(t.Context())
	var said output
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, []string{"run"}, strings.NewReader(""), &said, &said) }()
	eventually(t, "it runs", func() bool { return strings.Contains(said.String(), "Mekong is running") })
	line := regexp.MustCompile(`(?m)^ *curl .*$`).FindString(out)
	answered(t, curlRequest(t, line), "")
	if code, out, errOut := mekong(t, "send", "landing"); code != exitOK {
		t.Errorf("send landing: exit %d\n%s%s", code, out, errOut)
	}
	eventually(t, "the lead is stored", func() bool {
		_, out, _ := mekong(t, "trace", "0900000000")
		return regexp.MustCompile(`archive.*stored|stored.*archive`).MatchString(out)
	})
	t.Logf("from nothing to a lead in MongoDB: %s", time.Since(began).Round(10*time.Millisecond))
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("run: exit %d\n%s", code, said.String())
	}
	// A second time nothing is touched.
	if code, _, errOut := mekongReading(t, "", "init", "--yes"); code != exitUsage || !strings.Contains(errOut, "is there already") || !strings.Contains(errOut, "-c other.yaml") || readFile(t, "mekong.yaml") != text {
		t.Errorf("a second time: exit %d %s", code, errOut)
	}
	// With the file away, the token that pages know stays.
	if err := os.Remove("mekong.yaml"); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := mekong(t, "init", "--yes", "--intake", "127.0.0.1:0", "--console", "127.0.0.1:0"); code != exitOK || !strings.Contains(out, token) || strings.TrimSpace(readFile(t, "secrets/landing.token")) != token {
		t.Errorf("anew: exit %d\n%s", code, out)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after a minute: %s", what)
		}
	}
}

// Everything by flags, in Vietnamese, into a folder that is made.
func TestInitByFlags(t *testing.T) {
	here(t)
	t.Setenv("LANG", "vi_VN.UTF-8")
	t.Setenv("LARK_VERIFY", "invented-verification")
	t.Setenv("LARK_ENCRYPT", "invented-encrypt-key")
	t.Setenv("DB", "mongodb://mekong:invented-password@127.0.0.1:1/?serverSelectionTimeoutMS=200&connectTimeoutMS=200")
	code, out, errOut := mekong(t, "init", "--yes", "--source", "webhook,larkbot,ladipage", "--source", "chatbot", "--door", "https://lead.example.vn/", "--mongodb-env", "DB",
		"--intake", "127.0.0.1:0", "--console", "127.0.0.1:0", "-c", "conf/m.yaml")
	// Nobody listens there, and that is told; the file is written all the same.
	if code != exitFailed || !strings.Contains(out, "sinks.archive") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	text := readFile(t, "conf/m.yaml")
	for name := range files(t) {
		if mode := files(t)[name]; strings.HasPrefix(name, "conf/secrets/") && mode != 0o600 || strings.Contains(name, ".mekong-") {
			t.Errorf("%s has the mode %v", name, mode)
		}
	}
	for _, secret := range []string{"invented-verification", "invented-encrypt-key", "invented-password"} {
		if strings.Contains(text, secret) || strings.Contains(out+errOut, secret) {
			t.Errorf("%s is in the file or on the screen:\n%s\n%s", secret, text, out)
		}
	}
	c, err := config.Load("conf/m.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := strings.Join(c.SourceNames(), " "); got != "bot chat landing webhook" || c.Console.Door != "https://lead.example.vn" || !filepath.IsAbs(c.DataDir) || filepath.Base(filepath.Dir(c.DataDir)) != "conf" {
		t.Errorf("sources %s, door %s, data in %s", got, c.Console.Door, c.DataDir)
	}
	if b := c.Sources["bot"].LarkBot; b.VerificationToken.Reveal() != "invented-verification" || b.EncryptKey.Reveal() != "invented-encrypt-key" || c.Sinks["archive"].MongoDB.URI.Reveal() != os.Getenv("DB") {
		t.Error("a secret is not what it was")
	}
	for _, says := range []string{"Trong Lark, Events & Callbacks:", "https://lead.example.vn/in/bot", "https://lead.example.vn/in/webhook", "mekong run -c conf/m.yaml", "Bây giờ"} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	if !strings.Contains(text, "# Các đích. Một đích chậm không làm chậm đích nào khác.") {
		t.Errorf("the file is\n%s", text)
	}
}

func TestInitUsage(t *testing.T) {
	here(t)
	if err := os.WriteFile("notes", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, says := range map[string]string{
		"--lang fr": "neither vi nor en", "--yes --source fax": "none of ladipage", "--yes --door lead.example.vn": "--door", "--yes --door https://a.example/x?y": "--door",
		"--yes --sheets https://example.com/x": "--sheets", "--yes --lark https://docs.google.com/spreadsheets/d/1/edit": "--lark", "--yes --mongodb-env NOT_SET_HERE": "is not set",
		"--yes --mongodb-env a-b": "name of an environment variable", "--yes --source larkbot": "LARK_VERIFY", "": "without a terminal, give --yes", "--yes -c no/such/folder/m.yaml": "no such file", "--yes -c notes/m.yaml": "not a directory", "now": "unknown command",
	} {
		if code, out, errOut := mekong(t, append([]string{"init"}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(errOut, says) {
			t.Errorf("init %s: exit %d, want %q\n%s%s", args, code, says, out, errOut)
		}
	}
	t.Setenv("DB", "not an address")
	if code, _, errOut := mekong(t, "init", "--yes", "--mongodb-env", "DB"); code != exitUsage || !strings.Contains(errOut, "sinks.archive.mongodb.uri") || strings.Contains(errOut, "not an address of") {
		t.Errorf("a wrong address: exit %d %s", code, errOut)
	}
	if got := files(t); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

// Whoever stops at any question leaves nothing behind.
func TestInitStopped(t *testing.T) {
	here(t)
	answers := []string{"1,3\n", "verify-invented\n", "encrypt-invented\n", "\n", "\n"}
	for n := range answers {
		ctx, stop := context.WithCancel(t.Context())
		in, typing := io.Pipe()
		var out output
		ended := make(chan int, 1)
		go func() { ended <- Main(ctx, []string{"init"}, in, &out, &out) }()
		for _, a := range answers[:n] {
			if _, err := io.WriteString(typing, a); err != nil {
				t.Fatal(err)
			}
		}
		asked := func() int {
			return strings.Count(out.String(), "]: ") + strings.Count(out.String(), "shown): ") + strings.Count(out.String(), "it has none): ")
		}
		eventually(t, "the next question", func() bool { return asked() > n })
		stop()
		if code := <-ended; code != exitFailed || !strings.Contains(out.String(), "Stopped. Nothing was written.") {
			t.Errorf("after %d answers: exit %d\n%s", n, code, out.String())
		}
		_ = typing.Close()
		if got := files(t); len(got) > 0 {
			t.Errorf("after %d answers there are %v", n, got)
		}
	}
}

// A port that another program has is not proposed.
func TestInitFindsAPort(t *testing.T) {
	here(t)
	var taken []net.Listener
	for _, port := range []string{"8080", "8081"} {
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil { // else somebody has it already
			taken = append(taken, l)
		}
	}
	defer func() {
		for _, l := range taken {
			_ = l.Close()
		}
	}()
	code, out, errOut := mekong(t, "init", "--yes")
	c, err := config.Load("mekong.yaml")
	if code != exitOK || err != nil || c.HTTP.Intake == "127.0.0.1:8080" || c.HTTP.Console == "127.0.0.1:8081" || !strings.Contains(out, "Another program has 127.0.0.1:8080; Mekong takes "+c.HTTP.Intake) {
		t.Errorf("exit %d, %v\n%s%s", code, err, out, errOut)
	}
}

func TestPick(t *testing.T) {
	for answer, want := range map[string]string{"": "ladipage", "2": "chatbot", "4, 1": "ladipage webhook", "1 2;3": "ladipage chatbot larkbot", "Chatbot": "chatbot", "1,1": "ladipage"} {
		if got, ok := pick(answer); !ok || strings.Join(got, " ") != want {
			t.Errorf("%q picks %v", answer, got)
		}
	}
	for _, answer := range []string{"0", "5", "-1", "fax", ",", "1 x", "99999999999999999999"} {
		if got, ok := pick(answer); ok {
			t.Errorf("%q picks %v", answer, got)
		}
	}
}

// Everything is said in both languages, with the same values in it.
func TestInitWords(t *testing.T) {
	verbs := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	for name, w := range initWords {
		if w[vietnamese] == "" || w[english] == "" {
			t.Errorf("%s is missing in a language", name)
		}
		if a, b := verbs.FindAllString(w[vietnamese], -1), verbs.FindAllString(w[english], -1); !slices.Equal(a, b) {
			t.Errorf("%s has %v and %v", name, a, b)
		}
	}
	sources, err := filepath.Glob("init*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, path := range sources {
		for _, m := range regexp.MustCompile(`(?:say|note)\((?:\d, )?"([a-z.]+)"\)`).FindAllStringSubmatch(readFile(t, path), -1) {
			used[m[1]] = true
			if _, ok := initWords[m[1]]; !ok {
				t.Errorf("%s says %q, which has no words", path, m[1])
			}
		}
	}
	for _, s := range initSources {
		used["source."+s], used["next."+s] = true, true
	}
	for name := range initWords {
		if !used[name] && name != "link" && name != "link.more" {
			t.Errorf("%q is never said", name)
		}
	}
	for value, want := range map[string]tongue{"vi_VN.UTF-8": vietnamese, "vi": vietnamese, "en_US.UTF-8": english, "C": english, "vie": english} {
		t.Setenv("LC_ALL", value)
		if got, err := tongueOf(""); err != nil || got != want {
			t.Errorf("%s is %v, %v", value, got, err)
		}
	}
}
