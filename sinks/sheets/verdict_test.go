package sheets_test

import (
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks/sheets"
	"mekong/sinks/sheets/sheetsim"
)

// TestVerdicts is the table of `sinks.md` §A3: who is blamed, and what the operator is
// told where there is something to do. Each is mended, and what was held is stored.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	fault := func(f sheetsim.Fault) func(w *world) func() {
		return func(w *world) func() { return w.Fault(f).Remove }
	}
	other := func(change func(w *world), back func(w *world)) func(w *world) func() {
		return func(w *world) func() { change(w); return func() { back(w) } }
	}
	project := sheetsim.ProjectOf(email)
	for _, c := range []struct {
		name    string
		harm    func(w *world) (mend func())
		class   sheets.Class
		setting string // of a Fail
		fix     string // part of it
	}{
		{"not shared", other(func(w *world) { w.Unshare(bookID, email) }, func(w *world) { w.Share(bookID, email, sheetsim.Writer) }), sheets.Denied, "spreadsheet", "add " + email + " as an editor"},
		{"reader only", other(func(w *world) { w.Share(bookID, email, sheetsim.Reader) }, func(w *world) { w.Share(bookID, email, sheetsim.Writer) }), sheets.Denied, "", ""},
		{"API not enabled", other(func(w *world) { w.DisableAPI(project) }, func(w *world) { w.EnableAPI(project) }), sheets.Disabled, "credentials", "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=" + project},
		{"scope", other(func(w *world) {
			w.scope = "https://www.googleapis.com/auth/drive.metadata"
			w.ExpireTokens()
		}, func(w *world) {
			w.scope = "https://www.googleapis.com/auth/spreadsheets"
			w.ExpireTokens()
		}), sheets.Scope, "credentials", "spreadsheets"},
		{"401 again and again", fault(sheetsim.Fault{Kind: sheetsim.Unauthorized}), sheets.Refused, "credentials", "new key"},
		{"xlsx", other(func(w *world) { w.SetOffice(bookID, true) }, func(w *world) { w.SetOffice(bookID, false) }), sheets.Office, "spreadsheet", "Save as Google Sheets"},
		{"429", fault(sheetsim.Fault{Kind: sheetsim.RateLimited}), sheets.Throttled, "", ""},
		{"429, older words", fault(sheetsim.Fault{Kind: sheetsim.RateLimited, Legacy: true}), sheets.Throttled, "", ""},
		{"503", fault(sheetsim.Fault{Kind: sheetsim.Unavailable}), sheets.Down, "endpoint", "tried again"},
		{"500", fault(sheetsim.Fault{Kind: sheetsim.Internal}), sheets.Down, "endpoint", "tried again"},
		{"504", fault(sheetsim.Fault{Kind: sheetsim.Timeout}), sheets.Down, "endpoint", "tried again"},
		{"502 with a page", fault(sheetsim.Fault{Kind: sheetsim.Page}), sheets.Down, "endpoint", "tried again"},
		{"408 with a page", fault(sheetsim.Fault{Kind: sheetsim.Page, Status: 408}), sheets.Down, "endpoint", "tried again"},
		{"reset", fault(sheetsim.Fault{Kind: sheetsim.Reset}), sheets.Down, "endpoint", "tried again"},
		{"cut", fault(sheetsim.Fault{Kind: sheetsim.Cut}), sheets.Down, "endpoint", "tried again"},
		{"short", fault(sheetsim.Fault{Kind: sheetsim.Short}), sheets.Down, "endpoint", "tried again"},
		{"protected", func(w *world) func() {
			id := w.ProtectRange(bookID, gid, 0, 1000, 0, 26)
			return func() { w.Unprotect(bookID, id) }
		}, sheets.Protected, "", ""},
		{"tab gone", func(w *world) func() {
			w.AddTab(bookID, sheetsim.Tab{Title: "Khác", GID: 7})
			w.DeleteTab(bookID, gid)
			return func() { w.AddTab(bookID, sheetsim.Tab{Title: "Mới", GID: gid}) }
		}, "", "spreadsheet", `"Khác"`},
	} {
		for _, style := range []sheetsim.ErrorStyle{{}, {Plain: true}, {Array: true}} {
			name := c.name
			if style.Plain {
				name += ", plain"
			}
			if style.Array {
				name += ", in a list"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, sheetsim.Options{Errors: style})
				s := w.sink(nil)
				store(t, s, leads(0, 2)...)
				w.Advance(2 * time.Minute)
				mend := c.harm(w)
				batch := append(leads(2, 2), of("l", "k000", 1, map[string]any{"name": "sau"}))
				for i, o := range s.Write(t.Context(), batch) {
					if _, held := pipeline.IsHold(o.Err); !held {
						t.Errorf("record %d: no Hold: %v", i, o.Err)
					}
					if e := sheets.As(o.Err); c.class != "" && (e == nil || e.Class != c.class) {
						t.Errorf("record %d: not %s: %v", i, c.class, o.Err)
					}
					if o.Err != nil && (strings.Contains(o.Err.Error(), bookID) || strings.Contains(o.Err.Error(), "https://")) {
						t.Errorf("the error has an address: %v", o.Err)
					}
				}
				failed := ""
				for _, f := range s.Check(t.Context()) {
					if f.Level == pipeline.Fail {
						failed = f.Setting
						if c.setting == "" || f.Setting != "sinks.sales.sheets."+c.setting || !strings.Contains(f.Fix+f.What, c.fix) {
							t.Errorf("Check: %+v", f)
						}
					}
				}
				if c.setting != "" && failed == "" {
					t.Error("Check fails nothing")
				}
				mend()
				w.Advance(2 * time.Minute)
				store(t, s, again(batch...)...)
				if c.class != "" {
					got := w.rows()
					if len(got) != 4 || got["k000"]["name"] != "sau" {
						t.Errorf("after it was mended: %v", got)
					}
				}
			})
		}
	}
}

// TestNoSuchSpreadsheet: one that is not there answers 503 at first, and Check asks
// twice.
func TestNoSuchSpreadsheet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	w.RemoveSpreadsheet(bookID)
	w.Fault(sheetsim.Fault{Kind: sheetsim.Late404})
	s := w.sink(nil)
	found := s.Check(t.Context())
	last := found[1]
	if last.Level != pipeline.Fail || last.Setting != "sinks.sales.sheets.spreadsheet" || !strings.Contains(last.What, "no such spreadsheet") || !strings.Contains(last.Fix, "share it with "+email) {
		t.Errorf("%+v", found)
	}
	if e := sheets.As(s.Write(t.Context(), leads(0, 1))[0].Err); e == nil || e.Class != sheets.Missing {
		t.Errorf("%v", e)
	}
}

// TestTokenRefused: the account's key is not taken.
func TestTokenRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{})
	s := w.sink(nil)
	w.Fault(sheetsim.Fault{Kind: sheetsim.TokenRefused})
	o := s.Write(t.Context(), leads(0, 1))[0]
	if _, held := pipeline.IsHold(o.Err); !held || sheets.As(o.Err) == nil || sheets.As(o.Err).Class != sheets.NoToken {
		t.Errorf("%v", o.Err)
	}
	if f := s.Check(t.Context())[0]; f.Level != pipeline.Fail || f.Setting != "sinks.sales.sheets.credentials" {
		t.Errorf("%+v", f)
	}
}

// TestDuplicateHeaders are told.
func TestDuplicateHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sheetsim.Options{}, sheetsim.Tab{Values: [][]any{{"SĐT", "Tên", "SĐT"}}})
	s := w.sink(nil)
	found := false
	for _, f := range s.Check(t.Context()) {
		found = found || f.Level == pipeline.Warn && strings.Contains(f.What, "more than once")
	}
	if !found {
		t.Error("Check does not tell of two columns with one header")
	}
	store(t, s, record("a", map[string]any{"phone": "0900000000"}))
	if v := w.Values(bookID, gid); v[1][0] != "0900000000" || len(v[1]) > 2 && v[1][2] != nil {
		t.Errorf("%v", v)
	}
}
