package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
	"mekong/sinks"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

// tenant is a simulated Lark with a Base that one person may edit, and the app not.
type tenant struct {
	*larksim.Sim
	t     *testing.T
	url   string
	table string
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	w := &tenant{Sim: larksim.New(larksim.Options{}), t: t}
	w.AddApp(larksim.App{ID: "cli_a", Secret: "invented", Scopes: []string{"bitable:app", "offline_access"}})
	w.AddUser(larksim.User{OpenID: "ou_a", Name: "Người dùng thử"})
	w.AddBase("bascnA", "Bán hàng")
	w.table = w.AddTable("bascnA", "Leads", larksim.Field{Name: "Họ tên", Type: larksim.Text})
	w.Grant("ou_a", "bascnA", larksim.CanEdit)
	srv := httptest.NewServer(w.Sim)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// config has one sink, as whom the identity says.
func (w *tenant) config(dir, identity, more string) *config.Config {
	w.t.Helper()
	return configured(w.t, dir, more+`
shutdown_grace: 5s
sources:
  landing: { ladipage: { path: /in/landing, token: `+secretToken+` } }
sinks:
  crm: { larkbase: { url: 'https://example.larksuite.com/base/bascnA?table=`+w.table+`', app_id: cli_a, app_secret: invented, endpoint: '`+w.url+`', identity: `+identity+`, columns: {Họ tên: name} } }
`)
}

// pair is a new sign-in, as the command brings it; its access token is good for life.
func (w *tenant) pair(life time.Duration) token.Pair {
	access, refresh := w.Login("cli_a", "ou_a", "bitable:app", "offline_access")
	now := time.Now()
	return token.Pair{
		Access:  token.Token{Value: token.NewSecret(access), Issued: now, Expires: now.Add(life)},
		Refresh: token.Token{Value: token.NewSecret(refresh), Issued: now, Expires: now.Add(7 * 24 * time.Hour)},
	}
}

// signIn saves a new sign-in for the sink, as the command does it.
func (w *tenant) signIn(store *token.Store, life time.Duration) {
	w.t.Helper()
	s := token.NewSession(token.SessionOptions{Store: store, Name: LarkSession("crm")})
	if err := s.SignIn(w.t.Context(), w.pair(life)); err != nil {
		w.t.Fatal(err)
	}
}

// opened is the bus of a folder, until the test ends.
func opened(t *testing.T, c *config.Config) *App {
	t.Helper()
	a := &App{config: c}
	t.Cleanup(a.Close)
	if err := a.openBus(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// process is a process's part in the sign-in, and its sink.
func process(t *testing.T, a *App, v *vendors) (*larks, pipeline.Sink) {
	t.Helper()
	l, err := openLarks(t.Context(), a.config, a.Bus, a.config.SinkNames(), v)
	if err != nil {
		t.Fatal(err)
	}
	all, err := sinks.Open(a.config, nil, sinks.Options{LarkBase: l.base})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all[0].Sink.Close() })
	return l, all[0].Sink
}

func writeOne(t *testing.T, s pipeline.Sink, id string) error {
	t.Helper()
	now := time.Now()
	out := s.Write(t.Context(), []pipeline.Record{{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: now, Received: now, Fields: map[string]any{"name": id}}})
	if len(out) != 1 {
		t.Fatalf("%+v", out)
	}
	return out[0].Err
}

// A sink that writes as a person is held until somebody signs in, and again when the
// sign-in is revoked; a sign-in mends it. The metrics tell all of that.
func TestWritingAsAPerson(t *testing.T) {
	w := newTenant(t)
	a := opened(t, w.config(t.TempDir(), "user", ""))
	r := prometheus.NewRegistry()
	l, s := process(t, a, newVendors(r))
	expires := func(want ...string) {
		t.Helper()
		got := gathered(t, r, "mekong_credential_expires_timestamp_seconds")
		if len(got) != len(want) {
			t.Errorf("the metrics are %v, want those of %v", got, want)
		}
		for _, credential := range want {
			credential, broken := strings.CutSuffix(credential, " broken")
			at, ok := got[`credential="`+credential+`",sink="crm"`]
			if !ok || broken != (at == 0) || !broken && at < float64(time.Now().Unix()) {
				t.Errorf("%s ends at %v (told: %v)", credential, at, ok)
			}
		}
	}
	held := func(words string) {
		t.Helper()
		err := writeOne(t, s, "held")
		if _, ok := pipeline.IsHold(err); !ok || !errors.Is(err, token.ErrReauthorise) || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want a hold that says %q", err, words)
		}
	}
	held("nobody has signed in yet")
	expires("refresh_token broken")
	w.signIn(l.store, 2*time.Hour)
	if err := writeOne(t, s, "one"); err != nil {
		t.Fatal(err)
	}
	expires("access_token", "refresh_token")
	w.RevokeUser("cli_a", "ou_a")
	held("the sign-in was revoked")
	expires("access_token", "refresh_token broken")
	w.signIn(l.store, 2*time.Hour)
	if err := writeOne(t, s, "two"); err != nil {
		t.Fatal(err)
	}
	if n := w.RowCount("bascnA", w.table); n != 2 || w.TokenFetches("cli_a") != 0 {
		t.Errorf("%d rows, and %d tokens of the app", n, w.TokenFetches("cli_a"))
	}
	calls := gathered(t, r, "mekong_vendor_calls_total")
	if calls[`api="record.batch_create",outcome="ok",sink="crm"`] < 2 || calls[`api="user_token",outcome="failed",sink="crm"`] != 1 {
		t.Errorf("the calls are %v", calls)
	}
	if n := gathered(t, r, "mekong_vendor_quota_calls_total")[`sink="crm"`]; n < 2 {
		t.Errorf("%v calls counted against the quota", n)
	}
}

// gathered is the values of a metric by its labels.
func gathered(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, p := range m.GetLabel() {
				labels = append(labels, p.GetName()+"="+fmt.Sprintf("%q", p.GetValue()))
			}
			if f.GetName() == name {
				out[strings.Join(labels, ",")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return out
}

// Two processes renew one sign-in in turns: none of its refresh tokens is used twice.
func TestProcessesShareASignIn(t *testing.T) {
	w := newTenant(t)
	a := opened(t, w.config(t.TempDir(), "user", ""))
	first, one := process(t, a, nil)
	_, two := process(t, a, nil)
	w.signIn(first.store, 2*time.Hour)
	const rounds = 3
	for n := range rounds {
		for i, s := range []pipeline.Sink{one, two} {
			if err := writeOne(t, s, fmt.Sprint(n, "-", i)); err != nil {
				t.Fatal(err)
			}
		}
		w.Advance(3 * time.Hour) // the access token ends before it says so
	}
	if n := w.Logins(); n.Refreshed != rounds-1 || n.Burnt != 0 {
		t.Errorf("the simulator saw %+v", n)
	}
	if n := w.RowCount("bascnA", w.table); n != 2*rounds {
		t.Errorf("%d rows", n)
	}
}

// A sign-in that no record uses is renewed all the same; what fails is logged when it
// begins and when it ends, and a stop waits for what is under way.
func TestASignInIsKept(t *testing.T) {
	w := newTenant(t)
	a := opened(t, w.config(t.TempDir(), "user", ""))
	l, _ := process(t, a, nil)
	var said everything
	said.said = map[string]*bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(&said, nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.keep(ctx, time.Millisecond, time.Millisecond, log) }()
	logs := func(words string) func() string {
		return func() string {
			said.mu.Lock()
			defer said.mu.Unlock()
			if b := said.said["the log"]; b == nil || strings.Count(b.String(), words) == 0 {
				return words + " is not in the log"
			}
			return ""
		}
	}
	poll(t, 10*time.Second, logs("mekong login lark crm"))
	w.signIn(l.store, -time.Minute) // the access token has ended
	poll(t, 10*time.Second, logs("good again"))
	if n := w.Logins(); n.Refreshed != 1 {
		t.Errorf("the simulator saw %+v", n)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	l.close(log)
	said.mu.Lock()
	defer said.mu.Unlock()
	if text := said.said["the log"].String(); strings.Count(text, "level=") != 2 {
		t.Errorf("the log is\n%s", text)
	}
}

// Through the whole program: a lead becomes a row by a person's hand, what the operators
// see tells when the sign-in ends, and holds no token.
func TestALeadWrittenAsAPerson(t *testing.T) {
	w := newTenant(t)
	c := w.config(t.TempDir(), "user", "")
	store, done, err := OpenTokens(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.signIn(store, -time.Minute) // renewed at the start
	done()
	r := start(t, c, Options{})
	if got := r.post("application/x-www-form-urlencoded", []byte("name=A&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("answered %d", got.status)
	}
	r.settled("crm")
	if n := w.RowCount("bascnA", w.table); n != 1 {
		t.Errorf("%d rows", n)
	}
	_, page := r.operators("/metrics")
	for _, want := range []string{
		`mekong_credential_expires_timestamp_seconds{credential="access_token",sink="crm"} `,
		`mekong_credential_expires_timestamp_seconds{credential="refresh_token",sink="crm"} `,
		`mekong_vendor_calls_total{api="record.batch_create",outcome="ok",sink="crm"} 1`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(page, "eyJ") {
		t.Error("the metrics hold a token")
	}
	r.stop()
	if n := w.Logins(); n.Refreshed != 1 || n.Burnt != 0 {
		t.Errorf("the simulator saw %+v", n)
	}
}

// examine runs the doctor on the one sink.
func examine(t *testing.T, c *config.Config, write bool) []pipeline.Finding {
	t.Helper()
	checks, done, err := Checks(c, DoctorOptions{Sinks: []string{"crm"}, Write: write})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var found []pipeline.Finding
	for _, g := range doctor.Run(t.Context(), checks).Groups {
		found = append(found, g.Findings...)
	}
	return found
}

func TestDoctorOfASignIn(t *testing.T) {
	w := newTenant(t)
	c := w.config(t.TempDir(), "user", "")
	wants := func(when string, l pipeline.Level, words string) {
		t.Helper()
		found := examine(t, c, true)
		if !says(found, l, words) {
			t.Errorf("%s: %+v", when, found)
		}
		for _, f := range found {
			if f.Level > l {
				t.Errorf("%s: %+v", when, f)
			}
		}
	}
	wants("before the first start", pipeline.Fail, "sign in: mekong login lark crm")
	a, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wants("beside a mekong, without a sign-in", pipeline.Fail, "sign in again: mekong login lark crm")
	w.signIn(a.larks.store, 2*time.Hour)
	wants("beside a mekong", pipeline.OK, "sinks.crm.larkbase.identity signed in")
	wants("beside a mekong, in proof", pipeline.OK, "a row was written and removed again")
	a.Close()
	wants("after it", pipeline.OK, "sinks.crm.larkbase.identity signed in")
	w.RevokeUser("cli_a", "ou_a")
	examine(t, c, false) // whoever uses it first learns it
	wants("revoked", pipeline.Fail, "mekong login lark crm")
}

// The doctor knows by which ids a running sink has bound its columns, so that a rename
// is no fault; and it remembers nothing itself.
func TestDoctorKnowsTheColumns(t *testing.T) {
	w := newTenant(t)
	w.Grant("cli_a", "bascnA", larksim.CanEdit)
	c := w.config(t.TempDir(), "app", "")
	r := start(t, c, Options{})
	if got := r.post("application/x-www-form-urlencoded", []byte("name=A&phone=0900000000")); got.status != http.StatusOK {
		t.Fatalf("answered %d", got.status)
	}
	r.settled("crm")
	before, err := r.larks.base("crm").Memory.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.RenameField("bascnA", w.table, "Họ tên", "Tên khách")
	const renamed = `is called "Tên khách" by now`
	if found := examine(t, c, true); !says(found, pipeline.Warn, renamed) || !says(found, pipeline.OK, "a row was written and removed again") {
		t.Errorf("beside a mekong: %+v", found)
	}
	after, err := r.larks.base("crm").Memory.Load(t.Context())
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the memory was %s and is %s (%v)", before, after, err)
	}
	r.stop()
	if found := examine(t, c, false); !says(found, pipeline.Warn, renamed) {
		t.Errorf("after it: %+v", found)
	}
}
