package larkbot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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
