package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

// Each mistake that people really make (`lark.md` §5.4): the doctor names its cause
// and what to do.
func TestDoctorKnowsTheMistakes(t *testing.T) {
	tick := func(w *world, a larksim.App) {
		a.ID, a.Secret = simAppID, simSecret
		w.sim.AddApp(a)
	}
	for name, c := range map[string]struct {
		options larksim.Options
		upset   func(w *world)
		link    func(w *world) string
		more    []string
		says    []string
		well    bool // it is a warning only
	}{
		"all is well":              {well: true, says: []string{"the credentials are good", "✗ 0"}},
		"a wiki's token as Base's": {link: func(w *world) string { return "https://example.larksuite.com/base/" + simWiki + "?table=" + w.table }, says: []string{"wiki page was taken for the Base's", "with /wiki/ in it"}},
		"a wiki page":              {link: func(w *world) string { return "https://example.larksuite.com/wiki/" + simWiki + "?table=" + w.table }, well: true, says: []string{"the Base \"Bán hàng\" was found"}},
		"never added":              {upset: func(w *world) { w.sim.Grant(simAppID, simBase, larksim.NoRole) }, says: []string{"91403", "never added", "Add document app", "can edit"}},
		"ticked, not released":     {upset: func(w *world) { tick(w, larksim.App{Scopes: []string{"bitable:app"}, Unreleased: true}) }, says: []string{"99991672", "not released", "create a version and release it", "auth"}},
		"only the right to create": {upset: func(w *world) { tick(w, larksim.App{Scopes: []string{"base:record:create"}}) }, says: []string{"99991672", "bitable:app covers everything"}},
		"the other brand":          {options: larksim.Options{Brand: "feishu"}, upset: func(w *world) { tick(w, larksim.App{Scopes: []string{"bitable:app"}, Brand: "lark"}) }, says: []string{"other brand"}},
		"advanced permissions":     {upset: func(w *world) { w.sim.SetAdvanced(simBase, larksim.AdvancedDenies) }, says: []string{"advanced permissions are on", "can manage"}},
		"and everything is empty":  {upset: func(w *world) { w.sim.SetAdvanced(simBase, larksim.AdvancedEmpty) }, well: true, says: []string{"advanced permissions are on", "can manage"}},
		"a renamed column":         {upset: func(w *world) { w.sim.RenameField(simBase, w.table, "Số điện thoại", "SĐT khách") }, more: []string{`      columns: {"Số điện thoại": phone}`}, says: []string{`no column "Số điện thoại"`, "correct the name"}},
		"a column of Lark's own": {upset: func(w *world) {
			w.sim.AddField(simBase, w.table, larksim.Field{Name: "Số", Type: larksim.AutoNumber})
		}, more: []string{`      columns: {"Số": phone}`}, says: []string{"filled by the platform"}},
		"the wrong secret": {upset: func(w *world) {
			w.sim.AddApp(larksim.App{ID: simAppID, Secret: "another", Scopes: []string{"bitable:app"}})
		}, says: []string{"app_secret", "baseinfo"}},
		"an IP allow-list": {upset: func(w *world) {
			tick(w, larksim.App{Scopes: []string{"bitable:app"}, AllowIPs: []string{"203.0.113.7"}})
		}, says: []string{"99991401", "allow-list"}},
		"the month is spent": {options: larksim.Options{Quota: 1}, says: []string{"99991403", "10,000 calls", "first of the month"}},
		"the app is off":     {upset: func(w *world) { w.sim.DisableApp(simAppID, true) }, says: []string{"not available"}},
		"the table is gone":  {upset: func(w *world) { w.sim.AddTable(simBase, "Khác"); w.sim.RemoveTable(simBase, w.table) }, says: []string{"no such table", "Khác"}},
		"the Base is gone":   {upset: func(w *world) { w.sim.RemoveBase(simBase) }, says: []string{"deleted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LARK_APP_SECRET", simSecret)
			w := newWorld(t, c.options)
			link := w.link()
			if c.link != nil {
				link = c.link(w)
			}
			if c.upset != nil {
				c.upset(w)
			}
			w.write(w.sink(link, c.more...))
			code, out, errOut := w.run("", "doctor", "crm")
			if want := map[bool]int{true: exitOK, false: exitFailed}[c.well]; code != want {
				t.Errorf("exit %d, want %d", code, want)
			}
			for _, says := range c.says {
				if !strings.Contains(out, says) {
					t.Errorf("it does not say %q:\n%s%s", says, out, errOut)
				}
			}
		})
	}
}

// --write leaves nothing behind, and says when it cannot.
func TestDoctorProves(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	w := newWorld(t, larksim.Options{})
	w.write(w.sink(w.link()))
	code, out, errOut := w.run("", "doctor", "crm", "--write")
	if code != exitOK || w.sim.Calls()[larksim.OpBatchCreate].OK+w.sim.Calls()[larksim.OpCreate].OK == 0 {
		t.Errorf("exit %d\n%s%s\n%+v", code, out, errOut, w.sim.Calls())
	}
	if n := w.sim.RowCount(simBase, w.table); n != 0 {
		t.Errorf("%d rows are left behind", n)
	}
	w.sim.Grant(simAppID, simBase, larksim.CanView)
	if code, out, _ := w.run("", "doctor", "crm"); code != exitOK {
		t.Errorf("reading alone: exit %d\n%s", code, out)
	}
	if code, out, _ := w.run("", "doctor", "crm", "--write"); code != exitFailed || !strings.Contains(out, "Add document app") {
		t.Errorf("an app that may only look: exit %d\n%s", code, out)
	}
}

func TestDoctorLooksAtEverything(t *testing.T) {
	t.Setenv("LARK_APP_SECRET", simSecret)
	w := newWorld(t, larksim.Options{})
	w.write(w.sink(w.link(), "  archive: { mongodb: { database: mekong, collection: records } }", "sources: { landing: { ladipage: { path: /in/landing, token: invented-token-of-the-test } } }"))
	code, out, errOut := w.run("", "doctor", "--json")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	var r struct {
		Result string
		Groups []struct {
			Name     string
			Findings []struct{ Level, Setting, What, Fix string }
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range r.Groups {
		seen[g.Name] = len(g.Findings) > 0
	}
	for _, group := range []string{"machine", "nats", "source landing", "sink crm", "sink archive"} {
		if !seen[group] {
			t.Errorf("nothing is said of %s:\n%s", group, out)
		}
	}
	if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 1 {
		t.Errorf("the doctor made files: %v (%v)", entries, err)
	}
}

func TestDoctorWithoutAConfiguration(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	if code, _, errOut := w.run("", "doctor"); code != exitUsage || !strings.Contains(errOut, "mekong init") {
		t.Errorf("no file: exit %d %s", code, errOut)
	}
	w.write("sinks: {crm: {}}\n")
	code, out, errOut := w.run("", "doctor")
	if code != exitUsage || out != "" || !strings.Contains(errOut, "no adapter") {
		t.Errorf("a wrong one: exit %d %s%s", code, out, errOut)
	}
	code, out, _ = w.run("", "doctor", "--json")
	if code != exitUsage || !strings.Contains(out, `"name": "configuration"`) || !strings.Contains(out, "line 1: ") {
		t.Errorf("a wrong one as JSON: exit %d %s", code, out)
	}
	w.write("data_dir: d\n")
	if code, _, errOut := w.run("", "doctor", "nobody"); code != exitUsage || !strings.Contains(errOut, `no sink "nobody"`) {
		t.Errorf("an unknown sink: exit %d %s", code, errOut)
	}
}
