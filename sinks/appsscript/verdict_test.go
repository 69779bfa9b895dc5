package appsscript_test

import (
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/appsscript"
	"mekong/sinks/appsscript/scriptsim"
)

// TestVerdicts: every fault of a deployment holds the sink, is told with what to do,
// blames no record, and ends as one row each.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault   scriptsim.Fault
		says    string // in the error
		setting string // of the finding
		fix     string // in it
		wait    time.Duration
	}{
		{scriptsim.Outage, "without an answer", "url", "asked again", 0},
		{scriptsim.Hang, "no answer in time", "timeout", "Executions", 0},
		{scriptsim.Login, "signed in", "url", "Anyone (Bất kỳ ai)", 0},
		{scriptsim.SignIn, "signed in", "url", "Anyone (Bất kỳ ai)", 0},
		{scriptsim.Missing, "no function doPost", "url", "New version (Phiên bản mới)", 0},
		{scriptsim.NotFound, "404", "url", "copy the URL", 0},
		{scriptsim.Denied, "403", "url", "Anyone (Bất kỳ ai)", 0},
		{scriptsim.Quota, "too many runs at once", "url", "Executions", 0},
		{scriptsim.Unavailable, "503", "url", "Executions", 0},
		{scriptsim.TooMany, "429", "url", "Executions", 7 * time.Second},
		{scriptsim.LostRedirect, "without an answer", "url", "asked again", 0},
		{scriptsim.LostEcho, "", "url", "", 0},
		{scriptsim.Truncated, "without an answer", "url", "asked again", 0},
		{scriptsim.LateHTML, "a page in place of an answer", "url", "Executions", 0},
		{scriptsim.LateNotFound, "404", "url", "copy the URL", 0},
		{scriptsim.LateHang, "no answer in time", "timeout", "Executions", 0},
		{scriptsim.Forged, "not signed", "secret", "MEKONG_SECRET", 0},
		{scriptsim.Elsewhere, "not followed", "url", "copy the URL", 0},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			onBoth(t, defaults(), func(t *testing.T, b backend) {
				w := newWorld(t, b)
				s := w.sink(t, func(c *config.AppsScript, _ *appsscript.Options) { c.Timeout = 300 * time.Millisecond })
				batch := append(leads(0, 4), record("u", "lead-00001", 60, map[string]any{"name": "sau"}))
				w.server.Inject(c.fault, -1)
				out := s.Write(t.Context(), batch)
				err := held(t, out)
				for _, o := range out {
					if wait, _ := pipeline.IsHold(o.Err); wait != c.wait {
						t.Errorf("Hold for %v, want %v", wait, c.wait)
					}
				}
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("the error is %q, which does not say %q", err, c.says)
				}
				discreet(t, err.Error())
				if err := s.Forget(t.Context(), []string{"lead-00000"}); err == nil {
					t.Error("Forget says that it erased a row")
				}
				found := s.Check(t.Context())[0]
				if found.Level != pipeline.Fail || found.Setting != "sinks.crm.appsscript."+c.setting || !strings.Contains(found.Fix, c.fix) {
					t.Errorf("the finding is %+v", found)
				}
				discreet(t, found.What+found.Fix)
				w.server.Clear()
				store(t, s, batch...)
				rows := rowsOf(b.dump(t))
				if len(rows) != 4 {
					t.Errorf("%d rows, want 4", len(rows))
				}
				for _, r := range rows {
					if r.Key == "lead-00001" && r.Fields["name"] != "sau" {
						t.Errorf("the later record is not there: %v", r.Fields)
					}
				}
			})
		})
	}
}

// discreet demands that text holds neither a secret nor an address nor a customer.
func discreet(t testing.TB, text string) {
	t.Helper()
	for _, never := range []string{secret, deployment, "user_content_key", "Khách", "0900", "storage.example.com"} {
		if strings.Contains(text, never) {
			t.Errorf("%q shows %q", text, never)
		}
	}
}

// TestRunTwice: a request that is carried out twice writes once.
func TestRunTwice(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		w := newWorld(t, b)
		s := w.sink(t, nil)
		w.server.Inject(scriptsim.Twice, -1)
		store(t, s, leads(0, 20)...)
		store(t, s, leads(10, 20)...)
		if n := len(rowsOf(b.dump(t))); n != 30 {
			t.Errorf("%d rows, want 30", n)
		}
	})
}

// TestSettings: what is wrong with the script's own settings is told with the fix.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		harm    func(w *world, c *config.AppsScript, o *appsscript.Options)
		setting string
		says    string
	}{
		{"other secret", func(w *world, _ *config.AppsScript, _ *appsscript.Options) { w.SetSecret("another-secret-than-ours") }, "secret", "another secret"},
		{"no secret", func(w *world, _ *config.AppsScript, _ *appsscript.Options) { w.SetSecret("") }, "secret", "has no secret"},
		{"no such tab", func(_ *world, c *config.AppsScript, _ *appsscript.Options) { c.Tab = "Tháng 9" }, "tab", "no such tab"},
		{"clock ahead", func(_ *world, _ *config.AppsScript, o *appsscript.Options) {
			o.Now = func() time.Time { return time.Now().Add(7 * time.Minute) }
		}, "url", "7m0s ahead of"},
		{"clock behind", func(_ *world, _ *config.AppsScript, o *appsscript.Options) {
			o.Now = func() time.Time { return time.Now().Add(-7 * time.Minute) }
		}, "url", "7m0s behind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, defaults(), func(t *testing.T, b backend) {
				w := newWorld(t, b)
				s := w.sink(t, func(conf *config.AppsScript, o *appsscript.Options) { c.harm(w, conf, o) })
				err := held(t, s.Write(t.Context(), leads(0, 2)))
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("the error is %q, which does not say %q", err, c.says)
				}
				found := s.Check(t.Context())[0]
				if found.Level != pipeline.Fail || found.Setting != "sinks.crm.appsscript."+c.setting || found.Fix == "" {
					t.Errorf("the finding is %+v", found)
				}
				if proof := s.Prove(t.Context()); proof[0].Level != pipeline.Fail || proof[0].Setting != found.Setting {
					t.Errorf("the proof is %+v", proof)
				}
				if n := len(b.dump(t).Cells); n != 0 {
					t.Errorf("%d rows were written", n)
				}
			})
		})
	}
}
