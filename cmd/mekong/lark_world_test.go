package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mekong/sinks/lark"
	"mekong/sinks/lark/larksim"
)

// world is a simulated Lark, and a folder with a configuration in it.
type world struct {
	t      *testing.T
	sim    *larksim.Sim
	server *httptest.Server
	table  string
	dir    string
	config string
}

func newWorld(t *testing.T, o larksim.Options) *world {
	t.Helper()
	w := &world{t: t, sim: larksim.New(o), dir: t.TempDir()}
	w.config = filepath.Join(w.dir, "mekong.yaml")
	w.sim.AddUser(larksim.User{OpenID: "ou_a", Name: "Người dùng thử"})
	w.sim.AddApp(larksim.App{ID: simAppID, Secret: simSecret, Redirects: []string{lark.DefaultRedirect},
		Scopes: []string{"bitable:app", "wiki:wiki:readonly", "offline_access"}})
	w.sim.AddBase(simBase, "Bán hàng")
	w.table = w.sim.AddTable(simBase, "Khách hàng", leadColumns()...)
	w.sim.AddWikiNode(larksim.WikiNode{Token: simWiki, ObjType: "bitable", ObjToken: simBase})
	w.sim.Grant(simAppID, simBase, larksim.CanEdit)
	w.server = httptest.NewServer(w.sim)
	t.Cleanup(w.server.Close)
	return w
}

// link is the address of the table as the browser shows it.
func (w *world) link() string {
	return "https://example.larksuite.com/base/" + simBase + "?table=" + w.table + "&view=vewExample"
}

// write makes the configuration.
func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.config, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// text is the configuration as it is now; "" when there is none.
func (w *world) text() string {
	w.t.Helper()
	b, err := os.ReadFile(w.config)
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

// run runs a command with the configuration, and holds that no secret is printed.
func (w *world) run(in string, args ...string) (code int, out, errOut string) {
	w.t.Helper()
	var o, e bytes.Buffer
	code = Main(w.t.Context(), append(args, "-c", w.config), strings.NewReader(in), &o, &e)
	if all := o.String() + e.String(); strings.Contains(all, simSecret) || strings.Contains(all, "wrong-secret") {
		w.t.Errorf("%v printed a secret:\n%s", args, all)
	}
	return code, o.String(), e.String()
}

// connect runs mekong connect lark against the simulator.
func (w *world) connect(in, link string, args ...string) (code int, out, errOut string) {
	w.t.Helper()
	return w.run(in, append([]string{"connect", "lark", link, "--endpoint", w.server.URL, "--app-id", simAppID}, args...)...)
}

// sink is a configuration with one sink on the simulator.
func (w *world) sink(link string, more ...string) string {
	return "data_dir: " + filepath.Join(w.dir, "data") + "\nhttp: {intake: '127.0.0.1:0'}\nsinks:\n  crm:\n    larkbase:\n      url: " + link +
		"\n      app_id: " + simAppID + "\n      app_secret: ${LARK_APP_SECRET}\n      endpoint: " + w.server.URL + "\n" + strings.Join(more, "\n") + "\n"
}
