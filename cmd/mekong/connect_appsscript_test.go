package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/sinks/appsscript/scriptsim"
)

// scriptWorld is a simulated deployment, and a folder for a configuration.
type scriptWorld struct {
	t           *testing.T
	model       *scriptsim.Model
	sim         *scriptsim.Server
	http        *httptest.Server
	dir, config string
}

const (
	scriptSecretText = "invented-script-secret"
	scriptURL        = "https://script.google.com/macros/s/AKfycbInvented/exec"
)

func newScriptWorld(t *testing.T, headers ...string) *scriptWorld {
	t.Helper()
	t.Setenv("SHEET_SECRET", "")
	w := &scriptWorld{t: t, dir: t.TempDir(), model: scriptsim.NewModel(scriptsim.ModelOptions{
		Secret: scriptSecretText, Title: "Bán hàng", Zone: time.FixedZone("Asia/Ho_Chi_Minh", 7*60*60)})}
	w.model.Edit(func(tab *scriptsim.Tab) {
		for i, h := range headers {
			tab.Set(1, i+1, h, "")
		}
	})
	w.sim = scriptsim.New(w.model)
	w.http = httptest.NewServer(w.sim)
	t.Cleanup(w.http.Close)
	w.config = filepath.Join(w.dir, "mekong.yaml")
	return w
}

func (w *scriptWorld) run(in string, args ...string) (code int, says string) {
	w.t.Helper()
	var o bytes.Buffer
	code = Main(w.t.Context(), append(args, "-c", w.config), strings.NewReader(in), &o, &o)
	if strings.Contains(o.String(), scriptSecretText) {
		w.t.Errorf("%v printed the secret:\n%s", args, o.String())
	}
	return code, o.String()
}

func (w *scriptWorld) connect(in string, args ...string) (code int, says string) {
	w.t.Helper()
	return w.run(in, append([]string{"connect", "appsscript", "--endpoint", w.http.URL}, args...)...)
}

func (w *scriptWorld) text(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

func TestConnectAppsScript(t *testing.T) {
	w := newScriptWorld(t, "Ngày nhận", "Họ và tên", "Số điện thoại", "", "Khóa học", "Họ và tên")
	code, says := w.connect(scriptSecretText+"\ny\n", scriptURL)
	if code != exitOK {
		t.Fatalf("exit %d\n%s", code, says)
	}
	for _, want := range []string{`Spreadsheet "Bán hàng", tab "Trang tính1", 5 columns`, "← phone ", "there is one of that name before it", "the script answers, and knows the secret", "mekong doctor sheet --write"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q:\n%s", want, says)
		}
	}
	if text := w.text("mekong.yaml"); strings.Contains(text, scriptSecretText) || !strings.Contains(text, `secret: "${file:secrets/sheet.secret}"`) {
		t.Errorf("the file is\n%s", text)
	}
	if info, err := os.Stat(filepath.Join(w.dir, "secrets", "sheet.secret")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v", info, err)
	}
	c, err := config.Load(w.config)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sinks["sheet"].AppsScript
	if s.URL.Reveal() != scriptURL || s.Secret.Reveal() != scriptSecretText || len(s.Columns) != 4 || s.Columns["Số điện thoại"] != "phone" || s.Columns["Ngày nhận"] != "received" {
		t.Errorf("the sink is %+v", s)
	}
	if code, says := w.run("", "doctor", "sheet", "--write"); code != exitOK {
		t.Errorf("the doctor is not content: exit %d\n%s", code, says)
	}
	was := w.text("mekong.yaml")
	if code, says := w.connect("", scriptURL, "--yes"); code != exitUsage || !strings.Contains(says, "already") || w.text("mekong.yaml") != was {
		t.Errorf("a second time: exit %d\n%s", code, says)
	}
	// Another, into the same file, with a secret that the environment has.
	t.Setenv("SHEET_SECRET", scriptSecretText)
	if code, says := w.connect("", scriptURL, "--yes", "--name", "second", "--tab", "Trang tính1"); code != exitOK || !strings.HasPrefix(w.text("mekong.yaml"), was) ||
		!strings.Contains(w.text("mekong.yaml"), `secret: "${SHEET_SECRET}"`) || !strings.Contains(says, "SHEET_SECRET must be set") {
		t.Errorf("exit %d\n%s\n%s", code, says, w.text("mekong.yaml"))
	}
}

// Somebody who has nothing yet is led from the empty script to the sink: the secret is
// made, shown once for the script, and kept although the script does not know it yet.
func TestConnectAppsScriptMakesTheSecret(t *testing.T) {
	w := newScriptWorld(t)
	code, says := w.connect("\n" + scriptURL + "\n")
	made := strings.TrimSpace(w.text("secrets/sheet.secret"))
	if code != exitFailed || len(made) != 32 || !strings.Contains(says, "MEKONG_SECRET   "+made) || !strings.Contains(says, "the script knows another secret") || !strings.Contains(says, "stays in") || w.text("mekong.yaml") != "" {
		t.Fatalf("exit %d, secret %q\n%s", code, made, says)
	}
	for _, step := range []string{"Code.gs", "--script", "Anyone (Bất kỳ ai)", "/exec"} {
		if !strings.Contains(says, step) {
			t.Errorf("the steps do not name %s:\n%s", step, says)
		}
	}
	if code, script := w.connect("", "--script"); code != exitOK || !strings.Contains(script, "function doPost(") {
		t.Errorf("the script is not printed: exit %d, %.100q", code, script)
	}
	w.model.SetSecret(made)
	code, says = w.connect("y\n", scriptURL)
	if code != exitOK || strings.Contains(says, made) || !strings.Contains(says, "has no columns yet: they are made") {
		t.Errorf("with the property set: exit %d\n%s", code, says)
	}
	// One that is made beside an address is told, and waited for.
	code, says = w.connect("\n\n", scriptURL, "--name", "other")
	if code != exitFailed || !regexp.MustCompile(`MEKONG_SECRET   [0-9a-f]{32}`).MatchString(says) || !strings.Contains(says, "Enter when it is saved") {
		t.Errorf("exit %d\n%s", code, says)
	}
}

// oldScript is a script of an earlier version, or of an earlier protocol.
type oldScript struct {
	*scriptsim.Model
	protocol bool
}

func (o oldScript) Post(body string) string {
	var asked struct{ Batch, Sig string }
	var e struct {
		Mekong           int
		Batch, Data, Sig string
	}
	if json.Unmarshal([]byte(body), &asked) != nil || json.Unmarshal([]byte(o.Model.Post(body)), &e) != nil {
		return ""
	}
	e.Data = strings.Replace(e.Data, `"script":"1.0.0"`, `"script":"0.9.0"`, 1)
	if o.protocol {
		e.Data = `{"ok":false,"code":"version"}`
	}
	h := hmac.New(sha256.New, []byte(scriptSecretText))
	_, _ = h.Write([]byte("answer." + asked.Sig + "." + e.Data)) // a hash takes every write
	text, err := json.Marshal(map[string]any{"mekong": e.Mekong, "batch": e.Batch, "data": e.Data, "sig": hex.EncodeToString(h.Sum(nil))})
	if err != nil || o.protocol {
		return strings.Replace(string(text), hex.EncodeToString(h.Sum(nil)), "", 1)
	}
	return string(text)
}

func TestConnectAppsScriptSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		fault scriptsim.Fault
		args  []string
		code  int
		says  []string
	}{
		"not deployed":       {fault: scriptsim.Missing, says: []string{"no function doPost", "New version"}},
		"closed, a redirect": {fault: scriptsim.Login, says: []string{"only people who have signed in", "Anyone (Bất kỳ ai)"}},
		"closed, a page":     {fault: scriptsim.SignIn, says: []string{"only people who have signed in", "Anyone (Bất kỳ ai)"}},
		"closed, refused":    {fault: scriptsim.Denied, says: []string{"closed to others", "Anyone (Bất kỳ ai)"}},
		"archived":           {fault: scriptsim.NotFound, says: []string{"404", "archived"}},
		"down":               {fault: scriptsim.Outage, says: []string{"sinks.sheet.appsscript.url"}},
		"somebody else":      {fault: scriptsim.Forged, says: []string{"not signed by a script that knows the secret"}},
		"no such tab":        {args: []string{"--tab", "Tháng 3"}, says: []string{"no such tab", `"Trang tính1"`}},
		"for people":         {args: []string{strings.Replace(scriptURL, "/exec", "/dev", 1)}, code: exitUsage, says: []string{"/dev"}},
		"cut":                {args: []string{"https://script.google.com/macros/s/AKfyc"}, code: exitUsage, says: []string{"not the address of a deployed script"}},
		"not an address":     {args: []string{"bảng tính"}, code: exitUsage, says: []string{"not the address of a web app"}},
		"a wrong name":       {args: []string{scriptURL, "--name", "Sheet"}, code: exitUsage, says: []string{"no name for a sink"}},
		"a secret as a name": {args: []string{scriptURL, "--secret-env", "a-b"}, code: exitUsage, says: []string{"name of an environment variable"}},
		"an odd file":        {args: []string{scriptURL, "--secret-file", "a}b"}, code: exitUsage, says: []string{"--secret-file"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScriptWorld(t)
			t.Setenv("SHEET_SECRET", scriptSecretText)
			if name == "an odd file" {
				t.Setenv("SHEET_SECRET", "")
			}
			if c.fault != "" {
				w.sim.Inject(c.fault, -1)
			}
			if c.code == 0 {
				c.code = exitFailed
			}
			args := append([]string{"--yes"}, c.args...)
			if len(c.args) == 0 || strings.HasPrefix(c.args[0], "--") {
				args = append(args, scriptURL)
			}
			code, says := w.connect("", args...)
			if code != c.code || w.text("mekong.yaml") != "" {
				t.Errorf("exit %d, and the file is %q", code, w.text("mekong.yaml"))
			}
			for _, want := range c.says {
				if !strings.Contains(says, want) {
					t.Errorf("it does not say %q:\n%s", want, says)
				}
			}
		})
	}
	t.Run("another protocol", func(t *testing.T) {
		w := newScriptWorld(t)
		t.Setenv("SHEET_SECRET", scriptSecretText)
		w.http.Config.Handler = scriptsim.New(oldScript{w.model, true})
		if code, says := w.connect("", scriptURL, "--yes"); code != exitFailed || !strings.Contains(says, "Code.gs") {
			t.Errorf("exit %d\n%s", code, says)
		}
	})
	// A script that works and is not of this version is told of, and used.
	t.Run("an old version", func(t *testing.T) {
		w := newScriptWorld(t)
		t.Setenv("SHEET_SECRET", scriptSecretText)
		w.http.Config.Handler = scriptsim.New(oldScript{w.model, false})
		if code, says := w.connect("", scriptURL, "--yes"); code != exitOK || !strings.Contains(says, `of version "0.9.0"`) {
			t.Errorf("exit %d\n%s", code, says)
		}
	})
}
