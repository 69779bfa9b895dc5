package lark

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
)

const (
	testApp    = "cli_test"
	testSecret = "app-secret-that-nobody-may-see"
	testBase   = "bascnTest"
)

// world is a simulated tenant behind a real listener, and a client for it.
type world struct {
	sim *larksim.Sim
	*Client
	t     *testing.T
	url   string
	table string

	mu    sync.Mutex
	calls []Call
}

func newWorld(t *testing.T, o larksim.Options, change ...func(*Options)) *world {
	t.Helper()
	if o.Clock == nil {
		o.Clock = larksim.Frozen(time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC))
	}
	sim := larksim.New(o)
	sim.AddApp(larksim.App{ID: testApp, Secret: testSecret, Scopes: []string{"bitable:app", "wiki:wiki:readonly", "im:message", "offline_access", "contact:user.id:readonly"}, Redirects: []string{DefaultRedirect, "http://127.0.0.1:0/x"}})
	sim.AddUser(larksim.User{OpenID: "ou_an", Name: "An", Email: "an@example.com"})
	sim.AddBase(testBase, "Bán hàng")
	w := &world{sim: sim, t: t}
	w.table = sim.AddTable(testBase, "Khách",
		larksim.Field{Name: "Tên", Type: larksim.Text}, larksim.Field{Name: "Số", Type: larksim.Number},
		larksim.Field{Name: "Mekong ID", Type: larksim.Text}, larksim.Field{Name: "Ngày", Type: larksim.DateTime})
	sim.Grant(testApp, testBase, larksim.CanEdit)
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	w.Client = w.client(change...)
	return w
}

// client is one more client of the tenant, with tokens of its own.
func (w *world) client(change ...func(*Options)) *Client {
	w.t.Helper()
	o := w.options()
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) options() Options {
	return Options{
		Endpoint: w.url, AppID: testApp, AppSecret: config.NewSecret(testSecret), Timeout: 5 * time.Second, Now: w.sim.Now,
		OnCall: func(c Call) { w.mu.Lock(); defer w.mu.Unlock(); w.calls = append(w.calls, c) },
	}
}

func (w *world) rows(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Fields: map[string]any{"Tên": "Nguyễn Văn An", "Số": i}}
	}
	return rows
}

func (w *world) create(n int) error {
	_, err := w.BatchCreate(w.t.Context(), testBase, w.table, "Tên", w.rows(n), WriteOptions{})
	return err
}

// scripted is a server of made-up answers, and a client that needs no token for it.
func scripted(t *testing.T, h http.HandlerFunc, change ...func(*Options)) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	o := Options{Endpoint: srv.URL, AppID: testApp, AppSecret: config.NewSecret(testSecret), Timeout: 2 * time.Second, Tokens: fixedToken()}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verdictOf names what the worker makes of err.
func verdictOf(err error) string {
	switch _, hold := pipeline.IsHold(err); {
	case err == nil:
		return "stored"
	case pipeline.IsPermanent(err):
		return "permanent"
	case hold:
		return "hold"
	}
	return "plain"
}
