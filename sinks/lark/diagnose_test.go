package lark

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

func itoa(n int) string { return strconv.Itoa(n) }

func somewhere() Where {
	return Where{
		Setting: "sinks.crm.larkbase", Brand: BrandLark, AppID: testApp, Column: "Số điện thoại", Login: "mekong login lark crm",
		Link: Link{Host: "example.larksuite.com", Kind: KindBase, AppToken: "HTJ6b", TableID: "tblpg"},
	}
}

func says(t *testing.T, f pipeline.Finding, setting string, what []string, fix []string) {
	t.Helper()
	if f.Setting != setting {
		t.Errorf("setting %s, want %s", f.Setting, setting)
	}
	for _, s := range what {
		if !strings.Contains(f.What, s) {
			t.Errorf("what is so does not say %q: %s", s, f.What)
		}
	}
	for _, s := range fix {
		if !strings.Contains(f.Fix, s) {
			t.Errorf("the fix does not say %q: %s", s, f.Fix)
		}
	}
}

// Each row of `lark.md` §5.4: the cause and the fix are named.
func TestEveryRowOfWhatPeopleGetWrong(t *testing.T) {
	const (
		base     = "https://example.larksuite.com/base/HTJ6b?table=tblpg"
		block    = "sinks.crm.larkbase"
		app      = "https://open.larksuite.com/app/" + testApp
		logID    = "log id"
		anything = ""
	)
	type row struct {
		name    string
		err     func(t *testing.T) error
		setting string
		what    []string
		fix     []string
	}
	coded := func(n int) func(*testing.T) error {
		return func(t *testing.T) error {
			c := scripted(t, answering(400, `{"code":`+itoa(n)+`,"msg":"0900000000","error":{"log_id":"L1"}}`))
			_, err := c.BatchCreate(t.Context(), testBase, "tblX", "Tên", []Row{{}}, WriteOptions{})
			return err
		}
	}
	rows := []row{
		{"wiki token, 91402", coded(91402), block + ".url", []string{"wiki page", logID}, []string{"url:", "/wiki/"}},
		{"wiki token, 1254003", coded(1254003), block + ".url", []string{"wiki page", logID}, []string{"url:"}},
		{"wiki token, 1254040", coded(1254040), block + ".url", []string{"wiki page", logID}, []string{"url:"}},
		{"never added to the document", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			w.sim.Grant(testApp, testBase, larksim.NoRole)
			_, err := w.Base(t.Context(), testBase)
			return err
		}, block + ".url", []string{"91403", "never added", logID}, []string{base, "Add document app", "can edit", app + "/version", "custom bot"}},
		{"scope ticked and not released", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			w.sim.AddApp(larksim.App{ID: testApp, Secret: testSecret, Scopes: []string{"bitable:app"}, Unreleased: true})
			_, err := w.Tables(t.Context(), testBase)
			return err
		}, block + ".app_id", []string{"99991672", "bitable:app", "not released", "other brand", logID}, []string{"https://open.larksuite.com/app/" + testApp + "/auth?q=", "release", "Feishu"}},
		{"only the scope to create", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			w.sim.AddApp(larksim.App{ID: testApp, Secret: testSecret, Scopes: []string{"base:record:create"}})
			_, err := w.Client.Fields(t.Context(), testBase, w.table)
			return err
		}, block + ".app_id", []string{"99991672", "base:field:read"}, []string{"bitable:app covers everything", "release"}},
		{"renamed column", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			w.sim.RenameField(testBase, w.table, "Tên", "Tên ")
			return w.create(1)
		}, block + ".columns", []string{"1254045", "renamed", "space"}, []string{"Số điện thoại", "letter by letter", base}},
		{"number as text", coded(1254061), block + ".columns", []string{"number column", "type"}, []string{"Số điện thoại", "number", base}},
		{"date as text", coded(1254064), block + ".columns", []string{"date column"}, []string{"milliseconds"}},
		{"url as text", coded(1254068), block + ".columns", []string{"url column"}, []string{"link"}},
		{"client_token", coded(1254037), block, []string{"UUIDv4"}, []string{"log id"}},
		{"address not allowed", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			w.sim.AddApp(larksim.App{ID: testApp, Secret: testSecret, Scopes: []string{"bitable:app"}, AllowIPs: []string{"192.0.2.1"}})
			_, err := w.Tables(t.Context(), testBase)
			return err
		}, block + ".app_id", []string{"99991401", "allow-list"}, []string{app + "/safe"}},
		{"month's calls spent", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{Quota: 1})
			_, _ = w.Tables(t.Context(), testBase)
			_, err := w.Tables(t.Context(), testBase)
			return err
		}, block + ".monthly_calls", []string{"99991403", "10,000"}, []string{"first of the month", "monthly_calls"}},

		// Beyond §5.4.
		{"wrong secret", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			return w.client(func(o *Options) { o.AppSecret = config.NewSecret("wrong") }).Authenticate(t.Context())
		}, block + ".app_secret", []string{"10015"}, []string{app + "/baseinfo", "brand"}},
		{"disabled", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			_ = w.Authenticate(t.Context())
			w.sim.DisableApp(testApp, true)
			_, err := w.Tables(t.Context(), testBase)
			return err
		}, block + ".app_id", []string{"99991662"}, []string{"administrator"}},
		{"advanced permissions", func(t *testing.T) error {
			w := newWorld(t, larksim.Options{})
			w.sim.SetAdvanced(testBase, larksim.AdvancedDenies)
			return w.create(1)
		}, block + ".url", []string{"1254302", "managers"}, []string{"can manage", base}},
		{"wiki page not shared", coded(131006), block + ".url", []string{"wiki"}, []string{"share the wiki page", "wiki:wiki:readonly"}},
		{"table full", coded(1254103), block + ".url", []string{"full"}, []string{"rotate:"}},
		{"plan limit", coded(1254306), block + ".url", []string{"plan"}, []string{"upgrade"}},
		{"deleted table", coded(1254041), block + ".url", []string{"no such table"}, []string{"url:"}},
		{"user's scope", coded(99991679), block, []string{"did not grant"}, []string{"mekong login lark crm", "release"}},
		{"wrong endpoint", func(t *testing.T) error {
			_, err := scripted(t, answering(404, `<html>`)).Tables(t.Context(), testBase)
			return err
		}, block + ".endpoint", []string{"no such call"}, []string{"endpoint:"}},
		{"another write", coded(1254291), block, []string{"under way"}, []string{"by itself"}},
		{"platform down", coded(1255002), block, []string{"failed"}, []string{"by itself"}},
		{"too many columns", coded(1254105), block + ".url", []string{"no more columns"}, []string{base}},
		{"sort disliked", coded(1254016), block + ".columns", []string{"sort"}, []string{base}},
		{"token refused twice", coded(99991664), block + ".app_secret", []string{"refused"}, []string{"app_secret"}},
		{"unknown", coded(424242), block, []string{"424242"}, []string{"log id"}},
		{"bug", coded(1254001), block, []string{"1254001"}, []string{"report"}},
		{"sign-in over", func(*testing.T) error { return token.Reauthorise(token.Revoked, nil) }, block, []string{"revoked"}, []string{"mekong login lark crm"}},
		{"not ours", func(*testing.T) error { return context.DeadlineExceeded }, block, []string{anything}, []string{"reached"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			err := r.err(t)
			if err == nil {
				t.Fatal("no error to explain")
			}
			f := Diagnose(err, somewhere())
			says(t, f, r.setting, r.what, r.fix)
			if f.Level == pipeline.OK || f.Fix == "" {
				t.Errorf("%+v", f)
			}
			if strings.Contains(f.What+f.Fix, "0900000000") || strings.Contains(f.What, "t-hidden") {
				t.Errorf("a value is in the finding: %+v", f)
			}
		})
	}
}

// Those rows of §5.4 that no error tells.
func TestSymptoms(t *testing.T) {
	w := somewhere()
	base := "https://example.larksuite.com/base/HTJ6b?table=tblpg"
	says(t, EmptyReads.Finding(w), "sinks.crm.larkbase.url", []string{"advanced permissions", "not shown"}, []string{"can manage", base})
	says(t, EmptyRows.Finding(w), "sinks.crm.larkbase.columns", []string{"without any value"}, []string{"columns:", base})
	says(t, Seconds.Finding(w), "sinks.crm.larkbase.columns", []string{"1970", "milliseconds"}, []string{"1000"})
	says(t, NotListed.Finding(w), "sinks.crm.larkbase.app_id", []string{"Add document app", "availability"}, []string{"bitable:app", "version"})
	says(t, CustomBot.Finding(w), "sinks.crm.larkbase.url", []string{"custom bot", "no identity"}, []string{"Add document app"})
	w.Link.Brand = BrandFeishu
	says(t, OtherBrand.Finding(w), "sinks.crm.larkbase.url", []string{"feishu.cn", "larksuite.com"}, []string{"brand"})
	f := AdvancedOn.Finding(w)
	says(t, f, "sinks.crm.larkbase.url", []string{"advanced permissions"}, []string{"can manage"})
	if f.Level != pipeline.Warn {
		t.Errorf("%+v", f)
	}
}

func TestAFindingWithoutAPlace(t *testing.T) {
	e := &Error{Op: OpBase, Class: Setup, Code: 91403, Msg: "x"}
	f := Diagnose(e.Verdict(), Where{Setting: "sinks.crm.larkbase"})
	says(t, f, "sinks.crm.larkbase.url", nil, []string{"open the Base", "the developer console"})
	if f := Diagnose(errors.New("x"), Where{Setting: "s"}); f.Level != pipeline.Fail || f.What != "x" {
		t.Errorf("%+v", f)
	}
}
