package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/sinks/sheets/sheetsim"
)

const (
	sheetEmail  = "mekong@project.example.com"
	sheetPerson = "an@example.com"
	sheetBook   = "1AbCdEfGhIjKlMnOp"
	sheetLink   = "https://docs.google.com/spreadsheets/d/" + sheetBook + "/edit#gid=0"
)

// sheetKeys are shared: to make one takes a while.
var sheetKeys sheetsim.Keys

// sheetsWorld is a simulated Google with a spreadsheet that an account may edit, and a
// folder with the account's key and a configuration in it.
type sheetsWorld struct {
	t           *testing.T
	sim         *sheetsim.Sim
	server      *httptest.Server
	dir, config string
	key         string // path of the key file
}

func newSheetsWorld(t *testing.T, o sheetsim.Options, tabs ...sheetsim.Tab) *sheetsWorld {
	t.Helper()
	o.Keys = &sheetKeys
	w := &sheetsWorld{t: t, sim: sheetsim.New(o), dir: t.TempDir()}
	w.config, w.key = filepath.Join(w.dir, "mekong.yaml"), filepath.Join(w.dir, "key.json")
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", w.sim.Now().UTC().Format(http.TimeFormat)) // Google's clock, not this machine's
		w.sim.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	if err := os.WriteFile(w.key, w.sim.AddAccount(sheetEmail)(w.server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	w.sim.AddUser(sheetPerson)
	w.sim.AddClient("123-invented", googleSecret)
	w.sim.AddSpreadsheet(sheetBook, "Bán hàng", sheetsim.SheetOptions{}, tabs...)
	w.sim.Share(sheetBook, sheetEmail, sheetsim.Writer)
	w.sim.Share(sheetBook, sheetPerson, sheetsim.Owner)
	return w
}

// run runs a command with the configuration, and holds that no key is printed.
func (w *sheetsWorld) run(in string, args ...string) (code int, out, errOut string) {
	w.t.Helper()
	var o, e bytes.Buffer
	code = Main(w.t.Context(), append(args, "-c", w.config), strings.NewReader(in), &o, &e)
	if all := o.String() + e.String(); strings.Contains(all, "PRIVATE KEY") || strings.Contains(all, googleSecret) || strings.Contains(all, "ya29.") {
		w.t.Errorf("%v printed a secret:\n%s", args, all)
	}
	return code, o.String(), e.String()
}

func (w *sheetsWorld) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// text is the configuration as it is now; "" when there is none.
func (w *sheetsWorld) text() string {
	w.t.Helper()
	b, err := os.ReadFile(w.config)
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

// sink is a configuration with one sink on the simulator, with lines below sheets.
func (w *sheetsWorld) sink(link string, lines ...string) string {
	if len(lines) == 0 || !strings.Contains(strings.Join(lines, "\n"), "identity:") {
		lines = append(lines, "credentials: "+w.key)
	}
	return "data_dir: " + filepath.Join(w.dir, "data") + "\nhttp: { intake: '127.0.0.1:0', console: '127.0.0.1:0' }\nnats: { reserve: 1 }\nsinks:\n  sales:\n    accept: [lead]\n    sheets:\n      spreadsheet: " + link +
		"\n      endpoint: " + w.server.URL + "\n      " + strings.Join(lines, "\n      ") + "\n"
}

// asPerson are the lines of a sink that writes as somebody who has signed in.
func (w *sheetsWorld) asPerson() []string {
	return []string{"identity: user", "client_id: 123-invented", "client_secret: ${GOOGLE_CLIENT_SECRET}", "token_endpoint: " + w.server.URL + "/token"}
}
