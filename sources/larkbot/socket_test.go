package larkbot

import (
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/gorilla/websocket"
	larkws "github.com/larksuite/oapi-sdk-go/v3/ws"

	"mekong/config"
	"mekong/pipeline"
)

// platform is the other side of long connections, speaking in the SDK's frames.
type platform struct {
	*httptest.Server
	mu     sync.Mutex
	conns  []*websocket.Conn
	code   int  // of the question where to connect
	mute   bool // pings are not answered
	refuse http.Header
	asked  int

	answers chan *larkws.Frame
}

func newPlatform(t *testing.T) *platform {
	p := &platform{answers: make(chan *larkws.Frame, 1000)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /callback/ws/endpoint", func(w http.ResponseWriter, r *http.Request) {
		var in larkws.BootstrapRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		code := p.code
		if in.AppID != "cli_1" || in.AppSecret != "the-secret-of-the-app" {
			code = larkws.AuthFailed
		}
		_ = json.NewEncoder(w).Encode(larkws.EndpointResp{Code: code, Msg: "the-secret-of-the-app", Data: &larkws.Endpoint{
			Url: "ws" + strings.TrimPrefix(p.URL, "http") + "/ws?device_id=d&service_id=7&ticket=the-ticket", ClientConfig: &larkws.ClientConfig{PingInterval: 1},
		}})
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		refuse := p.refuse
		p.mu.Unlock()
		if refuse != nil {
			for k, v := range refuse {
				w.Header()[k] = v
			}
			w.WriteHeader(http.StatusForbidden)
			return
		}
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		p.mu.Lock()
		p.conns = append(p.conns, conn)
		p.mu.Unlock()
		p.serve(t, conn)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		p.drop()
		p.Close()
	})
	return p
}

func (p *platform) serve(t *testing.T, conn *websocket.Conn) {
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var f larkws.Frame
		if err := f.Unmarshal(b); err != nil {
			t.Errorf("a frame that the SDK cannot read: %v", err)
			return
		}
		if larkws.FrameType(f.Method) == larkws.FrameTypeData {
			p.answers <- &f
			continue
		}
		p.mu.Lock()
		if !p.mute && f.Service == 7 {
			pong := larkws.Frame{Method: 0, Service: f.Service, Headers: []larkws.Header{{Key: "type", Value: "pong"}}, Payload: []byte(`{"PingInterval":1}`)}
			b, _ := pong.Marshal()
			_ = conn.WriteMessage(websocket.BinaryMessage, b)
		}
		p.mu.Unlock()
	}
}

// tell sends an event over the newest connection, in as many parts as given.
func (p *platform) tell(t *testing.T, id string, parts ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	conn := p.conns[len(p.conns)-1]
	for i, part := range parts {
		f := larkws.Frame{SeqID: 9, LogID: 8, Method: 1, Service: 7, LogIDNew: "log", PayloadEncoding: "none", PayloadType: "json", Payload: []byte(part), Headers: []larkws.Header{
			{Key: "type", Value: "event"}, {Key: "message_id", Value: id}, {Key: "sum", Value: fmt.Sprint(len(parts))}, {Key: "seq", Value: fmt.Sprint(i)}, {Key: "trace_id", Value: "t"}}}
		b, err := f.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMessage(websocket.BinaryMessage, b); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *platform) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

func (p *platform) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *platform) answer(t *testing.T) int {
	t.Helper()
	select {
	case f := <-p.answers:
		var r larkws.Response
		if err := json.Unmarshal(f.Payload, &r); err != nil {
			t.Fatal(err)
		}
		if f.SeqID != 9 || f.LogID != 8 || f.LogIDNew != "log" || larkws.Headers(f.Headers).GetString("trace_id") != "t" || larkws.Headers(f.Headers).GetString("biz_rt") == "" {
			t.Errorf("the answer does not repeat its frame: %+v", f)
		}
		return r.StatusCode
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
		return 0
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain until " + what)
		}
	}
}

// box is an emit that remembers.
type box struct {
	mu   sync.Mutex
	raws []pipeline.Raw
	err  error
}

func (b *box) emit(_ context.Context, raws ...pipeline.Raw) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.raws = append(b.raws, raws...)
	return nil
}

func (b *box) all() []pipeline.Raw {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]pipeline.Raw{}, b.raws...)
}

// run starts a socket and returns how to stop it, which waits for its end.
func run(t *testing.T, p *platform, emit pipeline.Emit, o SocketOptions) (stop func()) {
	t.Helper()
	o.Least, o.Most = 10*time.Millisecond, 50*time.Millisecond
	s, err := NewSocket("bot", config.LarkBot{AppID: "cli_1", AppSecret: config.NewSecret("the-secret-of-the-app"), Endpoint: p.URL}, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, emit) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run returned %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run does not stop with its context")
		}
	})
	t.Cleanup(stop)
	return stop
}

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
