package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/config"
	"mekong/sinks/sheets/sheetsim"
)

// connect runs mekong connect sheets against the simulator.
func (w *sheetsWorld) connect(in, link string, args ...string) (code int, out, errOut string) {
	w.t.Helper()
	return w.run(in, append([]string{"connect", "sheets", link, "--endpoint", w.server.URL}, args...)...)
}

func (w *sheetsWorld) loaded(sink string) *config.Sheets {
	w.t.Helper()
	c, err := config.Load(w.config)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.text())
	}
	return c.Sinks[sink].Sheets
}

func TestConnectSheetsMakesAFile(t *testing.T) {
	w := newSheetsWorld(t, sheetsim.Options{}, sheetsim.Tab{}, sheetsim.Tab{Title: "Khách hàng", GID: 7,
		Values: [][]any{{"Ngày nhận", "Họ và tên", "Số điện thoại", nil, "Khóa học", "Người gọi"}}})
	code, out, errOut := w.connect("", strings.Replace(sheetLink, "gid=0", "gid=7", 1)+"&range=A1", "--credentials", w.key, "--yes")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	for _, says := range []string{`Spreadsheet "Bán hàng", tab "Khách hàng", 5 columns`, "← phone ", "sure", "if your form sends it", "mekong doctor sales --write"} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	s := w.loaded("sales")
	if s.Spreadsheet != strings.Replace(sheetLink, "gid=0", "gid=7", 1) || s.Tab != "" || s.Credentials != w.key {
		t.Errorf("the sink is %+v", s)
	}
	if c := s.Columns; len(c) != 4 || c["Số điện thoại"] != "phone" || c["Họ và tên"] != "name" || c["Ngày nhận"] != "received" || c["Khóa học"] != "Khóa học" {
		t.Errorf("the columns are %q", c)
	}
	if code, out, errOut := w.run("", "doctor", "sales", "--write"); code != exitOK {
		t.Errorf("the doctor is not content: exit %d\n%s%s", code, out, errOut)
	}
	if code, _, errOut := w.connect("", sheetLink, "--credentials", w.key, "--yes"); code != exitUsage || !strings.Contains(errOut, "already") {
		t.Errorf("a second time: exit %d %s", code, errOut)
	}
}

// Every byte that was there is there. An empty tab has nothing to propose; nothing is
// written to it.
func TestConnectSheetsKeepsAFile(t *testing.T) {
	w := newSheetsWorld(t, sheetsim.Options{})
	t.Setenv("LADIPAGE_TOKEN", "invented-token-of-the-test")
	was := string(config.Example)
	w.write(was)
	code, out, errOut := w.connect("y\n", "https://docs.google.com/spreadsheets/u/1/d/"+sheetBook+"/edit?usp=sharing", "--name", "sheet", "--tab", "Sheet1", "--credentials", w.key)
	if code != exitOK || !strings.Contains(out, "has no columns yet: they are made") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	now := w.text()
	at, added := strings.Index(now, "  sheet:\n"), len(now)-len(was)
	if at < 0 || added <= 0 || now[:at]+now[at+added:] != was {
		t.Errorf("more than the sink was changed:\n%s", now)
	}
	if s := w.loaded("sheet"); s.Spreadsheet != sheetLink || s.Tab != "" || len(s.Columns) != 0 {
		t.Errorf("the sink is %+v", s)
	}
	if values := w.sim.Values(sheetBook, 0); len(values) != 0 {
		t.Errorf("connect wrote %v", values)
	}
}

func TestConnectSheetsAsks(t *testing.T) {
	w := newSheetsWorld(t, sheetsim.Options{})
	if code, out, _ := w.connect(w.key+"\nn\n", sheetLink); code != exitFailed || w.text() != "" || !strings.Contains(out, "Nothing was written") {
		t.Errorf("n: exit %d\n%s", code, out)
	}
	if code, _, errOut := w.connect("", sheetLink); code != exitUsage || !strings.Contains(errOut, "--credentials") {
		t.Errorf("no answer: exit %d %s", code, errOut)
	}
	if code, out, errOut := w.connect(w.key+"\ny\n", sheetLink); code != exitOK || w.loaded("sales").Credentials != w.key {
		t.Errorf("y: exit %d\n%s%s", code, out, errOut)
	}
	// What the machine itself offers.
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", w.key)
	if code, out, errOut := w.connect("\ny\n", sheetLink, "--name", "machine"); code != exitOK || w.loaded("machine").Credentials != "" {
		t.Errorf("this machine's: exit %d\n%s%s", code, out, errOut)
	}
	key, err := os.ReadFile(w.key)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_KEY", string(key))
	code, out, errOut := w.connect("", sheetLink, "--name", "variable", "--credentials-env", "GOOGLE_KEY", "--yes")
	if code != exitOK || w.loaded("variable").CredentialsJSON.IsZero() || !strings.Contains(w.text(), `credentials_json: "${GOOGLE_KEY}"`) || !strings.Contains(out, "GOOGLE_KEY must be set") {
		t.Errorf("by a variable: exit %d\n%s%s", code, out, errOut)
	}
	t.Setenv("GOOGLE_KEY", "no JSON")
	for args, says := range map[string]string{"--credentials-env GOOGLE_KEY": "JSON", "--credentials-env NOT_SET_HERE": "is not set", "--credentials-env a-b": "environment variable"} {
		if code, _, errOut := w.connect("", sheetLink, append(strings.Fields(args), "--name", "wrong", "--yes")...); code != exitUsage || !strings.Contains(errOut, says) {
			t.Errorf("%s: exit %d %s", args, code, errOut)
		}
	}
}

// A person signs in after the sink was written.
func TestConnectSheetsAsAPerson(t *testing.T) {
	w := newSheetsWorld(t, sheetsim.Options{AutoApprove: true})
	t.Setenv("GOOGLE_CLIENT_SECRET", "")
	code, out, errOut := w.connect("123-invented\n"+googleSecret+"\ny\n", sheetLink, "--user", "--token-endpoint", w.server.URL+"/token", "--client-secret-file", "client.secret", "--tab", "Sheet1")
	if code != exitOK || !strings.Contains(out, "mekong login google sales") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	if info, err := os.Stat(filepath.Join(w.dir, "client.secret")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if s := w.loaded("sales"); s.Identity != config.IdentityUser || s.ClientID != "123-invented" || s.ClientSecret.Reveal() != googleSecret || s.Tab != "Sheet1" {
		t.Errorf("the sink is %+v", s)
	}
	if code, _, errOut := w.connect("", sheetLink, "--user", "--name", "other"); code != exitUsage || !strings.Contains(errOut, "--client-id") {
		t.Errorf("no answer: exit %d %s", code, errOut)
	}
}

// What is wrong is told with what to do, and nothing is written.
func TestConnectSheetsRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		upset func(w *sheetsWorld)
		link  string
		args  []string
		code  int
		says  []string
	}{
		"not shared":         {upset: func(w *sheetsWorld) { w.sim.Unshare(sheetBook, sheetEmail) }, says: []string{"is not shared with " + sheetEmail, "click Share"}},
		"API not enabled":    {upset: func(w *sheetsWorld) { w.sim.DisableAPI(sheetsim.ProjectOf(sheetEmail)) }, says: []string{"not enabled", "https://console."}},
		"no such tab":        {args: []string{"--tab", "Khách"}, says: []string{"no such tab", `"Sheet1"`}},
		"a key that is gone": {upset: func(w *sheetsWorld) { w.sim.RemoveAccount(sheetEmail) }, says: []string{"sales.sheets.credentials"}},
		"no key":             {upset: func(w *sheetsWorld) { _ = os.Remove(w.key) }, says: []string{"cannot be read"}},
		"published":          {link: "https://docs.google.com/spreadsheets/d/e/2PACX-1vInvented/pubhtml", code: exitUsage, says: []string{"published page"}},
		"a document":         {link: "https://docs.google.com/document/d/1AbC/edit", code: exitUsage, says: []string{"no spreadsheet"}},
		"not a link":         {link: "khách hàng", code: exitUsage, says: []string{"not a link"}},
		"a wrong name":       {args: []string{"--name", "Sales"}, code: exitUsage, says: []string{"no name for a sink"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSheetsWorld(t, sheetsim.Options{})
			if c.upset != nil {
				c.upset(w)
			}
			if c.link == "" {
				c.link = sheetLink
			}
			if c.code == 0 {
				c.code = exitFailed
			}
			code, out, errOut := w.connect("", c.link, append([]string{"--credentials", w.key, "--yes"}, c.args...)...)
			if code != c.code || w.text() != "" {
				t.Errorf("exit %d, and the file is %q", code, w.text())
			}
			for _, says := range c.says {
				if !strings.Contains(out+errOut, says) {
					t.Errorf("it does not say %q:\n%s%s", says, out, errOut)
				}
			}
		})
	}
}
