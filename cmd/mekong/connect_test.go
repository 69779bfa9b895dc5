package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/config"
	"mekong/sinks/lark/larksim"
)

func TestConnectMakesAFile(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", simSecret)
	code, out, errOut := w.connect("", w.link(), "--yes")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	for _, says := range []string{`Base "Bán hàng", table "Khách hàng", 11 columns`, "← phone ", "sure", "if your form sends it", "mekong doctor crm --write", "LARK_APP_SECRET must be set"} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	text := w.text()
	if strings.Contains(text, simSecret) || !strings.Contains(text, `app_secret: "${LARK_APP_SECRET}"`) {
		t.Errorf("the file is\n%s", text)
	}
	c, err := config.Load(w.config)
	if err != nil {
		t.Fatal(err)
	}
	l := c.Sinks["crm"].LarkBase
	if l == nil || l.Columns["Số điện thoại"] != "phone" || l.Columns["Họ và tên"] != "name" || l.Columns["Ngày nhận"] != "received" || l.Columns["UTM Source"] != "utm_source" {
		t.Errorf("the sink is %+v", l)
	}
	if l.AppSecret.Reveal() != simSecret || l.AppID != simAppID || l.URL != w.link() {
		t.Errorf("the sink is %+v", l)
	}
	if code, out, errOut := w.run("", "doctor", "crm"); code != exitOK {
		t.Errorf("the doctor is not content: exit %d\n%s%s", code, out, errOut)
	}
	if n := w.sim.RowCount(simBase, w.table); n != 0 {
		t.Errorf("connect wrote %d rows", n)
	}
}

// Every byte that was there is there, in the same order, whatever its comments.
func TestConnectKeepsAFile(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", simSecret)
	t.Setenv("LADIPAGE_TOKEN", "invented-token-of-the-test")
	was := string(config.Example)
	w.write(was)
	if err := os.Chmod(w.config, 0o640); err != nil {
		t.Fatal(err)
	}
	if code, out, errOut := w.connect("", w.link(), "--name", "sales", "--yes"); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	now := w.text()
	at := strings.Index(now, "  sales:\n")
	added := len(now) - len(was)
	if at < 0 || added <= 0 || now[:at]+now[at+added:] != was {
		t.Errorf("more than the sink was changed:\n%s", now)
	}
	c, err := config.Load(w.config)
	if err != nil || c.Sinks["sales"].LarkBase == nil || c.Sinks["archive"].MongoDB == nil {
		t.Errorf("the file is no good: %v", err)
	}
	if info, err := os.Stat(w.config); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v (%v)", info.Mode(), err)
	}
	code, _, errOut := w.connect("", w.link(), "--name", "sales", "--yes")
	if code != exitUsage || !strings.Contains(errOut, "already") || w.text() != now {
		t.Errorf("a second time: exit %d %s", code, errOut)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, ".mekong-*")); len(left) > 0 {
		t.Errorf("files are left behind: %v", left)
	}
}

func TestConnectAsks(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", "")
	args := []string{"connect", "lark", w.link(), "--endpoint", w.server.URL}
	code, out, _ := w.run(simAppID+"\n"+simSecret+"\nn\n", args...)
	if code != exitFailed || w.text() != "" || !strings.Contains(out, "Nothing was written") {
		t.Errorf("n: exit %d\n%s", code, out)
	}
	code, out, _ = w.run(simAppID+"\n"+simSecret+"\n", args...)
	if code != exitFailed || w.text() != "" {
		t.Errorf("no answer: exit %d\n%s", code, out)
	}
	code, out, _ = w.run(simAppID+"\n"+simSecret+"\ny\n", args...)
	if code != exitOK || !strings.Contains(w.text(), "${LARK_APP_SECRET}") || strings.Contains(w.text(), simSecret) || !strings.Contains(out, "export LARK_APP_SECRET=") {
		t.Errorf("y: exit %d\n%s\n%s", code, out, w.text())
	}
	for _, in := range []string{"", "\n", simAppID + "\n"} {
		if code, _, errOut := w.run(in, append(args, "--name", "other")...); code != exitUsage || !strings.Contains(errOut, "without a terminal") {
			t.Errorf("%q: exit %d %s", in, code, errOut)
		}
	}
}

func TestConnectKeepsTheSecretInAFile(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", "")
	if code, out, errOut := w.connect(simSecret+"\n", w.link(), "--app-secret-file", "lark.secret", "--yes"); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	path := filepath.Join(w.dir, "lark.secret")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	c, err := config.Load(w.config)
	if err != nil || c.Sinks["crm"].LarkBase.AppSecret.Reveal() != simSecret {
		t.Errorf("the configuration does not find it: %v", err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "empty"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := w.connect(simSecret+"\n", w.link(), "--app-secret-file", "empty", "--name", "none", "--yes"); code != exitUsage || !strings.Contains(errOut, "is empty") {
		t.Errorf("an empty file: exit %d %s", code, errOut)
	}
	// The next sink uses the file that is there, and asks nothing.
	if code, out, errOut := w.connect("", w.link(), "--app-secret-file", "lark.secret", "--name", "two", "--yes"); code != exitOK {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}

func TestConnectFindsTheTable(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", simSecret)
	base := "https://example.larksuite.com/base/" + simBase
	for name, link := range map[string]string{
		"wiki":    "https://example.larksuite.com/wiki/" + simWiki + "?table=" + w.table,
		"only":    base,
		"viewing": w.link() + "&from=copylink#x",
	} {
		if code, out, errOut := w.connect("", link, "--name", name, "--yes"); code != exitOK {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errOut)
		}
	}
	w.sim.AddTable(simBase, "Khác")
	code, out, _ := w.connect("", base, "--name", "two", "--yes")
	if code != exitFailed || !strings.Contains(out, "--table") || !strings.Contains(out, `"Khác"`) {
		t.Errorf("of two tables none is meant: exit %d\n%s", code, out)
	}
	if code, out, _ := w.connect("", base, "--name", "named", "--table", "Khách hàng", "--yes"); code != exitOK || !strings.Contains(w.text(), "table="+w.table) {
		t.Errorf("by its name: exit %d\n%s", code, out)
	}
	c, err := config.Load(w.config)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Sinks["wiki"].LarkBase.URL; got != "https://example.larksuite.com/wiki/"+simWiki+"?table="+w.table {
		t.Errorf("the wiki's link became %s", got)
	}
	for name, s := range c.Sinks {
		if strings.Contains(s.LarkBase.URL, "copylink") || !strings.Contains(s.LarkBase.URL, w.table) {
			t.Errorf("%s: the link is %s", name, s.LarkBase.URL)
		}
	}
}

// What is wrong is told with what to do, and nothing is written.
func TestConnectRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		upset func(w *world)
		link  func(w *world) string
		env   string
		says  []string
		code  int
	}{
		"wrong secret":  {env: "wrong-secret", says: []string{"app_secret", "baseinfo"}},
		"app not added": {upset: func(w *world) { w.sim.Grant(simAppID, simBase, larksim.NoRole) }, says: []string{"91403", "Add document app"}},
		"no such table": {upset: func(w *world) { w.sim.AddTable(simBase, "Khác"); w.sim.RemoveTable(simBase, w.table) }, says: []string{"there is no table", `"Khác"`}},
		"not released": {upset: func(w *world) {
			w.sim.AddApp(larksim.App{ID: simAppID, Secret: simSecret, Unreleased: true, Scopes: []string{"bitable:app"}})
		}, says: []string{"99991672", "release"}},
		"a document":     {link: func(w *world) string { return "https://example.larksuite.com/docx/abc" }, code: exitUsage, says: []string{"a document"}},
		"a dashboard":    {link: func(w *world) string { return "https://example.larksuite.com/base/" + simBase + "?table=blkabc" }, code: exitUsage, says: []string{"a dashboard"}},
		"not a link":     {link: func(w *world) string { return "khách hàng" }, code: exitUsage, says: []string{"link"}},
		"wiki as a base": {link: func(w *world) string { return "https://example.larksuite.com/base/" + simWiki + "?table=" + w.table }, says: []string{"/wiki/"}},
		"wiki of a sheet": {upset: func(w *world) {
			w.sim.AddWikiNode(larksim.WikiNode{Token: "wikcnSheet", ObjType: "sheet", ObjToken: "shtA"})
		}, link: func(w *world) string { return "https://example.larksuite.com/wiki/wikcnSheet" }, says: []string{"no Base"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, larksim.Options{})
			secret, link, want := simSecret, w.link(), exitFailed
			if c.env != "" {
				secret = c.env
			}
			if c.code != 0 {
				want = c.code
			}
			if c.upset != nil {
				c.upset(w)
			}
			if c.link != nil {
				link = c.link(w)
			}
			t.Setenv("LARK_APP_SECRET", secret)
			code, out, errOut := w.connect("", link, "--yes")
			if code != want || w.text() != "" {
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

// A file that cannot be added to is left alone, and the block is there to be pasted.
func TestConnectLeavesAnOddFileAlone(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", simSecret)
	const was = "sinks: { archive: { mongodb: {} } }\n"
	w.write(was)
	code, out, _ := w.connect("", w.link(), "--yes")
	if code != exitFailed || w.text() != was || !strings.Contains(out, "  crm:\n    accept: [lead]\n    larkbase:\n") {
		t.Errorf("exit %d\n%s\n%s", code, out, w.text())
	}
	for args, says := range map[string]string{
		"--name Crm": "no name for a sink", "--app-secret-env wrong-secret": "name of an environment variable", "--app-secret-file a}b": "--app-secret-file",
	} {
		if code, _, errOut := w.connect("", w.link(), strings.Fields(args)...); code != exitUsage || !strings.Contains(errOut, says) {
			t.Errorf("%s: exit %d %s", args, code, errOut)
		}
	}
}

// Whatever a column is called, the configuration names it the same, and refers to
// nothing.
func TestConnectQuotesColumns(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	t.Setenv("LARK_APP_SECRET", simSecret)
	const odd = `Điện thoại: "${}" 'x' \ #{[ %`
	w.sim.RenameField(simBase, w.table, "Số điện thoại", strings.ReplaceAll(odd, "x", ""))
	if code, out, errOut := w.connect("", w.link(), "--yes"); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	c, err := config.Load(w.config)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Sinks["crm"].LarkBase.Columns; got[strings.ReplaceAll(odd, "x", "")] != "phone" {
		t.Errorf("the columns are %q\n%s", got, w.text())
	}
}
