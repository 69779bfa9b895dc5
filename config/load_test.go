package config

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what is got as what is wanted")

// leak is what the variables LEAK, and the files with a secret spelled out in
// them, hold: it must not come out anywhere.
const leak = "hunter2"

func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"LADIPAGE_TOKEN":   "0123456789abcdef-from-env",
		"MONGODB_URI":      "mongodb://db-1:27017",
		"LARK_APP_SECRET":  "lark-app-secret-from-env",
		"LARK_HOOK":        "https://open.larksuite.com/open-apis/bot/v2/hook/token-from-env",
		"LARK_BOT_SECRET":  "bot-secret-from-env",
		"LARK_VERIFY":      "verification-from-env",
		"SHOP_SECRET":      "shop-secret-from-env",
		"SHEET_URL":        "https://script.google.com/macros/s/AKfy-from-env/exec",
		"SHEET_SECRET":     "sheet-secret-from-env",
		"CRM_URL":          "https://crm.example.vn/hooks/token-from-env",
		"CRM_FORGET_URL":   "https://crm.example.vn/forget/token-from-env",
		"CRM_TOKEN":        "crm-token-from-env",
		"CONSOLE_PASSWORD": "console-password-from-env",
		"DIR":              "/var/lib/mekong",
		"RESERVE":          "20",
		"LEAK":             leak,
		"EMPTY":            "",
		"BINARY":           "\xff\xfe" + leak,
	}[name]
	return v, ok
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// parseFile parses a file of testdata under its bare name, so that what is
// printed does not depend on where the test runs.
func parseFile(t *testing.T, path string) (*Config, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(path, data, testEnv)
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", pattern, err)
	}
	return paths
}

func TestMistakes(t *testing.T) {
	for _, path := range files(t, "testdata/bad/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := parseFile(t, path)
			var problems Problems
			if !errors.As(err, &problems) || c != nil {
				t.Fatalf("got %v, %v; want problems and no configuration", c, err)
			}
			for i, p := range problems {
				if p.File != path || p.What == "" || (p.Line == 0) != (i == maxProblems) {
					t.Errorf("problem %d is %#v; want file, what and line", i, p)
				}
				if i > 0 && p.Line < problems[i-1].Line && i != maxProblems {
					t.Errorf("line %d comes after line %d", p.Line, problems[i-1].Line)
				}
			}
			if n := strings.Count(err.Error(), "\n"); n != len(problems)-1 {
				t.Errorf("%d problems on %d lines", len(problems), n+1)
			}
			if strings.Contains(err.Error(), leak) {
				t.Errorf("a problem shows a secret: %v", err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "")+"\n")
		})
	}
}

func TestSixMistakes(t *testing.T) {
	_, err := parseFile(t, "testdata/six-mistakes.yaml")
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want problems", err)
	}
	want := []struct {
		line            int
		path, suggested string
	}{
		{5, "http.consol", "did you mean console?"},
		{7, "nats.keep", "write 24h to"},
		{10, "sources.landing.ladipage.token", "set it"},
		{12, "transform.landin", "did you mean landing?"},
		{15, "transform.landin.fields.phone.as", "did you mean phone_vn?"},
		{19, "sinks.archive.mongodb.batch", "batch belongs under sinks.archive"},
	}
	if len(problems) != len(want) {
		t.Errorf("got %d problems, want %d:\n%v", len(problems), len(want), err)
	}
	for i := range min(len(want), len(problems)) {
		p, w := problems[i], want[i]
		if p.Line != w.line || p.Path != w.path || !strings.Contains(p.Fix, w.suggested) {
			t.Errorf("problem %d is %q; want line %d, path %s and the suggestion %q", i+1, p, w.line, w.path, w.suggested)
		}
	}
	golden(t, "testdata/six-mistakes.txt", strings.ReplaceAll(err.Error(), "testdata/", "")+"\n")
}

func TestGood(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := parseFile(t, path)
			if err != nil {
				t.Fatal(err)
			}
			out, err := c.Show()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(out), leak) || strings.Contains(string(out), "0123456789abcdef") {
				t.Errorf("it shows a secret")
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".show", string(out))
			again := showAgain(t, c)
			c.doc, again.doc = nil, nil
			if !reflect.DeepEqual(c, again) {
				t.Errorf("loading what it shows gives another configuration")
			}
		})
	}
}

// showAgain loads what c shows, with its secrets put back in the places where
// they stood.
func showAgain(t *testing.T, c *Config) *Config {
	t.Helper()
	out, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	for _, s := range secretsOf(reflect.ValueOf(c).Elem()) {
		quoted, err := json.Marshal(strings.ReplaceAll(s, "${", "$${"))
		if err != nil {
			t.Fatal(err)
		}
		text = strings.Replace(text, shown, string(quoted), 1)
	}
	again, err := Parse("shown.yaml", []byte(text), testEnv)
	if err != nil {
		t.Fatalf("loading what it shows: %v\n%s", err, text)
	}
	return again
}

// secretsOf lists the secrets of v in the order in which Show prints them.
func secretsOf(v reflect.Value) []string {
	switch {
	case v.Type() == secretType:
		if s := v.Interface().(Secret); !s.IsZero() {
			return []string{s.Reveal()}
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return secretsOf(v.Elem())
	case isBlock(v.Type()):
		var out []string
		for _, s := range settings(v.Type()) {
			out = append(out, secretsOf(v.Field(s.index))...)
		}
		return out
	case v.Kind() == reflect.Slice:
		var out []string
		for i := range v.Len() {
			out = append(out, secretsOf(v.Index(i))...)
		}
		return out
	case v.Kind() == reflect.Map:
		var out []string
		for _, k := range sortedKeys(v) {
			out = append(out, secretsOf(v.MapIndex(reflect.ValueOf(k)))...)
		}
		return out
	}
	return nil
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("token", "0123456789abcdef\r\n")
	c, err := Load(write("good.yaml", "sources:\n  a:\n    ladipage: { token: '${file:token}' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Sources["a"].LadiPage.Token.Reveal(); got != "0123456789abcdef" {
		t.Errorf("the token is %q; want the file's text without its newline", got)
	}
	_, err = Load(filepath.Join(dir, "not-there.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "-c") {
		t.Errorf("a missing file is %v; want fs.ErrNotExist and what to do", err)
	}
	if _, err = Load(dir); err == nil || errors.As(err, new(Problems)) {
		t.Errorf("a folder is %v; want a plain error", err)
	}
	_, err = Load(write("large.yaml", strings.Repeat("# Mekong\n", maxFile/9+1)))
	if !errors.As(err, new(Problems)) || !strings.Contains(err.Error(), "1 MiB") {
		t.Errorf("a large file is %v; want a problem", err)
	}
}

func TestReferenceBounds(t *testing.T) {
	dir := t.TempDir()
	for name, n := range map[string]int{"fits": maxSecretFile, "large": maxSecretFile + 1} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", n)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ text, want string }{
		{"data_dir: '${file:fits}'", ""},
		{"data_dir: '${file:large}'", "larger than 64 KiB"},
		{"data_dir: '" + strings.Repeat("${file:fits}", 65) + "'", "4 MiB altogether"},
	} {
		_, err := Parse(filepath.Join(dir, "mekong.yaml"), []byte(test.text), testEnv)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.40s: got %.200v, want %q", test.text, err, test.want)
		}
	}
}

// TestBombs holds every way of making a small file a lot of work to a deadline
// that no ordinary slowness of a machine reaches.
func TestBombs(t *testing.T) {
	for name, text := range map[string]string{
		"flow":      strings.Repeat("[{", 10) + strings.Repeat("a,", 20_000),
		"deep":      strings.Repeat("- ", 500_000),
		"anchors":   strings.Repeat("&a ", 50_000),
		"comments":  strings.Repeat("# c\n", 220_000),
		"unknown":   strings.Repeat("x: 1\ny: 1\n", 20_000),
		"duplicate": "sources: {" + strings.Repeat("ab: {ladipage: },", 30_000) + "}",
		"sources":   "sources: &s {" + numbered("s%d: {ladipage: }", 8000, ", ") + "}",
		"aliases":   "transform:\n  a: &a { fields: {" + numbered("f%d: {expr: x}", 1000, ", ") + "} }\n  " + numbered("s%d: *a", 1000, "\n  "),
		"problems":  "sinks: {" + numbered("S%d: {}", 10_000, ", ") + "}",
	} {
		start := time.Now()
		_, err := Parse(name, []byte(text), testEnv)
		t.Logf("%s takes %v", name, time.Since(start))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s takes %v", name, took)
		}
		var problems Problems
		if errors.As(err, &problems) && len(problems) > maxProblems+1 {
			t.Errorf("%s gives %d problems", name, len(problems))
		}
	}
}

func numbered(format string, n int, between string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(out, between)
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/*/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add(Example)
	f.Add([]byte("a: ${LEAK}${LEAK}$${LEAK}\n? [x]\n: *y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.yaml", data, func(name string) (string, bool) { return leak + "-0123456789", name != "NOT_SET" })
		var problems Problems
		switch {
		case err == nil && strings.Contains(string(data), shown):
			// It may be anything's value; then secrets cannot be put back by it.
		case err == nil:
			again := showAgain(t, c)
			c.doc, again.doc = nil, nil
			if !reflect.DeepEqual(c, again) {
				t.Error("loading what it shows gives another configuration")
			}
		case !errors.As(err, &problems) || len(problems) == 0:
			t.Errorf("the error is %T, want problems", err)
		case strings.Contains(err.Error(), leak) && !strings.Contains(string(data), leak):
			t.Errorf("a problem shows what a reference stands for")
		}
	})
}
