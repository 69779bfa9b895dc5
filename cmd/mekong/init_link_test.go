package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"mekong/config"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

func TestKindOfLink(t *testing.T) {
	for link, want := range map[string][2]string{
		"https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0": {linkSheets, ""},
		"https://script.google.com/macros/s/AKfy/exec":           {linkScript, ""},
		"https://script.google.com/a/macros/x.vn/s/AKfy/exec":    {linkScript, ""},
		"https://acme.larksuite.com/base/HTJ6b?table=tbl1":       {linkLark, ""},
		"https://acme.sg.larksuite.com/wiki/wikcn1":              {linkLark, ""},
		"https://acme.feishu.cn/base/HTJ6b":                      {linkLark, ""},
		"http://127.0.0.1:8090/base/bascn1?table=tbl1":           {linkLark, "http://127.0.0.1:8090"},
		"http://localhost:8091/spreadsheets/d/1/edit#gid=0":      {linkSheets, "http://localhost:8091"},
		"http://[::1]:8092/macros/s/x/exec":                      {linkScript, "http://[::1]:8092"},
		"https://docs.google.com/document/d/1AbC/edit":           {},
		"https://docs.google.com.example.com/spreadsheets/d/1":   {},
		"https://larksuite.com.example.com/base/HTJ6b":           {},
		"https://evil-larksuite.com/base/HTJ6b":                  {},
		"http://192.0.2.1/base/HTJ6b":                            {},
		"docs.google.com/spreadsheets/d/1":                       {},
		"":                                                       {},
		"https://%zz/":                                           {},
	} {
		if kind, endpoint := kindOfLink(link); kind != want[0] || endpoint != want[1] {
			t.Errorf("%s leads to %q at %q", link, kind, endpoint)
		}
	}
}

// Tables that are pasted are set up as mekong connect does, and what cannot be is left
// for later.
func TestInitWithTables(t *testing.T) {
	sheets, base := newSheetsWorld(t, sheetsim.Options{}, sheetsim.Tab{Title: "Khách hàng", Values: [][]any{{"Họ và tên", "Số điện thoại"}}}), newWorld(t, larksim.Options{})
	script := newScriptWorld(t)
	here(t)
	sheetURL := sheets.server.URL + "/spreadsheets/d/" + sheetBook + "/edit#gid=0"
	baseURL := base.server.URL + "/base/" + simBase + "?table=" + base.table
	scriptURL := script.http.URL + "/macros/s/AKfycbInvented/exec"
	base.sim.Grant(simAppID, simBase, larksim.NoRole)
	answers := []string{
		"", "", "", // sources, door, MongoDB
		"https://example.com/", sheetURL, sheetURL, scriptURL, baseURL, "",
		sheets.key,
		"short", "", "wrong-but-long-enough", "", // the script knows another one
		"still-wrong-and-long", "s",
		simAppID, simSecret, "again", simAppID, simSecret, "s", // the app is no part of the Base
	}
	code, out, errOut := mekongReading(t, strings.Join(answers, "\n")+"\n", "init", "--intake", "127.0.0.1:0", "--console", "127.0.0.1:0")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	for _, says := range []string{
		"no link of Google Sheets", "one of that kind already", `Spreadsheet "Bán hàng", tab "Khách hàng", 2 columns`, "s leaves it out", "Add document app", "16 characters or more",
		"Not set up yet", "mekong connect lark '" + baseURL + "' --endpoint " + base.server.URL, "mekong connect appsscript " + scriptURL,
	} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	if strings.Contains(out+errOut, simSecret) || strings.Contains(out+errOut, "PRIVATE KEY") || strings.Contains(out, ".mekong-init") || strings.Contains(out, "Nothing was written") {
		t.Errorf("what should not be there:\n%s", out)
	}
	c, err := config.Load("mekong.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.SinkNames(), " "); got != "archive sales" || c.Sinks["sales"].Sheets.Columns["Số điện thoại"] != "phone" {
		t.Errorf("the sinks are %s, %+v", got, c.Sinks["sales"].Sheets)
	}
	// Now that it is mended, what was printed works.
	base.sim.Grant(simAppID, simBase, larksim.CanEdit)
	t.Setenv("LARK_APP_SECRET", simSecret)
	if code, out, errOut := mekong(t, "connect", "lark", baseURL, "--endpoint", base.server.URL, "--app-id", simAppID, "--yes"); code != exitOK {
		t.Errorf("later: exit %d\n%s%s", code, out, errOut)
	}
	if code, out, errOut := mekong(t, "config", "check"); code != exitOK || !strings.Contains(out, "3 sinks") {
		t.Errorf("config check: exit %d\n%s%s", code, out, errOut)
	}
}

// Without questions all or nothing is written.
func TestInitWithTablesByFlags(t *testing.T) {
	sheets, base := newSheetsWorld(t, sheetsim.Options{}), newWorld(t, larksim.Options{})
	script := newScriptWorld(t)
	here(t)
	t.Setenv("LARK_APP_SECRET", simSecret)
	t.Setenv("SHEET_SECRET", scriptSecretText)
	args := []string{
		"init", "--yes", "--intake", "127.0.0.1:0", "--console", "127.0.0.1:0", "--sheets", sheets.server.URL + "/spreadsheets/d/" + sheetBook + "/edit#gid=0", "--credentials", sheets.key,
		"--appsscript", script.http.URL + "/macros/s/AKfycbInvented/exec", "--lark", base.server.URL + "/base/" + simBase + "?table=" + base.table, "--app-id", simAppID,
	}
	script.model.SetSecret("another-invented-secret")
	code, out, errOut := mekong(t, args...)
	if got := files(t); code != exitFailed || len(got) > 0 || !strings.Contains(out, "the script knows another secret") {
		t.Errorf("exit %d, there are %v\n%s%s", code, got, out, errOut)
	}
	script.model.SetSecret(scriptSecretText)
	if code, out, errOut = mekong(t, args...); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	text := readFile(t, "mekong.yaml")
	for _, secret := range []string{simSecret, scriptSecretText, "PRIVATE KEY"} {
		if strings.Contains(text+out, secret) {
			t.Errorf("%s is shown:\n%s%s", secret, text, out)
		}
	}
	// Neither variable is needed any more.
	t.Setenv("LARK_APP_SECRET", "")
	t.Setenv("SHEET_SECRET", "")
	if code, out, errOut := mekong(t, "doctor", "crm", "sales", "sheet", "--write"); code != exitOK {
		t.Errorf("the doctor: exit %d\n%s%s\n%s", code, out, errOut, text)
	}
}

// A secret that is there and another one that is meant is for a person to decide.
func TestInitKeepsSecrets(t *testing.T) {
	here(t)
	if err := writeSecret(filepath.Join(secretsFolder, fileMongoDB), "mongodb://db-1.example/"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DB", "mongodb://db-2.example/")
	if code, _, errOut := mekong(t, "init", "--yes", "--mongodb-env", "DB"); code != exitUsage || !strings.Contains(errOut, "holds another secret") || strings.Contains(errOut, "db-") {
		t.Errorf("exit %d %s", code, errOut)
	}
	if err := os.WriteFile(filepath.Join(secretsFolder, fileLanding), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := mekong(t, "init", "--yes"); code != exitUsage || !strings.Contains(errOut, "is empty") {
		t.Errorf("exit %d %s", code, errOut)
	}
	if got := files(t); len(got) != 3 {
		t.Errorf("there are %v", got)
	}
}

// Whatever an address or a folder is called, YAML reads the same.
func FuzzPlainOr(f *testing.F) {
	for _, s := range []string{"./data", "/srv/mekong/data", "127.0.0.1:8080", ":8080", "https://lead.example.vn", "C:\\data", "./a: b", "./#x", "/tmp/ä b/data", "0x10", "1e3", "2001", "./${x}", "null", "~", "'", "\x00", "12:30:45"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || strings.ToValidUTF8(s, "") != s {
			return
		}
		var got struct{ V any }
		if err := yaml.Unmarshal([]byte("v: "+plainOr(s)+"\n"), &got); err != nil || got.V != strings.ReplaceAll(s, "${", "$${") {
			t.Errorf("%q is written as %s, which is %v, %v", s, plainOr(s), got.V, err)
		}
	})
}
