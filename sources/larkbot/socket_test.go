package larkbot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	larkws "github.com/larksuite/oapi-sdk-go/v3/ws"

	"mekong/config"
	"mekong/pipeline"
)

func TestSocket(t *testing.T) {
	before := runtime.NumGoroutine()
	p := newPlatform(t)
	var b box
	stop := run(t, p, b.emit, SocketOptions{})
	until(t, "it is connected", func() bool { return p.connections() == 1 })
	p.tell(t, "m1", v2)
	if code := p.answer(t); code != 200 {
		t.Errorf("answered %d", code)
	}
	p.tell(t, "m2", v2[:50], v2[50:100], v2[100:])
	if code := p.answer(t); code != 200 {
		t.Errorf("answered %d for an event in parts", code)
	}
	raws := b.all()
	if len(raws) != 2 || raws[0].ID != "bot-om_dc13264c20392913a93dd051dba21dcf" || raws[1].ID != raws[0].ID || !bytes.Equal(raws[0].Body, raws[1].Body) || raws[0].Format != Format {
		t.Errorf("%+v", raws)
	}
	if bytes.Contains(raws[0].Body, []byte(token)) {
		t.Error("the token is stored")
	}
	b.mu.Lock()
	b.err = errors.New("no room")
	b.mu.Unlock()
	p.tell(t, "m3", v2)
	if code := p.answer(t); code != 500 {
		t.Errorf("answered %d for what is not stored", code)
	}
	stop()
	p.drop()
	p.Close()
	until(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+2 })
}

// Several processes: an event that comes to two of them is one delivery.
func TestReplicas(t *testing.T) {
	p := newPlatform(t)
	var b box
	run(t, p, b.emit, SocketOptions{})
	until(t, "the first is connected", func() bool { return p.connections() == 1 })
	p.tell(t, "m1", v2)
	p.answer(t)
	run(t, p, b.emit, SocketOptions{})
	until(t, "the second is connected", func() bool { return p.connections() == 2 })
	p.tell(t, "m1", strings.Replace(v2, "f7984f25108f8137722bb63cee927e66", "00004f25108f8137722bb63cee927e66", 1))
	p.answer(t)
	if raws := b.all(); len(raws) != 2 || raws[0].ID != raws[1].ID {
		t.Errorf("%d deliveries with IDs of their own", len(raws))
	}
}

// A connection that breaks, and one that is silent, are replaced.
func TestReconnects(t *testing.T) {
	p := newPlatform(t)
	var b box
	run(t, p, b.emit, SocketOptions{Silence: 300 * time.Millisecond})
	until(t, "it is connected", func() bool { return p.connections() == 1 })
	p.drop()
	until(t, "it is connected again", func() bool { return p.connections() == 2 })
	p.mu.Lock()
	p.mute = true
	p.mu.Unlock()
	until(t, "the dead connection is noticed", func() bool { return p.connections() >= 3 })
}

// Nothing that is refused ends the source, fills the log with secrets, or is asked
// for in a rage.
func TestRefusals(t *testing.T) {
	p := newPlatform(t)
	p.code = larkws.ExceedConnLimit
	var log bytes.Buffer
	var mu sync.Mutex
	logger := slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return log.Write(b) }), &slog.HandlerOptions{Level: slog.LevelDebug}))
	said := func() string { mu.Lock(); defer mu.Unlock(); return log.String() }
	var b box
	stop := run(t, p, b.emit, SocketOptions{Logger: logger})
	until(t, "it says that there are too many", func() bool { return strings.Contains(said(), "50 connections") })
	p.mu.Lock()
	p.code, p.refuse = 0, http.Header{"Handshake-Status": {"514"}, "Handshake-Msg": {"the-ticket"}}
	p.mu.Unlock()
	until(t, "it says that the credentials are refused", func() bool { return strings.Contains(said(), "code 514") })
	p.mu.Lock()
	p.refuse = nil
	p.mu.Unlock()
	until(t, "it is connected all the same", func() bool { return p.connections() == 1 })
	p.tell(t, "m1", v2)
	p.answer(t)
	stop()
	for _, secret := range []string{"the-secret-of-the-app", "the-ticket", "xin chào", token, "127.0.0.1"} {
		if strings.Contains(said(), secret) {
			t.Errorf("the log has %q:\n%s", secret, said())
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// What is being stored when the process is told to stop is stored and answered.
func TestStopFinishes(t *testing.T) {
	p := newPlatform(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	stop := run(t, p, func(ctx context.Context, _ ...pipeline.Raw) error {
		close(begun)
		<-finish
		return ctx.Err()
	}, SocketOptions{})
	until(t, "it is connected", func() bool { return p.connections() == 1 })
	p.tell(t, "m1", v2)
	<-begun
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("stopped with an event in hand")
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	<-stopped
	if code := p.answer(t); code != 200 {
		t.Errorf("answered %d", code)
	}
}

func TestNewSocket(t *testing.T) {
	secret := config.NewSecret("x")
	for brand, want := range map[string]string{"": "https://open.larksuite.com", "lark": "https://open.larksuite.com", "feishu": "https://open.feishu.cn"} {
		if s, err := NewSocket("bot", config.LarkBot{AppID: "cli_1", AppSecret: secret, Brand: brand}, SocketOptions{}); err != nil || s.endpoint != want {
			t.Errorf("%s: %v", brand, err)
		}
	}
	for _, c := range []config.LarkBot{{}, {AppID: "x"}, {AppSecret: secret}} {
		if _, err := NewSocket("bot", c, SocketOptions{}); err == nil {
			t.Error("a connection without credentials")
		}
	}
}

// An endpoint behind TLS is not believed when it names an address without.
func TestNoDowngrade(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code":0,"data":{"URL":"ws://example.com/ws?service_id=1"}}`)
	}))
	defer srv.Close()
	s, err := NewSocket("bot", config.LarkBot{AppID: "cli_1", AppSecret: config.NewSecret("x"), Endpoint: srv.URL}, SocketOptions{HTTP: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := s.ask(t.Context()); err == nil {
		t.Errorf("would connect to %s", d.address)
	}
}

func TestParts(t *testing.T) {
	var p parts
	at := now
	add := func(id string, sum, seq int, part string) string {
		return string(p.add(id, sum, seq, []byte(part), at))
	}
	if add("a", 2, 1, "y") != "" || add("a", 2, 0, "x") != "xy" || p.events["a"] != nil {
		t.Error("two parts in the wrong order, one of them twice, are not a whole")
	}
	if add("a", 2, 0, "x") != "" || add("a", 3, 1, "y") != "" || add("a", 2, 1, "y") != "" {
		t.Error("parts of different events are put together")
	}
	at = at.Add(time.Minute)
	if add("a", 2, 0, "x") != "" {
		t.Error("a part of long ago is remembered")
	}
	if add("b", 1000, 0, "x") != "" || add("b", 2, -1, "x") != "" || add("b", 2, 2, "x") != "" || add("", 2, 0, "x") != "" {
		t.Error("nonsense is a whole")
	}
	for i := range 1000 {
		add(fmt.Sprint("c", i), 2, 0, "x")
	}
	if len(p.events) > maxPending {
		t.Errorf("%d events are waited for", len(p.events))
	}
	if add("c1", 2, 1, strings.Repeat("x", maxEvent)) != "" || add("d", 1, 0, strings.Repeat("x", maxEvent+1)) != "" {
		t.Error("an event larger than a message is taken")
	}
}

// FuzzFrame: what the SDK writes is read, what it reads is read alike, and nothing
// panics.
func FuzzFrame(f *testing.F) {
	ping, err := larkws.NewPingFrame(7).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	full := &larkws.Frame{SeqID: 1 << 60, LogID: 2, Service: -3, Method: 1, PayloadEncoding: "gzip", PayloadType: "json", Payload: []byte("{}"), LogIDNew: "x", Headers: []larkws.Header{{Key: "type", Value: "event"}, {Key: "", Value: ""}}}
	b, err := full.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ping)
	f.Add(b)
	f.Add([]byte{0x2a, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{0x0d, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readFrame(b)
		if err != nil {
			return
		}
		again, err := readFrame(got.bytes())
		if err != nil {
			t.Fatalf("what is written cannot be read: %v", err)
		}
		if !bytes.Equal(again.bytes(), got.bytes()) {
			t.Fatal("not the same twice")
		}
		var want larkws.Frame
		if want.Unmarshal(b) != nil {
			return // the SDK is stricter about types
		}
		if got.seq != want.SeqID || got.log != want.LogID || int32(got.method) != want.Method || int32(got.service) != want.Service ||
			got.kind != want.PayloadType || got.encoding != want.PayloadEncoding || string(got.payload) != string(want.Payload) || got.logNew != want.LogIDNew || len(got.headers) != len(want.Headers) {
			t.Fatalf("%+v, and the SDK reads %+v", got, want)
		}
		if got.header("type") != larkws.Headers(want.Headers).GetString("type") {
			t.Fatal("another type")
		}
		own, err := want.Marshal()
		if err == nil && len(want.Headers) > 0 && !bytes.Equal(own, got.bytes()) && want.Payload != nil {
			t.Fatalf("written\n%x, and by the SDK\n%x", got.bytes(), own)
		}
	})
}
