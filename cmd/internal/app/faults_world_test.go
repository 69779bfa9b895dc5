//go:build unix

package app

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline/bus"
	"mekong/sinks/lark/larksim"
	mongolocal "mekong/sinks/mongodb/local"
	"mekong/sinks/sheets/sheetsim"
)

// What the destinations of a world are called. Everything is invented.
const (
	worldBase  = "bascnFaults"
	worldApp   = "cli_faults"
	worldBook  = "1FaultsAbCdEfGh"
	worldEmail = "faults@project.example.com"
	worldToken = "token-of-the-servers-of-a-test"
)

// world is NATS servers and mekong's roles, each a process of its own, before
// destinations that live in this one.
type world struct {
	t       testing.TB
	dir     string
	logs    string // with -artifacts they stay
	silence time.Duration
	urls    string
	servers []*proc
	doors   []*proc
	workers []*proc
	addrs   []string // of the doors
	base    *larksim.Sim
	table   string
	book    *sheetsim.Sim
	mongo   *mongolocal.Server
}

// newWorld makes one with n NATS servers, which keep every message n times.
func newWorld(t testing.TB, servers int, silence time.Duration, seed uint64) *world {
	w := &world{t: t, dir: t.TempDir(), logs: t.ArtifactDir(), silence: silence}
	w.base = larksim.New(larksim.Options{Seed: seed, LogLength: 1})
	w.base.AddApp(larksim.App{ID: worldApp, Secret: "s", Scopes: []string{"bitable:app"}})
	w.base.AddBase(worldBase, "Bán hàng")
	w.base.Grant(worldApp, worldBase, larksim.CanEdit)
	w.table = w.base.AddTable(worldBase, "Khách hàng", larksim.Field{Name: "Email", Type: larksim.Text}, larksim.Field{Name: "Lời nhắn", Type: larksim.Text})
	lark := httptest.NewServer(w.base)
	t.Cleanup(lark.Close)
	// A Google whose quota of a minute comes anew every six seconds.
	began := time.Now()
	w.book = sheetsim.New(sheetsim.Options{Seed: seed, AnyTime: true, Now: func() time.Time { return began.Add(10 * time.Since(began)) }})
	key := w.book.AddAccount(worldEmail)
	w.book.AddSpreadsheet(worldBook, "Bán hàng", sheetsim.SheetOptions{})
	w.book.Share(worldBook, worldEmail, sheetsim.Writer)
	google := httptest.NewServer(w.book)
	t.Cleanup(google.Close)
	mongo, err := mongolocal.Start(t.Context(), filepath.Join(w.dir, "mongo"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mongo.Close() })
	// A server of one's own finds a document by its ID, and this one not without it.
	if err := mongo.EnsureIndex(t.Context(), "mekong", "records"); err != nil {
		t.Fatal(err)
	}
	w.mongo = mongo

	w.openServers(servers)
	account := w.file("google.json", string(key(google.URL)))
	archive := "" // as the embedded one, which it is
	if *faultsOther != "" {
		archive = mongo.URI() // another version cannot be told that it is
	}
	text := fmt.Sprintf(`
data_dir: %q
http: { intake: "INTAKE", console: "127.0.0.1:0" }
shutdown_grace: 5s
nats: { url: %q, token: %s, replicas: %d, reserve: 1, max_bytes: 2GiB }
sources:
  landing: { ladipage: { path: /in/landing, token: %[5]s, rate: 100000 } }
  people:  { ladipage: { path: /in/people, token: %[5]s, rate: 100000 } }
transform:
  people: { key: [phone] }
sinks:
  archive: { mongodb: { uri: %[13]q, database: mekong, collection: records } }
  crm:
    batch: { size: 50, wait: 50ms }
    larkbase:
      url: "https://example.larksuite.com/base/%[6]s?table=%[7]s"
      app_id: %[8]s
      app_secret: s
      endpoint: %[9]s
      columns: { "Email": email, "Lời nhắn": message }
  sales:
    sheets:
      spreadsheet: "https://docs.google.com/spreadsheets/d/%[10]s/edit#gid=0"
      credentials: %[11]q
      endpoint: %[12]s
      create_columns: true
      columns: { Email: email, "Lời nhắn": message }
`, filepath.Join(w.dir, "data"), w.urls, worldToken, servers, secretToken, worldBase, w.table, worldApp, lark.URL, worldBook, account, google.URL, archive)
	for i := range 2 {
		addr := w.free()
		w.addrs = append(w.addrs, addr)
		conf := w.file(fmt.Sprintf("door%d.yaml", i), strings.Replace(text, "INTAKE", addr, 1))
		w.doors = append(w.doors, w.mekong(fmt.Sprintf("door%d", i), conf, RoleIntake))
	}
	conf := w.file("worker.yaml", strings.Replace(text, "INTAKE", "127.0.0.1:0", 1))
	for i := range 2 {
		w.workers = append(w.workers, w.mekong(fmt.Sprintf("worker%d", i), conf, RoleTransform, RoleDeliver))
	}
	// The embedded MongoDB is one process's: of two that write to one document at once it
	// carries out both, however they say on what they build, which MongoDB does not.
	w.workers[1].only = "crm,sales"
	return w
}

func (w *world) mekong(name, conf string, roles ...string) *proc {
	return newProc(w.t, w.logs, name, "mekong", []string{"MEKONG_TEST_SILENCE=" + w.silence.String(), "MEKONG_TEST_MONGODB=" + w.mongo.URI()}, append([]string{conf}, roles...)...)
}

// openServers writes the configuration of a cluster of n, or of one alone.
func (w *world) openServers(n int) {
	var clients, routes []string
	for range n {
		clients, routes = append(clients, w.free()), append(routes, w.free())
	}
	for i := range n {
		text := fmt.Sprintf("server_name: n%d\nlisten: %q\nauthorization { token: %q }\njetstream { store_dir: %q, sync_interval: always, max_memory_store: 64MB, max_file_store: 8GB }\n",
			i, clients[i], worldToken, filepath.Join(w.dir, fmt.Sprint("nats", i)))
		if n > 1 {
			text += fmt.Sprintf("cluster { name: faults, listen: %q, routes: [", routes[i])
			for k := range n {
				if k != i {
					text += fmt.Sprintf("%q, ", "nats://"+routes[k])
				}
			}
			text += "] }\n"
		}
		w.servers = append(w.servers, newProc(w.t, w.logs, fmt.Sprint("nats", i), "nats", nil, w.file(fmt.Sprintf("nats%d.conf", i), text)))
	}
	w.urls = "nats://" + strings.Join(clients, ",nats://")
}

// start starts everything.
func (w *world) start() {
	for _, p := range w.servers {
		p.start()
	}
	w.open(30 * time.Second).Close() // the streams are there before many want them at once
	for _, p := range append(append([]*proc(nil), w.doors...), w.workers...) {
		p.start()
	}
}

// open is a connection of the test's own.
func (w *world) open(most time.Duration) *bus.Bus {
	w.t.Helper()
	var b *bus.Bus
	poll(w.t, most, func() string {
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		var err error
		b, err = bus.Open(ctx, bus.Options{URL: w.urls, Token: config.NewSecret(worldToken).Reveal(), Replicas: len(w.servers), MaxBytes: 2 << 30, Reserve: 1})
		if err != nil {
			return err.Error()
		}
		return ""
	})
	return b
}

func (w *world) file(name, text string) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// free is an address where nobody listens now.
func (w *world) free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// rows is what a destination holds: for each address, what its rows say.
type rows map[string][]string

// all reads every destination.
func (w *world) all() map[string]rows {
	w.t.Helper()
	out := map[string]rows{"archive": {}, "crm": {}, "sales": {}}
	for _, d := range documentsAt(w.t, w.mongo.URI(), "mekong", "records") {
		address, _ := in(d, "fields", "email").(string)
		message, _ := in(d, "fields", "message").(string)
		out["archive"][address] = append(out["archive"][address], message)
	}
	for _, r := range w.base.Rows(worldBase, w.table) {
		address, _ := r.Fields["Email"].(string)
		message, _ := r.Fields["Lời nhắn"].(string)
		out["crm"][address] = append(out["crm"][address], message)
	}
	values := w.book.Values(worldBook, 0)
	if len(values) == 0 {
		return out
	}
	where := map[string]int{}
	for i, v := range values[0] {
		where[fmt.Sprint(v)] = i
	}
	for _, row := range values[1:] {
		cell := func(head string) string {
			if i := where[head]; i < len(row) && row[i] != nil {
				return fmt.Sprint(row[i])
			}
			return ""
		}
		if address := cell("Email"); address != "" {
			out["sales"][address] = append(out["sales"][address], cell("Lời nhắn"))
		}
	}
	return out
}
