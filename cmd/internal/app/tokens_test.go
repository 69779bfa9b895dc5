package app

import (
	"bytes"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mekong/pipeline"
	"mekong/sinks"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

// The bus's table behaves as sinks/token demands of one.
func TestTheBusKeepsTokens(t *testing.T) {
	c := parsed(t, t.TempDir(), "{}")
	a := &App{config: c}
	t.Cleanup(a.Close)
	if err := a.openBus(t.Context()); err != nil {
		t.Fatal(err)
	}
	kv, err := a.Bus.KV(t.Context(), "test-tokens", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, tab := t.Context(), kvTable{kv}
	if _, _, err := tab.Get(ctx, "a"); !errors.Is(err, token.ErrAbsent) {
		t.Errorf("an entry that is not there: %v", err)
	}
	first, err := tab.Set(ctx, "a", []byte("1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Set(ctx, "a", []byte("x"), 0); !errors.Is(err, token.ErrChanged) {
		t.Errorf("made twice: %v", err)
	}
	second, err := tab.Set(ctx, "a", []byte("2"), first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Set(ctx, "a", []byte("x"), first); !errors.Is(err, token.ErrChanged) {
		t.Errorf("over an old revision: %v", err)
	}
	if err := tab.Delete(ctx, "a", first); !errors.Is(err, token.ErrChanged) {
		t.Errorf("deleted at an old revision: %v", err)
	}
	if v, r, err := tab.Get(ctx, "a"); err != nil || string(v) != "2" || r != second {
		t.Errorf("%s, %d, %v", v, r, err)
	}
	if err := tab.Delete(ctx, "a", second); err != nil {
		t.Error(err)
	}
	if _, _, err := tab.Get(ctx, "a"); !errors.Is(err, token.ErrAbsent) {
		t.Errorf("a deleted entry: %v", err)
	}
	if _, err := tab.Set(ctx, "a", []byte("3"), 0); err != nil {
		t.Errorf("made again: %v", err)
	}
}

func pair(access string) token.Pair {
	now := time.Now()
	return token.Pair{
		Access:  token.Token{Value: token.NewSecret(access), Issued: now, Expires: now.Add(2 * time.Hour)},
		Refresh: token.Token{Value: token.NewSecret("invented-refresh"), Issued: now, Expires: now.Add(7 * 24 * time.Hour)},
	}
}

// What one process saves another one finds, sealed on disk; the key is its owner's.
func TestASignInOutlivesItsProcess(t *testing.T) {
	c := parsed(t, t.TempDir(), "{}")
	save, done, err := OpenTokens(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := token.NewSession(token.SessionOptions{Store: save, Name: LarkSession("crm")})
	if err := s.SignIn(t.Context(), pair("invented-access")); err != nil {
		t.Fatal(err)
	}
	done()
	info, err := os.Stat(filepath.Join(c.DataDir, tokenKey))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	if err := filepath.WalkDir(c.DataDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("invented-access")) || bytes.Contains(b, []byte("invented-refresh")) {
			t.Errorf("%s holds a token as it is", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	load, done, err := OpenTokens(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	got, err := token.NewSession(token.SessionOptions{Store: load, Name: LarkSession("crm")}).Token(t.Context())
	if err != nil || got.Value.Reveal() != "invented-access" {
		t.Errorf("%v, %v", got, err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A command reaches the store of a mekong that is running, whether that listens or
// not. It changes none of the running one's limits.
func TestTheFolderInUse(t *testing.T) {
	for _, listens := range []bool{true, false} {
		text := "{}"
		if listens {
			text = "nats: {listen: '" + freeAddr(t) + "'}"
		}
		c := parsed(t, t.TempDir(), text)
		a := &App{config: c}
		if err := a.openBus(t.Context()); err != nil {
			t.Fatal(err)
		}
		store, done, err := OpenTokens(t.Context(), c, nil)
		if err != nil {
			t.Fatalf("listens %v: %v", listens, err)
		}
		s := token.NewSession(token.SessionOptions{Store: store, Name: "a"})
		if err := s.SignIn(t.Context(), pair("invented-access")); err != nil {
			t.Error(err)
		}
		done()
		e := &examination{c: c, log: a.log}
		if f := e.nats(t.Context())[0]; f.Level != 0 || !strings.Contains(f.What, "a mekong is running") {
			t.Errorf("the doctor says %+v", f)
		}
		a.Close()
	}
}

// What a Lark sink keeps is there after a restart, and so is its app's token: two
// processes fetch one.
func TestLarkSinksRemember(t *testing.T) {
	sim := larksim.New(larksim.Options{})
	sim.AddApp(larksim.App{ID: "cli_a", Secret: "invented", Scopes: []string{"bitable:app"}})
	sim.AddBase("bascnA", "Bán hàng")
	table := sim.AddTable("bascnA", "Leads", larksim.Field{Name: "Họ tên", Type: larksim.Text})
	sim.Grant("cli_a", "bascnA", larksim.CanEdit)
	srv := httptest.NewServer(sim)
	defer srv.Close()
	c := parsed(t, t.TempDir(), "sinks: {crm: {larkbase: {url: 'https://example.larksuite.com/base/bascnA?table="+table+"', app_id: cli_a, app_secret: invented, endpoint: '"+srv.URL+"', columns: {Họ tên: name}}}}")
	for n, id := range []string{"one", "two"} {
		a := &App{config: c}
		if err := a.openBus(t.Context()); err != nil {
			t.Fatal(err)
		}
		l, err := openLarks(t.Context(), c, a.Bus, c.SinkNames(), nil)
		if err != nil {
			t.Fatal(err)
		}
		of := l.base
		opened, err := sinks.Open(c, nil, sinks.Options{LarkBase: of})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		out := opened[0].Sink.Write(t.Context(), []pipeline.Record{{ID: id, Key: id, Kind: "lead", Source: "landing", Occurred: now, Received: now, Fields: map[string]any{"name": id}}})
		if len(out) != 1 || out[0].Err != nil {
			t.Fatalf("%+v", out)
		}
		state, err := of("crm").Memory.Load(t.Context())
		if err != nil || len(state) == 0 {
			t.Errorf("after write %d the memory is %q, %v", n, state, err)
		}
		if other, err := of("other").Memory.Load(t.Context()); err != nil || other != nil {
			t.Errorf("another sink's memory is %q, %v", other, err)
		}
		if err := opened[0].Sink.Close(); err != nil {
			t.Error(err)
		}
		a.Close()
		if n == 0 { // bound by id: after the restart the new name changes nothing
			sim.RenameField("bascnA", table, "Họ tên", "Tên khách")
		}
	}
	if n := sim.TokenFetches("cli_a"); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
	for _, row := range sim.Rows("bascnA", table) {
		if row.Fields["Tên khách"] == nil {
			t.Errorf("a row without its name: %v", row.Fields)
		}
	}
	if n := sim.RowCount("bascnA", table); n != 2 {
		t.Errorf("%d rows", n)
	}
}
