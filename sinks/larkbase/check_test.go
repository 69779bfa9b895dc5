package larkbase_test

import (
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/larkbase"
)

// TestCheck goes through what people get wrong (`lark.md` §5.4): the finding names
// the setting, the cause and what to do.
func TestCheck(t *testing.T) {
	t.Parallel()
	url := func(u string) func(*config.LarkBase, *larkbase.Options) {
		return func(c *config.LarkBase, _ *larkbase.Options) { c.URL = u }
	}
	for name, c := range map[string]struct {
		breaks func(w *world)
		change func(*config.LarkBase, *larkbase.Options)
		level  pipeline.Level
		at     string   // setting, below sinks.crm.larkbase
		says   []string // in What or Fix
	}{
		"a wiki token for the Base's": {
			breaks: func(w *world) {
				w.AddWikiNode(larksim.WikiNode{Token: "wikcnA", ObjType: "bitable", ObjToken: baseID})
			},
			change: url("https://example.larksuite.com/base/wikcnA?table=tblX"), level: pipeline.Fail, at: ".url", says: []string{"wiki", "/wiki/"},
		},
		"a wiki page that is no Base": {
			breaks: func(w *world) {
				w.AddWikiNode(larksim.WikiNode{Token: "wikcnB", ObjType: "docx", ObjToken: "doccnX"})
			},
			change: url("https://example.larksuite.com/wiki/wikcnB?table=tblX"), level: pipeline.Fail, at: "", says: []string{"no Base", "docx"},
		},
		"the app was never added": {
			breaks: func(w *world) { w.Grant(appID, baseID, larksim.NoRole) },
			level:  pipeline.Fail, at: ".url", says: []string{"never added", "Add document app", "https://example.larksuite.com/base/"},
		},
		"the scope is missing": {
			breaks: func(w *world) { w.AddApp(larksim.App{ID: appID, Secret: secret, Scopes: []string{"im:message"}}) },
			level:  pipeline.Fail, at: ".app_id", says: []string{"bitable:app", "release", "open.larksuite.com/app/" + appID},
		},
		"the version was not released": {
			breaks: func(w *world) {
				w.AddApp(larksim.App{ID: appID, Secret: secret, Scopes: []string{"bitable:app"}, Unreleased: true})
			},
			level: pipeline.Fail, at: ".app_id", says: []string{"release"},
		},
		"only the scope to create": {
			breaks: func(w *world) {
				w.AddApp(larksim.App{ID: appID, Secret: secret, Scopes: []string{"base:record:create"}})
			},
			level: pipeline.Fail, at: ".app_id", says: []string{"base:table:read", "bitable:app"},
		},
		"the other brand": {
			change: func(c *config.LarkBase, _ *larkbase.Options) { c.Brand = "feishu" },
			level:  pipeline.Fail, at: ".url", says: []string{"Feishu", "Lark"},
		},
		"advanced permissions show nothing": {
			breaks: func(w *world) { w.SetAdvanced(baseID, larksim.AdvancedHides) },
			level:  pipeline.Warn, at: ".url", says: []string{"advanced permissions", "can manage"},
		},
		"advanced permissions refuse": {
			breaks: func(w *world) { w.SetAdvanced(baseID, larksim.AdvancedDenies) },
			level:  pipeline.Fail, at: ".url", says: []string{"Advanced permissions", "can manage"},
		},
		"a column that is not there": {
			breaks: func(w *world) { w.RemoveField(baseID, w.table, "Số điện thoại") },
			change: explicit, level: pipeline.Fail, at: `.columns."Số điện thoại"`, says: []string{"no column", "create_columns"},
		},
		"a column that is called a little differently": {
			breaks: func(w *world) { w.RenameField(baseID, w.table, "Số điện thoại", "SỐ ĐIỆN-THOẠI") },
			change: explicit, level: pipeline.Fail, at: `.columns."Số điện thoại"`, says: []string{`"SỐ ĐIỆN-THOẠI"`},
		},
		"a column the platform fills": {
			breaks: func(w *world) {
				w.RemoveField(baseID, w.table, "Số điện thoại")
				w.AddField(baseID, w.table, larksim.Field{Name: "Số điện thoại", Type: larksim.Formula})
			},
			change: explicit, level: pipeline.Fail, at: `.columns."Số điện thoại"`, says: []string{"cannot be written"},
		},
		"a column of links": {
			breaks: func(w *world) {
				w.RemoveField(baseID, w.table, "Số điện thoại")
				w.AddField(baseID, w.table, larksim.Field{Name: "Số điện thoại", Type: larksim.Attachment})
			},
			change: explicit, level: pipeline.Fail, at: `.columns."Số điện thoại"`, says: []string{"attachment"},
		},
		"a key column of another type": {
			breaks: func(w *world) { w.AddField(baseID, w.table, larksim.Field{Name: "Mekong ID", Type: larksim.Number}) },
			level:  pipeline.Fail, at: ".key_column", says: []string{"number", "Text"},
		},
		"no column that suits": {
			breaks: func(w *world) {
				w.RenameField(baseID, w.table, "Số điện thoại", "X")
				w.RenameField(baseID, w.table, "Họ tên", "Y")
			},
			level: pipeline.Warn, at: ".columns", says: []string{"write columns"},
		},
		"a table that is not there": {
			change: func(c *config.LarkBase, _ *larkbase.Options) { c.Table = "Lead" },
			level:  pipeline.Fail, at: ".table", says: []string{"no such table", `"Leads"`},
		},
		"a wrong secret": {
			change: func(c *config.LarkBase, _ *larkbase.Options) { c.AppSecret = config.NewSecret("sai") },
			level:  pipeline.Fail, at: ".app_secret", says: []string{"App Secret", "open.larksuite.com"},
		},
		"an app that is off": {
			breaks: func(w *world) {
				w.AddApp(larksim.App{ID: appID, Secret: secret, Scopes: []string{"bitable:app"}, Uninstalled: true})
			},
			level: pipeline.Fail, at: "", says: []string{"app"},
		},
		"the IP allow-list": {
			breaks: func(w *world) {
				w.AddApp(larksim.App{ID: appID, Secret: secret, Scopes: []string{"bitable:app"}, AllowIPs: []string{"10.0.0.1"}})
			},
			level: pipeline.Fail, at: ".app_id", says: []string{"IP allow-list", "public address"},
		},
		"the month is spent": {
			breaks: func(w *world) {
				w.Inject(larksim.Fault{Kind: larksim.Answer, Code: 99991403})
			},
			level: pipeline.Fail, at: ".monthly_calls", says: []string{"10,000", "first of the month"},
		},
		"another time zone": {
			change: func(_ *config.LarkBase, o *larkbase.Options) { o.Location = nil },
			level:  pipeline.Warn, at: "timezone", says: []string{"UTC"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, larksim.Options{}, nameAndPhone...)
			if c.breaks != nil {
				c.breaks(w)
			}
			s := w.sink(c.change)
			want := "sinks.crm.larkbase" + c.at
			if !strings.HasPrefix(c.at, ".") && c.at != "" {
				want = c.at
			}
			found := s.Check(t.Context())
			for _, f := range found {
				if f.Level != c.level || c.at != "" && f.Setting != want || !strings.HasPrefix(f.Setting, want) {
					continue
				}
				all := true
				for _, word := range c.says {
					all = all && strings.Contains(f.What+" "+f.Fix, word)
				}
				if all && f.Fix != "" {
					return
				}
			}
			t.Errorf("no %v at %s that says %q; found\n%s", c.level, want, c.says, findings(found))
		})
	}
}

// TestCheckEmptyReads: rows of ours are there and their cells are not shown.
func TestCheckEmptyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	store(t, s, leads("a", 2)...)
	w.SetAdvanced(baseID, larksim.AdvancedHides)
	found := findings(s.Check(t.Context()))
	if !strings.Contains(found, "fail sinks.crm.larkbase.url: calls succeed, but rows or their cells are not shown") {
		t.Errorf("found\n%s", found)
	}
	// Nor does the sink take what it cannot see for what is not there.
	w.isHeld(s, []pipeline.Record{of("b", "a-0001", 1, map[string]any{"name": "hai"})})
}

// TestCheckHealthy is content, reads only, and has something to say about renames.
func TestCheckHealthy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	m := &memory{}
	remembers := func(c *config.LarkBase, o *larkbase.Options) { explicit(c, o); o.Memory = m }
	s := w.sink(remembers)
	for range 2 {
		for _, f := range s.Check(t.Context()) {
			if f.Level == pipeline.Fail {
				t.Errorf("%s: %s", f.Setting, f.What)
			}
		}
		if n := w.Writes(baseID); n > 1 { // the second round comes after a write
			t.Errorf("%d writes", n)
		}
	}
	store(t, s, leads("a", 1)...)
	w.RenameField(baseID, w.table, "Họ tên", "Quý danh")
	for _, s := range []*larkbase.Sink{s, w.sink(remembers)} { // and one that has written nothing itself
		if found := findings(s.Check(t.Context())); !strings.Contains(found, `is called "Quý danh" by now`) {
			t.Errorf("found\n%s", found)
		}
	}
	// By name it tells where fields go.
	found := findings(newWorld(t, larksim.Options{}, nameAndPhone...).sink(nil).Check(t.Context()))
	if !strings.Contains(found, `name → "Họ tên"`) || !strings.Contains(found, `phone → "Số điện thoại"`) || !strings.Contains(found, "is replaced by itself") {
		t.Errorf("found\n%s", found)
	}
}

// TestProve leaves nothing behind, and says what is missing.
func TestProve(t *testing.T) {
	t.Parallel()
	w := newWorld(t, larksim.Options{}, nameAndPhone...)
	s := w.sink(nil)
	if found := findings(s.Prove(t.Context())); !strings.Contains(found, "ok sinks.crm.larkbase.url: a row was written and removed") || w.RowCount(baseID, w.table) != 0 {
		t.Errorf("%d rows, found\n%s", w.RowCount(baseID, w.table), found)
	}
	w.TickScopes(appID, "base:record:create", "base:record:retrieve", "base:field:read", "base:table:read")
	w.Release(appID)
	if found := findings(s.Prove(t.Context())); !strings.Contains(found, "could not be removed") || !strings.Contains(found, "base:record:delete") || !strings.Contains(found, "&record=rec") {
		t.Errorf("found\n%s", found)
	}
	w.TickScopes(appID, "bitable:app")
	w.Release(appID)
	w.Grant(appID, baseID, larksim.CanView)
	if found := findings(s.Prove(t.Context())); !strings.Contains(found, "could not be written") || !strings.Contains(found, "can edit") {
		t.Errorf("found\n%s", found)
	}
	w.AddApp(larksim.App{ID: appID, Secret: "đổi rồi", Scopes: []string{"bitable:app"}})
	if found := findings(w.sink(nil).Prove(t.Context())); !strings.Contains(found, "fail sinks.crm.larkbase.app_secret") {
		t.Errorf("found\n%s", found)
	}
}
