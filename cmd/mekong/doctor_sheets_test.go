package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/sinks/appsscript/scriptsim"
	"mekong/sinks/sheets/sheetsim"
)

// Each mistake that people really make with a spreadsheet: the doctor names its cause
// and what to do.
func TestDoctorKnowsTheMistakesWithSheets(t *testing.T) {
	for name, c := range map[string]struct {
		options sheetsim.Options
		tab     sheetsim.Tab
		upset   func(w *sheetsWorld)
		link    string
		lines   []string
		args    []string
		says    []string
		code    int
	}{
		"all is well":     {says: []string{"signs in as " + sheetEmail, `the spreadsheet "Bán hàng" was found`, "Asia/Ho_Chi_Minh", `to the tab "Sheet1"`, "of 60 writes", "of 60 reads", "✗ 0"}},
		"not shared":      {upset: func(w *sheetsWorld) { w.sim.Unshare(sheetBook, sheetEmail) }, code: exitFailed, says: []string{"is not shared with " + sheetEmail, "click Share", "as an editor", sheetLink[:60]}},
		"another's link":  {link: "https://docs.google.com/spreadsheets/d/1Another/edit", code: exitFailed, says: []string{"no such spreadsheet", "copy its link", "share it with " + sheetEmail}},
		"API not enabled": {upset: func(w *sheetsWorld) { w.sim.DisableAPI(sheetsim.ProjectOf(sheetEmail)) }, code: exitFailed, says: []string{"not enabled", "https://console.", "sheets.googleapis.com", sheetsim.ProjectOf(sheetEmail)}},
		"an Excel file":   {upset: func(w *sheetsWorld) { w.sim.SetOffice(sheetBook, true) }, code: exitFailed, says: []string{"Excel file", "Save as Google Sheets"}},
		"published link":  {link: "https://docs.google.com/spreadsheets/d/e/2PACX-1vInvented/pubhtml", code: exitUsage, says: []string{"published page", "copy the link"}},
		"a link of Drive": {link: "https://drive.google.com/file/d/1AbC/view", code: exitUsage, says: []string{"file in Drive", "address bar"}},
		"no such tab":     {link: strings.Replace(sheetLink, "gid=0", "gid=77", 1), code: exitFailed, says: []string{"no such tab", `"Sheet1"`}},
		"a renamed tab":   {lines: []string{"tab: Khách"}, code: exitFailed, says: []string{"sheets.tab", "no such tab", `"Sheet1"`}},
		"a missing header": {tab: sheetsim.Tab{Values: [][]any{{"sđt "}}}, lines: []string{`columns: { "SĐT": phone, "Họ tên": name }`, "create_columns: false"}, code: exitFailed,
			says: []string{`row 1 of the tab has no "Họ tên"`, "create_columns: true"}},
		"headers twice":            {tab: sheetsim.Tab{Values: [][]any{{"SĐT", "Tên", "SĐT"}}}, says: []string{`"SĐT" more than once`, "rename"}},
		"fields by names":          {tab: sheetsim.Tab{Values: [][]any{{"SĐT", "Họ tên"}}}, says: []string{`phone → "SĐT"`, `name → "Họ tên"`}},
		"protected":                {upset: func(w *sheetsWorld) { w.sim.ProtectRange(sheetBook, 0, 0, -1, 0, -1, sheetPerson) }, args: []string{"--write"}, code: exitFailed, says: []string{"protected", "Protect sheets and ranges", "allow " + sheetEmail}},
		"protected, not tried":     {upset: func(w *sheetsWorld) { w.sim.ProtectRange(sheetBook, 0, 0, -1, 0, -1, sheetPerson) }, says: []string{"protected against the account that writes", "allow " + sheetEmail, "⚠ 1"}},
		"a protected header":       {upset: func(w *sheetsWorld) { w.sim.ProtectRange(sheetBook, 0, 0, 1, 0, -1, sheetPerson) }, says: []string{"the header row is protected", "allow " + sheetEmail}},
		"a protected column":       {tab: sheetsim.Tab{Values: [][]any{{"SĐT", "Ghi chú"}}}, upset: func(w *sheetsWorld) { w.sim.ProtectRange(sheetBook, 0, 0, -1, 0, 1, sheetPerson) }, says: []string{`the column "SĐT" is protected`}},
		"somebody's own column":    {tab: sheetsim.Tab{Values: [][]any{{"SĐT", "Ai gọi"}}}, upset: func(w *sheetsWorld) { w.sim.ProtectRange(sheetBook, 0, 0, -1, 1, 2, sheetPerson) }, says: []string{"⚠ 0"}},
		"protected, but for us":    {upset: func(w *sheetsWorld) { w.sim.ProtectRange(sheetBook, 0, 0, -1, 0, -1, sheetPerson, sheetEmail) }, says: []string{"⚠ 0"}},
		"may only look":            {upset: func(w *sheetsWorld) { w.sim.Share(sheetBook, sheetEmail, sheetsim.Reader) }, args: []string{"--write"}, code: exitFailed, says: []string{"could not be written", "as an editor"}},
		"quota spent":              {upset: func(w *sheetsWorld) { w.sim.Fault(sheetsim.Fault{Kind: sheetsim.RateLimited}) }, says: []string{"no more calls in this minute", "console.cloud.google.com/apis/api/sheets.googleapis.com/quotas"}},
		"a clock that is far off":  {upset: func(w *sheetsWorld) { w.sim.Advance(3 * time.Hour) }, code: exitFailed, says: []string{"clock", "timedatectl"}},
		"a clock that is some off": {options: sheetsim.Options{AnyTime: true}, upset: func(w *sheetsWorld) { w.sim.Advance(-3 * time.Minute) }, says: []string{"clock differs", "timedatectl"}},
		"the account is gone":      {upset: func(w *sheetsWorld) { w.sim.RemoveAccount(sheetEmail) }, code: exitFailed, says: []string{"sales.sheets.credentials", "https://console.cloud.google.com/iam-admin/serviceaccounts"}},
		"no key file":              {upset: func(w *sheetsWorld) { _ = os.Remove(w.key) }, code: exitFailed, says: []string{"sales.sheets.credentials", "cannot be read"}},
		"another kind of key":      {upset: func(w *sheetsWorld) { _ = os.WriteFile(w.key, []byte(`{"installed":{"client_id":"x"}}`), 0o600) }, code: exitFailed, says: []string{"sales.sheets.credentials"}},
		"no sign-in":               {upset: func(w *sheetsWorld) { w.write(w.sink(sheetLink, w.asPerson()...)) }, code: exitFailed, says: []string{"nobody has signed in", "mekong login google sales"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOOGLE_CLIENT_SECRET", googleSecret)
			w := newSheetsWorld(t, c.options, c.tab)
			if c.link == "" {
				c.link = sheetLink
			}
			w.write(w.sink(c.link, c.lines...))
			if c.upset != nil {
				c.upset(w)
			}
			code, out, errOut := w.run("", append([]string{"doctor", "sales"}, c.args...)...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, says := range c.says {
				if !strings.Contains(out+errOut, says) {
					t.Errorf("it does not say %q:\n%s%s", says, out, errOut)
				}
			}
			if n := strings.Count(out, "⚠ sinks"); strings.Contains(name, "some off") && n != 1 {
				t.Errorf("the clock is told of %d times:\n%s", n, out)
			}
		})
	}
}

// A person's sign-in is looked at where it is kept, and so is what it may do.
func TestDoctorOfASheetAsAPerson(t *testing.T) {
	t.Setenv("GOOGLE_CLIENT_SECRET", googleSecret)
	w := newSheetsWorld(t, sheetsim.Options{AutoApprove: true})
	w.write(w.sink(sheetLink, w.asPerson()...))
	signIn := func(args ...string) {
		t.Helper()
		var o output
		done := make(chan int, 1)
		go func() {
			done <- Main(t.Context(), append([]string{"login", "google", "sales", "--no-browser", "-c", w.config}, args...), strings.NewReader(""), &o, &o)
		}()
		browse(t, &o, http.DefaultClient)
		if code := <-done; code != exitOK {
			t.Fatalf("exit %d\n%s", code, o.String())
		}
	}
	signIn("--scope", "https://www.googleapis.com/auth/drive.metadata")
	code, out, errOut := w.run("", "doctor", "sales")
	if code != exitFailed || !strings.Contains(out, "not for spreadsheets") || !strings.Contains(out, "mekong login google sales") || !strings.Contains(out, "https://www.googleapis.com/auth/spreadsheets") {
		t.Errorf("a scope that is too small: exit %d\n%s%s", code, out, errOut)
	}
	signIn()
	if code, out, errOut := w.run("", "doctor", "sales", "--write"); code != exitOK || !strings.Contains(out, "removed again") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	w.sim.Revoke(sheetPerson)
	w.sim.ExpireTokens()
	if code, out, _ := w.run("", "doctor", "sales"); code != exitFailed || !strings.Contains(out, "mekong login google sales") {
		t.Errorf("taken back: exit %d\n%s", code, out)
	}
}

// --write leaves nothing behind.
func TestDoctorProvesASheet(t *testing.T) {
	w := newSheetsWorld(t, sheetsim.Options{})
	w.write(w.sink(sheetLink))
	code, out, errOut := w.run("", "doctor", "sales", "--write")
	if code != exitOK || !strings.Contains(out, "removed again") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if values := w.sim.Values(sheetBook, 0); len(values) != 1 {
		t.Errorf("the sheet has %v", values)
	}
}

func TestDoctorOfAScript(t *testing.T) {
	const secret = "0123456789abcdef-of-a-test"
	model := scriptsim.NewModel(scriptsim.ModelOptions{Secret: secret})
	srv := httptest.NewServer(scriptsim.New(model))
	defer srv.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "mekong.yaml")
	look := func(secret string, args ...string) (int, string) {
		t.Helper()
		text := "data_dir: " + filepath.Join(dir, "data") + "\nsinks:\n  sheet:\n    appsscript:\n      url: " + srv.URL + "/macros/s/demo/exec\n      endpoint: " + srv.URL + "\n      secret: " + secret + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errOut := mekong(t, append([]string{"doctor", "sheet", "-c", path}, args...)...)
		if strings.Contains(out+errOut, secret) || strings.Contains(out+errOut, "/macros/s/demo") {
			t.Errorf("a secret is printed:\n%s%s", out, errOut)
		}
		return code, out + errOut
	}
	if code, out := look(secret); code != exitOK || !strings.Contains(out, "the script answers") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out := look(secret, "--write"); code != exitOK || !strings.Contains(out, "removed again") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out := look("another-secret-of-the-test", "--write"); code != exitFailed || !strings.Contains(out, "MEKONG_SECRET") {
		t.Errorf("the wrong secret: exit %d\n%s", code, out)
	}
}
